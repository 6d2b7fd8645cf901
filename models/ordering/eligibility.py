"""Who may order a service: rules as data, each a warning or a bar, judged for the day of the service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.people.persons import HARDSHIPS, Person
from models.places.areas import Area

EFFECTS = ("warn", "block")
KINDS = ("age", "village", "left_behind", "hardship")
LEFT_BEHIND = ("elder", "child")
OLDEST = 130


@dataclass(frozen=True)
class Finding:
    """A rule that a beneficiary does not meet, or (`unknown`) of which nobody has written down whether they do.

    What nobody knows is asked and never barred: a gap in the county's list must not take a meal from anybody.
    """

    code: str
    kind: str
    effect: str
    rule: Mapping[str, Any]
    unknown: bool = False

    @property
    def bars(self) -> bool:
        """Whether nothing can be ordered."""
        return self.effect == "block" and not self.unknown


def check_rules(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules, when each is one that can be judged; raises Refused("bad_rule", rule=…).

    A rule is {"code", "kind", "effect"} with "least" and "most" (years) for age, "areas" (codes) for village,
    "values" for left_behind and hardship.
    """
    codes = [rule.get("code") for rule in rules]
    for rule in rules:
        known = rule.get("kind") in KINDS and rule.get("effect") in EFFECTS and codes.count(rule.get("code")) == 1
        if not known or not _SOUND[rule["kind"]](rule):
            raise Refused("bad_rule", rule=str(rule.get("code") or rule.get("kind") or ""))
    return rules


def findings(session: Session, rules: list[dict[str, Any]], person: Person, day: date) -> list[Finding]:
    """The rules that `person` does not meet on the day of the service, in their order."""
    found = list[Finding]()
    for rule in rules:
        met = _MET[rule["kind"]](session, rule, person, day)
        if met is not True:
            found.append(Finding(rule["code"], rule["kind"], rule["effect"], rule, unknown=met is None))
    return found


def age_on(born: date, day: date) -> int:
    """The years that somebody is old on a day; who was born on 29 February turns on 1 March in other years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _old_enough(_: Session, rule: Mapping[str, Any], person: Person, day: date) -> bool | None:
    if person.born is None:
        return None
    return bool(rule.get("least", 0) <= age_on(person.born, day) <= rule.get("most", OLDEST))


def _lives_there(session: Session, rule: Mapping[str, Any], person: Person, _: date) -> bool | None:
    if person.area_id is None:
        return None
    path = session.get_one(Area, person.area_id).path
    wanted = session.scalars(select(Area.path).where(Area.code.in_(rule["areas"])))
    return any(path.startswith(one) for one in wanted)


def _left_behind(_: Session, rule: Mapping[str, Any], person: Person, __: date) -> bool | None:
    return person.left_behind in rule["values"]


def _in_hardship(_: Session, rule: Mapping[str, Any], person: Person, __: date) -> bool | None:
    return person.hardship in rule["values"]


_MET: dict[str, Callable[[Session, Mapping[str, Any], Person, date], bool | None]] = {
    "age": _old_enough, "village": _lives_there, "left_behind": _left_behind, "hardship": _in_hardship,
}  # fmt: skip


def _sound_age(rule: Mapping[str, Any]) -> bool:
    least, most = rule.get("least", 0), rule.get("most", OLDEST)
    return isinstance(least, int) and isinstance(most, int) and 0 <= least <= most <= OLDEST and (least, most) != (
        0, OLDEST)  # fmt: skip


def _sound_list(name: str, allowed: tuple[str, ...] | None) -> Callable[[Mapping[str, Any]], bool]:
    def sound(rule: Mapping[str, Any]) -> bool:
        values = rule.get(name)
        return isinstance(values, list) and bool(values) and (allowed is None or set(values) <= set(allowed))

    return sound


_SOUND: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "age": _sound_age, "village": _sound_list("areas", None), "left_behind": _sound_list("values", LEFT_BEHIND),
    "hardship": _sound_list("values", HARDSHIPS),
}  # fmt: skip
