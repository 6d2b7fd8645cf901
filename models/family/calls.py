"""A family call: a relative, perhaps guests, one elder or child, a station, a helper, half an hour; who sees it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.guests import calls_joined, guests_of, guests_of_many
from models.life import TIME, Life, Verb
from models.people.care import linked_to
from models.people.guardians import is_child
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import act_for, in_charge_of
from models.people.staff import areas_under, is_cadre_over
from models.places.areas import Area
from models.places.centres import ServiceCentre

AT_CENTRE, AT_HOME = "at_centre", "at_home"


class FamilyCall(Row):
    """One call. A change of time is a new revision of the same call, never a new call."""

    __tablename__ = "family_calls"
    __table_args__ = (Index(None, "station_id", "starts_at"),)  # what a screen's battery has had on a day

    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    relative_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    venue_mode: Mapped[str] = mapped_column(String(12), default=AT_CENTRE)  # or AT_HOME: the helper brings the screen
    # Where somebody wanted this one call to be held, and why; "": as it is with this elder.
    venue_wish: Mapped[str] = mapped_column(String(12), default="")
    venue_why: Mapped[str] = mapped_column(String(200), default="")
    vehicle_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    set_out_at: Mapped[datetime | None]  # when the helper set out for this home
    # The call day that it is part of: its helper watches all the screens of that day and is not taken by each call.
    call_day_id: Mapped[int | None] = mapped_column(ForeignKey("call_days.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default="booked")
    revision: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(200), default="")
    end_code: Mapped[str] = mapped_column(String(16), default="")  # one of CANCEL_CODES
    created_at: Mapped[datetime]
    way: Mapped[str] = mapped_column(String(12), default="room")  # one of models.family.ways.WAYS
    media: Mapped[str] = mapped_column(String(8), default="video")  # or "voice"
    group_key: Mapped[str | None] = mapped_column(String(32), unique=True)  # made when first asked for: never guessed

    @property
    def subject(self) -> str:
        """The name under which history, cells, letters and tasks know this call."""
        return f"call:{self.id}"

    @property
    def at_home(self) -> bool:
        """Whether the helper brings the screen to the elder's home."""
        return self.venue_mode == AT_HOME


LEADS = ("relative", "cadre")  # as what somebody may change a call; a guest leaves it, who is called looks and joins
LIVE_CALLS = ("booked", "checked_in", "in_call")
# Four ways in which two who wanted to talk did not. Each is a fact about that hour, and no mark against anybody.
MISSED = ("relative_no_show", "resident_no_show", "neither_came", "technical_failure")
# No call any more as things stand; that it was cancelled, or what became of it, may still be put right.
OVER = ("cancelled", "completed", *MISSED)
# How close to the call the family cancelled it; the centre did; the link, the consent or a life ended.
CANCEL_CODES = ("in_time", "late", "same_day", "centre", "stopped")
# What somebody may still say of a call: as long as nobody has said that they talked, it may turn out otherwise.
_OPEN = (*LIVE_CALLS, "unreported")


def _missed(state: str) -> tuple[str, ...]:
    return (*_OPEN, *(other for other in MISSED if other != state))


CALL = Life(
    "call",
    cast(Table, FamilyCall.__table__),
    "booked",
    (
        # One whose hour has passed may still be planned anew; it is never confirmed afterwards.
        Verb("change", ("booked", "unreported"), "booked", who=("relative", "cadre"), tells=("relative", "helper")),
        # On a call day: to another seat of it, also where the elder sits there already and the relative is late.
        Verb("reseat", ("booked", "checked_in", "unreported"), "booked", who=("cadre",), tells=("relative", "helper")),
        Verb("relocate", ("booked",), "booked", who=("relative", "cadre"), tells=("relative", "helper")),
        Verb("choose", ("booked",), "booked", who=("relative", "cadre")),  # how it is held
        Verb("set_out", ("booked",), "booked", who=("cadre",), tells=("relative",)),
        Verb("check_in", ("booked", "unreported"), "checked_in", who=("cadre",)),
        Verb("start", ("booked", "checked_in"), "in_call", who=("cadre", "relative", "rule")),
        Verb("close", ("booked", "checked_in"), "unreported", who=(TIME,), tells=("helper",)),
        Verb("complete", (*_OPEN, *MISSED), "completed", who=("cadre", TIME)),
        Verb("cancel", ("booked", "checked_in"), "cancelled", who=("relative", "cadre", "rule"),
             tells=("relative", "helper")),
        Verb("call_off", ("booked", "checked_in"), "cancelled", who=("cadre", "rule"), tells=("relative", "helper")),
        Verb("undo", ("cancelled",), "booked", who=("relative", "cadre"), tells=("relative", "helper")),
        Verb("miss_relative", _missed("relative_no_show"), "relative_no_show", who=("cadre",), tells=("relative",)),
        Verb("miss_resident", _missed("resident_no_show"), "resident_no_show", who=("cadre",), tells=("relative",)),
        Verb("miss_both", _missed("neither_came"), "neither_came", who=("cadre",), tells=("relative",)),
        Verb("fail", _missed("technical_failure"), "technical_failure", who=("cadre",), tells=("relative",)),
    ),
)  # fmt: skip


def calls_of(session: Session, who: Who, now: datetime) -> list[FamilyCall]:
    """The coming calls this person takes part in or helps with, and may still see; the soonest first."""
    mine = areas_under(who.person_id)
    query = (
        select(FamilyCall)
        .join(Person, FamilyCall.cared_id == Person.id).join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .where(or_(
            and_(
                or_(FamilyCall.relative_id == who.person_id, FamilyCall.id.in_(calls_joined(who.person_id))),
                FamilyCall.cared_id.in_(linked_to(who.person_id)),
            ),
            and_(FamilyCall.helper_id == who.person_id, or_(Person.area_id.in_(mine), ServiceCentre.area_id.in_(mine))),
            FamilyCall.cared_id == who.person_id,
        ))
        .where(FamilyCall.state.in_(LIVE_CALLS), FamilyCall.ends_at > now)
        .where(Person.state == "active").order_by(FamilyCall.starts_at)
    )  # fmt: skip
    return [call for call in session.scalars(query) if call.cared_id != who.person_id or may_see_own(session, call)]


def may_see_own(session: Session, call: FamilyCall) -> bool:
    """Whether who is called may look at it themselves: what was booked for a child is the guardian's to see."""
    return not is_child(session.get_one(Person, call.cared_id), call.created_at)


def calls_led(session: Session, who: Who, now: datetime) -> list[FamilyCall]:
    """Those of the coming calls that this person may change, the soonest first."""
    booked = [call for call in calls_of(session, who, now) if call.state == "booked"]
    return [one.call for one in with_roles(session, who, booked) if one.role in LEADS]


@dataclass(frozen=True)
class Seen:
    """A call as one person sees it: as what, and who and what is on it."""

    call: FamilyCall
    role: str  # as `call_for` answers it
    cared: Person
    relative: Person
    guests: list[Person]
    centre: ServiceCentre


def with_roles(session: Session, who: Who, calls: Collection[FamilyCall]) -> list[Seen]:
    """Calls that this person may see, as `calls_of` answers them, each as `call_for` would: a few questions in all."""
    guests = guests_of_many(session, [call.id for call in calls])
    ends = {key for call in calls for key in (call.cared_id, call.relative_id)}
    people = {one.id: one for one in session.scalars(select(Person).where(Person.id.in_(ends)))}
    places = select(ServiceCentre).where(ServiceCentre.id.in_({call.centre_id for call in calls}))
    centres = {one.id: one for one in session.scalars(places)}
    linked = set(session.scalars(linked_to(who.person_id)))
    me = people.get(who.person_id)
    in_charge = me is not None and in_charge_of(session, who.person_id, me)  # a cadre who is called keeps their rights
    found = list[Seen]()
    for call in calls:
        here = guests.get(call.id, [])
        role = "relative" if call.relative_id == who.person_id and call.cared_id in linked else "cadre"
        role = "guest" if any(one.id == who.person_id for one in here) else role
        if call.cared_id == who.person_id and role == "cadre" and not (call.helper_id == who.person_id or in_charge):
            role = "cared"
        found.append(
            Seen(call, role, people[call.cared_id], people[call.relative_id], here, centres[call.centre_id])
        )  # fmt: skip
    return found


def call_for(session: Session, who: Who, call_id: int) -> tuple[FamilyCall, str]:
    """The call and as what this person sees it: "relative" (who booked), "guest", "cadre" or "cared" (who is called).

    Who is called looks and joins, and no more; where they are a cadre as well, they keep a cadre's rights. Raises
    Refused("not_yours") for strangers. A relative whose link was revoked is a stranger from then on
    (Refused("no_link")), and so is a helper whose role has ended.
    """
    # One question for everybody: a stranger cannot even tell by its time whether there is such a call.
    mine = areas_under(who.person_id)
    call = session.scalar(
        select(FamilyCall)
        .join(Person, FamilyCall.cared_id == Person.id).join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .where(FamilyCall.id == call_id)
        .where(or_(
            FamilyCall.relative_id == who.person_id, FamilyCall.id.in_(calls_joined(who.person_id)),
            Person.area_id.in_(mine), and_(FamilyCall.helper_id == who.person_id, ServiceCentre.area_id.in_(mine)),
            FamilyCall.cared_id == who.person_id,
        ))
    )  # fmt: skip
    if call is None:
        raise Refused("not_yours")
    if call.relative_id == who.person_id:
        _, role = act_for(session, who.person_id, call.cared_id)
        return call, role
    if any(guest.id == who.person_id for guest in guests_of(session, call.id)):
        act_for(session, who.person_id, call.cared_id)
        return call, "guest"
    centre = session.get_one(ServiceCentre, call.centre_id)
    here = session.get_one(Area, centre.area_id)
    helps = call.helper_id == who.person_id and is_cadre_over(session, who.person_id, here)
    if helps or in_charge_of(session, who.person_id, session.get_one(Person, call.cared_id)):
        return call, "cadre"
    if call.cared_id == who.person_id and may_see_own(session, call):
        act_for(session, who.person_id, call.cared_id)
        return call, "cared"
    raise Refused("not_yours")


def led_by(session: Session, who: Who, call_id: int) -> tuple[FamilyCall, str]:
    """The same for who may change it, one of `LEADS`; raises Refused("not_yours") for anybody else on it too."""
    call, role = call_for(session, who, call_id)
    if role not in LEADS:
        raise Refused("not_yours")
    return call, role


def locked(session: Session, call_id: int) -> FamilyCall:
    """The call as it stands now, held: whoever changes or ends it at this moment waits, or is waited for."""
    session.flush()
    return session.get_one(FamilyCall, call_id, with_for_update={"key_share": True}, populate_existing=True)


def held_under_way(session: Session, call_id: int | None) -> bool:
    """Whether this call has begun, be it before its time: it is not called off any more. It is held, so it stays so."""
    return call_id is not None and locked(session, call_id).state == "in_call"


def cadres_call(session: Session, who: Who, call_id: int) -> FamilyCall:
    """The call, held, for its helper or a cadre over the village; raises Refused("not_yours") for anybody else."""
    _, role = call_for(session, who, call_id)
    if role != "cadre":
        raise Refused("not_yours")
    return locked(session, call_id)


def other_end(call: FamilyCall, person_id: int) -> int:
    """Whom this person talks with: who booked, for the one who is called; for everybody else the one who is called."""
    return call.relative_id if person_id == call.cared_id else call.cared_id


def relatives_on(session: Session, call: FamilyCall) -> list[int]:
    """Who is on a call from far away: who booked it, and the guests."""
    return [call.relative_id, *(guest.id for guest in guests_of(session, call.id))]


def place_of(session: Session, call: FamilyCall) -> int:
    """The key of the area in which a call takes place: the elder's where it is at home, else the centre's."""
    home = session.get_one(Person, call.cared_id).area_id if call.at_home else None
    return home or session.get_one(ServiceCentre, call.centre_id).area_id


def resources_of(session: Session, call: FamilyCall) -> list[str]:
    """Everything of which a call takes the time: its people, guests too, its screen, its vehicle and its helper."""
    people = [call.cared_id, *relatives_on(session, call)]
    people += [call.helper_id] if call.call_day_id is None else []
    vehicle = [f"equipment:{call.vehicle_id}"] if call.vehicle_id is not None else []
    return [f"station:{call.station_id}", *vehicle, *(session.get_one(Person, key).resource for key in people)]
