"""Who has left the organisation or was given back holds nothing any more of the visits for which they were named."""

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from models.errors import Refused
from models.ordering.lending import approve, give_back
from models.ordering.runsheet import run_sheet
from models.ordering.visiting import arrive, find_nobody, visit_for
from models.people.staff import StaffRole
from tests.models.ordering.test_dispatch import WANTED
from tests.models.ordering.test_lending import ENDS, asked, lent, nurse  # noqa: F401
from tests.models.ordering.test_visiting import named, taken_on
from tests.world import NOW

DAY = date(2026, 11, 25)
HOUR = timedelta(hours=1)


def sheet(session, who):
    return [stop.visit_id for stop in run_sheet(session, who, DAY)]


def refused(session, who, visit):
    """Whatever somebody tries with a visit that is not theirs."""
    for act in (arrive, find_nobody):
        with pytest.raises(Refused, match="not_yours"):
            act(session, who, visit.id, WANTED, WANTED)
    with pytest.raises(Refused, match="not_yours"):
        visit_for(session, who, visit.id)
    assert sheet(session, who) == []


def test_who_has_left_the_organisation_reports_nothing_and_reads_no_sheet(session, cast):
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    assert sheet(session, cast.who(cast.ama)) == [visit.id]
    session.execute(update(StaffRole).where(StaffRole.person_id == cast.ama.id).values(ended_at=NOW + HOUR))
    session.expire_all()
    refused(session, cast.who(cast.ama), visit)
    assert sheet(session, cast.who(cast.laoxu)) == [visit.id]
    assert arrive(session, cast.who(cast.laoxu), visit.id, WANTED, WANTED).state == "arrived"


@pytest.mark.parametrize("alone", [True, False], ids=["for the order", "for the centre"])
@pytest.mark.parametrize("fetched", [True, False], ids=["fetched", "agreed"])
def test_who_is_lent_goes_reports_and_has_a_sheet(session, cast, nurse, alone, fetched):  # noqa: F811
    order, offer = taken_on(session, cast)
    only = {"order_id": order.id} if alone else {}
    if fetched:
        lent(session, cast, "person", nurse.id, **only)
    else:
        approve(session, cast.who(cast.zhao), asked(session, cast, "person", nurse.id, **only).id, NOW)
    visit = named(session, cast, offer, nurse)
    other = taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={})[1]
    named(session, cast, other, cast.laoxu, starts_at=WANTED + 3 * HOUR)
    assert sheet(session, cast.who(nurse)) == [visit.id]
    # Where there is no signal it is told when the loan is over: what counts is the time of the visit.
    assert arrive(session, cast.who(nurse), visit.id, WANTED, ENDS + HOUR).state == "arrived"
    assert find_nobody(session, cast.who(nurse), visit.id, WANTED, ENDS + HOUR).state == "nobody_home"


@pytest.mark.parametrize("why", ["given_back", "other_order", "over_before"])
def test_whose_loan_does_not_cover_the_visit_any_more_has_no_part_in_it(session, cast, nurse, why):  # noqa: F811
    _, offer = taken_on(session, cast)
    loan = lent(session, cast, "person", nurse.id)
    visit = named(session, cast, offer, nurse)
    if why == "given_back":
        give_back(session, cast.who(cast.zhao), loan.id, NOW + HOUR)
    elif why == "other_order":
        loan.order_id = taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={})[0].id
    else:
        loan.ends_at = WANTED
    session.flush()
    refused(session, cast.who(nurse), visit)


def test_who_was_given_back_after_the_visit_still_reports_it(session, cast, nurse):  # noqa: F811
    _, offer = taken_on(session, cast)
    loan = lent(session, cast, "person", nurse.id)
    visit = named(session, cast, offer, nurse)
    give_back(session, cast.who(cast.zhao), loan.id, WANTED + 6 * HOUR)
    assert arrive(session, cast.who(nurse), visit.id, WANTED, WANTED + 8 * HOUR).state == "arrived"
