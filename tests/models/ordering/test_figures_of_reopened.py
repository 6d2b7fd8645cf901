"""What was taken up again is promised again: the figures go by who accepted it then, and not the first time."""

from datetime import date, timedelta

import pytest

from models.ordering.aftercare import reopen
from models.ordering.dispatch import accept
from models.ordering.placing import give_up
from models.ordering.reports import report_for, rows_for
from tests.models.ordering.test_aftercare import LATER, done
from tests.models.ordering.test_dispatch import offer_of
from tests.world import NOW

NOVEMBER = date(2026, 11, 1)
MUCH_LATER = NOW + timedelta(days=60)
HOUR = timedelta(hours=1)


@pytest.fixture
def again(session, cast):
    """An order that was accepted at once, and taken up again three days later for some weeks after."""
    order = done(session, cast)
    reopen(session, cast.who(cast.xiaofang), order.id, "没理完", LATER + timedelta(days=20), LATER)
    return order


def accepts(session, cast, order, now):
    offer = offer_of(session, order)
    member = cast.laoxu if offer.organisation_id == cast.helpers_club.id else cast.xiaohong
    accept(session, cast.who(member), offer.id, now)


def figures(session, cast, now=MUCH_LATER):
    whole = report_for(session, cast.who(cast.li), NOVEMBER, now)[1]
    return whole.kept, whole.promised, whole.wait


@pytest.mark.parametrize(("takes", "kept"), [(2 * HOUR, 1), (timedelta(days=9), 0)], ids=["in time", "too late"])
def test_the_second_acceptance_keeps_the_second_promise_or_breaks_it(session, cast, again, takes, kept):
    accepts(session, cast, again, LATER + takes)
    assert figures(session, cast) == (kept, 1, takes)
    assert [row.accepted_at for row in rows_for(session, cast.who(cast.li), NOVEMBER)] == [LATER + takes]


def test_a_promise_that_nobody_has_kept_yet_is_open_and_then_broken(session, cast, again):
    assert figures(session, cast, LATER + HOUR) == (0, 0, None)
    assert figures(session, cast) == (0, 1, None)
    assert rows_for(session, cast.who(cast.li), NOVEMBER)[0].organisation  # who had it last had it all the same


def test_what_nobody_could_do_the_second_time_is_no_promise_kept(session, cast, again):
    give_up(session, cast.who(cast.li), again.id, "", LATER + HOUR, "nobody_free")
    assert figures(session, cast) == (0, 1, None)
