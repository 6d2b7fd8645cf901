"""An unsafe request happens once for its key: retries, doubles at the same moment, other bodies, other people."""

import io
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from handlers.ordering import api as ordering_api
from handlers.ordering.need_api import MOST_FILES
from models.messages.answers import Answer, begin
from models.messages.media import Media
from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.ordering.placing import place
from models.people.care import CareLink
from tests.gate import count
from tests.mini import Mini, api_app, meal_for, signed_in
from tests.models.family.test_calls import SUNDAY_16
from tests.world import NOW
from tests.wx_backend.test_api import said
from wx_backend import database

pytestmark = pytest.mark.both

KEY = "a-key-of-the-phone"


@pytest.fixture
def app(database_url):
    with api_app(database_url) as app:
        yield app


@pytest.fixture
def me(app, open_session, cast):
    return signed_in(app, open_session, cast.identities[cast.xiaofang.id])


@pytest.mark.case("B1")
def test_fifty_at_once_with_one_key_are_one_order_and_fifty_same_answers(me, cast, open_session):
    answers, start = [], threading.Barrier(50)

    def tap():
        start.wait()
        answers.append(me.post("orders", meal_for(cast), KEY))

    threads = [threading.Thread(target=tap) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Who waited longer than a web request may is told to ask again, and then hears the same.
    answers = [one if one.status_code == 201 else me.post("orders", meal_for(cast), KEY) for one in answers]
    assert {one.status_code for one in answers} == {201}
    assert len({one.text for one in answers}) == 1
    assert sum("Idempotency-Replayed" not in one.headers for one in answers) == 1
    assert count(open_session, Order) == 1


def test_files_that_come_at_once_are_no_more_than_a_need_takes(database_url, open_session, cast, tmp_path):
    with api_app(database_url, WX_BACKEND_MEDIA__FOLDER=str(tmp_path)) as app:
        me, start = signed_in(app, open_session, cast.identities[cast.xiaofang.id]), threading.Barrier(5)
        me.post("needs", {"client_key": "client-key-1", "text": "想要食堂", "person_id": cast.wangnainai.id})

        def sends(files):
            parts = {f"file{n}": (io.BytesIO(b"#!AMR\n" + b"\x3c" * 64), "x") for n in range(files)}
            return me.ask("POST", "needs/1/media", data=parts)

        def tap():
            start.wait()
            sends(1)

        sends(MOST_FILES - 1)
        threads = [threading.Thread(target=tap) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert count(open_session, Media) == MOST_FILES == len(list(tmp_path.glob("*")))


@pytest.mark.case("B1")
def test_a_tap_that_is_sent_anew_with_another_key_is_the_same_order(me, cast, open_session):
    first, second = (me.post("orders", meal_for(cast)).json["data"] for _ in range(2))
    assert first == second
    assert count(open_session, Order) == 1


def test_a_key_with_another_body_or_route_is_refused_and_does_nothing(me, cast, open_session):
    order = said(me.post("orders", meal_for(cast), KEY), 201, "ok")["data"]["id"]
    said(me.post("orders", meal_for(cast, note="不要辣"), KEY), 422, "idempotency_mismatch")
    said(me.post(f"orders/{order}/cancel", meal_for(cast), KEY), 422, "idempotency_mismatch")
    assert me.get(f"orders/{order}").json["data"]["state"] == "open"


def test_a_refusal_is_heard_again_although_the_world_has_moved_on(me, cast, open_session):
    with open_session() as session, session.begin():
        session.get_one(Listing, cast.meal.id).state = "suspended"
    first = me.post("orders", meal_for(cast), KEY)
    said(first, 404, "not_offered")
    with open_session() as session, session.begin():
        session.get_one(Listing, cast.meal.id).state = "published"
    again = me.post("orders", meal_for(cast), KEY)
    assert (again.status_code, again.text, again.headers["Idempotency-Replayed"]) == (404, first.text, "true")
    assert me.post("orders", meal_for(cast)).status_code == 201


def test_what_did_not_fit_is_not_kept_and_may_come_again_corrected(me, cast, open_session):
    assert me.post("orders", meal_for(cast, preferred_at="soon"), KEY).status_code == 422
    assert count(open_session, Answer) == 0
    assert me.post("orders", meal_for(cast), KEY).status_code == 201


def test_the_same_key_of_another_person_is_another_key(me, app, cast, open_session):
    me.post("orders", meal_for(cast), KEY)
    aming = signed_in(app, open_session, cast.identities[cast.aming.id])
    body = meal_for(cast, beneficiary_id=cast.aming.id, client_key="key-of-aming")
    assert aming.post("orders", body, KEY).json["data"]["beneficiary"] == "阿明"


@pytest.mark.case("L1")
def test_a_client_key_of_another_person_shows_nothing_of_their_order(me, app, cast, open_session):
    me.post("orders", meal_for(cast))
    aming = signed_in(app, open_session, cast.identities[cast.aming.id])
    said(aming.post("orders", meal_for(cast, beneficiary_id=cast.aming.id)), 404, "not_yours")


@pytest.mark.case("L1")
@pytest.mark.parametrize("what", ["orders", "calls", "needs", "help"])
def test_a_client_key_shows_nothing_any_more_to_who_may_not_see_it_any_more(me, cast, open_session, what):
    call = {"client_key": "client-key-1", "person_id": cast.wangnainai.id, "starts_at": SUNDAY_16.isoformat()}
    told = {"client_key": "client-key-1", "text": "想要食堂", "person_id": cast.wangnainai.id}
    body = {"orders": meal_for(cast), "calls": call}.get(what, told)
    assert me.post(what, body).status_code == 201
    assert me.post(what, body).status_code == 201
    with open_session() as session, session.begin():
        session.execute(update(CareLink).values(state="revoked"))
    said(me.post(what, body), *((403, "no_link") if what == "calls" else (404, "not_yours")))


def test_a_day_later_the_key_is_free_again(database_url, me, cast, open_session):
    me.post("orders", meal_for(cast), KEY)
    with api_app(database_url, lambda: NOW + timedelta(hours=24, seconds=1)) as later:
        other = signed_in(later, open_session, cast.identities[cast.xiaofang.id], NOW + timedelta(hours=24))
        body = meal_for(cast, client_key="client-key-2", preferred_at="2026-11-27T12:00:00+08:00")
        assert said(other.post("orders", body, KEY), 201, "ok")["data"]["id"] == 2
    with open_session() as session:
        assert session.scalars(select(Answer.asked_at)).all() == [NOW + timedelta(hours=24, seconds=1)]


def test_a_key_of_nobody_keeps_nothing(app, cast, open_session):
    said(Mini(app).post("orders", meal_for(cast), KEY), 401, "signed_out")
    assert count(open_session, Answer) == 0


def test_a_deadlock_is_run_again_from_the_start_and_three_are_too_many(me, cast, open_session, monkeypatch):
    def giving_way(times):
        left = iter(range(times))

        def give_way(*asked, **named):
            if next(left, None) is not None:
                raise OperationalError("INSERT", {}, Deadlock())
            return place(*asked, **named)

        monkeypatch.setattr(ordering_api, "place", give_way)

    giving_way(2)
    assert me.post("orders", meal_for(cast), KEY).status_code == 201
    assert count(open_session, Order) == count(open_session, Answer) == 1
    giving_way(3)
    said(me.post("orders", meal_for(cast, client_key="client-key-2")), 503, "busy")
    assert count(open_session, Answer) == 1


class Deadlock(Exception):
    """PostgreSQL's."""

    sqlstate = "40P01"


def test_while_the_first_is_still_at_work_the_second_is_told_to_ask_again(
    database_url, engine, cast, open_session, monkeypatch
):
    monkeypatch.setattr(database, "WEB_PATIENCE_MS", 200)
    body = meal_for(cast)
    with api_app(database_url) as app:
        me = signed_in(app, open_session, cast.identities[cast.xiaofang.id])
        with open_session() as session, session.begin() as first:
            begin(session, person_id=cast.xiaofang.id, key=KEY, route="POST /api/v1/orders", body_hash="", now=NOW)
            response = me.post("orders", body, KEY)
            # SQLite has one writer, whatever it writes.
            where = {"postgresql": (409, "idempotency_busy"), "sqlite": (503, "busy")}
            said(response, *where[engine.dialect.name])
            assert int(response.headers["Retry-After"]) > 0
            first.rollback()
        assert me.post("orders", body, KEY).status_code == 201
