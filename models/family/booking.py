"""Booking and moving a family call: all cells or none, and every reminder with it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.agreeing import Agreement, yes_of
from models.family.calls import CALL, FamilyCall, led_by
from models.family.guests import guests_of
from models.family.holds import claim, uncounted_for
from models.family.permitted import check_consent, check_pair
from models.family.proposals import drop_proposals
from models.family.slots import HORIZON_DAYS, NOTICE, nearest
from models.family.taking import take
from models.family.telling import announce
from models.family.venues import CALL_LASTS, Venue, check_wish, venue_for
from models.hours import calendar
from models.life import By
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import act_for, in_charge_of
from models.places.centres import open_spans, stays_open
from models.tasks.holding import wake_for

WHY_LIMIT = 200


def partner(session: Session, who: Who, cared_id: int) -> Person:
    """The elder or child with whom this person may hold calls.

    Raises Refused("no_link"), Refused("not_active"), and Refused("consent_withdrawn") when that person agreed to calls
    once and does not any more.
    """
    cared, role = act_for(session, who.person_id, cared_id)
    if role != "relative":
        raise Refused("no_link")
    check_consent(session, cared)
    return cared


def book(
    session: Session, who: Who, *, cared_id: int, starts_at: datetime, client_key: str, now: datetime,
    maker: int | None = None,
) -> FamilyCall:  # fmt: skip
    """Book a call between the one who asks and an elder or child that person may act for.

    The same `client_key` again answers the same call, whatever became of it. `maker`: whose deed on a series it
    comes of, who need not be told of it. Raises Refused like `partner`,
    Refused("guardian_missing", cared=…) for a child under fourteen whose guardian has not agreed, Refused("bad_time"),
    and Refused("slot_taken", alternatives=[Slot…]) when a cell is gone.
    """
    return _book(session, who, By(who.person_id, "relative"), cared_id, starts_at, client_key, now, maker=maker)


def book_for(
    session: Session, who: Who, *, relative_id: int, cared_id: int, starts_at: datetime, client_key: str, now: datetime,
    wish: str = "", why: str = "",
) -> FamilyCall:  # fmt: skip
    """A cadre of the elder's village books a call for a relative: one of the two has asked them, neither need a phone.

    `wish` says where, when that is not as usual. The relative hears of it. Raises like `book` and
    `venues.check_wish`, and Refused("not_yours") for anybody else.
    """
    cared, relative = session.get(Person, cared_id), session.get(Person, relative_id)
    if cared is None or relative is None or not in_charge_of(session, who.person_id, cared):
        raise Refused("not_yours")
    for_whom = Who(relative.id, 0, relative.name, relative.time_zone, "", "")
    check_wish(cared, wish, "cadre", why)
    return _book(session, for_whom, By(who.person_id, "cadre"), cared_id, starts_at, client_key, now, wish, why)


def _book(
    session: Session, who: Who, by: By, cared_id: int, starts_at: datetime, client_key: str, now: datetime,
    wish: str = "", why: str = "", maker: int | None = None,
) -> FamilyCall:  # fmt: skip
    """A call of the relative `who`, written down by whoever it is."""
    known = _by_key(session, client_key)
    if known is not None:
        return _mine(known, who)
    cared, relative = partner(session, who, cared_id), session.get_one(Person, who.person_id)
    check_pair(session, relative, cared, by.role, now)
    venue = venue_for(session, relative, cared, wish)
    check_time(session, venue, starts_at, now)
    call = FamilyCall(
        client_key=client_key, relative_id=relative.id, cared_id=cared.id, centre_id=venue.centre.id,
        station_id=venue.stations[0].id, helper_id=venue.helpers[0].id, starts_at=starts_at,
        ends_at=starts_at + CALL_LASTS, created_at=now, venue_wish=wish, venue_why=why.strip()[:WHY_LIMIT],
    )  # fmt: skip
    try:
        with session.begin_nested():  # a refusal leaves nothing behind: no call without its cells
            session.add(call)
            session.flush()
            _take(session, call, venue, relative, cared, now)
            CALL.begin(session, call, by=by, now=now)
            word = "booked" if by.role == "relative" else "booked_for"
            announce(session, call, word, but_not={by.person_id, maker}, now=now)
            _has_acted(session, call, by.role, now)
    except IntegrityError:
        # The same tap arrived twice at the same moment, and the other one was first.
        other = _by_key(session, client_key)
        if other is None:
            raise
        return _mine(other, who)
    return call


def move(
    session: Session, who: Who, call_id: int, starts_at: datetime, now: datetime, agreed: Agreement | None = None
) -> FamilyCall:  # fmt: skip
    """Move a call to another time: the same call, one revision further, its old reminders gone.

    A cadre says with whom of the family it is `agreed` (see `changing.propose` for who has not asked them yet).
    The new cells are taken before the old ones are given back; when they are gone, the old time stands. Raises like
    `book`, Refused("agreement_missing"), and ("wrong_state") when somebody moved or cancelled it meanwhile.
    """
    call, role = led_by(session, who, call_id)
    note = yes_of(session, call, agreed, starts_at) if role == "cadre" else starts_at.isoformat()
    return _at(session, By(who.person_id, role), call, starts_at, now, note)


def to_another_time(
    session: Session, who: Who, call_id: int, starts_at: datetime, now: datetime, note: str
) -> FamilyCall:  # fmt: skip
    """The same where the reason lies elsewhere, in a series that is changed as a whole; `note` stands in history."""
    call, role = led_by(session, who, call_id)
    return _at(session, By(who.person_id, role), call, starts_at, now, note)


def relocate(session: Session, who: Who, call_id: int, wish: str, now: datetime, why: str = "") -> FamilyCall:
    """Hold this one call at the elder's home, or at the centre, at the time that it has; twice is once.

    Raises Refused("not_yours"), like `venues.check_wish` and like `move`; then the call stays where it is.
    """
    call, role = led_by(session, who, call_id)
    cared = session.get_one(Person, call.cared_id)
    if not wish:
        raise Refused("bad_place")
    check_wish(cared, wish, role, why)
    if call.venue_mode == wish and call.state == "booked":
        return call
    venue = _venue_to_change(session, role, call, wish, call.starts_at, now)
    return _change(
        session, call, venue, "relocate", By(who.person_id, role), now, note=venue.mode, venue_wish=wish,
        venue_why=why.strip()[:WHY_LIMIT],
    )  # fmt: skip


def _at(session: Session, by: By, call: FamilyCall, starts_at: datetime, now: datetime, note: str) -> FamilyCall:
    """Bring a call to another time."""
    venue = _venue_to_change(session, by.role, call, call.venue_wish, starts_at, now)
    if starts_at == call.starts_at:
        return call
    return _change(
        session, call, venue, "change", by, now, note=note, starts_at=starts_at, ends_at=starts_at + CALL_LASTS
    )


def _venue_to_change(
    session: Session, role: str, call: FamilyCall, wish: str, starts_at: datetime, now: datetime
) -> Venue:  # fmt: skip
    """Where the call would be held, looked through as for a new one."""
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    check_pair(session, relative, cared, role, now)
    venue = venue_for(session, relative, cared, wish)
    check_time(session, venue, starts_at, now)
    return venue


def _change(
    session: Session, call: FamilyCall, venue: Venue, verb: str, by: By, now: datetime, note: str, **changes: Any
) -> FamilyCall:  # fmt: skip
    """The same call at another time or place, one revision further: the row first, then its cells, its letters, and
    what waited for the family. All of it, or nothing has changed."""
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    seen, helper = call.revision, call.helper_id
    try:
        with session.begin_nested():
            # The row first: whoever changes or cancels at the same moment waits here, and then finds another revision.
            CALL.move(
                session, call, verb, by=by, now=now, note=note, where={"revision": seen}, revision=seen + 1,
                set_out_at=None, **changes,
                call_day_id=None,  # a family that wants another time leaves the call day, and has a helper of its own
            )  # fmt: skip
            _take(session, call, venue, relative, cared, now)
            announce(session, call, "changed", but_not={by.person_id}, now=now, helped_before=helper)
            drop_proposals(session, call.id, now)  # what the centre asked for was another time than this
            _has_acted(session, call, by.role, now)
    except Refused:
        session.refresh(call)  # the savepoint took the row back, not what this object had read since
        raise
    return call


def _has_acted(session: Session, call: FamilyCall, role: str, now: datetime) -> None:
    """What waited for the family goes on; a cadre's own deed is no answer."""
    if role != "cadre":
        wake_for(session, call.cared_id, now)


def _by_key(session: Session, client_key: str) -> FamilyCall | None:
    return session.scalar(select(FamilyCall).where(FamilyCall.client_key == client_key))


def _mine(call: FamilyCall, who: Who) -> FamilyCall:
    if call.relative_id != who.person_id:
        raise Refused("not_yours")
    return call


def check_time(session: Session, venue: Venue, starts_at: datetime, now: datetime) -> None:
    """A call lies in the future, within the horizon, on the centre's half-hours and inside its opening hours; so does
    the way to the elder's home and back. Until this transaction is over nobody shuts the centre.

    Raises Refused("bad_time").
    """
    if not now + NOTICE <= starts_at <= now + timedelta(days=HORIZON_DAYS):
        raise Refused("bad_time")
    stays_open(session, venue.centre.id)
    sets_out, is_back = starts_at - venue.road, starts_at + CALL_LASTS + venue.road
    day = starts_at.astimezone(venue.centre.tz).date()
    for opens, closes in open_spans(session, venue.centre, day, calendar(session)):
        if opens <= sets_out and is_back <= closes and (starts_at - opens) % CALL_LASTS == timedelta(0):
            return
    raise Refused("bad_time")


def _take(session: Session, call: FamilyCall, venue: Venue, relative: Person, cared: Person, now: datetime) -> None:
    """Take the time of everybody on the call, of a screen and of a helper; those that the call has come first.

    What the relative holds for this very call becomes the call's own. Raises Refused("slot_taken", alternatives=[…]).
    """
    people = [relative, cared, *guests_of(session, call.id)]
    held = claim(session, call, venue, now)
    first = (held.station_id, held.helper_id) if held else (call.station_id, call.helper_id, call.vehicle_id)
    try:
        crew = take(session, venue, people, call.starts_at, call.subject, first=first)
    except Refused as refusal:
        uncounted = (call.subject, *uncounted_for(session, relative.id, now))
        near = nearest(session, relative, cared, call.starts_at, now, held_by=uncounted, guests=people[2:],
                       wish=call.venue_wish)  # fmt: skip
        raise Refused("slot_taken", alternatives=near) from refusal
    # The centre too: the elder may have moved to another village since the call was booked.
    call.centre_id, call.venue_mode = venue.centre.id, venue.mode
    call.station_id, call.helper_id, call.vehicle_id = crew.station.id, crew.helper.id, crew.vehicle_id
    session.flush()
