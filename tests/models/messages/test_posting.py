"""Many letters left at once are what they would have been one by one, in one stream where the database takes one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError, StatementError

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


def by_key(session, *keys):
    return list(session.scalars(select(Letter).where(Letter.key.in_(keys)).order_by(Letter.key)))


def test_many_are_as_one_by_one(session, cast):
    post_many(session, drafts(cast, "m"), NOW)
    single = [posted(session, now=NOW, **vars(draft)) for draft in drafts(cast, "s")]
    session.expire_all()
    many = by_key(session, "m1", "m2", "m3", "m4")
    assert [columns(letter) for letter in many] == [columns(letter) for letter in single]
    assert len({letter.client_msg_id for letter in (*many, *single)}) == 8


def test_what_is_there_already_is_left_as_it_is(session, cast):
    wanted = drafts(cast)
    there = posted(session, now=NOW, **{**vars(wanted[1]), "facts": {"old": True}})
    post_many(session, [*wanted, wanted[0]], NOW + timedelta(hours=1))
    session.expire_all()
    assert (there.facts, there.created_at) == ({"old": True}, NOW)
    assert [letter.created_at == NOW for letter in by_key(session, "1", "2", "3", "4")] == [False, True, False, False]
    post_many(session, wanted, NOW)
    post_many(session, [], NOW)
    assert session.scalar(select(func.count()).select_from(Letter)) == 4


def test_they_are_one_stream_where_the_database_takes_one_and_else_one_statement(engine, session, cast):
    said = []
    listen = lambda connection, cursor, statement, *rest: said.append(statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", listen)
    post_many(session, [Draft(**{**vars(drafts(cast)[0]), "key": f"k{n}"}) for n in range(60)], NOW)
    event.remove(engine, "before_cursor_execute", listen)
    inserts = [one for one in said if one.startswith("INSERT INTO letters")]
    assert len(inserts) == (0 if engine.dialect.name == "postgresql" else 1)
    assert session.scalar(select(func.count()).select_from(Letter)) == 60


def test_what_cannot_be_is_said_as_it_is_of_one(session, cast):
    one, *others = drafts(cast)
    with pytest.raises(StatementError, match="naive"):
        post_many(session, [*others, replace(one, due_at=datetime(2026, 11, 25, 9))], NOW)
    session.rollback()
    with pytest.raises(IntegrityError):
        post_many(session, [*others, replace(one, person_id=10**9)], NOW)


def test_two_who_leave_the_same_letters_at_once_leave_them_once(open_session, cast):
    together = Barrier(2)

    def leave(_):
        together.wait()
        with open_session() as session, session.begin():
            post_many(session, drafts(cast), NOW)
            return [letter.id for letter in by_key(session, "1", "2", "3", "4")]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(leave, range(2))
    assert first == second and len(first) == 4
