"""The caller and the people whom the caller may act for, for the mini-program."""

from collections.abc import Mapping
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g
from pydantic import Field
from sqlalchemy import select

from handlers import words as shared
from handlers.envelope import NO_NUL, Asked, Shown, refusing, said
from models.people.care import links_of
from models.people.identities import out_of_reach
from models.people.persons import Person, call_oneself, move_to_zone
from models.people.staff import Organisation, StaffRole, is_cadre
from models.places.areas import Area
from models.reminding import person_moved_zone

room = APIBlueprint("people", __name__, tag="people")


class OrganisationShown(Shown):
    """An organisation for which the caller answers."""

    id: int
    name: str


class MeShown(Shown):
    """Who asks. `name` is empty until it is said; one on the county's own list is a cadre's to change."""

    id: int
    name: str
    name_registered: bool
    time_zone: str
    city: str
    village: str
    is_cadre: bool
    organisations: list[OrganisationShown]


class MeAsked(Asked):
    """What to change; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)] | None = None
    time_zone: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)] | None = None


class BeneficiaryShown(Shown):
    """Somebody for whom the caller may order: oneself ("self"), or whom a confirmed care link names ("relative").
    `not_reached` is "", or says to be shown before an order that WeChat does not reach them now, and what happens."""

    id: int
    name: str
    role: str
    kinship: str
    village: str
    not_reached: str


class Beneficiaries(Shown):
    """A list of people."""

    items: list[BeneficiaryShown]
    next: int | None = None


@room.get("/me")
@room.output(MeShown)
def me() -> Any:
    """Who I am here."""
    return said(_me())


@room.patch("/me")
@room.input(MeAsked)
@room.output(MeShown)
@room.doc(responses=refusing("name_long", "name_registered", "unknown_zone"))
def change_me(json_data: MeAsked) -> Any:
    """Say my name, or where I live now: reminders still to come are planned anew."""
    person = g.session.get_one(Person, g.who.person_id)
    if json_data.name is not None:
        call_oneself(g.session, person, json_data.name)
    if json_data.time_zone is not None:
        move_to_zone(g.session, person, json_data.time_zone)
        person_moved_zone(g.session, person.id, g.now)
    return said(_me())


@room.get("/people")
@room.output(Beneficiaries)
def people() -> Any:
    """The people for whom I may order: myself where my village is known, and those linked to me."""
    own = g.session.get_one(Person, g.who.person_id)
    found = [(own, "self", "")] if own.area_id is not None else []
    found += [(person, "relative", link.kinship) for link, person in links_of(g.session, own.id)]
    away = {one.id: one.name for one in out_of_reach(g.session, [person.id for person, _, _ in found])}
    return said(Beneficiaries(items=[_shown(*one, away) for one in found]))


def _me() -> MeShown:
    person = g.session.get_one(Person, g.who.person_id)
    answers_for = (
        select(Organisation).join(StaffRole, StaffRole.organisation_id == Organisation.id)
        .where(StaffRole.person_id == person.id, StaffRole.ended_at.is_(None)).distinct().order_by(Organisation.id)
    )  # fmt: skip
    return MeShown(
        id=person.id, name=person.name, name_registered=person.code is not None, time_zone=person.time_zone,
        city=shared.city(person.tz), village=_village(person), is_cadre=is_cadre(g.session, person.id),
        organisations=[OrganisationShown(id=one.id, name=one.name) for one in g.session.scalars(answers_for)],
    )  # fmt: skip


def _shown(person: Person, role: str, kinship: str, away: Mapping[int, str]) -> BeneficiaryShown:
    mine = {key: name for key, name in away.items() if key == person.id}
    return BeneficiaryShown(
        id=person.id, name=person.name, role=role, kinship=kinship, village=_village(person),
        not_reached=shared.unreached(mine, g.who.person_id),
    )  # fmt: skip


def _village(person: Person) -> str:
    return g.session.get_one(Area, person.area_id).name if person.area_id is not None else ""
