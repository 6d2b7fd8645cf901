"""What people tell on a page or in the mini-program: a need or a call for help, and how what they told stands."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from handlers.ordering import need_words
from models.errors import Refused
from models.messages.media import Brought
from models.ordering.demands import position_of
from models.ordering.emergencies import IN_CONFIDENCE, emergency_in
from models.ordering.help import LIVE_HELP, HelpRequest, help_for
from models.ordering.helping import ask_for_help, asked_with, help_of
from models.ordering.needs import NeedSubmission, need_for, needs_of, submit, submitted_with
from models.ordering.said import Words, check_text
from models.ordering.voices import people_behind, people_of_demands, root_of
from models.people.identities import Who
from models.people.persons import Person

Told = NeedSubmission | HelpRequest


@dataclass(frozen=True)
class Standing:
    """How something that was told stands: its state, what is to be said of it, and who looks after it."""

    kind: str  # need, help
    state: str
    state_text: str
    became: str
    handler: str
    may: tuple[str, ...]


def tell(
    session: Session, who: Who, what: str, *, text: str, person_id: int, confidential: bool, channel: str, key: str,
    now: datetime, anonymous: bool = False, brought: tuple[Brought, ...] = (),
) -> tuple[Told | None, str]:  # fmt: skip
    """Take it down; the same `key` again is the same matter. Answers it, and the kind of danger it speaks of or "".

    Danger is a call for help whatever form it came by, and its number must be shown even where nothing can be kept:
    then there is no matter. Raises Refused as `submit` and `ask_for_help` do.
    """
    danger = emergency_in(check_text(text, attached=bool(brought))) or ""
    words = Words(text=text, client_key=key, person_id=person_id, channel=channel,
                  confidential=confidential or danger in IN_CONFIDENCE, anonymous=anonymous,
                  brought=brought)  # fmt: skip
    if not danger:
        take = submit if what == "need" else ask_for_help
        known = submitted_with(session, who, key, anonymous=anonymous) or asked_with(session, who, key)
        if known is not None and known.said_by_id is not None:  # who told it may not see it any more
            (need_for if isinstance(known, NeedSubmission) else help_for)(session, who, known.id)
        return known or take(session, who, words, now), ""
    try:
        with session.begin_nested():
            return ask_for_help(session, who, words, now), danger
    except Refused:
        return None, danger


def told_by_me(session: Session, who: Who) -> list[Told]:
    """All that this person told, the newest first; what another told in confidence is never among it."""
    found: list[Told] = [*needs_of(session, who), *help_of(session, who)]
    return sorted(found, key=lambda one: one.created_at, reverse=True)


def my_need(session: Session, who: Who, need_id: int) -> NeedSubmission:
    """A need, for who told it; raises Refused("not_yours") for all others: a clerk reads it at the desk."""
    found, role = need_for(session, who, need_id)
    if role != "teller":
        raise Refused("not_yours")
    return found


def my_help(session: Session, who: Who, help_id: int) -> HelpRequest:
    """A call for help, for who told it; raises Refused("not_yours") for all others."""
    found, role = help_for(session, who, help_id)
    if role != "teller":
        raise Refused("not_yours")
    return found


def standing(session: Session, one: Told) -> Standing:
    """How it stands for who told it."""
    if isinstance(one, NeedSubmission):
        state = root_of(session, one).state
        return Standing("need", state, need_words.NEED_STATES[state], became(session, one), "", ())
    handler = one.settled_by_id or (one.holder_id if one.state == "assigned" else None)
    return Standing(
        "help", one.state, need_words.HELP_STATES[one.state], one.outcome or one.reason,
        session.get_one(Person, handler).name if handler else "", ("withdraw",) if one.state in LIVE_HELP else (),
    )  # fmt: skip


def became(session: Session, need: NeedSubmission) -> str:
    """What came of a need, or of the one into which it was merged at last; "" while there is nothing but its state."""
    root = root_of(session, need)
    if root.state == "declined":
        who = session.get_one(Person, root.settled_by_id).name if root.settled_by_id else ""
        return need_words.answered(root.reason, who)
    if root.state == "adopted" and root.demand_id is not None:
        place = position_of(session, root.demand_id)
        if place is not None:
            people = people_of_demands(session, [root.demand_id])[root.demand_id]
            return need_words.listed(place.list.quarter, place.item.position, place.item.title, people)
    if root.id != need.id:
        return need_words.with_others(people_behind(session, [root.id])[root.id])
    return ""
