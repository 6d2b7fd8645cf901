"""Instants, lives, history and working days: what everything else stands on."""

import gc
import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.exc import InvalidRequestError, StatementError

from models.base import MOST_KEPT
from models.errors import Refused
from models.history import History, history_of
from models.hours import CHINA, CalendarOverride, WorkCalendar, calendar, instant, zone_named
from models.life import By, Life
from models.ordering.orders import ORDER, Order
from models.people.persons import Person, held_to_change, stay_as_they_are
from models.people.staff import cadres_over
from models.places.areas import Area, chain
from models.places.centres import Closure, OpeningHours, ServiceCentre, centre_for, open_spans, phone_for
from models.register import LIVES, METADATA
from tests.desk import statements
from tests.world import NOW

BY = By(None, "time")


def test_a_naive_datetime_is_refused(session):
    session.add(Person(name="甲", created_at=datetime(2026, 1, 1)))
    with pytest.raises(StatementError, match="naive"):
        session.flush()


def test_an_instant_comes_back_as_the_same_moment_in_utc(session):
    there = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    person = Person(name="甲", created_at=there)
    session.add(person)
    session.flush()
    session.expire(person)
    assert person.created_at == there
    assert person.created_at.tzinfo == UTC


def order_of(session, cast):
    order = Order(
        client_key="k",
        listing_id=cast.meal.id,
        centre_id=cast.centre.id,
        area_id=cast.village.id,
        answers={},
        requested_by_id=cast.xiaofang.id,
        beneficiary_id=cast.wangnainai.id,
        preferred_at=NOW,
        created_at=NOW,
    )
    session.add(order)
    ORDER.begin(session, order, by=By(cast.xiaofang.id, "requester"), now=NOW)
    session.commit()
    return order.id


def test_a_stale_object_learns_the_truth_win_or_lose(open_session, cast):
    with open_session() as mine, open_session() as theirs:
        key = order_of(mine, cast)
        stale = mine.get_one(Order, key)
        mine.commit()
        other = theirs.get_one(Order, key)
        ORDER.move(theirs, other, "accept", by=By(cast.laoxu.id, "provider"), now=NOW)
        theirs.commit()
        assert stale.state == "open"
        with pytest.raises(Refused) as lost:
            ORDER.move(mine, stale, "accept", by=By(cast.ama.id, "provider"), now=NOW)
        assert (lost.value.code, stale.state) == ("wrong_state", "accepted")
        ORDER.move(mine, stale, "cancel", by=By(cast.xiaofang.id, "requester"), now=NOW, reason="不需要了")
        assert (stale.state, stale.reason) == ("cancelled", "不需要了")


def test_a_thing_that_was_read_in_another_session_is_not_moved_behind_its_back(open_session, cast):
    with open_session() as mine, open_session() as theirs:
        order = mine.get_one(Order, order_of(mine, cast))
        mine.expunge(order)
        mine.commit()
        with pytest.raises(InvalidRequestError, match=f"order:{order.id}"), theirs.begin():
            ORDER.move(theirs, order, "accept", by=By(cast.laoxu.id, "provider"), now=NOW)
        assert order.state == mine.get_one(Order, order.id).state == "open"


def test_only_who_may_does_a_verb(session, cast):
    order = session.get_one(Order, order_of(session, cast))
    with pytest.raises(Refused, match="not_yours"):
        ORDER.move(session, order, "accept", by=By(cast.xiaofang.id, "requester"), now=NOW)
    assert len(history_of(session, "order:" + str(order.id))) == 1


def test_of_eight_who_do_a_verb_at_once_one_wins(open_session, cast):
    with open_session() as session:
        key = order_of(session, cast)

    def accept(_):
        with open_session() as mine:
            try:
                with mine.begin():
                    ORDER.move(mine, mine.get_one(Order, key), "accept", by=By(1, "provider"), now=NOW)
                return "won"
            except Refused as refusal:
                return refusal.code

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(accept, range(8)))
    assert sorted(results) == ["won"] + ["wrong_state"] * 7
    with open_session() as session:
        assert [row.verb for row in history_of(session, f"order:{key}")] == ["begin", "accept"]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_every_life_ends_and_is_drawn(life: Life):
    assert life.ends or life.name in ("listing", "series")  # both may be taken up again for good
    assert all(state in life.mermaid() for state in life.states)
    assert life.table.name in METADATA.tables


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verbs=st.lists(st.sampled_from([verb.name for verb in ORDER.verbs]), min_size=1, max_size=8))
def test_an_order_walks_only_where_its_table_leads_and_history_replays(databases, verbs):
    from tests.cast import settle
    from tests.world import disposing
    from wx_backend.database import make_engine, session_factory

    with databases.fresh("sqlite") as url, disposing(make_engine(url)) as engine, session_factory(engine)() as session:
        cast = settle(session, NOW)
        order, state = session.get_one(Order, order_of(session, cast)), "open"
        for name in verbs:
            verb = ORDER.by_name[name]
            try:
                ORDER.move(session, order, name, by=By(1, verb.who[0]), now=NOW)
                assert state in verb.sources
                state = verb.target
            except Refused:
                assert state not in verb.sources
            assert order.state == state
        rows = session.scalars(select(History).where(History.subject == f"order:{order.id}").order_by(History.id)).all()
        assert rows[-1].to_state == state
        assert all(before.to_state == after.from_state for before, after in itertools.pairwise(rows))


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 2, 17), False),  # 正月初一
        (date(2026, 2, 14), True),  # a Saturday that is worked for Spring Festival
        (date(2026, 2, 15), False),
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),  # a Saturday that is worked for National Day
        (date(2026, 11, 24), True),
        (date(2026, 11, 28), False),
    ],
)
def test_statutory_holidays_and_make_up_days_of_2026(day, worked):
    assert WorkCalendar().is_workday(day) is worked


@pytest.mark.case("J23")
def test_an_unknown_year_falls_back_to_monday_to_friday_and_says_so():
    book = WorkCalendar()
    assert book.knows(2026)
    assert not book.knows(2031)
    assert [book.is_workday(date(2031, 10, n)) for n in (1, 4)] == [True, False]


def test_the_countys_own_notice_wins(session):
    session.add(CalendarOverride(day=date(2026, 11, 24), is_workday=False, name="台风停工"))
    session.flush()
    assert not calendar(session).is_workday(date(2026, 11, 24))


def test_a_notice_of_this_very_transaction_counts_and_one_that_is_undone_does_not(session, cast):
    day = date(2026, 11, 24)
    assert calendar(session).is_workday(day)
    with session.begin_nested() as undone:
        session.add(CalendarOverride(day=day, is_workday=False, name="台风停工"))
        assert not calendar(session).is_workday(day)
        undone.rollback()
    assert calendar(session).is_workday(day)
    session.add(CalendarOverride(day=day, is_workday=False, name="台风停工"))
    assert not calendar(session).is_workday(day)
    session.get_one(CalendarOverride, day).is_workday = True
    assert calendar(session).is_workday(day)


def test_what_a_transaction_has_asked_of_people_and_places_it_asks_once(engine, open_session, cast):
    with open_session() as session:
        with session.begin(), statements(engine) as asked:
            for _ in range(3):
                assert session.get_one(Person, cast.wangnainai.id).name == "王秀英"
                assert chain(session, session.get_one(Area, cast.village.id))[-1].id == cast.county.id
                calendar(session)
                assert centre_for(session, cast.village.path).id == cast.centre.id
                assert phone_for(session, cast.village.path) == cast.centre.phone
            assert len(asked) == 5
            session.get_one(ServiceCentre, cast.centre.id).phone = "0578-5550000"
            assert phone_for(session, cast.village.path) == "0578-5550000"
        with open_session() as another, another.begin():
            another.execute(update(Person).where(Person.id == cast.wangnainai.id).values(name="王桂英"))
            another.add(CalendarOverride(day=date(2026, 11, 24), is_workday=False, name="台风停工"))
        with session.begin():
            assert session.get_one(Person, cast.wangnainai.id).name == "王桂英"
            assert not calendar(session).is_workday(date(2026, 11, 24))


def test_after_a_wait_a_person_is_read_anew_and_not_as_before_it(engine, open_session, cast):
    """A series that was waited for, say: who died meanwhile has died, though they were read before."""

    def write_down():
        session.add(CalendarOverride(day=date(2026, 11, 25), is_workday=False, name="台风停工"))
        session.flush()

    with open_session() as session, session.begin():
        for wait in (
            write_down,
            lambda: session.execute(select(Order.id).with_for_update()),
            lambda: session.execute(update(Order.__table__).values(state="open")),
            lambda: session.get(Area, cast.village.id, with_for_update=True),
        ):
            session.get_one(Person, cast.wangnainai.id)
            with statements(engine) as kept:
                session.get_one(Person, cast.wangnainai.id)
            wait()
            with statements(engine) as anew:
                session.get_one(Person, cast.wangnainai.id)
            assert (len(kept), len(anew)) == (0, 1)


def test_a_centre_that_has_moved_meanwhile_serves_where_it_stands_now(session, cast):
    held = session.get_one(ServiceCentre, cast.centre.id)
    session.execute(update(ServiceCentre.__table__).where(ServiceCentre.id == held.id).values(area_id=cast.county.id))
    assert centre_for(session, cast.county.path).id == held.id
    assert held.area_id == cast.county.id


def test_who_is_held_is_as_they_are_now_whatever_was_read_of_them_before(session, cast):
    person = session.get_one(Person, cast.xiaofang.id)
    for hold, zone in ((stay_as_they_are, "Europe/Rome"), (held_to_change, "Asia/Shanghai")):
        session.execute(update(Person.__table__).where(Person.id == person.id).values(time_zone=zone))
        hold(session, person.id)
        assert person.time_zone == zone


def test_a_transaction_that_goes_through_a_whole_county_keeps_the_last_of_it(session, cast):
    session.add_all(Person(name=f"村民{n}", created_at=NOW) for n in range(MOST_KEPT + 50))
    session.commit()
    session.expunge_all()
    assert sum(1 for _ in session.scalars(select(Person))) > MOST_KEPT
    gc.collect()
    assert len(session.identity_map) <= MOST_KEPT


def test_the_nearest_cadres_are_found_with_one_question(engine, open_session, cast):
    with open_session() as session, session.begin():
        village, town = session.get_one(Area, cast.village.id), session.get_one(Area, cast.township.id)
        with statements(engine) as asked:
            assert [cadre.id for cadre in cadres_over(session, village)] == [cast.li.id]
            assert [cadre.id for cadre in cadres_over(session, village, {cast.li.id})] == [cast.chen.id]
            assert [cadre.id for cadre in cadres_over(session, town)] == [cast.chen.id]
        assert len(asked) == 3


@pytest.mark.case("J21")
def test_working_days_are_counted_over_spring_festival():
    assert WorkCalendar().add_workdays(date(2026, 2, 13), 2) == date(2026, 2, 24)
    assert WorkCalendar().add_workdays(date(2026, 2, 24), -2) == date(2026, 2, 13)


@pytest.mark.case("D19")
def test_a_centre_is_shut_on_holidays_and_closures_and_open_as_on_monday_on_make_up_days(session, cast):
    centre, book = cast.centre, WorkCalendar()
    assert open_spans(session, centre, date(2026, 10, 1), book) == []
    assert len(open_spans(session, centre, date(2026, 11, 28), book)) == 1  # a plain Saturday has its own hours
    ((opens, closes),) = open_spans(session, centre, date(2026, 2, 14), book)
    assert (opens.astimezone(CHINA).time(), closes.astimezone(CHINA).time()) == (time(8, 30), time(17, 0))
    session.add(Closure(centre_id=centre.id, first_day=date(2026, 11, 24), last_day=date(2026, 11, 25), reason="台风"))
    session.flush()
    assert open_spans(session, centre, date(2026, 11, 25), book) == []


@pytest.mark.case("D19")
@pytest.mark.parametrize("day", [date(2026, 10, 3), date(2026, 10, 4), date(2026, 2, 21), date(2026, 2, 22)])
def test_a_holiday_on_a_weekend_shuts_the_centre_but_for_the_hours_that_hold_on_holidays(session, cast, day):
    centre = cast.centre
    assert open_spans(session, centre, day, WorkCalendar()) == []
    kept = OpeningHours(centre_id=centre.id, weekday=day.isoweekday(), opens=time(9), closes=time(12), on_holidays=True)
    session.add(kept)
    session.flush()
    ((opens, _),) = open_spans(session, centre, day, WorkCalendar())
    assert opens.astimezone(CHINA).time() == time(9)


@pytest.mark.case("D19")
def test_the_countys_own_notice_wins_on_every_day(session, cast):
    saturday, holiday, workday = date(2026, 11, 28), date(2026, 10, 3), date(2026, 11, 24)
    for day, worked in ((saturday, False), (holiday, True), (workday, False)):
        session.add(CalendarOverride(day=day, is_workday=worked, name="通知"))
    session.flush()
    found = [len(open_spans(session, cast.centre, day, calendar(session))) for day in (saturday, holiday, workday)]
    assert found == [0, 1, 0]


def test_a_county_that_makes_saturday_a_workday_opens_it_as_on_monday(session, cast):
    for row in session.scalars(select(OpeningHours).where(OpeningHours.weekday >= 6)).all():
        session.delete(row)
    session.flush()
    saturday = date(2026, 11, 28)
    assert open_spans(session, cast.centre, saturday, WorkCalendar()) == []
    assert len(open_spans(session, cast.centre, saturday, WorkCalendar({saturday: True}))) == 1


@pytest.mark.case("J21")
def test_working_time_runs_only_in_working_hours():
    def china(*parts):
        return datetime(2026, *parts, tzinfo=CHINA)

    book, four = WorkCalendar(), timedelta(hours=4)
    assert book.add_working_time(china(11, 24, 10), four) == china(11, 24, 14)
    assert book.add_working_time(china(11, 24, 6), four) == china(11, 24, 12, 30)
    assert book.add_working_time(china(11, 27, 16), four) == china(11, 30, 11)  # over a weekend
    assert book.add_working_time(china(2, 14, 16, 30), four) == china(2, 24, 11, 30)  # over Spring Festival


@pytest.mark.case("D11")
def test_an_unknown_zone_is_refused():
    with pytest.raises(Refused, match="unknown_zone"):
        zone_named("Europe/Nowhere")


@pytest.mark.case("D9")
def test_the_hour_that_occurs_twice_is_the_first_and_the_missing_one_moves_on():
    rome = ZoneInfo("Europe/Rome")
    assert instant(date(2026, 10, 25), time(2, 30), rome) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant(date(2026, 3, 29), time(2, 30), rome).astimezone(rome).time() == time(3, 30)
