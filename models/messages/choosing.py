"""Which way a letter takes now: the first channel that reaches its reader and is neither out of order nor spent."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from models.messages.breakers import EVERY, Breakers, Mark
from models.messages.budgets import Purse
from models.messages.ladder import rungs_from
from models.messages.reach import Home, Reach

# A channel that is back within this is waited for; longer, or out of order for as long, and the next one is taken.
A_WHILE = timedelta(hours=1)
PROBES = 3  # so many letters find out whether what was out of order works again; the others wait
PROBE_PAUSE = timedelta(seconds=10)


@dataclass
class Ways:
    """The ways of one batch: what some of its letters take, the others find taken."""

    reach: Reach
    purse: Purse
    breakers: Breakers
    now: datetime
    probes: Counter[Mark] = field(default_factory=Counter)  # with those of other batches that are not back yet

    def take(self, row: Row[Any]) -> tuple[str, Home] | datetime | None:
        """Channel and identity for a claimed row; else until when it waits; None when nothing ever reaches the reader.

        One in doubt stays with its channel: on another it might arrive a second time.
        """
        waits: list[datetime] = []
        for channel, home in self._open_to(row):
            until = self._stopped(home.app_id, channel, row)
            if until is not None:
                waits.append(until)
                if until - self.now <= A_WHILE and until < row.useful_until and not self._lasts(home, channel, row):
                    break
                continue
            spent = self.purse.take(home.app_id, channel, row.urgency)
            if spent is None:
                self.reach.draw_on(home, channel, row.kind)
                return channel, home
            waits.append(spent.until)
            if not spent.for_today:
                break  # a minute's wait is no reason to change the channel
        return min(waits, default=None)

    def reach_any(self, row: Row[Any]) -> bool:
        """Whether any way leads to the reader at all: a letter that finds none is a cadre's at once, day or night."""
        return next(self._open_to(row), None) is not None

    def _open_to(self, row: Row[Any]) -> Iterator[tuple[str, Home]]:
        for channel in (row.channel,) if row.in_doubt else rungs_from(row.kind, row.channel):
            # It is bound to an account on the channel that it was put on or tried on, and on no other.
            bound = row.app_id if channel == row.channel else None
            home = self.reach.home(row.person_id, channel, row.kind, bound)
            if row.in_doubt and home is not None:
                home = self.reach.same_home(row.person_id, channel, row.kind, home, row.identity_id)
            if home is not None:
                yield channel, home

    def _lasts(self, home: Home, channel: str, row: Row[Any]) -> bool:
        """Whether what stands in the way has done so for so long that its next pause says nothing of its end."""
        return not self.breakers.lasting.isdisjoint(
            ((home.app_id, channel, EVERY), (home.app_id, channel, row.kind))
        )  # fmt: skip

    def _stopped(self, app_id: str, channel: str, row: Row[Any]) -> datetime | None:
        """Until when a breaker stands in the way; a half-open one lets a few letters through, to see."""
        marks = ((app_id, channel, EVERY), (app_id, channel, row.kind))
        until = max((self.breakers.open[mark] for mark in marks if mark in self.breakers.open), default=None)
        if until is not None:
            return until
        tried = [mark for mark in marks if mark in self.breakers.half_open]
        if any(self.probes[mark] >= PROBES for mark in tried):
            return self.now + PROBE_PAUSE
        self.probes.update(tried)
        return None
