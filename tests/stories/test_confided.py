"""A clerk leaves who kept a secret: in chat the county's administrator gives it to another, and reads no word of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.ordering import need_words
from handlers.tasks.words import SECRETS
from models.ordering.help import HelpRequest
from models.ordering.needs import NeedSubmission
from models.people.identities import Identity
from models.people.staff import end_role, roles_of
from models.tasks.escalation import escalate
from models.tasks.tasks import Task
from tests.models.ordering.voicing import calls, joins, says
from tests.world import NOW

SECRET = "婆媳矛盾闹得厉害"


@pytest.fixture
def people(open_session, cast, talk):
    """An administrator and a second clerk, by name, who follow the account."""
    with open_session() as session, session.begin():
        app_id = session.scalars(select(Identity.app_id).where(Identity.person_id == cast.chen.id)).one()
        made = {name: joins(session, name, area, role) for name, area, role in (
            ("吴主任", cast.county, "county_admin"), ("周干事", cast.township, "township_clerk"))}  # fmt: skip
        for who in made.values():
            session.get_one(Identity, who.identity_id).app_id = app_id
    return {name: talk(f"o-{who.person_id}") for name, who in made.items()}


@pytest.mark.case("L1", "L2")
@pytest.mark.parametrize(("takes", "table"), [(calls, HelpRequest), (says, NeedSubmission)], ids=["help", "need"])
def test_an_overdue_secret_that_nobody_can_open_ends_in_a_deed(open_session, cast, people, takes, table):
    with open_session() as session, session.begin():
        thing = takes(session, cast.who(cast.xiaofang), SECRET, cast.wangnainai, confidential=True)
        thing.holder_id = cast.chen.id
        for task in session.scalars(select(Task)):
            task.assignee_id = cast.chen.id
        for role in roles_of(session, cast.chen.id):
            end_role(session, role, NOW)
        key = thing.id
    with open_session() as session, session.begin():
        assert escalate(session, NOW + timedelta(days=14)) > 0
    admin, second = people["吴主任"], people["周干事"]
    second.says("我的任务")
    assert SECRETS["secret"] in second.taps("待处理")
    assert not any("去办理" in link["label"] for link in second.links)
    admin.says("我的任务")
    heard = admin.taps("待处理")
    assert SECRETS["confided"] in heard
    assert admin.taps("交给别的经办人").startswith(need_words.PICK_KEEPER)
    assert SECRET not in heard + admin.heard
    assert need_words.HANDED_OVER in admin.taps("周干事")
    assert "没有待办" in admin.says("我的任务")
    second.says("我的任务")
    second.taps("待处理")
    assert SECRET in second.taps("去办理")
    with open_session() as session:
        assert session.get_one(table, key).state == "triaged"
