"""派单 at the staff desk: what the page offers is done by the rule, and an old page does nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.hours import CHINA
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept
from models.ordering.orders import Order
from models.ordering.placing import place
from models.ordering.visits import Visit
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app

WISHED = NOW + timedelta(days=3)


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def order(cast, open_session):
    with open_session() as session, session.begin():
        return place(session, cast.who(cast.xiaofang), listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id,
                     answers={}, preferred_at=WISHED, note="找王秀英", client_key="k", now=NOW).id  # fmt: skip


@pytest.fixture
def clerk(app):
    made = Clerk(app)
    made.signs_in("li")
    return made


def stands(open_session, order):
    with open_session() as session:
        offers = select(Assignment.state).where(Assignment.order_id == order).order_by(Assignment.id)
        return session.get_one(Order, order), list(session.scalars(offers))


def audited(open_session):
    with open_session() as session:
        return list(session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))[-1]


def test_the_list_says_who_is_asked_and_until_when_and_masks_whom_it_is_for(clerk, order):
    clerk.opens("/console/dispatch/")
    assert "王*" in clerk.text()
    assert "答应的期限" in clerk.text()
    clerk.opens(f"/console/dispatch/{order}")
    assert "前有人接单" in clerk.text()
    assert "王秀英" not in clerk.page


@pytest.mark.case("C14")
@pytest.mark.parametrize(("deed", "form"), [
    ("off", {"why": "下雨", "instead": "改到周五"}), ("unmet", {"code": "too_far"}), ("pause", {}), ("pool", {}),
    ("recall", {"why": "另派"}),
])  # fmt: skip
def test_of_two_who_act_on_one_page_the_second_is_told_and_changes_nothing(app, clerk, open_session, order, deed, form):
    clerk.opens(f"/console/dispatch/{order}")
    old = clerk.seen()
    assert clerk.posts(f"/console/dispatch/{order}/pause", seen=old).status_code == 303
    assert audited(open_session) == "order_pause"
    before = stands(open_session, order)
    clerk.opens(f"/console/dispatch/{order}")
    assert "暂停计时" in clerk.text()
    assert clerk.posts(f"/console/dispatch/{order}/{deed}", seen=old, **form).status_code == 409
    assert f'href="/console/dispatch/{order}"' in clerk.page
    after = stands(open_session, order)
    assert (after[0].state, after[0].revision, after[1]) == (before[0].state, before[0].revision, before[1])
    clerk.opens(f"/console/dispatch/{order}")
    assert clerk.posts(f"/console/dispatch/{order}/{deed}", seen=clerk.seen(), **form).status_code == 303


def test_an_order_goes_to_a_fitting_organisation_and_its_member_is_named(app, cast, clerk, open_session, order):
    with open_session() as session, session.begin():
        first = session.scalars(select(Assignment).where(Assignment.order_id == order)).one()
        club, key = first.organisation_id, first.id
    clerk.opens(f"/console/dispatch/{order}")
    assert f'<option value="{club}">' in clerk.page
    sent = clerk.posts(f"/console/dispatch/{order}/give", seen=clerk.seen(), organisation=club)
    assert sent.status_code == 303
    assert audited(open_session) == "order_dispatch"
    assert stands(open_session, order)[1] == ["withdrawn", "offered"]
    with open_session() as session, session.begin():
        again = session.scalars(select(Assignment).where(Assignment.id > key)).one()
        assert again.mode == "directive"
        accept(session, cast.who(cast.laoxu), again.id, NOW)
    clerk.opens(f"/console/dispatch/{order}")
    for at in ("0001-01-01T00:00", "9999-12-31T23:59"):
        sent = clerk.posts(f"/console/dispatch/{order}/who", seen=clerk.seen(), person=cast.laoxu.id, at=at)
        assert sent.status_code == 422, at
        clerk.opens(f"/console/dispatch/{order}")
    later = WISHED + timedelta(hours=1)
    sent = clerk.posts(f"/console/dispatch/{order}/who", seen=clerk.seen(), person=cast.laoxu.id,
                       at=f"{later.astimezone(CHINA):%Y-%m-%dT%H:%M}")  # fmt: skip
    assert sent.status_code == 303
    assert audited(open_session) == "visit_named"
    with open_session() as session:
        visit = session.scalars(select(Visit)).one()
        assert (visit.person_id, visit.starts_at) == (cast.laoxu.id, later)


def test_a_page_without_a_reason_or_another_way_is_told_what_is_missing(clerk, open_session, order):
    clerk.opens(f"/console/dispatch/{order}")
    seen = clerk.seen()
    for deed, form in (("off", {"why": "下雨", "instead": ""}), ("off", {"why": "", "instead": "x"}),
                       ("unmet", {"code": "none"}), ("who", {"person": "1", "at": "then"})):  # fmt: skip
        status = clerk.posts(f"/console/dispatch/{order}/{deed}", seen=seen, **form).status_code
        assert status == (409 if deed == "who" else 422), deed
    assert stands(open_session, order)[0].state == "open"
