"""Taking due letters out of the outbox, so that of any number of senders exactly one has each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, func, not_, select, update
from sqlalchemy.orm import Session

from models.messages.letters import LETTER, REPEATABLE_FOR, Letter
from models.messages.outcomes import OpenLetter
from models.people.identities import Identity
from models.people.persons import Person

WAITING = LETTER.by_name["claim"].sources


@dataclass(frozen=True)
class Claimed:
    """What one claim brought: letters to carry, and the ids of those whose reader has no address (or is no more)."""

    letters: list[OpenLetter] = field(default_factory=list)
    homeless: list[int] = field(default_factory=list)
    suppressed: int = 0

    @property
    def total(self) -> int:
        """How many letters left the queue."""
        return len(self.letters) + len(self.homeless) + self.suppressed


def claim(
    session: Session,
    *,
    now: datetime,
    real_now: datetime,
    owner: str,
    lease: timedelta,
    deadline: timedelta,
    limit: int,
) -> Claimed:
    """Claim up to `limit` due letters for `owner`, in a handful of statements whatever the number.

    The start of the first attempt is written here, before the first byte leaves. A letter in doubt whose
    client_msg_id would outlive WeChat's ten minutes during this send is left to the sweep.
    """
    rows = _take(session, now=now, real_now=real_now, owner=owner, lease=lease, deadline=deadline, limit=limit)
    if not rows:
        return Claimed()
    people = {row.person_id for row in rows}
    readers = {row.id: row for row in session.execute(
        select(Person.id, Person.time_zone, Person.state).where(Person.id.in_(people)))}  # fmt: skip
    homes = _homes(session, people)
    claimed = Claimed()
    gone: list[int] = []
    for row in sorted(rows, key=lambda r: (r.next_at, r.id)):
        reader = readers[row.person_id]
        home = _home(homes.get(row.person_id, []), row.app_id)
        if reader.state != "active":
            gone.append(row.id)  # no reminder to the bereaved
        elif home is None:
            claimed.homeless.append(row.id)
        else:
            claimed.letters.append(_open(row, home, reader.time_zone, deadline, real_now + lease - deadline))
    if gone:
        session.execute(
            update(Letter).where(Letter.id.in_(gone))
            .values(state="suppressed", settled_at=now, lease_owner=None, lease_until=None)
        )  # fmt: skip
    return Claimed(claimed.letters, claimed.homeless, len(gone))


def _take(
    session: Session,
    *,
    now: datetime,
    real_now: datetime,
    owner: str,
    lease: timedelta,
    deadline: timedelta,
    limit: int,
) -> Sequence[Row[Any]]:
    """One statement that makes the due letters ours; SKIP LOCKED leaves to others what is already in their hands."""
    # A send may take `deadline`, so the window closes that much earlier.
    too_late = real_now - REPEATABLE_FOR + deadline
    due = (
        select(Letter.id)
        .where(Letter.state.in_(WAITING), Letter.next_at <= now, Letter.useful_until > now)
        .where(not_(and_(Letter.in_doubt.is_(True), Letter.first_attempt_at < too_late)))
        .order_by(Letter.next_at, Letter.id).limit(limit).with_for_update(skip_locked=True)
    )  # fmt: skip
    return session.execute(
        update(Letter)
        .where(Letter.id.in_(due.scalar_subquery()), Letter.state.in_(WAITING))
        .values(
            state="sending", lease_owner=owner, lease_until=real_now + lease, tries=Letter.tries + 1,
            first_attempt_at=func.coalesce(Letter.first_attempt_at, real_now),
        )
        .returning(
            Letter.id, Letter.person_id, Letter.kind, Letter.facts, Letter.channel, Letter.client_msg_id,
            Letter.app_id, Letter.next_at,
        ),
        execution_options={"synchronize_session": False},
    ).all()  # fmt: skip


def _homes(session: Session, people: set[int]) -> dict[int, list[tuple[str, str, str]]]:
    """The identities through which each of these people can be reached now, oldest first."""
    homes: dict[int, list[tuple[str, str, str]]] = {}
    for identity in session.execute(
        select(Identity.person_id, Identity.app_id, Identity.openid, Identity.kind)
        .where(Identity.person_id.in_(people), Identity.following.is_(True), Identity.reachable.is_(True))
        .order_by(Identity.id)
    ):  # fmt: skip
        homes.setdefault(identity.person_id, []).append((identity.app_id, identity.openid, identity.kind))
    return homes


def _open(
    row: Row[Any], home: tuple[str, str, str], zone: str, deadline: timedelta, start_before: datetime
) -> OpenLetter:
    return OpenLetter(
        id=row.id, kind=row.kind, facts=row.facts, channel=row.channel, app_id=home[0], openid=home[1],
        zone=zone, client_msg_id=row.client_msg_id, deadline_seconds=deadline.total_seconds(),
        start_before=start_before,
    )  # fmt: skip


def _home(homes: list[tuple[str, str, str]], app_id: str | None) -> tuple[str, str, str] | None:
    """The identity a letter goes to: through the account it names, else through any official account."""
    if app_id is not None:
        return next((home for home in homes if home[0] == app_id), None)
    return next((home for home in homes if home[2] == "official_account"), None)
