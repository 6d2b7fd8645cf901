"""Single dates of a series in the official account: left out, taken up again, given another hour from one on."""

from datetime import datetime, time

from sqlalchemy.orm import Session

from handlers.family import series_words as words
from handlers.family.words import ASK_REASON, OF_A_CADRE
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.editing import Edit, Outcome, edit, skip, take_up
from models.family.leaving import take_over
from models.family.occurrences import LIVE, Occurrence, occurrence_for
from models.family.repeating import Glance, glances
from models.family.series import Series, series_for
from models.family.venues import CALL_LASTS, venue_for
from models.hours import calendar
from models.people.persons import Person
from models.places.centres import open_spans


def dates(ask: Ask, series: int) -> Reply:
    """The coming dates, each to be tapped."""
    found, _ = series_for(ask.session, ask.who, series)
    zone = _zone(ask, found)
    rows = [one for one in glances(ask.session, found, ask.now) if one.occurrence_id is not None]
    choices = tuple(
        Choice(f"{words.at_both(one.starts_at, zone)} {words.state_of(one)}", f"call/series/one/{one.occurrence_id}")
        for one in rows
    )
    return Reply(words.DATES_HEAD if rows else words.NO_DATES, choices, back=f"call/series/{series}")


def one(ask: Ask, date: int) -> Reply:
    """One date, and what can be done with it alone."""
    found, series, _ = occurrence_for(ask.session, ask.who, date)
    here, state = f"call/series/one/{date}", _glance(found)
    text = f"{words.at_both(found.starts_at, _zone(ask, series))}\n{words.state_of(state)}"
    if found.starts_at <= ask.now or series.state != "active":
        return Reply(text, back=f"call/series/{series.id}")
    if found.state not in LIVE:
        return Reply(text, (Choice("恢复这一次", f"{here}/again"),), back=f"call/series/{series.id}/dates")
    moves = (Choice("这一次改时间", f"call/{found.call_id}/move"),) if found.call_id is not None else ()
    later = Choice("从这一次起改钟点", f"call/series/{series.id}/time/{date}")
    other = Choice(words.OTHER_RULE_SINCE, f"call/turn/{series.id}/{date}")
    return Reply(
        text, (Choice("这一次不视频", f"{here}/skip"), *moves, later, other), back=f"call/series/{series.id}/dates"
    )


def leave_out(ask: Ask, date: int) -> Reply:
    """This one is left out; a cadre says first what they were told."""
    _, _, role = occurrence_for(ask.session, ask.who, date)
    if role != "cadre":
        return _left_out(ask, date, "")
    here = f"call/series/one/{date}"
    choices = tuple(Choice(reason, f"{here}/skip/{n}") for n, reason in enumerate(OF_A_CADRE))
    return Reply(ASK_REASON, choices, back=here)


def leave_out_for(ask: Ask, date: int, reason: int) -> Reply:
    """This one is left out, for a reason from the list."""
    return _left_out(ask, date, OF_A_CADRE[reason] if reason < len(OF_A_CADRE) else "")


def _left_out(ask: Ask, date: int, reason: str) -> Reply:
    found = skip(ask.session, ask.who, date, reason, ask.now)
    again = Choice("恢复这一次", f"call/series/one/{date}/again")
    return Reply(words.SKIPPED_ONE.format(time=_time(ask, found)), (again, _back(found)))


def again(ask: Ask, date: int) -> Reply:
    """Taken up again, or why it cannot be."""
    found = take_up(ask.session, ask.who, date, ask.now)
    if found.state in LIVE:
        return Reply(words.TAKEN_UP.format(time=_time(ask, found)), (_back(found),))
    text = words.STILL_NOT.format(time=_time(ask, found), why=words.why(found.reason))
    return Reply(text, (Choice("另约一个时间", "call"), _back(found)))


def pick_time(ask: Ask, series: int, since: int) -> Reply:
    """At what hour instead: the half-hours in which the centre is open on that day of the week."""
    found, _ = series_for(ask.session, ask.who, series)
    first = occurrence_for(ask.session, ask.who, since)[0] if since else None
    ahead = [one for one in glances(ask.session, found, ask.now) if first is None or one.starts_at >= first.starts_at]
    if not ahead:
        return Reply(words.NO_DATES, back=f"call/series/{series}")
    zone = _zone(ask, found)
    choices = [
        Choice(words.at_both(start, zone), f"call/series/{series}/at/{since}/{start.astimezone(found.tz):%H%M}")
        for start in half_hours(ask.session, found, ahead[0].starts_at)
    ]
    whose = words.ALL_TO_COME if first is None else words.FROM_THEN.format(day=words.on_the(first.starts_at))
    text = words.PICK_TIME.format(whose=whose) if choices else words.NO_TIMES
    return Reply(text, tuple(choices), back=f"call/series/{series}")


def half_hours(session: Session, series: Series, near: datetime) -> list[datetime]:
    """The half-hours in which the centre is open on the day of `near`: the hours that a series can be given."""
    relative, cared = (session.get_one(Person, key) for key in (series.relative_id, series.cared_id))
    centre, day = venue_for(session, relative, cared).centre, near.astimezone(series.tz).date()
    found = []
    for opens, closes in open_spans(session, centre, day, calendar(session)):
        start = opens
        while start + CALL_LASTS <= closes:
            found.append(start)
            start += CALL_LASTS
    return found


def set_time(ask: Ask, series: int, since: int, clock: str) -> Reply:
    """The hour is changed, of all to come or from one on."""
    at = clock_of(clock)
    found, _ = series_for(ask.session, ask.who, series)
    first = occurrence_for(ask.session, ask.who, since)[0] if since else None
    if first is not None and first.series_id != series:
        raise Refused("not_yours")
    outcome = edit(ask.session, ask.who, series, Edit(at=at), ask.now, since=first.day if first else None)
    return _edited(ask, found, outcome)


def clock_of(text: str) -> time:
    """A time of day as an address has it, "0930"; raises Refused("bad_time") for what is none."""
    try:
        return time(int(text[:2]), int(text[2:]))
    except ValueError as error:
        raise Refused("bad_time") from error


def set_holidays(ask: Ask, series: int, kept: str) -> Reply:
    """Holidays are kept otherwise from now on."""
    found, _ = series_for(ask.session, ask.who, series)
    edit(ask.session, ask.who, series, Edit(on_holidays=kept), ask.now)
    text = words.HOLIDAYS_SET.format(dates=words.dated(glances(ask.session, found, ask.now), _zone(ask, found)))
    return Reply(text, (Choice("查看", f"call/series/{series}"),))


def _edited(ask: Ask, series: Series, outcome: Outcome) -> Reply:
    text = words.RETIMED.format(
        count=outcome.changed, kept=words.KEPT.format(kept=outcome.kept) if outcome.kept else "",
        dates=words.dated(glances(ask.session, series, ask.now), _zone(ask, series)),
    )  # fmt: skip
    return Reply(text, (Choice("查看", f"call/series/{series.id}"),))


def _glance(one: Occurrence) -> Glance:
    return Glance(one.starts_at, one.state, one.reason, one.calendar_known, one.id)


def _time(ask: Ask, one: Occurrence) -> str:
    return words.at_both(one.starts_at, _zone(ask, ask.session.get_one(Series, one.series_id)))


def _zone(ask: Ask, series: Series) -> str:
    return ask.session.get_one(Person, series.relative_id).time_zone


def _back(one: Occurrence) -> Choice:
    return Choice("查看全部", f"call/series/{one.series_id}")


def take_calls_over(ask: Ask, task: int) -> Reply:
    """A cadre takes over the calls of a helper who left."""
    mine, left = take_over(ask.session, ask.who, task, ask.now)
    text = words.TAKEN_OVER.format(count=mine) + (words.LEFT_OVER.format(count=left) if left else "")
    return Reply(text, (Choice("我的任务", "task"), Choice("我的连线", "call/mine")))


ADDRESSES: dict[str, Handler] = {
    "call/helper/<int:task>": take_calls_over,
    "call/series/<int:series>/dates": dates,
    "call/series/one/<int:date>": one,
    "call/series/one/<int:date>/skip": leave_out,
    "call/series/one/<int:date>/skip/<int:reason>": leave_out_for,
    "call/series/one/<int:date>/again": again,
    "call/series/<int:series>/time/<int:since>": pick_time,
    "call/series/<int:series>/at/<int:since>/<clock>": set_time,
    "call/series/<int:series>/holidays/<kept>": set_holidays,
}
