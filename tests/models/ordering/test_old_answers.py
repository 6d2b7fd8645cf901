"""An order keeps the questions it was asked, whatever the listing asks by now: on the sheet, at the desk, in places."""

from datetime import date

import pytest
from sqlalchemy import select, update

from models.ordering.ending import undo
from models.ordering.listings import Listing
from models.ordering.looking import Question, look, one
from models.ordering.orders import Order
from models.ordering.placing import cancel
from models.ordering.runsheet import run_sheet, sheet_below
from models.ordering.tallies import Tally
from models.ordering.versions import edit, terms_of
from tests.models.ordering.test_catalogue import reviewed, set_terms
from tests.models.ordering.test_visiting import named, taken_on
from tests.world import NOW

DAY = date(2026, 11, 25)
NEW = [{"code": "portions", "datatype": "text", "description": "送到哪一层？", "required": False}]
COUNTING = [{"code": "portions", "datatype": "number", "description": "几份？", "required": True, "places": True}]


def changed(session, cast, questions):
    reviewed(session, cast, edit(session, cast.who(cast.li), cast.meal.id, {"questions": questions}, now=NOW))
    session.expire_all()


@pytest.mark.case("A2")
@pytest.mark.parametrize("versioned", [True, False], ids=["with a version", "from before versions"])
def test_old_answers_stand_beside_the_questions_that_were_asked(session, cast, versioned):
    order, offer = taken_on(session, cast)
    named(session, cast, offer)
    if not versioned:
        session.execute(update(Order).values(version_id=None))
        session.expire_all()
    asked = list(terms_of(session, order).questions)
    assert asked != NEW
    changed(session, cast, NEW)
    expected = asked if versioned else NEW
    li = cast.who(cast.li)
    for stops in (run_sheet(session, cast.who(cast.ama), DAY), sheet_below(session, li, DAY)):
        assert [stop.questions for stop in stops] == [expected]
    assert [row.questions for row in look(session, li, Question(), NOW).rows] == [expected]
    assert one(session, li, order.id).questions == expected
    assert session.get_one(Listing, cast.meal.id).questions == NEW


@pytest.mark.case("A2", "B12")
def test_an_order_that_lives_again_takes_as_many_places_as_it_asked_for(session, cast):
    set_terms(session, cast, capacity=5, questions=COUNTING)
    order, _ = taken_on(session, cast, answers={"portions": 3})
    changed(session, cast, NEW)
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW)
    assert session.scalars(select(Tally.taken)).one() == 0
    undo(session, cast.who(cast.xiaofang), order.id, NOW)
    assert session.scalars(select(Tally.taken)).one() == 3
