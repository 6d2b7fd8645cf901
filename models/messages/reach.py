"""How people can be reached at this moment: through which identity, with which agreement, by which channel."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import inf
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.base import among
from models.messages.allowance import Allowance
from models.messages.inbox import Dialogue
from models.messages.ladder import CHANNELS
from models.messages.optouts import OptOut, opted_out
from models.messages.subscriptions import WINDOW, Subscription
from models.people.identities import Identity
from models.people.persons import Person


@dataclass(frozen=True)
class Home:
    """One identity of one person."""

    id: int
    app_id: str
    openid: str
    kind: str
    following: bool
    reachable: bool  # by the account's own messages: not blocked, not refused


@dataclass(frozen=True)
class Reader:
    """Whom a letter is for, or of whom it speaks."""

    zone: str
    state: str


@cache
def _asking(dialect: str) -> Any:
    """What a sender must know of some `people`, a row for each identity, the one first that was heard of last: of
    somebody's two WeChats the older one lies in a drawer. Made once."""
    return (
        select(
            Person.id.label("person_id"), Person.time_zone, Person.state,
            exists().where(OptOut.person_id == Person.id).label("reticent"), Identity.id, Identity.app_id,
            Identity.openid, Identity.kind, Identity.following, Identity.reachable,
        ).outerjoin(Identity, Identity.person_id == Person.id)
        .where(among(dialect, Person.id, "people")).order_by(Identity.id.desc())
    )  # fmt: skip


class Reach:
    """Some people as a sender must know them, in one question; agreements, windows and what somebody does not want to
    hear are looked up only when a letter needs them."""

    def __init__(self, session: Session, people: Collection[int], allowance: Allowance, now: datetime) -> None:
        self.session, self.allowance, self.now = session, allowance, now
        self.readers: dict[int, Reader] = {}
        self._homes: dict[int, list[Home]] = {}
        reticent: set[int] = set()
        for row in session.execute(_asking(session.get_bind().dialect.name), {"people": list(people)}):
            self.readers[row.person_id] = Reader(row.time_zone, row.state)
            if row.reticent:
                reticent.add(row.person_id)
            if row.id is not None:
                home = Home(row.id, row.app_id, row.openid, row.kind, row.following, row.reachable)
                self._homes.setdefault(row.person_id, []).append(home)
        self._silent = opted_out(session, reticent) if reticent else {}
        self._agreed: dict[tuple[int, str], float] | None = None
        self._open: set[int] | None = None

    def wants(self, person_id: int, kind: str) -> bool:
        """Whether a person has not said no to letters of this kind."""
        return not any(kind.startswith(prefix) for prefix in self._silent.get(person_id, ()))

    def is_to_be_told(self, person_id: int, kind: str, about_id: int | None) -> bool:
        """Whether this is to be said to them at all: not to the dead, nor of whom they mourn, nor to who said no.

        Who has moved away, or is in hospital, may still have booked for others: what is theirs no more was taken back.
        """
        about = self.readers.get(about_id) if about_id is not None else None
        mourned = about is not None and about.state == "deceased"
        return self.readers[person_id].state != "deceased" and not mourned and self.wants(person_id, kind)

    def home(self, person_id: int, channel: str, kind: str, app_id: str | None) -> Home | None:
        """The identity through which this channel reaches a person now; with `app_id`, through that account only."""
        homes = self._homes_of(person_id, channel, app_id)
        return next((home for home in homes if self._may(home, channel, kind, bound=app_id is not None)), None)

    def same_home(self, person_id: int, channel: str, kind: str, found: Home, tried_id: int | None) -> Home | None:
        """Of somebody with several WeChats the one that was tried, if it is reached still: another one would not know
        that it is the same message. None too where nobody knows which it was; who has one, has `found`."""
        homes = self._homes_of(person_id, channel, found.app_id)
        tried = [home for home in homes if home.id == tried_id or len(homes) == 1]
        return next((home for home in tried if self._may(home, channel, kind, bound=True)), None)

    def _homes_of(self, person_id: int, channel: str, app_id: str | None) -> list[Home]:
        homes = self._homes.get(person_id, [])
        if app_id is not None:
            return [home for home in homes if home.app_id == app_id]
        return [home for home in homes if home.kind == CHANNELS[channel].through]

    def _may(self, home: Home, channel: str, kind: str, *, bound: bool) -> bool:
        needs = CHANNELS[channel].needs
        if needs == "following":
            return home.following and home.reachable
        if needs == "consent":
            topic = self.allowance.topics.get(kind, {}).get(channel)
            return topic is not None and self._agreements().get((home.id, topic), 0) > 0
        # A letter bound to its account answers somebody who has just written: WeChat decides.
        return bound or (home.following and home.id in self._windows())

    def draw_on(self, home: Home, channel: str, kind: str) -> None:
        """A letter goes this way: what it uses up of an agreement is not there for the next one of the batch."""
        topic = self.allowance.topics.get(kind, {}).get(channel)
        if CHANNELS[channel].needs == "consent" and topic is not None:
            self._agreements()[home.id, topic] -= 1

    def _everyone(self) -> list[int]:
        return [home.id for homes in self._homes.values() for home in homes]

    def _agreements(self) -> dict[tuple[int, str], float]:
        """How many messages each identity has agreed to, by template."""
        if self._agreed is None:
            rows = self.session.execute(
                select(Subscription.identity_id, Subscription.template_id, Subscription.balance, Subscription.long_term)
                .where(Subscription.identity_id.in_(self._everyone()))
                .where((Subscription.balance > 0) | Subscription.long_term.is_(True))
            )
            self._agreed = {(row.identity_id, row.template_id): inf if row.long_term else row.balance for row in rows}
        return self._agreed

    def _windows(self) -> set[int]:
        if self._open is None:
            query = select(Dialogue.identity_id).where(
                Dialogue.identity_id.in_(self._everyone()), Dialogue.heard_at > self.now - WINDOW,
                Dialogue.served < self.allowance.window_sends,
            )  # fmt: skip
            self._open = set(self.session.scalars(query))
        return self._open
