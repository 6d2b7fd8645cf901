"""The rooms behind `/m`: a form keeps what was typed, an order sent twice is one, what people type stays text."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from handlers.ordering import pages as room
from handlers.ordering import words
from models.errors import Refused
from models.family.booking import book
from models.messages.optouts import opted_out, wants_none
from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.people.identities import Who
from models.people.persons import Person
from tests.cast import Cast
from tests.gate import count
from tests.visitors import hidden
from tests.world import NOW
from wx_backend.config import ConfigError
from wx_backend.web import assets

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOMORROW = str(int((NOW + timedelta(days=1)).timestamp()))
EVIL = "<script>alert(1)</script><b>粗</b>&lt;"


def form_of(cast: Cast) -> str:
    return f"/m/services/{cast.wangnainai.id}/{cast.meal.id}"


def checked(me, cast, **more):
    """The page on which everything is looked over, and what its button sends."""
    said = me.post(form_of(cast), **{"q0": "2", "q1": "软烂", "at": TOMORROW, "note": "放门口", **more})
    assert said.status_code == 200
    return hidden(said)


@pytest.mark.case("B1")
def test_a_form_that_is_sent_twice_is_one_order(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    sent = checked(me, cast)
    assert count(open_session, Order) == 0
    first, second = (me.client.post(f"{form_of(cast)}/order", data=sent) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    with open_session() as session:
        order = session.scalars(select(Order)).one()
        assert (order.answers, order.note) == ({"portions": 2, "diet": "软烂"}, "放门口")
    told = me.get(first.location).text
    assert "点单成功" in told
    assert f"{order.number[:4]} {order.number[4:]}" in told
    assert "0578-5550101" in told
    assert "等待接单" in told


@on_sqlite
def test_the_key_of_another_persons_order_leads_nowhere(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    sent = checked(me, cast)
    me.client.post(f"{form_of(cast)}/order", data=sent)
    other = pages.inside(cast.aming)
    said = other.post(f"{form_of(cast)}/order", **{**sent, "csrf_token": other.token()})
    assert said.status_code == 404
    assert "王秀英" not in said.text
    assert count(open_session, Order) == 1


@on_sqlite
@pytest.mark.parametrize("key", ["", "x", "A" * 24, "0" * 25])
def test_a_key_that_no_page_of_ours_made_orders_nothing(pages, cast, open_session, key):
    me = pages.inside(cast.xiaofang)
    assert me.post(f"{form_of(cast)}/order", q0="2", q1="软烂", at=TOMORROW, key=key).status_code == 409
    assert count(open_session, Order) == 0


@on_sqlite
@pytest.mark.case("B15")
def test_what_does_not_fit_stands_beside_its_field_and_nothing_typed_is_lost(pages, cast):
    me = pages.inside(cast.xiaofang)
    said = me.post(form_of(cast), q0="很多", q1="辣", at="other", day="2026-11-01", clock="09:30", note="长" * 201)
    assert said.status_code == 422
    assert "有4处请再看一下" in said.text
    for name, sentence in (
        ("q0", "请写一个1到999的数字"), ("q1", "请从上面选"), ("at", "请选一个以后的时间"),
        ("note", "请在200个字以内（您写了201个字）"),
    ):  # fmt: skip
        assert re.search(rf'id="{name}-error">.*?{re.escape(sentence)}', said.text), name
        assert f'href="#{name}"' in said.text
    for kept in ('value="很多"', 'value="2026-11-01"', 'value="09:30"', "长" * 201):
        assert kept in said.text


@on_sqlite
@pytest.mark.parametrize(
    "typed",
    [{}, {"at": "other"}, {"at": "x"}, {"at": "9" * 30}, {"at": "-1"}, {"at": "other", "day": "0000-00-00"},
     {"at": "other", "day": "2026-11-25", "clock": "25:00"}],
)  # fmt: skip
def test_a_time_that_is_none_is_asked_for_again(pages, cast, typed):
    said = pages.inside(cast.xiaofang).post(form_of(cast), q0="2", q1="软烂", **typed)
    assert said.status_code == 422
    assert 'id="at-error"' in said.text


@on_sqlite
def test_a_time_of_ones_own_is_that_time_where_the_service_happens_and_shown_on_both_clocks(pages, cast):
    me = pages.inside(cast.xiaofang)
    said = me.post(form_of(cast), q0="2", q1="软烂", at="other", day="2026-11-29", clock="15:30")
    assert "国内11月29日（周日）15:30\n马德里08:30" in said.text


@on_sqlite
def test_looking_it_over_one_goes_back_and_everything_is_still_there(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    sent = checked(me, cast, at="other", day="2026-11-29", clock="15:30")
    said = me.client.post(form_of(cast), data={**sent, "edit": "1"})
    assert said.status_code == 200
    for kept in ('name="q0" type="text" inputmode="numeric" maxlength="8" autocomplete="off" value="2"',
                 'value="软烂" checked', 'value="2026-11-29"', 'value="15:30"', ">放门口</textarea>"):  # fmt: skip
        assert kept in said.text
    assert count(open_session, Order) == 0


@on_sqlite
def test_the_same_service_on_the_same_day_is_asked_about_first(pages, cast):
    me = pages.inside(cast.xiaofang)
    me.client.post(f"{form_of(cast)}/order", data=checked(me, cast))
    said = me.post(form_of(cast), q0="2", q1="软烂", at=TOMORROW)
    assert "这一天已经为王秀英点过" in said.text


@on_sqlite
@pytest.mark.case("B15")
def test_html_in_what_people_type_is_text_on_every_page(pages, cast, open_session):
    with open_session() as session, session.begin():
        session.get_one(Person, cast.wangnainai.id).name = EVIL[:30]
        questions = [{"code": "x", "datatype": "string", "description": EVIL, "required": True}]
        session.get_one(Listing, cast.haircut.id).questions = questions
        session.get_one(Listing, cast.haircut.id).summary = EVIL
    me = pages.inside(cast.xiaofang)
    path = f"/m/services/{cast.wangnainai.id}/{cast.haircut.id}"
    sheets = [me.get(path), me.post(path, q0=EVIL, at="x", note=EVIL), me.post(path, q0=EVIL, at=TOMORROW, note=EVIL)]
    placed = me.client.post(f"{path}/order", data=hidden(sheets[-1]))
    cancelled = me.post(f"{placed.location.partition('?')[0]}/cancel", other=EVIL)
    sheets += [me.get(path) for path in (placed.location, "/m/orders", "/m/services", cancelled.location)]
    for sheet in sheets:
        assert "<script>alert" not in sheet.text
        assert "<b>粗</b>" not in sheet.text
    assert sum(EVIL in unescape(sheet.text) for sheet in sheets) >= 5
    with open_session() as session:
        order = session.scalars(select(Order)).one()
        assert (order.note, order.reason, order.answers["x"]) == (EVIL, EVIL, EVIL)


@on_sqlite
def test_an_order_is_cancelled_with_a_reason_and_can_be_ordered_again_as_it_was(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    placed = me.client.post(f"{form_of(cast)}/order", data=checked(me, cast)).location.partition("?")[0]
    assert "取消这张订单" in me.get(f"{placed}/cancel").text
    assert me.post(f"{placed}/cancel", other="长" * 201).status_code == 422
    for _ in range(2):
        assert me.post(f"{placed}/cancel", reason=words.REASONS[3]).location == placed
    told = me.get(placed).text
    assert all(part in told for part in ("已取消", "点错了", "再点一次"))
    assert "取消订单" not in told
    again = me.get(unescape(re.search(r'href="(/m/services/[^"]+again=[^"]+)"', told)[1])).text
    assert 'value="软烂" checked' in again
    assert ">放门口</textarea>" in again


@on_sqlite
def test_another_listings_or_another_familys_order_fills_in_nothing(pages, cast):
    me = pages.inside(cast.xiaofang)
    placed = me.client.post(f"{form_of(cast)}/order", data=checked(me, cast)).location
    number = placed.partition("?")[0].rsplit("/", 1)[1]
    haircut = f"/m/services/{cast.wangnainai.id}/{cast.haircut.id}?again={number}"
    assert "放门口" not in me.get(haircut).text
    mine = f"/m/services/{cast.aming.id}/{cast.meal.id}?again={number}"
    stranger = pages.inside(cast.aming)
    assert stranger.get(mine).status_code == 404
    assert stranger.get(mine.partition("?")[0]).status_code == 200


@on_sqlite
def test_whoever_orders_too_often_is_asked_to_wait_and_may_phone(pages, cast):
    me = pages.inside(cast.xiaofang)
    answers = [me.client.post(f"{form_of(cast)}/order", data=checked(me, cast)) for _ in range(11)]
    assert [answers[9].status_code, answers[10].status_code] == [303, 429]
    assert "0578-5550101" in answers[10].text
    other = pages.inside(cast.aming)
    sent = {"q0": "1", "q1": "正常", "at": TOMORROW, "key": "b" * 24}
    assert other.post(f"/m/services/{cast.aming.id}/{cast.meal.id}/order", **sent).status_code == 303


@on_sqlite
def test_calls_and_jobs_are_read_by_those_whom_they_concern(pages, cast, open_session):
    starts_at = NOW + timedelta(days=5, hours=6)
    with open_session() as session, session.begin():
        who = Who(cast.xiaofang.id, 0, "小芳", "Europe/Madrid", "", "")
        book(session, who, cared_id=cast.wangnainai.id, starts_at=starts_at, client_key="k", now=NOW)
    me = pages.inside(cast.xiaofang)
    told = me.get("/m/calls").text
    assert all(part in told for part in ("和王秀英视频", "国内11月29日（周日）16:00\n马德里09:00", "已约好"))
    assert "和王秀英、小芳视频" in pages.inside(cast.li).get("/m/calls").text
    assert "王秀英" not in pages.inside(cast.aming).get("/m/calls").text
    me.client.post(f"{form_of(cast)}/order", data=checked(me, cast))
    offered = pages.inside(cast.laoxu).get("/m/jobs").text
    assert all(part in offered for part in ("爱心送餐", "葛山村 · 王秀英", "待答复", "请在这之前答复"))
    assert "软烂" not in offered
    assert "王秀英" not in pages.inside(cast.xiaohong).get("/m/jobs").text


def test_settings_hold_for_the_person_and_not_for_the_browser(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    assert 'class="large"' not in me.get("/m/").text
    me.post("/m/settings/size", large="1")
    me.post("/m/settings/reminders", of="calls", silent="1")
    assert 'class="large"' in pages.inside(cast.xiaofang).get("/m/orders").text
    with open_session() as session:
        assert wants_none(session, cast.xiaofang.id, "family.reminder")
    me.post("/m/settings/size", large="0")
    me.post("/m/settings/reminders", of="calls", silent="0")
    assert 'class="large"' not in me.get("/m/").text
    with open_session() as session:
        assert not wants_none(session, cast.xiaofang.id, "family.reminder")


def test_of_what_one_is_not_reminded_is_said_of_calls_and_of_visits_apart(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    assert me.post("/m/settings/reminders", of="visits", silent="1").status_code == 303
    shown = me.get("/m/settings").text
    assert all(part in shown for part in ("现在会提醒您视频时间", "现在不提醒上门时间", "不要视频提醒", "恢复上门提醒"))
    for wrong in ("", "tasks.assigned", "visits "):
        assert me.post("/m/settings/reminders", of=wrong, silent="1").status_code == 409
    with open_session() as session:
        assert opted_out(session, [cast.xiaofang.id]) == {cast.xiaofang.id: ["ordering.reminder"]}


@on_sqlite
def test_a_page_takes_nothing_from_elsewhere_runs_nothing_inline_and_is_kept_by_nobody(pages, cast):
    me = pages.inside(cast.xiaofang)
    for path in ("/m/", form_of(cast), "/m/orders", "/m/no/such"):
        said = me.get(path)
        nonce = re.search(r"script-src 'nonce-([^']+)'", said.headers["Content-Security-Policy"])[1]
        assert "default-src 'none'" in said.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in said.headers["Content-Security-Policy"]
        assert "unsafe" not in said.headers["Content-Security-Policy"]
        assert (said.headers["Cache-Control"], said.headers["Referrer-Policy"]) == ("no-store", "same-origin")
        assert not re.findall(r"https?://", said.text)
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", said.text)
        loads = re.findall(r"<(?:script|link rel=.stylesheet)[^>]*>", said.text)
        assert len(loads) == 4
        assert all(f'nonce="{nonce}"' in one and 'integrity="sha384-' in one for one in loads)
    assert me.get("/m/").headers["Content-Security-Policy"] != said.headers["Content-Security-Policy"]


@on_sqlite
def test_a_file_is_found_under_its_own_digest_only_and_kept_for_a_year(pages, cast):
    found = re.findall(r'(?:href|src)="(/assets/[^"]+)"', pages.inside(cast.xiaofang).get("/m/").text)
    client = pages.app.test_client()
    for url in found:
        plain, packed = client.get(url), client.get(url, headers={"Accept-Encoding": "gzip"})
        assert "immutable" in plain.headers["Cache-Control"]
        assert "Set-Cookie" not in plain.headers
        assert len(packed.data) < len(plain.data)
    stale = found[0].replace(found[0].split("/")[2], "0" * 16)
    for url in (stale, "/assets/../../config.example.toml", f"{found[0]}/../package.json"):
        assert client.get(url).status_code == 404


def test_a_file_that_is_missing_is_said_at_the_start_with_what_to_do(monkeypatch):
    monkeypatch.setattr(assets, "FILES", {**assets.FILES, "weui.css": Path("nowhere/weui.css")})
    with pytest.raises(ConfigError, match=r"nowhere/weui.css: not there.*make setup.*npm ci --omit=dev"):
        assets.load()


def test_a_database_that_is_away_is_one_kind_sentence(pages, cast, engine):
    me = pages.inside(cast.xiaofang)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("ALTER TABLE orders RENAME TO away"))
    said = me.get("/m/orders")
    assert said.status_code >= 500
    assert "orders" not in said.text.replace("/m/orders", "")
    assert "0578-5550101" in said.text


@on_sqlite
@pytest.mark.parametrize(("times", "status"), [(2, 303), (3, 503)])
def test_a_transaction_that_gave_way_runs_again_twice_at_most(pages, cast, open_session, monkeypatch, times, status):
    class Deadlock(Exception):
        sqlstate = "40P01"

    left = iter([True] * times)
    real = room.place

    def gives_way(session, *args, **more):
        order = real(session, *args, **more)
        if next(left, False):
            raise OperationalError("x", {}, Deadlock())
        return order

    monkeypatch.setattr(room, "place", gives_way)
    me = pages.inside(cast.xiaofang)
    assert me.client.post(f"{form_of(cast)}/order", data=checked(me, cast)).status_code == status
    assert count(open_session, Order) == (1 if status == 303 else 0)


@on_sqlite
def test_a_mistake_of_ours_is_logged_and_nothing_of_it_stays(pages, cast, open_session, monkeypatch, caplog):
    def fails(*_, **__):
        raise RuntimeError("boom")

    monkeypatch.setattr("handlers.ordering.pages.spoken", fails)
    me = pages.inside(cast.xiaofang)
    me.client.post(f"{form_of(cast)}/order", data=checked(me, cast))
    said = me.get("/m/orders/1")
    assert said.status_code == 500
    assert "boom" not in said.text
    assert "抱歉" in said.text
    assert "a page failed" in caplog.text


@on_sqlite
def test_a_body_that_is_too_large_is_refused(pages, cast):
    assert pages.inside(cast.xiaofang).post(form_of(cast), note="长" * 40_000).status_code in (400, 413)


def test_no_template_holds_a_sentence_of_its_own():
    """All that people read stands in words.py."""
    root = Path(assets.__file__).parents[2]
    guilty = [
        str(path.relative_to(root))
        for path in (*root.glob("wx_backend/web/*.html"), *root.glob("handlers/*/templates/*/pages/*.html"))
        if not path.name.startswith("console") and re.search(r"[\u4e00-\u9fff]", path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


@on_sqlite
def test_every_refusal_a_page_can_meet_has_a_sentence_that_speaks_of_pages(pages):
    frame = pages.app.extensions["pages"]
    for code in ("not_yours", "no_link", "not_active", "not_offered", "no_contact", "stale_form", "wrong_state"):
        said = frame.said(Refused(code))
        assert "回复" not in said, code
        assert said != frame.said(Refused("nothing of the kind")), code
