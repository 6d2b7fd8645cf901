"""The morning's digest names what is still to be done by whom it is for."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.tasks.desk import acknowledge as see
from models.tasks.desk import finish
from models.tasks.taking import Seen, acknowledge, hand_over
from tests.models.ordering.test_overtaken import fresh
from tests.models.ordering.voicing import joins
from tests.models.tasks.test_telling import opened
from tests.world import NOW

MINUTE = timedelta(minutes=1)


def named_in_digests(session):
    query = select(Letter).where(Letter.kind == "tasks.digest", Letter.state == "planned")
    return {(one.person_id, entry["task"]) for one in fresh(session, query) for entry in one.facts["items"]}


@pytest.mark.parametrize("how", ["acknowledge", "hand_over"])
def test_a_digest_does_not_name_what_a_colleague_has_taken_on(session, cast, how):
    second = joins(session, "周干事", cast.village, "station_cadre")
    tasks = [opened(session, cast, n) for n in range(4)]
    one = tasks[-1]
    assert named_in_digests(session) == {(cast.li.id, one.id), (second.person_id, one.id)}
    seen = Seen(one.state, one.assignee_id)
    if how == "acknowledge":
        acknowledge(session, cast.who(cast.li), one.id, seen, NOW + MINUTE)
        assert (second.person_id, one.id) not in named_in_digests(session)
    else:
        hand_over(session, cast.who(cast.li), one.id, seen, second.person_id, NOW + MINUTE)
        handed = fresh(session, select(Letter).where(Letter.kind == "tasks.assigned", Letter.key.contains("/handed/")))
        assert [letter.person_id for letter in handed] == [second.person_id]
        assert named_in_digests(session) == set()


@pytest.mark.parametrize("door", ["desk", "chat"])
def test_a_letter_that_waits_does_not_tell_of_what_a_colleague_has_taken_on(session, cast, door):
    """Of an evening, say: in the morning they would look for it in vain, or phone the resident a second time."""
    second = joins(session, "周干事", cast.village, "station_cadre")
    task = opened(session, cast, 0, kind="phone_call", due_at=NOW + timedelta(hours=20))
    if door == "desk":
        acknowledge(session, cast.who(cast.li), task.id, Seen("open", None), NOW + MINUTE)
    else:
        see(session, cast.who(cast.li), task.id, NOW + MINUTE)
    told = fresh(session, select(Letter).where(Letter.kind == "tasks.assigned"))
    assert {(one.person_id, one.state) for one in told} == {
        (cast.li.id, "withdrawn"), (second.person_id, "withdrawn")
    }  # fmt: skip


def test_a_digest_that_was_put_off_names_what_is_still_to_be_done_and_an_empty_one_does_not_go(session, cast):
    tasks = [opened(session, cast, n) for n in range(5)]
    (digest,) = fresh(session, select(Letter).where(Letter.kind == "tasks.digest"))
    digest.state = "retry"  # a template that is out of order, say
    session.flush()
    finish(session, cast.who(cast.li), tasks[3].id, NOW + MINUTE)
    session.refresh(digest)
    assert (digest.state, [item["task"] for item in digest.facts["items"]]) == ("retry", [tasks[4].id])
    finish(session, cast.who(cast.li), tasks[4].id, NOW + MINUTE)
    session.refresh(digest)
    assert digest.state == "withdrawn"
