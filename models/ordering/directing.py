"""What a cadre does with an order that nobody has taken, or the wrong one: dispatch it, take it back, ask all anew."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import By
from models.messages.outbox import post
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing, providers_of
from models.ordering.matching import able_members, answering, by_turn, covers
from models.ordering.news import STILL_ASKED, concerned, facts_for, facts_for_provider, tell
from models.ordering.offers import PHONE_WITHIN, begin_round, end_offers, in_hand, make_offer, offer_next
from models.ordering.orders import ORDER, Order, check_seen
from models.ordering.sla import cadres_order
from models.ordering.visits import comes_at, end_pressing
from models.people.identities import Who
from models.people.staff import Organisation, areas_under
from models.places.areas import Area
from models.tasks.desk import open_task
from models.tasks.undelivered import take_back

NOTE_LIMIT = 200


def waiting(session: Session, who: Who) -> list[Order]:
    """The open orders below a cadre's areas; the village that was served longest ago first."""
    query = select(Order).where(Order.state == "open", Order.area_id.in_(areas_under(who.person_id)))
    return by_turn(session, list(session.scalars(query)))


def dispatch(session: Session, who: Who, order_id: int, organisation_id: int, seen: int, now: datetime) -> Assignment:
    """A cadre gives an order to one organisation, which still answers it; whoever was asked or had it is told.

    `seen` is the order's revision on the page the cadre acted from. Raises Refused("not_yours"),
    ("changed_meanwhile", state=…, revision=…), ("wrong_state") for an order that is over, ("under_way") when somebody
    is on the road, ("not_provider"), ("nobody_answers"), ("not_qualified") or ("not_covered"): borrow it first.
    """
    order = _seen(session, who, order_id, seen)
    if order.preferred_at <= now:
        raise Refused("bad_time")
    _check_can(session, order, organisation_id)
    _take_back(session, order, who, "", now)
    return make_offer(session, order, organisation_id, now, by=By(who.person_id, "cadre"), mode="directive")


def recall(session: Session, who: Who, order_id: int, seen: int, reason: str, now: datetime) -> Order:
    """A cadre takes an order back from whoever was asked or had it, and keeps it in hand. Raises like `dispatch`."""
    order = _seen(session, who, order_id, seen)
    _take_back(session, order, who, reason, now)
    if in_hand(session, order) is not None:
        return order
    open_task(
        session, key=f"{order.subject}/unanswered/in-hand/{order.revision}", kind="order_unanswered",
        area_id=order.area_id, subject=order.subject, facts=facts_for(session, order), person_id=order.beneficiary_id,
        now=now, due_at=now + PHONE_WITHIN, by=By(who.person_id, "cadre"),
    )  # fmt: skip
    return order


def to_pool(session: Session, who: Who, order_id: int, seen: int, reason: str, now: datetime) -> Order:
    """A cadre takes an order back and has everybody asked anew, also who said no before. Raises like `dispatch`."""
    order = _seen(session, who, order_id, seen)
    _take_back(session, order, who, reason, now)
    begin_round(session, order)
    offer_next(session, order, now)
    return order


def _seen(session: Session, who: Who, order_id: int, seen: int) -> Order:
    order = cadres_order(session, who, order_id)
    if order.state not in ("open", "accepted"):
        raise Refused("wrong_state", state=order.state)
    check_seen(order, seen)
    return order


def _check_can(session: Session, order: Order, organisation_id: int) -> None:
    """Whether this organisation can be sent there."""
    if organisation_id not in providers_of(session, order.listing_id):
        raise Refused("not_provider")
    if not answering(session, organisation_id):
        raise Refused("nobody_answers")
    if not able_members(session, organisation_id, order, session.get_one(Listing, order.listing_id)):
        raise Refused("not_qualified")
    here = session.get_one(Area, order.area_id)
    if not covers(session, session.get_one(Organisation, organisation_id), here, order):
        raise Refused("not_covered")


def _take_back(session: Session, order: Order, who: Who, reason: str, now: datetime) -> None:
    """End what stands; raises Refused("under_way") when somebody is on the road already."""
    started = select(Assignment.id).where(Assignment.order_id == order.id, Assignment.state == "started")
    if session.scalar(started) is not None:
        raise Refused("under_way")
    why, by = reason.strip()[:NOTE_LIMIT], By(who.person_id, "cadre")
    had = session.scalar(select(Assignment).where(Assignment.order_id == order.id, Assignment.state == "accepted"))
    if had is not None:
        ORDER.move(session, order, "recall", by=by, now=now, note=why)
        take_back(session, order.subject, now, but_not=STILL_ASKED)
        end_pressing(session, order.subject, had.subject, now)
        name = session.get_one(Organisation, had.organisation_id).name
        tell(session, order, "recall", by=by, now=now, mark=f":{had.id}", facts={"organisation": name},
             at=comes_at(session, order))  # fmt: skip
    facts = facts_for_provider(session, order)
    for ended in end_offers(session, order, now):
        for reader in sorted(concerned(session, ended) - {who.person_id}):
            post(
                session, key=f"{ended.subject}/recalled/{reader}", person_id=reader, kind="ordering.recalled",
                facts=facts, subject=ended.subject, now=now, urgency="same_day",
            )  # fmt: skip
