"""The Open311 view: what anybody may read of services and orders, and that no person is in it."""

from datetime import UTC, datetime, timedelta

import pytest

from models.messages.media import Attached
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.ordering.visits import Visit, VisitProof
from models.people.persons import Person
from tests.mini import Mini, api_app, meal_for, signed_in
from tests.models.ordering.voicing import says
from tests.world import NOW
from tests.wx_backend.test_api import once

NOT_FOUND = [{"code": 404, "description": "没有找到这件事，可能不是由您办理的。如有疑问，请打电话给党群服务中心。"}]


@pytest.fixture
def app(database_url):
    with api_app(database_url) as app:
        yield app


@pytest.fixture
def anybody(app):
    return lambda path, status=200: looked(Mini(app).get(f"/open311/v2/{path}"), status)


def looked(response, status):
    assert response.status_code == status, response.text
    return response.json


@pytest.fixture
def me(app, open_session, cast):
    return signed_in(app, open_session, cast.identities[cast.xiaofang.id])


@pytest.fixture
def number(me, cast):
    return me.post("orders", meal_for(cast)).json["data"]["number"]


def test_the_services_and_their_questions_are_there(anybody, cast):
    by_code = {one["service_code"]: one for one in anybody("services.json")}
    assert by_code["L1"] == {
        "service_code": "L1", "service_name": "爱心送餐", "description": "爱心送餐，免费", "metadata": True,
        "type": "realtime", "keywords": "助餐", "group": "助餐",
    }  # fmt: skip
    assert by_code["L2"]["metadata"] is False
    asked = anybody("services/L1.json")
    assert asked["service_code"] == "L1"
    assert asked["attributes"][1]["values"][1] == {"key": "软烂", "name": "软烂"}
    assert [one["order"] for one in asked["attributes"]] == [1, 2]
    assert anybody("services/none.json", 404) == NOT_FOUND


def test_what_has_become_of_an_order_is_seen_by_its_number(app, anybody, me, cast, open_session, number):
    (open_one,) = anybody(f"requests/{number}.json")
    assert open_one == {
        "service_request_id": number, "status": "open", "status_notes": "等待接单", "service_name": "爱心送餐",
        "service_code": "L1", "description": None, "agency_responsible": "鸬鹚乡", "service_notice": None,
        "requested_datetime": "2026-11-24T02:00:00Z", "updated_datetime": "2026-11-24T02:00:00Z",
        "expected_datetime": "2026-11-25T04:00:00Z", "address": "鸬鹚乡", "address_id": None, "zipcode": None,
        "lat": None, "long": None, "media_url": None,
    }  # fmt: skip
    laoxu = signed_in(app, open_session, cast.identities[cast.laoxu.id])
    (offer,) = laoxu.get("offers").json["data"]["items"]
    laoxu.post(f"offers/{offer['id']}/accept")
    (taken,) = anybody(f"requests.json?service_request_id={number}")
    assert (taken["status"], taken["status_notes"], taken["agency_responsible"]) == ("open", "已接单", "老徐好帮手")
    laoxu.post(f"offers/{offer['id']}/complete")
    assert anybody("requests.json?status=open") == []
    (done,) = anybody("requests.json?status=closed")
    assert (done["status"], done["agency_responsible"]) == ("closed", "老徐好帮手")
    assert anybody("requests/00000000.json", 404) == NOT_FOUND


def test_no_person_and_nothing_anybody_said_is_in_it(app, anybody, me, number, cast, open_session):
    order = me.get(f"orders/by-number/{number}").json["data"]["id"]
    me.post(f"orders/{order}/cancel", {"reason": "住院了"})
    everything = str([anybody("services.json"), anybody("services/L1.json"), anybody("requests.json")])
    with open_session() as session:
        names = [person.name for person in session.query(Person)]
    assert number in everything
    assert not any(word in everything for word in [*names, "门口", "住院", "葛山村1号", "139"])


@pytest.mark.case("L9")
def test_a_picture_of_a_visit_or_of_a_need_never_comes_out(anybody, me, number, cast, open_session):
    with open_session() as session, session.begin():
        order = session.query(Order).one()
        offer = session.query(Assignment).one()
        visit = Visit(
            assignment_id=offer.id, order_id=order.id, person_id=cast.ama.id, starts_at=NOW, ends_at=NOW, created_at=NOW
        )
        session.add(visit)
        session.flush()
        session.add(
            VisitProof(visit_id=visit.id, kind="photo", media_id="faces-1", taken_at=NOW, by_person_id=cast.ama.id)
        )
        says(session, cast.who(cast.xiaofang), "路灯坏了", attached=(Attached("image", "faces-2"),))
    everything = [anybody("services.json"), anybody("services/L1.json"), anybody("requests.json")]
    assert number in str(everything)
    assert "faces" not in str(everything)
    assert {one["media_url"] for one in everything[2]} == {None}


@once
@pytest.mark.parametrize("category", ["medical", "emergency", "bathing", "schooling"])
def test_a_kind_of_help_that_is_nobodys_business_does_not_appear(anybody, number, open_session, cast, category):
    with open_session() as session, session.begin():
        session.get_one(Listing, cast.meal.id).category = category
    assert [one["service_code"] for one in anybody("services.json")] == ["L2"]
    assert anybody("requests.json") == anybody(f"requests.json?service_request_id={number}") == []
    assert anybody(f"requests/{number}.json", 404) == NOT_FOUND
    assert anybody("services/L1.json", 404) == NOT_FOUND


def test_the_list_reaches_back_ninety_days_unless_dates_are_named(anybody, number, open_session, cast):
    def at(days):
        with open_session() as session, session.begin():
            session.query(Order).one().created_at = NOW - timedelta(days=days)

    at(89)
    assert len(anybody("requests.json")) == 1
    at(91)
    assert anybody("requests.json") == []
    then = datetime(2026, 8, 1, tzinfo=UTC).isoformat().replace("+", "%2B")
    assert len(anybody(f"requests.json?start_date={then}")) == 1
    assert len(anybody("requests.json?start_date=2020-01-01T00:00:00Z&end_date=2026-09-01T00:00:00Z")) == 1
    assert anybody("requests.json?start_date=2020-01-01T00:00:00Z&end_date=2026-12-31T00:00:00Z") == []
    assert len(anybody(f"requests.json?service_request_id={number}")) == 1


@once
@pytest.mark.parametrize("query", ["start_date=yesterday", "end_date=2026-01-01", "start_date=0001-01-01T00:00:00Z"])
def test_a_date_that_is_none_is_told_in_georeports_own_shape(anybody, query):
    (fault,) = anybody(f"requests.json?{query}", 422)
    assert fault["code"] == 422


@once
def test_who_looks_too_often_waits(database_url, cast):
    with api_app(database_url, limited=True) as app:
        statuses = [Mini(app).get("/open311/v2/services.json").status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]
