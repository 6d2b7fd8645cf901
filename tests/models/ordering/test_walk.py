"""Orders walk wherever people and time push them; after each step what must always be true is true."""

import itertools
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from handlers.people.befalling import mark
from models.errors import Refused
from models.history import History
from models.messages.letters import Letter
from models.ordering.aftercare import ask_after, close_old, reopen
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.catalogue import offer_at
from models.ordering.complaints import complain
from models.ordering.directing import dispatch, recall, to_pool
from models.ordering.dispatch import accept, complete, decline, hand_back
from models.ordering.ending import call_off, undo
from models.ordering.joining import decline as turn_down
from models.ordering.joining import join, leave, take
from models.ordering.listings import Listing
from models.ordering.nagging import nag, raise_unanswered
from models.ordering.offers import expire_offers
from models.ordering.orders import ORDER, Order
from models.ordering.placing import cancel, give_up
from models.ordering.ratings import rate
from models.ordering.rechecking import ask_silent, press_to_name, recheck
from models.ordering.sla import open_overdue, pause, resume
from models.ordering.tallies import Tally, TallyHold
from models.ordering.teams import VolunteerTeam
from models.ordering.versions import ListingVersion
from models.ordering.visiting import arrive, find_nobody, finish, name_person
from models.ordering.visits import LIVE_VISITS, VISIT, Visit
from models.ordering.waiting import IN_LINE, WAITING, WaitlistEntry, sweep_waiting
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
        wanted = self.wanted = NOW + timedelta(days=2)
        for table, key in ((Listing, Listing.id), (ListingVersion, ListingVersion.listing_id)):
            session.execute(update(table).where(key == cast.meal.id).values(capacity=2, quota=3))
        self.neighbours = [
            Person(name=f"邻居{n}", area_id=cast.village.id, phone="13905780000", created_at=NOW) for n in range(3)
        ]
        session.add_all(self.neighbours)
        session.flush()
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

    def entry(self, pick):
        """Somebody's place in line."""
        keys = self.session.scalars(select(WaitlistEntry.id).order_by(WaitlistEntry.id.desc()).limit(3)).all()
        return keys[pick % len(keys)] if keys else 0

    def joins(self, pick):
        beneficiary = (*self.neighbours, self.cast.wangnainai)[pick % 4]
        join(self.session, self.who(2), listing_id=self.cast.meal.id, beneficiary_id=beneficiary.id, note="",
             answers={"portions": 1, "diet": "软烂"}, preferred_at=self.wanted, now=self.now)  # fmt: skip

    def takes(self, pick):
        placed = take(self.session, self.who(2), self.entry(pick), self.now)
        self.orders = [placed.id, self.orders[pick % 2]]

    def lets_go(self, pick):
        (turn_down, leave)[pick // 3 % 2](self.session, self.who(2), self.entry(pick), self.now)

    def makes_room(self, pick):
        """The centre has more places, or fewer."""
        offer_at(self.session, self.who(2), self.cast.meal.id, self.cast.centre.id, self.now, capacity=1 + pick % 4)

    def time_passes(self, pick):
        self.now += timedelta(hours=(1, 6, 30, 200)[pick % 4])
        sweeps = (expire_offers, nag, raise_unanswered, open_overdue, recheck, press_to_name, ask_silent, ask_after,
                  close_old, sweep_waiting)  # fmt: skip
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
        self._places_are_counted()
        self._no_letter_waits_for_what_is_over(assignments)
        entries = list(session.scalars(select(WaitlistEntry)))
        self._replays([*((WAITING, one) for one in entries), *((ORDER, one) for one in orders.values()),
                       *((ASSIGNMENT, one) for one in assignments), *((VISIT, one) for one in visits)])  # fmt: skip
        self._nothing_is_left(orders)

    def _places_are_counted(self):
        """A tally is what orders and the line hold of it; an offer is really held; nothing is held by what is over."""
        held = {}
        for hold in self.session.scalars(select(TallyHold)):
            held[hold.key] = held.get(hold.key, 0) + hold.amount
            order = self.session.get_one(Order, hold.order_id)
            assert order.state not in ("cancelled", "unmet"), order.state
        for entry in self.session.scalars(select(WaitlistEntry)):
            held[entry.key] = held.get(entry.key, 0) + entry.held
            assert 0 <= entry.held <= entry.places
            assert (entry.held == entry.places) == (entry.state == "offered")
            assert entry.held == 0 or entry.state in IN_LINE
            assert (entry.order_id is not None) == (entry.state == "taken")
        assert {tally.key: tally.taken for tally in self.session.scalars(select(Tally)) if tally.taken} == {
            key: amount for key, amount in held.items() if amount
        }

    def _no_letter_waits_for_what_is_over(self, assignments):
        waiting = select(Letter.subject, Letter.kind).where(Letter.state.in_(("planned", "retry")))
        entries = {one.subject: one.state for one in self.session.scalars(select(WaitlistEntry))}
        offers = {one.subject: one.state for one in assignments}
        for subject, kind in self.session.execute(waiting):
            if kind == "waiting.offered":
                assert entries[subject] == "offered", (subject, entries[subject])
            if kind == "ordering.offered":
                assert offers[subject] == "offered", (subject, offers[subject])

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


ACTS = [name for name in vars(Walk) if name.endswith(("s", "body", "lets_go", "room")) and not name.startswith("_")]
# Most walks should get somewhere: what leads on comes more often than what ends.
OFTEN = [
    "sends_somebody", "sends_somebody", "sends_somebody", "cancels", "hands_back", "accepts", "names", "finishes",
    "dispatches", "time_passes", "joins", "joins", "takes",
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
