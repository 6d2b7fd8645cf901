"""A request with a key happens once, whoever asks again and however many at once."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.messages.answers import KEPT, Answer, Said, begin, forget_answers, keep
from models.people.joining import join
from models.people.persons import Person
from tests.world import NOW

ASKED = {"key": "key-1", "route": "POST /api/v1/orders", "body_hash": "a" * 64, "now": NOW}


def test_the_second_hears_what_the_first_was_answered(session, cast):
    me = cast.xiaofang.id
    assert begin(session, person_id=me, **ASKED) is None
    keep(session, person_id=me, key="key-1", status=201, body="placed")
    assert begin(session, person_id=me, **ASKED) == Said(201, "placed")


@pytest.mark.parametrize("other", [{"body_hash": "b" * 64}, {"route": "POST /api/v1/logout"}])
def test_a_key_stands_for_one_request_only(session, cast, other):
    begin(session, person_id=cast.xiaofang.id, **ASKED)
    with pytest.raises(Refused, match="idempotency_mismatch"):
        begin(session, person_id=cast.xiaofang.id, **{**ASKED, **other})


def test_a_key_is_each_persons_own(session, cast):
    begin(session, person_id=cast.xiaofang.id, **ASKED)
    assert begin(session, person_id=cast.aming.id, **ASKED) is None


def test_a_key_is_forgotten_after_a_day(session, cast):
    me, late = cast.xiaofang.id, NOW + KEPT + timedelta(seconds=1)
    begin(session, person_id=me, **ASKED)
    keep(session, person_id=me, key="key-1", status=201, body="placed")
    assert begin(session, person_id=me, **{**ASKED, "now": NOW + KEPT}) == Said(201, "placed")
    assert begin(session, person_id=me, **{**ASKED, "now": late, "body_hash": "b" * 64}) is None
    begin(session, person_id=me, **{**ASKED, "key": "key-2"})
    assert forget_answers(session, late) == 1
    assert session.scalars(select(Answer.key)).all() == ["key-1"]


def test_the_answers_of_a_person_who_turns_out_to_be_another_go_with_them(session, cast):
    begin(session, person_id=cast.aming.id, **ASKED)
    keep(session, person_id=cast.aming.id, key="key-1", status=200, body="seen")
    join(session, session.get_one(Person, cast.aming.id), session.get_one(Person, cast.xiaofang.id))
    assert begin(session, person_id=cast.xiaofang.id, **ASKED) == Said(200, "seen")


def race(open_session, me, fails=()):
    """Ten at once; the n-th comes to nothing where `fails` says so. Answers who worked, and what the others heard."""
    worked, heard, start = [], [], threading.Barrier(10)

    def ask():
        start.wait()
        with open_session() as session, session.begin() as transaction:
            said = begin(session, person_id=me, **ASKED)
            if said is not None:
                heard.append(said.body)
                return
            worked.append(len(worked))
            if worked[-1] in fails:
                transaction.rollback()
                return
            keep(session, person_id=me, key="key-1", status=201, body=f"work {worked[-1]}")

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return worked, heard


def test_of_ten_at_once_one_works_and_nine_hear_it(open_session, cast):
    worked, heard = race(open_session, cast.xiaofang.id)
    assert (worked, heard) == ([0], ["work 0"] * 9)
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Answer)) == 1


def test_where_the_first_came_to_nothing_the_next_does_the_work(open_session, cast):
    worked, heard = race(open_session, cast.xiaofang.id, fails={0})
    assert (worked, heard) == ([0, 1], ["work 1"] * 8)
