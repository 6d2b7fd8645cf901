"""Asking for, confirming and ending a care link; the invitation that starts it. `models.tasks.linking` tells people."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from stdnum import luhn

from models.errors import Refused
from models.life import BY_TIME, By
from models.people.care import CARE, CareLink, Invitation
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import in_charge_of, resident_of

# No 0/O, 1/I/L, 2/Z, 5/S, 8/B: what is read aloud or copied from paper must not be mistaken.
ALPHABET = "34679ACDEFGHJKMNPQRTUVWXY"
INVITATION_LASTS = timedelta(days=30)
ASKING_LASTS = timedelta(days=14)
REMINDED = timedelta(days=14)  # before a link ends
KINSHIPS = ("儿子", "女儿", "孙子", "孙女", "配偶", "父亲", "母亲", "邻居", "其他亲属")


def invite(session: Session, who: Who, cared_id: int, now: datetime) -> Invitation:
    """An invitation to link to this person, made by a cadre over that person's village; raises Refused("not_yours")."""
    cared = resident_of(session, who.person_id, cared_id)
    body = "".join(secrets.choice(ALPHABET) for _ in range(6))
    invitation = Invitation(
        code=body + luhn.calc_check_digit(body, ALPHABET), cared_id=cared.id, issued_by_id=who.person_id,
        created_at=now, expires_at=now + INVITATION_LASTS,
    )  # fmt: skip
    session.add(invitation)
    session.flush()
    return invitation


def invited_by(session: Session, code: str, now: datetime) -> Invitation:
    """The invitation behind a code as somebody typed it.

    Raises Refused("code_mistyped") when the check symbol does not fit, Refused("code_unknown") when there is no such
    invitation or it is used up or over: neither names anybody.
    """
    plain = "".join(code.upper().split()).replace("-", "")
    if not luhn.is_valid(plain, ALPHABET):
        raise Refused("code_mistyped")
    found = session.scalar(select(Invitation).where(Invitation.code == plain))
    if found is None or found.expires_at <= now or found.uses_left <= 0:
        raise Refused("code_unknown")
    return found


def ask_for_link(session: Session, who: Who, code: str, kinship: str, now: datetime) -> CareLink:
    """Ask to act for the person an invitation names; asking twice finds the first.

    `models.tasks.linking` opens the cadres' task (tasks lie above people). Raises Refused like `invited_by`, and
    Refused("own_link") for oneself.
    """
    invitation = invited_by(session, code, now)
    if invitation.cared_id == who.person_id:
        raise Refused("own_link")
    standing = _standing(session, who.person_id, invitation.cared_id)
    if standing is not None:
        return standing
    link = CareLink(relative_id=who.person_id, cared_id=invitation.cared_id, kinship=kinship, asked_at=now)
    try:
        with session.begin_nested():
            _use(session, invitation)
            session.add(link)
    except IntegrityError:
        # The same tap arrived twice at the same moment, and the other one was first: the code is used once.
        standing = _standing(session, who.person_id, invitation.cared_id)
        assert standing is not None
        return standing
    CARE.begin(session, link, by=By(who.person_id, "relative"), now=now)
    return link


def _use(session: Session, invitation: Invitation) -> None:
    used = session.execute(
        update(Invitation).where(Invitation.id == invitation.id, Invitation.uses_left > 0)
        .values(uses_left=Invitation.uses_left - 1).returning(Invitation.id)
    ).first()  # fmt: skip
    if used is None:
        raise Refused("code_unknown")


def _standing(session: Session, relative_id: int, cared_id: int) -> CareLink | None:
    return session.scalar(
        select(CareLink).where(
            CareLink.relative_id == relative_id, CareLink.cared_id == cared_id,
            CareLink.state.in_(("asked", "confirmed")),
        )
    )  # fmt: skip


def asked_by(session: Session, who: Who) -> list[CareLink]:
    """What this person has asked for and no cadre has answered yet, the oldest first."""
    query = select(CareLink).where(CareLink.relative_id == who.person_id, CareLink.state == "asked")
    return list(session.scalars(query.order_by(CareLink.id)))


def link_for(session: Session, who: Who, link_id: int) -> CareLink:
    """A link that holds or is asked for, for the relative, or where it holds for who is cared for.

    Raises Refused("not_yours") for anybody else, and for one that has ended.
    """
    link = session.get(CareLink, link_id)
    if link is None or link.state not in ("asked", "confirmed"):
        raise Refused("not_yours")
    if who.person_id != link.relative_id and (who.person_id != link.cared_id or link.state != "confirmed"):
        raise Refused("not_yours")
    return link


def has_ended(session: Session, who: Who, link_id: int) -> bool:
    """Whether a link of this person's own has been ended by somebody already: a second tap is told what the first
    was."""
    link = session.get(CareLink, link_id)
    return link is not None and link.state == "revoked" and who.person_id in (link.relative_id, link.cared_id)


def settle(session: Session, who: Who, link_id: int, verb: str, now: datetime) -> CareLink:
    """A cadre over the elder's village confirms or declines (`verb`).

    Raises Refused("not_yours") for anybody else, Refused("own_request") for a cadre who asked for it,
    Refused("wrong_state") when it is settled already.
    """
    link = session.get(CareLink, link_id)
    cared = session.get_one(Person, link.cared_id) if link else None
    if link is None or cared is None or not in_charge_of(session, who.person_id, cared):
        raise Refused("not_yours")
    if link.relative_id == who.person_id:
        raise Refused("own_request")
    CARE.move(session, link, verb, by=By(who.person_id, "cadre"), now=now, settled_by_id=who.person_id, settled_at=now)
    return link


def revoke(session: Session, who: Who, link_id: int, now: datetime) -> CareLink:
    """The relative, the cared-for person or a cadre ends a link: sight ends with it."""
    link = session.get(CareLink, link_id)
    if link is None:
        raise Refused("not_yours")
    cared = session.get_one(Person, link.cared_id)
    if who.person_id == link.relative_id:
        role = "relative"
    elif who.person_id == link.cared_id:
        role = "cared"
    elif in_charge_of(session, who.person_id, cared):
        role = "cadre"
    else:
        raise Refused("not_yours")
    CARE.move(session, link, "revoke", by=By(who.person_id, role), now=now, settled_by_id=who.person_id, settled_at=now)
    return link


def limit(session: Session, who: Who, link_id: int, expires_at: datetime | None, now: datetime) -> CareLink:
    """A cadre says until when a link holds (None: until it is revoked); saying it anew renews it.

    `models.tasks.linking` takes back what was to be said of the end before. Raises Refused("not_yours"),
    ("own_request") for a link of the cadre's own, ("bad_time") for a time that is past, or ("wrong_state") when it does
    not hold.
    """
    link = _theirs(session, who, link_id)
    if expires_at is not None and expires_at <= now:
        raise Refused("bad_time")
    note = expires_at.isoformat() if expires_at else ""
    CARE.move(session, link, "limit", by=By(who.person_id, "cadre"), now=now, note=note, expires_at=expires_at)
    return link


def entrust(session: Session, who: Who, link_id: int, now: datetime, *, guardian: bool) -> CareLink:
    """A cadre, who has seen the papers, writes down that a relative is (or is no more) a child's guardian.

    Raises Refused like `limit`.
    """
    link = _theirs(session, who, link_id)
    note = "guardian" if guardian else "no guardian"
    CARE.move(session, link, "entrust", by=By(who.person_id, "cadre"), now=now, note=note, guardian=guardian)
    return link


def _theirs(session: Session, who: Who, link_id: int) -> CareLink:
    link = session.get(CareLink, link_id)
    if link is None or not in_charge_of(session, who.person_id, session.get_one(Person, link.cared_id)):
        raise Refused("not_yours")
    if link.relative_id == who.person_id:
        raise Refused("own_request")
    return link


def expiring(session: Session, now: datetime) -> list[CareLink]:
    """The links that hold and end within `REMINDED` and whose relative was not told of that end yet, locked."""
    query = (
        select(CareLink)
        .where(CareLink.state == "confirmed", CareLink.expires_at > now, CareLink.expires_at <= now + REMINDED)
        .where(CareLink.reminded_of.is_distinct_from(CareLink.expires_at)).order_by(CareLink.id)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def over(session: Session, now: datetime) -> list[CareLink]:
    """The links whose time has come, locked; one that another clock is at is left to it."""
    query = select(CareLink).where(*_is_over(now)).order_by(CareLink.id).with_for_update(skip_locked=True)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def whose_are_over(session: Session, now: datetime) -> list[int]:
    """The keys of those whom these links are for, to be held before the links are."""
    return list(session.scalars(select(CareLink.cared_id).where(*_is_over(now)).distinct()))


def _is_over(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return CareLink.state == "confirmed", CareLink.expires_at <= now


def lapse_old(session: Session, now: datetime) -> list[CareLink]:
    """Askings that nobody settled in time lapse; answers them."""
    query = (
        select(CareLink)
        .where(CareLink.state == "asked", CareLink.asked_at < now - ASKING_LASTS)
        .with_for_update(
            skip_locked=True  # another clock is at it
        )
    )
    old = list(session.scalars(query))
    for link in old:
        CARE.move(session, link, "lapse", by=BY_TIME, now=now, settled_at=now)
    return old
