"""Taking due letters out of the outbox, so that of any number of senders exactly one has each."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from models.base import Instant
from models.hours import CLOCKS_DIFFER
from models.messages.allowance import Allowance
from models.messages.breakers import EVERY, Breakers, Mark, standing
from models.messages.budgets import Purse
from models.messages.choosing import A_WHILE, Ways
from models.messages.inbox import Dialogue
from models.messages.ladder import CHANNELS, LANES
from models.messages.letters import LETTER, REPEATABLE_FOR, Letter, in_states
from models.messages.outcomes import OpenLetter
from models.messages.reach import Home, Reach
from models.messages.rules import AWAKE, out_of_the_night
from models.messages.subscriptions import WINDOW, Subscription
from models.people.identities import Identity

_LETTERS = cast(Table, Letter.__table__)
_CARRIED = (
    "id", "person_id", "about_id", "kind", "facts", "channel", "urgency", "client_msg_id", "app_id", "next_at",
    "useful_until", "in_doubt", "first_attempt_at", "identity_id",
)  # fmt: skip
WAITING = LETTER.by_name["claim"].sources
Stopped = tuple[Mark, datetime, bool]  # a template that is out of order, until when, and whether it has been for long


@dataclass(frozen=True)
class Lease:
    """Who claims, and for how long: `deadline` is the longest that one send may take."""

    owner: str
    lasts: timedelta
    deadline: timedelta


@dataclass
class Claimed:
    """What one claim brought: letters to carry, and the ids of those whom nothing reaches (or who are no more)."""

    letters: list[OpenLetter] = field(default_factory=list)
    homeless: list[int] = field(default_factory=list)
    suppressed: list[int] = field(default_factory=list)
    put_back: dict[datetime, list[int]] = field(default_factory=dict)
    moved: dict[str, list[int]] = field(default_factory=dict)  # to another channel than the one written down
    spent: list[tuple[str, str]] = field(default_factory=list)  # (app_id, channel) whose day this claim has used up

    @property
    def total(self) -> int:
        """How many letters left the queue, or at least its head."""
        held = sum(len(ids) for ids in self.put_back.values())
        return len(self.letters) + len(self.homeless) + len(self.suppressed) + held


def claim(
    session: Session, *, now: datetime, real_now: datetime, lease: Lease, limit: int, allowance: Allowance
) -> Claimed:
    """Claim up to `limit` due letters, the urgent lanes first, in a handful of statements whatever the number.

    The start of the first attempt is written here, before the first byte leaves. A letter in doubt whose
    client_msg_id would outlive WeChat's ten minutes during this send is left to the sweep. Each letter takes the first
    channel of its ladder that reaches its person now; where a breaker or a budget stands against all of them it is put
    back until then, and where its reader sleeps until the morning.
    """
    breakers = standing(session, now)
    rows = _take(session, now, real_now, lease, limit, breakers)
    claimed = Claimed()
    if rows:
        _sort_out(session, rows, claimed, now, real_now, lease, allowance, breakers)
        _write_down(session, claimed, now)
    return claimed


def _take(
    session: Session, now: datetime, real_now: datetime, lease: Lease, limit: int, breakers: Breakers
) -> Sequence[Row[Any]]:
    """One statement that makes due letters ours, lane by lane; SKIP LOCKED leaves to others what they have in hand."""
    stopped = tuple(sorted(
        (mark, until, mark in breakers.lasting) for mark, until in breakers.open.items() if mark[2] != EVERY
    ))  # fmt: skip
    forgotten_before, forgotten_after = _forgotten(real_now, lease.deadline)
    return session.execute(
        _taking(stopped),
        {
            "at": now, "begun": real_now, "mine": lease.owner, "mine_until": real_now + lease.lasts, "most": limit,
            "forgotten_before": forgotten_before, "forgotten_after": forgotten_after,
            **({"heard_after": now - WINDOW} if any(lasts for _, _, lasts in stopped) else {}),
        },
    ).all()  # fmt: skip


@lru_cache(maxsize=32)  # made once, as long as nothing is out of order
def _taking(stopped: tuple[Stopped, ...]) -> Any:
    """The statement of `_take`, with its instants, its owner and its limit still to be bound.

    Before every lane come those in doubt: WeChat knows their id for ten minutes only, and a long queue must not use
    them up. Each is looked through in the order of its index, as far as the limit goes; what a more urgent one leaves
    no room for is unlocked with the end of this transaction.
    """
    at, begun, most = (
        bindparam("at", type_=Instant),
        bindparam("begun", type_=Instant),
        bindparam("most", type_=Integer),
    )
    forgotten = _in_doubt_for_too_long(
        bindparam("forgotten_before", type_=Instant), bindparam("forgotten_after", type_=Instant)
    )
    due_now = (
        in_states(*WAITING), Letter.next_at <= at, Letter.useful_until > at, not_(forgotten), *_not_stopped(stopped),
    )  # fmt: skip
    queues = (Letter.in_doubt.is_(True), *(Letter.urgency == lane for lane in LANES))
    heads = [
        select(Letter.id, literal(rank).label("rank"), Letter.next_at).where(queue, *due_now)
        .order_by(Letter.next_at).limit(most).with_for_update(skip_locked=True).subquery()
        for rank, queue in enumerate(queues)
    ]  # fmt: skip
    every = union_all(*(select(head.c.id, head.c.rank, head.c.next_at) for head in heads)).subquery()
    first = select(every.c.id, func.min(every.c.rank).label("rank"), func.min(every.c.next_at).label("next_at"))
    once = first.group_by(every.c.id).subquery()
    due = select(once.c.id).order_by(once.c.rank, once.c.next_at).limit(most)
    # On the table and not on the class: nothing of the object layer is needed for what goes straight to the wire.
    return (
        update(_LETTERS)
        .where(_LETTERS.c.id.in_(due.scalar_subquery()), _LETTERS.c.state.in_(WAITING))
        .values(
            state="sending", lease_owner=bindparam("mine"), lease_until=bindparam("mine_until", type_=Instant),
            tries=_LETTERS.c.tries + 1, first_attempt_at=func.coalesce(_LETTERS.c.first_attempt_at, begun),
        )
        .returning(*(_LETTERS.c[name] for name in _CARRIED))
    )  # fmt: skip


def not_to_be_repeated(real_now: datetime, deadline: timedelta) -> ColumnElement[bool]:
    """Letters in doubt whose client_msg_id WeChat may have forgotten before one more send is over."""
    return _in_doubt_for_too_long(*_forgotten(real_now, deadline))


def _forgotten(real_now: datetime, deadline: timedelta) -> tuple[datetime, datetime]:
    """Before and after which a first attempt is one that WeChat may have forgotten.

    A send may take `deadline`, so the window closes that much earlier. An attempt that lies in the future was written
    down by a clock that has been put back since: how long ago it was, nobody knows.
    """
    return real_now - REPEATABLE_FOR + deadline, real_now + CLOCKS_DIFFER


def _in_doubt_for_too_long(before: Any, after: Any) -> ColumnElement[bool]:
    first = Letter.first_attempt_at
    return and_(Letter.in_doubt.is_(True), or_(first < before, first > after))


def _not_stopped(stopped: tuple[Stopped, ...]) -> list[ColumnElement[bool]]:
    """Kinds whose template is out of order stay where they are as long as they can wait: they must not fill every
    batch. Whom that account does not reach anyhow, it does not concern; and where it lasts, it does not keep back who
    has agreed to something or has written lately, so that another way may be open to them."""
    heard_after = bindparam("heard_after", type_=Instant)
    theirs = Identity.person_id == Letter.person_id
    agreed = or_(Subscription.balance > 0, Subscription.long_term)
    elsewhere = or_(
        exists().where(theirs, Subscription.identity_id == Identity.id, agreed),
        exists().where(theirs, Dialogue.identity_id == Identity.id, Dialogue.heard_at > heard_after),
    )
    return [
        not_(and_(
            Letter.kind == kind, Letter.channel == channel, func.coalesce(Letter.app_id, app_id) == app_id,
            Letter.useful_until > until, exists().where(
                theirs, Identity.app_id == app_id,
                *((Identity.following, Identity.reachable) if CHANNELS[channel].needs == "following" else ()),
            ),
            *((not_(elsewhere),) if lasts else ()),
        ))
        for (app_id, channel, kind), until, lasts in stopped
    ]  # fmt: skip


def _sort_out(
    session: Session, rows: Sequence[Row[Any]], claimed: Claimed, now: datetime, real_now: datetime, lease: Lease,
    allowance: Allowance, breakers: Breakers,
) -> None:  # fmt: skip
    people = {row.person_id for row in rows} | {row.about_id for row in rows if row.about_id}
    reach = Reach(session, people, allowance, now)
    purse = Purse(session, allowance, now)
    ways = Ways(reach, purse, breakers, now, _on_trial(session, breakers, [row.id for row in rows]))
    lanes = list(LANES)
    # Of those that find out whether a way works again the first are those that are not known for long.
    for row in sorted(rows, key=lambda r: (not r.in_doubt, lanes.index(r.urgency), r.next_at, r.id)):
        reader = reach.readers[row.person_id]
        if not reach.is_to_be_told(row.person_id, row.kind, row.about_id):
            claimed.suppressed.append(row.id)
            continue
        morning = _morning(row, reader.zone, now)
        found = morning if morning is not None and ways.reach_any(row) else ways.take(row)
        if isinstance(found, datetime) and found < row.useful_until:
            claimed.put_back.setdefault(_by_day(found, row, reader.zone, now), []).append(row.id)
        elif isinstance(found, tuple):
            channel, home = found
            if channel != row.channel:
                claimed.moved.setdefault(channel, []).append(row.id)
            claimed.letters.append(
                _open(row, channel, home, reader.zone, lease, now, _start_before(row, real_now, lease))
            )
        else:
            claimed.homeless.append(row.id)
    claimed.spent = purse.close()


def _on_trial(session: Session, breakers: Breakers, mine: Collection[int]) -> Counter[Mark]:
    """How many letters of other batches are on their way to find out whether what is half open works again: while they
    hang, as many more at each look would all be in doubt."""
    if not breakers.half_open:
        return Counter()
    away = (
        select(Identity.app_id, Letter.channel, Letter.kind, func.count(Letter.id.distinct()).label("many"))
        .join(Identity, Identity.person_id == Letter.person_id)
        .where(in_states("sending"), Letter.id.not_in(mine))
        .group_by(Identity.app_id, Letter.channel, Letter.kind)
    )  # fmt: skip
    found = Counter[Mark]()
    for row in session.execute(away):
        found[row.app_id, row.channel, row.kind] += row.many
        found[row.app_id, row.channel, EVERY] += row.many
    return found


def _start_before(row: Row[Any], real_now: datetime, lease: Lease) -> datetime:
    """Until when a send may begin that has waited for its turn: to be over within its lease, and one in doubt while
    WeChat still knows its id."""
    within_lease = real_now + lease.lasts - lease.deadline
    if not row.in_doubt:
        return within_lease
    known_until: datetime = row.first_attempt_at + REPEATABLE_FOR
    return min(within_lease, known_until - lease.deadline)


def _morning(row: Row[Any], zone: str, now: datetime) -> datetime | None:
    """When the reader is awake again; None by day, for what goes at night too, and where the morning is too late."""
    if row.urgency in AWAKE or row.in_doubt:  # what WeChat may hold already is asked about while it knows the id
        return None
    morning = out_of_the_night(now, row.useful_until, ZoneInfo(zone))
    return morning if morning > now else None


def _by_day(until: datetime, row: Row[Any], zone: str, now: datetime) -> datetime:
    """When a letter that must wait until then is tried again: a day's budget comes back at midnight in China, and
    nobody is woken for it. What waits for minutes was to go now, whatever the hour."""
    if row.urgency in AWAKE or until - now < A_WHILE:
        return until
    return max(until, out_of_the_night(until, row.useful_until, ZoneInfo(zone)))


def _write_down(session: Session, claimed: Claimed, now: datetime) -> None:
    """Bring the rows in line with what was decided about them."""
    free = {"lease_owner": None, "lease_until": None}
    if claimed.suppressed:
        _set(session, claimed.suppressed, state="suppressed", settled_at=now, **free)
    for channel, ids in claimed.moved.items():
        _set(session, ids, channel=channel)
    for until, ids in claimed.put_back.items():
        # Not an attempt: nothing was begun, so its ten minutes have not begun either.
        begun = case((Letter.in_doubt, Letter.first_attempt_at), else_=None)
        _set(session, ids, state="retry", next_at=until, tries=Letter.tries - 1, first_attempt_at=begun, **free)


def _set(session: Session, ids: Collection[int], **values: Any) -> None:
    session.execute(
        update(Letter).where(Letter.id.in_(ids)).values(**values), execution_options={"synchronize_session": False}
    )


def _open(
    row: Row[Any], channel: str, home: Home, zone: str, lease: Lease, now: datetime, start_before: datetime
) -> OpenLetter:  # fmt: skip
    return OpenLetter(
        id=row.id, kind=row.kind, facts=row.facts, channel=channel, app_id=home.app_id, openid=home.openid,
        identity_id=home.id, zone=zone, client_msg_id=row.client_msg_id, claimed_at=now,
        deadline_seconds=lease.deadline.total_seconds(), start_before=start_before,
    )  # fmt: skip
