"""Budgets: how much of an account's day and minute is used up, shared by all processes, with lanes by urgency."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, locked_row
from models.hours import CLOCKS_DIFFER, midnight
from models.messages.allowance import Allowance
from models.messages.ladder import LANES

MINUTE = timedelta(minutes=1)


class SendBudget(Base):
    """What one channel of one account has sent since its day (in China, as WeChat counts) and its minute began."""

    __tablename__ = "send_budgets"

    app_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    day_began: Mapped[datetime]
    day_used: Mapped[int] = mapped_column(default=0)
    minute_began: Mapped[datetime]
    minute_used: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True)
class Spent:
    """A budget is used up until this instant. `for_today`: the day's, so another channel is worth trying."""

    until: datetime
    for_today: bool


@dataclass
class _Held:
    """A budget that is ours until the transaction ends, and what of it is used up by now."""

    budget: SendBudget
    today: int
    this_minute: int

    def used_up(self, limit: float) -> bool:
        """Whether what was taken just now has used up so much of the day."""
        return self.budget.day_used < limit <= self.today


class Purse:
    """The budgets that one claim draws on: each is locked when first asked for, so that two processes never both take
    the last of it. What is taken is written by `close` with the claim's own transaction, and comes back with its
    rollback."""

    def __init__(self, session: Session, allowance: Allowance, now: datetime) -> None:
        self.session, self.allowance, self.now = session, allowance, now
        self._held: dict[tuple[str, str], _Held] = {}

    def take(self, app_id: str, channel: str, lane: str) -> Spent | None:
        """Take one send for a letter of this lane ("safety", …); answers until when there is none."""
        held = self._held.get((app_id, channel)) or self._open(app_id, channel)
        limits, share = self.allowance.limits_of(app_id), LANES[lane]
        if held.today >= limits.per_day * share:
            return Spent(held.budget.day_began + timedelta(days=1), for_today=True)
        if held.this_minute >= limits.per_minute * share:
            return Spent(held.budget.minute_began + MINUTE, for_today=False)
        held.today += 1
        held.this_minute += 1
        return None

    def close(self) -> list[tuple[str, str]]:
        """Write down what was taken; answers whose day (app_id, channel) is used up with it, but for what is urgent."""
        spent = [
            way for way, held in self._held.items()
            if held.used_up(self.allowance.limits_of(way[0]).per_day * LANES["routine"])
        ]  # fmt: skip
        for held in self._held.values():
            held.budget.day_used, held.budget.minute_used = held.today, held.this_minute
        return spent

    def _open(self, app_id: str, channel: str) -> _Held:
        day = midnight(self.now)
        budget = locked_row(
            self.session, SendBudget, {"app_id": app_id, "channel": channel},
            day_began=day, minute_began=self.now, day_used=0, minute_used=0,
        )  # fmt: skip
        # One that has not begun was written by a clock that was ahead; by seconds, as those of two machines may be.
        if budget.day_began < day or budget.day_began > self.now + CLOCKS_DIFFER:
            budget.day_began, budget.day_used = day, 0
        if budget.minute_began <= self.now - MINUTE or budget.minute_began > self.now + CLOCKS_DIFFER:
            budget.minute_began, budget.minute_used = self.now, 0
        held = self._held[app_id, channel] = _Held(budget, budget.day_used, budget.minute_used)
        return held
