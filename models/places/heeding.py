"""Whether hours, closures or outages of seats are others than when the bookings to come were last looked through."""

from hashlib import sha256

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, locked_row
from models.places.centres import Closure, OpeningHours
from models.places.outages import StationOutage


class HoursHeeded(Base):
    """One row: a digest of all hours, closures and outages as they were at the last look."""

    __tablename__ = "hours_heeded"

    name: Mapped[str] = mapped_column(String(8), primary_key=True)  # "hours"
    digest: Mapped[str] = mapped_column(String(64), default="")


def take_changed_hours(session: Session) -> bool:
    """Whether hours, closures or outages were made, edited or taken away since the last look; yes marks them as heeded.

    What is there now is compared, so that nothing depends on how it was edited. Of several clocks one hears yes: the
    others wait for its transaction.
    """
    digest = _digest(session)
    if session.scalar(select(HoursHeeded.digest)) == digest:
        return False
    row = locked_row(session, HoursHeeded, {"name": "hours"}, digest="")
    changed = row.digest != digest
    row.digest = digest
    session.flush()
    return changed


def look_again(session: Session) -> None:
    """Hours are looked at anew as if they had changed: what depends on them has."""
    session.execute(update(HoursHeeded).values(digest=""))


def _digest(session: Session) -> str:
    hours = select(
        OpeningHours.centre_id, OpeningHours.weekday, OpeningHours.opens, OpeningHours.closes, OpeningHours.on_holidays
    ).order_by(OpeningHours.centre_id, OpeningHours.weekday, OpeningHours.opens, OpeningHours.id)  # fmt: skip
    closures = (
        select(Closure.id, Closure.centre_id, Closure.first_day, Closure.last_day).where(Closure.state == "standing")
        .order_by(Closure.id)
    )  # fmt: skip
    outages = select(StationOutage.id).where(StationOutage.state == "standing").order_by(StationOutage.id)
    rows = [tuple(row) for query in (hours, closures, outages) for row in session.execute(query)]
    return sha256(repr(rows).encode()).hexdigest()
