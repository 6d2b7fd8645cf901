"""What a relative hears of a series that a cadre changes, that comes back, or that ends at another time."""

from datetime import UTC, datetime, time, timedelta

import pytest

from handlers.people.befalling import mark
from models.family.editing import Edit, edit
from models.family.resting import cancel_all, prolong, restore, resume, suspend
from models.family.series_news import say_clocks, say_ending
from models.hours import CHINA
from tests.models.family.serial import begun, rows
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.models.family.test_second_times import planned, words_to
from tests.models.family.test_series_second_times import delivered
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOON, FAR = ((NOW + days * DAY).date() for days in (10, 100))
MARCH = datetime(2027, 3, 23, 2, 0, tzinfo=UTC)  # five days before Madrid's clock changes


@pytest.mark.parametrize("how", ["begin", "edit", "prolong", "resume", "restore"])
def test_a_relative_hears_of_a_week_that_cannot_be_when_a_cadre_brings_it_about(session, cast, how):
    li, roman = cast.who(cast.li), cast.who(sister(session, cast))
    if how == "begin":
        booked(session, cast, SUNDAY_16, "k9", roman)
        series = begun(session, cast, who=li)
    elif how in ("edit", "prolong"):
        series = begun(session, cast, last_day=SOON)
        booked(session, cast, SUNDAY_16 + 14 * DAY, "k9", roman)
        if how == "edit":
            edit(session, li, series.id, Edit(last_day=FAR), NOW)
        else:
            prolong(session, li, series.id, FAR, NOW)
    else:
        off, on = (suspend, resume) if how == "resume" else (cancel_all, restore)
        series = begun(session, cast)
        off(session, li, series.id, NOW)
        assert delivered(session, "series.rests") + delivered(session, "series.cancelled") == 1
        booked(session, cast, SUNDAY_16, "k9", roman)
        on(session, li, series.id, NOW + HOUR)
    assert [one.reason for one in rows(session, series) if one.state == "skipped"] == ["conflict"]
    assert "series.skipped" in words_to(session, cast.xiaofang)


@pytest.mark.parametrize("who", ["xiaofang", "li"])
def test_a_series_that_was_shortened_and_then_prolonged_has_its_calls(session, cast, who):
    series, me = begun(session, cast), cast.who(getattr(cast, who))
    days = [one.day for one in rows(session, series)]
    edit(session, me, series.id, Edit(last_day=SOON), NOW)
    prolong(session, me, series.id, FAR, NOW + MINUTE)
    assert [one.day for one in rows(session, series) if one.state in ("booked", "planned")] == days


@pytest.mark.parametrize("off", [suspend, cancel_all])
def test_the_clocks_of_a_series_that_is_off_are_not_told(session, cast, off):
    series = begun(session, cast, first_day=MARCH.date(), now=MARCH)
    assert say_clocks(session, MARCH) == 1
    off(session, cast.who(cast.xiaofang), series.id, MARCH + MINUTE)
    assert words_to(session, cast.xiaofang) == []


@pytest.mark.parametrize(("say", "kind", "since", "more"), [
    (say_ending, "series.ending", NOW, {"last_day": SOON}),
    (say_clocks, "series.clock", MARCH, {"first_day": MARCH.date()}),
])  # fmt: skip
def test_what_was_not_heard_of_a_series_before_a_stay_in_hospital_is_told_after(session, cast, say, kind, since, more):
    series, li = begun(session, cast, now=since, **more), cast.who(cast.li)
    assert say(session, since) == 1
    mark(session, li, cast.wangnainai.id, "pause", since + MINUTE)
    assert planned(session, kind) == []
    mark(session, li, cast.wangnainai.id, "resume", since + DAY)
    assert (series.state, say(session, since + DAY)) == ("active", 1)


def test_a_relative_who_heard_of_the_end_hears_that_a_cadre_has_put_it_off(session, cast):
    series = begun(session, cast, last_day=SOON)
    say_ending(session, NOW)
    delivered(session, "series.ending")
    prolong(session, cast.who(cast.li), series.id, FAR, NOW + HOUR)
    assert words_to(session, cast.xiaofang) == ["series.edited"]


def test_calls_that_come_back_are_at_the_hour_that_the_series_has_now(session, cast):
    series, me = begun(session, cast), cast.who(cast.xiaofang)
    edit(session, me, series.id, Edit(last_day=SOON, at=time(15)), NOW)
    prolong(session, me, series.id, FAR, NOW + MINUTE)
    assert {one.starts_at.astimezone(CHINA).hour for one in rows(session, series)} == {15}
