"""What time alone decides about letters: too late, in doubt for too long, forgotten by a dead sender."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session, aliased

from models.messages.breakers import half_open
from models.messages.claiming import WAITING, not_to_be_repeated
from models.messages.letters import Letter, in_states
from models.messages.outbox import SETTLES
from models.messages.passage import doubt, give_up
from models.messages.rules import AWAKE
from models.messages.silence import MANY, RECEIPT_WITHIN, listen

LIMIT = 500  # letters of one kind settled in one sweep


def sweep_letters(
    session: Session, *, now: datetime, real_now: datetime, deadline: timedelta, jitter: float
) -> list[Letter]:
    """Settle what nobody carries any more; answers the letters that need a cadre now.

    A lease that ran out is an attempt of which nobody knows; a letter in doubt past WeChat's ten minutes is never
    sent again blindly; a letter nobody can use any more is missed, said aloud, not silently lost; one whose receipt
    never came is looked into while that is of use.
    """
    ended: list[Letter] = []
    for letter in _taken(session, in_states("sending"), Letter.lease_until < real_now):
        doubt(letter, now, jitter)
        if letter.state == "needs_check":
            ended.append(letter)
    session.flush()
    for letter in _taken(session, in_states(*WAITING), not_to_be_repeated(real_now, deadline)):
        give_up(letter, now)
        ended.append(letter)
    session.flush()
    ended += _miss_late(session, now)
    ended += _miss_receipts(session, now, real_now)
    session.flush()
    return ended


def look_again(session: Session, now: datetime) -> int:
    """A clock that was ahead has been set right: what it put off, it put off to hours that were never meant. All that
    waits for a later try is tried now, and so is what was written meanwhile to be said at once; it finds anew what it
    has to wait for. Answers how many letters.
    """
    waits = in_states("retry"), Letter.next_at > now
    written = select(Letter.id, Letter.created_at, Letter.due_at).where(
        in_states("planned"), Letter.next_at > now, Letter.created_at > now
    )  # fmt: skip
    at_once = [row.id for row in session.execute(written) if row.due_at <= row.created_at + SETTLES]
    ahead = in_states("planned"), Letter.id.in_(at_once)
    found = 0
    for which, values in ((waits, {"next_at": now}), (ahead, {"next_at": now, "due_at": now})):
        put_off = update(Letter).where(*which).values(values).returning(Letter.id)
        found += len(session.execute(put_off, execution_options={"synchronize_session": False}).all())
    half_open(session, now)
    return found


def _miss_late(session: Session, now: datetime) -> list[Letter]:
    """End what came too late; answers those after which nothing else speaks of the same thing."""
    late = _taken(session, in_states(*WAITING), Letter.useful_until <= now, Letter.next_at <= now)
    for letter in late:
        letter.state = "needs_check" if letter.in_doubt else "missed"
        letter.settled_at = now
    session.flush()
    follows = set(session.scalars(select(Letter.id).where(Letter.id.in_([one.id for one in late]), _is_followed())))
    return [letter for letter in late if letter.state == "needs_check" or letter.id not in follows]


def _miss_receipts(session: Session, now: datetime, real_now: datetime) -> list[Letter]:
    """Letters that WeChat accepted and never reported on; answers those that a cadre should ask about.

    Where hardly any receipt reaches us the letters have most likely arrived, and that we are deaf is the
    administrators' to mend: who runs a centre is not sent after each of them. About what concerns somebody's safety
    they are asked all the same, and about what is for the same day while such letters are few; the rest is written
    down as unconfirmed, and the alarm says that what presses is to be said on the phone.
    """
    silent = _taken(session, in_states("sent"), Letter.sent_at < real_now - RECEIPT_WITHIN)
    pressing = listen(session, silent, now, real_now)
    asked = {one.id for one in silent if one.useful_until > now and not one.unwanted and _is_asked(one, pressing)}
    for letter in silent:
        letter.state, letter.settled_at = ("needs_check" if letter.id in asked else "unconfirmed"), now
    session.flush()
    return [letter for letter in silent if letter.id in asked]


def _is_asked(letter: Letter, pressing: Mapping[str, int]) -> bool:
    """Whether a cadre asks about a letter without a receipt; `pressing` as `listen` answers it."""
    if letter.app_id is None or letter.app_id not in pressing or letter.urgency == "safety":
        return True
    return letter.urgency in AWAKE and pressing[letter.app_id] < MANY


def _is_followed() -> ColumnElement[bool]:
    """Whether a later letter about the same thing is for the same person: it, or its own phone call, says it all."""
    later = aliased(Letter)
    return exists().where(
        later.subject == Letter.subject, later.person_id == Letter.person_id, later.kind == Letter.kind,
        later.revision == Letter.revision, later.due_at > Letter.due_at,
        later.state.not_in(("withdrawn", "suppressed")),
    )  # fmt: skip


def _taken(session: Session, *where: ColumnElement[bool]) -> Sequence[Letter]:
    """The letters, locked, as they stand now: another process may have moved a row since this session read it."""
    query = select(Letter).where(*where).limit(LIMIT).with_for_update(skip_locked=True)
    return session.scalars(query, execution_options={"populate_existing": True}).all()
