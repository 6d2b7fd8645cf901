"""The rooms of the staff desk: what is shown of people, what is written down, and what an old page gets."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from handlers import masking
from handlers.messages.seen import ABOUT, SEEN_BY_NOBODY
from handlers.messages.words import MEANINGS, REFUSALS, STATES
from models.audit import AuditEntry
from models.audit import verify as read_book
from models.family.booking import book
from models.family.ending import cancel
from models.history import history_of
from models.messages.breakers import trip
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept
from models.ordering.news import facts_for
from models.ordering.placing import place
from models.people.persons import Person
from models.places.centres import Closure, ServiceCentre
from models.register import LIVES
from models.tasks import linking, taking
from models.tasks.desk import finish, open_task
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.letters import posted
from tests.world import NOW
from wx_backend.app import create_app

HOUR = timedelta(hours=1)
PHONE = "13812345678"


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        give_account(session, cast.chen.id, "chen")
        session.get_one(Person, cast.wangnainai.id).phone = PHONE
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def clerk(app):
    made = Clerk(app)
    made.signs_in("li")
    return made


def ordered(session, cast, key="k", note="", at=NOW + 5 * HOUR, listing=None, who=None):
    return place(session, who or cast.who(cast.xiaofang), listing_id=(listing or cast.haircut).id, answers={},
                 beneficiary_id=cast.wangnainai.id, preferred_at=at, note=note, client_key=key, now=NOW)  # fmt: skip


def given(open_session, work):
    with open_session() as session, session.begin():
        return work(session).id


def a_task(open_session, cast, kind="order_new", **more):
    facts = {"beneficiary": "王秀英", "service": "上门理发", "number": "40213975", "preferred_at": NOW.isoformat()}
    return given(open_session, lambda session: open_task(
        session, key=f"t/{kind}", kind=kind, area_id=cast.village.id, subject="order:1", facts=facts, now=NOW,
        due_at=NOW + HOUR, person_id=cast.wangnainai.id, **more,
    ))  # fmt: skip


def lines(open_session):
    with open_session() as session:
        return [
            (line.verb, line.subject, line.detail, line.person_id)
            for line in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))
        ]


# What is shown of people.


def test_a_name_and_a_phone_are_shown_in_part():
    assert [masking.name(text) for text in ("王秀英", "李", "")] == ["王*", "李*", ""]
    assert [masking.phone(text) for text in (PHONE, "0578-5550101", "5550101", "")] == [
        "138****5678", "057****0101", "****01", ""]  # fmt: skip
    deep = {"guests": ["周文静"], "letter_facts": {"relative": "王晓芳", "calls": [{"note": "她摔了"}]}}
    assert masking.said("王晓芳和周文静：她摔了", deep) == "王*和周*：…"
    said = masking.said(f"王秀英和王秀英的女儿小芳，打{PHONE}，说：腿疼", {"cared": "王秀英", "reason": "腿疼"}, "小芳")
    assert said == "王*和王*的女儿小*，打138****，说：…"


def test_what_is_personal_is_masked_until_somebody_says_why_and_that_is_written_down(clerk, cast, open_session):
    with open_session() as session, session.begin():
        order = ordered(session, cast, note=f"打{PHONE}找小芳")
        letter = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted", subject=order.subject,
                      facts={"beneficiary": "王秀英"}, now=NOW)  # fmt: skip
        letter.state, letter.said = "delivered", "王秀英的“上门理发”已接单。"
        things = {"order": order.id, "letter": letter.id, "person": cast.wangnainai.id}
    things["task"] = a_task(open_session, cast)
    for kind, key in things.items():
        room = "residents" if kind == "person" else f"{kind}s"
        path, before = f"/console/{room}/{key}", lines(open_session)

        clerk.opens(path)
        assert not re.search("王秀英|小芳|" + PHONE, clerk.text()), kind
        assert "王*" in clerk.text()
        assert lines(open_session) == before  # a look is no deed

        for form in ({}, {"reason": "because"}):
            clerk.opens(path)
            assert clerk.posts(f"{path}/reveal", **form).status_code == 422
            assert "请先选一个原因" in clerk.text()
        clerk.opens(path)
        answer = clerk.posts(f"{path}/reveal", reason="visit")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert "王秀英" in clerk.text()
        refused = ("refused", f"{room}.reveal:{key}", {"status": 422}, cast.li.id)
        shown = ("reveal", f"{kind}:{key}", {"reason": "visit"}, cast.li.id)
        assert lines(open_session)[len(before) :] == [refused, refused, shown]


def test_a_typed_phone_is_masked_and_the_way_to_a_person_is_shown_for_a_reason(clerk, cast, open_session):
    key = given(open_session, lambda session: ordered(session, cast, note=f"打{PHONE}"))
    clerk.opens(f"/console/orders/{key}")
    assert "打138****" in clerk.text()
    clerk.opens(f"/console/residents/{cast.wangnainai.id}")
    assert "138****5678" in clerk.text()
    assert "上门 · 李*" in clerk.text()
    clerk.posts(f"/console/residents/{cast.wangnainai.id}/reveal", reason="call")
    assert f'href="tel:{PHONE}"' in clerk.page
    assert "上门 · 李站长" in clerk.text()
    assert "女儿" in clerk.text()


def test_nothing_personal_stands_in_an_address_or_in_the_book(clerk, cast, open_session, caplog):
    clerk.opens("/console/residents/")
    for whom in ("王秀英", PHONE, f" {PHONE[:3]}-{PHONE[3:7]}-{PHONE[7:]} "):
        clerk.posts("/console/residents/search", whom=whom)
        assert "王*" in clerk.text()
        assert "共 1 条" in clerk.text()
        assert not re.search(rf'(href|action)="[^"]*({PHONE}|王|%E7)', clerk.page)
    for part in (PHONE[:8], "周大山", "%"):
        clerk.posts("/console/residents/search", whom=part)
        assert "没有找到" in clerk.text()
    book_of_desk = repr(lines(open_session))
    assert "王秀英" not in book_of_desk
    assert PHONE not in book_of_desk
    assert PHONE not in caplog.text


# What is done.


def test_a_task_is_taken_on_handed_over_and_done_and_each_is_in_history_and_book(clerk, app, cast, open_session):
    task = a_task(open_session, cast)
    clerk.opens("/console/tasks/")
    assert "上门理发 4021 3975" in clerk.text()
    clerk.opens(f"/console/tasks/{task}")
    clerk.posts(f"/console/tasks/{task}/acknowledge", seen=clerk.seen())
    clerk.opens(f"/console/tasks/{task}?done=took")
    assert "这件由您办" in clerk.text()
    assert "已接手" in clerk.text()
    clerk.posts(f"/console/tasks/{task}/hand-over", seen=clerk.seen(), to=cast.chen.id)
    other = Clerk(app)
    other.signs_in("chen")
    other.opens("/console/tasks/")
    assert "陈干事" in other.text()
    other.opens(f"/console/tasks/{task}")
    other.posts(f"/console/tasks/{task}/done", seen=other.seen())
    with open_session() as session:
        assert session.get_one(Task, task).state == "done"
        told = session.scalars(select(Letter).where(Letter.key.like(f"task:{task}/handed/%"))).one()
        assert (told.person_id, told.kind) == (cast.chen.id, "tasks.assigned")
        assert read_book(session).faults == ()
    verbs = [(verb, subject) for verb, subject, _, _ in lines(open_session) if verb.startswith("task")]
    assert verbs == [(f"task_{verb}", f"task:{task}") for verb in ("acknowledge", "hand_over", "done")]
    clerk.opens(f"/console/tasks/{task}")
    for line in ("李站长 接手", "李站长 转交", "陈干事 办好"):
        assert line in clerk.text()


def test_nobody_hands_a_task_to_somebody_who_may_not_do_it(clerk, cast, open_session):
    task = a_task(open_session, cast)
    clerk.opens(f"/console/tasks/{task}")
    assert "赵站长" not in clerk.text()
    seen = clerk.seen()
    for to in (cast.zhao.id, cast.laoxu.id, "", "x"):
        clerk.opens(f"/console/tasks/{task}")
        assert clerk.posts(f"/console/tasks/{task}/hand-over", seen=seen, to=to).status_code == 422
    with open_session() as session:
        assert session.get_one(Task, task).assignee_id is None


@pytest.mark.case("C14")
def test_who_decides_on_an_old_page_is_told_what_has_changed_and_changes_nothing(clerk, app, cast, open_session):
    task = a_task(open_session, cast)
    clerk.opens(f"/console/tasks/{task}")
    seen = clerk.seen()
    with open_session() as session, session.begin():
        finish(session, cast.who(cast.chen), task, NOW - HOUR)
    for deed in ("acknowledge", "done", "hand-over"):
        clerk.opens("/console/")
        answer = clerk.posts(f"/console/tasks/{task}/{deed}", seen=seen, to=cast.chen.id)
        assert answer.status_code == 409
        assert "陈干事今天09:00办好" in clerk.text()
        assert f'href="/console/tasks/{task}"' in clerk.page
    assert [verb for verb, *_ in lines(open_session)][-1] == "refused"
    with open_session() as session:
        assert session.get_one(Task, task).done_by_id == cast.chen.id


@pytest.mark.case("C14")
def test_a_change_of_hands_alone_makes_a_page_old(clerk, app, cast, open_session):
    task = a_task(open_session, cast)
    clerk.opens(f"/console/tasks/{task}")
    seen = clerk.seen()
    other = Clerk(app)
    other.signs_in("chen")
    other.opens(f"/console/tasks/{task}")
    other.posts(f"/console/tasks/{task}/hand-over", seen=other.seen(), to=cast.chen.id)
    clerk.opens(f"/console/tasks/{task}")
    assert clerk.posts(f"/console/tasks/{task}/done", seen=seen).status_code == 409
    assert "陈干事今天10:00转交" in clerk.text()
    for nonsense in ("", "open:x", "done:1:2", "open:" + "9" * 5000):
        clerk.opens(f"/console/tasks/{task}")
        assert clerk.posts(f"/console/tasks/{task}/done", seen=nonsense).status_code == 409


def test_a_family_link_is_answered_and_not_just_done(clerk, cast, open_session):
    with open_session() as session, session.begin():
        code = linking.invite(session, cast.who(cast.li), cast.wangnainai.id, NOW).code
        linking.ask(session, cast.who(cast.aming), code, "其他亲属", NOW)
        task = session.scalars(select(Task).where(Task.kind == "confirm_link")).one().id
    clerk.opens(f"/console/tasks/{task}")
    assert clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen()).status_code == 422
    assert "先答复" in clerk.text()
    clerk.opens(f"/console/tasks/{task}")
    answer = clerk.posts(f"/console/tasks/{task}/answer", seen=clerk.seen(), answer="confirm")
    assert answer.status_code == 303
    clerk.opens(f"/console/residents/{cast.wangnainai.id}")
    assert clerk.text().count("已确认") == 2


def test_a_letter_is_said_once_more_with_a_reason_and_not_when_it_is_not_true_any_more(clerk, cast, open_session):
    with open_session() as session, session.begin():
        order = ordered(session, cast)
        letter = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted", subject=order.subject,
                      facts={"beneficiary": "王秀英"}, now=NOW)  # fmt: skip
        letter.state = "dead"
        key = letter.id
    clerk.opens(f"/console/letters/{key}")
    assert clerk.posts(f"/console/letters/{key}/again", why=" ").status_code == 422
    clerk.opens(f"/console/letters/{key}")
    done = clerk.posts(f"/console/letters/{key}/again", why="换了手机")
    clerk.opens(done.location)
    assert "已重新排队" in clerk.text()
    clerk.opens(f"/console/letters/{key}")
    assert clerk.posts(f"/console/letters/{key}/again", why="再来").status_code == 409
    assert "还在发送途中" in clerk.text()
    new = int(re.search(r"letters/(\d+)", done.location)[1])
    assert ("letter_resend", f"letter:{key}", {"new": new}, cast.li.id) in lines(open_session)


# What is seen.


@pytest.mark.case("L1")
def test_what_a_letter_is_about_decides_who_may_see_it_and_not_where_its_reader_lives(clerk, app, cast, open_session):
    """小芳 is registered in 李站长's village; what she does for an elder of another village is not his business."""
    with open_session() as session, session.begin():
        give_account(session, cast.zhao.id, "zhao")
        session.get_one(Person, cast.grandpa.id).phone = "13900000009"
        link = linking.invite(session, cast.who(cast.zhao), cast.grandpa.id, NOW)
        asked = linking.ask(session, cast.who(cast.xiaofang), link.code, "邻居", NOW)
        linking.answer(session, cast.who(cast.zhao), asked.id, "confirm", NOW)
        far = session.scalars(select(Letter).where(Letter.kind == "people.link_confirmed")).one()
        near = session.scalars(select(Letter).where(Letter.subject == ordered(session, cast).subject)).first()
        call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=NOW + 30 * HOUR,
                    client_key="c", now=NOW)  # fmt: skip
        reminder = session.scalars(select(Letter).where(Letter.subject == call.subject)).first()
        reply = posted(session, key="r", person_id=cast.aming.id, kind="messages.reply", subject="identity:1",
                     facts={"text": "x"}, now=NOW)  # fmt: skip
        unknown = posted(session, key="u", person_id=cast.aming.id, kind="family.booked", subject="unheard-of:1",
                       facts={}, now=NOW)  # fmt: skip
        ids = {"far": far.id, "reminder": reminder.id, "reply": reply.id, "unknown": unknown.id}
        if near is not None:
            ids["near"] = near.id
    other = Clerk(app)
    other.signs_in("zhao")
    seen = {
        name: (clerk.opens(f"/console/letters/{key}").status_code, other.opens(f"/console/letters/{key}").status_code)
        for name, key in ids.items()
    }
    assert seen.pop("far") == (404, 200)
    assert seen.pop("reminder") == (200, 404)
    assert seen.pop("reply") == seen.pop("unknown") == (404, 404)
    assert seen.pop("near", (200, 404)) == (200, 404)


@pytest.mark.case("L5")
def test_when_a_centre_comes_under_another_village_so_does_who_sees_it(clerk, app, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.zhao.id, "zhao")
    other = Clerk(app)
    other.signs_in("zhao")

    def seen():
        clerk.opens("/console/centres/")
        other.opens("/console/centres/")
        return "葛山村党群服务中心" in clerk.text(), "葛山村党群服务中心" in other.text()

    assert seen() == (True, False)
    with open_session() as session, session.begin():
        session.get_one(ServiceCentre, cast.centre.id).area_id = cast.other_village.id
    assert seen() == (False, True)


@pytest.mark.case("L1")
def test_every_thing_that_letters_may_speak_of_says_who_may_see_them():
    """A new life stands here before anybody sees a letter about it: until then nobody does."""
    assert {life.name for life in LIVES} == {*ABOUT, *SEEN_BY_NOBODY}


def test_a_crafted_form_does_not_say_a_code_that_opens_a_link_once_more(clerk, cast, open_session):
    with open_session() as session, session.begin():
        linking.invite(session, cast.who(cast.li), cast.wangnainai.id, NOW)
        letter = session.scalars(select(Letter).where(Letter.kind == "people.invitation_qr")).one()
        letter.state, key = "dead", letter.id
    clerk.opens(f"/console/letters/{key}")
    assert "作为新通知重发" not in clerk.text()
    assert clerk.posts(f"/console/letters/{key}/again", why="没收到").status_code == 409
    assert "不能重发" in clerk.text()
    with open_session() as session:
        assert session.scalars(select(Letter.id).where(Letter.key.startswith("again:"))).all() == []


def test_two_who_press_the_same_button_say_it_once(clerk, cast, open_session):
    with open_session() as session, session.begin():
        call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=NOW + 30 * HOUR,
                    client_key="c", now=NOW)  # fmt: skip
        letter = session.scalars(select(Letter).where(Letter.subject == call.subject)).first()
        letter.state, key = "dead", letter.id
    clerk.opens(f"/console/letters/{key}")
    seen = clerk.seen()
    assert clerk.posts(f"/console/letters/{key}/again", why="没收到", seen=seen).status_code == 303
    again = select(Letter).where(Letter.key.startswith(f"again:{key}/"))
    with open_session() as session, session.begin():
        session.scalars(again).one().state = "sent"  # WeChat has taken it meanwhile
    for stale in (seen, "5"):
        clerk.opens(f"/console/letters/{key}")
        assert clerk.posts(f"/console/letters/{key}/again", why="没收到", seen=stale).status_code == 409
        assert "已经有人重发过" in clerk.text()
    with open_session() as session:
        assert len(session.scalars(again).all()) == 1
    clerk.opens(f"/console/letters/{key}")
    assert clerk.posts(f"/console/letters/{key}/again", why="还是没收到", seen=clerk.seen()).status_code == 303


def test_who_says_it_again_from_the_copy_is_seen_by_who_does_so_from_the_first_one(clerk, cast, open_session):
    with open_session() as session, session.begin():
        call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=NOW + 30 * HOUR,
                    client_key="c", now=NOW)  # fmt: skip
        letter = session.scalars(select(Letter).where(Letter.subject == call.subject)).first()
        letter.state, key = "dead", letter.id
    again = select(Letter).where(Letter.key.startswith("again:")).order_by(Letter.id)
    clerk.opens(f"/console/letters/{key}")
    clerk.posts(f"/console/letters/{key}/again", why="没收到", seen=clerk.seen())
    with open_session() as session, session.begin():
        copy = session.scalars(again).one()
        copy.state, of_it = "dead", copy.id
    clerk.opens(f"/console/letters/{key}")
    old = clerk.seen()
    clerk.opens(f"/console/letters/{of_it}")
    assert clerk.posts(f"/console/letters/{of_it}/again", why="还没收到", seen=clerk.seen()).status_code == 303
    with open_session() as session, session.begin():
        session.scalars(again).all()[-1].state = "sent"
    clerk.opens(f"/console/letters/{key}")
    assert clerk.posts(f"/console/letters/{key}/again", why="没收到", seen=old).status_code == 409
    assert "已经有人重发过" in clerk.text()
    with open_session() as session:
        assert len(session.scalars(again).all()) == 2


def test_a_letter_whose_matter_has_ended_says_so_in_place_of_a_button_that_only_refuses(clerk, cast, open_session):
    with open_session() as session, session.begin():
        call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=NOW + 30 * HOUR,
                    client_key="c", now=NOW)  # fmt: skip
        letter = session.scalars(select(Letter).where(Letter.subject == call.subject)).first()
        letter.state, key, number = "dead", letter.id, call.id
    clerk.opens(f"/console/letters/{key}")
    assert "作为新通知重发" in clerk.text()
    with open_session() as session, session.begin():
        cancel(session, cast.who(cast.xiaofang), number, reason="", now=NOW + HOUR)
    clerk.opens(f"/console/letters/{key}")
    assert "作为新通知重发" not in clerk.text()
    assert REFUSALS["not_true_now"] in clerk.text()


def test_work_that_gave_way_to_another_runs_again_and_is_written_down_once(clerk, cast, open_session, monkeypatch):
    class GaveWay(Exception):
        sqlstate = "40P01"

    task, real, tries = a_task(open_session, cast), taking.done, []

    def done(session, *asked):
        tries.append(real(session, *asked))
        if len(tries) < 3:
            raise OperationalError("UPDATE", {}, GaveWay())

    monkeypatch.setattr(taking, "done", done)
    clerk.opens(f"/console/tasks/{task}")
    assert clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen()).status_code == 303
    assert len(tries) == 3
    assert [verb for verb, *_ in lines(open_session)].count("task_done") == 1
    with open_session() as session:
        assert [line.verb for line in history_of(session, f"task:{task}")] == ["begin", "finish"]
    tries.clear()
    monkeypatch.setattr(taking, "done", lambda *_: _gives_way(GaveWay))
    clerk.opens(f"/console/tasks/{a_task(open_session, cast, 'order_unanswered')}")
    answer = clerk.posts("/console/tasks/2/done", seen=clerk.seen())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def _gives_way(cause):
    raise OperationalError("UPDATE", {}, cause())


def test_orders_are_found_by_state_centre_category_lateness_and_number(clerk, cast, open_session):
    with open_session() as session, session.begin():
        first = ordered(session, cast, "a", at=NOW + HOUR)
        second = ordered(session, cast, "b")
        offer = session.scalars(select(Assignment).where(Assignment.order_id == second.id)).one()
        accept(session, cast.who(cast.laoxu), offer.id, NOW)
        first.preferred_at = NOW - HOUR
        ids, number = (first.id, second.id), second.number

    def found(**query):
        clerk.opens("/console/orders/", **query)
        return set(map(int, re.findall(r'href="/console/orders/(\d+)"', clerk.page)))

    one, two = ids
    assert found() == {one, two}
    assert found(state="accepted") == {two}
    assert found(centre=cast.centre.id) == {one, two}
    assert found(centre=cast.other_centre.id) == set()
    assert found(category="meal") == set()
    assert found(category="cleaning") == {one, two}
    assert found(late="1") == {one}
    assert found(number=f"{number[:4]} {number[4:]}") == {two}
    assert found(state="x", centre="x", category="x", late="x", at="x") == {one, two}
    assert found(number="12345678") == set()
    assert "好像输错了一位" in clerk.text()
    clerk.opens(f"/console/orders/{two}")
    for told in ("老徐好帮手", "已接单", "点单", "接单", "请接单", "0578-5550201"):
        assert told in clerk.text()


@pytest.mark.parametrize(("state", "still"), [("dead", False), ("needs_check", True)])
def test_by_which_means_a_clerk_told_somebody_is_asked_and_read_with_who_and_when(
    clerk, cast, open_session, state, still
):
    with open_session() as session, session.begin():
        letter = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted",
                        facts=facts_for(session, ordered(session, cast)) | {"organisation": "老徐好帮手"},
                        subject="order:1", now=NOW - HOUR)  # fmt: skip
        letter.state = state
        task, key = hand_over(session, letter, NOW - HOUR).id, letter.id
    clerk.opens(f"/console/tasks/{task}")
    assert ("已经办好" in clerk.text()) is still  # it may have arrived all the same
    assert clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen(), means="pigeon").status_code == 409
    clerk.opens(f"/console/tasks/{task}")
    assert clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen(), means="phone").status_code == 303
    for page in (f"/console/tasks/{task}", f"/console/letters/{key}"):
        clerk.opens(page)
        assert "电话说了" in clerk.text()
    assert ("task_done", f"task:{task}", {"means": "phone"}, cast.li.id) in lines(open_session)


def test_what_somebody_had_received_after_all_is_not_said_to_have_been_told_them(clerk, cast, open_session):
    with open_session() as session, session.begin():
        letter = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted", now=NOW - HOUR,
                        facts=facts_for(session, ordered(session, cast)) | {"organisation": "老徐好帮手"},
                        subject="order:1")  # fmt: skip
        letter.state = "needs_check"
        task, key = hand_over(session, letter, NOW - HOUR).id, letter.id
    clerk.opens(f"/console/tasks/{task}")
    clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen())
    clerk.opens(f"/console/letters/{key}")
    assert f"{STATES['told_in_person']} {MEANINGS['told_in_person']}" in clerk.text()
    assert "李站长 已核实，本人知道了" in clerk.text()
    assert "已当面或电话告知" not in clerk.text()


def test_the_first_page_says_what_is_due_and_whether_wechat_is_in_order(clerk, cast, open_session):
    with open_session() as session, session.begin():
        letter = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted", facts={},
                      subject=ordered(session, cast).subject, now=NOW - HOUR)  # fmt: skip
        trip(session, app_id="x", channel="template", kind="*", code="40164", why="ip", now=NOW)
        late = posted(session, key="d", person_id=cast.xiaofang.id, kind="ordering.accepted", facts={},
                    subject=letter.subject, now=NOW)  # fmt: skip
        late.state = "dead"
        hand_over(session, late, NOW - 5 * HOUR).due_at = NOW - HOUR
    clerk.opens("/console/")
    for told in ("1 件已过期", "请电话或上门告知", "1 项消息暂时发不出去", "2 封通知到时间还没发出"):
        assert told in clerk.text()


def test_centres_are_shown_with_their_week_and_the_days_on_which_they_are_shut(clerk, cast, open_session):
    with open_session() as session, session.begin():
        day = NOW.date()
        for centre, reason in ((None, "台风"), (cast.centre.id, "装修"), (cast.other_centre.id, "别处")):
            session.add(Closure(centre_id=centre, first_day=day, last_day=day + timedelta(days=1), reason=reason))
        session.add(Closure(centre_id=None, first_day=day - 9 * timedelta(days=1), last_day=day - timedelta(days=1),
                            reason="过去的"))  # fmt: skip
    clerk.opens("/console/centres/")
    for told in ("周一至周日 08:30–17:00", "节假日休息", "台风（全部中心）", "11月24日（周二）至11月25日（周三） 装修"):
        assert told in clerk.text()
    for untold in ("别处", "过去的", "桂远"):
        assert untold not in clerk.text()


def test_whatever_is_typed_into_an_address_or_a_form_is_answered_politely(clerk):
    huge = 10**20
    for path in (
        f"tasks/{huge}",
        f"orders/{huge}",
        f"letters/{huge}",
        f"residents/{huge}",
        "tasks/-1",
        "tasks/x",
        "x/y",
    ):
        assert clerk.opens(f"/console/{path}").status_code == 404, path
    for query in ({"at": "t9" * 40}, {"at": "1.2.3"}, {"centre": huge}, {"kind": "\x00"}, {"number": "\x00"}):
        for room in ("tasks", "orders", "letters", "residents", "centres"):
            assert clerk.opens(f"/console/{room}/", **query).status_code == 200, (room, query)
    for room in ("residents", "letters"):
        clerk.opens(f"/console/{room}/")
        assert clerk.posts(f"/console/{room}/search", whom="王\x00秀英<script>").status_code == 200
        assert "<script>" not in clerk.page
    clerk.opens("/console/residents/")
    assert clerk.posts("/console/residents/search", whom="x" * 70_000).status_code == 413
    clerk.opens("/console/login")
    assert clerk.posts("/console/login", username="li\x00x", password="\x00").status_code == 401


def test_a_mistake_of_ours_is_said_kindly_and_changes_nothing(clerk, cast, open_session, monkeypatch, caplog):
    task = a_task(open_session, cast)
    clerk.opens(f"/console/tasks/{task}")
    monkeypatch.setattr("wx_backend.console.audit.write", lambda *_, **__: 1 / 0)
    assert clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen()).status_code == 500
    assert "系统出了点小问题" in clerk.text()
    with open_session() as session:
        assert session.get_one(Task, task).state == "open"
    assert "ZeroDivisionError" in caplog.text
