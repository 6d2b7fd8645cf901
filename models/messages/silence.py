"""Whether WeChat's receipts reach us at all: where they do not, that one is missing says nothing about its letter."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from models.base import locked_row
from models.messages.breakers import Breaker
from models.messages.letters import Letter, in_states
from models.messages.receipts import Receipt
from models.messages.rules import AWAKE

log = logging.getLogger(__name__)

SOON = timedelta(minutes=1)  # WeChat's receipts come within seconds: a letter older than this waits for its own
RECEIPT_WITHIN = timedelta(minutes=10)  # after this a receipt is missed
LOOK_BACK = 3 * RECEIPT_WITHIN  # older receipts are not counted, however long nobody has swept
MANY = 20  # so many without a receipt, and no more receipts than that, are our callback's trouble and not theirs
RECEIPTS = "receipts"  # the kind of a breaker that stops nothing: like one that is suspected, it only counts
NO_RECEIPTS = "no_receipts"


@dataclass(frozen=True)
class Deaf:
    """An account whose receipts do not reach us; `channel` is that of a letter without one, `last` when the last that
    was counted was sent."""

    app_id: str
    channel: str
    last: datetime


@dataclass(frozen=True)
class _Waiting:
    """How many letters of an account wait for a receipt that should be here, and since when the oldest is sent."""

    many: int = 0
    pressing: int = 0
    oldest: datetime | None = None


def deaf(session: Session) -> list[Deaf]:
    """The accounts whose receipts do not reach us, as the last sweep found them."""
    query = select(Breaker).where(Breaker.kind == RECEIPTS, Breaker.code == NO_RECEIPTS).order_by(Breaker.app_id)
    return [Deaf(row.app_id, row.channel, row.since) for row in session.scalars(query)]


def listen(session: Session, missed: Sequence[Letter], now: datetime, real_now: datetime) -> dict[str, int]:
    """Count the letters that `missed` their receipt; answers the accounts that are deaf, each with how many pressing
    letters wait there.

    Letters that wait are set against the receipts heard since the oldest of them was sent. While receipts are fewer,
    what is missed is added up, however slowly: with what waits MANY, the account is deaf. It hears again when receipts
    come, no fewer than letters wait, and these are fewer than MANY: what was sent before is not asked about one by one.
    """
    lost: dict[str, list[Letter]] = {}
    for letter in missed:
        if letter.app_id is not None:
            lost.setdefault(letter.app_id, []).append(letter)
    rows = {row.app_id: row for row in session.scalars(select(Breaker).where(Breaker.kind == RECEIPTS))}
    waiting = _waiting(session, now, real_now) if lost or rows else {}
    found = {}
    for app_id in sorted(rows.keys() | lost.keys()):
        row, waits = rows.get(app_id), waiting.get(app_id, _Waiting())
        few = row is None or row.code != NO_RECEIPTS or waits.many < MANY
        if few and _heard(session, app_id, waits.oldest, now, real_now) >= max(waits.many, 1):
            _forget(session, app_id)
            continue
        if app_id in lost:
            row = _counted(session, row.channel if row else None, lost[app_id], waits.many, now - real_now)
        if row is not None and row.code == NO_RECEIPTS:
            found[app_id] = waits.pressing
    return found


def _waiting(session: Session, now: datetime, real_now: datetime) -> dict[str, _Waiting]:
    # Letters about tasks are nobody's to ask about: the task stands on its list.
    theirs = Letter.kind.not_like("tasks.%") & Letter.unwanted.is_(False)
    pressing = theirs & Letter.urgency.in_(AWAKE) & (Letter.useful_until > now)
    query = (
        select(
            Letter.app_id, func.count().label("many"), func.sum(case((pressing, 1), else_=0)).label("pressing"),
            func.min(Letter.sent_at).label("oldest"),
        )
        .where(in_states("sent"), Letter.sent_at < real_now - SOON, Letter.app_id.is_not(None)).group_by(Letter.app_id)
    )  # fmt: skip
    return {row.app_id: _Waiting(row.many, row.pressing, row.oldest) for row in session.execute(query)}


def _heard(session: Session, app_id: str, oldest: datetime | None, now: datetime, real_now: datetime) -> int:
    """How many receipts have come since the oldest letter that waits was sent; with none, lately."""
    span = RECEIPT_WITHIN if oldest is None else min(real_now - oldest, LOOK_BACK)
    query = select(func.count()).where(Receipt.received_at >= now - span, Receipt.app_id == app_id)
    return session.scalar(query) or 0


def _counted(session: Session, channel: str | None, lost: Sequence[Letter], waiting: int, ahead: timedelta) -> Breaker:
    """The count of an account's letters without a receipt, with these; locked. Letters are sent on real time."""
    key = {"app_id": lost[0].app_id, "channel": channel or lost[0].channel, "kind": RECEIPTS}
    last = max(letter.sent_at for letter in lost if letter.sent_at is not None) + ahead
    row = locked_row(session, Breaker, key, code="", why="", since=last, open_until=last, times=0)
    if row.code != NO_RECEIPTS and row.times + waiting >= MANY:
        row.code = NO_RECEIPTS
        log.error("%s: %s letters have no receipt: does WeChat reach our callback?", row.app_id, row.times + waiting)
    row.times += len(lost)
    row.since = row.open_until = last
    session.flush()
    return row


def _forget(session: Session, app_id: str) -> None:
    session.execute(
        delete(Breaker).where(Breaker.app_id == app_id, Breaker.kind == RECEIPTS),
        execution_options={"synchronize_session": False},
    )
