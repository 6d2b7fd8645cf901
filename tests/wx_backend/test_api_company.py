"""Between calls in the mini-program: days, pairs, news from home, what was agreed to, and the address of a calendar."""

import re
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from models.family.news import write
from models.family.pairing import pair
from models.family.routines import Routine
from models.messages.answers import Answer
from models.people.staff import StaffRole, end_role
from tests.mini import api_app, signed_in
from tests.world import NOW

DAY = timedelta(days=1)


@pytest.fixture
def app(database_url):
    with api_app(database_url) as app:
        yield app


@pytest.fixture
def phone(app, open_session, cast):
    return lambda person: signed_in(app, open_session, cast.identities[person.id])


def by_kind(answer):
    assert answer.status_code == 200, answer.text
    return {one["kind"]: one for one in answer.json["data"]["items"]}


# What fills a day.


def test_a_cadre_reads_and_writes_a_residents_days_and_the_times_offered_heed_it(phone, cast, open_session):
    li, me = phone(cast.li), phone(cast.xiaofang)
    here, slots = f"people/{cast.wangnainai.id}/routines", "calls/slots?first_day=2026-11-29&person_id="
    before = me.get(f"{slots}{cast.wangnainai.id}").json["data"]
    found = by_kind(li.get(here))
    assert list(found) == ["meal", "nap", "market", "sleep"]
    assert (found["nap"]["known"], found["nap"]["spans"][0]["text"]) == (False, "12:30–14:00")
    span = {"begins": "07:00", "ends": "11:00", "month_ends": [8, 3], "weekdays": []}
    found = by_kind(li.post(here, {"kind": "market", "spans": [span]}))
    assert found["market"]["spans"] == [{**span, "month_ends": [3, 8], "text": "逢3、8 07:00–11:00"}]
    assert by_kind(li.post(here, {"kind": "nap", "spans": [{"begins": "14:00", "ends": "16:00"}]}))["nap"]["known"]
    assert me.get(f"{slots}{cast.wangnainai.id}").json["data"] != before
    found = by_kind(li.post(here, {"kind": "nap", "none": True}))
    assert (found["nap"]["known"], found["nap"]["spans"]) == (True, [])
    assert not by_kind(li.post(here, {"kind": "nap"}))["nap"]["known"]  # nobody knows: as is usual
    with open_session() as session:
        assert session.scalars(select(Routine.kind)).all() == ["market"]


def test_ones_own_hours_are_ones_own_to_say(phone, cast, open_session):
    me = phone(cast.xiaofang)
    span = {"begins": "08:00:30.5", "ends": "17:00", "weekdays": [1, 2, 3, 4, 5]}
    found = by_kind(me.post(f"people/{cast.xiaofang.id}/routines", {"kind": "work", "spans": [span]}))
    assert found["work"]["spans"][0]["text"] == "周一、二、三、四、五 08:00–17:00"
    with open_session() as session:
        assert session.scalars(select(Routine.begins)).all() == [time(8)]


def test_a_daughter_says_when_her_mother_eats_naps_and_shops_and_no_more(phone, cast, open_session):
    me, here = phone(cast.xiaofang), f"people/{cast.wangnainai.id}/routines"
    sleep = {"kind": "sleep", "spans": [{"begins": "21:00", "ends": "06:00"}]}
    assert by_kind(phone(cast.li).post(here, sleep))["sleep"]["known"]
    assert list(by_kind(me.get(here))) == ["meal", "nap", "market"]  # of her nights she is told nothing
    found = by_kind(me.post(here, {"kind": "nap", "spans": [{"begins": "13:00", "ends": "15:00"}]}))
    assert (found["nap"]["known"], found["nap"]["spans"][0]["text"]) == (True, "13:00–15:00")
    assert me.post(here, sleep).status_code == 404
    for other in (cast.aming, cast.zhao):
        assert phone(other).get(here).status_code == 404
        assert phone(other).post(here, {"kind": "nap"}).status_code == 404
    with open_session() as session:
        assert session.scalars(select(Routine.kind).order_by(Routine.id)).all() == ["sleep", "nap"]


@pytest.mark.parametrize(
    "body",
    [{"kind": "party"}, {"kind": "nap", "spans": [{"begins": "25:00", "ends": "26:00"}]}, {"kind": "nap", "spans": 3},
     {"kind": "nap", "spans": [{"begins": "12:00", "ends": "13:00", "weekdays": [0]}]},
     {"kind": "nap", "spans": [{"begins": "12:00", "ends": "13:00", "month_ends": [10]}]},
     {"kind": "nap", "spans": [{"begins": f"{n:02}:00", "ends": f"{n:02}:30"} for n in range(9)]}, {}],
)  # fmt: skip
def test_what_no_day_can_hold_fits_no_schema(phone, cast, body):
    assert phone(cast.li).post(f"people/{cast.wangnainai.id}/routines", body).status_code == 422


# Pairs.


def paired(open_session, cast, helper, since=NOW):
    with open_session() as session, session.begin():
        return pair(session, cast.who(cast.li), helper.id, cast.wangnainai.id, 7, since).id


def test_a_volunteer_and_the_villages_cadre_see_a_pair_and_write_a_contact_down(phone, cast, open_session):
    key = paired(open_session, cast, cast.laoxu, NOW - 10 * DAY)
    laoxu, li = phone(cast.laoxu), phone(cast.li)
    for who, role in ((laoxu, "helper"), (li, "cadre")):
        (one,) = who.get("pairs?late=true").json["data"]["items"]
        assert (one["id"], one["role"], one["late"], one["last_at"]) == (key, role, True, None)
    told = {"means": "visit", "happened_at": f"{NOW - 2 * DAY:%Y-%m-%d}T10:00:00+08:00", "note": "腰不疼了"}
    answer = laoxu.post(f"pairs/{key}/contacts", told)
    assert answer.status_code == 200, answer.text
    assert "下次请在" in answer.json["msg"]
    whole = li.get(f"pairs/{key}").json["data"]
    assert [(one["means_text"], one["note"]) for one in whole["contacts"]] == [("上门看了", "腰不疼了")]
    assert li.get("pairs?late=true").json["data"]["items"] == []
    for wrong in ({"happened_at": "2027-01-01T00:00:00Z"}, {"happened_at": "0001-01-01T00:00:00Z"}):
        assert laoxu.post(f"pairs/{key}/contacts", {"means": "phone", **wrong}).json["code"] == "bad_time"
    for wrong in ({"means": "dance"}, {"means": "phone", "happened_at": "2026-11-24T10:00:00"}, {"note": "x"}):
        assert laoxu.post(f"pairs/{key}/contacts", wrong).status_code == 422


def test_many_pairs_come_in_pages_and_each_once(phone, cast, open_session):
    keys = [paired(open_session, cast, one) for one in (cast.laoxu, cast.ama, cast.xiaohong)]
    li, seen, cursor = phone(cast.li), [], ""
    while cursor is not None:
        page = li.get(f"pairs?limit=2{cursor}").json["data"]
        seen += [one["id"] for one in page["items"]]
        cursor = f"&cursor={page['next']}" if page["next"] else None
    assert seen == keys


def test_who_holds_no_office_any_more_sees_no_pair(phone, cast, open_session):
    key = paired(open_session, cast, cast.laoxu)
    laoxu = phone(cast.laoxu)
    with open_session() as session, session.begin():
        for role in session.scalars(select(StaffRole).where(StaffRole.person_id == cast.laoxu.id)).all():
            end_role(session, role, NOW)
    assert laoxu.get("pairs").json["data"]["items"] == []
    assert laoxu.get(f"pairs/{key}").status_code == 404


# News from home, and consent.


def test_news_are_read_by_the_daughter_until_consent_is_taken_back(phone, cast, open_session):
    li, me = phone(cast.li), phone(cast.xiaofang)
    agreed = {"kind": "home_news", "agrees": True}
    found = by_kind(li.post(f"people/{cast.wangnainai.id}/consents", agreed))
    assert (found["home_news"]["agrees"], found["photos"]["agrees"]) == (True, False)
    with open_session() as session, session.begin():
        key = write(session, cast.who(cast.li), cast.wangnainai.id, "妈妈种的菜都长出来了", NOW).id
    (one,) = me.get("news").json["data"]["items"]
    assert (one["text"], one["month"], one["person"]) == ("妈妈种的菜都长出来了", "2026-11", "王秀英")
    assert me.get(f"news/{key}").json["data"] == one
    assert phone(cast.aming).get("news").json["data"]["items"] == []
    assert li.post(f"people/{cast.wangnainai.id}/consents", {"kind": "home_news", "agrees": False}).status_code == 200
    assert me.get("news").json["data"]["items"] == []
    assert me.get(f"news/{key}").status_code == 404


def test_one_agrees_for_oneself_and_for_nobody_else(phone, cast):
    me, said = phone(cast.xiaofang), {"kind": "photos", "agrees": True}
    assert by_kind(me.post(f"people/{cast.xiaofang.id}/consents", said))["photos"]["since"]
    assert by_kind(me.get(f"people/{cast.xiaofang.id}/consents"))["photos"]["agrees"]
    assert me.post(f"people/{cast.wangnainai.id}/consents", said).status_code == 404
    assert me.post(f"people/{cast.xiaofang.id}/consents", {"kind": "all", "agrees": True}).status_code == 422


# The calendar.


def test_an_address_is_said_once_works_is_renewed_and_stopped_and_is_kept_nowhere(app, phone, cast, open_session):
    me = phone(cast.xiaofang)
    assert me.get("calendar").json["data"] == {"there": False, "since": None, "url": ""}
    made = me.post("calendar", key="calendar-key-1")
    token = re.search(r"/calendar/([\w-]+)\.ics$", made.json["data"]["url"])[1]
    again = me.post("calendar", key="calendar-key-1")
    assert (again.status_code, again.json["data"]["url"], again.json["data"]["there"]) == (200, "", True)
    assert me.get("calendar").json["data"]["url"] == ""
    with open_session() as session:
        assert not any(token in body for body in session.scalars(select(Answer.body)))

    def reads(which):
        return app.test_client().get(f"/calendar/{which}.ics").status_code

    assert reads(token) == 200
    other = me.post("calendar").json["data"]["url"]
    assert reads(token) == 404
    assert me.post("calendar/stop").json["data"]["there"] is False
    assert reads(re.search(r"/calendar/([\w-]+)\.ics$", other)[1]) == 404
    assert me.post("calendar/stop").status_code == 200
