"""Saying it once more: not what would come too late, whatever the letter is about; what tells of an end, still."""

from datetime import timedelta

import pytest

from models.errors import Refused
from models.family.calls import OVER
from models.family.ending import cancel, undo
from models.history import History, history_of
from models.life import By
from models.messages.letters import LETTER, Letter
from models.messages.looking import ENDED, PRIVATE_KINDS, resend, said_again
from models.messages.outbox import tell_in_person
from models.register import LIVES
from models.tasks.undelivered import hand_over, receipt_came
from tests.letters import posted
from tests.models.family.in_turn import one_waits
from tests.models.family.test_calls import booked
from tests.world import NOW

DESK = By(None, "desk")
BEFORE, AFTER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)


def dead(session, cast, kind="ordering.offered", **facts):
    letter = posted(
        session, key=kind, person_id=cast.xiaofang.id, kind=kind, subject="order:1", now=NOW - timedelta(hours=2),
        facts={name: moment.isoformat() for name, moment in facts.items()},
    )  # fmt: skip
    letter.state = "dead"
    session.flush()
    return letter


def again(session, letter, seen=None):
    return resend(session, letter.id, lives=LIVES, by=DESK, reason="家属来电", now=NOW, seen=seen)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("ordering.offered", {"preferred_at": BEFORE}), ("ordering.accepted", {"preferred_at": NOW}),
        ("ordering.your_visit", {"preferred_at": BEFORE}), ("family.reminder", {"starts_at": BEFORE}),
        ("ordering.named", {"preferred_at": AFTER, "starts_at": BEFORE}),
    ],
)  # fmt: skip
def test_what_was_to_come_and_is_over_is_not_said_again(session, cast, kind, facts):
    letter = dead(session, cast, kind, **facts)
    with pytest.raises(Refused, match="over"):
        again(session, letter)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("ordering.offered", {"preferred_at": AFTER}), ("family.reminder", {"starts_at": AFTER}),
        ("ordering.named", {"preferred_at": BEFORE, "starts_at": AFTER}),  # somebody goes later than was wished
        ("ordering.completed", {"preferred_at": BEFORE}), ("ordering.unmet", {"preferred_at": BEFORE}),
        ("ordering.complaint_settled", {"preferred_at": BEFORE}), ("family.technical_failure", {"starts_at": BEFORE}),
        ("people.link_confirmed", {}),
    ],
)  # fmt: skip
def test_what_is_to_come_and_how_something_ended_may_be_said_again(session, cast, kind, facts):
    letter = dead(session, cast, kind, **facts)
    new = again(session, letter)
    assert new.facts == letter.facts
    to_come = AFTER.isoformat() in letter.facts.values()
    assert new.useful_until == (AFTER if to_come else letter.useful_until), "nobody is told of it after it has begun"


@pytest.mark.parametrize("means", ["phone", "visit", ""])
def test_by_which_means_somebody_was_told_stands_with_who_and_when(session, cast, means):
    letter = dead(session, cast)
    tell_in_person(session, letter, by=By(cast.li.id, "cadre"), now=NOW, means=means)
    line = history_of(session, LETTER.subject(letter))[-1]
    assert (line.verb, line.by_person_id, line.at, line.note) == ("tell", cast.li.id, NOW, means)


def lived(session, *states):
    """What the thing became: the first with the letter, the others each half an hour later."""
    for n, state in enumerate(states):
        moment = NOW - timedelta(hours=2, minutes=-30 * n)
        session.add(History(subject="order:1", verb="v", to_state=state, as_role="rule", at=moment))
    session.flush()


@pytest.mark.case("L6")
@pytest.mark.parametrize("states", [
    ("open", "cancelled"), ("open", "accepted", "cancelled"), ("open", "unmet"), ("confirmed", "revoked"),
    ("booked", "checked_in", "technical_failure"), ("offered", "lapsed"), ("relative_no_show", "completed"),
    ("cancelled", "open"), ("completed", "open", "accepted"), ("open", "completed", "closed"),
])  # fmt: skip
def test_what_was_said_before_the_matter_ended_or_went_on_after_all_is_not_said_again(session, cast, states):
    lived(session, *states)
    with pytest.raises(Refused, match="not_true_now"):
        again(session, dead(session, cast, "ordering.placed"))


@pytest.mark.parametrize("states", [
    (), ("open",), ("open", "accepted"), ("cancelled",), ("unmet",), ("completed", "closed"), ("open", "open"),
    ("revoked",), ("offered", "accepted", "started"), ("active", "suspended"),
])  # fmt: skip
def test_what_is_so_still_and_how_it_ended_may_be_said_again(session, cast, states):
    lived(session, *states)
    assert again(session, dead(session, cast, "ordering.placed")).state == "planned"


@pytest.mark.case("G9")
def test_a_call_that_is_off_is_not_said_to_be_booked_and_one_that_is_on_again_not_to_be_off(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    told = session.query(Letter).filter_by(subject=call.subject, kind="family.booked").one()
    told.state = "delivered"
    cancel(session, me, call.id, "点错了", NOW + timedelta(minutes=1))
    with pytest.raises(Refused, match="not_true_now"):
        resend(session, told.id, lives=LIVES, by=DESK, reason="没看到", now=NOW + timedelta(minutes=2))
    off = session.query(Letter).filter_by(subject=call.subject, kind="family.cancelled").one()
    off.state = "dead"
    assert (
        resend(session, off.id, lives=LIVES, by=DESK, reason="没看到", now=NOW + timedelta(minutes=2)).state
        == "planned"
    )
    undo(session, me, call.id, NOW + timedelta(minutes=3))
    with pytest.raises(Refused, match="not_true_now"):
        resend(session, off.id, lives=LIVES, by=DESK, reason="没看到", now=NOW + timedelta(minutes=4))


@pytest.mark.case("G9")
def test_a_call_that_is_cancelled_in_the_same_instant_is_not_said_to_be_booked(session, open_session, engine, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    told = session.query(Letter).filter_by(subject=call.subject, kind="family.booked").one()
    told.state, which = "dead", told.id
    session.commit()

    def say_again(other):
        return resend(other, which, lives=LIVES, by=DESK, reason="没看到", now=NOW + timedelta(minutes=1))

    with one_waits(open_session, engine, say_again) as (first, answer):
        cancel(first, me, call.id, "点错了", NOW + timedelta(minutes=1))
    assert answer() == "not_true_now"


@pytest.mark.case("G9")
def test_what_was_said_again_from_a_copy_has_been_said_again_on_every_page_of_it(session, cast):
    first = dead(session, cast)
    copy = again(session, first)
    copy.state = "dead"
    last = again(session, copy)
    with pytest.raises(Refused, match="still_going"):
        again(session, first)
    last.state = "sent"
    for letter in (first, copy):
        with pytest.raises(Refused, match="stale"):
            again(session, letter, seen=1)  # the page is older than the last of them
    last.state = "dead"
    assert [len(said_again(session, letter)) for letter in (first, copy, last)] == [2, 2, 2]
    assert again(session, first, seen=2).key == f"again:{first.id}/3"


@pytest.mark.parametrize(("state", "left"), [("delivered", "cancelled"), ("retry", "open")])
def test_a_letter_that_is_sent_again_and_arrives_leaves_no_call_to_make(session, cast, state, left):
    first = dead(session, cast, "family.booked")
    tasks = [hand_over(session, first, NOW)]
    copy = again(session, first)
    copy.state = "dead"
    tasks.append(hand_over(session, copy, NOW))
    last = again(session, copy)
    last.state = state
    receipt_came(session, last, NOW)
    assert [task.state for task in tasks] == [left, left]


def test_a_letter_that_arrives_leaves_other_calls_to_make(session, cast):
    task = hand_over(session, dead(session, cast, "family.booked"), NOW)
    other = posted(session, key="k", person_id=cast.xiaofang.id, kind="family.booked", subject="order:1", facts={},
                   now=NOW)  # fmt: skip
    other.state = "delivered"
    receipt_came(session, other, NOW)
    assert task.state == "open"


@pytest.mark.case("G9")
def test_of_two_who_say_it_again_at_once_one_from_its_copy_one_does(open_session, engine, cast):
    with open_session() as session, session.begin():
        first = dead(session, cast)
        copy = again(session, first)
        copy.state = "dead"
        keys = first.id, copy.id

    def say_again(other):
        return resend(other, keys[0], lives=LIVES, by=DESK, reason="没看到", now=NOW).id

    with one_waits(open_session, engine, say_again) as (one, answer):
        resend(one, keys[1], lives=LIVES, by=DESK, reason="没看到", now=NOW)
    assert answer() == "still_going"


@pytest.mark.parametrize("kind", PRIVATE_KINDS)
def test_what_stands_in_a_conversation_or_opens_a_link_is_not_said_again_by_the_desk(session, cast, kind):
    with pytest.raises(Refused, match="not_again"):
        again(session, dead(session, cast, kind))


@pytest.mark.parametrize("state", ["planned", "retry", "sending", "withdrawn", "suppressed"])
def test_what_may_come_by_itself_is_not_true_or_not_wanted_is_not_said_again(session, cast, state):
    letter = dead(session, cast)
    letter.state = state
    with pytest.raises(Refused, match=r"still_going|not_true_now|not_wanted"):
        again(session, letter)


def test_every_end_of_a_life_of_which_letters_speak_is_known_as_one():
    spoken_of = [life for life in LIVES if life.name not in ("letter", "proposal")]
    assert {(life.name, end) for life in spoken_of for end in life.ends if end not in ENDED} == set()
    assert {*OVER, "cancelled"} <= ENDED
