"""One message is one transaction: done once, kept with its answer, or not at all."""

import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from handlers import words
from handlers.room import Choice, Reply
from models.errors import Refused
from models.messages.conversation import Overtaken
from models.messages.inbox import Dialogue, Inbox
from models.messages.letters import Letter
from models.people.identities import Identity
from models.people.persons import Person
from tests.gate import Wire, close_app, config_for, count
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.database import WEB_PATIENCE_MS

pytestmark = pytest.mark.both


def room(wire, handler, word="试"):
    """A room of one handler."""
    wire.app.extensions["router"].join("test", {"test": handler}, keywords={word: "test"})


def rename(ask, name="改了一半"):
    ask.session.get_one(Person, ask.who.person_id).name = name
    ask.session.flush()


@pytest.mark.case("B1")
def test_the_same_message_again_hears_the_same_and_does_nothing(wire, open_session):
    fields = wire.text("o-1", "菜单")
    first, second = wire.send(fields), wire.send(fields)
    assert wire.said(first) == wire.said(second) != ""
    assert first.data != second.data  # encrypted anew
    assert count(open_session, Inbox) == 1


def test_a_message_of_the_same_number_in_another_account_is_another(wire, wire_for, open_session):
    mini = wire_for("/wechat/mini/callback")
    fields = wire.text("o-1", "菜单")
    wire.send(fields)
    mini.send(fields)
    assert count(open_session, Inbox) == 2


def test_an_event_without_a_number_is_known_by_its_body(wire, open_session):
    fields = wire.event("o-1", "subscribe", EventKey="")
    assert wire.said(wire.send(fields)) == wire.said(wire.send(fields)) != ""
    wire.send({**fields, "Event": "CLICK", "EventKey": "menu"})
    assert count(open_session, Inbox) == 2


def test_32_copies_at_once_have_one_effect(wire, open_session):
    seen = []

    def once(ask):
        seen.append(ask.who.person_id)
        time.sleep(0.02)
        return Reply(f"第{len(seen)}次")

    room(wire, once)
    fields = wire.text("o-1", "试")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: wire.send(fields), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert {wire.said(answer) for answer in answers} == {"第1次"}
    assert len(seen) == 1
    assert [count(open_session, table) for table in (Inbox, Person, Dialogue)] == [1, 1, 1]


def test_two_first_messages_at_once_make_one_person(wire, open_session):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: wire.send(wire.text("o-1", "菜单")), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert [count(open_session, table) for table in (Inbox, Person, Identity)] == [8, 1, 1]


def test_a_second_attempt_waits_for_the_first_and_does_the_work_when_that_one_dies(wire, open_session):
    inside, go, seen = threading.Event(), threading.Event(), []

    class Killed(BaseException):
        """What a process that dies does to its transaction."""

    def slow(ask):
        rename(ask, f"第{len(seen) + 1}次")
        seen.append(1)
        if len(seen) == 1:
            inside.set()
            go.wait(10)
            raise Killed
        return Reply("好")

    room(wire, slow)
    fields = wire.text("o-1", "试")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(wire.send, fields)
        assert inside.wait(10)
        second = pool.submit(wire.send, fields)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        go.set()
        with pytest.raises(Killed):
            first.result(10)
        assert wire.said(second.result(10)) == "好"
    with open_session() as session:
        assert session.scalars(select(Person.name)).all() == ["第2次"]


def test_a_refusal_undoes_what_the_handler_began_and_keeps_the_answer(wire, open_session):
    def halfway(ask):
        rename(ask)
        raise Refused("not_yours")

    room(wire, halfway)
    assert wire.said(wire.send(wire.text("o-1", "试"))).startswith("没有找到这件事")
    with open_session() as session:
        assert session.scalars(select(Person.name)).one() == ""
        assert session.scalars(select(Inbox.reply)).one().startswith("没有找到这件事")


def test_who_follows_by_a_code_that_is_refused_follows_all_the_same(wire, open_session):
    def refusing(ask):
        raise Refused("not_yours")

    room(wire, refusing)
    wire.send(wire.event("o-1", "unsubscribe"))
    wire.send(wire.text("o-1", "菜单"))
    wire.send(wire.event("o-1", "unsubscribe", CreateTime=5))
    said = wire.said(wire.send(wire.event("o-1", "subscribe", EventKey="qrscene_test")))
    assert "欢迎" in said
    assert "没有找到这件事" in said
    with open_session() as session:
        assert session.scalars(select(Identity.following)).one() is True


def test_a_mistake_of_ours_apologises_leaves_nothing_behind_and_logs_nothing_that_was_said(wire, open_session, caplog):
    def broken(ask):
        rename(ask)
        raise ValueError(ask.event["Content"])

    room(wire, broken, "秘密的话")
    fields = wire.text("o-1", "秘密的话")
    wire.send(wire.text("o-1", "菜单"))
    assert wire.said(wire.send(fields)) == wire.said(wire.send(fields)) == words.APOLOGY
    with open_session() as session:
        assert session.scalars(select(Person.name)).one() == ""
    assert f"{wire.account.app_id}:{fields['MsgId']}: a handler failed: ValueError" in caplog.text
    assert caplog.text.count("a handler failed") == 1
    assert "秘密" not in caplog.text


def test_nobody_is_apologised_to_for_an_event_that_no_person_caused(wire):
    def broken(ask):
        raise ZeroDivisionError

    wire.app.extensions["router"].join("test", {}, events={"test_job_finish": broken})
    assert wire.send(wire.event("o-1", "TEST_JOB_FINISH")).text == "success"


def test_an_apology_in_the_mini_program_is_a_letter(wire_for, open_session):
    wire = wire_for("/wechat/mini/callback")

    def broken(ask):
        raise ZeroDivisionError

    room(wire, broken)
    wire.send(wire.text("m-1", "菜单"))
    assert wire.send(wire.text("m-1", "试")).text == "success"
    with open_session() as session:
        assert session.scalars(select(Letter.facts)).all()[-1] == {"text": words.APOLOGY}


class Deadlock(Exception):
    """What PostgreSQL's driver raises when this transaction was chosen to give way."""

    sqlstate = "40P01"


@pytest.mark.parametrize(("times", "status"), [(2, 200), (3, 503)])
def test_a_deadlock_is_tried_again_twice_at_most(wire, open_session, times, status):
    seen = []

    def unlucky(ask):
        rename(ask, "好" * (len(seen) + 1))
        seen.append(1)
        if len(seen) <= times:
            raise OperationalError("UPDATE", {}, Deadlock())
        return Reply("好")

    room(wire, unlucky)
    assert wire.send(wire.text("o-1", "试")).status_code == status
    assert len(seen) == 3
    with open_session() as session:
        assert session.scalars(select(Person.name)).all() == (["好好好"] if status == 200 else [])


def test_a_lock_that_is_held_too_long_is_503_with_retry_after_within_wechats_five_seconds(wire, engine, open_session):
    fields = wire.text("o-1", "菜单")
    with engine.connect() as connection:
        transaction = connection.begin()
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"))
        started = time.monotonic()
        response = wire.send(fields)
        waited = time.monotonic() - started
        transaction.rollback()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert WEB_PATIENCE_MS < 5_000
    assert 3 < waited < 2 * WEB_PATIENCE_MS / 1000  # it was patient once: the rest is what a slow machine takes
    assert count(open_session, Inbox) == 0
    assert "点单服务" in wire.said(wire.send(fields))


def test_a_database_that_is_away_makes_wechat_ask_again(caplog):
    config = config_for("postgresql+psycopg://postgres@127.0.0.1:9/away")
    wire = Wire(create_app(config, now=lambda: NOW), config.wechat.official_account)
    response = wire.send(wire.text("o-1", "秘密的话"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "秘密" not in caplog.text
    close_app(wire.app)


def test_tables_that_are_gone_are_503_and_never_500(wire, engine):
    with engine.connect() as connection, connection.begin():
        connection.execute(text("ALTER TABLE inbox RENAME TO away"))
    assert wire.send(wire.text("o-1", "菜单")).status_code == 503


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_was_restarted_is_met_again_at_once(wire, engine):
    wire.send(wire.text("o-1", "菜单"))
    with engine.connect() as connection:
        connection.execute(text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ))  # fmt: skip
    fields = wire.text("o-1", "菜单")
    statuses = [wire.send(fields).status_code for _ in range(2)]
    assert statuses in ([503, 200], [200, 200])


def test_a_late_answer_also_goes_as_a_letter(wire, open_session, monkeypatch):
    wire.send(wire.text("o-1", "菜单"))
    assert count(open_session, Letter) == 0
    monkeypatch.setattr("wx_backend.callback.LATE_SECONDS", -1.0)
    said = wire.said(wire.send(wire.text("o-1", "菜单")))
    with open_session() as session:
        letter = session.scalars(select(Letter)).one()
    assert (letter.kind, letter.channel, letter.facts) == ("messages.reply", "customer_service", {"text": said})
    assert (letter.app_id, letter.due_at) == (wire.account.app_id, NOW)


def test_a_dialogue_survives_a_restart(wire, wire_for):
    wire.send(wire.text("o-1", "改名"))
    again = wire_for()
    assert "阿芳" in again.said(again.send({**again.text("o-1", "阿芳"), "MsgId": 77}))


def test_a_dialogue_of_one_person_is_nobody_elses(wire):
    room(wire, lambda ask: Reply("选", (Choice("甲", "menu"),), draft={"x": 1}))
    wire.send(wire.text("o-1", "试"))
    assert words.MENU_TEXT in wire.said(wire.send(wire.text("o-1", "甲")))
    wire.send(wire.text("o-1", "试"))
    assert words.NOT_UNDERSTOOD in wire.said(wire.send(wire.text("o-2", "甲")))


def test_what_was_said_is_in_no_log(wire, caplog):
    with caplog.at_level(logging.DEBUG, logger="wx_backend"):
        wire.send(wire.text("o-1", "我的电话13800001234"))
        wire.post(*wire.sealed("<xml>13800001234"))
    assert "13800001234" not in caplog.text


def form(wire, meet=lambda: None):
    """A form of two questions, each of which keeps its answer in the draft."""

    def first(ask):
        meet()
        return Reply("第二问", ask_for="form/2", draft={"first": ask.text})

    def second(ask):
        return Reply("填好了", draft={**ask.draft, "second": ask.text})

    wire.app.extensions["router"].join(
        "form",
        {"form": lambda _: Reply("第一问", ask_for="form/1"), "form/1": first, "form/2": second},
        keywords={"填表": "form"},
    )


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_messages_at_once_the_second_answers_the_new_question_and_nothing_is_lost(wire_for, open_session):
    moments = (NOW + timedelta(milliseconds=n) for n in itertools.count())
    wire = wire_for(now=lambda: next(moments))
    both, met = threading.Barrier(2), []

    def meet():
        met.append(1)
        if len(met) <= 2:
            both.wait(10)  # each has read the same first question

    form(wire, meet)
    wire.send(wire.text("o-1", "填表"))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda said: wire.said(wire.send(wire.text("o-1", said))), ["甲", "乙"]))
    assert sorted(answer.splitlines()[0] for answer in answers) == ["填好了", "第二问"]
    with open_session() as session:
        draft = session.scalars(select(Dialogue.draft)).one()
    assert sorted(draft.values()) == ["乙", "甲"]
    assert answers[["甲", "乙"].index(draft["first"])].startswith("第二问")


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_eight_messages_of_one_person_at_once_are_all_answered_one_after_the_other(wire_for, open_session):
    moments = (NOW + timedelta(milliseconds=n) for n in itertools.count())
    wire = wire_for(now=lambda: next(moments))
    room(wire, lambda ask: Reply("还有吗", ask_for="test", draft={"said": [*ask.draft.get("said", []), ask.text]}))
    wire.send(wire.text("o-1", "试"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: wire.send(wire.text("o-1", f"第{n}句")).status_code, range(8)))
    assert answers == [200] * 8
    with open_session() as session:
        assert len(session.scalars(select(Dialogue.draft)).one()["said"]) == 9


def test_who_is_overtaken_again_and_again_is_told_to_come_back(wire, open_session, monkeypatch):
    def overtaken(*_, identity_id, **__):
        raise Overtaken(identity_id)

    wire.send(wire.text("o-1", "菜单"))
    room(wire, lambda ask: rename(ask) or Reply("好"))
    with monkeypatch.context() as patched:
        patched.setattr("wx_backend.callback.close_message", overtaken)
        fields = wire.text("o-1", "试")
        assert wire.send(fields).status_code == 503
    with open_session() as session:
        assert session.scalars(select(Person.name)).one() == ""
    assert wire.said(wire.send(fields)).startswith("好")


def test_who_follows_by_a_code_whose_room_fails_follows_all_the_same(wire, open_session):
    def broken(ask):
        raise ZeroDivisionError

    room(wire, broken)
    wire.send(wire.text("o-1", "菜单"))
    wire.send(wire.event("o-1", "unsubscribe"))
    for openid in ("o-1", "o-new"):
        said = wire.said(wire.send(wire.event(openid, "subscribe", EventKey="qrscene_test")))
        assert "欢迎" in said
        assert words.APOLOGY in said
    with open_session() as session:
        assert session.scalars(select(Identity.following)).all() == [True, True]
    # The numbers of the welcome count.
    assert words.NOT_UNDERSTOOD not in wire.said(wire.send(wire.text("o-1", "1")))


def test_what_an_event_tells_is_heard_once_more_when_its_room_stumbles(wire, open_session):
    heard = []

    def stumbling(ask):
        heard.append(1)
        if len(heard) == 1:
            raise ZeroDivisionError
        rename(ask, "听到了")

    wire.app.extensions["router"].join("test", {}, events={"test_job_finish": stumbling})
    event = wire.event("o-1", "TEST_JOB_FINISH")
    assert [wire.send(event).text, wire.send(event).text] == ["success", "success"]
    assert len(heard) == 2
    with open_session() as session:
        assert session.scalars(select(Person.name)).one() == "听到了"
