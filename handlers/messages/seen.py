"""Which letters a cadre may see: those about something below their areas, wherever the reader lives."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, literal, or_, select

from models.family.calls import CALL, FamilyCall
from models.family.guests import GUEST, CallGuest
from models.family.occurrences import OCCURRENCE, Occurrence
from models.family.pairing import PAIRING, Pairing
from models.family.series import SERIES, Series
from models.messages.letters import Letter
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.listings import Listing
from models.ordering.orders import ORDER, Order
from models.ordering.versions import VERSION, ListingVersion
from models.ordering.visits import VISIT, Visit
from models.ordering.waiting import WAITING, WaitlistEntry
from models.people.care import CARE, CareLink
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.centres import ServiceCentre
from models.tasks.tasks import TASK, Task

Areas = Select[int]

# A subject's life → the keys of its things below some areas. A relative in one village may order for an elder in
# another: what a letter is about decides who may see it, and not where its reader is registered.
ABOUT: Mapping[str, Callable[[Areas], Select[Any]]] = {
    ORDER.name: lambda areas: select(Order.id).where(Order.area_id.in_(areas)),
    ASSIGNMENT.name: lambda areas: (
        select(Assignment.id).join(Order, Assignment.order_id == Order.id).where(Order.area_id.in_(areas))
    ),
    VISIT.name: lambda areas: select(Visit.id).join(Order, Visit.order_id == Order.id).where(Order.area_id.in_(areas)),
    CALL.name: lambda areas: (
        select(FamilyCall.id).join(Person, FamilyCall.cared_id == Person.id).where(Person.area_id.in_(areas))
    ),
    GUEST.name: lambda areas: (
        select(CallGuest.id)
        .join(FamilyCall, CallGuest.call_id == FamilyCall.id)
        .join(Person, FamilyCall.cared_id == Person.id)
        .where(Person.area_id.in_(areas))
    ),
    PAIRING.name: lambda areas: (
        select(Pairing.id).join(Person, Pairing.cared_id == Person.id).where(Person.area_id.in_(areas))
    ),
    SERIES.name: lambda areas: (
        select(Series.id).join(Person, Series.cared_id == Person.id).where(Person.area_id.in_(areas))
    ),
    OCCURRENCE.name: lambda areas: (
        select(Occurrence.id)
        .join(Series, Occurrence.series_id == Series.id)
        .join(Person, Series.cared_id == Person.id)
        .where(Person.area_id.in_(areas))
    ),
    CARE.name: lambda areas: (
        select(CareLink.id).join(Person, CareLink.cared_id == Person.id).where(Person.area_id.in_(areas))
    ),
    VERSION.name: lambda areas: (
        select(ListingVersion.id)
        .join(Listing, ListingVersion.listing_id == Listing.id)
        .join(ServiceCentre, Listing.centre_id == ServiceCentre.id)
        .where(ServiceCentre.area_id.in_(areas))
    ),
    WAITING.name: lambda areas: (
        select(WaitlistEntry.id)
        .join(Person, WaitlistEntry.beneficiary_id == Person.id)
        .where(Person.area_id.in_(areas))
    ),
    TASK.name: lambda areas: select(Task.id).where(Task.area_id.in_(areas)),
}
# What is about the reader alone. Anything else is seen by nobody until it stands here.
OWN = ("digest", "invitation")
# Lives of which no letter speaks, or whose letters no desk shows: needs and calls for help may be confidential.
SEEN_BY_NOBODY = ("listing", "letter", "need", "help", "media", "demand_list", "complaint", "loan", "person",
                  "proposal", "makeup", "call_day", "closure", "outage")  # fmt: skip


def within(person_id: int) -> ColumnElement[bool]:
    """Whether this cadre may see a letter, to be put into other questions."""
    areas = areas_under(person_id)
    people = select(Person.id).where(Person.area_id.in_(areas))
    own = or_(*(Letter.subject.startswith(f"{kind}:") for kind in OWN)) & Letter.person_id.in_(people)
    return or_(own, *(Letter.subject.in_(_subjects(life, keys(areas))) for life, keys in ABOUT.items()))


def _subjects(life: str, keys: Select[Any]) -> Select[Any]:
    return keys.with_only_columns(literal(f"{life}:") + cast(keys.selected_columns[0], String))
