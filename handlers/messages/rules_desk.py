"""Reminder rules at the staff desk: who is reminded of what and when; an administrator edits them for the county."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import time

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.messages import rule_words as words
from models.errors import Refused
from models.messages.reminders import unsent_of
from models.messages.rules import (
    MODES,
    SHIPPED,
    Rule,
    Standing,
    check_rule,
    hold_rule,
    names_used,
    put_rule,
    rules_standing,
    take_back_rule,
)
from models.reminding import REMINDED, Reminded, reminded

ROOM = Blueprint("rules", __name__, url_prefix="/rules", template_folder="templates")
OWN = "own-{n}"  # what a rule that is added here is called; nobody reads it
DEEDS = ("change", "off", "shipped")
SUBJECT = "rule"


@dataclass(frozen=True)
class _At:
    """One rule of one role, and how it stands; None where it is yet to be."""

    kind: str
    role: str
    name: str
    stands: Standing | None

    @property
    def subject(self) -> str:
        """The name under which the audit knows it."""
        return f"{SUBJECT}:{self.kind}/{self.role}/{self.name}"[:60]

    @property
    def seen(self) -> str:
        """How it stands, as a form keeps it."""
        return "new" if self.stands is None else f"{words.stands(self.stands)}/{self.stands.rule.urgency}"


@ROOM.get("/")
def listed() -> str:
    """All rules, by what they remind of and whom."""
    _admins_only()
    groups = [(one.kind, _by_role(one)) for one in REMINDED]
    return render_template("rules/desk_list.html", groups=groups, words=words)


def _by_role(what: Reminded) -> list[tuple[str, list[Standing], str]]:
    """For each role its rules, and the name by which another would go."""
    standing = rules_standing(desk.session(), what.kind, what.roles)
    used = names_used(desk.session(), what.kind, what.roles)
    return [(role, sorted(found.values(), key=_lead), _next_name(used[role])) for role, found in standing.items()]


@ROOM.get("/<kind>/<role>/<path:name>")
def one(kind: str, role: str, name: str) -> str:
    """One rule, to be edited; or a new one, which goes by the next name that is free."""
    at = _at(kind, role, name)
    return render_template("rules/desk_one.html", at=at, words=words, modes=MODES, urgencies=_urgencies(at))


@ROOM.get("/weigh/<kind>/<role>/<path:name>")
def weigh(kind: str, role: str, name: str) -> str:
    """What saving would do, before it is done: only looking, and nothing for the audit."""
    at = _as_seen(_at(kind, role, name))
    deed = _deed()
    after = _after(at, deed)
    unsent = 0 if at.stands is None else unsent_of(desk.session(), replace(at.stands.rule, role=role))
    return render_template(
        "rules/desk_sure.html", at=at, deed=deed, after=after, words=words, same=_same(at, after),
        preview=words.preview(at.stands, after, unsent),
        kept={key: _field(key) for key in ("mode", "hours", "minutes", "days", "at", "urgency")},
    )  # fmt: skip


@ROOM.post("/save/<kind>/<role>/<path:name>")
def save(kind: str, role: str, name: str) -> Response:
    """Edited, switched off, or as we ship it again; the clock plans the reminders anew."""
    _at(kind, role, name)
    hold_rule(desk.session(), kind, role, name, desk.now())
    at, deed = _as_seen(_at(kind, role, name)), _deed()
    after = _after(at, deed)
    if deed == "shipped":
        take_back_rule(desk.session(), kind, role, name, desk.now())
    elif after is not None:
        put_rule(desk.session(), after.rule, desk.now(), active=after.active)
    desk.note(
        f"rule_{deed}", at.subject, whom=words.whom(kind, role), was=words.whole(at.stands), set=words.whole(after)
    )
    return desk.back_to("console.rules.listed", "rule_saved")


def changed(_: str) -> str:
    """What a form that is too old is told."""
    return words.CHANGED


def _admins_only() -> None:
    """To anybody but an administrator there is no such page."""
    if not desk.at_desk().is_admin:
        raise Refused("not_yours")


def _at(kind: str, role: str, name: str) -> _At:
    """The rule of that name, or a new one of the next free name; raises Refused("not_yours") for any other."""
    _admins_only()
    if role not in reminded(kind).roles:
        raise Refused("not_yours")
    found = rules_standing(desk.session(), kind, (role,))[role]
    if name not in found and name != _next_name(names_used(desk.session(), kind, (role,))[role]):
        raise Refused("not_yours")
    return _At(kind, role, name, found.get(name))


def _next_name(used: Collection[str]) -> str:
    return next(name for name in (OWN.format(n=n) for n in range(1, len(used) + 2)) if name not in used)


def _as_seen(at: _At) -> _At:
    """The rule, where the page that was acted from is still true; raises Refused("stale")."""
    if _field("seen") != at.seen:
        raise Refused("stale", subject=at.subject)
    return at


def _deed() -> str:
    deed = _field("deed")
    if deed not in DEEDS:
        raise Refused("bad_rule", why="deed")
    return deed


def _after(at: _At, deed: str) -> Standing | None:
    """The rule as the deed would leave it; None where there would be none."""
    if deed == "change":
        return Standing(_typed(at), source="edited" if _shipped(at) else "own")
    if at.stands is None:
        raise Refused("bad_rule", why="deed")
    if deed == "off":
        return replace(at.stands, rule=replace(at.stands.rule, role=at.role), active=False)
    ours = _shipped(at)
    return Standing(ours) if ours else None


def _same(at: _At, after: Standing | None) -> bool:
    """Whether the deed would change nothing that anybody notices."""
    if at.stands is None or after is None:
        return False
    return (replace(at.stands.rule, role=""), at.stands.active) == (replace(after.rule, role=""), after.active)


def _shipped(at: _At) -> Rule | None:
    """The rule that we ship under this name for this role, or for every role."""
    ours = [rule for rule in SHIPPED if (rule.kind, rule.name) == (at.kind, at.name) and rule.role in (at.role, "*")]
    return max(ours, key=lambda rule: rule.role != "*", default=None)


def _typed(at: _At) -> Rule:
    """The rule of the form; what its way of counting does not ask is left out. Raises Refused("bad_rule")."""
    mode = _field("mode")
    by_the_day = mode in ("day_at", "workdays_at")
    clock = _field("at") if by_the_day else ""
    if clock and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", clock):
        raise Refused("bad_rule", why="time")
    rule = Rule(
        at.kind, at.role, at.name, mode, urgency=_field("urgency"),
        minutes=_number("hours") * 60 + _number("minutes") if mode == "before" else 0,
        days=_number("days") if by_the_day else 0, at=time.fromisoformat(clock) if clock else None,
        grace_minutes=at.stands.rule.grace_minutes if at.stands else 0,
    )  # fmt: skip
    check_rule(rule)
    return rule


def _field(key: str) -> str:
    """A field of the form that is sent, or of the one that is only weighed."""
    return desk.typed(key) or desk.asked(key)


def _number(key: str) -> int:
    """A number of the form; nought where nothing was put in."""
    text = _field(key) or "0"
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise Refused("bad_rule", why="time")
    return int(text)


def _urgencies(at: _At) -> list[str]:
    """The two that are for everybody, and the rule's own where it is another."""
    own = at.stands.rule.urgency if at.stands else "routine"
    return list(dict.fromkeys(["routine", "same_day", own]))


def _lead(one: Standing) -> tuple[float, str]:
    """How far ahead a rule speaks, the furthest first."""
    rule = one.rule
    ahead = {"before": rule.minutes, "at_once": float("inf")}.get(rule.mode, rule.days * 1440)
    return -ahead, rule.name
