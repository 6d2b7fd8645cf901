"""Whether the terms of a listing can be published: every value is of its kind, and all together make sense."""

import re
from collections.abc import Callable
from datetime import date, time
from typing import Any

from models.errors import Refused
from models.ordering.eligibility import check_rules
from models.ordering.listings import AUDIENCES, CAPACITY_PER, CATEGORIES, MODES, QUOTA_PER, TERMS, Listing
from models.ordering.questions import check_questions

PHONE = re.compile(r"\+?[0-9][0-9 -]{4,18}")
LONGEST_MINUTES, MOST, LONGEST_LEAD, LONGEST_CUTOFF = 24 * 60, 9_999, 90, 10

# What a term is when nobody says it.
_USUAL: dict[str, Any] = {
    "summary": "", "audience": "everyone", "questions": [], "rules": [], "minutes": 0, "capacity": None,
    "capacity_per": "day", "quota": None, "quota_per": "month", "lead_hours": 0, "cutoff_days": 0, "cutoff_at": None,
    "valid_from": None, "valid_to": None, "bring": "", "price": "", "phone": "",
}  # fmt: skip


def check_terms(said: dict[str, Any]) -> dict[str, Any]:
    """All terms by name, what was left unsaid as usual.

    Raises Refused("bad_term", term=…) for the first that cannot be, ("bad_rule") and what `check_questions` raises.
    """
    terms = {**_USUAL, **said}
    strange = [name for name in terms if name not in TERMS] + [name for name in TERMS if name not in terms]
    wrong = strange or [name for name in TERMS if name in _SOUND and not _SOUND[name](terms[name])]
    if not wrong:
        wrong = [name for name, holds in _TOGETHER.items() if not holds(terms)]
    if wrong:
        raise Refused("bad_term", term=wrong[0])
    check_questions(terms["questions"])
    check_rules(terms["rules"])
    return {name: terms[name] for name in TERMS}


def _text(name: str, least: int = 0) -> Callable[[Any], bool]:
    limit = Listing.__table__.c[name].type.length  # type: ignore[attr-defined]
    return lambda value: isinstance(value, str) and least <= len(value.strip()) <= limit and "\0" not in value


def _among(allowed: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: value in allowed


def _whole(most: int, least: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _or_none(sound: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or sound(value)


_SOUND: dict[str, Callable[[Any], bool]] = {
    "title": _text("title", least=1), "summary": _text("summary"), "bring": _text("bring"), "price": _text("price"),
    "category": _among(CATEGORIES), "mode": _among(MODES), "audience": _among(AUDIENCES),
    "minutes": _whole(LONGEST_MINUTES), "capacity": _or_none(_whole(MOST)), "capacity_per": _among(CAPACITY_PER),
    "quota": _or_none(_whole(MOST, least=1)), "quota_per": _among(QUOTA_PER), "lead_hours": _whole(LONGEST_LEAD),
    "cutoff_days": _whole(LONGEST_CUTOFF), "cutoff_at": _or_none(lambda value: isinstance(value, time)),
    "valid_from": _or_none(lambda value: isinstance(value, date)),
    "valid_to": _or_none(lambda value: isinstance(value, date)),
    "phone": lambda value: isinstance(value, str) and (not value or PHONE.fullmatch(value) is not None),
}  # fmt: skip

# A slot is as long as the service, so that must be said; a window ends after it begins.
_TOGETHER: dict[str, Callable[[dict[str, Any]], bool]] = {
    "minutes": lambda t: t["capacity"] is None or t["capacity_per"] != "slot" or t["minutes"] > 0,
    "cutoff_at": lambda t: t["cutoff_at"] is not None or not t["cutoff_days"],
    "valid_to": lambda t: t["valid_from"] is None or t["valid_to"] is None or t["valid_from"] <= t["valid_to"],
}
