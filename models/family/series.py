"""A series of family calls: who with whom, by which rule, at what time of the centre's day, from when until when."""

from collections.abc import Collection
from datetime import date, datetime, time
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, String, Table, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.recurring import CODE_LIMIT, Rule, read
from models.hours import instant
from models.life import TIME, Life, Verb
from models.people.care import linked_to, may_act_for
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import in_charge_of
from models.people.staff import areas_under

# What becomes of a call on a holiday: left out, put on the next day that is none, or held where the centre is open.
ON_HOLIDAYS = ("skip", "shift", "keep")
_LIVE = "state IN ('active', 'suspended')"


class Series(Row):
    """One series. Its rows are made ahead, through `scheduled_through`; what they were is never changed by an edit."""

    __tablename__ = "series"
    __table_args__ = (
        Index(
            "uq_series_live", "relative_id", "cared_id", "rule", "at", unique=True,
            postgresql_where=text(_LIVE), sqlite_where=text(_LIVE),
        ),
        Index(
            "ix_series_scheduled_through", "scheduled_through",
            postgresql_where=text("state = 'active'"), sqlite_where=text("state = 'active'"),
        ),
    )  # fmt: skip

    client_key: Mapped[str] = mapped_column(String(64), unique=True)
    relative_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    rule: Mapped[str] = mapped_column(String(CODE_LIMIT))
    at: Mapped[time]  # by the centre's clock: where the relative lives the hour may change with the seasons
    zone: Mapped[str] = mapped_column(String(40))  # the centre's
    anchor: Mapped[date]  # from which an interval of several weeks counts
    first_day: Mapped[date]
    last_day: Mapped[date | None]
    on_holidays: Mapped[str] = mapped_column(String(8), default="skip")
    state: Mapped[str] = mapped_column(String(12), default="active")
    why: Mapped[str] = mapped_column(String(16), default="")  # why it rests or is over: "asked", "hospital"…
    scheduled_through: Mapped[date]
    end_told: Mapped[date | None]  # the last day of which the relative has heard
    clock_told: Mapped[date | None]  # the latest change of clocks of which the relative has heard
    created_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history and letters know this series."""
        return f"series:{self.id}"

    @property
    def recurs(self) -> Rule:
        """Its rule."""
        return read(self.rule)

    @property
    def tz(self) -> ZoneInfo:
        """The zone in which its time of day stands still."""
        return ZoneInfo(self.zone)

    def moment(self, day: date) -> datetime:
        """Its instant on a day."""
        return instant(day, self.at, self.tz)


SERIES = Life(
    "series",
    cast(Table, Series.__table__),
    "active",
    (
        Verb("edit", ("active",), "active", who=("relative", "cadre"), tells=("relative",)),
        Verb("suspend", ("active",), "suspended", who=("relative", "cadre", "rule"), tells=("relative",)),
        Verb("resume", ("suspended",), "active", who=("relative", "cadre", "rule"), tells=("relative",)),
        Verb("cancel", ("active", "suspended"), "cancelled", who=("relative", "cadre", "rule"), tells=("relative",)),
        Verb("restore", ("cancelled",), "active", who=("relative", "cadre"), tells=("relative",)),
        Verb("run_out", ("active", "suspended"), "ended", who=(TIME,)),
        Verb("prolong", ("ended",), "active", who=("relative", "cadre"), tells=("relative",)),
    ),
)


def series_of(session: Session, who: Who, limit: int = 30) -> list[Series]:
    """The series that go on or rest, of this relative and of the residents below this cadre's areas; the newest first.

    A relative whose link has ended sees none of them.
    """
    query = (
        select(Series).join(Person, Series.cared_id == Person.id)
        .where(Series.state.in_(("active", "suspended")))
        .where(or_(
            (Series.relative_id == who.person_id) & Series.cared_id.in_(linked_to(who.person_id)),
            Person.area_id.in_(areas_under(who.person_id)),
        )).order_by(Series.relative_id != who.person_id, Series.id.desc()).limit(limit)
    )  # fmt: skip
    return list(session.scalars(query))


def series_for(session: Session, who: Who, series_id: int) -> tuple[Series, str]:
    """The series and as what this person sees it: "relative" or "cadre"; raises Refused("not_yours") for strangers."""
    found = session.get(Series, series_id)
    if found is None:
        raise Refused("not_yours")
    if found.relative_id == who.person_id and may_act_for(session, who.person_id, found.cared_id):
        return found, "relative"
    if in_charge_of(session, who.person_id, session.get_one(Person, found.cared_id)):
        return found, "cadre"
    raise Refused("not_yours")


def locked(session: Session, series_id: int) -> Series:
    """The series as it stands now, held until this transaction ends: whoever changes it or makes its rows waits."""
    query = select(Series).where(Series.id == series_id).with_for_update()
    return session.execute(query, execution_options={"populate_existing": True}).scalar_one()


def standing_between(session: Session, people: Collection[int], states: Collection[str]) -> list[Series]:
    """The series in these states in which any of these people calls or is called, each of them held."""
    query = (
        select(Series).where(or_(Series.relative_id.in_(people), Series.cared_id.in_(people)))
        .where(Series.state.in_(states)).order_by(Series.id).with_for_update()
    )  # fmt: skip
    return list(session.scalars(query, execution_options={"populate_existing": True}))
