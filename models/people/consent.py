"""Consent: to what a person agreed, in which words, given how and witnessed by whom."""

from datetime import datetime

from sqlalchemy import ForeignKey, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused

CONSENT_KINDS = ("service_records", "family_calls", "photos")
CONSENT_MEANS = ("wechat", "signature", "spoken")  # a spoken consent needs a witness


class Consent(Row):
    """One agreement, and its end when it was withdrawn."""

    __tablename__ = "consents"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    text_version: Mapped[str] = mapped_column(String(16))
    means: Mapped[str] = mapped_column(String(12))
    given_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))  # the person, or a guardian
    witness_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


def give(
    session: Session, person_id: int, *, kind: str, text_version: str, means: str, given_by_id: int,
    witness_id: int | None = None, now: datetime,
) -> Consent:  # fmt: skip
    """Write down that a person (or a guardian for that person) agreed.

    Raises Refused("witness_needed") for a spoken consent without a witness.
    """
    if means == "spoken" and witness_id is None:
        raise Refused("witness_needed")
    consent = Consent(
        person_id=person_id, kind=kind, text_version=text_version, means=means, given_by_id=given_by_id,
        witness_id=witness_id, given_at=now,
    )  # fmt: skip
    session.add(consent)
    session.flush()
    return consent


def withdraw(session: Session, person_id: int, kind: str, now: datetime) -> int:
    """End every standing consent of this kind; answers how many there were."""
    standing = list(session.scalars(_standing(person_id, kind)))
    for consent in standing:
        consent.withdrawn_at = now
    session.flush()
    return len(standing)


def consents_to(session: Session, person_id: int, kind: str) -> bool:
    """Whether the person has agreed and not taken it back."""
    return session.scalar(_standing(person_id, kind).limit(1)) is not None


def _standing(person_id: int, kind: str) -> Select[Consent]:
    return select(Consent).where(Consent.person_id == person_id, Consent.kind == kind, Consent.withdrawn_at.is_(None))
