"""Orders walk wherever people and time push them; after each step what must always be true is true."""

import itertools
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from handlers.people.befalling import mark
from models.errors import Refused
from models.history import History
from models.messages.letters import Letter
from models.ordering.aftercare import ask_after, close_old, reopen
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.complaints import complain
from models.ordering.directing import dispatch, recall, to_pool
from models.ordering.dispatch import accept, complete, decline, hand_back
from models.ordering.ending import call_off, undo
from models.ordering.nagging import nag, raise_unanswered
from models.ordering.offers import expire_offers
from models.ordering.orders import ORDER, Order
from models.ordering.placing import cancel, give_up
from models.ordering.ratings import rate
from models.ordering.rechecking import ask_silent, press_to_name, recheck
from models.ordering.sla import open_overdue, pause, resume
from models.ordering.teams import VolunteerTeam
from models.ordering.visiting import arrive, find_nobody, finish, name_person
from models.ordering.visits import LIVE_VISITS, VISIT, Visit
from models.people.care import CareLink
from models.people.persons import Person
from models.places.cells import Cell, cells_between
from models.tasks.tasks import TASK, Task
from tests.cast import settle
from tests.models.ordering.test_dispatch import ordered
from tests.world import NOW, disposing
from wx_backend.database import make_engine, session_factory

ENDED = ("cancelled", "unmet", "closed")
# What a cadre has still to do of an order that is over: to tell somebody, to ask, to answer.
MAY_OUTLIVE = ("tell_in_person", "follow_up", "complaint")


class Walk:
    """One county, one clock, and everything that anybody can do with its two orders."""

    def __init__(self, session):
        self.session, self.now = session, NOW
        self.cast = cast = settle(session, NOW)
        session.add(VolunteerTeam(organisation_id=cast.helpers_club.id, field="poverty_relief"))
        session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="儿子",
                             state="confirmed", asked_at=NOW))  # fmt: skip
        session.flush()
        wanted = NOW + timedelta(days=2)
        self.orders = [ordered(session, cast, f"k{n}", preferred_at=wanted).id for n in range(2)]
        session.commit()

    def step(self, name, pick, hours):
        self.now += timedelta(minutes=hours)
        try:
            getattr(self, name)(pick)
            self.session.commit()
        except Refused:
            self.session.rollback()

    def order(self, pick):
        return self.session.get_one(Order, self.orders[pick % 2])

    def who(self, pick):
        cast = self.cast
        people = (cast.xiaofang, cast.aming, cast.li, cast.chen, cast.laoxu, cast.ama, cast.xiaohong)
        return cast.who(people[pick % len(people)])

    def assignment(self, pick):
        query = select(Assignment.id).where(Assignment.order_id == self.orders[pick % 2]).order_by(Assignment.id.desc())
        return self.session.scalar(query.limit(1)) or 0

    def visit(self, pick):
        query = select(Visit.id).where(Visit.order_id == self.orders[pick % 2]).order_by(Visit.id.desc())
        return self.session.scalar(query.limit(1)) or 0

    def member(self, pick):
        """Somebody who answers for whoever was asked last."""
        found = self.session.get(Assignment, self.assignment(pick))
        ours = found is not None and found.organisation_id == self.cast.helpers_club.id
        return self.cast.who((self.cast.laoxu, self.cast.ama)[pick // 2 % 2] if ours else self.cast.xiaohong)

    def accepts(self, pick):
        accept(self.session, self.member(pick), self.assignment(pick), self.now)

    def declines(self, pick):
        decline(self.session, self.member(pick), self.assignment(pick), "人手不够", self.now)

    def hands_back(self, pick):
        hand_back(self.session, self.member(pick), self.assignment(pick), "有事", self.now)

    def completes(self, pick):
        complete(self.session, self.member(pick), self.assignment(pick), self.now)

    def names(self, pick):
        person = (self.cast.laoxu, self.cast.ama, self.cast.xiaohong)[pick % 3]
        start = None if pick % 4 else self.now + timedelta(hours=pick + 1)
        name_person(self.session, self.member(pick), self.assignment(pick), person.id, starts_at=start, now=self.now)

    def arrives(self, pick):
        arrive(self.session, self.member(pick), self.visit(pick), self.now, self.now)

    def finds_nobody(self, pick):
        find_nobody(self.session, self.member(pick), self.visit(pick), self.now, self.now)

    def finishes(self, pick):
        finish(self.session, self.member(pick), self.visit(pick), self.now, self.now)

    def sends_somebody(self, pick):
        """Accepted and named in one step: what most ends are worth trying on."""
        accept(self.session, self.member(pick), self.assignment(pick), self.now)
        self.names(1 + pick % 2)

    def cancels(self, pick):
        cancel(self.session, self.who(pick), self.orders[pick % 2], "不需要了", self.now)

    def undoes(self, pick):
        undo(self.session, self.who(pick // 2), self.orders[pick % 2], self.now)

    def gives_up(self, pick):
        give_up(self.session, self.who(2), self.orders[pick % 2], "", self.now, "nobody_free")

    def calls_off(self, pick):
        call_off(self.session, self.who(2), self.orders[pick % 2], "塌方", "周五", self.now)

    def dispatches(self, pick):
        club = (self.cast.helpers_club, self.cast.second_club)[pick // 2 % 2]
        order = self.order(pick)
        dispatch(self.session, self.who(2), order.id, club.id, order.revision, self.now)

    def recalls(self, pick):
        verb = recall if pick % 3 else to_pool
        verb(self.session, self.who(3), self.orders[pick % 2], self.order(pick).revision, "", self.now)

    def reopens(self, pick):
        reopen(self.session, self.who(pick // 2), self.orders[pick % 2], "", self.now + timedelta(days=1), self.now)

    def rates(self, pick):
        rate(self.session, self.who(pick), self.orders[pick % 2], pick % 5 + 1, self.now)

    def complains(self, pick):
        complain(self.session, self.who(pick), self.orders[pick % 2], "不好", self.now)

    def pauses(self, pick):
        (pause, resume)[pick // 2 % 2](self.session, self.who(2), self.orders[pick % 2], self.now)

    def befalls(self, pick):
        mark(self.session, self.who(2), self.cast.wangnainai.id, ("pause", "resume", "die")[pick % 3], self.now)

    def time_passes(self, pick):
        self.now += timedelta(hours=(1, 6, 30, 200)[pick % 4])
        sweeps = (expire_offers, nag, raise_unanswered, open_overdue, recheck, press_to_name, ask_silent, ask_after,
                  close_old)  # fmt: skip
        for sweep in sweeps:
            sweep(self.session, self.now)

    def check(self):
        session = self.session
        orders = {order.id: order for order in session.scalars(select(Order))}
        assignments, visits = (list(session.scalars(select(table))) for table in (Assignment, Visit))
        for order in orders.values():
            live = [one for one in assignments if one.order_id == order.id and one.state in ("accepted", "started")]
            asked = [one for one in assignments if one.order_id == order.id and one.state == "offered"]
            assert len(live) == (order.state == "accepted")
            assert not asked or order.state == "open"
            assert len({one.organisation_id for one in asked}) == len(asked)
        held = {}
        for cell in session.scalars(select(Cell)):
            held.setdefault(cell.held_by, set()).add(cell.cell_start)
        living = [visit for visit in visits if visit.state in LIVE_VISITS]
        assert set(held) == {visit.subject for visit in living}
        for visit in living:
            assert held[visit.subject] == set(cells_between(visit.starts_at, visit.ends_at))
            assert orders[visit.order_id].state == "accepted"
        self._replays([*((ORDER, one) for one in orders.values()), *((ASSIGNMENT, one) for one in assignments),
                       *((VISIT, one) for one in visits)])  # fmt: skip
        self._nothing_is_left(orders)

    def _replays(self, things):
        for life, thing in things:
            rows = list(self.session.scalars(
                select(History).where(History.subject == life.subject(thing)).order_by(History.id)
            ))  # fmt: skip
            assert (rows[0].verb, rows[-1].to_state) == ("begin", thing.state)
            assert all(before.to_state == after.from_state for before, after in itertools.pairwise(rows))

    def _nothing_is_left(self, orders):
        for task in self.session.scalars(select(Task).where(Task.state.not_in(TASK.ends))):
            key = task.subject.partition(":")
            if key[0] == "order" and orders[int(key[2])].state in ENDED:
                assert task.kind in MAY_OUTLIVE, (task.kind, orders[int(key[2])].state)
        if self.session.get_one(Person, self.cast.wangnainai.id).state != "deceased":
            return
        family = (self.cast.xiaofang.id, self.cast.aming.id)
        waiting = select(Letter).where(Letter.state.in_(("planned", "retry")), Letter.person_id.in_(family))
        assert self.session.scalars(waiting).all() == []


ACTS = [name for name in vars(Walk) if name.endswith(("s", "body")) and not name.startswith("_")]
# Most walks should get somewhere: what leads on comes more often than what ends.
OFTEN = [
    "sends_somebody", "sends_somebody", "sends_somebody", "cancels", "hands_back", "accepts", "names", "finishes",
    "dispatches", "time_passes",
]  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a failure names its steps; making them fewer takes minutes
)  # fmt: skip
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(ACTS + OFTEN), st.integers(0, 11), st.sampled_from([1, 7, 45])),
        min_size=4, max_size=16,
    )
)  # fmt: skip
def test_wherever_orders_walk_what_must_always_be_true_is_true(databases, steps):
    with databases.fresh("sqlite") as url, disposing(make_engine(url)) as engine, session_factory(engine)() as session:
        walk = Walk(session)
        walk.check()
        for name, pick, minutes in steps:
            walk.step(name, pick, minutes)
            walk.check()
