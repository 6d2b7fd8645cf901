"""The section of reminder rules: what an administrator writes in the place of the rules we ship."""

from typing import Any

from sqlalchemy import select

from models.errors import Refused
from models.messages.ladder import LANES
from models.messages.rules import MODES, ReminderRule, Rule, put_rule
from models.reminding import REMINDED, reminded
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn

KINDS = tuple(one.kind for one in REMINDED)


def reminders(load: Loading, row: RowIn) -> None:
    """One rule; the same kind, role and name again changes it, `active` no switches it off."""
    if load.silent:
        return  # what an administrator has made of it since stands, also that it was taken back
    kind = row.one_of("kind", KINDS)
    role = row.one_of("role", ("*", *reminded(kind).roles), "*")
    key: dict[str, Any] = {"kind": kind, "role": role, "name": row("name")}
    # One that was taken back, or is only held, says nothing that could stay.
    found = load.session.scalar(select(ReminderRule).filter_by(**key).where(ReminderRule.mode.in_(MODES)))
    said = load.over(found, {
        "mode": row.one_of("mode", MODES), "minutes": row.number("minutes", "0"), "days": row.number("days", "0"),
        "at": row.time_or_none("at"),
        "urgency": row.one_of("urgency", tuple(LANES), "routine"), "grace_minutes": row.number("grace_minutes", "0"),
        "active": row.yes("active", "yes"),
    })  # fmt: skip
    active = said.pop("active")
    try:
        put_rule(load.session, Rule(**key, **said), load.now, active=active)
    except Refused as refusal:
        raise BadRow("mode: before 要写 minutes；day_at 和 workdays_at 要写 days 和 at（几点）") from refusal
    load.count(ReminderRule)
