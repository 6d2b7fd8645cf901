"""What a desk asks of needs, calls for help and demand lists: which there are, page by page, and what hangs on them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from models.hours import CHINA
from models.messages.media import Media
from models.ordering.demands import DemandCover, DemandItem, DemandList, items_of
from models.ordering.help import LIVE_HELP, HelpRequest
from models.ordering.listings import Listing
from models.ordering.needs import WAITING, NeedSubmission
from models.ordering.said import Said
from models.ordering.townships import TRIAGE_ROLES, triaged_by
from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import StaffRole, areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre

UNSORTED = "unsorted"  # of no kind yet


@dataclass(frozen=True)
class Question:
    """What the desk looks for; empty parts are not asked. `view`: "waiting", a state, or "all"."""

    view: str = "waiting"
    category: str = ""
    township_id: int | None = None
    urgent: bool = False


def needs(session: Session, who: Who, question: Question, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (NeedSubmission, area, person) that this clerk gathers; of secrets only those that the clerk holds.

    What waits stands in the order in which it is to be looked at: the urgent first, then the oldest.
    """
    table, waits = NeedSubmission, question.view == "waiting"
    query = _rows(table, question, WAITING).where(
        table.area_id.in_(triaged_by(who.person_id)),
        or_(table.confidential.is_(False), table.holder_id == who.person_id),
    )  # fmt: skip
    if not waits:
        return page(session, query, (table.id,), lambda row: (row[0].id,), cursor, newest_first=True)
    keys = (_burning(table), table.id)
    return page(session, query, keys, lambda row: (0 if row[0].urgent else 1, row[0].id), cursor)


def calls(session: Session, who: Who, question: Question, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (HelpRequest, area, person) that this cadre may look after; what waits by its due time, the urgent first.

    A clerk sees the township's, a helper what they were asked to do, everybody over the place what is urgent; a secret
    only who holds it.
    """
    table, me = HelpRequest, who.person_id
    open_to_all = table.confidential.is_(False)
    query = _rows(table, question, LIVE_HELP).where(or_(
        (table.holder_id == me) & table.area_id.in_(areas_under(me)),
        open_to_all & table.area_id.in_(triaged_by(me)),
        open_to_all & table.urgent.is_(True) & table.area_id.in_(areas_under(me)),
    ))  # fmt: skip
    if question.view != "waiting":
        return page(session, query, (table.id,), lambda row: (row[0].id,), cursor, newest_first=True)
    keys = (_burning(table), table.due_at, table.id)
    return page(session, query, keys, lambda row: (0 if row[0].urgent else 1, row[0].due_at, row[0].id), cursor)


def _burning(table: type[Said]) -> Any:
    return case((table.urgent.is_(True), 0), else_=1)


def _rows(table: Any, question: Question, waiting: Collection[str]) -> Asked:
    query: Asked = (
        select(table, Area.name.label("area"), Person.name.label("person"))
        .join(Area, table.area_id == Area.id).outerjoin(Person, table.person_id == Person.id)
    )  # fmt: skip
    if question.view == "waiting":
        query = query.where(table.state.in_(waiting))
    elif question.view != "all":
        query = query.where(table.state == question.view)
    if question.category:
        query = query.where(table.category == ("" if question.category == UNSORTED else question.category))
    if question.township_id is not None:
        path = select(Area.path).where(Area.id == question.township_id).scalar_subquery()
        query = query.where(Area.path.startswith(path))
    if question.urgent:
        query = query.where(table.urgent.is_(True))
    return query


def media_kinds(session: Session, subjects: Collection[str]) -> dict[str, list[str]]:
    """What came with each of these matters besides words: "voice", "image"."""
    found: dict[str, list[str]] = {}
    query = select(Media.subject, Media.kind).where(Media.subject.in_(subjects)).order_by(Media.id)
    for subject, kind in session.execute(query):
        found.setdefault(subject, []).append(kind)
    return found


def media_of_all(session: Session, subjects: Collection[str]) -> dict[str, list[Media]]:
    """The voice notes and pictures of these matters; the caller has asked who may see them."""
    found: dict[str, list[Media]] = {}
    for one in session.scalars(select(Media).where(Media.subject.in_(subjects)).order_by(Media.id)):
        found.setdefault(one.subject, []).append(one)
    return found


def demand_lists(session: Session, who: Who, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (DemandList, area, items): every version that this clerk looks after, the newest first."""
    counted = (
        select(func.count()).select_from(DemandItem)
        .where(DemandItem.list_id == DemandList.id, DemandItem.dropped_at.is_(None)).scalar_subquery()
    )  # fmt: skip
    query = (
        select(DemandList, Area.name.label("area"), counted.label("items_many"))
        .join(Area, DemandList.area_id == Area.id).where(Area.id.in_(triaged_by(who.person_id)))
    )  # fmt: skip
    return page(session, query, (DemandList.id,), lambda row: (row[0].id,), cursor, newest_first=True)


def draft_items(session: Session, township_id: int) -> list[Any]:
    """Rows of (DemandItem, audience) of the drafts of a township, in their order: what a need may be put under."""
    query = (
        select(DemandItem, DemandList.audience).join(DemandList, DemandItem.list_id == DemandList.id)
        .where(DemandList.area_id == township_id, DemandList.state == "draft", DemandItem.dropped_at.is_(None))
        .order_by(DemandList.audience, DemandItem.position)
    )  # fmt: skip
    return list(session.execute(query).all())


@dataclass(frozen=True)
class Line:
    """One item of a list: the services that answer it, each with whether it stands today, and those that might."""

    item: DemandItem
    answered_by: list[tuple[Listing, bool]]
    others: list[Listing]

    @property
    def is_gap(self) -> bool:
        """Whether no service answers it today."""
        return not any(stands for _, stands in self.answered_by)


def lines_of(session: Session, whole: DemandList, now: datetime) -> list[Line]:
    """The items of a list with their services: three questions, whatever the number of items."""
    items = items_of(session, whole.id)
    covers = (
        select(DemandCover.demand_id, Listing).join(Listing, DemandCover.listing_id == Listing.id)
        .where(DemandCover.demand_id.in_([item.line_id for item in items])).order_by(Listing.id)
    )  # fmt: skip
    linked: dict[int, list[Listing]] = {}
    for demand, listing in session.execute(covers):
        linked.setdefault(demand, []).append(listing)
    here = select(Area.path).where(Area.id == whole.area_id).scalar_subquery()
    near = (
        select(ServiceCentre.id).join(Area, ServiceCentre.area_id == Area.id)
        .where(or_(Area.path.startswith(here), here.startswith(Area.path)))
    )  # fmt: skip
    offered = select(Listing).where(Listing.centre_id.in_(near), Listing.state == "published").order_by(Listing.id)
    might = list(session.scalars(offered))
    today = now.astimezone(CHINA).date()

    def stands(one: Listing) -> bool:
        return one.state == "published" and (one.valid_from or today) <= today <= (one.valid_to or today)

    return [
        Line(
            item, [(one, stands(one)) for one in linked.get(item.line_id, [])],
            [one for one in might if one.category == item.category and one not in linked.get(item.line_id, [])],
        )
        for item in items
    ]  # fmt: skip


def needs_under(session: Session, line_ids: Collection[int]) -> dict[int, list[NeedSubmission]]:
    """The needs that hang on each of these demands, the oldest first, secrets left out: they are only counted."""
    found: dict[int, list[NeedSubmission]] = {}
    query = (
        select(NeedSubmission).where(NeedSubmission.demand_id.in_(line_ids), NeedSubmission.state == "adopted")
        .where(NeedSubmission.confidential.is_(False)).order_by(NeedSubmission.id)
    )  # fmt: skip
    for need in session.scalars(query):
        found.setdefault(need.demand_id or 0, []).append(need)
    return found


def gathered_areas(session: Session, who: Who) -> list[Area]:
    """Where this person gathers needs: the areas of the roles first, then the townships below them, by path."""
    mine = select(StaffRole.area_id).where(
        StaffRole.person_id == who.person_id, StaffRole.ended_at.is_(None), StaffRole.role.in_(TRIAGE_ROLES)
    )  # fmt: skip
    query = (
        select(Area).where(Area.id.in_(triaged_by(who.person_id)), or_(Area.kind == "township", Area.id.in_(mine)))
        .order_by(Area.path)
    )  # fmt: skip
    return list(session.scalars(query))
