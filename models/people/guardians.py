"""Children under fourteen: their guardian agrees to calls for them, and the paper says who, when and how (PIPL §31).

A guardian is a relative with a confirmed link that a cadre has marked so. The agreement stands as a Consent of the kind
`KIND`; it ends when the guardian takes it back, and counts only for as long as the guardian is one.
"""

from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import CHINA
from models.people.care import CareLink
from models.people.consent import TEXT_VERSION, Consent, give
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import in_charge_of

KIND = "child_calls"
OF_AGE = 14
MEANS = ("wechat", "signature", "spoken")


def is_child(person: Person, now: datetime) -> bool:
    """Whether a guardian has to agree: under fourteen by China's date, or a child whose birthday nobody wrote down."""
    if person.born is None:
        return person.left_behind == "child"
    return now.astimezone(CHINA).date() < _fourteen(person.born)


def check(session: Session, cared: Person, now: datetime) -> None:
    """Raises Refused("guardian_missing", cared=…) for a child for whom no guardian has agreed."""
    if is_child(cared, now) and not agreed(session, cared.id):
        raise Refused("guardian_missing", cared=cared.name)


def agreed(session: Session, child_id: int) -> bool:
    """Whether the agreement of somebody who is guardian now stands."""
    return session.scalar(_standing(child_id).limit(1)) is not None


def agreements(session: Session, child_id: int) -> list[Consent]:
    """The agreements that stand, the oldest first: who, when, by what means and who witnessed it."""
    return list(session.scalars(_standing(child_id)))


def agree(session: Session, who: Who, child_id: int, guardian_id: int, means: str, now: datetime) -> Consent:
    """A guardian agrees in WeChat, or a cadre over the child's village writes down what a guardian signed or said.

    Once is enough. Raises Refused("not_yours") for anybody else, ("no_guardian") where that relative is none.
    """
    _check_may_speak(session, who, child_id, guardian_id)
    if not _is_guardian(session, guardian_id, child_id):
        raise Refused("no_guardian" if who.person_id != guardian_id else "not_yours")
    for known in agreements(session, child_id):
        if known.given_by_id == guardian_id:
            return known
    own = who.person_id == guardian_id
    if own != (means == "wechat") or means not in MEANS:
        raise Refused("wrong_state")
    return give(
        session, child_id, kind=KIND, text_version=TEXT_VERSION, means=means, given_by_id=guardian_id,
        witness_id=None if own else who.person_id, now=now,
    )  # fmt: skip


def take_back(session: Session, who: Who, child_id: int, guardian_id: int, now: datetime) -> int:
    """A guardian agrees no more, or a cadre writes that down; answers how many agreements ended. Raises like `agree`.

    `models.family.parting` ends with it the calls to come.
    """
    _check_may_speak(session, who, child_id, guardian_id)
    mine = select(Consent).where(
        Consent.person_id == child_id, Consent.kind == KIND, Consent.given_by_id == guardian_id,
        Consent.withdrawn_at.is_(None),
    )  # fmt: skip
    standing = list(session.scalars(mine))
    for one in standing:
        one.withdrawn_at = now
    session.flush()
    return len(standing)


def _check_may_speak(session: Session, who: Who, child_id: int, guardian_id: int) -> None:
    """The guardian for themselves, or a cadre over the child's village; anybody else hears what a stranger hears."""
    child = session.get(Person, child_id)
    own = who.person_id == guardian_id and _is_guardian(session, guardian_id, child_id)
    if child is None or not (own or in_charge_of(session, who.person_id, child)):
        raise Refused("not_yours")


def _is_guardian(session: Session, person_id: int, child_id: int) -> bool:
    query = select(CareLink.id).where(
        CareLink.relative_id == person_id, CareLink.cared_id == child_id, CareLink.state == "confirmed",
        CareLink.guardian.is_(True),
    )  # fmt: skip
    return session.scalar(query.limit(1)) is not None


def _standing(child_id: int) -> Select[Consent]:
    return (
        select(Consent)
        .join(CareLink, (CareLink.relative_id == Consent.given_by_id) & (CareLink.cared_id == Consent.person_id))
        .where(Consent.person_id == child_id, Consent.kind == KIND, Consent.withdrawn_at.is_(None))
        .where(CareLink.state == "confirmed", CareLink.guardian.is_(True)).order_by(Consent.id)
    )  # fmt: skip


def _fourteen(born: date) -> date:
    """The fourteenth birthday; who was born on 29 February has it on 1 March of other years."""
    try:
        return born.replace(year=born.year + OF_AGE)
    except ValueError:
        return date(born.year + OF_AGE, 3, 1)
