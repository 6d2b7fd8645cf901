"""Reminders: the rules turn a booking and its people into letters, in the booking's own transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.hours import calendar
from models.messages.letters import HEARD, Letter, in_states
from models.messages.outbox import Draft, post_many, withdraw
from models.messages.rules import Rule, due_time, rules_for

WAITS = ("planned", "retry", "withdrawn")  # or did, until it was taken back
GONE_OUT = ("sending", "sent", "unconfirmed", *HEARD)


@dataclass(frozen=True)
class Recipient:
    """Who is reminded, in which role, living in which zone."""

    person_id: int
    role: str
    zone: ZoneInfo


@dataclass(frozen=True)
class Wanted:
    """One reminder as it should stand in the outbox."""

    rule: Rule
    recipient: Recipient
    due: datetime
    useful_until: datetime


@dataclass(frozen=True)
class Occasion:
    """What is reminded of: a booking ("call:3") at its revision, when it starts, what letters about it must know."""

    subject: str
    revision: int
    kind: str
    starts_at: datetime
    facts: dict[str, Any]
    about_id: int | None = None


def plan(
    session: Session, occasion: Occasion, recipients: Sequence[Recipient], now: datetime,
    stands: ColumnElement[bool] | None = None,
) -> int:  # fmt: skip
    """Bring the outbox in line with the rules; answers how many letters were written, moved or taken back.

    Older revisions' letters are withdrawn first, but for those that stay true (`stands`), and for those that were due
    about this very start and that their readers have still to hear (`carried_over`). What is planned already moves
    with its rule, its reader's zone or its booking; what no rule asks for any more is withdrawn; what has been sent
    stays as it is and is not said twice. An offset that is past already is skipped, by an edit too: a booking made
    inside the window must not fire all its reminders together, and "at once" is over when the revision has been planned
    before, or the same start was said so at an older one. Twice is once.
    """
    carried = _carried_over(session, occasion, recipients, now)
    kept = Letter.id.in_([letter.id for letter, _ in carried])
    but_not = kept if stands is None else stands | kept
    withdraw(session, occasion.subject, now, before_revision=occasion.revision, but_not=but_not)
    for old, want in carried:
        _carry_over(old, occasion, want, now)
    prefix = f"{occasion.subject}/{occasion.revision}/"
    query = select(Letter).where(
        Letter.subject == occasion.subject, Letter.revision == occasion.revision, Letter.kind == occasion.kind
    )
    standing = {letter.key: letter for letter in session.scalars(query.with_for_update()).all()}
    since, changed = min((letter.created_at for letter in standing.values()), default=now), 0
    fresh = list[tuple[Wanted, str]]()
    for want in _wanted(session, occasion, recipients, since):
        key = f"{prefix}{want.rule.name}/{want.recipient.role}:{want.recipient.person_id}"
        letter = standing.pop(key, None)
        if letter is not None:
            changed += _move(letter, occasion, want, now)
        elif want.due > now or (want.rule.mode == "at_once" and since == now):
            fresh.append((want, key))
    said = _said_before(session, occasion, {key for want, key in fresh if want.rule.mode == "at_once"})
    drafts = [_draft(occasion, want, key) for want, key in fresh if key not in said]
    post_many(session, drafts, now)
    for key, letter in standing.items():
        # What a person has sent again by hand is no rule's, and stays.
        if key.startswith(prefix) and letter.state in ("planned", "retry"):
            letter.state, letter.settled_at = "withdrawn", now
            changed += 1
    session.flush()
    return changed + len(drafts)


def carried_over(
    session: Session, occasion: Occasion, recipients: Sequence[Recipient], now: datetime
) -> ColumnElement[bool]:
    """The letters of older revisions that stand, and so do the phone calls that came of them: they were due already,
    and speak of this very start to who is reminded of it now. Their like is not planned anew, for it would be past."""
    return Letter.id.in_([letter.id for letter, _ in _carried_over(session, occasion, recipients, now)])


def _carried_over(
    session: Session, occasion: Occasion, recipients: Sequence[Recipient], now: datetime
) -> list[tuple[Letter, Wanted]]:
    """Those letters, each with what it should say. What has gone out, or is a cadre's, stands only where it says so."""
    if occasion.revision == 0:
        return []
    past = {
        (want.rule.name, want.recipient.role, want.recipient.person_id): want
        for want in _wanted(session, occasion, recipients, now)
        if want.rule.mode != "at_once" and want.due <= now < want.useful_until
    }
    if not past:
        return []
    query = select(Letter).where(
        Letter.subject == occasion.subject, Letter.revision < occasion.revision, Letter.kind == occasion.kind,
        Letter.person_id.in_({person_id for _, _, person_id in past}),
    ).order_by(Letter.revision.desc(), Letter.id)  # fmt: skip
    # Only what may have to say something else is held: whoever tells the rest in person holds the task first.
    session.scalars(
        query.with_only_columns(Letter.id).where(in_states(*WAITS)).order_by(None).order_by(Letter.id).with_for_update()
    ).all()  # fmt: skip
    last = dict[tuple[str, str, int], list[Letter]]()  # with what was sent again by hand
    moved = set[int]()  # to whom something was said of another start since
    for letter in session.scalars(query, execution_options={"populate_existing": True}):
        if "starts_at" not in letter.facts:
            continue  # long ago: its words are gone
        if datetime.fromisoformat(letter.facts["starts_at"]) != occasion.starts_at:
            moved.add(letter.person_id)
        elif letter.person_id not in moved:
            alike = last.setdefault((letter.facts["rule"], letter.facts["role"], letter.person_id), [])
            alike += [letter] if not alike or alike[0].revision == letter.revision else []
    return [
        (letter, past[key]) for key, alike in last.items()
        if key in past and not any(one.state in HEARD for one in alike) for letter in alike
        if letter.due_at <= now and (letter.state != "withdrawn" or letter.due_at == past[key].due)
        and (_waits(letter) or _says(letter, _facts(occasion, past[key])))
    ]  # fmt: skip


def _waits(letter: Letter) -> bool:
    """Whether a letter can still be made to say something else: nothing of it may have arrived."""
    return letter.state in WAITS and not letter.in_doubt


def _says(letter: Letter, facts: dict[str, Any]) -> bool:
    """Whether a letter says this; of its start that is known, in whatever zone it is written."""
    return {**letter.facts, "starts_at": ""} == {**facts, "starts_at": ""}


def _carry_over(letter: Letter, occasion: Occasion, want: Wanted, now: datetime) -> None:
    """A letter that was due stands; one that was taken back before it had gone is to go after all."""
    if _waits(letter):
        letter.facts = _facts(occasion, want)
        if letter.state == "withdrawn":
            letter.state, letter.settled_at, letter.next_at = "planned", None, now
    letter.unwanted = False


def _said_before(session: Session, occasion: Occasion, at_once: set[str]) -> set[str]:
    """Those of these letters (by key) whose like has gone out at an older revision about this very start: there is
    nothing new to be said at once.

    What reached nobody has gone with its revision, its phone call too, and is still to be said.
    """
    if not at_once or occasion.revision == 0:
        return set()
    query = select(Letter.person_id, Letter.facts).where(
        Letter.subject == occasion.subject, Letter.revision < occasion.revision, Letter.kind == occasion.kind,
        Letter.state.in_(GONE_OUT),
    )  # fmt: skip
    return at_once & {
        f"{occasion.subject}/{occasion.revision}/{row.facts.get('rule')}/{row.facts.get('role')}:{row.person_id}"
        for row in session.execute(query)
        if "starts_at" in row.facts and datetime.fromisoformat(row.facts["starts_at"]) == occasion.starts_at
    }


def unsent_of(session: Session, rule: Rule) -> int:
    """How many letters that a rule has planned for its role are still to be said: what an edit of it moves."""
    mine = Letter.key.contains(f"/{rule.name}/{rule.role}:", autoescape=True)
    query = select(func.count()).select_from(Letter).where(in_states("planned"), Letter.kind == rule.kind, mine)
    return session.scalar(query) or 0


def _wanted(session: Session, occasion: Occasion, recipients: Sequence[Recipient], since: datetime) -> Iterator[Wanted]:
    """The reminders of an occasion, planned first at `since`, by its rules.

    Each is useful only until the next one of the same reader is due: after a night without a clock one comes.
    """
    book = calendar(session)
    start = occasion.starts_at.astimezone(UTC)
    rules = rules_for(session, occasion.kind, {recipient.role for recipient in recipients})
    for recipient in recipients:
        due = sorted(
            ((due_time(rule, start, recipient.zone, book, since), rule) for rule in rules[recipient.role]),
            key=lambda pair: pair[0],
        )  # fmt: skip
        for (at, rule), following in zip(due, [*due[1:], None], strict=True):
            until = following[0] if following else start + timedelta(minutes=rule.grace_minutes)
            if at < until:
                yield Wanted(rule, recipient, at, until)


def _draft(occasion: Occasion, want: Wanted, key: str) -> Draft:
    return Draft(
        key=key, person_id=want.recipient.person_id, kind=occasion.kind, subject=occasion.subject,
        revision=occasion.revision, due_at=want.due, useful_until=want.useful_until, urgency=want.rule.urgency,
        about_id=occasion.about_id,
        facts=_facts(occasion, want),
    )  # fmt: skip


def _facts(occasion: Occasion, want: Wanted) -> dict[str, Any]:
    """What the letter must know. `ahead`: how many minutes before the start, where that is what its rule says; its name
    says nothing, for an administrator may have made any other rule of it."""
    return {
        **occasion.facts, "rule": want.rule.name, "role": want.recipient.role, "ahead": want.rule.minutes,
    }  # fmt: skip


def _move(letter: Letter, occasion: Occasion, want: Wanted, now: datetime) -> int:
    """Bring a letter that stands already to where it should be; one that has gone out, or is going, stays.

    One that was due before and waits to be taken is still said while it is of use. One whose new time is past is
    skipped like any other offset that is past: what is moved is not fired together with the next.
    """
    again = letter.state == "withdrawn" and letter.tries == 0 and want.due > now
    if letter.state != "planned" and not again:
        return 0
    skipped = want.due <= now < letter.due_at or want.useful_until <= now
    if skipped:
        letter.state, letter.settled_at = "withdrawn", now
        return 1
    due = want.due if want.due > now else letter.due_at
    facts = _facts(occasion, want)
    if (letter.due_at, letter.useful_until, letter.state, letter.facts) == (due, want.useful_until, "planned", facts):
        return 0
    letter.state, letter.settled_at, letter.facts = "planned", None, facts
    letter.due_at = letter.next_at = due
    letter.useful_until, letter.urgency = want.useful_until, want.rule.urgency
    return 1
