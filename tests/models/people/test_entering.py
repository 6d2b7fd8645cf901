"""Ways in and sessions: a state is used once, whoever races for it; an epoch ends what was begun before it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from models.errors import Refused
from models.people.entering import STATE_LASTS, arrive, begin, end_sessions, use
from models.people.homes import centres_near
from models.people.identities import Identity
from models.people.persons import Person
from tests.cast import APP_ID
from tests.world import NOW


def begun(session, **more):
    begin(session, **{"state": "s", "browser": "b", "path": "/m/orders", "now": NOW, **more})


def test_of_two_who_bring_a_state_at_once_one_gets_it(open_session):
    with open_session() as session, session.begin():
        begun(session, again=True)

    def bring(_):
        with open_session() as session, session.begin():
            try:
                return use(session, state="s", browser="b", now=NOW)
            except Refused as refusal:
                return refusal.code

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(bring, range(8)))
    assert got.count("entry_unknown") == 7
    assert ("/m/orders", True) in got


@pytest.mark.parametrize(
    "brought",
    [
        {"state": "t"},
        {"browser": "c"},
        {"browser": ""},
        {"now": NOW + STATE_LASTS},
        {"now": NOW - timedelta(seconds=1)},
    ],
)
def test_a_state_that_does_not_fit_is_refused_with_one_answer(session, brought):
    begun(session)
    with pytest.raises(Refused, match="entry_unknown"):
        use(session, **{"state": "s", "browser": "b", "now": NOW, **brought})
    assert use(session, state="s", browser="b", now=NOW).path == "/m/orders"


def test_an_epoch_ends_every_session_of_one_person_only(session, cast):
    end_sessions(session, cast.xiaofang.id, NOW)
    end_sessions(session, cast.xiaofang.id, NOW)
    epochs = [session.get_one(Person, person.id).session_epoch for person in (cast.xiaofang, cast.aming)]
    assert epochs == [2, 0]


def test_who_arrives_again_is_the_same_and_follows_as_before(session, cast):
    known = cast.identities[cast.xiaofang.id]
    found = arrive(session, app_id=APP_ID, openid=known.openid, now=NOW)
    assert (found.id, found.following) == (known.id, True)
    made = arrive(session, app_id=APP_ID, openid="o-new", now=NOW)
    assert session.get_one(Identity, made.id).following is False


def test_whoever_belongs_nowhere_may_still_phone_somebody(session, cast):
    assert [c.id for c in centres_near(session, cast.wangnainai.id)] == [cast.centre.id]
    assert [c.id for c in centres_near(session, cast.laoxu.id)] == [cast.centre.id]
    assert [c.id for c in centres_near(session, cast.zhao.id)] == [cast.other_centre.id]
