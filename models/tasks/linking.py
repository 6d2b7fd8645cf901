"""A care link from asking to answer, with the cadres' task and the letters that belong to it."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.history import steps_of
from models.life import BY_RULE, BY_TIME, By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.people import consent, links
from models.people.care import CARE, CareLink, Invitation
from models.people.identities import Who
from models.people.persons import Person
from models.tasks.desk import open_task, settle_for
from models.tasks.undelivered import take_back

ANSWER_WITHIN = timedelta(days=2)
EXPIRING = "people.link_expiring"


def invite(session: Session, who: Who, cared_id: int, now: datetime) -> Invitation:
    """An invitation to link to this person; its QR code follows as a letter to the cadre who made it.

    Raises Refused as `links` does.
    """
    made = links.invite(session, who, cared_id, now)
    post(
        session, key=f"invitation:{made.id}/qr", person_id=who.person_id, kind="people.invitation_qr",
        facts={"scene": f"link/{made.code}", "name": session.get_one(Person, cared_id).name},
        subject=f"invitation:{made.id}", now=now, urgency="same_day", channel="customer_service", app_id=who.app_id,
    )  # fmt: skip
    return made


def ask(session: Session, who: Who, code: str, kinship: str, now: datetime) -> CareLink:
    """Ask for a link and give the cadres of that village a task to confirm it; raises Refused as `links` does."""
    link = links.ask_for_link(session, who, code, kinship, now)
    cared = session.get_one(Person, link.cared_id)
    if link.state == "asked" and cared.area_id is not None:
        open_task(
            session, key=f"care:{link.id}/confirm", kind="confirm_link", area_id=cared.area_id,
            subject=CARE.subject(link), person_id=cared.id, now=now, due_at=now + ANSWER_WITHIN,
            facts={"relative": who.name, "cared": cared.name, "kinship": link.kinship, "link": link.id},
            by=By(who.person_id, "relative"), but_not={who.person_id},
        )  # fmt: skip
    return link


def answer(session: Session, who: Who, link_id: int, verb: str, now: datetime) -> CareLink:
    """A cadre confirms or declines; the relative is told and the task is done.

    Who confirms has asked the cared-for person, and witnesses what that person agreed to. Raises Refused as `links`.
    """
    link = links.settle(session, who, link_id, verb, now)
    if link.state == "confirmed":
        for kind in consent.CALLED_FOR_BY_A_LINK:
            consent.agree(session, who, link.cared_id, kind, now)
    settle_for(session, CARE.subject(link), "finish", by=By(who.person_id, "cadre"), now=now)
    _tell_relative(session, link, now)
    return link


def revoke(session: Session, who: Who, link_id: int, now: datetime) -> CareLink:
    """End a link; the relative is told unless it was the relative who ended it, and of nothing before that any more.

    `models.family.parting` ends with it what was still to come between the two.
    """
    link = links.revoke(session, who, link_id, now)
    settle_for(session, CARE.subject(link), "cancel", by=BY_RULE, now=now)
    take_back(session, CARE.subject(link), now)
    if who.person_id != link.relative_id:
        _tell_relative(session, link, now)
    return link


def lapse_old(session: Session, now: datetime) -> int:
    """Askings that nobody settled lapse, and their tasks with them, and who asked is told; answers how many."""
    lapsed = links.lapse_old(session, now)
    for link in lapsed:
        settle_for(session, CARE.subject(link), "cancel", by=BY_RULE, now=now)
        _tell_relative(session, link, now, unanswered=True)
    return len(lapsed)


def lapse_over(session: Session, now: datetime) -> list[CareLink]:
    """Links whose time has come lapse, and the relative is told; answers them.

    `models.family.parting` ends with them what was still to come between the two.
    """
    ended = links.over(session, now)
    for link in ended:
        CARE.move(session, link, "lapse", by=BY_TIME, now=now, settled_at=now)
        take_back(session, CARE.subject(link), now)
        _tell_relative(session, link, now)
    return ended


def limit(session: Session, who: Who, link_id: int, expires_at: datetime | None, now: datetime) -> CareLink:
    """Say until when a link holds; of an end that is none any more nobody is told. Raises like `links.limit`."""
    link = links.limit(session, who, link_id, expires_at, now)
    if link.reminded_of is not None and link.reminded_of != link.expires_at:
        take_back(session, CARE.subject(link), now, but_not=Letter.kind != EXPIRING)
        link.reminded_of = None  # should that very end come back, it is told anew
        session.flush()
    return link


def remind_of_end(session: Session, now: datetime) -> int:
    """Two weeks before a link ends its relative is told, and how it goes on; once for each time that this is said.
    Answers how many."""
    ending = links.expiring(session, now)
    for link in ending:
        assert link.expires_at is not None
        cared = session.get_one(Person, link.cared_id)
        post(
            session, key=f"care:{link.id}/expiring/{link.expires_at:%Y%m%d%H%M}/{_limits(session, link)}",
            person_id=link.relative_id, kind=EXPIRING,
            facts={"cared": cared.name, "at": link.expires_at.isoformat()},
            subject=CARE.subject(link), now=now, about_id=cared.id, useful_until=link.expires_at,
        )  # fmt: skip
        link.reminded_of = link.expires_at
    session.flush()
    return len(ending)


def _limits(session: Session, link: CareLink) -> int:
    """How often it was said until when a link holds: the same day may have been its end before."""
    subject = CARE.subject(link)
    return steps_of(session, [subject], "limit")[subject]


def _tell_relative(session: Session, link: CareLink, now: datetime, *, unanswered: bool = False) -> None:
    # A link that was refused names nobody: only a confirmed one may say whom it was about.
    named = session.get_one(Person, link.cared_id).name if link.state == "confirmed" else ""
    facts = {"cared": named, "at": now.isoformat()}
    post(
        session, key=f"care:{link.id}/{link.state}", person_id=link.relative_id, kind=f"people.link_{link.state}",
        facts={**facts, "unanswered": True} if unanswered else facts, subject=CARE.subject(link),
        about_id=link.cared_id, now=now,
    )  # fmt: skip
