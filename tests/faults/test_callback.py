"""The same message many times over, out of order, late, forged, in parallel: exactly one effect for each."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from handlers.room import Reply
from models.messages.inbox import Inbox
from models.messages.letters import Letter
from models.messages.outbox import post
from tests.faults.ground import FIGURES
from tests.faults.servers import LONG, sized
from tests.gate import Wire, close_app, config_for, count
from tests.world import NOW
from wx_backend.app import create_app


@pytest.fixture
def wire(database_url, engine) -> Iterator[Wire]:
    """The official account's gate, with a room whose deed is a letter: its own each time it is done."""
    moment = [NOW]
    config = config_for(database_url)
    made = Wire(create_app(config, now=lambda: moment[0]), config.wechat.official_account, now=lambda: moment[0])
    made.moment = moment

    def deed(ask):
        post(
            ask.session, key=uuid4().hex, person_id=ask.who.person_id, kind="people.link_declined",
            subject="deed:1", now=moment[0], facts={"cared": "", "at": moment[0].isoformat()},
        )  # fmt: skip
        return Reply("好")

    made.app.extensions["router"].join("deeds", {"deed": deed}, keywords={"做一件事": "deed"})
    yield made
    close_app(made.app)


def deeds(open_session):
    """How often it was done; what is answered too late on a busy machine is a letter too, and no deed."""
    with open_session() as session:
        done = select(func.count()).select_from(Letter).where(Letter.kind == "people.link_declined")
        return session.scalar(done)


def test_three_times_is_once(wire, open_session):
    fields = wire.text("o-1", "做一件事")
    assert [wire.said(wire.send(fields)) for _ in range(3)] == ["好"] * 3
    assert (deeds(open_session), count(open_session, Inbox)) == (1, 1)


def test_out_of_order_is_once_each(wire, open_session):
    first, second, third = (wire.text("o-1", "做一件事") for _ in range(3))
    for fields in (third, first, second, first, third, second, first):
        assert wire.said(wire.send(fields)) == "好"
    assert deeds(open_session) == 3


def test_a_replay_after_ten_minutes_is_turned_away_and_wechats_own_is_answered_as_before(wire, open_session):
    fields = wire.text("o-1", "做一件事")
    query, body = wire.sealed(fields)
    assert wire.said(wire.post(query, body)) == "好"
    wire.moment[0] += timedelta(minutes=10)
    assert wire.post(query, body).status_code == 403  # a stranger who has recorded it
    assert wire.said(wire.send(fields)) == "好"  # WeChat, signed anew
    assert deeds(open_session) == 1


def test_a_forged_message_has_no_effect(wire, open_session):
    query, body = wire.sealed(wire.text("o-1", "做一件事"))
    other, _ = wire.sealed(wire.text("o-1", "菜单"))
    forged = [
        ({**query, "msg_signature": "0" * 40}, body),
        ({**query, "msg_signature": other["msg_signature"]}, body),
        ({**query, "nonce": "1"}, body),
        ({name: value for name, value in query.items() if name != "msg_signature"}, body),
        (wire.query(), "<xml><FromUserName>o-1</FromUserName><MsgType>text</MsgType><Content>做一件事</Content></xml>"),
    ]
    assert [wire.post(*one).status_code for one in forged] == [403] * len(forged)
    assert (deeds(open_session), count(open_session, Inbox)) == (0, 0)


def test_32_copies_at_once_are_one(wire, open_session):
    fields = wire.text("o-1", "做一件事")
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: wire.send(fields), range(32)))
    assert {(answer.status_code, wire.said(answer)) for answer in answers} == {(200, "好")}
    assert (deeds(open_session), count(open_session, Inbox)) == (1, 1)


@pytest.mark.parametrize("messages", [30, pytest.param(sized(1000), marks=LONG)])
def test_a_storm_of_copies_and_forgeries_has_one_effect_for_each_message(wire, open_session, messages):
    dice = random.Random(7)
    real = [wire.text(f"o-{n % 10}", "做一件事") for n in range(messages)]
    storm = [("real", fields) for fields in real for _ in range(dice.randint(2, 5))]
    storm += [("forged", wire.text(f"o-{n % 10}", "做一件事")) for n in range(messages)]
    dice.shuffle(storm)

    def arrive(one):
        kind, fields = one
        query, body = wire.sealed(fields)
        if kind == "forged":
            query["msg_signature"] = "f" * 40
        for _ in range(3):  # WeChat asks again where it was told that we are busy
            status = wire.post(query, body).status_code
            if status != 503:
                break
        return kind, status

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(arrive, storm))
    done = deeds(open_session)
    dialect = open_session().get_bind().dialect.name
    FIGURES.append(f"callback ({dialect}): messages {messages}, arrivals {len(storm)}, effects {done}")
    assert answers == {("real", 200), ("forged", 403)}
    assert done == messages
    with open_session() as session:
        assert len(session.scalars(select(Inbox.key)).all()) == messages
