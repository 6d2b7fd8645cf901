"""Reminder rules at the desk: an administrator edits them, sees first what moves, and the clock carries it out once."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from handlers.messages import rule_words as words
from models.audit import AuditEntry
from models.family.telling import REMINDER as CALLS
from models.messages.ladder import LANES
from models.messages.letters import Letter
from models.messages.reminders import unsent_of
from models.messages.rules import MODES, SHIPPED, ReminderRule, Rule, put_rule, rules_for, rules_standing
from models.ordering.reminding import REMINDER as VISITS
from models.people.staff import StaffRole
from models.reminding import REMINDED
from scheduler.plan import plan_anew
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.messages.test_rules import committed, hands
from tests.models.ordering.test_visiting import named, taken_on
from tests.world import NOW
from wx_backend.app import create_app

HOUR = timedelta(hours=1)
ROOM = "/console/rules/"
SOON = f"{CALLS}/relative/t-1h"
BEFORE = {"deed": "change", "mode": "before", "hours": "2", "minutes": "30", "urgency": "same_day"}


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        session.add(StaffRole(person_id=cast.chen.id, role="county_admin", area_id=cast.county.id, since=NOW))
        give_account(session, cast.chen.id, "chen")
        give_account(session, cast.li.id, "li")
        booked(session, cast)
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def chen(app):
    clerk = Clerk(app)
    clerk.signs_in("chen")
    return clerk


def weighs(clerk, which=SOON, **form):
    """Open the rule and go on to what it would do."""
    assert clerk.opens(f"{ROOM}{which}").status_code == 200
    return clerk.opens(f"{ROOM}weigh/{which}", seen=clerk.seen(), **{**BEFORE, **form})


def hidden(page):
    """What the form of the open page carries along, but for the token."""
    form = re.search(r'<section class="deeds" aria-label="保存">.*?</section>', page, re.S)[0]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {key: html.unescape(value) for key, value in found if key != "csrf_token"}


def saves(clerk, which=SOON, **form):
    """The same, and then saved."""
    assert weighs(clerk, which, **form).status_code == 200
    return clerk.posts(f"{ROOM}save/{which}", **hidden(clerk.page))


def in_force(open_session, kind=CALLS, role="relative"):
    with open_session() as session:
        return {rule.name: words.when(rule) for rule in rules_for(session, kind, [role])[role]}


def due(open_session, name="t-1h"):
    with open_session() as session:
        query = select(Letter).where(Letter.kind == CALLS, Letter.state == "planned", Letter.key.contains(f"/{name}/"))
        return {letter.facts["role"]: letter.due_at for letter in session.scalars(query)}


# The page.


def test_it_lists_every_kind_and_role_in_plain_words(chen):
    assert chen.opens(ROOM).status_code == 200
    text = chen.text()
    for one in REMINDED:
        assert words.KINDS[one.kind] in text
        assert all(words.ROLES[role] in text for role in one.roles)
    assert "提前24小时" in text
    assert "前一天18:00（按收信人当地时间）" in text
    assert text.count("提前10分钟") == 3
    assert "提醒规则" in text.partition("系统")[2]  # its line of the menu


@pytest.mark.case("S4")
def test_to_anybody_but_an_administrator_there_is_no_such_page(app, open_session):
    clerk = Clerk(app)
    clerk.signs_in("li")
    assert "提醒规则" not in clerk.text()
    for path in (ROOM, f"{ROOM}{SOON}"):
        assert clerk.opens(path).status_code == 404
    clerk.opens("/console/")
    assert clerk.posts(f"{ROOM}save/{SOON}", seen="x", **BEFORE).status_code == 404
    assert clerk.opens(f"{ROOM}weigh/{SOON}", seen="x", **BEFORE).status_code == 404
    with open_session() as session:
        assert session.scalars(select(ReminderRule)).all() == []


NO_RULES = (
    "none.reminder/relative/t-1h", f"{CALLS}/cadre/t-1h", f"{CALLS}/*/t-1h", f"{CALLS}/relative/nothing",
    f"{VISITS}/relative/eve", f"{CALLS}/relative/%00", f"{CALLS}/relative/{'x' * 300}", f"{CALLS}/relative/own-2",
)  # fmt: skip


def test_what_is_no_rule_of_ours_is_not_found_whatever_the_deed(chen, open_session):
    for at in NO_RULES:
        assert chen.opens(f"{ROOM}{at}").status_code == 404, at
        chen.opens(ROOM)
        assert chen.posts(f"{ROOM}save/{at}", seen="new", **BEFORE).status_code == 404, at
        assert chen.opens(f"{ROOM}weigh/{at}", seen="new", **BEFORE).status_code == 404, at
    with open_session() as session:
        assert session.scalars(select(ReminderRule)).all() == []


def test_without_the_token_of_the_page_nothing_is_saved(chen, open_session):
    chen.opens(f"{ROOM}{SOON}")
    assert chen.posts(f"{ROOM}save/{SOON}", token=False, seen=chen.seen(), **BEFORE).status_code == 400
    assert in_force(open_session)["t-1h"] == "提前1小时"


# Editing.


@pytest.mark.both
@pytest.mark.case("J10")
def test_an_edit_is_weighed_saved_written_down_and_carried_out_once(chen, open_session, cast):
    assert weighs(chen).status_code == 200
    assert "将重新安排 1 封未发出的提醒" in chen.text()
    assert "提前2小时30分钟" in chen.text()
    assert in_force(open_session)["t-1h"] == "提前1小时"  # looking changes nothing
    assert plan_anew(hands(open_session)) == 0
    assert chen.posts(f"{ROOM}save/{SOON}", **hidden(chen.page)).status_code == 303
    assert in_force(open_session) == {"t-24h": "提前24小时", "t-1h": "提前2小时30分钟", "t-10min": "提前10分钟"}
    assert in_force(open_session, role="helper")["t-1h"] == "提前1小时"
    together = Barrier(2)

    def tick(_):
        together.wait()
        return plan_anew(hands(open_session))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tick, range(2))) == [0, 1]
    assert due(open_session) == {"relative": SUNDAY_16 - 2.5 * HOUR, "helper": SUNDAY_16 - HOUR}
    with open_session() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.verb == "rule_change")).one()
        assert (line.person_id, line.subject) == (cast.chen.id, f"rule:{SOON}")
        assert line.detail == {
            "whom": "亲情连线，家人", "was": "提前1小时，夜里也发", "set": "提前2小时30分钟，夜里也发",
        }  # fmt: skip
    chen.opens("/console/audit/")
    assert "改提醒规则" in chen.text()
    assert "提醒谁：亲情连线，家人" in chen.text()
    assert "改成：提前2小时30分钟" in chen.text()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"mode": "day_at", "days": "1", "at": "18:00"}, "前一天18:00（按收信人当地时间）"),
        ({"mode": "day_at", "days": "0", "at": "08:30"}, "当天08:30（按收信人当地时间）"),
        ({"mode": "day_at", "days": "3", "at": "08:30"}, "提前3天08:30（按收信人当地时间）"),
        ({"mode": "workdays_at", "days": "2", "at": "09:00"}, "提前2个工作日09:00（按收信人当地时间）"),
        ({"mode": "at_once"}, "马上"),
        ({"hours": "", "minutes": "45"}, "提前45分钟"),
        ({"hours": "48", "minutes": ""}, "提前48小时"),
        ({"hours": "168", "minutes": "0"}, "提前7天"),
    ],
)
def test_a_rule_of_each_mode_is_saved_and_said(chen, open_session, form, said):
    assert saves(chen, **form).status_code == 303
    assert in_force(open_session)["t-1h"] == said
    chen.opens(ROOM)
    assert said in chen.text()


NO_FORMS = (
    {"hours": "0", "minutes": "0"}, {"hours": "-1"}, {"hours": "一"}, {"hours": "9" * 18}, {"hours": "9" * 40},
    {"hours": "9000"}, {"minutes": "1.5"}, {"mode": "sometimes"}, {"mode": ""}, {"urgency": "whenever"},
    {"mode": "day_at", "days": "1", "at": ""}, {"mode": "day_at", "days": "1", "at": "25:00"},
    {"mode": "day_at", "days": "1", "at": "18:00+01:00"}, {"mode": "day_at", "days": "400", "at": "18:00"},
    {"mode": "workdays_at", "days": "x", "at": "18:00"}, {"mode": "day_at", "days": "1", "at": "１８:00"},
    {"deed": "burn"}, {"deed": ""}, {"hours": "\x00", "minutes": ""},
)  # fmt: skip


def test_what_cannot_be_is_refused_and_nothing_is_kept(chen, open_session):
    for form in NO_FORMS:
        assert weighs(chen, **form).status_code == 422, form
        assert "时间没有填对" in chen.text(), form
        chen.opens(f"{ROOM}{SOON}")
        assert chen.posts(f"{ROOM}save/{SOON}", seen=chen.seen(), **{**BEFORE, **form}).status_code == 422, form
        with open_session() as session:
            assert session.scalars(select(ReminderRule)).all() == [], form


def test_a_form_that_changes_nothing_says_so_and_offers_no_saving(chen):
    assert weighs(chen, hours="1", minutes="0").status_code == 200
    assert words.SAME in chen.text()
    assert 'aria-label="保存"' not in chen.page


@pytest.mark.case("J10")
def test_switched_off_and_as_we_ship_it_again(chen, open_session):
    assert weighs(chen, deed="off").status_code == 200
    assert "将撤回 1 封未发出的提醒" in chen.text()
    assert saves(chen, deed="off").status_code == 303
    assert "t-1h" not in in_force(open_session)
    assert plan_anew(hands(open_session)) == 1
    assert set(due(open_session)) == {"helper"}
    chen.opens(ROOM)
    assert words.OFF in chen.text()
    assert saves(chen, deed="shipped").status_code == 303
    assert in_force(open_session)["t-1h"] == "提前1小时"
    assert [plan_anew(hands(open_session)) for _ in range(2)] == [1, 0]
    assert due(open_session)["relative"] == SUNDAY_16 - HOUR
    with open_session() as session:
        assert session.scalars(
            select(AuditEntry.verb).where(AuditEntry.verb.startswith("rule_")).order_by(AuditEntry.seq)
        ).all() == ["rule_off", "rule_shipped"]


def test_one_that_is_off_is_switched_on_again_by_saving_it(chen, open_session):
    saves(chen, deed="off")
    assert saves(chen, hours="1", minutes="0").status_code == 303
    assert in_force(open_session)["t-1h"] == "提前1小时"


def test_as_we_ship_it_wins_over_what_an_operator_wrote_for_every_role(chen, open_session):
    committed(open_session, lambda session: put_rule(session, Rule(CALLS, "*", "t-1h", "before", minutes=300), NOW))
    assert saves(chen, deed="shipped").status_code == 303
    assert in_force(open_session)["t-1h"] == "提前1小时"
    assert in_force(open_session, role="helper")["t-1h"] == "提前5小时"


@pytest.mark.case("J9", "J10")
def test_a_rule_of_the_countys_own_is_added_and_taken_away_again(chen, open_session, cast):
    committed(open_session, lambda session: named(session, cast, taken_on(session, cast)[1]))
    at = f"{VISITS}/provider/own-1"
    assert weighs(chen, at, hours="3").status_code == 200
    assert words.ADDS in chen.text()
    assert saves(chen, at, hours="3", minutes="").status_code == 303
    assert in_force(open_session, VISITS, "provider") == {
        "eve": "前一天18:00（按收信人当地时间）", "own-1": "提前3小时",
    }  # fmt: skip
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert unsent_of(session, Rule(VISITS, "provider", "own-1", "before")) == 1
    chen.opens(f"{ROOM}{at}")
    assert "去掉这条" in chen.text()
    assert saves(chen, at, deed="shipped").status_code == 303
    assert set(in_force(open_session, VISITS, "provider")) == {"eve"}
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert unsent_of(session, Rule(VISITS, "provider", "own-1", "before")) == 0


@pytest.mark.case("J9")
def test_a_new_rule_reminds_also_of_what_one_that_is_gone_has_reminded_of(chen, open_session):
    first, second = (f"{CALLS}/relative/own-{n}" for n in (1, 2))
    saves(chen, first, hours="48", minutes="")
    plan_anew(hands(open_session))
    with open_session() as session, session.begin():
        session.scalars(select(Letter).where(Letter.key.contains("/own-1/relative:"))).one().state = "delivered"
    saves(chen, first, deed="shipped")
    plan_anew(hands(open_session))
    assert chen.opens(f"{ROOM}{first}").status_code == 404
    assert saves(chen, second, hours="3", minutes="").status_code == 303
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        added = session.scalars(select(Letter).where(Letter.key.contains("/own-2/relative:"))).one()
        assert (added.state, added.due_at) == ("planned", SUNDAY_16 - 3 * HOUR)


def test_a_rule_that_reminds_at_once_says_that_it_is_for_what_is_booked_from_now_on(chen):
    weighs(chen, f"{CALLS}/relative/own-1", mode="at_once")
    assert words.FROM_NOW in chen.text()
    assert words.ADDS not in chen.text()


@pytest.mark.both
def test_how_many_are_counted_by_rule_and_role_and_a_name_is_no_pattern(open_session, app):
    with open_session() as session:
        counted = {
            (role, name): unsent_of(session, Rule(CALLS, role, name, "before"))
            for role in ("relative", "helper", "cared") for name in ("t-1h", "t_1h", "%", "h")
        }  # fmt: skip
    assert {key: many for key, many in counted.items() if many} == {("relative", "t-1h"): 1, ("helper", "t-1h"): 1}


# Two at once.


@pytest.mark.both
def test_who_saves_from_a_page_that_is_old_is_told_and_nothing_is_lost(app, chen, open_session):
    weighs(chen)
    old = hidden(chen.page)
    other = Clerk(app)
    other.signs_in("chen")
    assert saves(other, hours="5", minutes="").status_code == 303
    assert chen.posts(f"{ROOM}save/{SOON}", **old).status_code == 409
    assert words.CHANGED in chen.text()
    assert in_force(open_session)["t-1h"] == "提前5小时"


@pytest.mark.both
def test_of_two_who_save_at_the_same_moment_one_is_told_to_look_again(app, open_session):
    clerks = []
    for hours in ("3", "5"):
        clerk = Clerk(app)
        clerk.signs_in("chen")
        weighs(clerk, hours=hours, minutes="")
        clerks.append((clerk, hidden(clerk.page)))
    together = Barrier(2)

    def save(pair):
        clerk, form = pair
        together.wait()
        return clerk.posts(f"{ROOM}save/{SOON}", **form).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(save, clerks)) == [303, 409]
    assert in_force(open_session)["t-1h"] in ("提前3小时", "提前5小时")
    with open_session() as session:
        assert len(session.scalars(select(ReminderRule)).all()) == 1


# The words.


def test_every_kind_role_mode_and_lane_has_its_words(session):
    assert set(words.KINDS) == {one.kind for one in REMINDED} == {rule.kind for rule in SHIPPED}
    assert set(words.ROLES) == {role for one in REMINDED for role in one.roles}
    assert {rule.role for rule in SHIPPED} - {"*"} <= set(words.ROLES)
    assert (set(words.MODES), set(words.URGENCIES)) == (set(MODES), set(LANES))
    for one in REMINDED:
        for found in rules_standing(session, one.kind, one.roles).values():
            assert found
            assert all(words.when(standing.rule) for standing in found.values())
