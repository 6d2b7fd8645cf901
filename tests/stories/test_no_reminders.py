"""A relative who does not want reminders says so in the chat, and takes it back there."""

from models.messages.optouts import wants_none


def test_reminders_are_switched_off_and_on_in_two_taps(talk, cast, open_session):
    xiaofang = talk(cast.xiaofang)
    xiaofang.says("我的资料")
    assert "不再提醒" in xiaofang.taps("不要提醒")
    with open_session() as session:
        assert wants_none(session, cast.xiaofang.id, "family.reminder")
    xiaofang.says("我的资料")
    assert "照常提醒" in xiaofang.taps("恢复提醒")
    with open_session() as session:
        assert not wants_none(session, cast.xiaofang.id, "family.reminder")
