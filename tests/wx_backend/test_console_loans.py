"""Loans between centres at the staff desk: asked for, answered, handed over and back; who has no part sees none."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.ordering.loans import LoanDay, ResourceLoan
from models.ordering.skills import Skill
from models.people.persons import Person
from models.places.cells import occupy, release
from models.places.centres import Room, Station, Zone
from models.places.equipment import Equipment
from models.tasks.tasks import Task
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app


@pytest.fixture
def desk(database_url, cast, open_session):
    with open_session() as session, session.begin():
        for person, name in ((cast.li, "li"), (cast.zhao, "zhao")):
            give_account(session, person.id, name)
        nurse = Person(name="护士小梅", area_id=cast.other_village.id, created_at=NOW)
        session.add_all([Equipment(centre_id=cast.other_centre.id, kind="vehicle", name="面包车"), nurse])
        session.flush()
        session.add(Skill(person_id=nurse.id, skill="care_worker"))
    app = create_app(config_for(database_url), now=lambda: NOW)

    def clerk(name):
        made = Clerk(app)
        made.signs_in(name)
        return made

    yield clerk
    close_app(app)


def the_loan(open_session):
    with open_session() as session:
        return session.scalars(select(ResourceLoan)).one()


def asked(clerk, cast, thing="面包车", **form):
    """What the form offers, asked for."""
    clerk.opens("/console/loans/new", centre=cast.other_centre.id)
    found = {name: key for key, name in re.findall(r'<option value="(\w+:\d+)">([^（]+)（', clerk.page)}
    sent = {"thing": found.get(thing, thing), "to": cast.centre.id, "first": "2026-11-25", "last": "2026-11-26"}
    return clerk.posts("/console/loans/new", **{**sent, **form})


def done(clerk, loan, deed, **form):
    clerk.opens(f"/console/loans/{loan}")
    answer = clerk.posts(f"/console/loans/{loan}/{deed}", **form)
    if answer.status_code == 303:
        clerk.opens(answer.location)
    return answer.status_code, clerk.text()


def test_a_van_is_asked_for_lent_handed_over_and_given_back(desk, cast, open_session):
    li, zhao = desk("li"), desk("zhao")
    answer = asked(li, cast)
    assert answer.status_code == 303
    li.opens(answer.location)
    assert "申请发出去了" in li.text()
    assert "面包车" in li.text()
    loan = the_loan(open_session)
    assert loan.ends_at - loan.starts_at == timedelta(days=2)
    assert "同意借出" not in li.text()
    zhao.opens("/console/loans/")
    assert "等答复" in zhao.text()
    for deed, said in (("approve", "同意了"), ("hand_over", "交给对方")):
        status, text = done(zhao, loan.id, deed)
        assert (status, said in text) == (303, True), deed
    with open_session() as session:
        assert len(session.scalars(select(LoanDay)).all()) == 2
    status, text = done(li, loan.id, "return")
    assert (status, "已归还" in text) == (303, True)
    li.opens("/console/loans/?view=over")
    assert "面包车" in li.text()


def test_what_is_lent_on_those_days_is_lent_once(desk, cast, open_session):
    li, zhao = desk("li"), desk("zhao")
    asked(li, cast)
    first = the_loan(open_session).id
    assert asked(li, cast).location == asked(li, cast).location  # twice is once
    asked(li, cast, last="2026-11-27")
    assert done(zhao, first, "approve")[0] == 303
    status, text = done(zhao, first + 1, "approve")
    assert status == 409
    assert "已经借给别的中心" in text
    assert done(zhao, first + 1, "refuse")[0] == 422  # without a reason
    assert done(zhao, first + 1, "refuse", why="那几天自己要用")[0] == 303
    with open_session() as session:
        assert session.scalars(select(Task.id).where(Task.kind == "loan_request", Task.state == "open")).all() == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"thing": "equipment:999999"}, 404), ({"thing": "house:1"}, 404), ({"thing": "equipment:x"}, 404),
        ({"first": ""}, 422), ({"first": "2026-11-27"}, 422), ({"last": "2036-01-01"}, 422), ({"to": "999999"}, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_said_and_nothing_is_made(desk, cast, open_session, form, status):
    li = desk("li")
    assert asked(li, cast, **form).status_code == status
    with open_session() as session:
        assert session.scalars(select(ResourceLoan)).all() == []


def test_people_who_can_do_a_thing_are_offered_at_their_own_centre_only(desk, cast):
    li = desk("li")
    li.opens("/console/loans/new", centre=cast.other_centre.id)
    assert "护士小梅（人）" in li.text()
    li.opens("/console/loans/new", centre=cast.centre.id)
    assert "护士小梅" not in li.text()


def test_a_screen_that_goes_to_homes_is_lent_when_nothing_needs_it(desk, cast, open_session):
    with open_session() as session, session.begin():
        room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.other_centre.id)).first()
        screen = Station(room_id=room.id, name="平板9号", kind="portable_call")
        session.add(screen)
        session.flush()
        start = NOW + timedelta(days=1)
        occupy(session, [screen.resource], start, start + timedelta(minutes=30), "call:7")
    li, zhao = desk("li"), desk("zhao")
    li.opens("/console/loans/new", centre=cast.other_centre.id)
    assert "平板9号（上门视频设备）" in li.text()
    assert "1号机" not in li.text()  # what stands at the centre stays there
    assert asked(li, cast, "平板9号").status_code == 303
    loan = the_loan(open_session).id
    zhao.opens(f"/console/loans/{loan}")
    assert "那几天要用它的 11月25日（周三）10:00" in zhao.text()
    status, text = done(zhao, loan, "approve")
    assert (status, "还有1处安排要用它：11-25 10:00" in text) == (409, True)
    with open_session() as session, session.begin():
        release(session, "call:7")
    assert done(zhao, loan, "approve")[0] == 303
