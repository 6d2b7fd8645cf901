"""One task at the staff desk: its next step, where it leads, and what it says while it waits."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.tasks.words import DONE_WORDS, OTHERS_DO
from models.audit import AuditEntry
from models.ordering.assignments import Assignment
from models.ordering.helping import ask_for_help
from models.ordering.matters import Words
from models.ordering.needs import submit as submit_need
from models.ordering.review import submit
from models.ordering.versions import edit
from models.people.care import CARE, CareLink
from models.people.persons import Person
from models.people.staff import StaffRole
from models.tasks.desk import open_task
from models.tasks.holding import hold, wake_for
from models.tasks.tasks import DECIDED_ELSEWHERE, Task
from models.tasks.undelivered import hand_over
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.letters import posted
from tests.models.ordering.test_dispatch import offer_of, ordered
from tests.world import NOW
from wx_backend.app import create_app

HOUR = timedelta(hours=1)
FACTS = {
    "beneficiary": "王秀英", "service": "上门理发", "number": "40213975", "preferred_at": NOW.isoformat(),
    "starts_at": NOW.isoformat(), "cared": "王秀英", "relative": "小芳", "person": "王秀英", "place": "葛山村",
    "helper": "李站长", "centre": "葛山村党群服务中心", "calls": [], "listing": "热饭上门", "author": "李站长",
    "version": 1, "borrower": "甲", "lender": "乙", "lent": "轮椅", "span": "两天",
}  # fmt: skip
# What is done in the official account, and has no page of its own at the desk.
IN_THE_ACCOUNT = "公众号“我的任务”"


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        give_account(session, cast.chen.id, "chen")
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def clerk(app):
    return signed_in(app, "li")


def signed_in(app, who):
    made = Clerk(app)
    made.signs_in(who)
    return made


def given(open_session, work):
    with open_session() as session, session.begin():
        return work(session).id


def a_task(open_session, cast, kind="order_new", **more):
    return given(open_session, lambda session: open_task(session, **{
        "key": f"t/{kind}", "kind": kind, "area_id": cast.village.id, "subject": "order:1", "facts": FACTS, "now": NOW,
        "due_at": NOW + HOUR, **more,
    }))  # fmt: skip


def leads_to(clerk, task):
    """The page to which a task leads; "" for none."""
    assert clerk.opens(f"/console/tasks/{task}").status_code == 200
    found = re.search(r'class="more"><a href="([^"]+)"', clerk.page)
    return found[1] if found else ""


def test_to_call_somebody_back_leads_to_the_order(open_session, cast, clerk):
    offer = given(open_session, lambda session: offer_of(session, ordered(session, cast)))
    task = a_task(open_session, cast, "stop_provider", subject=f"assignment:{offer}",
                  facts={**FACTS, "organisation": "老徐好帮手", "organisation_phone": "", "reason": ""})  # fmt: skip
    with open_session() as session:
        order = session.get_one(Assignment, offer).order_id
    assert leads_to(clerk, task) == f"/console/orders/{order}"


# Where it leads.


@pytest.fixture
def matters(cast, open_session):
    """Kind of task → something that such a task is about, where the pages ask who may see it."""
    said = {"person_id": cast.wangnainai.id, "channel": "page"}
    with open_session() as session, session.begin():
        written = edit(session, cast.who(cast.li), cast.meal.id, {"title": "热饭上门"}, now=NOW)
        version = submit(session, cast.who(cast.li), written.id, NOW)
        need = submit_need(session, cast.who(cast.xiaofang), Words("想有人理发", "need-key", **said), NOW)
        asked = ask_for_help(session, cast.who(cast.xiaofang), Words("请帮忙买药", "help-key", **said), NOW)
        return {
            "review_listing": f"version:{version.id}", "need_triage": need.subject, "matter_urgent": need.subject,
            "help_triage": asked.subject, "help_do": asked.subject, "call_outcome": "call:1", "pairing_due": "pair:1",
            "loan_request": "loan:1", "loan_overdue": "loan:1", "complaint": "complaint:1", "series_helper": "centre:1",
        }  # fmt: skip


def test_what_is_decided_elsewhere_says_where(app, cast, open_session, matters):
    clerk = signed_in(app, "chen")
    for kind in DECIDED_ELSEWHERE:
        task = a_task(open_session, cast, kind, subject=matters[kind])
        page = leads_to(clerk, task)
        assert "已经办好" not in clerk.text()
        assert bool(page) != (IN_THE_ACCOUNT in clerk.text()), kind
        if matters[kind].partition(":")[0] in ("version", "need", "help"):
            assert clerk.opens(page).status_code == 200


def test_who_may_not_review_is_told_to_hand_it_over_in_place_of_a_page_they_may_not_open(
    app, clerk, cast, open_session, matters
):
    task = a_task(open_session, cast, "review_listing", subject=matters["review_listing"])
    assert leads_to(clerk, task) == ""
    assert OTHERS_DO in clerk.text()
    assert leads_to(signed_in(app, "chen"), task).startswith("/console/review/")


@pytest.mark.case("L1")
def test_only_who_may_see_a_letter_is_led_to_it(clerk, cast, open_session):
    """Who is to phone depends on where its reader lives, and who may see it on what it is about."""
    facts = {"cared": "王秀英", "at": NOW.isoformat()}
    with open_session() as session, session.begin():
        near = ordered(session, cast).subject
        link = CareLink(relative_id=cast.xiaofang.id, cared_id=cast.grandpa.id, kinship="邻居", asked_at=NOW)
        session.add(link)  # with somebody of another village
        session.flush()
        far = CARE.subject(link)
    for about, status in ((near, 200), (far, 404), ("need:1", 404)):
        with open_session() as session, session.begin():
            letter = posted(session, key=about, person_id=cast.xiaofang.id, kind="people.link_declined", subject=about,
                            facts=facts, now=NOW)  # fmt: skip
            letter.state = "dead"
            task, page = hand_over(session, letter, NOW).id, f"/console/letters/{letter.id}"
        assert leads_to(clerk, task) == (page if status == 200 else "")
        assert clerk.opens(page).status_code == status, about


def test_where_there_is_danger_nobody_is_told_to_leave_it_to_another(clerk, cast, open_session, matters):
    task = a_task(open_session, cast, "matter_urgent", subject=matters["matter_urgent"])
    assert leads_to(clerk, task) == ""  # the need itself is the township's
    assert "请马上打电话或上门" in clerk.text()
    assert OTHERS_DO not in clerk.text()


def test_a_secret_leads_nobody_to_its_page_but_who_holds_it(app, cast, open_session):
    with open_session() as session, session.begin():
        other = Person(name="孙干事", area_id=cast.township.id, created_at=NOW)
        session.add(other)
        session.flush()
        session.add(StaffRole(person_id=other.id, role="township_clerk", area_id=cast.township.id, since=NOW))
        give_account(session, other.id, "sun")
        words = Words("家里吵架", "secret", person_id=cast.wangnainai.id, confidential=True, channel="page")
        need = submit_need(session, cast.who(cast.xiaofang), words, NOW)
        subject, holder = need.subject, need.holder_id
    task = a_task(open_session, cast, "need_triage", subject=subject)
    seen = {who: leads_to(signed_in(app, who), task) for who in ("chen", "sun")}
    assert seen.pop("chen" if holder == cast.chen.id else "sun") == f"/console/needs/{subject.partition(':')[2]}"
    assert list(seen.values()) == [""]


# While it waits, and afterwards.


@pytest.fixture
def held(cast, open_session):
    """A task that nobody had when it was laid aside."""
    task = a_task(open_session, cast, person_id=cast.wangnainai.id)
    with open_session() as session, session.begin():
        hold(session, cast.who(cast.li), task, why="等王秀英的女儿回话，电话13812345678", now=NOW - HOUR)
    return task


def test_a_task_that_waits_says_for_what_and_until_when_and_not_by_when(clerk, held):
    clerk.opens(f"/console/tasks/{held}")
    assert (
        "等居民 正在等居民（等王*的女儿回话，电话138****），11月24日（周二）09:00起放下，12月8日（周二）08:30再提醒。"
        in clerk.text()
    )
    assert "前办好" not in clerk.text()
    assert "我来办" not in clerk.text()  # it is gone on with first
    assert "王秀英" not in clerk.page  # nor in its story
    clerk.posts(f"/console/tasks/{held}/reveal", reason="call")
    assert "等王秀英的女儿回话，电话13812345678" in clerk.text()


@pytest.mark.case("J20")
def test_a_task_that_waits_is_gone_on_with_at_the_desk_and_whoever_will_takes_it_on(clerk, cast, open_session, held):
    clerk.opens(f"/console/tasks/{held}")
    assert "继续办" in clerk.text()
    answer = clerk.posts(f"/console/tasks/{held}/resume", seen=clerk.seen())
    clerk.opens(answer.location)
    assert DONE_WORDS["gone_on"] in clerk.text()
    assert "待办 请在 11月24日（周二）12:00 前办好" in clerk.text()  # an hour of working time later
    assert "正在等居民" not in clerk.text()
    assert "李站长 继续办 ：期限顺延1小时" in clerk.text()
    clerk.opens("/console/tasks/")
    assert "还没人接 待办" in clerk.text()
    clerk.opens(f"/console/tasks/{held}")
    clerk.posts(f"/console/tasks/{held}/acknowledge", seen=clerk.seen())
    clerk.opens(f"/console/tasks/{held}")
    assert "已接手" in clerk.text()
    assert "我来办" not in clerk.text()
    with open_session() as session:
        assert session.get_one(Task, held).assignee_id == cast.li.id
        verbs = session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)).all()
    assert verbs[-2:] == ["task_resume", "task_acknowledge"]


@pytest.mark.case("C14")
def test_what_has_gone_on_by_itself_since_the_page_was_opened_is_not_gone_on_with_again(
    clerk, cast, open_session, held
):
    clerk.opens(f"/console/tasks/{held}")
    seen = clerk.seen()
    with open_session() as session, session.begin():
        wake_for(session, cast.wangnainai.id, NOW)
    assert clerk.posts(f"/console/tasks/{held}/resume", seen=seen).status_code == 409
    clerk.opens(f"/console/tasks/{a_task(open_session, cast, 'follow_up')}")
    assert "继续办" not in clerk.text()  # it waits for nobody
    assert clerk.posts(f"/console/tasks/{held + 1}/resume", seen=clerk.seen()).status_code == 409
