"""Care links: who may order and call for whom. Asked with an invitation, confirmed by a cadre, revocable."""

from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, Table, select, text
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb
from models.people.persons import Person


class Invitation(Row):
    """A code, on paper or as a QR, with which a relative may ask for a link to the person it names."""

    __tablename__ = "invitations"

    code: Mapped[str] = mapped_column(String(12), unique=True)  # six symbols and a check symbol, no 0/O/1/I
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    issued_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    uses_left: Mapped[int] = mapped_column(default=5)


class CareLink(Row):
    """A relative (or neighbour) who acts for an elder or a child, once a cadre has confirmed it."""

    __tablename__ = "care_links"
    __table_args__ = (
        # One living link for each pair: asking twice finds the first.
        Index(
            "uq_care_links_live", "relative_id", "cared_id", unique=True,
            postgresql_where=text("state IN ('asked', 'confirmed')"),
            sqlite_where=text("state IN ('asked', 'confirmed')"),
        ),
    )  # fmt: skip

    relative_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    kinship: Mapped[str] = mapped_column(String(16))  # what the relative is to the elder: "女儿"
    state: Mapped[str] = mapped_column(String(12), default="asked")
    asked_at: Mapped[datetime]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    settled_at: Mapped[datetime | None]
    guardian: Mapped[bool] = mapped_column(default=False)  # may agree for a child under fourteen; a cadre has seen why
    expires_at: Mapped[datetime | None] = mapped_column(index=True)  # empty: until it is revoked
    reminded_of: Mapped[datetime | None]  # the end of which the relative has been told


CARE = Life(
    "care",
    cast(Table, CareLink.__table__),
    "asked",
    (
        Verb("confirm", ("asked",), "confirmed", who=("cadre",), tells=("relative",)),
        Verb("decline", ("asked",), "declined", who=("cadre",), tells=("relative",)),
        Verb("revoke", ("asked", "confirmed"), "revoked", who=("relative", "cared", "cadre"), tells=("relative",)),
        Verb("entrust", ("confirmed",), "confirmed", who=("cadre",)),
        Verb("limit", ("confirmed",), "confirmed", who=("cadre",), tells=("relative",)),
        Verb("lapse", ("asked", "confirmed"), "lapsed", who=(TIME,), tells=("relative",)),
    ),
)


def may_act_for(session: Session, person_id: int, cared_id: int) -> bool:
    """Whether a person may order and call for another: for oneself always, else with a confirmed link."""
    if person_id == cared_id:
        return True
    return session.scalar(linked_to(person_id).where(CareLink.cared_id == cared_id).limit(1)) is not None


def linked_to(person_id: int) -> Select[int]:
    """The ids of those for whom a person may act now, to be joined into other questions."""
    return select(CareLink.cared_id).where(CareLink.relative_id == person_id, CareLink.state == "confirmed")


def cared_for_by(session: Session, person_id: int) -> list[tuple[Person, str]]:
    """The people for whom a person may act, with what this person is to each ("女儿"), the oldest link first."""
    return [(person, link.kinship) for link, person in links_of(session, person_id)]


def links_of(session: Session, person_id: int) -> list[tuple[CareLink, Person]]:
    """The confirmed links through which a person acts, each with whom it is for, the oldest first."""
    return _living(session, CareLink.relative_id == person_id, CareLink.cared_id)


def links_to(session: Session, cared_id: int) -> list[tuple[CareLink, Person]]:
    """The confirmed links through which others act for a person, each with who holds it, the oldest first."""
    return _living(session, CareLink.cared_id == cared_id, CareLink.relative_id)


def _living(
    session: Session, whose: ColumnElement[bool], other: InstrumentedAttribute[int]
) -> list[tuple[CareLink, Person]]:
    query = (
        select(CareLink, Person).join(Person, other == Person.id)
        .where(whose, CareLink.state == "confirmed", Person.state == "active").order_by(CareLink.id)
    )  # fmt: skip
    return [(row.CareLink, row.Person) for row in session.execute(query)]
