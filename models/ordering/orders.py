"""An order: somebody asks for one service for one beneficiary, perhaps through a relative or a cadre."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import BigInteger, ForeignKey, String, Table, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.hours import CHINA, midnight
from models.life import TIME, Life, Verb
from models.ordering.numbers import heard
from models.people.care import CareLink
from models.people.identities import Who
from models.people.scope import act_for

LIVE_ORDERS = ("open", "accepted")
UNDO_WITHIN = timedelta(minutes=10)  # of a cancellation
CUT_OFF = timedelta(hours=24)  # until then a cancellation troubles nobody
# Why nobody could (what the gap report counts by), and how close to the service an order was cancelled.
UNMET_REASONS = ("nobody_free", "too_far", "no_skill", "no_equipment", "other")
CANCEL_CODES = ("in_time", "late", "same_day", "centre", "stopped")


class Order(Row):
    """One order. `number` is short, speakable and carries a check digit; `client_key` makes a double tap one order."""

    __tablename__ = "orders"

    number: Mapped[str | None] = mapped_column(String(12), unique=True)
    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("listing_versions.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)  # the beneficiary's village
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    answers: Mapped[dict[str, Any]]  # question code → answer
    preferred_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(12), default="open")
    revision: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(200), default="")  # why it was cancelled or stayed unmet
    end_code: Mapped[str] = mapped_column(String(16), default="")  # the same as one of the codes above
    nagged_hours: Mapped[int | None]  # how many hours before the service somebody was last reminded to answer
    round_after: Mapped[int] = mapped_column(BigInteger, default=0)  # the last assignment of earlier rounds of offers
    promised_from: Mapped[datetime | None]  # since when the promise's clock runs; None: since it was placed
    paused_since: Mapped[datetime | None]  # the resident has to answer first: the promise's clock stands still
    paused_minutes: Mapped[int] = mapped_column(default=0)  # of working time, in pauses that are over
    reopened: Mapped[bool] = mapped_column(default=False)
    completed_at: Mapped[datetime | None]
    asked_after: Mapped[bool] = mapped_column(default=False)  # a cadre was sent to ask how it was
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history, letters and tasks know this order."""
        return f"order:{self.id}"


# `tells` is what `models.ordering.news` goes by: "family" are all who may act for the beneficiary, and a "beneficiary"
# without WeChat is told by a cadre, in person.
_FAMILY = ("requester", "family", "beneficiary")
ORDER = Life(
    "order",
    cast(Table, Order.__table__),
    "open",
    (
        Verb("accept", ("open",), "accepted", who=("provider",), tells=(*_FAMILY, "cadre")),
        Verb("hand_back", ("accepted",), "open", who=("provider",), tells=(*_FAMILY, "cadre")),
        Verb("recall", ("accepted",), "open", who=("cadre",), tells=_FAMILY),
        Verb("complete", ("accepted",), "completed", who=("provider", "cadre"), tells=("requester", "family")),
        Verb("reopen", ("completed",), "open", who=("requester", "beneficiary", "cadre"), tells=(*_FAMILY, "cadre")),
        Verb("close", ("completed",), "closed", who=(TIME,)),
        Verb("cancel", LIVE_ORDERS, "cancelled", who=("requester", "beneficiary", "cadre"),
             tells=(*_FAMILY, "provider", "cadre")),
        Verb("undo", ("cancelled",), "open", who=("requester", "beneficiary", "cadre"), tells=(*_FAMILY, "cadre")),
        Verb("call_off", LIVE_ORDERS, "cancelled", who=("cadre",), tells=(*_FAMILY, "provider")),
        Verb("stop", LIVE_ORDERS, "cancelled", who=("rule",), tells=("provider",)),
        Verb("give_up", ("open",), "unmet", who=("cadre", TIME), tells=_FAMILY),
    ),
)  # fmt: skip


def locked(session: Session, order_id: int) -> Order:
    """The order as it stands now, held until this transaction ends.

    Every rule that changes an order or its offers takes this lock first: whoever races for them waits here, and
    nobody waits for the other the other way round. Raises Refused("not_yours") when there is none.
    """
    session.flush()
    order = session.get(Order, order_id, with_for_update={"key_share": True}, populate_existing=True)
    if order is None:
        raise Refused("not_yours")
    return order


def cancel_code(comes_at: datetime, now: datetime) -> str:
    """How close to the service an order is cancelled: on its very day, within the last day, or in time."""
    if comes_at.astimezone(CHINA).date() <= now.astimezone(CHINA).date():
        return "same_day"
    return "late" if comes_at - now < CUT_OFF else "in_time"


def turn(order: Order) -> None:
    """The order, or who it is offered to, is not what anybody has seen before: their page is old now."""
    order.revision += 1


def check_seen(order: Order, seen: int) -> None:
    """Whether the page somebody acts from is still true; raises Refused("changed_meanwhile", state=…, revision=…)."""
    if order.revision != seen:
        raise Refused("changed_meanwhile", state=order.state, revision=order.revision)


def placed_with(session: Session, who: Who, client_key: str) -> Order | None:
    """The order that this key has placed already; raises Refused("not_yours") when another person placed it."""
    known = session.scalar(select(Order).where(Order.client_key == client_key))
    if known is not None and known.requested_by_id != who.person_id:
        raise Refused("not_yours")
    return known


def orders_of(session: Session, who: Who, limit: int = 20, *, before: int | None = None) -> list[Order]:
    """The orders for this person and for those they are linked to, newest first, and what they ordered as a cadre.

    With a link that was revoked the sight of its orders ends too. `before` is the key of the last one seen already.
    """
    linked = select(CareLink.cared_id).where(CareLink.relative_id == who.person_id, CareLink.state == "confirmed")
    query = (
        select(Order)
        .where(or_(Order.requested_by_id == who.person_id, Order.beneficiary_id == who.person_id,
                   Order.beneficiary_id.in_(linked)))
        .order_by(Order.id.desc())
    )  # fmt: skip
    found, roles = list[Order](), dict[int, str | None]()

    def seen(order: Order) -> bool:
        if order.beneficiary_id not in roles:
            roles[order.beneficiary_id] = _seen_as(session, who, order)
        return roles[order.beneficiary_id] is not None

    while len(found) < limit:
        page = list(session.scalars((query if before is None else query.where(Order.id < before)).limit(limit * 5)))
        found += [order for order in page if seen(order)]
        if len(page) < limit * 5:
            break
        before = page[-1].id
    return found[:limit]


def order_for(session: Session, who: Who, order_id: int) -> tuple[Order, str]:
    """The order, and as what this person sees it: "requester", "beneficiary" or "cadre".

    Raises Refused("not_yours") for a stranger, the same whether there is such an order or not.
    """
    order = session.get(Order, order_id)
    role = _seen_as(session, who, order) if order is not None else None
    if order is None or role is None:
        raise Refused("not_yours")
    return order, role


def _seen_as(session: Session, who: Who, order: Order) -> str | None:
    if order.beneficiary_id == who.person_id:
        return "beneficiary"
    try:
        _, role = act_for(session, who.person_id, order.beneficiary_id)
    except Refused:
        return None
    return "cadre" if role == "cadre" else "requester"


def find_by_number(session: Session, who: Who, text: str) -> Order:
    """The order with a number as somebody typed it; raises Refused("number_mistyped") or Refused("not_yours")."""
    order = session.scalar(select(Order).where(Order.number == heard(text)))
    if order is None:
        raise Refused("not_yours")
    return order_for(session, who, order.id)[0]


def same_day(
    session: Session, listing_id: int, beneficiary_id: int, preferred_at: datetime, but_not: int | None = None
) -> Order | None:
    """A living order of the same service for the same person on the same day in China: worth a question first.

    `but_not` is the key of one that does not count.
    """
    day = midnight(preferred_at)
    return session.scalar(
        select(Order).where(
            Order.listing_id == listing_id, Order.beneficiary_id == beneficiary_id, Order.state.in_(LIVE_ORDERS),
            Order.preferred_at >= day, Order.preferred_at < day + timedelta(days=1), Order.id != (but_not or 0),
        ).limit(1)
    )  # fmt: skip
