"""Fifty people tap “接单” on the same order at the same moment: how soon all of them have their answer."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from unittest import mock

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import By
from models.ordering import dispatch
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.orders import ORDER, Order
from models.ordering.placing import place
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import StaffRole, is_member
from tests.bench.figure import Figure, each
from tests.cast import settle
from tests.world import NOW, Databases, disposing
from wx_backend.database import SessionFactory, make_engine, session_factory

AT_ONCE, ORDERS, ROUNDS = 50, 6, 5
ACCEPT_GOAL = 1.5

Take = Callable[..., tuple[Assignment, Order, bool]]


def run(folder: Path) -> list[Figure]:
    """Ours (a look, then the lock) against SELECT … FOR UPDATE before the look, all else the same."""
    databases = Databases(folder)
    speed: dict[str, list[float]] = {"ours": [], "locking": []}
    try:
        with databases.fresh("postgresql") as url, disposing(make_engine(url, pool_size=AT_ONCE)) as engine:
            county = County(session_factory(engine))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                county.race(pool, county.order())  # connections and caches are warm
                for _ in range(ROUNDS):
                    speed["ours"].append(county.rate(pool))
                    with instead(locking):
                        speed["locking"].append(county.rate(pool))
    finally:
        databases.close()
    return [
        Figure(
            "50 accept one order at once / SELECT … FOR UPDATE", each(speed, "ours", "locking"), "ratio", ACCEPT_GOAL
        ),
        Figure("answers to 50 who accept one order at once", tuple(speed["ours"]), "per second"),
        Figure("the same with SELECT … FOR UPDATE", tuple(speed["locking"]), "per second"),
    ]


class County:
    """The standing cast with an organisation of fifty members."""

    def __init__(self, open_session: SessionFactory) -> None:
        self.open_session, self.placed = open_session, 0
        with open_session() as session, session.begin():
            self.cast = cast = settle(session, NOW)
            members = [Person(name=f"队员{n}", created_at=NOW) for n in range(AT_ONCE)]
            session.add_all(members)
            session.flush()
            session.add_all(
                StaffRole(person_id=one.id, role="organisation_member", organisation_id=cast.helpers_club.id, since=NOW)
                for one in members
            )
            self.members = [Who(one.id, 0, one.name, "Asia/Shanghai", "", "") for one in members]

    def order(self) -> int:
        """A new order; answers its offer."""
        self.placed += 1
        with self.open_session() as session, session.begin():
            order = place(
                session, self.cast.who(self.cast.xiaofang), listing_id=self.cast.haircut.id,
                beneficiary_id=self.cast.wangnainai.id, answers={}, note="", client_key=f"k{self.placed}",
                preferred_at=NOW + timedelta(days=1), now=NOW,
            )  # fmt: skip
            return session.scalars(select(Assignment.id).where(Assignment.order_id == order.id)).one()

    def rate(self, pool: ThreadPoolExecutor) -> float:
        """Answers per second over some orders."""
        return ORDERS * AT_ONCE / sum(self.race(pool, self.order()) for _ in range(ORDERS))

    def race(self, pool: ThreadPoolExecutor, offer: int) -> float:
        """Seconds from the moment of the taps until all have their answer."""
        start = Barrier(AT_ONCE + 1)

        def tap(who: Who) -> str:
            start.wait(60)
            try:
                with self.open_session() as session, session.begin():
                    dispatch.accept(session, who, offer, NOW)
                return "won"
            except Refused as refusal:
                return refusal.code

        taps = [pool.submit(tap, who) for who in self.members]
        start.wait(60)
        began = time.perf_counter()
        heard = [one.result() for one in taps]
        took = time.perf_counter() - began
        assert heard.count("won") == 1, heard
        return took


@contextmanager
def instead(take: Take) -> Iterator[None]:
    """Accept with another way of taking the order."""
    with mock.patch.object(dispatch, "_take", take):
        yield


def locking(session: Session, who: Who, assignment_id: int, now: datetime) -> tuple[Assignment, Order, bool]:
    """The obvious way: everybody locks the order, then looks at it."""
    assignment = session.get_one(Assignment, assignment_id)
    if not is_member(session, who.person_id, assignment.organisation_id):
        raise Refused("not_yours")
    order = session.get_one(Order, assignment.order_id, with_for_update=True)
    session.refresh(assignment)
    if order.state != "open" or assignment.state != "offered":
        raise Refused("already_taken")
    by = By(who.person_id, "provider")
    ORDER.move(session, order, "accept", by=by, now=now)
    ASSIGNMENT.move(session, assignment, "accept", by=by, now=now, answered_by_id=who.person_id, answered_at=now)
    return assignment, order, True
