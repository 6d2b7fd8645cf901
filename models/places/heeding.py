"""Whether hours, closures, outages of seats or the holidays that are known are others than when the bookings to come
were last looked through."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self

from sqlalchemy import Select, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, locked_row
from models.hours import last_known_year
from models.places.centres import Closure, OpeningHours
from models.places.outages import StationOutage

# Clocks of several versions may run at once. One that knows most says so every hour; after two it is there no more.
SAID_EVERY, BELIEVED_FOR = timedelta(hours=1), timedelta(hours=2)


class HoursHeeded(Base):
    """Two rows, as things were at the last look: a digest of all hours, closures and outages; and the last year whose
    holidays were known, with the real time at which a clock that knew it last said so."""

    __tablename__ = "hours_heeded"

    name: Mapped[str] = mapped_column(String(8), primary_key=True)  # "hours", "holidays"
    digest: Mapped[str] = mapped_column(String(64), default="")


def take_changed_hours(session: Session) -> bool:
    """Whether hours, closures or outages were made, edited or taken away since the last look; yes marks them as heeded.

    What is there now is compared, so that nothing depends on how it was edited. Of several clocks one hears yes: the
    others wait for its transaction.
    """
    digest = _digest(session)
    if session.scalar(_said("hours")) == digest:
        return False
    row = locked_row(session, HoursHeeded, {"name": "hours"}, digest="")
    changed = row.digest != digest
    row.digest = digest
    session.flush()
    return changed


def look_again(session: Session) -> None:
    """Hours are looked at anew as if they had changed: what depends on them has."""
    session.execute(update(HoursHeeded).where(HoursHeeded.name == "hours").values(digest=""))


def take_known_holidays(session: Session, real_now: datetime) -> bool:
    """Whether the holidays of a further year have become known since the last look; yes marks them as heeded.

    Of several clocks one hears yes: the others wait for its transaction. One that knows less hears no. When nobody has
    been there for a while who knows more, what is known is what it knows: an update that was taken back, and comes
    again, is heard of again. A database that was looked through before this was written down is looked through once.
    """
    mine = last_known_year()
    if _known(session).holds(mine, real_now):
        return False
    looked_through = session.scalar(_said("hours")) is not None
    row = locked_row(session, HoursHeeded, {"name": "holidays"}, digest="")
    known = _Known.read(row.digest)
    if known.holds(mine, real_now):
        return False
    row.digest = f"{mine} {real_now.isoformat()}"
    session.flush()
    return known.year < mine and looked_through


def knows_less(session: Session, real_now: datetime) -> bool:
    """Whether another clock, which was there a while ago, knows the holidays of a later year than this one."""
    known, mine = _known(session), last_known_year()
    return known.year > mine and known.holds(mine, real_now)


@dataclass(frozen=True)
class _Known:
    """The last year whose holidays were known, and when a clock that knew it last said so."""

    year: int
    said_at: datetime

    @classmethod
    def read(cls, digest: str | None) -> Self:
        """What stands in the row; where nothing does, no year was known."""
        year, _, said_at = (digest or f"0 {datetime.min.replace(tzinfo=UTC).isoformat()}").partition(" ")
        return cls(int(year), datetime.fromisoformat(said_at))

    def holds(self, mine: int, real_now: datetime) -> bool:
        """Whether a clock that knows the holidays up to the year `mine` leaves it as it was said."""
        good_for = SAID_EVERY if self.year == mine else BELIEVED_FOR
        return self.year >= mine and abs(real_now - self.said_at) < good_for


def _known(session: Session) -> _Known:
    return _Known.read(session.scalar(_said("holidays")))


def _said(name: str) -> Select[str]:
    return select(HoursHeeded.digest).where(HoursHeeded.name == name)


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
