"""What is overtaken is not said, what was merged or kept in a line is counted as it was."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.ordering.dispatch import accept, hand_back
from models.ordering.joining import take
from models.ordering.placing import cancel
from models.ordering.publishing import publish
from models.ordering.triage import adopt, merge, unmerge
from models.people.identities import Identity
from models.tasks.tasks import Task
from tests.models.ordering.test_catalogue import order as placed
from tests.models.ordering.test_catalogue import set_terms
from tests.models.ordering.test_demands import draft, item
from tests.models.ordering.test_dispatch import offer_of, ordered
from tests.models.ordering.test_waiting import PLACES, others, taken, waits
from tests.models.ordering.voicing import lives, says
from tests.world import NOW

MINUTE = timedelta(minutes=1)


def fresh(session, query):
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def test_all_voices_behind_a_need_hear_where_it_stands_when_it_is_merged(session, cast):
    chen = cast.who(cast.chen)
    first, tail, head = (says(session, lives(session, name, cast.village)) for name in ("甲", "乙", "丙"))
    adopt(session, chen, first.id, item(session, cast, chen).id, NOW)
    publish(session, chen, draft(session, cast, chen).id, NOW)
    merge(session, chen, tail.id, head.id, NOW)
    merge(session, chen, head.id, first.id, NOW)
    told = fresh(session, select(Letter).where(Letter.kind == "ordering.matter_listed").order_by(Letter.id))
    people = fresh(session, select(Task).where(Task.kind == "tell_in_person").order_by(Task.id))
    heard = {one.person_id for one in told} | {
        one.person_id for one in people if one.facts["letter_kind"] == "ordering.matter_listed"
    }
    assert {tail.person_id, head.person_id} <= heard


def test_who_stands_behind_a_need_that_is_parted_hears_no_more_that_it_is_listed(session, cast):
    chen = cast.who(cast.chen)
    first, tail, head = (says(session, lives(session, name, cast.village)) for name in ("甲", "乙", "丙"))
    adopt(session, chen, first.id, item(session, cast, chen).id, NOW)
    merge(session, chen, tail.id, head.id, NOW)
    merge(session, chen, head.id, first.id, NOW)
    publish(session, chen, draft(session, cast, chen).id, NOW)
    unmerge(session, chen, head.id, NOW + MINUTE)
    told = fresh(session, select(Letter).where(Letter.kind == "ordering.matter_listed").order_by(Letter.id))
    assert {(one.person_id, one.state) for one in told} == {
        (first.person_id, "planned"),
        (tail.person_id, "withdrawn"),
        (head.person_id, "withdrawn"),
    }


def test_a_cadre_is_not_sent_to_say_what_has_been_overtaken(session, cast):
    for one in fresh(session, select(Identity).where(Identity.person_id == cast.wangnainai.id)):
        one.following = False
    session.flush()
    order = ordered(session, cast)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    hand_back(session, cast.who(cast.laoxu), offer.id, "车坏了", NOW + MINUTE)
    tasks = fresh(session, select(Task).where(Task.kind == "tell_in_person").order_by(Task.id))
    assert [one.state for one in tasks] == ["cancelled", "open"]
    letters = fresh(session, select(Letter).where(Letter.subject == f"task:{tasks[0].id}"))
    assert [one.state for one in letters] == ["withdrawn"] * len(letters) != []


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_what_was_kept_in_the_line_is_what_the_order_holds(session, cast, before, after):
    set_terms(session, cast, capacity=2, questions=[{**PLACES[0], "places": before}])
    gone = [placed(session, cast, client_key=f"k{n}", answers={"portions": 1}) for n in range(2)]
    entry = waits(session, cast, others(session, cast, 1)[0], answers={"portions": 2})
    set_terms(session, cast, capacity=2, questions=[{**PLACES[0], "places": after}])  # another version is in force
    for one in gone:
        cancel(session, cast.who(cast.xiaofang), one.id, "", NOW)
    assert entry.state == "offered"
    order = take(session, cast.who(cast.li), entry.id, NOW)
    cancel(session, cast.who(cast.li), order.id, "", NOW + MINUTE)
    session.expire_all()
    assert taken(session) == 0
