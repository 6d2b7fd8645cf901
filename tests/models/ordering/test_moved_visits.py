"""A visit at another time than was wished: what hangs on when somebody comes goes by the visit."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.messages.letters import Letter
from models.ordering.directing import recall
from models.ordering.dispatch import hand_back, set_out
from models.ordering.ending import call_off
from models.ordering.placing import cancel
from models.tasks.tasks import Task
from tests.models.ordering.test_visiting import named, taken_on
from tests.world import NOW

HOUR = timedelta(hours=1)
IN_THREE_DAYS = NOW + timedelta(days=3)


def urgencies(session, kind):
    return set(session.scalars(select(Letter.urgency).where(Letter.kind == kind)))


def test_who_goes_earlier_than_was_wished_sets_out_in_time(session, cast):
    _, offer = taken_on(session, cast, preferred_at=IN_THREE_DAYS)
    visit = named(session, cast, offer, starts_at=NOW + 4 * HOUR)
    set_out(session, cast.who(cast.ama), offer.id, NOW + 3 * HOUR)
    assert (offer.state, visit.state) == ("started", "on_the_way")


def test_who_goes_later_than_was_wished_does_not_set_out_days_before(session, cast):
    _, offer = taken_on(session, cast, preferred_at=NOW + 4 * HOUR)
    named(session, cast, offer, starts_at=IN_THREE_DAYS)
    with pytest.raises(Refused, match="too_early"):
        set_out(session, cast.who(cast.ama), offer.id, NOW + 3 * HOUR)
    set_out(session, cast.who(cast.ama), offer.id, IN_THREE_DAYS - HOUR)


@pytest.mark.parametrize(
    ("wished", "comes", "code", "urgency"),
    [
        (IN_THREE_DAYS, NOW + 4 * HOUR, "same_day", "same_day"),
        (IN_THREE_DAYS, NOW + 20 * HOUR, "late", "same_day"),
        (NOW + 4 * HOUR, IN_THREE_DAYS, "in_time", "routine"),
        (IN_THREE_DAYS, None, "in_time", "routine"),
        (NOW + 4 * HOUR, None, "same_day", "same_day"),
    ],
)
def test_how_late_a_cancellation_is_and_how_urgent_goes_by_when_somebody_comes(
    session, cast, wished, comes, code, urgency
):
    order, offer = taken_on(session, cast, preferred_at=wished)
    if comes is not None:
        named(session, cast, offer, starts_at=comes)
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW + HOUR)
    assert order.end_code == code
    assert urgencies(session, "ordering.cancelled") == {urgency}


def test_what_the_centre_calls_off_is_urgent_when_somebody_was_to_come_soon(session, cast):
    order, offer = taken_on(session, cast, preferred_at=IN_THREE_DAYS)
    named(session, cast, offer, starts_at=NOW + 4 * HOUR)
    call_off(session, cast.who(cast.li), order.id, "大雪封路", "改天", NOW + HOUR)
    assert urgencies(session, "ordering.called_off") == {"same_day"}


def test_whom_wechat_does_not_reach_is_told_by_a_cadre_before_somebody_was_to_come(session, cast):
    order, offer = taken_on(session, cast, preferred_at=IN_THREE_DAYS)
    named(session, cast, offer, starts_at=NOW + 4 * HOUR)
    call_off(session, cast.who(cast.li), order.id, "大雪封路", "改天再约", NOW + HOUR)
    (task,) = session.scalars(select(Task).where(Task.kind == "tell_in_person", Task.state == "open")).all()
    assert task.due_at == NOW + 4 * HOUR


@pytest.mark.parametrize("how", ["hand_back", "recall"])
def test_that_nobody_comes_after_all_is_urgent_when_somebody_was_to_come_soon(session, cast, how):
    order, offer = taken_on(session, cast, preferred_at=IN_THREE_DAYS)
    named(session, cast, offer, starts_at=NOW + 4 * HOUR)
    if how == "hand_back":
        hand_back(session, cast.who(cast.laoxu), offer.id, "车坏了", NOW + HOUR)
    else:
        session.refresh(order)
        recall(session, cast.who(cast.li), order.id, order.revision, "另行安排", NOW + HOUR)
    assert urgencies(session, "ordering.handed_back") == {"same_day"}
