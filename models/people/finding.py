"""Finding residents below a cadre's areas, and what the desk shows of one of them."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.paging import Cursor, Page, page
from models.people.care import CARE, CareLink
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.areas import Area

_NOT_DIGITS = re.compile(r"\D")


@dataclass(frozen=True)
class Question:
    """Whom the desk looks for; empty parts are not asked. `name`: or a part of it; `phone`: the whole number."""

    name: str = ""
    phone: str = ""
    left_behind: str = ""


def look(session: Session, cadre_id: int, question: Question, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (Person, area) below this cadre's areas, in the order in which they were registered."""
    query = (
        select(Person, Area.name.label("area")).join(Area, Person.area_id == Area.id)
        .where(Area.id.in_(areas_under(cadre_id)), Person.name != "")
    )  # fmt: skip
    if question.name:
        query = query.where(Person.name.contains(question.name, autoescape=True))
    if question.phone:
        # A part of a number would let somebody walk through all of them digit by digit.
        written = {question.phone.strip(), _NOT_DIGITS.sub("", question.phone)} - {""}
        query = query.where(Person.phone.in_(written))
    if question.left_behind:
        query = query.where(Person.left_behind == question.left_behind)
    return page(session, query, (Person.id,), lambda row: (row.Person.id,), cursor)


def circle_of(session: Session, person_id: int) -> list[Any]:
    """Rows of (CareLink, relative, cared): who acts for a person and for whom the person acts, asked or confirmed."""
    relative, cared = aliased(Person), aliased(Person)
    query = (
        select(CareLink, relative.name.label("relative"), cared.name.label("cared"))
        .join(relative, CareLink.relative_id == relative.id).join(cared, CareLink.cared_id == cared.id)
        .where((CareLink.relative_id == person_id) | (CareLink.cared_id == person_id), CareLink.state.not_in(CARE.ends))
        .order_by(CareLink.id)
    )  # fmt: skip
    return list(session.execute(query).all())
