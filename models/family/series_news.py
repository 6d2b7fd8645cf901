"""What a series makes us say: a week that cannot be, its end that comes near, clocks that are about to change."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import not_, or_, select
from sqlalchemy.orm import Session

from models.family.calls import CALL
from models.family.clocks import clock_change
from models.family.occurrences import Occurrence
from models.family.series import Series
from models.family.telling import urgency
from models.history import steps_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.outbox import post
from models.messages.passage import ENDED_UNDELIVERED
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import phone_for
from models.tasks.undelivered import say_instead, take_back

END_SAID = timedelta(days=14)  # before the last day
CLOCK_SAID = timedelta(days=7)  # how long that stays worth reading
_ENDING, _CLOCK = "series.ending", "series.clock"
_RULE = ("series.begun", "series.edited")  # of these, and of those, only what was said last is true
_STANDING = ("series.rests", "series.goes_on", "series.cancelled", "series.restored")
# Neither sent nor told; what may have arrived counts as heard.
_UNHEARD = Letter.state.in_(("planned", "retry", "withdrawn", "dead", "missed")) & Letter.in_doubt.is_(False)
_OFF = ("series.skipped", "family.cancelled")  # how the relative hears that one call is off


def facts_of(session: Session, series: Series) -> dict[str, Any]:
    """What every letter about a series may need."""
    relative, cared = session.get_one(Person, series.relative_id), session.get_one(Person, series.cared_id)
    area = session.get(Area, cared.area_id) if cared.area_id else None
    return {
        "series": series.id, "rule": series.rule, "at": series.at.isoformat(), "zone": series.zone,
        "cared": cared.name, "relative": relative.name, "phone": phone_for(session, area.path) if area else "",
        "last_day": series.last_day.isoformat() if series.last_day is not None else None,
    }  # fmt: skip


def say_skipped(session: Session, series: Series, one: Occurrence, now: datetime) -> None:
    """The relative hears that one call does not take place, and why; of one revision once."""
    post(
        session, key=f"{one.subject}/{one.revision}/skipped", person_id=series.relative_id, kind="series.skipped",
        facts={**facts_of(session, series), "starts_at": one.starts_at.isoformat(), "reason": one.reason,
               "occurrence": one.id},
        subject=one.subject, revision=one.revision, now=now, about_id=series.cared_id,
        useful_until=max(one.starts_at, now + timedelta(hours=1)),
    )  # fmt: skip


def say_takes_place(session: Session, series: Series, one: Occurrence, now: datetime) -> None:
    """The relative hears that one call takes place after all, or at another time; of one revision once."""
    post(
        session, key=f"{one.subject}/{one.revision}/takes_place", person_id=series.relative_id,
        kind="series.takes_place",
        facts={**facts_of(session, series), "starts_at": one.starts_at.isoformat(), "occurrence": one.id},
        subject=one.subject, revision=one.revision, urgency=urgency(one.starts_at, now), now=now,
        about_id=series.cared_id, useful_until=max(one.starts_at, now + timedelta(hours=1)),
    )  # fmt: skip


def waits_to_hear(session: Session, series: Series, one: Occurrence) -> bool:
    """Whether the relative has still to hear that one call does not take place: it was neither sent nor told."""
    about = [one.subject, *([f"{CALL.name}:{one.call_id}"] if one.call_id is not None else [])]
    said = select(Letter.id).where(
        Letter.subject.in_(about), Letter.person_id == series.relative_id, Letter.kind.in_(_OFF), _UNHEARD,
        Letter.state != "withdrawn", Letter.unwanted.is_(False),
    )  # fmt: skip
    return session.scalar(said.limit(1)) is not None


def is_unheard_of(session: Session, series: Series, one: Occurrence) -> bool:
    """Whether there was something to be said of this one call, and its relative has heard nothing of it."""
    about = (Letter.subject == one.subject) & (Letter.person_id == series.relative_id)
    heard = session.scalars(select(not_(_UNHEARD)).where(about)).all()
    return bool(heard) and not any(heard)


def say_changed(session: Session, series: Series, word: str, now: datetime) -> None:
    """The relative hears that somebody else has made, edited, rested, resumed or ended the series."""
    post(
        session, key=f"{series.subject}/{word}/{_mark(session, series)}", person_id=series.relative_id,
        kind=f"series.{word}", facts=facts_of(session, series), subject=series.subject, now=now,
        about_id=series.cared_id,
    )  # fmt: skip


def say_ending(session: Session, now: datetime) -> int:
    """The relatives whose series end within a fortnight hear of it, once each time that the end is set; answers how
    many."""
    today = now.astimezone(CHINA).date()
    query = (
        select(Series).where(Series.state == "active", Series.last_day >= today, Series.last_day <= today + END_SAID)
        .where(or_(Series.end_told.is_(None), Series.end_told != Series.last_day))
        .order_by(Series.id).limit(200).with_for_update(skip_locked=True)
    )  # fmt: skip
    due = session.scalars(query, execution_options={"populate_existing": True}).all()
    for one in due:
        assert one.last_day is not None
        post(
            session, key=f"{one.subject}/ending/{one.last_day}/{_mark(session, one)}", person_id=one.relative_id,
            kind=_ENDING, facts=facts_of(session, one), subject=one.subject, now=now, about_id=one.cared_id,
            useful_until=one.moment(one.last_day + timedelta(days=1)),
        )  # fmt: skip
        one.end_told = one.last_day
    session.flush()
    return len(due)


def take_back_ending(session: Session, series: Series, now: datetime) -> None:
    """A series does not end as its relative was to hear; what else was to be said of it stays true."""
    _take_back(session, series, now, _ENDING)


def take_back_rule(session: Session, series: Series, now: datetime) -> None:
    """A series is by another rule now than its relative was to hear."""
    _take_back(session, series, now, *_RULE)


def say_rule_as_it_is(session: Session, series: Series) -> None:
    """What a relative has still to hear of the rule of a series that they have prolonged themselves says until when."""
    say_instead(session, (Letter.subject == series.subject) & Letter.kind.in_(_RULE), facts_of(session, series))


def take_back_standing(session: Session, series: Series, now: datetime) -> None:
    """A series rests, goes on or is over, and not as its relative was to hear. Of one that rests no hour is said, of
    one that is over nothing else."""
    off = [] if series.state == "active" else [_CLOCK] if series.state == "suspended" else [_CLOCK, _ENDING, *_RULE]
    _take_back(session, series, now, *_STANDING, *off)


def _take_back(session: Session, series: Series, now: datetime, *kinds: str) -> None:
    take_back(session, series.subject, now, but_not=Letter.kind.not_in(kinds))


def say_anew(session: Session, series: Series) -> None:
    """A series that was off goes on: a relative of whom it was taken back when it ends, or which hour its calls come
    to have, before they heard that, hears it."""
    for kind, told in ((_ENDING, "end_told"), (_CLOCK, "clock_told")):
        last = session.scalar(
            select(Letter.state).where(Letter.subject == series.subject, Letter.kind == kind)
            .order_by(Letter.id.desc()).limit(1)
        )  # fmt: skip
        if last in ("withdrawn", *ENDED_UNDELIVERED):
            setattr(series, told, None)


def say_clocks(session: Session, now: datetime) -> int:
    """Relatives whose clock, beside the centre's, changes within a week hear what the hour becomes for them.

    The centre's time stands still; of one change each hears once for a series. Answers how many letters.
    """
    query = (
        select(Series.zone, Person.time_zone).join(Person, Series.relative_id == Person.id)
        .where(Series.state == "active").distinct()
    )  # fmt: skip
    told = 0
    for home, away in session.execute(query).all():
        changes = clock_change(home, away, now)
        if changes is not None:
            told += _say_clock(session, home, away, changes, now)
    return told


def _say_clock(session: Session, home: str, away: str, changes: date, now: datetime) -> int:
    query = (
        select(Series).join(Person, Series.relative_id == Person.id)
        .where(Series.state == "active", Series.zone == home, Person.time_zone == away)
        .where(or_(Series.last_day.is_(None), Series.last_day >= changes))
        .where(or_(Series.clock_told.is_(None), Series.clock_told != changes))
        .order_by(Series.id).limit(200).with_for_update(of=Series, skip_locked=True)
    )  # fmt: skip
    due = session.scalars(query, execution_options={"populate_existing": True}).all()
    for one in due:
        post(
            session, key=f"{one.subject}/clock/{changes}/{_mark(session, one)}", person_id=one.relative_id, kind=_CLOCK,
            facts={**facts_of(session, one), "changes": changes.isoformat()}, subject=one.subject, now=now,
            about_id=one.cared_id, useful_until=now + CLOCK_SAID,
        )  # fmt: skip
        one.clock_told = changes
    session.flush()
    return len(due)


def _mark(session: Session, series: Series) -> int:
    """What is true again is said a second time: what was done to the series in between tells the two apart."""
    return steps_of(session, [series.subject])[series.subject]
