"""WeChat refuses the account: its administrator hears what to do, and says in two taps that it is done."""

import pytest

from models.messages.breakers import Blown
from models.people.staff import StaffRole
from models.tasks.alarm import raise_alarm
from models.tasks.tasks import Task
from tests.desk import Clerk, give_account
from tests.world import NOW


@pytest.fixture
def task(open_session, cast):
    with open_session() as session, session.begin():
        session.add(StaffRole(person_id=cast.chen.id, role="county_admin", area_id=cast.county.id, since=NOW))
        give_account(session, cast.chen.id, "chen")
        blown = Blown(
            "wx-test-account", "template", "family.reminder", "40037", "no such template rid: 66-b7", needs_person=True
        )
        return raise_alarm(session, blown, NOW).id


def test_it_is_read_and_done_in_two_taps(talk, cast, open_session, task):
    chen = talk(cast.chen)
    assert "微信消息出了问题 亲情连线提醒" in chen.says("我的任务")
    assert "公众号模板消息“亲情连线提醒”发不出去：模板被停用或删掉了。" in chen.taps("微信消息出了问题")
    assert "已记为办好" in chen.taps("已经办好")
    with open_session() as session:
        assert session.get_one(Task, task).state == "done"


def test_at_the_desk_it_stands_on_the_first_page_the_list_and_its_own_page(talk, cast, task):
    clerk = Clerk(talk(cast.chen).wire.app)
    clerk.signs_in("chen")
    for path in ("/console/", "/console/tasks/?kind=wechat_stopped"):
        clerk.opens(path)
        assert "微信消息出了问题<small>亲情连线提醒</small>" in clerk.page
    clerk.opens(f"/console/tasks/{task}")
    assert "模板被停用或删掉了。请登录微信公众平台" in clerk.page
    assert "报错信息，请转给系统管理员：40037 no such template rid: 66-b7" in clerk.page
    assert '<a href="/console/letters/?state=waiting">查看还没发出的通知</a>' in clerk.page
    assert "姓名和电话只显示一部分" not in clerk.page, "it is about nobody"
    assert clerk.posts(f"/console/tasks/{task}/done", seen=clerk.seen()).status_code == 303
