"""A stretch of time as quarter-hours, one bit each: what is free of many calendars is an AND of a few numbers."""

from dataclasses import dataclass
from datetime import datetime

from models.places.cells import CELL, cells_between


@dataclass(frozen=True)
class Grid:
    """The quarter-hours from `start` (which is one's beginning) on, `count` of them; the n-th is bit n."""

    start: datetime
    count: int

    @classmethod
    def over(cls, since: datetime, until: datetime) -> "Grid":
        """The grid of the quarters that [since, until) touches."""
        quarters = cells_between(since, until)
        return cls(quarters[0] if quarters else since, len(quarters))

    @property
    def end(self) -> datetime:
        """The first instant after the grid."""
        return self.start + self.count * CELL

    def at(self, moment: datetime) -> int:
        """The number of the quarter in which an instant lies; below zero or above `count` outside the grid."""
        return (moment - self.start) // CELL

    def bit(self, moment: datetime) -> int:
        """The quarter in which an instant lies, as a bit; 0 outside the grid."""
        place = (moment - self.start) // CELL
        return 1 << place if 0 <= place < self.count else 0

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
