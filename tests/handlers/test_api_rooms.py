"""The rooms of the mini-program's API: what each person sees and does there, through all floors."""

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.people.persons import Person
from models.tasks.tasks import Task
from tests.gate import count
from tests.mini import api_app, meal_for, signed_in
from tests.wx_backend.test_api import once, said


@pytest.fixture
def app(database_url):
    with api_app(database_url) as app:
        yield app


@pytest.fixture
def phone(app, open_session, cast):
    return lambda person: signed_in(app, open_session, cast.identities[person.id])


@pytest.fixture
def me(phone, cast):
    return phone(cast.xiaofang)


def placed(me, cast, **more):
    return said(me.post("orders", meal_for(cast, **more)), 201, "ok")["data"]


def test_i_say_my_name_and_where_i_live(me, phone, cast, open_session):
    changed = said(me.ask("PATCH", "me", json={"name": " 王 小芳 ", "time_zone": "Europe/Rome"}), 200, "ok")["data"]
    assert (changed["name"], changed["time_zone"], changed["city"]) == ("王 小芳", "Europe/Rome", "罗马")
    assert "列表" in said(me.ask("PATCH", "me", json={"time_zone": "Europe/Lishui"}), 422, "unknown_zone")["msg"]
    both = {"name": "说了一半", "time_zone": "Europe/Lishui"}
    said(me.ask("PATCH", "me", json=both), 422, "unknown_zone")
    assert me.get("me").json["data"]["name"] == "王 小芳"
    assert "20个字" in said(me.ask("PATCH", "me", json={"name": "长" * 21}), 422, "name_long")["msg"]
    with open_session() as session, session.begin():
        session.get_one(Person, cast.xiaofang.id).code = "R1"
    said(me.ask("PATCH", "me", json={"name": "别人", "time_zone": "Asia/Tokyo"}), 409, "name_registered")
    assert me.get("me").json["data"]["time_zone"] == "Europe/Rome"


def test_i_see_for_whom_i_may_order_and_a_stranger_sees_nobody(me, phone, cast):
    assert [one["name"] for one in me.get("people").json["data"]["items"]] == ["小芳", "王秀英"]
    assert [one["name"] for one in phone(cast.aming).get("people").json["data"]["items"]] == ["阿明"]
    assert phone(cast.laoxu).get("people").json["data"]["items"] == []


def test_the_centres_are_mine_or_those_of_an_area_with_their_hours(me, phone, cast):
    (mine,) = me.get("centres").json["data"]["items"]
    assert (mine["name"], mine["phone"], mine["area"]["name"]) == ("葛山村党群服务中心", "0578-5550101", "葛山村")
    assert len(mine["hours"]) == 7
    today = mine["hours"][0]
    assert (today["date"], today["text"]) == ("2026-11-24", "08:30–17:00")
    assert today["spans"] == [{"opens_at": "2026-11-24T00:30:00Z", "closes_at": "2026-11-24T09:00:00Z"}]
    below = me.get(f"centres?area_id={cast.township.id}").json["data"]["items"]
    assert [centre["name"] for centre in below] == ["葛山村党群服务中心"]
    assert len(phone(cast.laoxu).get("centres").json["data"]["items"]) == 2


def test_the_catalogue_is_there_by_centre_and_kind_with_its_questions(me, cast):
    path = f"centres/{cast.centre.id}/listings"
    items = me.get(path).json["data"]["items"]
    assert [one["title"] for one in items] == ["爱心送餐", "上门理发"]
    (meal,) = me.get(f"{path}?category=meal").json["data"]["items"]
    assert meal["category_name"] == "助餐"
    assert meal["questions"][1] == {
        "code": "diet", "datatype": "singlevaluelist", "description": "口味有什么要求？", "required": True,
        "values": ["正常", "软烂", "少盐"],
    }  # fmt: skip
    assert me.get(f"listings/{cast.meal.id}").json["data"] == meal
    said(me.get(f"{path}?category=magic"), 422, "invalid")
    said(me.get("centres/999/listings"), 404, "not_yours")


def test_the_catalogue_is_sent_again_only_when_it_has_changed(me, cast, open_session):
    for path in (f"centres/{cast.centre.id}/listings", f"listings/{cast.meal.id}", "centres"):
        first = me.get(path)
        again = me.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
    seen = me.get(f"centres/{cast.centre.id}/listings").headers["ETag"]
    with open_session() as session, session.begin():
        session.get_one(Listing, cast.meal.id).state = "suspended"
    changed = me.get(f"centres/{cast.centre.id}/listings", headers={"If-None-Match": seen})
    assert [one["title"] for one in changed.json["data"]["items"]] == ["上门理发"]
    said(me.get(f"listings/{cast.meal.id}"), 404, "not_offered")


def test_an_order_has_all_that_was_said_and_its_number(me, cast):
    body = said(me.post("orders", meal_for(cast)), 201, "ok")
    order = body["data"]
    assert order["number_text"] in body["msg"]
    assert (order["beneficiary"], order["state"], order["may"], order["provider"]) == (
        "王秀英", "open", ["cancel"], None,
    )  # fmt: skip
    assert (order["preferred_at"], order["preferred_at_text"]) == (
        "2026-11-25T04:00:00Z", "国内11月25日（周三）12:00 · 马德里05:00",
    )  # fmt: skip
    assert order["answers"] == [
        {"question": "要几份？", "answer": 2}, {"question": "口味有什么要求？", "answer": "软烂"},
    ]  # fmt: skip
    assert me.get(f"orders/{order['id']}").json["data"] == order
    assert me.get(f"orders/by-number/{order['number_text']}").json["data"] == order
    assert me.get("orders").json["data"] == {"items": [order], "next": None}


@once
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"answers": {"diet": "软烂"}}, 422, "answer_needed"),
        ({"answers": {"portions": "²", "diet": "软烂"}}, 422, "answer_number"),
        ({"answers": {"portions": 2, "diet": "辣"}}, 422, "answer_value"),
        ({"preferred_at": "2026-11-24T09:00:00+08:00"}, 422, "bad_time"),
        ({"preferred_at": "2027-03-24T09:00:00+08:00"}, 422, "too_far"),
        ({"note": "长" * 201}, 422, "note_long"),
        ({"listing_id": 999}, 404, "not_offered"),
        ({"beneficiary_id": 999}, 403, "no_link"),
    ],
)  # fmt: skip
def test_what_a_rule_refuses_is_said_kindly_and_changes_nothing(me, cast, open_session, change, status, code):
    said(me.post("orders", meal_for(cast, **change)), status, code)
    assert count(open_session, Order) == 0


@once
@pytest.mark.case("L1")
def test_a_stranger_hears_the_same_of_a_resident_whether_there_is_one_or_not(phone, cast):
    aming = phone(cast.aming)
    real = aming.post("orders", meal_for(cast))
    none = aming.post("orders", meal_for(cast, beneficiary_id=999))
    assert (real.status_code, real.json["msg"], real.json["data"]) == (403, none.json["msg"], none.json["data"])


@once
@pytest.mark.case("B2", "B3")
def test_the_same_again_on_one_day_is_placed_and_said(me, cast):
    first = placed(me, cast)
    again = said(me.post("orders", meal_for(cast, client_key="client-key-2")), 201, "ok")
    assert f"已经点过同样的一份（订单{first['number_text']}）" in again["msg"]
    other_day = meal_for(cast, client_key="client-key-3", preferred_at="2026-11-26T12:00:00+08:00")
    assert "点过" not in said(me.post("orders", other_day), 201, "ok")["msg"]


def test_an_order_for_oneself_needs_no_beneficiary(phone, cast):
    body = meal_for(cast)
    del body["beneficiary_id"]
    assert phone(cast.aming).post("orders", body).json["data"]["beneficiary"] == "阿明"


@once
@pytest.mark.case("B16")
def test_a_number_with_one_digit_wrong_is_told_so_and_never_anothers(me, cast):
    number = placed(me, cast)["number"]
    for place in range(len(number)):
        slip = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert "输错" in said(me.get(f"orders/by-number/{slip}"), 422, "number_mistyped")["msg"]


@pytest.mark.case("L1")
def test_a_right_number_in_the_wrong_hands_is_like_none(me, phone, cast):
    number = placed(me, cast)["number"]
    for stranger in (cast.aming, cast.zhao, cast.laoxu):
        said(phone(stranger).get(f"orders/by-number/{number}"), 404, "not_yours")
    assert phone(cast.li).get(f"orders/by-number/{number}").status_code == 200


def test_my_orders_come_in_pages_without_a_gap_or_a_double(me, phone, cast):
    made = [placed(me, cast, client_key=f"client-key-{n}")["id"] for n in range(5)]
    assert phone(cast.aming).post("orders", meal_for(cast, beneficiary_id=cast.aming.id, client_key="of-aming-1"))
    seen, cursor = [], ""
    while cursor is not None:
        page = me.get(f"orders?limit=2{cursor and f'&cursor={cursor}'}").json["data"]
        seen += [order["id"] for order in page["items"]]
        cursor = page["next"]
    assert seen == made[::-1]


@pytest.mark.case("G2")
def test_an_order_is_cancelled_once_whoever_says_it_again(me, phone, cast, open_session):
    order = placed(me, cast)["id"]
    gone = said(me.post(f"orders/{order}/cancel", {"reason": "不需要了"}), 200, "ok")["data"]
    assert (gone["state"], gone["reason"], gone["may"]) == ("cancelled", "不需要了", ["undo"])
    assert said(me.post(f"orders/{order}/cancel", {}), 200, "ok")["data"] == gone
    said(phone(cast.aming).post(f"orders/{order}/cancel", {}), 404, "not_yours")


def test_an_organisation_takes_an_order_gives_it_back_and_another_does_it(me, phone, cast):
    order = placed(me, cast)["id"]
    laoxu, xiaohong = phone(cast.laoxu), phone(cast.xiaohong)
    (offer,) = laoxu.get("offers").json["data"]["items"]
    assert (offer["state"], offer["may"], offer["job"]["beneficiary"], offer["job"]["note"]) == (
        "offered", ["accept", "decline"], "王秀英", "放在门口",
    )  # fmt: skip
    assert offer["answer_by_text"].startswith("11月24日")
    assert "139" not in str(offer)
    path = f"offers/{offer['id']}"
    taken = said(laoxu.post(f"{path}/accept"), 200, "ok")
    assert "0578-5550101" in taken["msg"]
    assert taken["data"]["may"] == ["visit", "start", "hand_back", "complete"]
    assert me.get(f"orders/{order}").json["data"]["provider"] == "老徐好帮手"
    back = said(laoxu.post(f"{path}/hand-back", {"reason": "临时有急事"}), 200, "ok")["data"]
    assert (back["job"], back["may"], laoxu.get("offers").json["data"]["items"]) == (None, [], [])
    said(laoxu.post(f"{path}/accept"), 409, "offer_over")
    (second,) = xiaohong.get("offers").json["data"]["items"]
    said(xiaohong.post(f"offers/{second['id']}/accept"), 200, "ok")
    done = said(xiaohong.post(f"offers/{second['id']}/complete"), 200, "ok")["data"]
    assert (done["state"], done["job"]) == ("done", None)
    whole = me.get(f"orders/{order}").json["data"]
    assert (whole["state"], whole["provider"], whole["may"]) == ("completed", "乐都", ["rate", "reopen", "complain"])
    said(me.post(f"orders/{order}/cancel", {}), 409, "wrong_state")


@once
@pytest.mark.case("C6")
def test_an_organisation_declines_and_the_next_is_asked(me, phone, cast):
    placed(me, cast)
    (offer,) = phone(cast.laoxu).get("offers").json["data"]["items"]
    declined = said(phone(cast.laoxu).post(f"offers/{offer['id']}/decline", {"reason": "人手不够"}), 200, "ok")["data"]
    assert (declined["state"], declined["job"]) == ("declined", None)
    assert len(phone(cast.xiaohong).get("offers").json["data"]["items"]) == 1


@once
@pytest.mark.case("C2")
def test_an_offer_of_an_order_that_was_cancelled_is_refused_with_its_reason(me, phone, cast):
    order = placed(me, cast)["id"]
    (offer,) = phone(cast.laoxu).get("offers").json["data"]["items"]
    me.post(f"orders/{order}/cancel", {})
    assert "不用去了" in said(phone(cast.laoxu).post(f"offers/{offer['id']}/accept"), 409, "order_gone")["msg"]


def test_a_cadre_sees_acknowledges_and_does_a_task(me, phone, cast, open_session):
    placed(me, cast)
    li = phone(cast.li)
    (task,) = li.get("tasks").json["data"]["items"]
    assert (task["title"], task["about"], task["state"]) == ("村民有新订单", "王秀英", "open")
    assert "爱心送餐" in task["text"]
    assert task["due_at_text"] == "11月25日（周三）10:00"
    assert said(li.post(f"tasks/{task['id']}/acknowledge"), 200, "ok")["data"]["state"] == "acknowledged"
    chen = phone(cast.chen)
    assert chen.get("tasks").json["data"]["items"] == []  # it is 李站长's now
    said(chen.post(f"tasks/{task['id']}/acknowledge"), 409, "wrong_state")
    assert said(li.post(f"tasks/{task['id']}/done"), 200, "ok")["data"]["state"] == "done"
    said(li.post(f"tasks/{task['id']}/acknowledge"), 409, "wrong_state")
    assert li.get("tasks").json["data"]["items"] == []
    with open_session() as session:
        assert session.get_one(Task, task["id"]).done_by_id == cast.li.id


@once
def test_who_is_no_cadre_and_answers_for_nobody_has_empty_lists(phone, cast):
    for name in ("tasks", "offers", "orders"):
        assert phone(cast.aming).get(name).json["data"]["items"] == []


def test_a_letter_about_an_order_of_the_mini_program_goes_out_as_always(me, cast, open_session):
    placed(me, cast)
    with open_session() as session:
        told = session.scalars(select(Letter.kind).order_by(Letter.id)).all()
    assert sorted(set(told)) == ["ordering.offered", "tasks.assigned"]
