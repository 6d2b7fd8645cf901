"""A person: resident, relative or cadre, with or without a phone."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Ground
from models.errors import Refused
from models.hours import zone_named

PERSON_STATES = ("active", "paused", "moved", "deceased")  # paused: in hospital, for now nothing takes place
HARDSHIPS = ("low_income", "extreme_poverty", "disabled")  # 低保, 特困, 残疾
NAME_LIMIT = 20  # what people say of themselves; the county's own list may hold more


class Person(Ground):
    """Somebody the centre knows. `code` is the key of the county's own list; a follower who came by WeChat has none."""

    __tablename__ = "persons"

    code: Mapped[str | None] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(40), default="")  # empty until the person, or a clerk, says it
    state: Mapped[str] = mapped_column(String(12), default="active")
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)  # village of registration
    phone: Mapped[str] = mapped_column(String(20), default="")
    time_zone: Mapped[str] = mapped_column(String(40), default="Asia/Shanghai")
    left_behind: Mapped[str] = mapped_column(String(8), default="")  # "", "elder", "child": sensitive
    away: Mapped[bool] = mapped_column(default=False)
    large_type: Mapped[bool] = mapped_column(default=False)  # 长辈版: pages in the larger of two sizes
    session_epoch: Mapped[int] = mapped_column(default=0)  # a session that was begun in another epoch is over
    born: Mapped[date | None]  # empty: nobody has written it down
    hardship: Mapped[str] = mapped_column(String(16), default="")  # one of HARDSHIPS: sensitive
    homebound: Mapped[bool] = mapped_column(default=False)  # cannot come to the centre: what may be comes to the home
    household: Mapped[str] = mapped_column(String(20), default="")  # the county's own number; empty: lives alone
    created_at: Mapped[datetime]

    @property
    def tz(self) -> ZoneInfo:
        """The zone in which this person lives now and reads times."""
        return ZoneInfo(self.time_zone)

    @property
    def resource(self) -> str:
        """The name under which this person's time is taken in the occupancy cells."""
        return f"person:{self.id}"


def states_of(session: Session, *keys: int) -> dict[int, str]:
    """The states of these people, by their keys, whatever this transaction had read of them before; they may end."""
    states = session.execute(select(Person.id, Person.state).where(Person.id.in_(keys)))
    return {one.id: one.state for one in states}


def stay_as_they_are(session: Session, *keys: int) -> dict[int, str]:
    """The states of these people, by their keys; until this transaction is over nobody ends what they may do.

    Whoever does (`held_to_change`) waits, or is waited for: then links, consents and states are to be read. Those who
    book do not wait for each other.
    """
    return {person.id: person.state for person in _held(session, keys, read=True)}


def stay_active(session: Session, *keys: int) -> None:
    """The same where all of these people have to be here; to be asked before what is theirs is held.

    Raises Refused("not_active") where one is in hospital, has moved away or has died.
    """
    if any(state != "active" for state in stay_as_they_are(session, *keys).values()):
        raise Refused("not_active")


def held_to_change(session: Session, *keys: int) -> None:
    """What is being booked for these people is booked before, and is to be ended too; or it comes after, and is not."""
    _held(session, keys, key_share=True)


def _held(session: Session, keys: Collection[int], *, read: bool = False, key_share: bool = False) -> Sequence[Person]:
    """These people as they stand now: what was read of them before may have changed while they were waited for."""
    query = select(Person).where(Person.id.in_(keys)).order_by(Person.id)
    held = query.with_for_update(read=read, key_share=key_share)
    return session.scalars(held, execution_options={"populate_existing": True}).all()


def call_oneself(session: Session, person: Person, name: str) -> None:
    """Take down what a person says their name is.

    Raises Refused("name_long"), and Refused("name_registered") for somebody on the county's own list: that name is a
    cadre's to change.
    """
    if person.code is not None:
        raise Refused("name_registered", name=person.name)
    said = " ".join(name.split())
    if not 0 < len(said) <= NAME_LIMIT:
        raise Refused("name_long", limit=NAME_LIMIT)
    person.name = said
    session.flush()


def move_to_zone(session: Session, person: Person, zone: str) -> None:
    """The person lives in another zone from now on; raises Refused("unknown_zone")."""
    person.time_zone = zone_named(zone).key
    session.flush()
