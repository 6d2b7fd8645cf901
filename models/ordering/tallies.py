"""Places and quotas: how many are taken, counted by the database in one guarded statement, given back once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, insert_of
from models.errors import Refused
from models.ordering.listings import Offered
from models.ordering.orders import Order
from models.people.persons import Person


class Tally(Base):
    """How much of one thing is taken: the places of a listing at a centre on a day, a household's orders of a month."""

    __tablename__ = "tallies"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    taken: Mapped[int]


class TallyHold(Base):
    """What one order has taken of a tally, for as long as it holds it."""

    __tablename__ = "tally_holds"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    amount: Mapped[int]


@dataclass(frozen=True)
class Claim:
    """So much of a tally, of which there is no more than `limit` (None: no end): places, or a household's share."""

    key: str
    amount: int
    limit: int | None
    share: bool = False

    def fits(self, taken: int) -> bool:
        """Whether it can be had where so much is taken."""
        return self.limit is None or taken + self.amount <= self.limit


def claims(offer: Offered, beneficiary: Person, wished: datetime, places: int) -> list[Claim]:
    """What an order of this service takes; places also where there is no end of them: a limit of the same days or hours
    that is set later counts them."""
    found, listing = [Claim(place_key(offer, wished), places, offer.capacity)], offer.listing
    if listing.quota is not None:
        found.append(Claim(_quota_key(offer, beneficiary, wished), 1, listing.quota, share=True))
    return found


def take(session: Session, order: Order, wanted: list[Claim]) -> None:
    """Take all of it or nothing: the caller's savepoint undoes the first when the second is refused.

    In one order for everybody, so that two who want the same two never wait for each other. Raises Refused("full") or
    Refused("quota_used", limit=…).
    """
    for claim in sorted(wanted, key=lambda one: one.key):
        insert = insert_of(session, Tally).values(key=claim.key, taken=claim.amount)
        statement = insert.on_conflict_do_update(
            index_elements=[Tally.key], set_={"taken": Tally.taken + claim.amount},
            where=None if claim.limit is None else Tally.taken + claim.amount <= claim.limit,
        ).returning(Tally.taken)  # fmt: skip
        if not claim.fits(0) or session.execute(statement).first() is None:
            raise Refused("quota_used" if claim.share else "full", limit=claim.limit)
        session.add(TallyHold(order_id=order.id, key=claim.key, amount=claim.amount))
    session.flush()


def give_back(session: Session, order_id: int) -> int:
    """Give back what an order holds; answers how many tallies. Twice is once: a hold goes with its deletion."""
    freed = session.execute(
        delete(TallyHold).where(TallyHold.order_id == order_id).returning(TallyHold.key, TallyHold.amount)
    ).all()
    for row in sorted(freed, key=lambda one: one.key):
        session.execute(update(Tally).where(Tally.key == row.key).values(taken=Tally.taken - row.amount))
    return len(freed)


def places_left(session: Session, offers: list[Offered], wished: datetime) -> dict[int, int]:
    """The places left of each listing that counts them, by listing id, in one question."""
    keys = {place_key(offer, wished): offer for offer in offers if offer.capacity is not None}
    rows = session.execute(select(Tally.key, Tally.taken).where(Tally.key.in_(keys)))
    taken = {row.key: row.taken for row in rows}
    return {one.listing.id: max((one.capacity or 0) - taken.get(key, 0), 0) for key, one in keys.items()}


def place_key(offer: Offered, wished: datetime) -> str:
    """The tally of a listing's places at a centre on a day, or in the slot into which the time falls."""
    local = wished.astimezone(offer.centre.tz)
    period = f"{local:%Y-%m-%d}"
    if offer.listing.capacity_per == "slot" and offer.listing.minutes:
        start = (local.hour * 60 + local.minute) // offer.listing.minutes * offer.listing.minutes
        period += f"T{start // 60:02}:{start % 60:02}"
    return f"places/{offer.listing.id}/{offer.centre.id}/{period}"


def _quota_key(offer: Offered, beneficiary: Person, wished: datetime) -> str:
    local, per = wished.astimezone(offer.centre.tz), offer.listing.quota_per
    year, week, _ = local.isocalendar()
    period = {
        "week": f"{year}W{week:02}", "month": f"{local:%Y-%m}", "quarter": f"{local.year}Q{(local.month + 2) // 3}",
        "year": f"{local.year}",
    }[per]  # fmt: skip
    holder = f"h/{beneficiary.household}" if beneficiary.household else f"p/{beneficiary.id}"
    return f"quota/{offer.listing.id}/{holder}/{period}"
