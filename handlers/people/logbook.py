"""The audit at the staff desk: what colleagues below an administrator's areas did, the newest first."""

from typing import Any

from flask import Blueprint, render_template

from handlers import desk
from handlers.people import words
from models.errors import Refused
from models.people.auditing import look

ROOM = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """Who did what; for administrators only, to anybody else there is no such page."""
    if not desk.at_desk().is_admin:
        raise Refused("not_yours")
    verb = desk.asked("verb", words.AUDIT_VERBS)
    found = look(desk.session(), desk.who().person_id, verb, desk.cursor())
    return render_template("audit/desk_list.html", found=found, verb=verb, words=words, about=_about, told=_told)


def _about(subject: str) -> str:
    kind, _, key = subject.partition(":")
    return f"{words.AUDIT_THINGS.get(kind, kind)} {key}".strip()


def _told(detail: dict[str, Any]) -> str:
    """What the line holds beside, in words where there are any."""
    parts = []
    for key, value in detail.items():
        said = desk.REASONS.get(str(value), str(value)) if key == "reason" else str(value)
        parts.append(f"{words.AUDIT_DETAILS.get(key, key)}：{said}")
    return "，".join(parts)
