"""Many letters left at once are what they would have been one by one, in one INSERT."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import event, func, select

from models.messages.letters import Letter
from models.messages.outbox import Draft, post_many
from tests.letters import posted
from tests.world import NOW

OWN = ("id", "key", "client_msg_id")  # what no two letters share


def drafts(cast, prefix=""):
    """Everything that a draft may say, and what stands there when it says nothing."""
    plain = {"person_id": cast.xiaofang.id, "facts": {"a": "“引号”", "n": [1, None]}, "subject": "call:1"}
    return [
        Draft(key=f"{prefix}1", kind="family.reminder", **plain),
        Draft(key=f"{prefix}2", kind="messages.reply", app_id="wx1", **plain),
        Draft(key=f"{prefix}3", kind="tasks.digest", urgency="digest", channel="customer_service", revision=3, **plain),
        Draft(key=f"{prefix}4", kind="family.reminder", due_at=NOW + timedelta(hours=2), about_id=cast.wangnainai.id,
              useful_until=NOW + timedelta(hours=3), **plain),
    ]  # fmt: skip


def columns(letter):
    return {column.name: getattr(letter, column.name) for column in Letter.__table__.columns if column.name not in OWN}


def test_many_are_as_one_by_one(session, cast):
    many = post_many(session, drafts(cast, "m"), NOW)
    single = [posted(session, now=NOW, **vars(draft)) for draft in drafts(cast, "s")]
    session.expire_all()
    assert [columns(letter) for letter in many] == [columns(letter) for letter in single]
    assert [letter.key for letter in many] == ["m1", "m2", "m3", "m4"]
    assert len({letter.client_msg_id for letter in (*many, *single)}) == 8


def test_what_is_there_already_is_answered_and_left_as_it_is(session, cast):
    wanted = drafts(cast)
    there = posted(session, now=NOW, **{**vars(wanted[1]), "facts": {"old": True}})
    found = post_many(session, [*wanted, wanted[0]], NOW + timedelta(hours=1))
    assert found[1] is there
    assert (found[1].facts, found[1].created_at) == ({"old": True}, NOW)
    assert found[0] is found[4]
    assert [letter.key for letter in post_many(session, wanted, NOW)] == [draft.key for draft in wanted]
    assert session.scalar(select(func.count()).select_from(Letter)) == 4
    assert post_many(session, [], NOW) == []


def test_it_is_one_insert(session, cast, engine):
    said = []
    listen = lambda connection, cursor, statement, *rest: said.append(statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", listen)
    post_many(session, [Draft(**{**vars(drafts(cast)[0]), "key": f"k{n}"}) for n in range(60)], NOW)
    event.remove(engine, "before_cursor_execute", listen)
    assert len([one for one in said if one.startswith("INSERT INTO letters")]) == 1
    assert session.scalar(select(func.count()).select_from(Letter)) == 60


def test_two_who_leave_the_same_letters_at_once_leave_them_once(open_session, cast):
    together = Barrier(2)

    def leave(_):
        together.wait()
        with open_session() as session, session.begin():
            return [letter.id for letter in post_many(session, drafts(cast), NOW)]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(leave, range(2))
    assert first == second
