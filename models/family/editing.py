"""Changing a series: one occurrence, those from one on, or all to come; the past and what has its own time stay."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import move, to_another_time
from models.family.calls import FamilyCall, held_under_way
from models.family.ending import cancel
from models.family.generating import Values, fill, fitted, refitted
from models.family.keeping import keep_near
from models.family.occurrences import LIVE, WITH_CALL, Occurrence, ahead, change, follow, occurrence_for
from models.family.recurring import LOOKED_THROUGH, Rule, check_fits
from models.family.repeating import Glance, glances
from models.family.series import ON_HOLIDAYS, SERIES, Series, locked, series_for
from models.family.series_news import (
    say_changed,
    say_skipped,
    say_takes_place,
    take_back_ending,
    take_back_rule,
    waits_to_hear,
)
from models.family.telling import unheard
from models.family.venues import CALL_LASTS
from models.hours import calendar, instant
from models.life import By
from models.messages.letters import Letter
from models.people.identities import Who
from models.tasks.undelivered import take_back


@dataclass(frozen=True)
class Edit:
    """What is to be otherwise; None leaves it as it is."""

    rule: Rule | None = None
    at: time | None = None
    on_holidays: str | None = None
    last_day: date | None = None
    anchor: date | None = None  # the first day by another rule, where it is later than that from which all changes


@dataclass(frozen=True)
class Outcome:
    """What an edit did: how many calls have the new time, how many keep the old one because the new is taken, and how
    many that were booked are off because the new rule does not name their day."""

    changed: int
    kept: int
    off: int = 0


def skip(session: Session, who: Who, occurrence_id: int, reason: str, now: datetime) -> Occurrence:
    """Leave out this one call and no other; twice is once. It can be taken up again.

    Raises Refused("not_yours"), ("wrong_state") for what is over, or ("reason_missing") for a cadre who does not say
    what they were told.
    """
    _, series, role = occurrence_for(session, who, occurrence_id)
    if role == "cadre" and not reason.strip():
        raise Refused("reason_missing")
    locked(session, series.id)
    follow(session, now, series.id)
    one = _ahead(session, occurrence_id, now)
    if one.state in ("skipped", "cancelled"):
        return one
    had = one.call_id
    change(session, one, "pass_over", By(who.person_id, role), now, reason="asked")
    if had is not None:
        cancel(session, who, had, reason, now)
    elif role == "cadre":
        say_skipped(session, series, one, now)
    return one


def take_up(session: Session, who: Who, occurrence_id: int, now: datetime) -> Occurrence:
    """Put back a call that was left out: it is booked at once where it is near and its time free.

    The state of what is answered says whether it is. Raises Refused("not_yours"), or ("wrong_state") for what is over,
    or where the series rests or has ended.
    """
    _, series, role = occurrence_for(session, who, occurrence_id)
    if locked(session, series.id).state != "active":
        raise Refused("wrong_state")
    follow(session, now, series.id)
    one = _ahead(session, occurrence_id, now)
    if one.state not in LIVE:
        by, before = By(who.person_id, role), _call_of(session, one)
        knows_no_time = before is not None and series.relative_id in unheard(session, before)
        had_heard = put_back(session, series, one, by, now)
        keep_near(session, series, now, by, says=False)
        session.refresh(one)
        if role == "cadre":
            _say_taken_up(session, series, one, now, had_heard=had_heard, knows_no_time=knows_no_time)
    return one


def _say_taken_up(
    session: Session, series: Series, one: Occurrence, now: datetime, *, had_heard: bool, knows_no_time: bool
) -> None:  # fmt: skip
    """The relative hears what a cadre has brought about, where that is not what they believe."""
    if one.state not in LIVE:
        if not had_heard:
            say_skipped(session, series, one, now)
    elif had_heard or knows_no_time:
        say_takes_place(session, series, one, now)


def put_back(session: Session, series: Series, one: Occurrence, by: By, now: datetime) -> bool:
    """An occurrence is planned again, further on than the call that it had: readers of its number see it grow.

    Answers whether its relative knows that it was off; who had still to hear that does not hear it any more.
    """
    before, knows = _call_of(session, one), not waits_to_hear(session, series, one)
    one.revision += before.revision + 1 if before is not None else 0  # with its cancellation
    if before is not None:
        others = Letter.kind != "family.cancelled"
        take_back(session, before.subject, now, person_id=series.relative_id, but_not=others)
    change(session, one, "take_up", by, now, reason="", call_id=None)
    return knows


def _call_of(session: Session, one: Occurrence) -> FamilyCall | None:
    return session.get(FamilyCall, one.call_id) if one.call_id is not None else None


def move_one(
    session: Session, who: Who, occurrence_id: int, starts_at: datetime, now: datetime, agreed: Agreement | None = None
) -> Occurrence:  # fmt: skip
    """Give this one call a time of its own, which an edit of all leaves as it is.

    Raises Refused("not_yours"), ("agreement_missing"), ("bad_time") or ("slot_taken") as `booking.move` does, and
    ("wrong_state").
    """
    _, series, role = occurrence_for(session, who, occurrence_id)
    locked(session, series.id)
    follow(session, now, series.id)
    one, by = _ahead(session, occurrence_id, now), By(who.person_id, role)
    if one.state in WITH_CALL and one.call_id is not None:
        move(session, who, one.call_id, starts_at, now, agreed)
        change(session, one, "move", by, now, starts_at=starts_at, own_time=True)
    elif starts_at <= now:
        raise Refused("bad_time")
    else:
        change(session, one, "retime", by, now, starts_at=starts_at, own_time=True)
        if role == "cadre":
            say_takes_place(session, series, one, now)
    return one


def edit(session: Session, who: Who, series_id: int, wanted: Edit, now: datetime, since: date | None = None) -> Outcome:
    """Change all calls to come, or with `since` those from that day on. What has a time of its own keeps it.

    Rows keep their keys, and their hours where no other is wanted; a day that the new rule does not name is given up,
    one that it names is added. A booked call whose new time is taken, or for which the elder has come, keeps its old
    time; one that is under way goes on. Raises Refused("not_yours"), ("bad_repeat") also for a day further than
    a year away, ("overlaps_itself"), ("series_there"), or ("wrong_state") for a series that does not go on.
    """
    _, role = series_for(session, who, series_id)
    series, by = locked(session, series_id), By(who.person_id, role)
    follow(session, now, series_id)
    today = now.astimezone(series.tz).date()
    since = max(since or today, today)
    if max(since, wanted.anchor or since) - today > LOOKED_THROUGH:
        raise Refused("bad_repeat")
    fill(session, [series], since - timedelta(days=1), now)  # what lies between is still by the old rule
    through = series.scheduled_through
    _rewrite(session, series, wanted, since, by, now)
    rows = ahead(session, series, now, *LIVE, "skipped", "cancelled")
    rows = [one for one in rows if one.day >= since and not one.own_time]
    days = set(series.recurs.days(series.anchor, since, min(through, series.last_day or through)))
    if wanted.rule is None:  # what an earlier rule still brings before this one begins has its place as well
        days |= {one.day for one in rows if one.day < series.anchor and one.state in LIVE}
    given_up = [one for one in rows if one.day not in days and one.state in LIVE]
    off = sum([give_up(session, who, one, by, now, "cancel", "edited") for one in given_up])
    series.scheduled_through = since - timedelta(days=1)
    fill(session, [series], through, now)
    staying = [one for one in rows if one.day in days]
    outcome = retime(session, who, series, staying, by, now, keeps_hours=wanted.at is None)
    keep_near(session, series, now, by, says=role == "cadre")
    take_back_rule(session, series, now)
    if role == "cadre":
        say_changed(session, series, "edited", now)
    return replace(outcome, off=off)


def try_edit(
    session: Session, who: Who, series_id: int, wanted: Edit, now: datetime, since: date | None = None
) -> tuple[list[Glance], Outcome]:
    """What an edit would do, and the dates from then on: it is done, looked at, and taken back. Raises like `edit`."""
    trial = session.begin_nested()
    try:
        outcome = edit(session, who, series_id, wanted, now, since)
        series = session.get_one(Series, series_id)
        begins = since is not None and since > now.astimezone(series.tz).date()
        return glances(session, series, instant(since, time(0), series.tz) if since and begins else now), outcome
    finally:
        trial.rollback()
        session.expire_all()


def _rewrite(session: Session, series: Series, wanted: Edit, since: date, by: By, now: datetime) -> None:
    rule = wanted.rule or series.recurs
    last, anchor = wanted.last_day or series.last_day, max(wanted.anchor or since, since)
    if wanted.on_holidays not in (None, *ON_HOLIDAYS) or (last is not None and last < anchor):
        raise Refused("bad_repeat")
    check_fits(rule, since, CALL_LASTS)
    columns: dict[str, Any] = {
        "rule": rule.code, "at": wanted.at or series.at, "on_holidays": wanted.on_holidays or series.on_holidays,
        "last_day": last, "anchor": anchor if wanted.rule else series.anchor,
    }  # fmt: skip
    if last != series.last_day:
        columns["end_told"] = None
        take_back_ending(session, series, now)
    try:
        with session.begin_nested():
            SERIES.move(session, series, "edit", by=by, now=now, note=f"{rule.code} {columns['at']}", **columns)
    except IntegrityError as error:
        raise Refused("series_there") from error


def retime(
    session: Session, who: Who, series: Series, rows: list[Occurrence], by: By, now: datetime, *,
    keeps_hours: bool = False,
) -> Outcome:  # fmt: skip
    """Bring rows to what the series now says of their days; what an edit had cancelled is planned again.

    With `keeps_hours` each keeps the hour that it has, but for those: they come back at that of the series.
    """
    book, changed, kept = calendar(session), 0, 0
    for one in rows:
        own = keeps_hours and one.state != "cancelled"
        held = refitted(series, book, one) if own else fitted(series, book, one.day)
        if held["state"] == "skipped":
            if one.state in LIVE:
                give_up(session, who, one, by, now, "pass_over", "holiday")
            if one.reason == "holiday":  # should it be none after all, the day comes back at the hour that it has now
                one.starts_at = held["starts_at"]
        elif one.state not in LIVE:
            if _may_come_back(one, held["starts_at"]):
                put_back(session, series, one, by, now)
                change(session, one, "retime", by, now, starts_at=held["starts_at"], reason=held["reason"])
                changed += 1
        elif held["starts_at"] != one.starts_at:
            moved = _bring(session, who, one, held, by, now)
            changed, kept = changed + moved, kept + (not moved)
    return Outcome(changed, kept)


def _may_come_back(one: Occurrence, starts_at: datetime) -> bool:
    """Whether an edit plans again what is off: what an earlier rule or time did to it; what a person did stands."""
    if one.state == "cancelled":
        return one.reason == "edited"
    return one.reason == "holiday" or (one.reason in ("conflict", "closed") and starts_at != one.starts_at)


def _bring(session: Session, who: Who, one: Occurrence, held: Values, by: By, now: datetime) -> bool:
    """One planned or booked occurrence to its new time; answers no where the old one stands: the new is taken, or the
    elder has come for the call already."""
    starts_at, reason = held["starts_at"], held["reason"]
    if one.call_id is not None:
        try:
            to_another_time(session, who, one.call_id, starts_at, now, starts_at.isoformat())
        except Refused as refusal:
            if refusal.code not in ("slot_taken", "bad_time", "wrong_state"):
                raise
            change(session, one, "stay", by, now, own_time=True, reason="kept")
            return False
        change(session, one, "stay", by, now, starts_at=starts_at, reason=reason)
        return True
    change(session, one, "retime", by, now, starts_at=starts_at, reason=reason)
    return True


def give_up(session: Session, who: Who, one: Occurrence, by: By, now: datetime, verb: str, reason: str) -> bool:
    """A live occurrence does not take place, and its call is off, but for one that is under way: that goes on.

    Answers whether there is a call that is off.
    """
    had = one.call_id
    if held_under_way(session, had):
        return False
    change(session, one, verb, by, now, reason=reason)
    if had is not None:
        cancel(session, who, had, "series_off", now)
    return had is not None


def _ahead(session: Session, occurrence_id: int, now: datetime) -> Occurrence:
    """The occurrence as it stands now and held; raises Refused("wrong_state") for what has begun or is over."""
    one = session.get_one(Occurrence, occurrence_id, with_for_update=True, populate_existing=True)
    if one.starts_at <= now or one.state in ("done", "failed"):
        raise Refused("wrong_state")
    return one
