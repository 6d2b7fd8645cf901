"""What people need and nobody offers: demands without a service, orders nobody could do, and who asked for what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, distinct, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.hours import CHINA
from models.ordering.demands import DemandCover, DemandItem, DemandList, line_of
from models.ordering.listings import Listing
from models.ordering.needs import NeedSubmission
from models.ordering.orders import Order
from models.ordering.townships import may_triage
from models.ordering.voices import PEOPLE, trees
from models.people.identities import Who
from models.places.areas import Area


@dataclass(frozen=True)
class Uncovered:
    """A demand on a list that is out, which no service answers today."""

    township: str
    audience: str
    quarter: str
    position: int
    title: str
    category: str
    people: int


@dataclass(frozen=True)
class Unmet:
    """Orders that ended without anybody who could do them, by kind of help and reason (one of UNMET_REASONS, or "")."""

    township: str
    category: str
    reason: str
    orders: int
    people: int


@dataclass(frozen=True)
class Asked:
    """How many people asked for one kind of help; `category` is "" where no clerk has looked yet."""

    township: str
    category: str
    people: int


@dataclass(frozen=True)
class Gaps:
    """The whole report."""

    uncovered: list[Uncovered]
    unmet: list[Unmet]
    asked: list[Asked]


def gaps(session: Session, now: datetime, area: Area | None = None) -> Gaps:
    """The gaps below an area, of the whole county where none is named: three questions, whatever the number of rows.

    People are counted and not rows. What was said in confidence adds to the people behind a demand and stands nowhere
    else.
    """
    below = [Area.path.startswith(area.path)] if area is not None else []
    return Gaps(_uncovered(session, now, below), _unmet(session, below), _asked(session, below))


def gaps_for(session: Session, who: Who, area_id: int, now: datetime) -> Gaps:
    """The same, for who gathers the needs there; raises Refused("not_yours")."""
    area = session.get(Area, area_id)
    if area is None or not may_triage(session, who.person_id, area.id):
        raise Refused("not_yours")
    return gaps(session, now, area)


def _uncovered(session: Session, now: datetime, below: list[ColumnElement[bool]]) -> list[Uncovered]:
    root, item, today = aliased(NeedSubmission), DemandItem, now.astimezone(CHINA).date()
    tree = trees(NeedSubmission.state == "adopted")
    people = (
        select(root.demand_id.label("demand_id"), PEOPLE.label("people"))
        .select_from(tree).join(root, root.id == tree.c.root_id)
        .join(NeedSubmission, NeedSubmission.id == tree.c.need_id).group_by(root.demand_id).subquery()
    )  # fmt: skip
    answered = exists().where(
        DemandCover.demand_id == line_of(item), DemandCover.listing_id == Listing.id, Listing.state == "published",
        or_(Listing.valid_from.is_(None), Listing.valid_from <= today),
        or_(Listing.valid_to.is_(None), Listing.valid_to >= today),
    )  # fmt: skip
    counted = func.coalesce(people.c.people, 0)
    query = (
        select(Area.name, DemandList.audience, DemandList.quarter, item.position, item.title, item.category,
               counted.label("people"))
        .join(DemandList, item.list_id == DemandList.id).join(Area, DemandList.area_id == Area.id)
        .outerjoin(people, people.c.demand_id == line_of(item))
        .where(DemandList.state == "published", item.dropped_at.is_(None), ~answered, *below)
        .order_by(counted.desc(), Area.name, DemandList.audience, item.position)
    )  # fmt: skip
    return [Uncovered(*row) for row in session.execute(query)]


def _in_townships(query: Any, village: Any, township: Any) -> Any:
    """Each row's township: the one above its village, or the place itself where none stands above it."""
    return query.outerjoin(township, and_(village.path.startswith(township.path), township.kind == "township"))


def _unmet(session: Session, below: list[ColumnElement[bool]]) -> list[Unmet]:
    township = aliased(Area)
    name = func.coalesce(township.name, Area.name)
    query = select(
        name, Listing.category, Order.end_code, func.count(Order.id), func.count(distinct(Order.beneficiary_id))
    )
    query = query.join(Listing, Order.listing_id == Listing.id).join(Area, Order.area_id == Area.id)
    query = _in_townships(query, Area, township).where(Order.state == "unmet", *below)
    query = query.group_by(name, Listing.category, Order.end_code)
    rows = session.execute(query.order_by(func.count(distinct(Order.beneficiary_id)).desc(), name)).all()
    return [Unmet(*row) for row in rows]


def _asked(session: Session, below: list[ColumnElement[bool]]) -> list[Asked]:
    root, township = aliased(NeedSubmission), aliased(Area)
    tree = trees(NeedSubmission.state != "declined")
    name = func.coalesce(township.name, Area.name)
    query = (
        select(name, root.category, PEOPLE.label("people"))
        .select_from(tree).join(root, root.id == tree.c.root_id)
        .join(NeedSubmission, NeedSubmission.id == tree.c.need_id).join(Area, NeedSubmission.area_id == Area.id)
    )  # fmt: skip
    query = _in_townships(query, Area, township).where(NeedSubmission.confidential.is_(False), *below)
    rows = session.execute(query.group_by(name, root.category).order_by(PEOPLE.desc(), name, root.category)).all()
    return [Asked(*row) for row in rows]
