"""What nobody could do: unmet orders by service and reason, for the next list of services."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.people.identities import Who
from models.people.staff import areas_under


@dataclass(frozen=True)
class Gap:
    """One service that was wanted and not given: how often for which reason, and for how many people."""

    listing_id: int
    title: str
    category: str
    orders: int
    people: int  # one person who ordered twice is one
    reasons: dict[str, int]


def unmet(session: Session, who: Who, since: datetime, until: datetime) -> list[Gap]:
    """The gaps below a cadre's areas among orders of a span, the widest first; nothing for anybody else."""
    mine = (
        Order.state == "unmet", Order.area_id.in_(areas_under(who.person_id)),
        Order.created_at >= since, Order.created_at < until,
    )  # fmt: skip
    reasons = defaultdict[int, dict[str, int]](dict)
    counted = select(Order.listing_id, Order.end_code, func.count().label("many")).where(*mine)
    for row in session.execute(counted.group_by(Order.listing_id, Order.end_code)):
        reasons[row.listing_id][row.end_code or "other"] = row.many
    query = (
        select(Listing.id, Listing.title, Listing.category, func.count(Order.id).label("orders"),
               func.count(Order.beneficiary_id.distinct()).label("people"))
        .join(Order, Order.listing_id == Listing.id).where(*mine).group_by(Listing.id, Listing.title, Listing.category)
    )  # fmt: skip
    found = [
        Gap(row.id, row.title, row.category, row.orders, row.people, reasons[row.id]) for row in session.execute(query)
    ]
    return sorted(found, key=lambda gap: (-gap.orders, gap.listing_id))
