"""Placing and ending an order: for oneself, for someone one is linked to, or by a cadre for anyone below."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import BY_RULE, By
from models.messages.outbox import post, withdraw
from models.ordering.listings import Listing, published
from models.ordering.news import facts_for, tell
from models.ordering.numbers import number_for
from models.ordering.offers import end_offers, offer_next
from models.ordering.orders import ORDER, UNMET_REASONS, Order, cancel_code, locked, order_for, placed_with
from models.ordering.questions import check_answers
from models.people.contacts import plan_for
from models.people.identities import Who, is_reachable
from models.people.persons import Person
from models.people.scope import act_for
from models.people.staff import members_of
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for
from models.tasks.desk import open_task, settle_for

NOTE_LIMIT = 200
HORIZON = timedelta(days=60)
LOOK_WITHIN = timedelta(hours=24)


def place(
    session: Session, who: Who, *, listing_id: int, beneficiary_id: int, answers: dict[str, Any],
    preferred_at: datetime, note: str, client_key: str, now: datetime,
) -> Order:  # fmt: skip
    """Place an order; the same `client_key` again answers the same order.

    The beneficiary's own data are never touched by what the orderer says of themselves. Raises Refused("no_link"),
    ("not_offered"), what `check_answers`, `check_wished` and `check_note` raise, or ("no_contact"): somebody without
    any way to be told must first get a contact plan.
    """
    known = placed_with(session, who, client_key)
    if known is not None:
        return known
    beneficiary, role = act_for(session, who.person_id, beneficiary_id)
    listing, centre = _offered(session, listing_id, beneficiary, now)
    given = check_answers(listing.questions, answers)
    check_wished(preferred_at, now)
    check_note(note)
    _check_can_be_told(session, beneficiary, role)
    assert beneficiary.area_id is not None
    order = Order(
        client_key=client_key, listing_id=listing.id, centre_id=centre.id, area_id=beneficiary.area_id,
        requested_by_id=who.person_id, beneficiary_id=beneficiary.id, answers=given, preferred_at=preferred_at,
        note=note, created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(order)
    except IntegrityError:
        known = placed_with(session, who, client_key)
        assert known is not None
        return known
    order.number = number_for(order.id)
    by = By(who.person_id, "cadre" if role == "cadre" else "requester")
    ORDER.begin(session, order, by=by, now=now)
    facts = facts_for(session, order)
    open_task(
        session, key=f"{order.subject}/new", kind="order_new", area_id=order.area_id, subject=order.subject,
        facts=facts, person_id=beneficiary.id, now=now, due_at=now + LOOK_WITHIN, by=by,
    )  # fmt: skip
    if beneficiary.id != who.person_id and is_reachable(session, beneficiary.id):
        post(session, key=f"{order.subject}/placed/{beneficiary.id}", person_id=beneficiary.id, kind="ordering.placed",
             facts=facts, subject=order.subject, now=now)  # fmt: skip
    offer_next(session, order, now)
    return order


def cancel(session: Session, who: Who, order_id: int, reason: str, now: datetime) -> Order:
    """Cancel an order; twice, or by two people, is once. The offers end, and everybody else it concerns is told.

    Raises Refused("not_yours"), or Refused("wrong_state") when it is done already.
    """
    return _end(session, who, order_id, "cancel", reason, now)


def give_up(session: Session, who: Who, order_id: int, reason: str, now: datetime, code: str = "other") -> Order:
    """A cadre says that nobody can do it: the order ends unmet, and counts as a need that is not covered.

    `code` is one of UNMET_REASONS, to be counted by; `reason` says it in words. Raises Refused("not_yours"), also for
    those who ordered (they cancel), Refused("wrong_state") when somebody has accepted, or Refused("bad_reason").
    """
    if code not in UNMET_REASONS:
        raise Refused("bad_reason")
    return _end(session, who, order_id, "give_up", reason, now, code)


def _end(session: Session, who: Who, order_id: int, verb: str, reason: str, now: datetime, code: str = "") -> Order:
    order, role = order_for(session, who, order_id)
    order = locked(session, order.id)
    if order.state == ORDER.by_name[verb].target:
        return order
    text, by = reason.strip()[:NOTE_LIMIT], By(who.person_id, role)
    code = code or cancel_code(order, now)
    ORDER.move(session, order, verb, by=by, now=now, note=text, reason=text, end_code=code)
    withdraw(session, order.subject, now)
    ended = end_offers(session, order, now)
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now)
    providers = {member.id for one in ended for member in members_of(session, one.organisation_id)}
    tell(session, order, verb, by=by, now=now, providers=providers, facts={"reason": text})
    return order


def check_wished(preferred_at: datetime, now: datetime) -> None:
    """Whether a service can be wished for at this time; raises Refused("bad_time") or Refused("too_far", days=…)."""
    if preferred_at <= now:
        raise Refused("bad_time")
    if preferred_at > now + HORIZON:
        raise Refused("too_far", days=HORIZON.days)


def check_note(note: str) -> None:
    """Whether a note is short enough; raises Refused("note_long", limit=…, length=…)."""
    if len(note) > NOTE_LIMIT:
        raise Refused("note_long", limit=NOTE_LIMIT, length=len(note))


def _offered(session: Session, listing_id: int, beneficiary: Person, now: datetime) -> tuple[Listing, ServiceCentre]:
    area = session.get(Area, beneficiary.area_id) if beneficiary.area_id else None
    centre = centre_for(session, area.path) if area else None
    listing = session.get(Listing, listing_id)
    if centre is None or listing is None or listing.id not in {row.id for row in published(session, centre, now)}:
        raise Refused("not_offered")
    return listing, centre


def _check_can_be_told(session: Session, beneficiary: Person, role: str) -> None:
    if role in ("self", "relative") or beneficiary.phone:
        return
    if not is_reachable(session, beneficiary.id) and not plan_for(session, beneficiary.id):
        raise Refused("no_contact")
