"""Standing in line for a service that is full: joining, one's own places in line, and the answer to an offer."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import BY_RULE, By
from models.ordering.orders import Order
from models.ordering.placing import check_fits, check_note, check_wished, offer_for, place
from models.ordering.questions import check_answers, places_wanted
from models.ordering.tallies import place_key
from models.ordering.waiting import IN_LINE, WAITING, WaitlistEntry, end, hold_list, holder_of, serve
from models.people.care import CareLink
from models.people.identities import Who
from models.people.persons import stay_active
from models.people.scope import act_for
from models.tasks.desk import settle_for
from models.tasks.undelivered import take_back


def join(
    session: Session, who: Who, *, listing_id: int, beneficiary_id: int, answers: dict[str, Any],
    preferred_at: datetime, note: str, now: datetime, warned: Collection[str] = (),
) -> WaitlistEntry:  # fmt: skip
    """Stand in line for what an order of the same wish would need; twice is once.

    Raises what `place` raises but for the places, Refused("not_full") while there are enough, ("full") for more places
    than there ever are, or ("on_list") where another of the household stands in this line.
    """
    beneficiary, role = act_for(session, who.person_id, beneficiary_id)
    stay_active(session, beneficiary.id)
    offer = offer_for(session, listing_id, beneficiary, now)
    given = check_answers(offer.listing.questions, answers)
    check_wished(preferred_at, now)
    check_note(note)
    check_fits(session, offer, beneficiary, preferred_at, now, warned)
    places, key = places_wanted(offer.listing.questions, given), place_key(offer, preferred_at)
    if offer.capacity is not None and places > offer.capacity:
        raise Refused("full", limit=offer.capacity)
    tally, holder = hold_list(session, key), holder_of(beneficiary)
    there = _standing(session, key, holder)
    if there is None:
        if offer.capacity is None or tally.taken + places <= offer.capacity:
            raise Refused("not_full")
        entry = WaitlistEntry(
            key=key, holder=holder, listing_id=listing_id, centre_id=offer.centre.id, requested_by_id=who.person_id,
            beneficiary_id=beneficiary.id, answers=given, warned=list(warned), preferred_at=preferred_at, note=note,
            places=places, created_at=now,
        )  # fmt: skip
        try:
            with session.begin_nested():
                session.add(entry)
                WAITING.begin(session, entry, by=_by(who, role), now=now)
            return entry
        except IntegrityError:
            there = _standing(session, key, holder)
    if there is None or there.beneficiary_id != beneficiary.id:
        raise Refused("on_list")
    return there


def take(session: Session, who: Who, entry_id: int, now: datetime) -> Order:
    """Order with the place that is kept. Twice is once.

    Raises Refused("not_yours"), ("wrong_state"), ("offer_over") after its time, or what `place` raises.
    """
    seen, _ = entry_for(session, who, entry_id)
    stay_active(session, seen.beneficiary_id)  # people come before their lists
    entry, by = _held(session, who, entry_id)
    if entry.state == "taken":
        return session.get_one(Order, entry.order_id)
    _check_offered(entry, now)
    order = place(
        session, who, listing_id=entry.listing_id, beneficiary_id=entry.beneficiary_id, answers=entry.answers,
        preferred_at=entry.preferred_at, note=entry.note, client_key=uuid4().hex, now=now, warned=entry.warned,
        held=(entry.key, entry.held),
    )  # fmt: skip
    # What was kept is the order's now: the tally stays as it is.
    WAITING.move(session, entry, "take", by=by, now=now, held=0, order_id=order.id)
    take_back(session, entry.subject, now)
    settle_for(session, entry.subject, "cancel", by=BY_RULE, now=now)
    return order


def decline(session: Session, who: Who, entry_id: int, now: datetime) -> WaitlistEntry:
    """Not wanted any more: the next in line has it at once. Twice is once.

    Raises Refused("not_yours") or ("wrong_state").
    """
    entry, by = _held(session, who, entry_id)
    if entry.state != "declined":
        end(session, entry, "decline", by, now)
        serve(session, entry.key, now)
    return entry


def leave(session: Session, who: Who, entry_id: int, now: datetime) -> WaitlistEntry:
    """Wait no longer. Twice is once. Raises Refused("not_yours"), or ("wrong_state") for what has ended otherwise."""
    entry, by = _held(session, who, entry_id)
    if entry.state != "cancelled":
        end(session, entry, "leave", by, now)
        serve(session, entry.key, now)
    return entry


def entry_for(session: Session, who: Who, entry_id: int) -> tuple[WaitlistEntry, str]:
    """An entry, and as what this person sees it: "requester", "beneficiary" or "cadre"; raises Refused("not_yours")."""
    entry = session.get(WaitlistEntry, entry_id)
    if entry is None:
        raise Refused("not_yours")
    try:
        _, role = act_for(session, who.person_id, entry.beneficiary_id)
    except Refused:
        raise Refused("not_yours") from None
    return entry, {"self": "beneficiary", "relative": "requester"}.get(role, "cadre")


def in_line_of(session: Session, who: Who, now: datetime) -> list[WaitlistEntry]:
    """Where this person, and those they care for, stand in line; the soonest first."""
    linked = select(CareLink.cared_id).where(CareLink.relative_id == who.person_id, CareLink.state == "confirmed")
    query = select(WaitlistEntry).where(
        WaitlistEntry.state.in_(IN_LINE), WaitlistEntry.preferred_at > now,
        or_(WaitlistEntry.requested_by_id == who.person_id, WaitlistEntry.beneficiary_id == who.person_id,
            WaitlistEntry.beneficiary_id.in_(linked)),
    )  # fmt: skip
    found = session.scalars(query.order_by(WaitlistEntry.preferred_at, WaitlistEntry.id).limit(20)).all()
    return [entry for entry in found if _sees(session, who, entry)]


def _sees(session: Session, who: Who, entry: WaitlistEntry) -> bool:
    try:
        entry_for(session, who, entry.id)
    except Refused:
        return False
    return True


def _standing(session: Session, key: str, holder: str) -> WaitlistEntry | None:
    return session.scalar(
        select(WaitlistEntry).where(
            WaitlistEntry.key == key, WaitlistEntry.holder == holder, WaitlistEntry.state.in_(IN_LINE)
        )
    )


def _held(session: Session, who: Who, entry_id: int) -> tuple[WaitlistEntry, By]:
    """An entry as it stands now, its list held."""
    entry, role = entry_for(session, who, entry_id)
    hold_list(session, entry.key)
    session.refresh(entry)
    return entry, By(who.person_id, role)


def _check_offered(entry: WaitlistEntry, now: datetime) -> None:
    late = entry.answer_by is not None and entry.answer_by <= now
    if entry.state == "lapsed" or (entry.state == "offered" and late):
        raise Refused("offer_over")
    if entry.state != "offered":
        raise Refused("wrong_state", state=entry.state)


def _by(who: Who, role: str) -> By:
    return By(who.person_id, {"self": "beneficiary", "relative": "requester"}.get(role, "cadre"))
