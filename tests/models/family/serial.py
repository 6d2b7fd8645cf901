"""Series of calls for tests: 小芳 calls 王奶奶 every Sunday at four in Lishui, unless a test wants it otherwise."""

from datetime import date, time, timedelta

from sqlalchemy import select

from models.family.changing import propose
from models.family.makeup import Makeup
from models.family.occurrences import Occurrence
from models.family.outcomes import report
from models.family.recurring import read
from models.family.repeating import Wish, begin
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.world import NOW

SUNDAY = SUNDAY_16.date()
MISSED = NOW - timedelta(hours=1)


def wish(cast, rule="week-1-7", **more):
    wanted = {
        "relative_id": cast.xiaofang.id, "cared_id": cast.wangnainai.id, "rule": read(rule), "at": time(16),
        "first_day": SUNDAY,
    }  # fmt: skip
    return Wish(**(wanted | more))


def begun(session, cast, rule="week-1-7", *, key="s1", who=None, now=NOW, call=None, **more):
    return begin(session, who or cast.who(cast.xiaofang), wish(cast, rule, **more), client_key=key, now=now, call=call)


def rows(session, series):
    query = select(Occurrence).where(Occurrence.series_id == series.id).order_by(Occurrence.day)
    return list(session.scalars(query))


def told_of(session, series):
    """Day → (state, reason)."""
    return {one.day: (one.state, one.reason) for one in rows(session, series)}


def sundays(count, first=SUNDAY):
    return [first + timedelta(days=7 * n) for n in range(count)]


def day(text):
    return date.fromisoformat(text)


def missed(session, cast):
    """A call that did not come about this morning; answers the key of what is kept to make up for it."""
    call = booked(session, cast, MISSED, "missed", now=MISSED - timedelta(days=3))
    report(session, cast.who(cast.li), call.id, "technical_failure", call.starts_at, NOW)
    return session.scalars(select(Makeup.id)).one()


def calls_of_hers(session, cast):
    """A call to come with the centre's question about it, one that was missed, and a series."""
    kept, call = missed(session, cast), booked(session, cast)
    asked = propose(session, cast.who(cast.li), call.id, SUNDAY_16 + timedelta(days=3), "设备坏了", "keep", NOW)
    series = begun(session, cast, "week-1-6", at=time(15))
    return {
        "video": call.id, "proposal": asked.id, "kept": kept, "series": series.id,
        "day": session.scalars(select(Occurrence.id).where(Occurrence.series_id == series.id)).first(),
    }  # fmt: skip
