"""A series rests, goes on, ends and comes back: by what people ask, by what befalls them, and by its last day."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import OVER, FamilyCall, held_under_way
from models.family.editing import put_back, retime
from models.family.ending import end
from models.family.generating import AHEAD, fill
from models.family.keeping import keep_near
from models.family.occurrences import LIVE, Occurrence, ahead, change, follow
from models.family.permitted import check_pair
from models.family.series import SERIES, Series, locked, series_for, standing_between
from models.family.series_news import (
    say_anew,
    say_changed,
    say_rule_as_it_is,
    take_back_ending,
    take_back_rule,
    take_back_standing,
)
from models.hours import CHINA
from models.life import BY_TIME, By
from models.people.identities import Who
from models.people.persons import Person, states_of, stay_as_they_are


def suspend(session: Session, who: Who, series_id: int, now: datetime) -> Series:
    """The series rests: its calls to come are off, and none is made; one that is under way goes on. Twice is once.

    Raises Refused("not_yours"), or ("wrong_state") for one that is over.
    """
    _, role = series_for(session, who, series_id)
    series = locked(session, series_id)
    if series.state != "suspended":
        follow(session, now, series_id)
        _rest(session, series, By(who.person_id, role), "asked", now, {series.relative_id})
        _tell(session, series, role, "rests", now)
    return series


def _rest(session: Session, series: Series, by: By, why: str, now: datetime, but_not: Collection[int]) -> None:
    """The relative hears of the series in one letter, not of each call."""
    SERIES.move(session, series, "suspend", by=by, now=now, note=why, why=why)
    take_back_standing(session, series, now)
    for one in ahead(session, series, now, *LIVE):
        _call_off(session, one, "pass_over", "suspended", by, now, but_not)


def resume(session: Session, who: Who, series_id: int, now: datetime) -> Series:
    """The series goes on from now; what lay in between is not made up for. Twice is once.

    Raises Refused("not_yours"), ("not_active") while one of them is in hospital, ("wrong_state") for one that is over.
    """
    seen, role = series_for(session, who, series_id)
    stay_as_they_are(session, seen.relative_id, seen.cared_id)  # people come before their series
    series = locked(session, series_id)
    if not _both_are_well(session, series):
        raise Refused("not_active")
    if series.state != "active":
        _go_on(session, series, By(who.person_id, role), now)
        _tell(session, series, role, "goes_on", now)
    return series


def _go_on(session: Session, series: Series, by: By, now: datetime) -> None:
    SERIES.move(session, series, "resume", by=by, now=now, why="")
    take_back_standing(session, series, now)
    say_anew(session, series)
    follow(session, now, series.id)  # a call that is on again is not planned beside itself
    for one in ahead(session, series, now, "skipped"):
        if one.reason == "suspended":
            put_back(session, series, one, by, now)
    fill(session, [series], _horizon(now), now, past=("skipped", "suspended"))
    keep_near(session, series, now, by, says=by.role == "cadre")


def cancel_all(session: Session, who: Who, series_id: int, now: datetime) -> Series:
    """The series is over, with all its calls to come, those too that had a time of their own; one that is under way
    goes on. Twice is once.

    Raises Refused("not_yours"), or ("wrong_state") for one that ran out.
    """
    _, role = series_for(session, who, series_id)
    series = locked(session, series_id)
    if series.state != "cancelled":
        follow(session, now, series_id)
        _stop(session, series, By(who.person_id, role), "asked", now, {series.relative_id})
        _tell(session, series, role, "cancelled", now)
    return series


def _stop(session: Session, series: Series, by: By, why: str, now: datetime, but_not: Collection[int] = ()) -> None:
    SERIES.move(session, series, "cancel", by=by, now=now, note=why, why=why)
    take_back_standing(session, series, now)
    for one in ahead(session, series, now, *LIVE):
        _call_off(session, one, "cancel", "series", by, now, but_not)


def restore(session: Session, who: Who, series_id: int, now: datetime) -> Series:
    """A series that was cancelled goes on: what it took along and lies ahead is planned again; the past stands.

    Raises Refused("not_yours"), what `permitted.check_pair` raises where these two may not call each other any more,
    ("series_there") where there is another like it by now, or ("wrong_state").
    """
    series, role = _locked_to_go_on(session, who, series_id, now)
    by = By(who.person_id, role)
    if series.state == "active":
        return series
    try:
        with session.begin_nested():
            SERIES.move(session, series, "restore", by=by, now=now, why="")
    except IntegrityError as error:
        raise Refused("series_there") from error
    take_back_standing(session, series, now)
    say_anew(session, series)
    follow(session, now, series.id)
    for one in ahead(session, series, now, "cancelled", "skipped"):
        if one.reason in ("series", "suspended"):
            put_back(session, series, one, by, now)
    fill(session, [series], _horizon(now), now, past=("cancelled", "series"))
    keep_near(session, series, now, by, says=by.role == "cadre")
    _tell(session, series, role, "restored", now)
    return series


def prolong(session: Session, who: Who, series_id: int, last_day: date, now: datetime) -> Series:
    """A series that ends, or has ended, goes on until a later day.

    Raises Refused("not_yours"), what `permitted.check_pair` raises where these two may not call each other any more,
    ("bad_repeat") for a day that is not later, or ("wrong_state").
    """
    series, role = _locked_to_go_on(session, who, series_id, now)
    by = By(who.person_id, role)
    if series.last_day is None or last_day <= series.last_day:
        raise Refused("bad_repeat")
    ended, before = series.state == "ended", series.last_day
    SERIES.move(session, series, "prolong" if ended else "edit", by=by, now=now, note=str(last_day), last_day=last_day,
                end_told=None)  # fmt: skip
    take_back_ending(session, series, now)
    if role == "cadre":
        take_back_rule(session, series, now)
    else:
        say_rule_as_it_is(session, series)
    # The rows up to the cursor were made with the earlier end: from there on they are made anew, and those that an
    # edit had cancelled beyond it come back.
    series.scheduled_through = min(series.scheduled_through, before)
    days = set(series.recurs.days(series.anchor, before + timedelta(days=1), last_day))
    retime(session, who, series, [one for one in ahead(session, series, now, "cancelled") if one.day in days], by, now)
    fill(session, [series], _horizon(now), now)
    keep_near(session, series, now, by, says=by.role == "cadre")
    _tell(session, series, role, "edited", now)
    return series


def _locked_to_go_on(session: Session, who: Who, series_id: int, now: datetime) -> tuple[Series, str]:
    """The series, held, and as what this person sees it. Its two are held before it: what befalls or parts them comes
    before, or finds it; it looks for none that is over."""
    seen, role = series_for(session, who, series_id)
    relative, cared = (session.get_one(Person, key) for key in (seen.relative_id, seen.cared_id))
    check_pair(session, relative, cared, role, now)
    return locked(session, series_id), role


def run_out(session: Session, now: datetime) -> int:
    """Series whose last day has passed are over; answers how many."""
    yesterday = now.astimezone(CHINA).date() - timedelta(days=1)
    query = (
        select(Series).where(Series.state.in_(("active", "suspended")), Series.last_day < yesterday)
        .limit(200).with_for_update(skip_locked=True)
    )  # fmt: skip
    over = session.scalars(query, execution_options={"populate_existing": True}).all()
    for one in over:
        SERIES.move(session, one, "run_out", by=BY_TIME, now=now)
    return len(over)


def befell(session: Session, person: Person, by: By, now: datetime) -> int:
    """What befell somebody does the same to their series: in hospital they rest, back they go on, else they are over.

    The other side hears nothing of it: a cadre speaks with the family. Answers how many series.
    """
    by = By(by.person_id, "rule")
    if person.state == "active":
        resting = standing_between(session, [person.id], ("suspended",))
        back = [one for one in resting if one.why == "hospital" and _both_are_well(session, one)]
        for one in back:
            _go_on(session, one, by, now)
        return len(back)
    quiet = {person.id}
    standing = standing_between(session, [person.id], ("active", "suspended"))
    if person.state == "paused":  # one that rests is held all the same: whoever lets it go on sees who is in hospital
        standing = [one for one in standing if one.state == "active"]
    for one in standing:
        quiet |= {one.relative_id, one.cared_id}
        if person.state == "paused":
            _rest(session, one, by, "hospital", now, quiet)
        else:
            _stop(session, one, by, "stopped", now, quiet)
    return len(standing)


def _both_are_well(session: Session, series: Series) -> bool:
    states = states_of(session, series.relative_id, series.cared_id)
    return all(state == "active" for state in states.values())


def parted(session: Session, cared_id: int, relative_id: int | None, by: By, why: str, now: datetime) -> int:
    """The link of two has ended, or (without a relative) the consent to calls: their series are over; how many."""
    standing = standing_between(session, [cared_id], ("active", "suspended"))
    ended = [one for one in standing if one.cared_id == cared_id and relative_id in (None, one.relative_id)]
    for one in ended:
        _stop(session, one, By(by.person_id, "rule"), why, now)
    return len(ended)


def _call_off(
    session: Session, one: Occurrence, verb: str, reason: str, by: By, now: datetime, but_not: Collection[int]
) -> None:
    if held_under_way(session, one.call_id):
        return
    call = session.get(FamilyCall, one.call_id) if one.call_id is not None else None
    change(session, one, verb, by, now, reason=reason)
    if call is not None and call.state not in OVER:
        end(session, call, by=by, reason="series_off", now=now, but_not=but_not)


def _tell(session: Session, series: Series, role: str, word: str, now: datetime) -> None:
    """Who did it was told in the chat."""
    if role == "cadre":
        say_changed(session, series, word, now)


def _horizon(now: datetime) -> date:
    return now.astimezone(CHINA).date() + AHEAD
