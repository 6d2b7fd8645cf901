"""Times to make up for a missed call are kept as long as they can be had, and nobody is promised others."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handlers.family.letter_words import letter as words
from models.errors import Refused
from models.family import parting
from models.family.calls import FamilyCall
from models.family.deciding import Decided
from models.family.makeup import makeup_for, makeups_of, take
from models.family.out_of_service import Wish as Outage
from models.family.out_of_service import take_out
from models.family.outcomes import report
from models.family.reseating import to_reserve
from models.family.shutting import Wish, shut
from models.hours import CHINA
from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.persons import Person
from models.places.cells import Cell
from models.places.centres import Station
from models.places.days import Days
from models.tasks.undelivered import hand_over
from tests.models.family.test_call_days import families, made
from tests.models.family.test_calls import booked
from tests.models.family.test_guardians import agreed, call_child, child
from tests.models.family.test_outcomes import AFTER, became, makeup_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
__all__ = ["child"]  # a fixture


def promised(session, state="planned"):
    """Whether the letters of missed calls in this state say that times are kept."""
    query = select(Letter).where(Letter.kind.in_(("family.relative_no_show", "family.technical_failure")))
    found = session.scalars(query.where(Letter.state == state), execution_options={"populate_existing": True})
    return [letter.facts["makeup"] for letter in found]


def held(session, makeup):
    """The instants for which anything is kept."""
    return sorted(session.scalars(select(Cell.cell_start).where(Cell.held_by == makeup.subject)))


def missed(session, cast):
    """A call that the relative missed, and the times that are kept for it."""
    call = booked(session, cast)
    became(session, cast, call, "relative_no_show")
    return makeup_of(session, call)


def test_nothing_is_kept_for_who_has_died_since_they_were_read(session, cast):
    call, read_before = booked(session, cast), session.get_one(Person, cast.wangnainai.id)
    session.execute(update(Person.__table__).where(Person.id == cast.wangnainai.id).values(state="deceased"))
    assert read_before.state == "active"
    became(session, cast, call, "relative_no_show")
    assert makeup_of(session, call) is None
    assert makeups_of(session, cast.who(cast.xiaofang), AFTER) == []


def days_of(makeup):
    return [start.astimezone(CHINA).date() for start in makeup.starts]


def spread(session, makeup):
    """The same makeup with its last time a day later than the others."""
    makeup.slots = [*makeup.slots[:2], (makeup.starts[2] + DAY).isoformat()]
    session.flush()
    return makeup


def closes(session, cast, first, last, key="c1"):
    return shut(session, cast.who(cast.li), Wish(cast.centre.id, Days(first, last), "台风"), Decided(), key, AFTER)


def breaks(session, cast, seat, since, until):
    wish = Outage(seat.id, since, until, "设备坏了")
    return take_out(session, cast.who(cast.li), wish, Decided(), f"o{seat.id}", AFTER)


@pytest.mark.case("D20")
@pytest.mark.parametrize("how", ["taken back", "no guardian"])
def test_nothing_is_kept_for_a_child_without_a_guardian_who_agrees(session, cast, child, how):
    agreed(session, cast, child)
    call = call_child(session, cast, child)
    became(session, cast, call, "relative_no_show")
    assert (makeup_of(session, call).state, promised(session)) == ("offered", [True])
    if how == "taken back":
        parting.guardian_takes_back(session, cast.who(cast.xiaofang), child.id, cast.xiaofang.id, AFTER)
    else:
        link = session.scalars(select(CareLink).where(CareLink.cared_id == child.id)).one()
        parting.entrust(session, cast.who(cast.li), link.id, AFTER, guardian=False)
    makeup = makeup_of(session, call)
    assert (makeup.state, held(session, makeup), promised(session)) == ("withdrawn", [], [False])
    with pytest.raises(Refused, match="wrong_state"):
        take(session, cast.who(cast.xiaofang), makeup.id, makeup.starts[0], AFTER)


@pytest.mark.case("D20")
def test_nothing_is_offered_to_a_child_whose_guardian_agrees_no_more(session, cast, child):
    agreed(session, cast, child)
    call = call_child(session, cast, child)
    over = call.ends_at + MINUTE  # too late to be called off
    parting.guardian_takes_back(session, cast.who(cast.xiaofang), child.id, cast.xiaofang.id, over)
    became(session, cast, call, "relative_no_show", AFTER, over + MINUTE)
    assert (makeup_of(session, call), promised(session)) == (None, [False])


def test_nothing_is_offered_where_the_relative_has_died(session, cast):
    call = booked(session, cast)
    session.get_one(Person, cast.xiaofang.id).state = "deceased"
    became(session, cast, call, "relative_no_show")
    assert makeup_of(session, call) is None


def test_what_is_made_up_for_in_the_reserve_is_not_made_up_for_a_second_time(session, cast):
    families(session, cast, 1)
    made(session, cast)
    call = session.scalars(select(FamilyCall).order_by(FamilyCall.starts_at, FamilyCall.id)).first()
    at = call.starts_at + 25 * MINUTE
    report(session, cast.who(cast.li), call.id, "technical_failure", at, at)
    assert (makeup_of(session, call).state, promised(session)) == ("offered", [True])
    again = to_reserve(session, cast.who(cast.li), call.id, at)
    assert to_reserve(session, cast.who(cast.li), call.id, at) == again
    makeup = makeup_of(session, call)
    assert (makeup.state, held(session, makeup), promised(session)) == ("withdrawn", [], [False])
    report(session, cast.who(cast.li), again.id, "technical_failure", again.ends_at, again.ends_at)
    assert makeup_of(session, again).state == "offered"  # that one is a call of its own


@pytest.mark.case("D19")
def test_times_in_days_on_which_the_centre_is_shut_are_not_kept(session, cast):
    makeup = missed(session, cast)
    days = days_of(makeup)
    closes(session, cast, days[0], days[-1])
    assert (makeup.state, makeups_of(session, cast.who(cast.xiaofang), AFTER)) == ("withdrawn", [])
    assert (held(session, makeup), promised(session)) == ([], [False])


@pytest.mark.case("D19")
def test_of_times_on_several_days_those_stay_on_which_the_centre_is_open(session, cast):
    makeup = spread(session, missed(session, cast))
    *lost, left = makeup.starts
    assert {*lost} < {*held(session, makeup)}
    closes(session, cast, *[lost[0].astimezone(CHINA).date()] * 2)
    assert (makeup.state, makeup.starts, promised(session)) == ("offered", [left], [True])
    assert not {*lost} & {*held(session, makeup)}
    with pytest.raises(Refused, match="bad_time"):
        take(session, cast.who(cast.xiaofang), makeup.id, lost[0], AFTER)
    assert take(session, cast.who(cast.xiaofang), makeup.id, left, AFTER).starts_at == left


@pytest.mark.case("D19")
def test_a_closure_of_other_days_leaves_what_is_kept_alone(session, cast):
    makeup = missed(session, cast)
    before = list(makeup.slots)
    last = days_of(makeup)[-1]
    closes(session, cast, last + DAY, last + 2 * DAY)
    assert (makeup.state, makeup.slots, promised(session)) == ("offered", before, [True])


@pytest.mark.case("D22")
def test_times_are_kept_as_long_as_a_screen_works(session, cast):
    makeup = missed(session, cast)
    since, until = makeup.starts[0], makeup.starts[-1] + HOUR
    seats = [session.get_one(Station, one.id) for one in cast.stations]
    breaks(session, cast, seats[0], since, until)
    assert (makeup.state, len(makeup.starts)) == ("offered", 3)  # the other screen is free
    for seat in seats[1:]:
        breaks(session, cast, seat, since, until)
    assert (makeup.state, promised(session)) == ("withdrawn", [False])


@pytest.mark.parametrize("state", ["dead", "needs_check"])
def test_a_cadre_who_tells_it_by_phone_promises_no_times_that_are_kept_no_more(session, cast, state):
    makeup = missed(session, cast)
    letter = session.scalars(select(Letter).where(Letter.kind == "family.relative_no_show")).one()
    letter.state, letter.in_doubt = state, state == "needs_check"
    session.flush()
    task = hand_over(session, letter, AFTER)
    closes(session, cast, days_of(makeup)[0], days_of(makeup)[-1])
    session.refresh(task)
    assert (task.state, task.facts["letter_facts"]["makeup"]) == ("open", False)
    assert promised(session, state) == [state == "needs_check"]  # what may have arrived stands as it was written


@pytest.mark.parametrize("state", ["planned", "dead", "delivered", "told_in_person", "needs_check"])
def test_who_has_read_that_times_are_kept_hears_that_there_are_none_any_more(session, cast, state):
    makeup = missed(session, cast)
    letter = session.scalars(select(Letter).where(Letter.kind == "family.relative_no_show")).one()
    letter.state, letter.in_doubt = state, state == "needs_check"
    session.flush()
    closes(session, cast, days_of(makeup)[0], days_of(makeup)[-1])
    is_read = state in ("delivered", "told_in_person", "needs_check")
    assert (makeup.state, promised(session, state)) == ("withdrawn", [is_read])  # what was said stays as it was written
    said = session.scalars(select(Letter).where(Letter.kind == "family.times_lost")).all()
    assert [one.person_id for one in said] == [cast.xiaofang.id] * is_read
    assert all("先前为您留的几个时间" in words(one.kind, one.facts, CHINA).text for one in said)


def test_a_centre_that_shuts_does_not_wait_for_who_takes_a_makeup_at_this_moment(open_session, cast, engine):
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    with open_session() as session, session.begin():
        one = missed(session, cast)
        key, at, last = one.id, one.starts[0], days_of(one)[-1]
    with open_session() as family, family.begin():
        makeup_for(family, cast.who(cast.xiaofang), key)
        with open_session() as other, other.begin():
            shut(other, cast.who(cast.li), Wish(cast.centre.id, Days(last, last), "台风"), Decided(), "c1", AFTER)
        with pytest.raises(Refused, match="bad_time"):
            take(family, cast.who(cast.xiaofang), key, at, AFTER)
