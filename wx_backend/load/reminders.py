"""The section of reminder rules: what an administrator writes in the place of the rules we ship."""

from models.errors import Refused
from models.messages.ladder import LANES
from models.messages.rules import MODES, Rule, put_rule
from models.reminding import REMINDED, reminded
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn

KINDS = tuple(one.kind for one in REMINDED)


def reminders(load: Loading, row: RowIn) -> None:
    """One rule; the same kind, role and name again changes it, `active` no switches it off."""
    at = row.time("at") if row("at", "") else None
    kind = row.one_of("kind", KINDS)
    rule = Rule(
        kind, row.one_of("role", ("*", *reminded(kind).roles), "*"), row("name"), row.one_of("mode", MODES),
        row.number("minutes", "0"), row.number("days", "0"), at, row.one_of("urgency", tuple(LANES), "routine"),
        row.number("grace_minutes", "0"),
    )  # fmt: skip
    try:
        put_rule(load.session, rule, load.now, active=row.yes("active", "yes"))
    except Refused as refusal:
        raise BadRow("mode: before 要写 minutes；day_at 和 workdays_at 要写 days 和 at（几点）") from refusal
