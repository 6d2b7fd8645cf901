"""A stretch of time as quarter-hours, one bit each: what is free of many calendars is an AND of a few numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.places.cells import CELL, quarter_of

SECONDS = CELL // timedelta(seconds=1)


@dataclass(frozen=True)
class Grid:
    """The quarter-hours from `start` (which is one's beginning) on, `count` of them; the n-th is bit n."""

    start: datetime
    count: int

    @classmethod
    def over(cls, since: datetime, until: datetime) -> "Grid":
        """The grid of the quarters that [since, until) touches."""
        first = quarter_of(since)
        return cls(first, max(-(-(until - first) // CELL), 0))

    def with_room(self, room: timedelta) -> "Grid":
        """The same with whole quarters for `room` before and after."""
        quarters = -(-room // CELL)
        return Grid(self.start - quarters * CELL, self.count + 2 * quarters)

    @property
    def end(self) -> datetime:
        """The first instant after the grid."""
        return self.start + self.count * CELL

    def at(self, moment: datetime) -> int:
        """The number of the quarter in which an instant lies; below zero or above `count` outside the grid."""
        return (moment - self.start) // CELL

    def bits_at(self, seconds: Iterable[int]) -> int:
        """The quarters that begin at these seconds since 1970, all of them inside the grid."""
        first, bits = int(self.start.timestamp()), 0
        for second in seconds:
            bits |= 1 << (second - first) // SECONDS
        return bits

    def inside(self, smaller: "Grid", bits: int) -> int:
        """The bits of this grid as those of a smaller one that lies in it."""
        return (bits >> self.at(smaller.start)) & ((1 << smaller.count) - 1)

    def bits(self, since: datetime, until: datetime) -> int:
        """The quarters that [since, until) touches, as bits; what lies outside the grid is left out."""
        first = min(max(self.at(since), 0), self.count)
        last = min(max(-(-(until - self.start) // CELL), first), self.count)
        return (1 << last) - (1 << first)

    def widened(self, bits: int, quarters: int) -> int:
        """The same bits with so many quarters before and after each; nothing outside the grid."""
        wide = bits
        for n in range(1, quarters + 1):
            wide |= (bits << n) | (bits >> n)
        return wide & ((1 << self.count) - 1)
