"""Consent: to what a person agreed, in which words, given how and witnessed by whom.

It is asked where it comes up: a cadre who confirms a relative's link asks the elder and witnesses the spoken consent
to CALLED_FOR_BY_A_LINK; a person gives and takes back their own in chat, a cadre does it for somebody without a phone.
A consent that nobody has asked for yet forbids nothing; one that was taken back does.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import in_charge_of

CONSENT_KINDS = ("service_records", "family_calls", "photos", "home_news")
CONSENT_MEANS = ("wechat", "signature", "spoken")  # a spoken consent needs a witness
CALLED_FOR_BY_A_LINK = ("family_calls", "service_records")
TEXT_VERSION = "2026-11"  # of the words in which consent is asked for now


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


def agree(session: Session, who: Who, person_id: int, kind: str, now: datetime) -> None:
    """A person agrees in WeChat, or a cadre over their village witnesses that they said so; once is enough.

    Raises Refused("not_yours") for anybody else, Refused("wrong_state") for a kind that does not exist.
    """
    _check_may_speak(session, who, person_id, kind)
    if consents_to(session, person_id, kind):
        return
    own = who.person_id == person_id
    give(
        session, person_id, kind=kind, text_version=TEXT_VERSION, means="wechat" if own else "spoken",
        given_by_id=person_id, witness_id=None if own else who.person_id, now=now,
    )  # fmt: skip


def take_back(session: Session, who: Who, person_id: int, kind: str, now: datetime) -> int:
    """End every standing consent of this kind; answers how many there were. Raises like `agree`."""
    _check_may_speak(session, who, person_id, kind)
    standing = list(session.scalars(_standing(person_id, kind)))
    for consent in standing:
        consent.withdrawn_at = now
    session.flush()
    return len(standing)


def consents_to(session: Session, person_id: int, kind: str) -> bool:
    """Whether the person has agreed and not taken it back."""
    return session.scalar(_standing(person_id, kind).limit(1)) is not None


def has_taken_back(session: Session, person_id: int, kind: str) -> bool:
    """Whether the person agreed once and does so no more; somebody who was never asked has not."""
    asked = select(Consent.id).where(Consent.person_id == person_id, Consent.kind == kind)
    return session.scalar(asked.limit(1)) is not None and not consents_to(session, person_id, kind)


def consents_of(session: Session, person_id: int) -> dict[str, Consent | None]:
    """Every kind there is, with the consent that stands or None."""
    return {kind: session.scalar(_standing(person_id, kind).limit(1)) for kind in CONSENT_KINDS}


def _check_may_speak(session: Session, who: Who, person_id: int, kind: str) -> None:
    person = session.get(Person, person_id)
    if person is None or (who.person_id != person_id and not in_charge_of(session, who.person_id, person)):
        raise Refused("not_yours")
    if kind not in CONSENT_KINDS:
        raise Refused("wrong_state")


def _standing(person_id: int, kind: str) -> Select[Consent]:
    return select(Consent).where(Consent.person_id == person_id, Consent.kind == kind, Consent.withdrawn_at.is_(None))
