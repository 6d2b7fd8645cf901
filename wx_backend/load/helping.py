"""Sections of help: teams and what people can do, what a service needs, where organisations go, roads, equipment."""

from sqlalchemy import select

from models.errors import Refused
from models.ordering.listings import Listing
from models.ordering.skills import RequiredSkill, Skill
from models.ordering.teams import CoverageArea, VolunteerTeam
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.places.equipment import EQUIPMENT_KINDS, Equipment
from models.places.travel import TravelTime, put_travel
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn


def teams(load: Loading, row: RowIn) -> None:
    """An organisation that works as a team: it accepts first and names a person later."""
    leader = load.find(Person, row("leader"), "leader").id if row("leader", "") else None
    load.put(
        VolunteerTeam, {"organisation_id": load.find(Organisation, row("organisation"), "organisation").id},
        field=row("field"), leader_id=leader, review_on=row.day_or_none("review_on"),
        incubation=row.one_of("incubation", ("", "incubating", "independent"), ""),
    )  # fmt: skip


def skills(load: Loading, row: RowIn) -> None:
    """What a person can do, with which certificate until when."""
    load.put(
        Skill, {"person_id": load.find(Person, row("person"), "person").id, "skill": row("skill")},
        certificate=row("certificate", ""), valid_until=row.day_or_none("valid_until"),
    )  # fmt: skip


def requirements(load: Loading, row: RowIn) -> None:
    """What a service needs; those of a service that the file speaks of are all in the file."""
    listing = load.find(Listing, row("listing"), "listing")
    need, _ = load.put(
        RequiredSkill, {"listing_id": listing.id, "skill": row("skill")}, certified=row.yes("certified", "no")
    )
    load.keep(RequiredSkill, "listing_id", listing.id, need.id)


def coverage(load: Loading, row: RowIn) -> None:
    """A further area of an organisation; those of one that the file speaks of are all in the file."""
    organisation = load.find(Organisation, row("organisation"), "organisation")
    area, _ = load.put(
        CoverageArea, {"organisation_id": organisation.id, "area_id": load.find(Area, row("area"), "area").id}
    )
    load.keep(CoverageArea, "organisation_id", organisation.id, area.id)


def roads(load: Loading, row: RowIn) -> None:
    """How many minutes the road between two areas takes, both ways."""
    one, other = load.find(Area, row("from"), "from"), load.find(Area, row("to"), "to")
    first, second = sorted((one.id, other.id))
    known = load.session.scalar(
        select(TravelTime.id).where(TravelTime.first_id == first, TravelTime.second_id == second)
    )
    try:
        put_travel(load.session, one, other, row.number("minutes"))
    except Refused as refusal:
        raise BadRow("from / to / minutes: 要两个不同的地方，1到1440分钟") from refusal
    if known is None:
        load.count(TravelTime)


def equipment(load: Loading, row: RowIn) -> None:
    """A vehicle, device or tool of a centre."""
    centre = load.find(ServiceCentre, row("centre"), "centre")
    load.put(Equipment, {"centre_id": centre.id, "name": row("name")}, kind=row.one_of("kind", EQUIPMENT_KINDS))
