"""The list of what a township's people need most, for those away or those left behind, version by version."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Table, UniqueConstraint, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Row
from models.errors import Refused
from models.hours import CHINA
from models.life import BY_RULE, By, Life, Verb
from models.ordering.said import check_category, cleaned
from models.ordering.townships import may_triage, triaged_by
from models.people.identities import Who
from models.places.areas import Area

AUDIENCES = ("away", "left_behind")
TITLE_LIMIT = 40


def _only(state: str) -> dict[str, Any]:
    """A unique index over the lists of one state."""
    where = text(f"state = '{state}'")
    return {"unique": True, "postgresql_where": where, "sqlite_where": where}


class DemandList(Row):
    """One version of one township's list for one audience; of each there is one draft and one that is out."""

    __tablename__ = "demand_lists"
    __table_args__ = (
        UniqueConstraint("area_id", "audience", "version"),
        Index("uq_demand_lists_draft", "area_id", "audience", **_only("draft")),
        Index("uq_demand_lists_published", "area_id", "audience", **_only("published")),
    )

    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    audience: Mapped[str] = mapped_column(String(12))
    version: Mapped[int]
    quarter: Mapped[str] = mapped_column(String(8))  # "2026-Q4"
    state: Mapped[str] = mapped_column(String(12), default="draft")
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class DemandItem(Row):
    """One line of a list. Its copies in later versions name the first of them, and the needs hang there."""

    __tablename__ = "demand_items"
    __table_args__ = (
        Index(
            "uq_demand_items_position", "list_id", "position", unique=True,
            postgresql_where=text("dropped_at IS NULL"), sqlite_where=text("dropped_at IS NULL"),
        ),
    )  # fmt: skip

    list_id: Mapped[int] = mapped_column(ForeignKey("demand_lists.id"), index=True)
    first_id: Mapped[int | None] = mapped_column(ForeignKey("demand_items.id"), index=True)  # empty: itself
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(TITLE_LIMIT))
    category: Mapped[str] = mapped_column(String(16))
    voices: Mapped[int] = mapped_column(default=0)  # people, as counted when the list came out
    created_at: Mapped[datetime]
    dropped_at: Mapped[datetime | None]

    @property
    def line_id(self) -> int:
        """The first item of its line, under which the needs stand."""
        return self.first_id or self.id

    @property
    def subject(self) -> str:
        """How history names it."""
        return f"demand_item:{self.id}"


class DemandCover(Base):
    """A service that answers a demand, through all versions of the list."""

    __tablename__ = "demand_covers"

    demand_id: Mapped[int] = mapped_column(ForeignKey("demand_items.id"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    by_person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime]


DEMAND_LIST = Life(
    "demand_list",
    cast(Table, DemandList.__table__),
    "draft",
    (
        Verb("publish", ("draft",), "published", who=("clerk",), tells=("teller",)),
        Verb("supersede", ("published",), "superseded", who=("rule",)),
    ),
)


@dataclass(frozen=True)
class Listed:
    """Where a demand stands in the list that is out now."""

    item: DemandItem
    list: DemandList


def line_of(item: type[DemandItem]) -> ColumnElement[int]:
    """The first item of a line, as a column."""
    return func.coalesce(item.first_id, item.id)


def draft_of(session: Session, who: Who, area_id: int, audience: str, now: datetime) -> DemandList:
    """The draft of a township's list; the first to ask begins it with what stands in the list that is out.

    Raises Refused("not_yours") for somebody who gathers no needs there.
    """
    if not may_triage(session, who.person_id, area_id) or audience not in AUDIENCES:
        raise Refused("not_yours")
    found = _in_state(session, area_id, audience, "draft")
    if found is not None:
        return found
    versions = select(func.max(DemandList.version)).where(
        DemandList.area_id == area_id, DemandList.audience == audience
    )
    local = now.astimezone(CHINA)
    draft = DemandList(
        area_id=area_id, audience=audience, version=(session.scalar(versions) or 0) + 1, created_at=now,
        quarter=f"{local.year}-Q{(local.month + 2) // 3}",
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(draft)
    except IntegrityError:
        found = _in_state(session, area_id, audience, "draft")
        if found is None:
            raise
        return found
    DEMAND_LIST.begin(session, draft, by=By(who.person_id, "clerk"), now=now)
    out = _in_state(session, area_id, audience, "published")
    for old in items_of(session, out.id) if out is not None else ():
        session.add(DemandItem(list_id=draft.id, first_id=old.line_id, position=old.position, title=old.title,
                               category=old.category, created_at=now))  # fmt: skip
    session.flush()
    return draft


def _in_state(session: Session, area_id: int, audience: str, state: str) -> DemandList | None:
    return session.scalar(
        select(DemandList).where(
            DemandList.area_id == area_id, DemandList.audience == audience, DemandList.state == state
        )
    )


def list_for(session: Session, who: Who, list_id: int) -> DemandList:
    """A list, for who gathers the needs there; raises Refused("not_yours")."""
    found = session.get(DemandList, list_id)
    if found is None or not may_triage(session, who.person_id, found.area_id):
        raise Refused("not_yours")
    return found


def open_draft(session: Session, who: Who, list_id: int) -> DemandList:
    """A draft, held until this transaction ends; raises Refused("not_yours") or Refused("list_closed")."""
    found = list_for(session, who, list_id)
    session.flush()
    session.refresh(found, with_for_update=True)
    if found.state != "draft":
        raise Refused("list_closed")
    return found


def items_of(session: Session, list_id: int) -> list[DemandItem]:
    """The items of a list in their order."""
    query = select(DemandItem).where(DemandItem.list_id == list_id, DemandItem.dropped_at.is_(None))
    return list(session.scalars(query.order_by(DemandItem.position)))


def add_item(session: Session, who: Who, list_id: int, title: str, category: str, now: datetime) -> DemandItem:
    """A new item at the end of a draft.

    Raises Refused("not_yours"), ("list_closed"), ("title_long", limit=…) or ("no_category").
    """
    draft = open_draft(session, who, list_id)
    said = " ".join(cleaned(title).split())
    if not 0 < len(said) <= TITLE_LIMIT:
        raise Refused("title_long", limit=TITLE_LIMIT)
    last = max((item.position for item in items_of(session, draft.id)), default=0)
    item = DemandItem(list_id=draft.id, position=last + 1, title=said, category=check_category(category),
                      created_at=now)  # fmt: skip
    session.add(item)
    session.flush()
    return item


def arrange(session: Session, who: Who, list_id: int, item_ids: list[int]) -> list[DemandItem]:
    """Put the items of a draft into this order; raises Refused as `open_draft`, ("wrong_state") for other items."""
    draft = open_draft(session, who, list_id)
    items = {item.id: item for item in items_of(session, draft.id)}
    if sorted(items) != sorted(item_ids):
        raise Refused("wrong_state")
    # Out of each other's way first: a position is never held twice, not even for a moment.
    for sign in (-1, 1):
        for position, key in enumerate(item_ids, start=1):
            items[key].position = sign * position
        session.flush()
    return items_of(session, draft.id)


def position_of(session: Session, demand_id: int) -> Listed | None:
    """Where a demand stands in the list that is out now; None when it stands in none."""
    row = session.execute(
        select(DemandItem, DemandList).join(DemandList, DemandItem.list_id == DemandList.id)
        .where(line_of(DemandItem) == demand_id, DemandItem.dropped_at.is_(None), DemandList.state == "published")
        .order_by(DemandList.id.desc()).limit(1)
    ).first()  # fmt: skip
    return Listed(row.DemandItem, row.DemandList) if row is not None else None


def supersede(session: Session, new: DemandList, now: datetime) -> None:
    """The list that is out makes room for the next version."""
    old = _in_state(session, new.area_id, new.audience, "published")
    if old is not None and old.id != new.id:
        DEMAND_LIST.move(session, old, "supersede", by=BY_RULE, now=now)


def lists_seen(session: Session, who: Who) -> list[tuple[DemandList, Area]]:
    """The drafts and the lists that are out which this person looks after, each with its township."""
    query = (
        select(DemandList, Area).join(Area, DemandList.area_id == Area.id)
        .where(DemandList.state != "superseded", Area.id.in_(triaged_by(who.person_id)))
        .order_by(Area.name, DemandList.audience, DemandList.id)
    )  # fmt: skip
    return [(row.DemandList, row.Area) for row in session.execute(query)]
