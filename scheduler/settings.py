"""What the clock process needs to know, as plain values."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Session

from models.messages.allowance import Allowance
from models.messages.media import Fetched, OpenMedia
from models.messages.outcomes import OpenLetter, Outcome

OpenSession = Callable[[], AbstractContextManager[Session]]
Carry = Callable[[OpenLetter], Outcome]
Fetch = Callable[[OpenMedia], Fetched]
Drop = Callable[[str], None]
Now = Callable[[], datetime]


class Crew(Protocol):
    """Who carries letters side by side."""

    def submit(self, do: Callable[..., object], /, *given: Any) -> object:
        """`do(*given)` as soon as one of them is free."""

    def shutdown(self) -> None:
        """No more; waits until all is done."""


@dataclass(frozen=True)
class ClockSettings:
    """How the clock works; see `[scheduler]` in config.example.toml."""

    tick_seconds: float = 1.0
    threads: int = 64
    batch: int = 400
    lease: timedelta = timedelta(seconds=45)
    send_deadline: timedelta = timedelta(seconds=20)
    inbox_kept: timedelta = timedelta(days=90)
    words_kept: timedelta = timedelta(days=1095)
    media_kept: timedelta = timedelta(days=365)


@dataclass(frozen=True)
class Hands:
    """Everything the clock's work is done with: the database, the postman, the two times, what accounts may send.

    `now` may be moved in the demo; `real_now` never is: leases and WeChat's ten minutes run on it.
    """

    open_session: OpenSession
    carry: Carry
    now: Now
    real_now: Now
    settings: ClockSettings
    allowance: Allowance = field(default_factory=Allowance)
    fetch: Fetch | None = None  # brings voice notes and pictures into the media folder
    drop: Drop | None = None  # takes one out of it, by its name; twice is once
    crew: Callable[[int], Crew] = ThreadPoolExecutor  # makes one of so many; `carry` must know how to wait in it
