"""Reminders: the rules turn a booking and its people into letters, in the booking's own transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.hours import calendar
from models.messages.letters import Letter, in_states
from models.messages.outbox import Draft, post_many, withdraw
from models.messages.rules import Rule, due_time, rules_for

GONE_OUT = ("sending", "sent", "unconfirmed", "delivered", "told_in_person")


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

    Older revisions' letters are withdrawn first, but for those that stay true (`stands`). What is planned already moves
    with its rule, its reader's zone or its booking; what no rule asks for any more is withdrawn; what has been sent
    stays as it is and is not said twice. An offset that is past already is skipped, by an edit too: a booking made
    inside the window must not fire all its reminders together, and "at once" is over when the revision has been planned
    before, or the same start was said so at an older one. Twice is once.
    """
    withdraw(session, occasion.subject, now, before_revision=occasion.revision, but_not=stands)
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
