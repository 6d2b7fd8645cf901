"""报表: people counted as people, promises as they were kept, and a workbook in which nobody can be recognised."""

import io
from datetime import date, timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from models.audit import AuditEntry
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept, complete
from models.ordering.orders import Order
from models.ordering.placing import cancel, give_up, place
from models.ordering.ratings import rate
from models.ordering.reports import report, report_for
from models.people.persons import Person
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app

NOVEMBER = date(2026, 11, 1)
LATER = NOW + timedelta(days=20)
WISHED = NOW + timedelta(days=9)


@pytest.fixture
def orders(cast, open_session):
    """Five haircuts for one person: taken after two hours and rated, taken too late, unmet, called off, waiting."""
    with open_session() as session, session.begin():
        made = [
            place(session, cast.who(cast.xiaofang), listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id,
                  answers={}, preferred_at=WISHED + timedelta(days=n), note="", client_key=f"k{n}", now=NOW)
            for n in range(5)
        ]  # fmt: skip
        offers = {one.order_id: one.id for one in session.scalars(select(Assignment))}
        accept(session, cast.who(cast.laoxu), offers[made[0].id], NOW + timedelta(hours=2))
        complete(session, cast.who(cast.laoxu), offers[made[0].id], WISHED)
        rate(session, cast.who(cast.xiaofang), made[0].id, 3, WISHED)
        accept(session, cast.who(cast.laoxu), offers[made[1].id], NOW + timedelta(days=7))
        give_up(session, cast.who(cast.li), made[2].id, "王秀英家太远", NOW, "too_far")
        cancel(session, cast.who(cast.xiaofang), made[3].id, "不需要了", NOW)
        return [order.id for order in made]


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        give_account(session, cast.zhao.id, "zhao")
        session.get_one(Person, cast.wangnainai.id).phone = "13812345678"
    made = create_app(config_for(database_url), now=lambda: LATER)
    yield made
    close_app(made)


def test_one_person_with_five_orders_is_one_person(cast, open_session, orders):
    with open_session() as session:
        rows, whole = report_for(session, cast.who(cast.li), NOVEMBER, NOW)
        assert len(rows) == 1
        assert (whole.orders, whole.people) == (5, 1)
        assert (whole.served, whole.unmet, whole.cancelled) == (1, 1, 1)


def test_a_promise_is_kept_broken_or_still_open_and_the_middle_wait_is_told(cast, open_session, orders):
    with open_session() as session:
        _, soon = report_for(session, cast.who(cast.li), NOVEMBER, NOW)
        assert (soon.kept, soon.promised) == (1, 3)  # the one that waits is still in time
        _, whole = report_for(session, cast.who(cast.li), NOVEMBER, LATER)
        assert (whole.kept, whole.promised) == (1, 4)
        assert whole.wait == (timedelta(hours=2) + timedelta(days=7)) / 2
        assert (whole.rating, whole.rated) == (3, 1)


@pytest.mark.case("L1")
def test_the_figures_are_those_of_my_areas_and_of_the_month_in_china(cast, open_session, orders):
    with open_session() as session, session.begin():
        assert report_for(session, cast.who(cast.zhao), NOVEMBER, LATER)[1].orders == 0
        assert report_for(session, cast.who(cast.xiaofang), NOVEMBER, LATER)[1].orders == 0
        assert report(session, None, date(2026, 12, 1), LATER)[1].orders == 0
        # In China it is December already.
        session.get_one(Order, orders[0]).created_at = NOW.replace(month=11, day=30, hour=16)
        assert report(session, None, date(2026, 12, 1), LATER)[1].orders == 1
        assert report(session, None, NOVEMBER, LATER)[1].orders == 4


@pytest.mark.case("L7")
def test_the_workbook_masks_everybody_and_every_export_is_written_down(app, open_session, orders):
    clerk = Clerk(app)
    clerk.signs_in("li")
    clerk.opens("/console/report/", month="2026-11")
    assert "受益人数" in clerk.text()
    answer = clerk.posts("/console/report/export", month="2026-11")
    assert answer.status_code == 200
    book = load_workbook(io.BytesIO(answer.data))
    said = [str(cell) for page in book for row in page.iter_rows(values_only=True) for cell in row]
    assert book.sheetnames == ["汇总", "订单"]
    assert "王*" in said
    assert "138****5678" in said
    assert [cell for cell in said if "王秀英" in cell or "13812345678" in cell or "小芳" in cell] == []
    with open_session() as session:
        line = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert (line.verb, line.subject, line.detail["rows"]) == ("report_export", "report:2026-11", 5)


@pytest.mark.case("L1")
def test_a_workbook_holds_my_own_areas_only(app, orders):
    clerk = Clerk(app)
    clerk.signs_in("zhao")
    clerk.opens("/console/report/", month="2026-11")
    book = load_workbook(io.BytesIO(clerk.posts("/console/report/export", month="2026-11").data))
    assert [page.max_row for page in book] == [2, 1]


@pytest.mark.parametrize("month", ["", "x", "0001-01", "9999-12", "2026-13", "2026-11-1"])
def test_a_month_that_is_none_is_this_month(app, month):
    clerk = Clerk(app)
    clerk.signs_in("li")
    assert clerk.opens("/console/report/", month=month).status_code == 200
    assert "2026年12月" in clerk.text()
