"""Occupancy: a person, a station, a room or a vehicle is in one place at a time, and the primary key says so."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Index, Row, Select, String, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Key, insert_of
from models.errors import Refused

CELL = timedelta(minutes=15)


class Cell(Base):
    """A quarter of an hour of one resource, held by one booking ("call:3")."""

    __tablename__ = "cells"
    __table_args__ = (Index(None, "held_by"),)

    resource_id: Mapped[str] = mapped_column(String(40), primary_key=True)  # "person:17", "station:2"
    cell_start: Mapped[datetime] = mapped_column(primary_key=True)
    held_by: Mapped[str] = mapped_column(String(40))
    # Where that is, for whoever has to come from there. No foreign key: areas stay, and cells are written all day.
    area_id: Mapped[int | None] = mapped_column(Key)


def quarter_of(moment: datetime) -> datetime:
    """The beginning of the quarter-hour in which an instant lies, in UTC."""
    begins = moment.astimezone(UTC)
    return begins - timedelta(minutes=begins.minute % 15, seconds=begins.second, microseconds=begins.microsecond)


def cells_between(starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """The starts of all quarter-hours that [starts_at, ends_at) touches: touching is taking, adjacency is not."""
    first = quarter_of(starts_at)
    count = -(-(ends_at - first) // CELL)
    return [first + n * CELL for n in range(count)]


def occupy(
    session: Session, resources: Iterable[str], starts_at: datetime, ends_at: datetime, held_by: str,
    area_id: int | None = None,
) -> None:  # fmt: skip
    """Make `held_by` hold exactly the cells of these resources in this span; see `hold`."""
    hold(session, [(resource, starts_at, ends_at) for resource in resources], held_by, area_id)


def hold(
    session: Session, spans: Iterable[tuple[str, datetime, datetime]], held_by: str, area_id: int | None = None
) -> None:
    """Make `held_by` hold exactly the cells of these (resource, from, until), whatever it held before.

    `area_id` says where all this takes place, so that a road to it can be reckoned with; without it what is held stays
    where it is. The new cells are taken before the old ones are given back, in one INSERT that everybody sorts the same
    way. Raises Refused("slot_taken") when any of them is held by another; then nothing has changed.
    """
    wanted = {(resource, start) for resource, since, until in spans for start in cells_between(since, until)}
    session.flush()
    found = _found(session, wanted, held_by)
    held = [row for row in found if row.held_by == held_by]
    if any(row.held_by != held_by and (row.resource_id, row.cell_start) in wanted for row in found):
        raise Refused("slot_taken")
    mine = {(row.resource_id, row.cell_start) for row in held}
    _take(session, sorted(wanted - mine), held_by, area_id)
    if area_id is not None and any(row.area_id != area_id for row in held):
        session.execute(update(Cell).where(Cell.held_by == held_by).values(area_id=area_id))
    for resource, start in sorted(mine - wanted):
        session.execute(delete(Cell).where(Cell.resource_id == resource, Cell.cell_start == start))


_C = cast(Table, Cell.__table__).c


@lru_cache(maxsize=64)
def _mine_or_in_the_way(many: int) -> Select[Any]:
    """What one booking holds, and what anybody holds of so many resources in a span.

    Made once for each number, and of plain columns: of those who want the same hour most hear no, and should hear it
    soon; a list of open length would be written out anew each time.
    """
    wanted = _C.resource_id.in_([bindparam(f"resource{n}") for n in range(many)])
    within = and_(wanted, _C.cell_start >= bindparam("first"), _C.cell_start <= bindparam("last"))
    return select(_C.resource_id, _C.cell_start, _C.area_id, _C.held_by).where(
        or_(_C.held_by == bindparam("held_by"), within)
    )


def _found(
    session: Session, wanted: Collection[tuple[str, datetime]], held_by: str
) -> Sequence[Row[Any, Any, Any, Any]]:
    """What `held_by` holds, and what anybody holds of the wanted resources in the time from the first to the last."""
    starts = [start for _, start in wanted] or [datetime(1970, 1, 1, tzinfo=UTC)]
    resources = sorted({resource for resource, _ in wanted})
    asked: dict[str, Any] = {f"resource{n}": name for n, name in enumerate(resources)}
    asked |= {"held_by": held_by, "first": min(starts), "last": max(starts)}
    return session.connection().execute(_mine_or_in_the_way(len(resources)), asked).all()


def _take(session: Session, wanted: Sequence[tuple[str, datetime]], held_by: str, area_id: int | None) -> None:
    """Write cells that were free a moment ago, all or none; whoever wrote one meanwhile is first."""
    if not wanted:
        return
    rows = [{"resource_id": r, "cell_start": s, "held_by": held_by, "area_id": area_id} for r, s in wanted]
    # A list beside the statement, not within it: so it is compiled once, and still one INSERT of them all.
    made = insert_of(session, Cell.__table__).on_conflict_do_nothing().returning(_C.resource_id, _C.cell_start)
    written = session.execute(made, rows).all()
    if len(written) == len(rows):
        return
    for row in written:
        session.execute(delete(Cell).where(Cell.resource_id == row.resource_id, Cell.cell_start == row.cell_start))
    raise Refused("slot_taken")


def hand_on(session: Session, held_by: str, to: str) -> None:
    """Give all cells of one booking to another, which takes its place: nobody can come between."""
    session.execute(update(Cell).where(Cell.held_by == held_by).values(held_by=to))


def release(session: Session, held_by: str) -> None:
    """Give all cells of a booking back."""
    session.execute(delete(Cell).where(Cell.held_by == held_by))


def release_between(session: Session, held_by: str, since: datetime, until: datetime) -> None:
    """Give those cells of a booking back that begin in [since, until)."""
    session.execute(delete(Cell).where(Cell.held_by == held_by, Cell.cell_start >= since, Cell.cell_start < until))


def held_between(session: Session, resource: str, since: datetime, until: datetime) -> list[datetime]:
    """When whatever needs a resource in [since, until) begins, or the part of it that lies there; one for each."""
    first = select(func.min(Cell.cell_start)).where(
        Cell.resource_id == resource, Cell.cell_start >= since, Cell.cell_start < until
    )
    return sorted(session.scalars(first.group_by(Cell.held_by)).all())


def taken(
    session: Session, resources: Iterable[str], start: datetime, end: datetime, *, but_not: str | None = None
) -> set[tuple[str, datetime]]:
    """The (resource, cell start) pairs that are held in [start, end), those of the booking `but_not` left out."""
    query = select(Cell.resource_id, Cell.cell_start).where(
        Cell.resource_id.in_(sorted(set(resources))), Cell.cell_start >= start, Cell.cell_start < end
    )
    if but_not is not None:
        query = query.where(Cell.held_by != but_not)
    return {(row.resource_id, row.cell_start) for row in session.execute(query)}
