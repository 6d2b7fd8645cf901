"""Who may write down what fills somebody's days, and that of two who write at once one comes after the other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time
from threading import Barrier

import pytest
from sqlalchemy import select, update

from models.errors import Refused
from models.family.routines import (
    BY_FAMILY,
    KINDS,
    MOST_SPANS,
    OF_OTHERS,
    OF_THE_CALLED,
    Habit,
    Routine,
    days_for,
    put_habits,
)
from models.people.care import CareLink
from models.people.persons import Person
from tests.own_phone import with_a_phone
from tests.world import NOW


def nap(begins=13):
    return [Habit("nap", time(begins), time(begins + 1))]


def test_as_what_and_of_which_kinds_one_may_say(session, cast):
    her = with_a_phone(session, cast.wangnainai)
    for who, role, kinds in (
        (cast.who(cast.xiaofang), "relative", BY_FAMILY), (cast.who(cast.li), "cadre", OF_THE_CALLED),
        (her, "self", OF_THE_CALLED),
    ):  # fmt: skip
        days = days_for(session, who, cast.wangnainai.id)
        assert (days.role, days.kinds, days.at_home) == (role, kinds, True)
    mine = days_for(session, cast.who(cast.xiaofang), cast.xiaofang.id)
    assert (mine.role, mine.kinds, mine.at_home) == ("self", OF_OTHERS, False)
    session.execute(update(Person).where(Person.id == cast.wangnainai.id).values(left_behind="child"))
    session.expire_all()
    assert "school" in days_for(session, her, cast.wangnainai.id).kinds


@pytest.mark.parametrize("kind", KINDS)
def test_a_relative_writes_down_meals_naps_and_market_days_only(session, cast, kind):
    habits = [Habit(kind, time(13), time(14))]
    if kind in BY_FAMILY:
        put_habits(session, cast.who(cast.xiaofang), cast.wangnainai.id, kind, habits, NOW)
        assert session.scalars(select(Routine.kind)).all() == [kind]
    else:
        with pytest.raises(Refused, match="not_yours"):
            put_habits(session, cast.who(cast.xiaofang), cast.wangnainai.id, kind, habits, NOW)


def test_strangers_and_whose_link_does_not_hold_write_nothing(session, cast):
    session.execute(update(CareLink).values(state="asked"))
    for one in (cast.xiaofang, cast.aming, cast.zhao, cast.laoxu):
        with pytest.raises(Refused, match="not_yours"):
            put_habits(session, cast.who(one), cast.wangnainai.id, "nap", nap(), NOW)
    for person in (999_999, 0, -1):
        with pytest.raises(Refused, match="not_yours"):
            days_for(session, cast.who(cast.li), person)


def test_a_day_holds_so_many_spans_and_no_more(session, cast):
    habits = [Habit("meal", time(n), time(n, 30)) for n in range(MOST_SPANS + 1)]
    with pytest.raises(Refused, match="bad_routine"):
        put_habits(session, cast.who(cast.li), cast.wangnainai.id, "meal", habits, NOW)
    put_habits(session, cast.who(cast.li), cast.wangnainai.id, "meal", habits[:MOST_SPANS], NOW)


def test_two_who_write_at_once_leave_one_after_the_other(open_session, cast):
    gate = Barrier(2)

    def write(who):
        gate.wait()
        with open_session() as session, session.begin():
            put_habits(session, who, cast.wangnainai.id, "nap", nap(), NOW)

    with ThreadPoolExecutor() as hands:
        list(hands.map(write, [cast.who(cast.xiaofang), cast.who(cast.li)]))
    with open_session() as session:
        assert [one.begins for one in session.scalars(select(Routine))] == [time(13)]
