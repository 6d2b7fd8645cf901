"""Series of calls through the mini-program's API: looked at before they are begun, and everything done with them."""

import pytest
from sqlalchemy import select

from handlers.family import series_words as words
from models.family.calls import FamilyCall
from models.family.series import Series
from tests.mini import api_app, signed_in
from tests.wx_backend.test_api import said


@pytest.fixture
def me(database_url, open_session, cast):
    with api_app(database_url) as app:
        yield signed_in(app, open_session, cast.identities[cast.xiaofang.id])


def weekly(cast, **more):
    return {"client_key": "client-series-1", "person_id": cast.wangnainai.id, "rule": "week-1-7", "at": "16:00",
            "first_day": "2026-11-29", **more}  # fmt: skip


def begun(me, cast, **more):
    return said(me.post("series", weekly(cast, **more)), 201, "ok")["data"]


def test_every_date_is_seen_on_both_clocks_before_anything_is_booked(me, cast, open_session):
    query = f"series/dates?person_id={cast.wangnainai.id}&rule=week-1-7&at=16:00&first_day=2026-11-29"
    dates = said(me.get(query), 200, "ok")["data"]["items"]
    assert [one["starts_at"] for one in dates[:2]] == ["2026-11-29T08:00:00Z", "2026-12-06T08:00:00Z"]
    assert "马德里09:00" in dates[0]["text"]
    assert (
        said(me.get(query.replace("week-1-7", "feast-new")), 422, "bad_repeat")["msg"] == words.REFUSALS["bad_repeat"]
    )
    for never in ("0001-01-01", "1900-01-01", "2028-11-29", "9999-12-31"):
        said(me.get(query.replace("week-1-7", "day-1").replace("2026-11-29", never)), 422, "bad_repeat")
    with open_session() as session:
        assert not session.scalars(select(Series)).all()
        assert not session.scalars(select(FamilyCall)).all()


@pytest.mark.case("F1", "F3", "F9", "G10")
def test_begun_changed_rested_and_ended_it_can_be_taken_back(me, cast):
    series = begun(me, cast, last_day="2027-03-28")
    assert begun(me, cast, last_day="2027-03-28")["id"] == series["id"]  # the same key is the same series
    at = f"series/{series['id']}"
    assert (series["rule_text"], series["state"], series["dates"][0]["state"]) == ("每周日", "active", "booked")
    assert [one["id"] for one in me.get("series").json["data"]["items"]] == [series["id"]]

    moved = said(me.post(f"{at}/change", {"at": "15:30", "since": "2026-12-06"}), 200, "ok")["data"]
    assert [one["starts_at"][11:16] for one in moved["dates"][:3]] == ["08:00", "07:30", "07:30"]

    resting = said(me.post(f"{at}/suspend"), 200, "ok")["data"]
    assert (resting["state"], resting["dates"]) == ("suspended", [])
    assert said(me.post(f"{at}/resume"), 200, "ok")["data"]["state"] == "active"
    assert said(me.post(f"{at}/prolong", {"last_day": "2027-05-30"}), 200, "ok")["data"]["last_day"] == "2027-05-30"
    assert said(me.post(f"{at}/cancel"), 200, "ok")["data"]["state"] == "cancelled"
    assert said(me.post(f"{at}/restore"), 200, "ok")["data"]["dates"][0]["state"] == "booked"


@pytest.mark.case("F2", "F3", "F4")
def test_one_date_is_left_out_moved_and_taken_up_and_the_others_stay(me, cast):
    series = begun(me, cast)
    first, second = (one["id"] for one in series["dates"][:2])
    assert said(me.post(f"series/dates/{first}/skip", {"reason": "出差"}), 200, "ok")["data"]["state"] == "skipped"
    assert said(me.post(f"series/dates/{first}/take-up"), 200, "ok")["data"]["state"] == "booked"
    moved = said(me.post(f"series/dates/{second}/move", {"starts_at": "2026-12-06T15:00:00+08:00"}), 200, "ok")["data"]
    assert (moved["state"], moved["starts_at"]) == ("moved", "2026-12-06T07:00:00Z")
    # A time that is gone names what is free near it.
    refused = said(
        me.post(f"series/dates/{second}/move", {"starts_at": "2026-11-29T16:00:00+08:00"}), 409, "slot_taken"
    )
    assert refused["data"]["alternatives"]
    states = [one["state"] for one in me.get(f"series/{series['id']}").json["data"]["dates"][:3]]
    assert states == ["booked", "moved", "booked"]
