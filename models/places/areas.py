"""The area tree: county → township → village → grid, and what lies below what."""

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Ground, Steady, once

AREA_KINDS = ("county", "township", "village", "grid")  # from the top down; a street counts as a township


class Area(Steady, Ground):
    """One node of the tree. `path` names it and all above it ("/1/4/9/"), so that a subtree is one prefix."""

    __tablename__ = "areas"

    code: Mapped[str] = mapped_column(String(20), unique=True)  # GB/T 2260-like, or the county's own
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(12))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    path: Mapped[str] = mapped_column(String(120), index=True)


def add_area(session: Session, *, code: str, name: str, kind: str, parent: Area | None = None) -> Area:
    """Add an area below `parent` and give it its path."""
    area = Area(code=code, name=name, kind=kind, parent_id=parent.id if parent else None, path="")
    session.add(area)
    session.flush()
    area.path = f"{parent.path if parent else '/'}{area.id}/"
    return area


def root(session: Session) -> int | None:
    """The key of the county; None before one is loaded."""
    return session.scalar(select(Area.id).where(Area.parent_id.is_(None)).order_by(Area.id).limit(1))


def keys_in(path: str) -> list[int]:
    """The keys of an area and of all above it, the nearest first, as its path names them."""
    return [int(part) for part in reversed(path.strip("/").split("/"))]


def chain(session: Session, area: Area) -> list[Area]:
    """The area and all above it, the nearest first."""
    ids = keys_in(area.path)

    def ask() -> dict[int, Area]:
        return {row.id: row for row in session.scalars(select(Area).where(Area.id.in_(ids)))}

    found = once(session, Area, area.path, ask)
    return [found[key] for key in ids]
