"""Fifty people who accept one order at the same moment: one has it, the others hear so, and nothing else is left."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept
from models.ordering.orders import Order
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, StaffRole
from tests.models.ordering.test_dispatch import ordered
from tests.world import NOW

MANY = 50


@pytest.mark.case("C1")
def test_of_fifty_organisations_that_accept_at_once_one_has_the_order(open_session, cast):
    with open_session() as session, session.begin():
        order = ordered(session, cast)
        key, revision = order.id, order.revision
        offers = []
        for n in range(MANY):
            club = Organisation(code=f"R{n}", name=f"队{n}", kind="resident_club", area_id=cast.county.id)
            member = Person(name=f"队员{n}", created_at=NOW)
            session.add_all([club, member])
            session.flush()
            offer = Assignment(order_id=order.id, organisation_id=club.id, offered_at=NOW)
            session.add_all([
                offer, StaffRole(person_id=member.id, role="organisation_member", organisation_id=club.id, since=NOW)
            ])  # fmt: skip
            session.flush()
            offers.append((offer.id, Who(member.id, 0, member.name, "Asia/Shanghai", "", "")))
    start = Barrier(MANY)

    def take(pair):
        offer, who = pair
        start.wait(30)
        try:
            with open_session() as session, session.begin():
                accept(session, who, offer, NOW)
            return "won"
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(MANY) as pool:
        heard = list(pool.map(take, offers))
    assert (heard.count("won"), heard.count("already_taken")) == (1, MANY - 1)
    with open_session() as session:
        states = dict(session.execute(select(Assignment.state, func.count()).group_by(Assignment.state)).all())
        # The offer that the order had before the fifty is withdrawn with theirs.
        assert states == {"accepted": 1, "withdrawn": MANY}
        found = session.get_one(Order, key)
        assert (found.state, found.revision > revision) == ("accepted", True)
        assert [row.verb for row in history_of(session, found.subject)] == ["begin", "accept"]
        told = select(func.count()).select_from(Letter).where(Letter.kind == "ordering.accepted")
        assert session.scalar(told) == 1
