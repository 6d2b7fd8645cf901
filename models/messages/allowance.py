"""What the accounts let us send, as plain values: limits from the settings, and which template serves which kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """How many messages of one channel an account may send; WeChat's own limits, or lower ones of ours."""

    per_day: int = 100_000
    per_minute: int = 20_000


@dataclass(frozen=True)
class Allowance:
    """`limits` by app_id; `topics`: letter kind → channel → the subscription template people agree to for it;
    `window_sends`: how many customer-service messages one message of a person opens the door for."""

    limits: Mapping[str, Limits] = field(default_factory=dict)
    topics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    window_sends: int = 5

    def limits_of(self, app_id: str) -> Limits:
        """The limits of an account; WeChat's ordinary ones where the settings say nothing."""
        return self.limits.get(app_id, Limits())
