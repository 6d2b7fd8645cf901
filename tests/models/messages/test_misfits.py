"""A letter that does not fit its template holds back nobody else's; a template that fits no letter stops."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.breakers import Breaker, Breakers, standing
from models.messages.letters import Letter
from models.messages.outcomes import Failed, Sent, Unsure
from models.messages.passage import give_up
from models.messages.settling import settle
from models.messages.subscriptions import agree
from models.tasks.undelivered import hand_over
from scheduler.units import in_unit
from tests.cast import APP_ID
from tests.letters import posted
from tests.models.messages.test_breakers import breakers, come_back
from tests.models.messages.test_ladder import TOPIC, TOPICS, mini_identity
from tests.models.messages.test_outbox import FREE, carried, claimed
from tests.world import NOW
from wx_backend.wechat.errcodes import failed

MISFIT, TOO_LONG = failed(47003, "thing1", NOW), failed(45002, "", NOW)
KIND = "people.link_declined"
YES = Sent("7", "好")


@pytest.fixture
def cast(at_home):
    return at_home


def letters(session, cast, count, **more):
    """About different things, as those of different people are."""
    at = len(session.scalars(select(Letter.id)).all())
    return [
        posted(session, key=f"n{n}", person_id=cast.xiaofang.id, now=NOW, facts={}, kind=more.get("kind", KIND),
               subject=more.get("subject", f"s:{n}"), about_id=more.get("about_id"))
        for n in range(at, at + count)
    ]  # fmt: skip


def take(session, count, now=NOW):
    """So many letters to carry; whom nothing reaches is a cadre's, as with any sender."""
    taken, batch = [], None
    while len(taken) < count and (batch is None or batch.total):
        batch = claimed(session, now=now, limit=count - len(taken))
        taken += batch.letters
        for key in batch.homeless:
            give_up(session.get_one(Letter, key), now)
        session.flush()
    return taken


def try_all(session, outcomes, now=NOW):
    """Claim as many letters as there are outcomes, and settle them so; answers what each is then, and what opened."""
    batch = take(session, len(outcomes), now)
    blown = come_back(session, batch, outcomes[: len(batch)], now=now).blown
    session.expire_all()
    return [state(session.get_one(Letter, one.id)) for one in batch], blown


def state(letter):
    """Its state; "down" when it went its next rung."""
    return letter.state if letter.channel == "template" else "down"


@pytest.mark.parametrize("refused", [MISFIT, TOO_LONG], ids=["47003", "45002"])
def test_one_letter_that_does_not_fit_is_a_cadres_at_once_and_everybody_elses_go(session, cast, refused):
    odd = letters(session, cast, 5)[0]
    assert try_all(session, [refused]) == (["down"], [])
    assert standing(session, NOW) == Breakers({})
    assert len(take(session, 5)) == 4
    assert (odd.state, hand_over(session, odd, NOW).kind) == ("dead", "phone_call")


def test_it_goes_its_next_rung_at_once(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW)
    (odd,) = letters(session, cast, 1)
    try_all(session, [MISFIT])
    assert (odd.state, odd.error_code, odd.next_at) == ("retry", "47003", NOW)
    assert [one.channel for one in claimed(session, allowance=TOPICS).letters] == ["mini_subscription"]


def test_misfits_beside_one_that_goes_are_those_letters_own_affair(session, cast):
    letters(session, cast, 9)
    assert try_all(session, [MISFIT] * 8 + [YES]) == (["down"] * 8 + ["sent"], [])
    assert breakers(session) == []


def test_a_batch_of_which_none_fits_waits_for_its_template_and_is_said_once(session, cast):
    all_ = letters(session, cast, 20)
    states, blown = try_all(session, [MISFIT] * 6)
    assert states == ["retry"] * 6
    assert {one.next_at - NOW for one in all_ if one.tries} == {timedelta(minutes=5)}
    assert [(one.app_id, one.kind, one.code) for one in blown] == [(APP_ID, KIND, "47003")]
    assert claimed(session, now=NOW + timedelta(minutes=4)).letters == []
    # What was on the wire meanwhile waits with them.
    late = letters(session, cast, 1)[0]
    late.state, late.lease_owner, late.tries = "sending", "me", 1
    session.flush()
    assert come_back(session, [late], [MISFIT]).blown == []
    assert state(late) == "retry"


def test_of_a_small_county_each_letter_comes_alone_and_the_third_in_a_row_is_evidence(session, cast):
    letters(session, cast, 4)
    tries = [try_all(session, [MISFIT], NOW + timedelta(hours=hours)) for hours in range(3)]
    assert [(*states, len(blown)) for states, blown in tries] == [("down", 0), ("down", 0), ("retry", 1)]
    assert claimed(session, now=NOW + timedelta(hours=2)).letters == []


def test_a_letter_that_goes_clears_the_others_of_suspicion(session, cast):
    letters(session, cast, 6)
    tries = [try_all(session, [answer]) for answer in (MISFIT, MISFIT, YES, MISFIT, MISFIT)]
    assert [(*states, len(blown)) for states, blown in tries] == [
        ("down", 0), ("down", 0), ("sent", 0), ("down", 0), ("down", 0),
    ]  # fmt: skip
    assert len(take(session, 5)) == 1


@pytest.mark.parametrize("same", ["subject", "about_id"])
def test_several_letters_about_one_person_or_thing_are_one_piece_of_evidence(session, cast, same):
    letters(session, cast, 5, **{same: {"subject": "call:1", "about_id": cast.wangnainai.id}[same]})
    assert try_all(session, [MISFIT] * 5) == (["down"] * 5, [])


def test_one_kind_says_nothing_of_another(session, cast):
    letters(session, cast, 2)
    letters(session, cast, 2, kind="people.link_confirmed")
    assert try_all(session, [MISFIT] * 4) == (["down"] * 4, [])
    assert standing(session, NOW) == Breakers({})


def test_half_open_a_few_try_it_none_of_them_twice_and_one_that_goes_mends_it(session, cast):
    letters(session, cast, 12)
    try_all(session, [MISFIT] * 3)
    now = NOW + timedelta(minutes=5)
    states, blown = try_all(session, [MISFIT] * 12, now)
    assert (states, [one.code for one in blown]) == (["down"] * 3, ["47003"])
    assert standing(session, now).open == {(APP_ID, "template", KIND): now + timedelta(minutes=10)}
    # They went on their way: the next try is others'.
    now += timedelta(minutes=10)
    assert try_all(session, [YES, MISFIT, Unsure("timeout")], now)[0] == ["sent", "down", "retry"]
    assert breakers(session) == []
    assert len(take(session, 12, now + timedelta(seconds=10))) == 7


def test_every_letter_of_a_template_that_stays_broken_ends_with_a_cadre(session, cast):
    all_ = letters(session, cast, 30)
    now = NOW
    while now < NOW + timedelta(hours=47):
        batch = take(session, 100, now)
        come_back(session, batch, [MISFIT] * len(batch), now=now)
        session.expire_all()
        now += timedelta(minutes=65)
    assert {one.state for one in all_} == {"dead"}


def test_a_letter_that_does_not_go_into_our_own_form_is_no_evidence(session, cast):
    letters(session, cast, 8)
    own = Failed("unfit", "bad_field")
    assert try_all(session, [own] * 4) == (["down"] * 4, [])
    assert session.scalars(select(Breaker)).all() == []
    assert try_all(session, [MISFIT] * 3 + [own])[0] == ["retry"] * 3 + ["down"]


def test_two_senders_who_find_the_same_fault_count_together_and_say_it_once(open_session, cast):
    with open_session() as session, session.begin():
        letters(session, cast, 16)

    def one_batch(_):
        def work(session):
            batch = claimed(session, f"sender {_}", limit=4).letters
            found = {one.id: (carried(session, session.get_one(Letter, one.id)), MISFIT) for one in batch}
            return settle(session, f"sender {_}", found, now=NOW, real_now=NOW, jitter=0.5, allowance=FREE).blown

        return in_unit(open_session, work)

    with ThreadPoolExecutor(4) as pool:
        blown = [one for some in pool.map(one_batch, range(4)) for one in some]
    assert len(blown) == 1
    with open_session() as session:
        assert {state(one) for one in session.scalars(select(Letter).where(Letter.tries > 0))} == {"retry"}
