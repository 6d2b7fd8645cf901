"""What WeChat refuses until a person acts is told to those who administer the accounts, once, until it has mended."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.messages.allowance import Allowance, Limits
from models.messages.breakers import EVERY, Breaker, trip
from models.messages.letters import Letter
from models.messages.outcomes import Failed, Sent
from models.messages.receipts import record_receipt
from models.people.staff import StaffRole
from models.tasks.alarm import KIND, end_alarms
from models.tasks.desk import finish, tasks_for
from models.tasks.tasks import Task
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import sweep_outbox, sweep_tasks
from tests.cast import APP_ID
from tests.letters import posted
from tests.world import NOW
from wx_backend.wechat.errcodes import failed

HOUR = timedelta(hours=1)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NO_TEMPLATE, NO_RIGHT, NO_ADDRESS, SPENT = (failed(code, "", NOW) for code in (40037, 48001, 40164, 45009))


@pytest.fixture
def cast(at_home):
    return at_home


@pytest.fixture
def mayor(open_session, cast):
    """阿明 answers for the whole county; 赵站长 works there and administers nothing."""
    with open_session() as session, session.begin():
        for person, role in ((cast.aming, "county_admin"), (cast.zhao, "station_cadre")):
            session.add(StaffRole(person_id=person.id, role=role, area_id=cast.county.id, since=NOW))
    return cast.aming


def rounds(open_session, cast, outcome, now=NOW, count=1, kind="people.link_declined", allowance=None):
    """One round of a sender to whom WeChat says this of whatever it is given, beside the letters about tasks."""
    with open_session() as session, session.begin():
        for n in range(count):
            posted(session, key=f"{now}/{n}/{kind}", person_id=cast.xiaofang.id, kind=kind, facts={}, now=now,
                   subject=f"s:{n}", urgency="same_day")  # fmt: skip
    hands = Hands(
        open_session, lambda one: Sent(f"{one.id}{now:%d%H%M%S}", "好") if one.kind != kind else outcome,
        lambda: now, lambda: now, ClockSettings(threads=4, batch=20), allowance=allowance or Allowance(),
    )  # fmt: skip
    deliverer = Deliverer(hands)
    try:
        deliverer.run_once()
    finally:
        deliverer.close()


def alarms(session):
    return list(session.scalars(select(Task).where(Task.kind == KIND).order_by(Task.id)))


def told(session, **more):
    query = select(Letter).where(Letter.kind == "tasks.assigned").order_by(Letter.id)
    return [one for one in session.scalars(query.filter_by(**more)) if one.facts["kind"] == KIND]


def test_a_template_that_is_gone_is_told_once_to_who_administers_and_stands_on_their_list(open_session, cast, mayor):
    rounds(open_session, cast, NO_TEMPLATE, count=6)
    with open_session() as session:
        (task,) = alarms(session)
        assert task.facts | {"phone": ""} == {
            "app_id": APP_ID, "channel": "template", "of_kind": "people.link_declined", "code": "40037", "phone": "",
            "errmsg": NO_TEMPLATE.detail,
        }  # fmt: skip
        # The template of such letters is in order: they begin where every letter does.
        assert [(one.person_id, one.urgency, one.channel) for one in told(session)] == [
            (mayor.id, "same_day", "template")
        ]
        assert tasks_for(session, cast.who(mayor)) == [task]
        assert tasks_for(session, cast.who(cast.li)) == []


@pytest.mark.parametrize(
    "passing",
    [
        failed(45011, "", NOW), failed(40001, "", NOW), Failed("again", "-1"), Failed("again", "unreached"),
        failed(47003, "", NOW), failed(43004, "", NOW),
    ],
    ids=lambda one: one.code,
)  # fmt: skip
def test_what_passes_by_itself_is_no_alarm(open_session, cast, mayor, passing):
    rounds(open_session, cast, passing, count=2)
    with open_session() as session:
        assert alarms(session) == []


def test_a_template_that_fits_no_letter_is_one(open_session, cast, mayor):
    rounds(open_session, cast, failed(47003, "", NOW), count=6)
    with open_session() as session:
        assert [task.facts["code"] for task in alarms(session)] == ["47003"]


def test_it_is_not_doubled_while_it_opens_again_and_again(open_session, cast, mayor):
    for n in range(30):
        rounds(open_session, cast, NO_TEMPLATE, now=NOW + n * HOUR)
    with open_session() as session:
        assert session.scalars(select(Breaker.times)).one() > 5
        assert len(alarms(session)) == len(told(session)) == 1


def test_where_it_mends_and_opens_by_turns_it_is_told_once_a_day(open_session, cast, mayor):
    for n in range(12):
        at = NOW + n * HOUR  # ten in the morning until nine at night in China
        rounds(open_session, cast, NO_TEMPLATE, now=at)
        rounds(open_session, cast, Sent(f"77{n}", "好"), now=at + HOUR / 2)
        with open_session() as session, session.begin():
            end_alarms(session, at + HOUR / 2)
    with open_session() as session:
        assert [task.state for task in alarms(session)] == ["cancelled"]
    rounds(open_session, cast, NO_TEMPLATE, now=NOW + DAY)
    with open_session() as session:
        assert [task.state for task in alarms(session)] == ["cancelled", "open"]


def test_called_done_and_still_out_of_order_it_is_told_again(open_session, cast, mayor):
    rounds(open_session, cast, NO_TEMPLATE)
    with open_session() as session, session.begin():
        finish(session, cast.who(mayor), alarms(session)[0].id, NOW)
    rounds(open_session, cast, NO_TEMPLATE, now=NOW + HOUR)
    with open_session() as session:
        assert [task.state for task in alarms(session)] == ["done", "open"]


def test_it_ends_by_itself_when_a_letter_has_gone_and_not_before(open_session, cast, mayor):
    rounds(open_session, cast, NO_TEMPLATE)
    hands = Hands(open_session, lambda _: None, lambda: NOW + HOUR, lambda: NOW + HOUR, ClockSettings())
    sweep_tasks(hands)
    with open_session() as session:
        assert [task.state for task in alarms(session)] == ["open"]  # half open is not mended
    rounds(open_session, cast, Sent("55", "好"), now=NOW + HOUR)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: sweep_tasks(hands), range(2)))
    with open_session() as session:
        assert [task.state for task in alarms(session)] == ["cancelled"]
        assert tasks_for(session, cast.who(mayor)) == []


def test_two_faults_are_two_tasks_and_one_of_them_ends_alone(open_session, cast, mayor):
    rounds(open_session, cast, NO_TEMPLATE)
    rounds(open_session, cast, failed(41030, "", NOW), now=NOW + HOUR - 2 * MINUTE, kind="people.link_lapsed")
    rounds(open_session, cast, Sent("56", "好"), now=NOW + HOUR)
    with open_session() as session, session.begin():
        assert end_alarms(session, NOW + HOUR) == 1
        assert [(task.facts["code"], task.state) for task in alarms(session)] == [
            ("40037", "cancelled"), ("41030", "open"),
        ]  # fmt: skip


@pytest.mark.parametrize("outcome", [NO_RIGHT, NO_ADDRESS], ids=["48001", "40164"])
def test_of_a_whole_channel_it_is_told_another_way_and_is_on_the_list_in_any_case(open_session, cast, mayor, outcome):
    rounds(open_session, cast, outcome)
    with open_session() as session:
        (task,), (letter,) = alarms(session), told(session)
        assert task.facts["of_kind"] == EVERY
        assert letter.channel != "template"
        assert tasks_for(session, cast.who(mayor)) == [task]


def test_the_days_quota_is_told_once_a_day(open_session, cast, mayor):
    for n, after in enumerate((timedelta(), HOUR, 5 * HOUR, DAY - HOUR, DAY, DAY + HOUR)):
        at = NOW + after
        rounds(open_session, cast, failed(45009, "", at), now=at)
        if n == 3:  # it went for a while after midnight
            with open_session() as session, session.begin():
                session.query(Breaker).delete()
                end_alarms(session, at)
    with open_session() as session:
        days = [(task.facts["code"], task.created_at.date() - NOW.date(), task.state) for task in alarms(session)]
    assert days == [("45009", timedelta(), "cancelled"), ("45009", DAY, "open")]


@pytest.mark.case("J18")
def test_a_day_that_our_own_limit_ends_is_told_once_a_day_and_is_over_with_it(open_session, cast, mayor):
    few = Allowance(limits={APP_ID: Limits(per_day=10)})
    for n, at in enumerate((NOW, NOW + MINUTE, NOW + HOUR, NOW + DAY)):
        rounds(open_session, cast, Sent("1", "好"), now=at, count=4, allowance=few)
        with open_session() as session, session.begin():
            end_alarms(session, at)
            states = [(task.facts["code"], task.state) for task in alarms(session)]
        assert states == [[], [], [("own_budget", "open")], [("own_budget", "cancelled")]][n]
    with open_session() as session:
        assert len(told(session)) == 1


def test_a_quota_used_up_during_a_minutes_pause_is_told_too(session, cast):
    def said(code, minutes=0):
        outcome = failed(code, "", NOW)
        return trip(
            session, app_id=APP_ID, channel="template", kind=EVERY, code=outcome.code, why="", needs_person=True,
            now=NOW + timedelta(minutes=minutes), pause=timedelta(seconds=outcome.pause_seconds),
        )[1]  # fmt: skip

    assert [said(code) is not None for code in (45011, 45011, 45009, 45011, 45009)] == [True, False, True, False, False]
    assert session.scalars(select(Breaker.code)).one() == "45009"


def test_two_senders_who_see_it_open_it_once(open_session, cast, mayor):
    together = Barrier(2)

    def work(n):
        together.wait()
        rounds(open_session, cast, NO_TEMPLATE, now=NOW + timedelta(milliseconds=n), count=4)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    with open_session() as session:
        assert len(alarms(session)) == len(told(session)) == 1


def test_where_nobody_administers_it_stands_on_the_countys_list(open_session, cast):
    rounds(open_session, cast, NO_TEMPLATE)
    with open_session() as session, session.begin():
        (task,) = alarms(session)
        assert (task.area_id, told(session)) == (cast.county.id, [])
        session.add(StaffRole(person_id=cast.zhao.id, role="station_cadre", area_id=cast.county.id, since=NOW))
        assert tasks_for(session, cast.who(cast.zhao)) == [task]


# Receipts that do not come.


def sweeps(open_session, cast, at, sent=0):
    """The clock's rounds at a time; before, so many letters were sent that had no receipt for eleven minutes."""
    with open_session() as session, session.begin():
        for n in range(sent):
            letter = posted(session, key=f"{at}/{n}", person_id=cast.xiaofang.id, kind="people.link_declined",
                            facts={}, subject=f"s:{n}", now=at - 11 * MINUTE)  # fmt: skip
            letter.state, letter.app_id, letter.sent_at, letter.msgid = "sent", APP_ID, at - 11 * MINUTE, f"{at:%H}{n}"
    hands = Hands(open_session, lambda _: None, lambda: at, lambda: at, ClockSettings())
    made = sweep_outbox(hands)
    sweep_tasks(hands)
    return made


def states(open_session):
    with open_session() as session:
        return [(task.facts["code"], task.state) for task in alarms(session)]


def receipt(open_session, at):
    with open_session() as session, session.begin():
        record_receipt(session, APP_ID, f"9{at:%H%M}", "success", at)


def test_that_no_receipts_come_is_told_once_to_who_administers_and_to_no_cadre_letter_by_letter(
    open_session, cast, mayor
):  # fmt: skip
    for n in range(3):
        assert sweeps(open_session, cast, NOW + n * HOUR, sent=30) == 0
    with open_session() as session:
        assert {task.kind for task in session.scalars(select(Task))} == {KIND}
        # Letters go, and only their receipts do not come: this one begins where every letter does.
        assert [(one.person_id, one.channel) for one in told(session)] == [(mayor.id, "template")]
    assert states(open_session) == [("no_receipts", "open")]


def test_it_stands_while_nothing_is_heard_and_ends_when_receipts_come_again(open_session, cast, mayor):
    sweeps(open_session, cast, NOW, sent=30)
    sweeps(open_session, cast, NOW + 12 * HOUR)
    assert states(open_session) == [("no_receipts", "open")]
    receipt(open_session, NOW + 13 * HOUR)
    sweeps(open_session, cast, NOW + 13 * HOUR + MINUTE)
    assert states(open_session) == [("no_receipts", "cancelled")]


def test_called_done_it_is_told_again_only_for_a_letter_sent_since(open_session, cast, mayor):
    sweeps(open_session, cast, NOW, sent=30)
    with open_session() as session, session.begin():
        finish(session, cast.who(mayor), alarms(session)[0].id, NOW + MINUTE)
    sweeps(open_session, cast, NOW + 5 * MINUTE, sent=3)
    sweeps(open_session, cast, NOW + DAY)
    assert states(open_session) == [("no_receipts", "done")]
    sweeps(open_session, cast, NOW + DAY + HOUR, sent=1)
    assert states(open_session) == [("no_receipts", "done"), ("no_receipts", "open")]


def test_two_clocks_that_find_no_receipts_open_it_once(open_session, cast, mayor):
    sweeps(open_session, cast, NOW - HOUR, sent=15)  # few: a cadre's
    with open_session() as session, session.begin():
        for n in range(30):
            letter = posted(session, key=f"t{n}", person_id=cast.xiaofang.id, kind="people.link_declined", facts={},
                            subject=f"s:{n}", now=NOW - 11 * MINUTE)  # fmt: skip
            letter.state, letter.app_id, letter.sent_at, letter.msgid = "sent", APP_ID, NOW - 11 * MINUTE, f"t{n}"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: sweeps(open_session, cast, NOW), range(2)))
    assert states(open_session) == [("no_receipts", "open")]
