"""When two may not call each other any more: the link or the consent ends, and with it the calls to come."""

from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.family.ending import end
from models.family.guests import calls_joined
from models.family.joining import take_off
from models.family.makeup import drop_makeups, drop_makeups_between
from models.family.news import stop_news
from models.family.resting import befell, parted
from models.life import By
from models.people import consent
from models.people.care import CareLink
from models.people.identities import Who
from models.people.persons import Person
from models.tasks import linking


def part(session: Session, who: Who, link_id: int, now: datetime) -> CareLink:
    """End a link; the calls to come of these two are off, and the helpers hear of it; others' calls go on without it.

    The relative hears that the link has ended (unless they ended it), not of each call: they may see none any more.
    Raises Refused("not_yours") or Refused("wrong_state").
    """
    link = linking.revoke(session, who, link_id, now)
    pair = (FamilyCall.relative_id == link.relative_id, FamilyCall.cared_id == link.cared_id)
    for call in _coming(session, now, *pair):
        end(session, call, by=By(who.person_id, "rule"), reason="unlinked", now=now, but_not={link.relative_id})
    parted(session, link.cared_id, link.relative_id, By(who.person_id, "rule"), "unlinked", now)
    joined = (FamilyCall.id.in_(calls_joined(link.relative_id)), FamilyCall.cared_id == link.cared_id)
    for call in _coming(session, now, *joined):
        take_off(session, call, link.relative_id, By(who.person_id, "rule"), now)
    drop_makeups_between(session, link.relative_id, link.cared_id, now)
    return link


def take_back(session: Session, who: Who, person_id: int, kind: str, now: datetime) -> None:
    """End a consent; without the one to calls, the person's calls to come are off and everybody hears of it.

    Raises Refused("not_yours") or Refused("wrong_state").
    """
    consent.take_back(session, who, person_id, kind, now)
    if kind == "family_calls":
        for call in _coming(session, now, FamilyCall.cared_id == person_id):
            end(session, call, by=By(who.person_id, "rule"), reason="consent_withdrawn", now=now)
        drop_makeups(session, person_id, now)
        parted(session, person_id, None, By(who.person_id, "rule"), "consent", now)
    if kind == "home_news":
        stop_news(session, person_id, now)


def stop_calls(session: Session, person: Person, by: By, now: datetime) -> int:
    """A person has died, moved away or is in hospital: their calls to come are off at once; answers how many.

    The helper hears of it, the other side hears nothing: a cadre speaks with the family.
    """
    calls = _coming(session, now, or_(FamilyCall.cared_id == person.id, FamilyCall.relative_id == person.id))
    for call in calls:
        end(session, call, by=By(by.person_id, "rule"), reason="stopped", now=now,
            but_not={call.relative_id, call.cared_id})  # fmt: skip
    drop_makeups(session, person.id, now)
    befell(session, person, by, now)  # and what was to become calls
    return len(calls)


def _coming(session: Session, now: datetime, *which: ColumnElement[bool]) -> list[FamilyCall]:
    query = (
        select(FamilyCall).where(*which, FamilyCall.state.in_(("booked", "checked_in")), FamilyCall.ends_at > now)
        .order_by(FamilyCall.id).with_for_update()
    )  # fmt: skip
    return list(session.scalars(query, execution_options={"populate_existing": True}))
