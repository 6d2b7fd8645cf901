"""审核 and the run sheet at the staff desk: four eyes, what was read is what is decided, names only for a reason."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept
from models.ordering.placing import place
from models.ordering.review import decide, submit
from models.ordering.versions import ListingVersion, edit
from models.ordering.visiting import name_person
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app

WISHED = NOW + timedelta(hours=3)


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        give_account(session, cast.chen.id, "chen")
        give_account(session, cast.zhao.id, "zhao")
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def version(cast, open_session):
    """Another title for the meal, submitted by the station's cadre."""
    with open_session() as session, session.begin():
        found = edit(session, cast.who(cast.li), cast.meal.id, {"title": "热饭上门"}, now=NOW)
        return submit(session, cast.who(cast.li), found.id, NOW).id


def signed_in(app, who):
    clerk = Clerk(app)
    clerk.signs_in(who)
    return clerk


def state_of(open_session, version):
    with open_session() as session:
        return session.get_one(ListingVersion, version).state


def test_a_reviewer_sees_what_changes_and_approves_it(app, cast, open_session, version):
    clerk = signed_in(app, "chen")
    clerk.opens("/console/review/")
    assert f'href="/console/review/{version}"' in clerk.page
    clerk.opens(f"/console/review/{version}")
    assert f"名称 {cast.meal.title} 热饭上门" in clerk.text()
    assert clerk.posts(f"/console/review/{version}/decide", seen=clerk.seen(), verb="return", why="").status_code == 422
    clerk.opens(f"/console/review/{version}")
    assert clerk.posts(f"/console/review/{version}/decide", seen=clerk.seen(), verb="approve").status_code == 303
    assert state_of(open_session, version) == "approved"
    with open_session() as session:
        verbs = list(session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))
    assert verbs[-2:] == ["refused", "version_approve"]
    clerk.opens("/console/review/")
    assert f"/console/review/{version}" not in clerk.page


def test_who_wrote_it_does_not_decide_on_it_and_is_not_asked_to(app, cast, open_session):
    with open_session() as session, session.begin():
        found = edit(session, cast.who(cast.chen), cast.meal.id, {"title": "热饭上门"}, now=NOW)
        found.state, found.rounds = "submitted", 1
        key = found.id
    clerk = signed_in(app, "chen")
    clerk.opens("/console/review/")
    assert f"/console/review/{key}" not in clerk.page
    clerk.opens(f"/console/review/{key}")
    assert "要由别人来审" in clerk.text()
    assert clerk.posts(f"/console/review/{key}/decide", seen="1", verb="approve").status_code == 409
    assert state_of(open_session, key) == "submitted"


@pytest.mark.case("C14")
def test_what_was_rewritten_since_is_read_again_before_it_is_decided_on(app, cast, open_session, version):
    clerk = signed_in(app, "chen")
    clerk.opens(f"/console/review/{version}")
    old = clerk.seen()
    with open_session() as session, session.begin():
        decide(session, cast.who(cast.chen), version, "return", "太长", NOW)
        edit(session, cast.who(cast.li), cast.meal.id, {"title": "别的"}, now=NOW)
        submit(session, cast.who(cast.li), version, NOW)
    assert clerk.posts(f"/console/review/{version}/decide", seen=old, verb="approve").status_code == 409
    assert "李站长今天" in clerk.text()
    assert state_of(open_session, version) == "submitted"
    clerk.opens(f"/console/review/{version}")
    assert clerk.posts(f"/console/review/{version}/decide", seen=clerk.seen(), verb="approve").status_code == 303


@pytest.mark.case("L1")
def test_the_run_sheet_holds_the_visits_of_my_villages_and_names_only_for_a_reason(app, cast, open_session):
    with open_session() as session, session.begin():
        order = place(session, cast.who(cast.xiaofang), listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id,
                      answers={}, preferred_at=WISHED, note="走后门", client_key="k", now=NOW)  # fmt: skip
        offer = session.scalars(select(Assignment).where(Assignment.order_id == order.id)).one()
        accept(session, cast.who(cast.laoxu), offer.id, NOW)
        name_person(session, cast.who(cast.laoxu), offer.id, cast.laoxu.id, now=NOW)
    clerk = signed_in(app, "li")
    clerk.opens("/console/sheet/")
    assert f"{cast.village.name} 王*" in clerk.text()
    assert "王秀英" not in clerk.page
    assert "走后门" not in clerk.page
    assert clerk.posts("/console/sheet/reveal", day="2026-11-24").status_code == 422
    clerk.opens("/console/sheet/")
    day = f"{NOW:%Y-%m-%d}"
    assert clerk.posts("/console/sheet/reveal", day=day, reason="visit").status_code == 200
    assert "王秀英" in clerk.page
    assert "走后门" in clerk.page
    with open_session() as session:
        line = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
        assert (line.verb, line.subject, line.detail["reason"]) == ("reveal", f"sheet:{day}", "visit")
    clerk.opens("/console/sheet/", day=f"{NOW + timedelta(days=1):%Y-%m-%d}")
    assert "没有排好的上门" in clerk.text()
    other = signed_in(app, "zhao")
    other.opens("/console/sheet/")
    assert "没有排好的上门" in other.text()
