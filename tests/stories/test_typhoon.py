"""A typhoon: the clerk shuts the centre at the desk, a daughter says yes to another time, a cadre sees to the rest."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from handlers.family.letter_words import letter as in_words
from models.family.booking import book
from models.family.calls import FamilyCall
from models.messages.letters import Letter
from models.tasks.tasks import Task
from scheduler.plan import plan_anew
from tests.desk import Clerk, give_account
from tests.models.family.test_calls import SUNDAY_16
from tests.models.messages.test_rules import hands
from tests.wx_backend.test_console_closures import confirms, previews

HOUR = timedelta(hours=1)


def read(open_session, kind, call, reader):
    """A letter about a call as its reader sees it."""
    with open_session() as session:
        query = select(Letter).where(
            Letter.kind == kind, Letter.subject == f"call:{call}", Letter.person_id == reader.id
        )  # fmt: skip
        return in_words(kind, session.scalars(query).one().facts, ZoneInfo(reader.time_zone)).text


@pytest.mark.case("D19")
def test_a_typhoon_shuts_the_centre_and_every_family_knows_where_it_is(talk, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        asked, off, kept = [
            book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16 - n * HOUR,
                 client_key=f"k{n}", now=SUNDAY_16 - timedelta(days=5)).id
            for n in range(3)
        ]  # fmt: skip
    me, li = talk(cast.xiaofang), talk(cast.li)
    clerk = Clerk(me.wire.app)
    clerk.signs_in("li")
    previews(clerk, cast)
    here = confirms(clerk, cast, **{"all": "ask", f"do-{off}": "cancel", f"do-{kept}": "keep",
                                    "instead": "开门后可以再约"}).location.partition("?")[0]  # fmt: skip
    # What she hears, by her own clock, and what she says.
    question = read(open_session, "family.asked_to_move", asked, cast.xiaofang)
    assert "国内11月29日（周日）16:00 · 马德里09:00改到国内11月30日（周一）" in question
    assert "原因：台风。别的办法：开门后可以再约。" in read(open_session, "family.cancelled", off, cast.xiaofang)
    me.says("我的连线")
    assert "原因：台风" in me.taps("请答复")
    assert "改好了" in me.taps("同意改时间")
    # The clock lays the one that was kept before the cadre, once.
    assert [plan_anew(hands(open_session)) for _ in range(2)] == [1, 0]
    with open_session() as session:
        (task,) = session.scalars(select(Task).where(Task.kind == "closure"))
        assert [line["call"] for line in task.facts["calls"]] == [kept]
    li.says("我的任务")
    assert "葛山村党群服务中心在这些时间不开门（台风）" in li.taps("葛山村党群服务中心")
    clerk.opens(here)
    for told in ("家人同意了，改到国内11月30日（周一）", "已取消，家人会收到通知", "保留，会变成任务"):
        assert told in clerk.text()
    # Nobody books those days any more; and when the typhoon turns away, they are open again.
    with open_session() as session:
        assert session.get_one(FamilyCall, kept).state == "booked"
    assert clerk.posts(f"{here}/back").status_code == 303
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        assert session.get_one(Task, task.id).state == "cancelled"
        assert [session.get_one(FamilyCall, key).state for key in (asked, off, kept)] == [
            "booked", "cancelled", "booked"
        ]  # fmt: skip
