"""A family call: a relative, perhaps guests, one elder or child, a station, a helper, half an hour; who sees it."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, String, Table, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.guests import calls_joined, guests_of
from models.life import TIME, Life, Verb
from models.people.care import linked_to
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import act_for, in_charge_of
from models.people.staff import areas_under, is_cadre_over
from models.places.areas import Area
from models.places.centres import ServiceCentre


class FamilyCall(Row):
    """One call. A change of time is a new revision of the same call, never a new call."""

    __tablename__ = "family_calls"

    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    relative_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    venue_mode: Mapped[str] = mapped_column(String(12), default="at_centre")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default="booked")
    revision: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    way: Mapped[str] = mapped_column(String(12), default="room")  # one of models.family.ways.WAYS
    media: Mapped[str] = mapped_column(String(8), default="video")  # or "voice"
    group_key: Mapped[str | None] = mapped_column(String(32), unique=True)  # made when first asked for: never guessed

    @property
    def subject(self) -> str:
        """The name under which history, cells, letters and tasks know this call."""
        return f"call:{self.id}"


CALL = Life(
    "call",
    cast(Table, FamilyCall.__table__),
    "booked",
    (
        Verb("change", ("booked",), "booked", who=("relative", "cadre"), tells=("relative", "helper")),
        Verb("choose", ("booked",), "booked", who=("relative", "cadre")),
        Verb("check_in", ("booked",), "checked_in", who=("cadre",)),
        Verb("start", ("booked", "checked_in"), "in_call", who=("cadre", "relative")),
        Verb("complete", ("booked", "checked_in", "in_call"), "completed", who=("cadre", TIME)),
        Verb("cancel", ("booked", "checked_in"), "cancelled", who=("relative", "cadre", "rule"),
             tells=("relative", "helper")),
        Verb("miss_relative", ("booked", "checked_in"), "relative_no_show", who=("cadre",)),
        Verb("miss_resident", ("booked", "checked_in"), "resident_no_show", who=("cadre",)),
        Verb("fail", ("booked", "checked_in", "in_call"), "technical_failure", who=("cadre",)),
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
        ))
        .where(FamilyCall.state.in_(("booked", "checked_in", "in_call")), FamilyCall.ends_at > now)
        .where(Person.state == "active").order_by(FamilyCall.starts_at)
    )  # fmt: skip
    return list(session.scalars(query))


def call_for(session: Session, who: Who, call_id: int) -> tuple[FamilyCall, str]:
    """The call and as what this person sees it: "relative" (who booked), "guest" or "cadre".

    Raises Refused("not_yours") for strangers. A relative whose link was revoked is a stranger from then on
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
    raise Refused("not_yours")


def resources_of(session: Session, call: FamilyCall) -> list[str]:
    """Everything of which a call takes the time: its people, guests too, its screen and its helper."""
    people = [call.relative_id, call.cared_id, call.helper_id, *(guest.id for guest in guests_of(session, call.id))]
    return [f"station:{call.station_id}", *(session.get_one(Person, key).resource for key in people)]
