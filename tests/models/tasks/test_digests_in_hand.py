"""The morning's digest names what is still to be done by whom it is for."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
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
