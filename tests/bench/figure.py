"""A figure: what was measured, as which ratio, with its spread, against which goal."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EXCEPTIONS = Path(__file__).with_name("exceptions.json")
NEAR = 0.85  # of what could be at most: what the goal for sends calls good


@dataclass(frozen=True)
class Figure:
    """One line of the report. `rounds` are the figures of single rounds; `goal` None: reported only.

    The figure is their median, or `of_all`: what all rounds gave together, where single ones are a matter of luck.
    `at_best` is the most that the machine left room for in this run: only near it is a recorded miss excused.
    """

    name: str
    rounds: tuple[float, ...]
    unit: str
    goal: float | None = None
    at_most: bool = False
    of_all: float | None = None
    at_best: float | None = None

    @property
    def value(self) -> float:
        """The figure."""
        return statistics.median(self.rounds) if self.of_all is None else self.of_all

    @property
    def holds(self) -> bool:
        """Whether the goal is reached."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def line(self) -> str:
        """The figure with its spread and its goal."""
        spread = f"({min(self.rounds):.2f}–{max(self.rounds):.2f})"
        if len(self.rounds) >= 8:  # of many rounds some are odd: where the middle half of them lies says more
            lower, _, upper = statistics.quantiles(self.rounds, n=4)
            spread = f"({lower:.2f}–{upper:.2f}, all {min(self.rounds):.2f}–{max(self.rounds):.2f})"
        sign = "≤" if self.at_most else "≥"
        wanted = f"goal {sign} {self.goal:g}" if self.goal is not None else "reported"
        if self.at_best is not None:
            wanted += f", at best {self.at_best:.2f}"
        mark = "  " if self.goal is None else "ok" if self.holds else "!!"
        return f"{mark} {self.name:66} {self.value:8.2f} {spread:36} {self.unit:10} {wanted}"


def each(speed: Mapping[str, Sequence[float]], one: str, other: str) -> tuple[float, ...]:
    """Round by round: neighbours in time are compared."""
    return tuple(a / b for a, b in zip(speed[one], speed[other], strict=True))


def excused(figure: Figure) -> str | None:
    """Why a missed goal is known and recorded; None when it is not, or when more could have been reached."""
    known: dict[str, str] = json.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    if figure.at_best is not None and figure.value < NEAR * figure.at_best:
        return None
    return known.get(figure.name)
