"""Who follows without our having been told: what they do shows it, or WeChat is asked when they open a page."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.people.identities import Identity
from models.tasks.desk import open_task
from models.tasks.holding import hold
from models.tasks.tasks import Task
from tests.world import NOW
from wx_backend.wechat.transport import Unreached


def stands(open_session, openid):
    """Whether this identity follows, whether it can be written to, and why not."""
    columns = Identity.following, Identity.reachable, Identity.unreachable_why
    with open_session() as session:
        return tuple(session.execute(select(*columns).where(Identity.openid == openid)).one())


def mark(open_session, openid, **values):
    with open_session() as session, session.begin():
        session.execute(update(Identity).where(Identity.openid == openid).values(**values))


HERE = (True, True, "")
LEFT = {"following": False}
BLOCKED = {"reachable": False, "unreachable_why": "user block"}


@pytest.mark.both
class TestInChat:
    """The event was lost: WeChat asks three times within seconds, and then no more."""

    @pytest.mark.parametrize("event", ["VIEW", "CLICK", "SCAN", "LOCATION", "scancode_push"])
    @pytest.mark.parametrize("before", [LEFT, {"reachable": False, "unreachable_why": "43004"}], ids=["left", "43004"])
    def test_who_taps_what_only_followers_have_is_written_to_again(self, wire, open_session, event, before):
        wire.send(wire.event("o-1", "subscribe"))
        mark(open_session, "o-1", **before)
        wire.send(wire.event("o-1", event, EventKey="https://centre.example.org/m/enter"))
        assert stands(open_session, "o-1") == HERE

    def test_so_is_who_writes(self, wire, open_session):
        wire.send(wire.text("o-1", "菜单"))
        wire.send(wire.event("o-1", "unsubscribe"))
        assert stands(open_session, "o-1")[0] is False
        wire.send(wire.text("o-1", "随便说说"))
        assert stands(open_session, "o-1") == HERE

    @pytest.mark.parametrize("fields", [
        {"event": "TEMPLATESENDJOBFINISH", "MsgID": "7", "Status": "success"},
        {"event": "subscribe_msg_popup_event"}, {"event": "user_info_modified"}, {"event": "unsubscribe"},
    ], ids=lambda fields: fields["event"])  # fmt: skip
    def test_what_comes_by_itself_or_from_a_page_shows_nothing(self, wire, open_session, fields):
        wire.send(wire.text("o-1", "菜单"))
        mark(open_session, "o-1", **LEFT)
        name = {**fields}.pop("event")
        wire.send(wire.event("o-1", name, **{key: value for key, value in fields.items() if key != "event"}))
        assert stands(open_session, "o-1")[0] is False

    def test_who_refuses_our_messages_may_write_and_goes_on_refusing(self, wire, open_session):
        wire.send(wire.text("o-1", "菜单"))
        mark(open_session, "o-1", **BLOCKED)
        wire.send(wire.text("o-1", "菜单"))
        assert stands(open_session, "o-1") == (True, False, "user block")

    def test_what_is_written_in_the_mini_program_says_nothing_of_following(self, wire_for, open_session):
        mini = wire_for("/wechat/mini/callback")
        mini.send(mini.text("o-1", "菜单"))
        mark(open_session, "o-1", **LEFT)
        mini.send(mini.text("o-1", "菜单"))
        assert stands(open_session, "o-1")[0] is False


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestAtThePages:
    """Somebody who followed before this software came to the account opens a page first."""

    def test_whoever_follows_already_is_written_to_from_then_on(self, pages, open_session):
        pages.inside("o-follower", following=True)
        assert stands(open_session, "o-follower") == HERE

    def test_what_waited_for_them_goes_on(self, pages, cast, open_session):
        mark(open_session, f"o-{cast.xiaofang.id}", **LEFT)
        with open_session() as session, session.begin():
            task = open_task(
                session, key="k", kind="phone_call", area_id=cast.village.id, subject="letter:1", facts={},
                person_id=cast.xiaofang.id, now=NOW, due_at=NOW + timedelta(days=2),
            )  # fmt: skip
            hold(session, cast.who(cast.li), task.id, why="等她关注", now=NOW)
            key = task.id
        pages.inside(cast.xiaofang, following=True)
        with open_session() as session:
            assert session.get_one(Task, key).state == "acknowledged"

    def test_wechat_is_asked_only_of_who_is_not_known_to_follow(self, pages, cast, far_end):
        far_end.world.calls.clear()
        pages.inside(cast.xiaofang)
        assert "/cgi-bin/user/info" not in far_end.world.calls
        pages.inside("o-somebody-new")
        assert far_end.world.calls["/cgi-bin/user/info"] == 1

    def test_wechat_not_saying_so_keeps_nobody_out(self, pages, open_session, monkeypatch):
        client = pages.app.extensions["pages"].entrance.client

        def away(openid):
            raise Unreached("away")

        monkeypatch.setattr(client, "is_followed_by", away)
        assert pages.inside("o-follower", following=True).get("/m/").status_code == 200
        assert stands(open_session, "o-follower")[0] is False
