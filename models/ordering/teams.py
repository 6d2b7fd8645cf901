"""Volunteer teams: an organisation that answers as a whole and then names who goes; and where organisations go."""

from datetime import date

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row


class VolunteerTeam(Row):
    """An organisation that works as a team: whoever accepts for it must name a person a day before the visit."""

    __tablename__ = "volunteer_teams"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), unique=True)
    field: Mapped[str] = mapped_column(String(24))  # "poverty_relief", "medical", "legal_aid"
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    incubation: Mapped[str] = mapped_column(String(16), default="")  # "", "incubating", "independent"
    review_on: Mapped[date | None]  # when its incubation is looked at next


class CoverageArea(Row):
    """A further area whose subtree an organisation serves, beside the one that it belongs to."""

    __tablename__ = "coverage_areas"
    __table_args__ = (UniqueConstraint("organisation_id", "area_id"),)

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))


def is_team(session: Session, organisation_id: int) -> bool:
    """Whether an organisation answers first and names a person later."""
    return session.scalar(select(VolunteerTeam.id).where(VolunteerTeam.organisation_id == organisation_id)) is not None
