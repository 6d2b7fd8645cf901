"""Proof of a visit: a photo, a signature or a spoken word, taken only where the household agreed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.ordering.assignments import assigned_to
from models.ordering.orders import order_for
from models.ordering.visits import PROOF_KINDS, Visit, VisitProof
from models.people.consent import consents_to, has_taken_back
from models.people.identities import Who

MEDIA_ID_LIMIT = 128


def add_proof(
    session: Session, who: Who, visit_id: int, kind: str, media_id: str, taken_at: datetime, now: datetime
) -> VisitProof:
    """Keep a proof of a visit that has begun or is over; the same one twice is once.

    A photo needs the beneficiary's consent to photos; a signature or a voice only that the consent to records was not
    taken back. Raises Refused("not_yours"), ("wrong_state"), ("bad_proof") or ("no_consent").
    """
    visit = session.get(Visit, visit_id)
    if visit is None:
        raise Refused("not_yours")
    _, order = assigned_to(session, who, visit.assignment_id)
    if visit.state not in ("arrived", "done", "nobody_home"):
        raise Refused("wrong_state", state=visit.state)
    if kind not in PROOF_KINDS or not 0 < len(media_id) <= MEDIA_ID_LIMIT or taken_at > now:
        raise Refused("bad_proof")
    household = order.beneficiary_id
    if kind == "photo" and not consents_to(session, household, "photos"):
        raise Refused("no_consent")
    if kind != "photo" and has_taken_back(session, household, "service_records"):
        raise Refused("no_consent")
    known = session.scalar(select(VisitProof).where(VisitProof.visit_id == visit.id, VisitProof.media_id == media_id))
    if known is not None:
        return known
    proof = VisitProof(visit_id=visit.id, kind=kind, media_id=media_id, taken_at=taken_at, by_person_id=who.person_id)
    session.add(proof)
    session.flush()
    return proof


def proofs_of(session: Session, who: Who, order_id: int) -> list[VisitProof]:
    """The proofs of an order's visits, by when they were taken; photos only while the consent stands.

    Raises Refused("not_yours").
    """
    order, _ = order_for(session, who, order_id)
    query = select(VisitProof).join(Visit, VisitProof.visit_id == Visit.id).where(Visit.order_id == order.id)
    found = list(session.scalars(query.order_by(VisitProof.taken_at, VisitProof.id)))
    if consents_to(session, order.beneficiary_id, "photos"):
        return found
    return [proof for proof in found if proof.kind != "photo"]
