"""Seats that cannot be used for a while: a broken screen, a line that is down, a room under repair."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, String, Table, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.life import Life, Verb
from models.places.cells import cells_between, taken
from models.places.centres import Station


class StationOutage(Row):
    """One station out of service from one instant until another."""

    __tablename__ = "station_outages"

    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(12), default="standing")

    @property
    def subject(self) -> str:
        """The name under which history knows this outage."""
        return f"outage:{self.id}"


OUTAGE = Life(
    "outage",
    cast(Table, StationOutage.__table__),
    "standing",
    (Verb("mend", ("standing",), "mended", who=("cadre",)),),
)


def outages_of(session: Session, stations: Collection[int], since: datetime, until: datetime) -> list[StationOutage]:
    """The outages of these stations that stand and touch [since, until), the oldest first."""
    query = select(StationOutage).where(
        StationOutage.station_id.in_(stations), StationOutage.state == "standing", StationOutage.starts_at < until,
        StationOutage.ends_at > since,
    )  # fmt: skip
    return list(session.scalars(query.order_by(StationOutage.id)))


def unusable(
    session: Session, stations: Sequence[Station], since: datetime, until: datetime, *, but_not: str | None = None
) -> set[tuple[str, datetime]]:
    """The (resource, cell start) pairs of these stations in [since, until) that are taken, or out of service.

    What the booking `but_not` holds counts as free.
    """
    names = {one.id: one.resource for one in stations}
    found = taken(session, names.values(), since, until, but_not=but_not)
    for one in outages_of(session, names.keys(), since, until):
        cells = cells_between(max(one.starts_at, since), min(one.ends_at, until))
        found |= {(names[one.station_id], start) for start in cells}
    return found
