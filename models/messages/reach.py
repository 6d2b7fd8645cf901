"""How people can be reached at this moment: through which identity, with which agreement, by which channel."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.messages.allowance import Allowance
from models.messages.inbox import Dialogue
from models.messages.ladder import CHANNELS
from models.messages.subscriptions import WINDOW, Subscription
from models.people.identities import Identity


@dataclass(frozen=True)
class Home:
    """One identity of one person."""

    id: int
    app_id: str
    openid: str
    kind: str
    following: bool
    reachable: bool  # by the account's own messages: not blocked, not refused


class Reach:
    """The identities of some people; agreements and windows are looked up only when a letter needs them."""

    def __init__(self, session: Session, people: Collection[int], allowance: Allowance, now: datetime) -> None:
        self.session, self.allowance, self.now = session, allowance, now
        self._homes: dict[int, list[Home]] = {}
        rows = session.execute(
            select(
                Identity.person_id, Identity.id, Identity.app_id, Identity.openid, Identity.kind,
                Identity.following, Identity.reachable,
            ).where(Identity.person_id.in_(people)).order_by(Identity.id)
        )  # fmt: skip
        for row in rows:
            home = Home(row.id, row.app_id, row.openid, row.kind, row.following, row.reachable)
            self._homes.setdefault(row.person_id, []).append(home)
        self._agreed: set[tuple[int, str]] | None = None
        self._open: set[int] | None = None

    def home(self, person_id: int, channel: str, kind: str, app_id: str | None) -> Home | None:
        """The identity through which this channel reaches a person now; with `app_id`, through that account only."""
        homes = self._homes.get(person_id, [])
        if app_id is not None:
            homes = [home for home in homes if home.app_id == app_id]
        else:
            homes = [home for home in homes if home.kind == CHANNELS[channel].through]
        return next((home for home in homes if self._may(home, channel, kind, bound=app_id is not None)), None)

    def _may(self, home: Home, channel: str, kind: str, *, bound: bool) -> bool:
        needs = CHANNELS[channel].needs
        if needs == "following":
            return home.following and home.reachable
        if needs == "consent":
            topic = self.allowance.topics.get(kind, {}).get(channel)
            return topic is not None and (home.id, topic) in self._agreements()
        # A letter bound to its account answers somebody who has just written: WeChat decides.
        return bound or (home.following and home.id in self._windows())

    def _everyone(self) -> list[int]:
        return [home.id for homes in self._homes.values() for home in homes]

    def _agreements(self) -> set[tuple[int, str]]:
        if self._agreed is None:
            rows = self.session.execute(
                select(Subscription.identity_id, Subscription.template_id)
                .where(Subscription.identity_id.in_(self._everyone()))
                .where((Subscription.balance > 0) | Subscription.long_term.is_(True))
            )
            self._agreed = {(row.identity_id, row.template_id) for row in rows}
        return self._agreed

    def _windows(self) -> set[int]:
        if self._open is None:
            query = select(Dialogue.identity_id).where(
                Dialogue.identity_id.in_(self._everyone()), Dialogue.heard_at > self.now - WINDOW,
                Dialogue.served < self.allowance.window_sends,
            )  # fmt: skip
            self._open = set(self.session.scalars(query))
        return self._open
