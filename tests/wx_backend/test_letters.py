"""`wx-backend letters` as a clerk reads it at twenty-five past five on a Friday."""

import re
import unicodedata
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from handlers.messages.words import KINDS, MEANINGS, NOT_SHOWN, STATES
from models.hours import CHINA
from models.messages.letters import LETTER, Letter
from models.messages.looking import PRIVATE_KINDS
from models.messages.outbox import post
from models.people.persons import Person
from models.tasks.desk import finish
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.letters import posted
from wx_backend.cli import main
from wx_backend.config import EXAMPLE
from wx_backend.demo.cast import COUNTY
from wx_backend.load import load_county
from wx_backend.speech import TEMPLATE_OF

FRIDAY = datetime(2026, 11, 27, 17, 25, tzinfo=CHINA)
SUNDAY = datetime(2026, 11, 29, 16, 0, tzinfo=CHINA)
OPENID, PHONE = "oABCD-efgh_ijklmnopqrstuvw12", "13812345678"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def run(url, *words):
    environ = {"WX_BACKEND_DATABASE__URL": url}
    return CliRunner().invoke(main, ["--config", str(EXAMPLE), "letters", *words], env=environ, catch_exceptions=False)


@pytest.fixture(autouse=True)
def friday(monkeypatch):
    monkeypatch.setattr("wx_backend.now.Clock.__call__", lambda _: FRIDAY)


@pytest.fixture
def county(open_session, database_url):
    """The demo county on that Friday, with a letter in every state; answers their ids by state."""
    with open_session() as session, session.begin():
        load_county(session, COUNTY, app_id="wx-demo", now=FRIDAY - 48 * HOUR)
    made = {}
    with open_session() as session, session.begin():
        people = session.scalars(select(Person).where(Person.area_id.is_not(None)).order_by(Person.id)).all()
        for n, state in enumerate(LETTER.states):
            made[state] = _in_state(session, people[n % len(people)], n, state).id
        session.execute(delete(Letter).where(Letter.kind == "tasks.assigned"))  # the cadres' own are not looked at here
    return made


def _in_state(session, person, n, state):
    kinds = ("family.reminder", "ordering.accepted", "family.changed", "people.link_confirmed")
    now = FRIDAY - timedelta(hours=30) + 2 * n * HOUR
    letter = posted(
        session, key=f"k{n}", person_id=person.id, kind=kinds[n % 4], subject=f"call:{n}", now=now, useful_until=SUNDAY,
        facts={"starts_at": SUNDAY.isoformat(), "cared": "王奶奶"}, due_at=SUNDAY if state == "planned" else now,
    )  # fmt: skip
    letter.state = state
    if state not in ("planned", "withdrawn", "suppressed", "missed"):
        letter.tries, letter.said = 2, f"您与王奶奶的连线在11月29日（周日）16:00。有事请打0578-5550101或{PHONE}。"
    if state == "retry":
        letter.error_code, letter.next_at = "-1", FRIDAY + 10 * MINUTE
    if state in ("dead", "told_in_person"):
        letter.error_code, letter.error_detail = "43004", f"does not follow: hint {OPENID} rid: 6abc-def"
    if state == "needs_check":
        letter.error_code, letter.error_detail = "unsure", "ReadTimeout"
    if state == "unconfirmed":
        letter.error_code = "99999"
    if state in ("sent", "delivered", "unconfirmed", "told_in_person"):
        letter.sent_at, letter.msgid = now, str(1840215638297264130 + n)
    if state in LETTER.ends or state in ("delivered", "dead", "needs_check"):
        letter.settled_at = now + MINUTE
    session.flush()
    if state in ("dead", "needs_check"):
        hand_over(session, letter, FRIDAY - HOUR)
    return letter


def rows(out):
    return {int(line.split()[0]): line for line in out.splitlines() if re.match(r"\d+ ", line)}


def column_of(line, cell):
    return sum(2 if unicodedata.east_asian_width(ch) in "WF" else 1 for ch in line[: line.index(cell)])


def test_the_first_lines_say_what_needs_somebody_and_how_the_rest_stands(county, database_url):
    now, todo, _, _, first, second, _, counted, *_ = run(database_url).output.splitlines()
    assert now == "现在是11月27日（周五）17:25"
    assert todo == "要人管的：2封，最早的请在今天20:25前办好。"
    assert {int(line.split()[0]) for line in (first, second)} == {county["dead"], county["needs_check"]}
    assert counted == "最近7天：" + "，".join(f"{word}1" for word in STATES.values()) + "。"


def test_every_state_has_its_row_in_columns_that_stand_below_each_other(county, database_url):
    out = run(database_url).output
    found = rows(out)
    assert set(found) == set(county.values())
    heading = next(line for line in out.splitlines() if line.startswith("编号"))
    for state, key in county.items():
        assert column_of(found[key], STATES[state]) == column_of(heading, "状态")
    assert "★请电话或上门告知（今天20:25前）；对方没有关注公众号" in found[county["dead"]]
    assert "★请核实是否收到通知（今天20:25前）；发出后没等到微信回话" in found[county["needs_check"]]
    assert "今天17:35再发，已试2次；微信忙" in found[county["retry"]]
    assert "11月29日16:00" in found[county["planned"]]
    assert found[county["unconfirmed"]].endswith("微信说：99999")


def test_todo_is_what_somebody_has_still_to_do_and_nothing_else_however_old(county, database_url, open_session):
    only = run(database_url, "--todo", "--days", "1").output
    assert set(rows(only)) == {county["dead"], county["needs_check"]}
    with open_session() as session, session.begin():
        session.get_one(Letter, county["dead"]).created_at = FRIDAY - timedelta(days=40)
    assert set(rows(run(database_url, "--todo").output)) == {county["dead"], county["needs_check"]}


def test_when_a_cadre_has_told_the_person_nothing_is_left_to_do(cast, open_session, database_url):
    with open_session() as session, session.begin():
        letter = _in_state(session, session.get_one(Person, cast.xiaofang.id), 1, "dead")
        task = session.scalars(select(Task.id)).one()
    assert "要人管的：1封" in run(database_url).output
    with open_session() as session, session.begin():
        finish(session, cast.who(cast.li), task, FRIDAY)
    out = run(database_url).output
    assert "要人管的：没有。" in out
    assert STATES["told_in_person"] in rows(out)[letter.id]
    assert run(database_url, "--todo").output.endswith("要人管的：没有。\n")
    assert "李站长，已当面或电话告知" in run(database_url, "show", str(letter.id)).output


def test_what_a_cadre_only_looked_into_is_said_so_and_not_as_told(cast, open_session, database_url):
    with open_session() as session, session.begin():
        letter = _in_state(session, session.get_one(Person, cast.xiaofang.id), 1, "needs_check")
        finish(session, cast.who(cast.li), session.scalars(select(Task.id)).one(), FRIDAY)
    out = run(database_url, "show", str(letter.id)).output
    assert "李站长，已核实，本人知道了" in out
    assert "李站长，已当面或电话告知" not in out


def test_what_should_have_gone_and_has_not_is_said_aloud(county, database_url, open_session):
    assert "系统管理员" not in rows(run(database_url).output)[county["planned"]]
    with open_session() as session, session.begin():
        session.get_one(Letter, county["planned"]).next_at = FRIDAY - 11 * MINUTE
    assert "到时间了还没发，请告诉系统管理员" in rows(run(database_url).output)[county["planned"]]
    assert "到时间了还没发" in run(database_url, "show", str(county["planned"])).output


def test_what_is_past_its_time_says_so(county, database_url, open_session):
    with open_session() as session, session.begin():
        session.scalars(select(Task)).first().due_at = FRIDAY - HOUR
    assert "要人管的：2封，其中1封已过期限" in run(database_url).output


def test_a_state_is_asked_for_by_its_chinese_word(county, database_url):
    for state, word in STATES.items():
        assert set(rows(run(database_url, "--state", word).output)) == {county[state]}
        assert set(rows(run(database_url, "--state", state).output)) == {county[state]}


def test_several_states_a_name_a_matter_and_a_page_narrow_it_down(county, database_url, open_session):
    assert set(rows(run(database_url, "--state", "没送到", "--state", "不确定").output)) == {
        county["dead"], county["needs_check"],
    }  # fmt: skip
    with open_session() as session:
        letter = session.get_one(Letter, county["sent"])
        name, subject = session.get_one(Person, letter.person_id).name, letter.subject
    assert county["sent"] in rows(run(database_url, "--name", name[:2]).output)
    assert set(rows(run(database_url, "--about", subject).output)) == {county["sent"]}
    first = run(database_url, "--limit", "5").output
    assert {county["dead"], county["needs_check"]} < rows(first).keys()  # they are no part of the page
    onward = re.search(r"--before (\d+)", first)[1]
    following = run(database_url, "--before", onward, "--limit", "50").output
    assert set(rows(first)) | set(rows(following)) == set(county.values())


def test_a_word_that_is_no_state_is_answered_with_those_there_are(database_url):
    result = run(database_url, "--state", "丢了")
    assert result.exit_code == 2
    assert "没送到、" in result.output


def test_show_tells_the_whole_story_of_one_letter(county, database_url):
    out = run(database_url, "show", str(county["dead"])).output
    todo = "要办的    请电话或上门告知，请在11月27日（周五）20:25前办好，办好后在公众号回复“我的任务”记下"
    for line in (
        "现在      没送到（各种渠道都没送到）",
        todo,
        "原因      对方没有关注公众号",
        "试过      2次，公众号模板消息",
    ):
        assert line in out.splitlines()
    assert "您与王奶奶的连线在11月29日" in out
    assert "rid: 6abc-def" in out
    planned = run(database_url, "show", str(county["planned"])).output
    assert "下次      11月29日（周日）16:00" in planned
    assert "试过" not in planned


def test_nothing_personal_is_shown_anywhere(county, database_url):
    said = "".join(run(database_url, "show", str(key)).output for key in county.values()) + run(database_url).output
    assert OPENID not in said
    assert PHONE not in said
    assert "138****" in said
    assert "0578-5550101" in said  # the centre's own number is meant to be read
    assert re.search(r"消息号    \d{19}\n", said)


def test_a_reminder_that_was_written_weeks_ago_is_found_when_its_day_has_come(county, database_url, open_session):
    with open_session() as session, session.begin():
        fang = session.scalars(select(Person).where(Person.name == "小芳")).one()
        for key, due in (
            ("today", FRIDAY - HOUR), ("long ago", FRIDAY - 20 * 24 * HOUR), ("next week", FRIDAY + 6 * 24 * HOUR),
        ):  # fmt: skip
            letter = posted(
                session, key=key, person_id=fang.id, kind="family.reminder", subject="call:99", facts={},
                now=FRIDAY - 28 * 24 * HOUR, due_at=due,
            )  # fmt: skip
            letter.state = "delivered"
    said = run(database_url, "--name", "小芳", "--about", "call:99").output.splitlines()
    assert [line for line in said if "今天16:25" in line]
    assert len(said) == 2  # and its heading
    for days, arrived in (("7", 2), ("30", 4)):
        assert f"{STATES['delivered']}{arrived}" in run(database_url, "--days", days).output


@pytest.mark.parametrize("kind", PRIVATE_KINDS)
def test_what_nobody_at_the_desk_reads_is_not_shown_here_either(county, database_url, open_session, kind):
    with open_session() as session, session.begin():
        person = session.scalars(select(Person.id)).first()
        letter = posted(session, key="own", person_id=person, kind=kind, subject="s:1", facts={}, now=FRIDAY)
        letter.state, letter.said = "delivered", "您的亲情码是 K7M-2QX"
        key = letter.id
    out = run(database_url, "show", str(key)).output
    assert "K7M" not in out
    assert NOT_SHOWN in out


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("planned", "还在发送途中"), ("retry", "还在发送途中"), ("sending", "还在发送途中"),
        ("withdrawn", "内容不对了"), ("suppressed", "不需要这类通知"),
    ],
)  # fmt: skip
def test_again_is_refused_politely_where_it_would_mislead(county, database_url, open_session, state, sentence):
    result = run(database_url, "again", str(county[state]), "--reason", "家属来电")
    assert (result.exit_code, sentence in result.output, "Traceback" in result.output) == (1, True, False)
    with open_session() as session:
        assert session.scalars(select(Letter.id).where(Letter.key.startswith("again:"))).all() == []


def test_again_needs_a_reason_a_letter_and_a_matter_to_come(county, database_url, open_session, monkeypatch):
    dead = str(county["dead"])
    assert "请写明为什么重发" in run(database_url, "again", dead, "--reason", "  ").output
    assert "没有这封通知" in run(database_url, "again", "99999", "--reason", "x").output
    assert "没有这封通知" in run(database_url, "show", "99999").output
    monkeypatch.setattr("wx_backend.now.Clock.__call__", lambda _: SUNDAY)
    assert "时间已经过了" in run(database_url, "again", dead, "--reason", "x").output
    monkeypatch.undo()
    monkeypatch.setattr("wx_backend.now.Clock.__call__", lambda _: FRIDAY)
    with open_session() as session, session.begin():
        old = session.get_one(Letter, county["dead"])
        post(session, key="newer", person_id=old.person_id, kind=old.kind, facts={}, subject=old.subject, revision=1,
             now=FRIDAY)  # fmt: skip
    assert "内容不对了" in run(database_url, "again", dead, "--reason", "x").output


def test_again_is_a_letter_of_its_own_with_its_reason_and_not_twice_at_once(county, database_url, open_session):
    dead = str(county["dead"])
    out = run(database_url, "again", dead, "--reason", "家属已重新关注").output
    new = int(re.search(r"新编号 (\d+)", out)[1])
    assert "等待发送" in rows(run(database_url).output)[new]
    assert f"服务台，再发一次：家属已重新关注 → letter:{new}" in run(database_url, "show", dead).output
    assert "还在发送途中" in run(database_url, "again", dead, "--reason", "再试").output
    with open_session() as session, session.begin():
        session.get_one(Letter, new).state = "dead"
    assert "已重新排队" in run(database_url, "again", dead, "--reason", "再试").output


def test_every_kind_and_state_has_its_words():
    assert TEMPLATE_OF.keys() <= KINDS.keys()
    assert STATES.keys() == MEANINGS.keys() == set(LETTER.states)
    assert len(set(STATES.values())) == len(STATES)
    assert all(len(word) <= 4 for word in STATES.values())
