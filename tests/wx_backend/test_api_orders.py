"""The mini-program's list of orders: as few questions for many orders as for a few."""

from datetime import timedelta

import pytest

from models.ordering.placing import cancel, place
from tests.desk import statements
from tests.mini import api_app, signed_in
from tests.world import NOW

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def ordered(session, cast, numbers):
    who = cast.who(cast.xiaofang)
    for n in numbers:
        listing = (cast.meal, cast.haircut)[n % 2]
        answers = {"portions": 1, "diet": "软烂"} if n % 2 == 0 else {}
        order = place(session, who, listing_id=listing.id, beneficiary_id=cast.wangnainai.id, answers=answers, note="",
                      preferred_at=NOW + timedelta(days=1 + n), client_key=f"k{n}", now=NOW)  # fmt: skip
        if n % 3 == 0:
            cancel(session, who, order.id, "", NOW)


def test_forty_orders_need_no_more_questions_than_four(app_and_engine, cast, open_session):
    app, engine = app_and_engine
    me = signed_in(app, open_session, cast.identities[cast.xiaofang.id])
    asked = []
    for numbers in (range(4), range(4, 40)):
        with open_session() as session, session.begin():
            ordered(session, cast, numbers)
        with statements(engine) as heard:
            answer = me.get("orders?limit=50")
        assert len(answer.json["data"]["items"]) == numbers[-1] + 1
        asked.append(len(heard))
    assert asked[0] == asked[1] <= 20, asked
    assert answer.json["data"]["items"][-1]["may"] == ["undo"]


@pytest.fixture
def app_and_engine(database_url):
    with api_app(database_url) as app:
        yield app, app.extensions["api"].frame.open_session.kw["bind"]
