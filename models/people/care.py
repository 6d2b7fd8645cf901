"""Care links: who may order and call for whom. Asked with an invitation, confirmed by a cadre, revocable."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

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


CARE = Life(
    "care",
    cast(Table, CareLink.__table__),
    "asked",
    (
        Verb("confirm", ("asked",), "confirmed", who=("cadre",), tells=("relative",)),
        Verb("decline", ("asked",), "declined", who=("cadre",), tells=("relative",)),
        Verb("revoke", ("asked", "confirmed"), "revoked", who=("relative", "cared", "cadre"), tells=("relative",)),
        Verb("lapse", ("asked",), "lapsed", who=(TIME,)),
    ),
)


def may_act_for(session: Session, person_id: int, cared_id: int) -> bool:
    """Whether a person may order and call for another: for oneself always, else with a confirmed link."""
    if person_id == cared_id:
        return True
    query = select(CareLink.id).where(
        CareLink.relative_id == person_id, CareLink.cared_id == cared_id, CareLink.state == "confirmed"
    )
    return session.scalar(query.limit(1)) is not None


def cared_for_by(session: Session, person_id: int) -> list[tuple[Person, str]]:
    """The people for whom a person may act, with what this person is to each ("女儿"), the oldest link first."""
    query = (
        select(Person, CareLink.kinship).join(CareLink, CareLink.cared_id == Person.id)
        .where(CareLink.relative_id == person_id, CareLink.state == "confirmed", Person.state == "active")
        .order_by(CareLink.id)
    )  # fmt: skip
    return [(row.Person, row.kinship) for row in session.execute(query)]
