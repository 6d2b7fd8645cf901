"""王奶奶 has WeChat herself: what she reads of her own calls in the conversation, and how she comes in."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.family.calls import FamilyCall
from models.people.persons import Person
from tests.gate import config_for
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.own_phone import with_a_phone
from tests.world import NOW

ACCOUNT = config_for("sqlite:///nowhere").wechat.official_account.app_id


@pytest.fixture
def call(open_session, cast):
    """小芳's call with her, and her own phone."""
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, ACCOUNT)
        return booked(session, cast).id


def test_she_hears_of_her_call_and_whom_to_phone_and_can_move_nothing(talk, cast, call, open_session):
    her = talk(cast.wangnainai)
    assert "小芳 11月29日（周日）16:00" in her.says("我的连线")
    heard = her.taps("小芳")
    for part in ("和小芳视频（已约好）", "11月29日（周日）16:00", "葛山村", "陪着您", "请打电话0578-5550101"):
        assert part in heard, part
    assert "马德里" not in heard
    assert not any(part in link["label"] for part in ("改时间", "取消", "请家人", "换种") for link in her.links)
    for address in ("move", "cancel", "cancel/0", "way", "way/by_hand.voice", "guests", "undo", "leave"):
        assert "没有找到" in her.at(f"call/{call}/{address}"), address
    assert "从这一次开始" not in her.says("定期连线")
    assert "没有找到" in her.at(f"call/series/of/{call}")
    with open_session() as session:
        found = session.get_one(FamilyCall, call)
        assert (found.state, found.revision, found.way) == ("booked", 0, "room")


def test_near_its_time_she_comes_in_with_two_words(talk, cast, call, open_session):
    her = talk(cast.wangnainai)
    assert "现在没有可以进入的视频" in her.says("进入视频")
    near(open_session, call)
    assert "/video/" in her.says("进入视频")
    her.at(f"call/{call}")
    assert "/video/" in her.taps("进入视频")


def test_where_a_cadre_puts_it_through_there_is_nothing_to_tap(talk, cast, call, open_session):
    her = talk(cast.wangnainai)
    near(open_session, call, way="by_hand")
    assert "现在没有可以进入的视频" in her.says("进入视频")
    heard = her.at(f"call/{call}")
    assert "用自己的手机" not in heard
    assert "进入视频" not in heard
    assert "工作人员帮您接通" in her.at(f"call/{call}/join")


def test_when_it_is_cancelled_she_reads_so_without_what_was_typed(talk, cast, call):
    daughter = talk(cast.xiaofang)
    daughter.at(f"call/{call}/cancel")
    daughter.says("要做手术")
    heard = talk(cast.wangnainai).at(f"call/{call}")
    assert "已取消" in heard
    assert "手术" not in heard
    assert "陪着您" not in heard
    assert "来不了" not in heard


def test_a_child_under_fourteen_hears_of_none(talk, cast, call, open_session):
    with open_session() as session, session.begin():
        session.execute(update(Person).where(Person.id == cast.wangnainai.id).values(left_behind="child"))
    her = talk(cast.wangnainai)
    assert "没有约好的视频" in her.says("我的连线")
    assert "没有找到" in her.at(f"call/{call}")


def near(open_session, call, **more):
    """The call begins in ten minutes."""
    assert SUNDAY_16 > NOW
    at = NOW + timedelta(minutes=10)
    with open_session() as session, session.begin():
        session.execute(
            update(FamilyCall).where(FamilyCall.id == call)
            .values(starts_at=at, ends_at=at + timedelta(minutes=30), **more)
        )  # fmt: skip
