"""Who does not want reminders of calls, or of visits, says so in the chat, and takes it back there."""

import pytest

from models.messages.optouts import opted_out, wish
from tests.letters import posted
from tests.models.messages.test_outbox import claimed
from tests.world import NOW


@pytest.mark.parametrize(("what", "kind"), [("视频", "family.reminder"), ("上门", "ordering.reminder")])
def test_reminders_are_switched_off_and_on_in_two_taps(talk, cast, open_session, what, kind):
    xiaofang = talk(cast.xiaofang)
    xiaofang.says("我的资料")
    assert f"不再提醒您{what}" in xiaofang.taps(f"不要{what}提醒")
    with open_session() as session:
        assert opted_out(session, [cast.xiaofang.id]) == {cast.xiaofang.id: [kind]}
    xiaofang.says("我的资料")
    assert "照常提醒" in xiaofang.taps(f"恢复{what}提醒")
    with open_session() as session:
        assert opted_out(session, [cast.xiaofang.id]) == {}


def test_an_address_of_no_kind_switches_off_nothing(talk, cast, open_session):
    talk(cast.xiaofang).at("me/reminders/tasks/off")
    with open_session() as session:
        assert opted_out(session, [cast.xiaofang.id]) == {}


def test_who_wants_no_reminders_of_visits_hears_of_a_change_or_an_end_and_of_calls(session, at_home):
    cast = at_home
    wish(session, cast.xiaofang.id, "ordering.reminder", silent=True, now=NOW)
    kinds = ("ordering.reminder", "family.reminder", "ordering.called_off", "ordering.named", "ordering.cancelled")
    made = {
        kind: posted(session, key=kind, person_id=cast.xiaofang.id, kind=kind, facts={}, subject="visit:1", now=NOW).id
        for kind in kinds
    }
    batch = claimed(session)
    assert batch.suppressed == [made["ordering.reminder"]]
    assert {one.kind for one in batch.letters} == set(kinds[1:])
