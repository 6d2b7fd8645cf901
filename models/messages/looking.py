"""What was sent to whom, why and in what state: what the desk asks of the outbox, and sending once more on purpose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import History, history_of
from models.life import By, Life, hold
from models.messages.letters import HEARD, LETTER, Letter, in_states
from models.messages.outbox import post, withdraw
from models.paging import Asked, Cursor, Page, page
from models.people.persons import Person

ON_THE_WAY = ("planned", "retry", "sending")
# Letters that tell how something ended: as true after its time as before.
OF_THE_END = frozenset({
    "ordering.completed", "ordering.unmet", "ordering.cancelled", "ordering.called_off", "ordering.nobody_home",
    "ordering.complaint_settled", "family.relative_no_show", "family.resident_no_show", "family.neither_came",
    "family.technical_failure",
})  # fmt: skip
# A conversation of their own, a code that opens a link: nobody at the desk reads them, and nobody says them once more.
PRIVATE_KINDS = ("messages.reply", "people.invitation_qr")
# The states of things of which letters speak, as history names them, in which it is over with them for now.
ENDED = frozenset({
    "cancelled", "called_off", "withdrawn", "taken_back", "stood_down", "skipped", "declined", "refused", "rejected",
    "returned", "dropped", "revoked", "parted", "left", "lapsed", "expired", "ended", "unmet", "handed_back",
    "replaced", "superseded", "retired", "taken", "settled", "mended", "completed", "closed", "done", "nobody_home",
    "failed", "relative_no_show", "resident_no_show", "neither_came", "technical_failure", "lost", "purged",
    "deceased",
})  # fmt: skip
COPY = "again:"  # so begins the key of a letter by which somebody says another once more
USEFUL_AGAIN = timedelta(hours=24)
WATCHED = (("planned", "retry"), ("sending",))  # as the partial indexes have them
STUCK_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Seen:
    """One letter and the name of the person it is for."""

    letter: Letter
    person: str


@dataclass(frozen=True)
class Question:
    """What the desk looks for; empty parts are not asked. `name` is the reader's, or a part of it; `only`: of these;
    `days`: written in these, or due (from one moment to another)."""

    name: str = ""
    states: tuple[str, ...] = ()
    subject: str = ""
    kind: str = ""
    days: tuple[datetime, datetime] | None = None
    only: frozenset[int] | None = None


def look(session: Session, question: Question, *, limit: int = 50, before: int | None = None) -> list[Seen]:
    """The letters that answer the question, the newest first; `before` (an id) goes on where a page ended."""
    query = _asked(question)
    if before is not None:
        query = query.where(Letter.id < before)
    rows = session.execute(query.order_by(Letter.id.desc()).limit(limit)).all()
    return [Seen(row.Letter, row.name) for row in rows]


def look_within(
    session: Session, question: Question, within: ColumnElement[bool], cursor: Cursor | None = None
) -> Page[Any]:  # fmt: skip
    """One page of rows (Letter, name) among those `within` what somebody may see, the newest first."""
    query = _asked(question).where(within)
    return page(session, query, (Letter.id,), lambda row: (row.Letter.id,), cursor, newest_first=True)


def one_within(session: Session, letter_id: int, within: ColumnElement[bool]) -> Seen:
    """One letter among those `within`; raises Refused("no_letter") for any other."""
    if session.scalar(select(Letter.id).where(Letter.id == letter_id, within)) is None:
        raise Refused("no_letter")
    return one(session, letter_id)


def waiting(session: Session, within: ColumnElement[bool], now: datetime) -> tuple[int, int]:
    """How many letters within wait to be sent, and how many of them should have gone a while ago."""
    stuck = func.sum(case((Letter.next_at < now - STUCK_AFTER, 1), else_=0)).label("stuck")
    row = session.execute(select(func.count().label("many"), stuck).where(in_states("planned", "retry"), within)).one()
    return row.many, row.stuck or 0


def is_stuck(letter: Letter, now: datetime) -> bool:
    """Whether it should have gone a while ago and nobody has tried: no clock runs, or it cannot keep up."""
    return letter.state in ("planned", "retry") and letter.next_at < now - STUCK_AFTER


@dataclass(frozen=True)
class Backlog:
    """How far behind sending is: letters that should go now, since when the first of them should (what was only put
    off until the morning, since the morning), and letters whose sender's lease ran out without anybody taking them
    back."""

    due: int
    oldest: datetime | None
    stuck: int


def backlog(session: Session, *, now: datetime, real_now: datetime) -> Backlog:
    """What stands in the outbox and should not: leases run on real time, all else on `now`."""
    since = case((Letter.tries > 0, Letter.due_at), else_=Letter.next_at)  # `claim` puts off without a try
    due = select(func.count().label("many"), func.min(since).label("oldest"))
    row = session.execute(due.where(in_states("planned", "retry"), Letter.next_at <= now)).one()
    stuck = select(func.count()).where(in_states("sending"), Letter.lease_until < real_now)
    return Backlog(row.many, row.oldest, session.scalar(stuck) or 0)


def _asked(question: Question) -> Asked:
    query: Asked = select(Letter, Person.name).join(Person, Person.id == Letter.person_id)
    if question.name:
        query = query.where(Person.name.contains(question.name, autoescape=True))
    if question.states:
        query = query.where(Letter.state.in_(question.states))
    if question.subject:
        query = query.where(Letter.subject == question.subject)
    if question.kind:
        query = query.where(Letter.kind.startswith(question.kind, autoescape=True))
    if question.days is not None:
        query = query.where(_of_late(*question.days))
    if question.only is not None:
        query = query.where(Letter.id.in_(question.only))
    return query


def _of_late(since: datetime, until: datetime) -> ColumnElement[bool]:
    """Letters written since then, or due between: a reminder is written weeks before its day."""
    return or_(Letter.created_at >= since, Letter.due_at.between(since, until))


def standing(session: Session) -> dict[str, int]:
    """How many letters there are in each state that still needs a sender. Each is counted by its own index: ended rows
    only grow, and so would the work of reading past them. What needs a person is a task, and counted there."""
    found = dict.fromkeys((state for part in WATCHED for state in part), 0)
    for part in WATCHED:
        query = select(Letter.state, func.count().label("many")).where(in_states(*part)).group_by(Letter.state)
        found |= {row.state: row.many for row in session.execute(query)}
    return found


def counts(session: Session, days: tuple[datetime, datetime]) -> dict[str, int]:
    """How many letters written in these days, or due, there are in each state."""
    query = select(Letter.state, func.count().label("many")).where(_of_late(*days)).group_by(Letter.state)
    return {row.state: row.many for row in session.execute(query)}


def one(session: Session, letter_id: int) -> Seen:
    """One letter; raises Refused("no_letter")."""
    letter = session.get(Letter, letter_id)
    if letter is None:
        raise Refused("no_letter")
    return Seen(letter, session.get_one(Person, letter.person_id).name)


def resend(
    session: Session, letter_id: int, *, lives: Iterable[Life], by: By, reason: str, now: datetime,
    seen: int | None = None,
) -> Letter:  # fmt: skip
    """Say the same once more, as a letter of its own: the old one stays as it ended, and history says who and why.
    What it is about (one of `lives`) is held meanwhile: nobody cancels it while this is written. `seen`: how often it
    had been said again on the page from which somebody decides.

    Raises Refused("no_letter"), Refused("reason_needed"), Refused("stale") where that is not so any more,
    Refused("not_again") for one of PRIVATE_KINDS, Refused("still_going") while any that says it may still arrive by
    itself, and what would say something wrong: Refused("not_true_now") when the matter has changed, or come to an end,
    since, Refused("not_wanted") when the reader wants no such letters, Refused("over") when it has taken place.
    """
    old = one(session, letter_id).letter
    if not reason.strip():
        raise Refused("reason_needed")
    hold(session, lives, old.subject)
    said_first = _said_first(session, old)
    session.refresh(said_first, with_for_update=True)  # two at the desk: the second finds the first one's letter
    before = said_again(session, old)
    _check_again(session, old, now)
    if seen not in (None, len(before)):
        raise Refused("stale", subject=LETTER.subject(old))
    over = _over_at(old)
    useful_until = max(old.useful_until, now + USEFUL_AGAIN)
    posted = post(
        session, key=f"{COPY}{said_first.id}/{len(before) + 1}", person_id=old.person_id, about_id=old.about_id,
        kind=old.kind, facts=old.facts, subject=old.subject, revision=old.revision, urgency=old.urgency, now=now,
        useful_until=min(useful_until, over) if over else useful_until,
    )  # fmt: skip
    new = session.get_one(Letter, posted)
    session.add(
        History(
            subject=LETTER.subject(old),
            verb="resend",
            from_state=old.state,
            to_state=old.state,
            by_person_id=by.person_id,
            as_role=by.role,
            note=f"{reason.strip()[:400]} → {LETTER.subject(new)}",
            at=now,
        )
    )
    session.flush()
    return new


def not_again(session: Session, old: Letter, now: datetime) -> str | None:
    """The code with which a letter would be refused to be said once more, as `resend` names them; None when it may."""
    try:
        _check_again(session, old, now)
    except Refused as refused:
        return refused.code
    return None


def _check_again(session: Session, old: Letter, now: datetime) -> None:
    if old.kind in PRIVATE_KINDS:
        raise Refused("not_again")
    those = old, _said_first(session, old), *said_again(session, old)
    if any(letter.state in ON_THE_WAY for letter in those):
        raise Refused("still_going")
    newer = select(Letter.id).where(Letter.subject == old.subject, Letter.revision > old.revision).limit(1)
    # Also what is heard otherwise was taken back, and is as true as it was.
    untrue = (old.state == "withdrawn" or old.unwanted) and not is_heard_otherwise(session, old)
    if untrue or session.scalar(newer) is not None or _has_ended(session, old):
        raise Refused("not_true_now")
    if old.state == "suppressed":
        raise Refused("not_wanted")
    over = _over_at(old)
    if over is not None and over <= now:
        raise Refused("over")


def said_again(session: Session, old: Letter) -> Sequence[Letter]:
    """The letters by which somebody has said it once more, as they stand now: of one of them, all of the same."""
    mine = Letter.key.startswith(f"{COPY}{_said_first(session, old).id}/")
    query = select(Letter).where(Letter.subject == old.subject, mine)  # the subject has an index
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def others_of(session: Session, letter: Letter) -> list[Letter]:
    """Where somebody has said a letter again: those that say the same, be this one the first or a copy."""
    if letter.kind in PRIVATE_KINDS:
        return []
    return [one for one in (_said_first(session, letter), *said_again(session, letter)) if one.id != letter.id]


def is_heard_otherwise(session: Session, letter: Letter) -> bool:
    """Whether its reader knows what it says by another letter that says the same, or because a cadre has told them."""
    return any(one.state in HEARD for one in others_of(session, letter))


def end_others(session: Session, letter: Letter, now: datetime) -> list[Letter]:
    """Its reader knows what `letter` says: what says the same is not to go, nor to go again; answers those."""
    others = others_of(session, letter)
    if others:
        withdraw(session, letter.subject, now, but_not=Letter.id.not_in([one.id for one in others]))
    return others


def is_copy(letter: Letter) -> bool:
    """Whether somebody has said another letter again by this one."""
    return letter.key.startswith(COPY)


def _said_first(session: Session, letter: Letter) -> Letter:
    """The letter that one sent again says once more, and any other itself: what is sent again is counted there."""
    while is_copy(letter):
        letter = session.get_one(Letter, int(letter.key.removeprefix(COPY).partition("/")[0]))
    return letter


def _has_ended(session: Session, old: Letter) -> bool:
    """Whether its matter has come to an end since it was written, or to another, or goes on after all.

    A letter that tells of an end is written with it, and stays true; so does one of what is done when that is filed.
    """
    lines = history_of(session, old.subject)
    then = next((line.to_state for line in reversed(lines) if line.at <= old.created_at), None)
    now = lines[-1].to_state if lines else None
    return then != now and (then, now) != ("completed", "closed") and not ENDED.isdisjoint((then, now))


def _over_at(letter: Letter) -> datetime | None:
    """When what a letter speaks of begins, and to be told of it is of no more use; None for news that stay true."""
    moment = letter.facts.get("starts_at") or letter.facts.get("preferred_at")
    return datetime.fromisoformat(moment) if moment and letter.kind not in OF_THE_END else None
