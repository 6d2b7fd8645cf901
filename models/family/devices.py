"""Devices with a call button at a centre's seats, and which relatives have allowed them to ring their phones.

A relative allows it once (wx.requestDeviceVoIP). It goes with the mini-program when that is deleted, and nobody tells
us: the next ringing fails with errCode 9. So what phones report is kept, and looked at the day before each call.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, and_, exists, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row, insert_of
from models.errors import Refused
from models.family.calls import CALL, FamilyCall
from models.family.guests import CallGuest
from models.family.telling import facts_of
from models.life import BY_RULE
from models.people.persons import Person
from models.places.centres import ServiceCentre
from models.tasks.desk import open_task, opened_before, settle_for, who_works_there
from models.tasks.tasks import Task

STATES = ("granted", "refused", "gone")  # gone: errCode 9, or no longer on the phone's list
AHEAD = timedelta(hours=24)
KIND = "device_grant"


class VoipDevice(Row):
    """One device at one seat, as WeChat knows it."""

    __tablename__ = "voip_devices"

    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id"), unique=True)
    sn: Mapped[str] = mapped_column(String(128), unique=True)
    model_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(13))  # what the relative reads when asked


class DeviceGrant(Row):
    """Whether a relative's phone lets a device ring it, as that phone last said."""

    __tablename__ = "device_grants"
    __table_args__ = (UniqueConstraint("person_id", "device_id"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("voip_devices.id"))
    state: Mapped[str] = mapped_column(String(8))
    said_at: Mapped[datetime]


def device_of(session: Session, station_id: int) -> VoipDevice | None:
    """The device at a seat."""
    return session.scalar(select(VoipDevice).where(VoipDevice.station_id == station_id))


def grant_for(session: Session, person_id: int, device_id: int) -> DeviceGrant | None:
    """What a relative's phone last said of a device; None when it was never asked."""
    query = select(DeviceGrant).where(DeviceGrant.person_id == person_id, DeviceGrant.device_id == device_id)
    return session.scalar(query, execution_options={"populate_existing": True})


@dataclass(frozen=True)
class Ring:
    """One of a call's family and whether the device may ring them: one of STATES, "never" asked, or "no_device"."""

    person: Person
    state: str


def whom_to_ring(session: Session, calls: Collection[FamilyCall]) -> dict[int, list[Ring]]:
    """Of the calls that a device is to ring, whom on it: who booked first, then the guests; one question."""
    ringing = [call for call in calls if call.way == "device_voip"]
    if not ringing:
        return {}
    keys = [call.id for call in ringing]
    on_it = or_(
        Person.id == FamilyCall.relative_id,
        exists().where(CallGuest.call_id == FamilyCall.id, CallGuest.person_id == Person.id,
                       CallGuest.state == "joined"),
    )  # fmt: skip
    query = (
        select(FamilyCall.id, Person, VoipDevice.id.label("device"), DeviceGrant.state)
        .select_from(FamilyCall).join(Person, on_it)
        .outerjoin(VoipDevice, VoipDevice.station_id == FamilyCall.station_id)
        .outerjoin(DeviceGrant, and_(DeviceGrant.device_id == VoipDevice.id, DeviceGrant.person_id == Person.id))
        .where(FamilyCall.id.in_(keys)).order_by(FamilyCall.id, Person.id != FamilyCall.relative_id, Person.id)
    )  # fmt: skip
    found: dict[int, list[Ring]] = {key: [] for key in keys}
    for row in session.execute(query):
        state = "no_device" if row.device is None else row.state or "never"
        found[row.id].append(Ring(row.Person, state))
    return found


def said(session: Session, call: FamilyCall, person_id: int, state: str, now: datetime) -> str:
    """A relative's phone says whether the device of their call may ring it; answers what stands now.

    What was to be done about it is settled when it may. Raises Refused("no_device") where the seat has none.
    """
    device = device_of(session, call.station_id)
    if device is None or state not in STATES:
        raise Refused("no_device")
    values = {"state": state, "said_at": now}
    insert = insert_of(session, DeviceGrant).values(person_id=person_id, device_id=device.id, **values)
    # What is said later counts: a report that was long under way does not undo a newer one.
    session.execute(insert.on_conflict_do_update(
        index_elements=[DeviceGrant.person_id, DeviceGrant.device_id], set_=values, where=DeviceGrant.said_at <= now,
    ))  # fmt: skip
    grant = grant_for(session, person_id, device.id)
    assert grant is not None
    if grant.state == "granted" and person_id == call.relative_id:
        same = select(FamilyCall.id).where(
            FamilyCall.relative_id == person_id, FamilyCall.station_id == call.station_id, FamilyCall.state == "booked"
        )  # the leave is given to the device, whichever call it was asked for
        for key in sorted({call.id, *session.scalars(same)}):
            settle_for(session, f"{CALL.name}:{key}", "cancel", by=BY_RULE, now=now, kinds=(KIND,))
    return grant.state


def look_ahead(session: Session, now: datetime) -> int:
    """The day before each call that a device is to ring: where it may not, the helper has a task; answers how many.

    Once for each revision of a call, and again where what had been settled is not so any more: doing it twice is doing
    it once.
    """
    query = (
        select(FamilyCall)
        .where(FamilyCall.way == "device_voip", FamilyCall.state == "booked")
        .where(FamilyCall.starts_at > now, FamilyCall.starts_at <= now + AHEAD).order_by(FamilyCall.id)
        .with_for_update(skip_locked=True)  # another clock is at it
    )  # fmt: skip
    return sum(_ask(session, call, now) for call in session.scalars(query).all())


def _ask(session: Session, call: FamilyCall, now: datetime) -> bool:
    at, device = f"{call.subject}/{call.revision}/device/", device_of(session, call.station_id)
    grant = grant_for(session, call.relative_id, device.id) if device is not None else None
    allowed = grant is not None and grant.state == "granted"
    asked = select(Task.id).where(
        Task.subject == call.subject, Task.kind == KIND, Task.key.startswith(at), Task.state != "cancelled"
    ).limit(1)  # fmt: skip
    if allowed or session.scalar(asked) is not None:
        return False
    key = f"{at}{opened_before(session, call.subject, KIND)}"
    cared, centre = session.get_one(Person, call.cared_id), session.get_one(ServiceCentre, call.centre_id)
    why = "no_device" if device is None else grant.state if grant is not None else "never"
    here = cared.area_id or centre.area_id
    open_task(
        session, key=key, kind=KIND, area_id=here, assignee_id=who_works_there(session, call.helper_id, here),
        person_id=call.relative_id, subject=call.subject, now=now, due_at=call.starts_at - timedelta(hours=1),
        facts={**facts_of(session, call), "why": why},
    )  # fmt: skip
    return True
