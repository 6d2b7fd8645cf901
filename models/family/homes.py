"""Calls at home (上门): the helper has set out, goes on to the next door, or is late; each household hears when."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import CALL, FamilyCall, cadres_call, relatives_on
from models.family.rounds import Stop, round_of
from models.family.telling import facts_of, tell
from models.life import BY_RULE, By
from models.messages.letters import LETTER, Letter
from models.people.identities import Identity, Who, reached
from models.people.persons import Person

SET_OUT_WITHIN = timedelta(hours=4)  # before the call: a tap the day before is a slip of the thumb
ENDED_WITHIN = timedelta(hours=1)  # after the call: what is written down later was so while the call lasted
FRESH = timedelta(minutes=30)  # what ended longer ago says nothing of where the helper is now
EARLY = timedelta(minutes=30)  # who would be there sooner than this before the call has no need to leave yet
WORTH = timedelta(minutes=5)  # sooner or later by less than this is no news
EVERY = timedelta(minutes=15)  # no household hears of a late helper more often
ON_THE_WAY, LATE = "on_the_way", "running_late"


def may_set_out(call: FamilyCall, now: datetime) -> bool:
    """Whether somebody may be on the way to this call: at home, to come, and near."""
    return call.at_home and call.state == "booked" and now >= call.starts_at - SET_OUT_WITHIN


def set_out(session: Session, who: Who, call_id: int, now: datetime) -> tuple[FamilyCall, datetime]:
    """The helper is on the way to the home: the family hears when they will be there. Twice is once.

    Where that is late, the households further on hear of it too. Answers the call and when the helper arrives. Raises
    Refused("not_yours"), or ("wrong_state") for a call that is not at home, or over, and days before it.
    """
    call = cadres_call(session, who, call_id)
    if not may_set_out(call, now):
        raise Refused("wrong_state", thing=CALL.name, state=call.state)
    if call.set_out_at is None:
        _go(session, By(who.person_id, "cadre"), call, now, now)
        _warn(session, round_of(session, call).after(call), now)
    return call, _stop_of(session, call).arrives_at


def move_on(session: Session, by: By, call: FamilyCall, ended_at: datetime, now: datetime) -> None:
    """A call at home is over: the helper goes on to the next door of the round, and whoever waits there hears when.

    Further households hear where the round has become late. Nothing is said of what ended long ago.
    """
    if now - ended_at > FRESH:
        return
    rest = [stop for stop in round_of(session, call).after(call) if stop.is_coming]
    if rest and ended_at + rest[0].road >= rest[0].call.starts_at - EARLY:
        following = _held(session, rest[0].call)
        if following is not None:
            _go(session, by, following, ended_at, now)
            rest = list(round_of(session, following).after(following))
    _warn(session, rest, now)


def ended_at(call: FamilyCall, now: datetime) -> datetime:
    """When a call that is said to be over now was over: at home just now, for the helper goes on from there."""
    within = ENDED_WITHIN if call.at_home else timedelta(0)
    return now if now <= call.ends_at + within else call.ends_at


def _held(session: Session, call: FamilyCall) -> FamilyCall | None:
    """The call, held, where it still is to come; the helper's tap on "set out" may have come first."""
    found = session.get_one(FamilyCall, call.id, with_for_update={"key_share": True}, populate_existing=True)
    return found if found.state == "booked" and found.set_out_at is None else None


def _go(session: Session, by: By, call: FamilyCall, left_at: datetime, now: datetime) -> None:
    CALL.move(session, call, "set_out", by=by, now=now, where={"revision": call.revision}, set_out_at=left_at)
    _told_of_the_way(session, call, now)
    _say(session, call, ON_THE_WAY, max(_stop_of(session, call).arrives_at, now), now)


def _stop_of(session: Session, call: FamilyCall) -> Stop:
    return next(stop for stop in round_of(session, call).stops if stop.call.id == call.id)


def _warn(session: Session, stops: Sequence[Stop], now: datetime) -> None:
    """The households at which the helper will be late hear it, and hear it when that is no longer so, or worse."""
    for stop in stops:
        # Held one after the other in the order of the round: of two who know something new one speaks first.
        if stop.is_coming and _held(session, stop.call) is not None:
            _warn_one(session, stop, now)


def _warn_one(session: Session, stop: Stop, now: datetime) -> None:
    call, told = stop.call, _told_of_the_way(session, stop.call, now)
    known = datetime.fromisoformat(told.facts["arrives_at"]) if told is not None else call.starts_at
    if abs(stop.arrives_at - known) < WORTH:
        return
    due = max(now, told.due_at + EVERY) if told is not None else now
    _say(session, call, LATE, stop.arrives_at, now, mark=f":{now:%d%H%M%S}", due_at=due)


def _told_of_the_way(session: Session, call: FamilyCall, now: datetime) -> Letter | None:
    """The last that a household heard of when the helper comes; what still waits to be said is taken back."""
    query = select(Letter).where(
        Letter.subject == call.subject, Letter.revision == call.revision, Letter.kind == f"family.{LATE}",
        Letter.state != "withdrawn",
    ).order_by(Letter.due_at, Letter.id)  # fmt: skip
    last = None
    for one in session.scalars(query, execution_options={"populate_existing": True}).all():
        if one.state in ("planned", "retry") and one.due_at > now:
            LETTER.move(session, one, "withdraw", by=BY_RULE, now=now, settled_at=now)
        else:
            last = one
    return last


def _say(
    session: Session, call: FamilyCall, word: str, arrives: datetime, now: datetime, mark: str = "",
    due_at: datetime | None = None,
) -> None:  # fmt: skip
    """To everybody who waits for the helper. An elder without WeChat hears it at the door; nobody is sent for that."""
    readers = relatives_on(session, call)
    readers += session.scalars(reached().where(Identity.person_id == call.cared_id))
    facts = {**facts_of(session, call), "arrives_at": arrives.isoformat(), "role": "relative",
             "helper": session.get_one(Person, call.helper_id).name}  # fmt: skip
    tell(session, call, dict.fromkeys(readers, word), facts, now, mark, due_at)
