"""What cadres ask of loans between centres: which there are, on which side they stand, what there is to borrow."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.ordering.lending import is_of, owner_of
from models.ordering.loans import LOAN, ResourceLoan
from models.ordering.skills import Skill
from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre, Station, stations_of
from models.places.equipment import Equipment

GOING_ON = tuple(state for state in LOAN.states if state not in LOAN.ends)


@dataclass(frozen=True)
class Thing:
    """What a centre could lend: `kind` and `key` as `lending.request` takes them."""

    kind: str
    key: int
    name: str


def look(session: Session, who: Who, cursor: Cursor | None = None, *, over: bool = False) -> Page[Any]:
    """Rows of (ResourceLoan, lent, lender, borrower) of the centres below this cadre, the newest first.

    Those that go on, or with `over` those that have ended.
    """
    going_on = ResourceLoan.state.in_(GOING_ON)
    query = _below(who).where(~going_on if over else going_on)
    return page(
        session, query, (ResourceLoan.id,), lambda row: (row.ResourceLoan.id,), cursor, newest_first=True
    )  # fmt: skip


def loan_for(session: Session, who: Who, loan_id: int) -> Any:
    """One row as `look` answers them; raises Refused("not_yours") where neither side lies below this cadre."""
    row = session.execute(_below(who).where(ResourceLoan.id == loan_id).limit(1)).first()
    if row is None:
        raise Refused("not_yours")
    return row


def may(session: Session, who: Who, loan: ResourceLoan) -> list[str]:
    """The verbs that this cadre can do with it as it stands, for the side or sides on which they are."""
    ends = {"lender": loan.from_centre_id, "borrower": loan.to_centre_id}
    mine = {side for side, key in ends.items() if is_of(session, who, session.get_one(ServiceCentre, key))}
    found = [verb.name for verb in LOAN.verbs if loan.state in verb.sources and mine & set(verb.who)]
    return [name for name in found if name != "cancel" or "refuse" not in found]  # a lender who is asked refuses


def own_centres(session: Session, who: Who) -> list[ServiceCentre]:
    """The centres for which this cadre may borrow."""
    query = select(ServiceCentre).where(ServiceCentre.area_id.in_(areas_under(who.person_id)))
    return list(session.scalars(query.order_by(ServiceCentre.name, ServiceCentre.id)))


def lenders(session: Session, who: Who) -> list[ServiceCentre]:
    """The centres from which this cadre could borrow: all but their own, by name; what one has says `things_of`."""
    query = select(ServiceCentre).where(ServiceCentre.area_id.not_in(areas_under(who.person_id)))
    return list(session.scalars(query.order_by(ServiceCentre.name, ServiceCentre.id)))


def things_of(session: Session, centre: ServiceCentre) -> list[Thing]:
    """What it could lend: its equipment, its portable screens, and whoever is at home there.

    `lending.owner_of` says whose somebody is.
    """
    equipment = session.execute(
        select(Equipment.id, Equipment.name).where(Equipment.centre_id == centre.id).order_by(Equipment.id)
    )
    found = [Thing("equipment", row.id, row.name) for row in equipment]
    found += [Thing("station", one.id, one.name) for one in stations_of(session, centre.id, "portable_call")]
    here = session.get_one(Area, centre.area_id)
    below = select(Area.id).where(Area.path.startswith(here.path))
    able = Person.id.in_(select(Skill.person_id)) & (Person.state == "active")
    people = session.scalars(select(Person).where(Person.area_id.in_(below), able).order_by(Person.id))
    organisations = session.scalars(
        select(Organisation).where(Organisation.area_id.in_(below)).order_by(Organisation.id)
    )
    found += [Thing("person", one.id, one.name) for one in people if _at_home(session, "person", one.id, centre)]
    found += [
        Thing("organisation", one.id, one.name)
        for one in organisations if _at_home(session, "organisation", one.id, centre)
    ]  # fmt: skip
    return found


def _at_home(session: Session, kind: str, key: int, centre: ServiceCentre) -> bool:
    _, home = owner_of(session, kind, key)
    return home is not None and home.id == centre.id


def _below(who: Who) -> Asked:
    lender, borrower, mine = aliased(ServiceCentre), aliased(ServiceCentre), areas_under(who.person_id)
    return (
        select(
            ResourceLoan, func.coalesce(Person.name, Organisation.name, Equipment.name, Station.name).label("lent"),
            lender.name.label("lender"), borrower.name.label("borrower"),
        )
        .join(lender, ResourceLoan.from_centre_id == lender.id).join(borrower, ResourceLoan.to_centre_id == borrower.id)
        .outerjoin(Person, ResourceLoan.person_id == Person.id)
        .outerjoin(Organisation, ResourceLoan.organisation_id == Organisation.id)
        .outerjoin(Equipment, ResourceLoan.equipment_id == Equipment.id)
        .outerjoin(Station, ResourceLoan.station_id == Station.id)
        .where(or_(lender.area_id.in_(mine), borrower.area_id.in_(mine)))
    )  # fmt: skip
