"""Alliances of centres across the mountains: for a time, what one centre's organisations do is done for all of them."""

from datetime import date

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.base import Row
from models.places.areas import Area
from models.places.centres import ServiceCentre


class CentreAlliance(Row):
    """An agreement of several centres, from its first to its last day in China; without a last day, until further."""

    __tablename__ = "centre_alliances"

    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    first_day: Mapped[date]
    last_day: Mapped[date | None]


class AlliedCentre(Row):
    """A centre that belongs to an alliance."""

    __tablename__ = "allied_centres"
    __table_args__ = (UniqueConstraint("alliance_id", "centre_id"),)

    alliance_id: Mapped[int] = mapped_column(ForeignKey("centre_alliances.id"))
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)


def allied_paths(session: Session, centre_id: int, day: date) -> list[str]:
    """The paths of the areas whose centres stand in an alliance with this one on that day, its own left out."""
    ours, theirs = aliased(AlliedCentre), aliased(AlliedCentre)
    query = (
        select(Area.path).join(ServiceCentre, ServiceCentre.area_id == Area.id)
        .join(theirs, theirs.centre_id == ServiceCentre.id).join(ours, ours.alliance_id == theirs.alliance_id)
        .join(CentreAlliance, CentreAlliance.id == ours.alliance_id)
        .where(ours.centre_id == centre_id, theirs.centre_id != centre_id, CentreAlliance.first_day <= day)
        .where(CentreAlliance.last_day.is_(None) | (CentreAlliance.last_day >= day)).distinct()
    )  # fmt: skip
    return list(session.scalars(query))
