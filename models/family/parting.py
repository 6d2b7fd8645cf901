"""When two may not call each other any more: the link or the consent ends, and with it the calls to come."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.family.ending import end
from models.family.guests import calls_joined
from models.family.joining import take_off
from models.family.makeup import drop_makeups, drop_makeups_between
from models.family.news import stop_news, stop_photos, tell_again
from models.family.resting import befell, parted
from models.life import By
from models.messages.letters import Letter
from models.people import consent, guardians, links
from models.people.care import CareLink
from models.people.identities import Who
from models.people.persons import Person, held_to_change
from models.people.staff import roles_of
from models.tasks import linking
from models.tasks.undelivered import OF_LINKS, say_no_more

# That something is off, the answer to one's own complaint, and what the helper of a pair is told.
_STANDS = (
    "family.cancelled", "family.uninvited", "ordering.complaint_settled", "family.paired", "family.pairing_due",
    "family.parted",
)  # fmt: skip


def part(session: Session, who: Who, link_id: int, now: datetime) -> CareLink:
    """End a link; the calls to come of these two are off, and the helpers hear of it; others' calls go on without it.

    The relative hears that the link has ended (unless they ended it), not of each call: they may see none any more.
    Raises Refused("not_yours") or Refused("wrong_state").
    """
    _hold(session, link_id)
    link = linking.revoke(session, who, link_id, now)
    _stop_between(session, link, By(who.person_id, "rule"), now)
    return link


def lapse_over(session: Session, now: datetime) -> list[CareLink]:
    """Links whose time has come end as if somebody had ended them, and both sides hear of it; answers them."""
    held_to_change(session, *links.whose_are_over(session, now))
    ended = linking.lapse_over(session, now)
    for link in ended:
        _stop_between(session, link, By(None, "rule"), now)
    return ended


def _stop_between(session: Session, link: CareLink, by: By, now: datetime) -> None:
    """The calls to come of these two are off; where the link was the guardian's, so are all calls of the child."""
    _coming(session, now, FamilyCall.cared_id == link.cared_id)  # held before their letters, as everywhere
    _say_no_more(session, link, now)  # before the rest: what that says must stand
    pair = (FamilyCall.relative_id == link.relative_id, FamilyCall.cared_id == link.cared_id)
    for call in _coming(session, now, *pair):
        end(session, call, by=by, reason="unlinked", now=now, but_not={link.relative_id})
    parted(session, link.cared_id, link.relative_id, by, "unlinked", now)
    joined = (FamilyCall.id.in_(calls_joined(link.relative_id)), FamilyCall.cared_id == link.cared_id)
    for call in _coming(session, now, *joined):
        take_off(session, call, link.relative_id, by, now)
    drop_makeups_between(session, link.relative_id, link.cared_id, now)
    if link.guardian:
        _stop_unguarded(session, link.cared_id, by, now)


def _say_no_more(session: Session, link: CareLink, now: datetime) -> None:
    """What was still to be said to the relative about who they were linked to is not theirs to know any more.

    That it has ended is; so is what they are told as a helper, a cadre or in an organisation, and not as a relative.
    """
    by_office = func.coalesce(Letter.facts["role"].as_string(), "").in_(("helper", "provider"))
    stands = [OF_LINKS, Letter.kind.in_(_STANDS), by_office]
    if roles_of(session, link.relative_id):
        stands += [Letter.kind.startswith("ordering."), Letter.kind.startswith("waiting.")]
    say_no_more(session, link.cared_id, now, but_not=or_(*stands), person_id=link.relative_id)


def entrust(session: Session, who: Who, link_id: int, now: datetime, *, guardian: bool) -> CareLink:
    """A cadre marks a relative as a child's guardian, or no more; without one who agreed, the calls to come are off.

    Raises Refused like `links.entrust`.
    """
    _hold(session, link_id)
    link = links.entrust(session, who, link_id, now, guardian=guardian)
    if not guardian:
        _stop_unguarded(session, link.cared_id, By(who.person_id, "rule"), now)
    return link


def guardian_takes_back(session: Session, who: Who, child_id: int, guardian_id: int, now: datetime) -> None:
    """A guardian agrees no more: the child's calls to come are off and everybody on them hears of it.

    Where another guardian has agreed too, their word still stands. Raises Refused like `guardians.take_back`.
    """
    held_to_change(session, child_id)
    guardians.take_back(session, who, child_id, guardian_id, now)
    _stop_unguarded(session, child_id, By(who.person_id, "rule"), now)


def _stop_unguarded(session: Session, child_id: int, by: By, now: datetime) -> None:
    """Without a guardian who agrees, the child's calls to come are off, and nothing is kept to make up for others."""
    child = session.get_one(Person, child_id)
    if not guardians.is_child(child, now) or guardians.agreed(session, child_id):
        return
    for call in _coming(session, now, FamilyCall.cared_id == child_id):
        end(session, call, by=by, reason="guardian_withdrew", now=now)
    drop_makeups(session, child_id, now)


def agree(session: Session, who: Who, person_id: int, kind: str, now: datetime) -> None:
    """A person agrees, or agrees again: news from home that waited are said then. Raises like `consent.agree`."""
    consent.agree(session, who, person_id, kind, now)
    if kind == "home_news":
        tell_again(session, person_id, now)


def take_back(session: Session, who: Who, person_id: int, kind: str, now: datetime) -> None:
    """End a consent; without the one to calls, the person's calls to come are off and everybody hears of it.

    Raises Refused("not_yours") or Refused("wrong_state").
    """
    held_to_change(session, person_id)
    consent.take_back(session, who, person_id, kind, now)
    if kind == "family_calls":
        for call in _coming(session, now, FamilyCall.cared_id == person_id):
            end(session, call, by=By(who.person_id, "rule"), reason="consent_withdrawn", now=now)
        drop_makeups(session, person_id, now)
        parted(session, person_id, None, By(who.person_id, "rule"), "consent", now)
    if kind == "home_news":
        stop_news(session, person_id, now)
    if kind == "photos":
        stop_photos(session, person_id, now)


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


def _hold(session: Session, link_id: int) -> None:
    """Nobody books for whom this link is for, until it has ended; where there is none, nobody waits."""
    link = session.get(CareLink, link_id)
    if link is not None:
        held_to_change(session, link.cared_id)


def _coming(session: Session, now: datetime, *which: ColumnElement[bool]) -> list[FamilyCall]:
    query = (
        select(FamilyCall).where(*which, FamilyCall.state.in_(("booked", "checked_in")), FamilyCall.ends_at > now)
        .order_by(FamilyCall.id).with_for_update()
    )  # fmt: skip
    return list(session.scalars(query, execution_options={"populate_existing": True}))
