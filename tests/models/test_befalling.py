"""What befalls somebody at the very moment at which something is asked for them: it ends that, or comes before it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from handlers.people.befalling import mark
from models.family.news import write
from models.family.pairing import Pairing, pair
from models.family.resting import cancel_all, restore, resume, suspend
from models.family.series import Series
from models.messages.letters import Letter
from models.ordering.aftercare import reopen
from models.ordering.ending import undo
from models.ordering.joining import take
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.placing import cancel
from models.ordering.waiting import IN_LINE, WaitlistEntry
from models.people import consent
from models.people.persons import Person
from tests.models.family.in_turn import one_comes_between, one_waits
from tests.models.family.serial import begun
from tests.models.ordering.test_aftercare import done
from tests.models.ordering.test_catalogue import WANTED, order
from tests.models.ordering.test_waiting import full, others, waits
from tests.world import NOW

# On SQLite one transaction writes at a time.
pytestmark = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
AFTER = NOW + timedelta(minutes=1)


def orders(session, cast):
    """Nothing has to be there before."""
    return cast.wangnainai.id, lambda later: order(later, cast)


def joins(session, cast):
    """What they want is full."""
    full(session, cast)
    who = others(session, cast, 1)[0]
    return who.id, lambda later: waits(later, cast, later.get_one(Person, who.id))


def takes(session, cast):
    """A place has come back and is kept for them."""
    (first,) = full(session, cast)
    entry = waits(session, cast, others(session, cast, 1)[0])
    cancel(session, cast.who(cast.xiaofang), first.id, "", NOW)
    return entry.beneficiary_id, lambda later: take(later, cast.who(cast.li), entry.id, NOW)


def undoes(session, cast):
    """They have cancelled."""
    placed = order(session, cast)
    cancel(session, cast.who(cast.xiaofang), placed.id, "", NOW)
    return placed.beneficiary_id, lambda later: undo(later, cast.who(cast.xiaofang), placed.id, AFTER)


def reopens(session, cast):
    """It was not right."""
    again, placed = WANTED + timedelta(days=2), done(session, cast)
    return placed.beneficiary_id, lambda later: reopen(
        later, cast.who(cast.xiaofang), placed.id, "没送到", again, WANTED + timedelta(hours=1)
    )


def restores(session, cast):
    """The family has cancelled the whole series."""
    series, me = begun(session, cast), cast.who(cast.xiaofang)
    cancel_all(session, me, series.id, NOW)
    return series.cared_id, lambda later: restore(later, me, series.id, NOW)


def pairs(session, cast):
    """Nobody looks in on them yet."""
    li, wang = cast.who(cast.li), cast.wangnainai.id
    return wang, lambda later: pair(later, li, cast.li.id, wang, 7, NOW)


def writes(session, cast):
    """They have agreed to news from home."""
    li, wang = cast.who(cast.li), cast.wangnainai.id
    consent.agree(session, li, wang, "home_news", NOW)
    return wang, lambda later: write(later, li, wang, "挺好的", NOW)


DEEDS = (orders, joins, takes, undoes, reopens, restores, pairs, writes)
COMES = pytest.mark.parametrize("prepared", DEEDS, ids=[deed.__name__ for deed in DEEDS])


def still_to_come(session, person):
    """What is still to come for somebody."""
    asked = (
        select(func.count(Order.id)).where(Order.beneficiary_id == person, Order.state.in_(LIVE_ORDERS)),
        select(func.count(WaitlistEntry.id)).where(
            WaitlistEntry.beneficiary_id == person, WaitlistEntry.state.in_(IN_LINE)
        ),
        select(func.count(Series.id)).where(Series.cared_id == person, Series.state == "active"),
        select(func.count(Pairing.id)).where(Pairing.cared_id == person, Pairing.state == "paired"),
        select(func.count(Letter.id)).where(Letter.about_id == person, Letter.state == "planned"),
    )
    return [session.scalar(one) for one in asked]


@pytest.mark.case("F9")
@COMES
def test_who_asks_while_a_death_is_being_written_down_waits_and_is_refused(open_session, cast, engine, prepared):
    with open_session() as session, session.begin():
        person, deed = prepared(session, cast)
    with one_waits(open_session, engine, deed) as (first, answer):
        mark(first, cast.who(cast.li), person, "die", NOW)
    assert answer() == ("news_consent" if prepared is writes else "not_active")
    with open_session() as session:
        assert still_to_come(session, person) == [0, 0, 0, 0, 0]


@pytest.mark.case("F9")
@COMES
def test_a_death_that_is_written_down_while_somebody_asks_ends_what_they_asked_for(
    open_session, cast, engine, prepared
):  # fmt: skip
    with open_session() as session, session.begin():
        person, deed = prepared(session, cast)
    with one_comes_between(
        open_session, engine, lambda later: mark(later, cast.who(cast.li), person, "die", WANTED)
    ) as (first, comes):
        deed(first)
        comes()
    with open_session() as session:
        assert still_to_come(session, person) == [0, 0, 0, 0, 0]


@pytest.mark.case("F9")
def test_a_series_does_not_go_on_while_the_other_of_the_two_is_brought_to_hospital(open_session, cast, engine):
    """The one comes home while the other is brought there: the series that rests is waited for."""
    li, wang, fang = cast.who(cast.li), cast.wangnainai.id, cast.xiaofang.id
    with open_session() as session, session.begin():
        session.get_one(Person, fang).area_id = cast.village.id
        key = begun(session, cast).id
        mark(session, li, wang, "pause", NOW)
    with one_waits(open_session, engine, lambda later: mark(later, li, wang, "resume", NOW)) as (first, answer):
        mark(first, li, fang, "pause", NOW)
    answer()
    with open_session() as session:
        series = session.get_one(Series, key)
        assert (series.state, series.why) == ("suspended", "hospital")


@pytest.mark.case("F9")
def test_who_lets_a_series_go_on_while_somebody_is_brought_to_hospital_waits_and_is_refused(
    open_session, cast, engine
):  # fmt: skip
    me = cast.who(cast.xiaofang)
    with open_session() as session, session.begin():
        key = begun(session, cast).id
        suspend(session, me, key, NOW)
    with one_waits(open_session, engine, lambda later: resume(later, me, key, NOW)) as (first, answer):
        mark(first, cast.who(cast.li), cast.wangnainai.id, "pause", NOW)
    assert answer() == "not_active"
