"""A call day (集中连线): some hours at a centre with several screens, and one cadre who watches over all of them."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Select, String, Table, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.calls import FamilyCall
from models.family.venues import CALL_LASTS
from models.life import TIME, Life, Verb
from models.people.identities import Who
from models.people.staff import areas_under, is_cadre_over
from models.places.areas import Area
from models.places.centres import ServiceCentre

LIVE_CALLS = ("booked", "checked_in", "in_call")


class CallDay(Row):
    """One call day: `seats` screens side by side, half-hour by half-hour, and the last half-hour in reserve."""

    __tablename__ = "call_days"

    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    helper_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # the last half-hour is in reserve: for a call that came late or failed
    seats: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default="open")
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history and cells know this day."""
        return f"call_day:{self.id}"

    @property
    def reserve_at(self) -> datetime:
        """When the reserve begins."""
        return self.ends_at - CALL_LASTS

    def times(self) -> list[datetime]:
        """The half-hours of the day, the reserve left out."""
        count = (self.reserve_at - self.starts_at) // CALL_LASTS
        return [self.starts_at + n * CALL_LASTS for n in range(count)]


CALL_DAY = Life(
    "call_day",
    cast(Table, CallDay.__table__),
    "open",
    (
        Verb("resize", ("open",), "open", who=("cadre",)),
        Verb("call_off", ("open",), "called_off", who=("cadre",), tells=("relative",)),
        Verb("close", ("open",), "closed", who=(TIME,)),
    ),
)


def day_for(session: Session, who: Who, day_id: int) -> CallDay:
    """A call day, locked, for a cadre over its centre; raises Refused("not_yours") for anybody else."""
    found = held(session, day_id)
    if found is None or not is_cadre_over(session, who.person_id, area_of(session, found.centre_id)):
        raise Refused("not_yours")
    return found


def held(session: Session, day_id: int) -> CallDay | None:
    """A call day as it stands now, held: it comes before its calls, as in every rule."""
    return session.get(CallDay, day_id, with_for_update={"key_share": True}, populate_existing=True)


def area_of(session: Session, centre_id: int) -> Area:
    """The area of a centre."""
    return session.get_one(Area, session.get_one(ServiceCentre, centre_id).area_id)


def centre_of(session: Session, who: Who, centre_id: int) -> ServiceCentre:
    """A centre, for a cadre over its area; raises Refused("not_yours") for anybody else."""
    centre = session.get(ServiceCentre, centre_id)
    if centre is None or not is_cadre_over(session, who.person_id, session.get_one(Area, centre.area_id)):
        raise Refused("not_yours")
    return centre


def calls_on(session: Session, day_id: int) -> list[FamilyCall]:
    """The calls of a day that stand, in order of time."""
    return list(session.scalars(_standing_on(day_id).order_by(FamilyCall.starts_at, FamilyCall.id)))


def calls_held(session: Session, day_id: int) -> list[FamilyCall]:
    """The same, held, of a day that the caller holds: whoever cancels or moves one waits, or is waited for."""
    session.flush()
    locked = _standing_on(day_id).order_by(FamilyCall.id).with_for_update(key_share=True)
    found = session.scalars(locked, execution_options={"populate_existing": True})
    return sorted(found, key=lambda call: (call.starts_at, call.id))


def _standing_on(day_id: int) -> Select[FamilyCall]:
    return select(FamilyCall).where(FamilyCall.call_day_id == day_id, FamilyCall.state.in_(LIVE_CALLS))


def days_of(session: Session, who: Who, now: datetime) -> list[CallDay]:
    """The call days to come at the centres of a cadre, the soonest first."""
    query = (
        select(CallDay).join(ServiceCentre, CallDay.centre_id == ServiceCentre.id)
        .where(CallDay.state == "open", CallDay.ends_at > now)
        .where(ServiceCentre.area_id.in_(areas_under(who.person_id))).order_by(CallDay.starts_at, CallDay.id)
    )  # fmt: skip
    return list(session.scalars(query))
