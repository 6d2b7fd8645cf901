"""保密事项 at the staff desk: an administrator gives a secret whose holder has left to a clerk and reads no word."""

import re

import pytest
from sqlalchemy import select

from handlers.ordering.need_desk_words import DONE, GONE, NO_CONFIDED, NO_TAKER
from handlers.tasks.words import SECRETS
from models.audit import AuditEntry
from models.ordering.help import HelpRequest
from models.ordering.needs import NeedSubmission
from models.people.persons import Person
from models.people.staff import end_role, roles_of
from models.tasks.tasks import Task
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.ordering.voicing import calls, joins, says
from tests.world import NOW
from wx_backend.app import create_app

SECRET = "婆媳矛盾闹得厉害"
WORDS = ("婆媳", "王秀英", "王*", "小芳")


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        for name, called, area, role in (
            ("wu", "吴主任", cast.county, "county_admin"), ("sun", "孙干事", cast.township, "township_clerk"),
            ("far", "别县主任", cast.other_village, "county_admin"),
        ):  # fmt: skip
            give_account(session, joins(session, called, area, role).person_id, name)
        give_account(session, cast.chen.id, "chen")
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def matters(app, cast, open_session):
    """A need and a call that 陈干事 kept until leaving."""
    with open_session() as session, session.begin():
        kept = [takes(session, cast.who(cast.xiaofang), SECRET, cast.wangnainai, confidential=True)
                for takes in (says, calls)]  # fmt: skip
        for one in kept:
            one.holder_id = cast.chen.id
        for task in session.scalars(select(Task)):
            task.assignee_id = cast.chen.id
        for role in roles_of(session, cast.chen.id):
            end_role(session, role, NOW)
        return {"need": kept[0].id, "help": kept[1].id}


def signed_in(app, who):
    made = Clerk(app)
    assert made.signs_in(who).status_code == 303
    return made


def whole(open_session, kind, key):
    with open_session() as session:
        return session.get_one({"need": NeedSubmission, "help": HelpRequest}[kind], key)


def form_of(clerk, kind, key):
    """What the form of one row would send, by the name of each clerk that it offers."""
    path = f"/console/confided/{kind}/{key}/to"
    inside = re.search(rf'action="{path}">(.*?)</form>', clerk.page, re.S)[1]
    seen = re.search(r'name="seen" value="([^"]+)"', inside)[1]
    offered = {name: to for to, name in re.findall(r'<option value="(\d+)">([^<]+)<', inside)}
    return path, seen, offered


@pytest.mark.case("L1", "L3")
@pytest.mark.parametrize("kind", ["need", "help"])
def test_an_administrator_gives_on_what_nobody_can_open_and_the_new_clerk_reads_it(app, open_session, matters, kind):
    admin, sun, key = signed_in(app, "wu"), signed_in(app, "sun"), matters[kind]
    room = {"need": "needs", "help": "help"}[kind]
    assert [one.opens(f"/console/{room}/{key}").status_code for one in (admin, sun)] == [404, 404]
    admin.opens("/console/")
    assert 'href="/console/confided/"' in admin.page
    admin.opens("/console/confided/")
    assert (admin.text().count(GONE), [word for word in WORDS if word in admin.text()]) == (2, [])
    path, seen, offered = form_of(admin, kind, key)
    assert offered.keys() == {"孙干事"}
    answer = admin.posts(path, seen=seen, to=offered["孙干事"])
    assert (answer.status_code, answer.location) == (303, "/console/confided/?done=confided_given")
    admin.opens(answer.location)
    assert DONE["confided_given"] in admin.text()
    assert admin.text().count(GONE) == 1
    assert admin.opens(f"/console/{room}/{key}").status_code == 404
    sun.opens(f"/console/{room}/{key}")
    assert SECRET in sun.text()
    assert "吴主任 交给别的经办人" in sun.text()
    with open_session() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.verb == f"{kind}_hand_over")).one()
        assert (line.subject, line.detail) == (f"{kind}:{key}", {"to": int(offered["孙干事"])})
    admin.opens("/console/audit/")
    assert {"need": "转交保密需求", "help": "转交保密求助"}[kind] in admin.text()


def test_an_old_page_gives_nothing_on_and_leads_to_how_it_stands(app, cast, open_session, matters):
    admin, key = signed_in(app, "wu"), matters["help"]
    admin.opens("/console/confided/")
    path, seen, offered = form_of(admin, "help", key)
    assert admin.posts(path, seen=seen, to=offered["孙干事"]).status_code == 303
    admin.opens("/console/confided/")
    assert admin.posts(path, seen=seen, to=cast.li.id).status_code == 409
    assert "交给别的经办人" in admin.text()
    assert f'href="/console/confided/help/{key}"' in admin.page
    admin.opens(f"/console/confided/help/{key}")
    path, seen, offered = form_of(admin, "help", key)
    assert offered.keys() == {"我自己"}  # nobody else of the township is left
    assert admin.posts(path, seen=seen, to=cast.li.id).status_code == 409  # who may not have it


def test_what_is_over_is_listed_no_more_and_its_page_says_so(app, open_session, matters, cast):
    admin, sun = signed_in(app, "wu"), signed_in(app, "sun")
    for kind, key in matters.items():
        admin.opens("/console/confided/")
        path, seen, offered = form_of(admin, kind, key)
        admin.posts(path, seen=seen, to=offered["孙干事"])
    sun.opens(f"/console/help/{matters['help']}")
    assert sun.posts(f"/console/help/{matters['help']}/done", seen=sun.seen(), text="劝好了").status_code == 303
    sun.opens(f"/console/needs/{matters['need']}")
    assert sun.posts(f"/console/needs/{matters['need']}/answer", seen=sun.seen(), why="已转妇联").status_code == 303
    admin.opens("/console/confided/")
    assert NO_CONFIDED in admin.text()
    admin.opens(f"/console/confided/help/{matters['help']}")
    assert "已办好" in admin.text()
    assert 'name="to"' not in admin.page
    assert "劝好了" not in admin.page


def test_where_nobody_else_is_left_the_page_says_what_to_do(app, open_session, matters):
    admin, sun = signed_in(app, "wu"), signed_in(app, "sun")
    with open_session() as session, session.begin():
        people = {
            one.name: one.id for one in session.scalars(select(Person).where(Person.name.in_(("吴主任", "孙干事"))))
        }
        call = session.get_one(HelpRequest, matters["help"])
        call.said_by_id, call.holder_id = people["吴主任"], people["孙干事"]
    assert sun.opens(f"/console/help/{matters['help']}").status_code == 200
    admin.opens(f"/console/confided/help/{matters['help']}")
    assert NO_TAKER in admin.text()


@pytest.mark.case("S4")
def test_to_anybody_else_there_is_no_such_page_and_no_such_line_of_the_menu(app, open_session, matters):
    for name, status in (("sun", 404), ("far", 200)):
        clerk = signed_in(app, name)
        assert ('href="/console/confided/"' in clerk.page) == (status == 200)
        start = clerk.page
        assert clerk.opens("/console/confided/").status_code == status
        assert "/console/confided/help/" not in clerk.page
        for kind, key in matters.items():
            assert clerk.opens(f"/console/confided/{kind}/{key}").status_code == 404
            clerk.page = start
            standing = whole(open_session, kind, key).standing
            for seen in (standing, "x"):
                clerk.page = start
                assert clerk.posts(f"/console/confided/{kind}/{key}/to", seen=seen, to="1").status_code == 404
        assert clerk.opens("/console/confided/order/1").status_code == 404


def test_a_task_leads_each_to_what_they_may_do_and_says_why(app, cast, open_session, matters):
    with open_session() as session:
        tasks = {task.subject.partition(":")[0]: task.id for task in session.scalars(select(Task).order_by(Task.id))}
    admin, sun = signed_in(app, "wu"), signed_in(app, "sun")
    for kind, key in matters.items():
        assert admin.opens(f"/console/tasks/{tasks[kind]}").status_code == 200
        assert f'href="/console/confided/{kind}/{key}">去办理' in admin.page
        assert SECRETS["confided"] in admin.text()
        assert admin.opens(f"/console/confided/{kind}/{key}").status_code == 200
        assert sun.opens(f"/console/tasks/{tasks[kind]}").status_code == 200
        assert SECRETS["secret"] in sun.text()
        assert "去办理</a>" not in sun.page
