"""Pairs at the staff desk: made from a resident's page, written down also later, ended where the page is still true."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.family.pairing import Pairing, PairingContact, ask_overdue, pair, part, touch
from models.messages.letters import Letter
from models.tasks.tasks import Task
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app

DAY = timedelta(days=1)


@pytest.fixture
def clerk(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
    app = create_app(config_for(database_url), now=lambda: NOW)
    clerk = Clerk(app)
    clerk.signs_in("li")
    yield clerk
    close_app(app)


def paired(open_session, cast, helper=None, days=7, since=NOW):
    with open_session() as session, session.begin():
        return pair(session, cast.who(cast.li), (helper or cast.laoxu).id, cast.wangnainai.id, days, since).id


def after(clerk, answer):
    assert answer.status_code == 303
    clerk.opens(answer.location)
    return clerk.text()


def test_a_pair_is_made_from_the_residents_page_and_the_helper_hears_of_it(clerk, cast, open_session):
    clerk.opens(f"/console/residents/{cast.wangnainai.id}")
    assert "还没有人结对" in clerk.text()
    here = f"/console/pairs/new/{cast.wangnainai.id}"
    assert here in clerk.page
    clerk.opens(here)
    assert "李站长（我自己）" in clerk.text()
    clerk.posts(f"{here}/search", whom="没有这个人")
    assert "没有找到" in clerk.text()
    clerk.posts(f"{here}/search", whom="老徐")
    said = after(clerk, clerk.posts(here, helper=cast.laoxu.id, days=14))
    assert "老徐与王*结对" in said
    assert "每两周" in said
    with open_session() as session:
        assert session.scalars(select(Letter.person_id).where(Letter.kind == "family.paired")).all() == [cast.laoxu.id]
    assert f'name="helper" value="{cast.laoxu.id}"' in clerk.page  # the rhythm is theirs, and not the clerk's own
    said = after(clerk, clerk.posts(here, helper=cast.laoxu.id, days=30))
    assert "李站长 改了多久联系一次 ：每月" in said
    assert "李站长 请人结对 ：每两周" in said
    with open_session() as session:
        assert [(one.state, one.every_days) for one in session.scalars(select(Pairing))] == [("paired", 30)]
    clerk.opens(f"/console/residents/{cast.wangnainai.id}")
    assert "老徐 ，每月联系一次" in clerk.text()


@pytest.mark.parametrize(
    ("helper", "days", "status"),
    [("aming", "7", 409), ("wangnainai", "7", 409), ("laoxu", "5", 422), ("laoxu", "x", 422), (None, "7", 409),
     ("laoxu", "9" * 18, 422)],
)  # fmt: skip
def test_nobody_without_an_office_and_no_other_rhythm(clerk, cast, open_session, helper, days, status):
    here = f"/console/pairs/new/{cast.wangnainai.id}"
    clerk.opens(here)
    sent = {"helper": getattr(cast, helper).id} if helper else {"helper": "\x00"}
    assert clerk.posts(here, days=days, **sent).status_code == status
    with open_session() as session:
        assert session.scalars(select(Pairing.id)).all() == []


def test_what_is_due_stands_first_and_a_contact_that_was_on_paper_counts_from_its_day(clerk, cast, open_session):
    key = paired(open_session, cast, since=NOW - 20 * DAY)
    fresh = paired(open_session, cast, cast.li)
    with open_session() as session, session.begin():
        ask_overdue(session, NOW)
    clerk.opens("/console/pairs/", view="late")
    assert "该联系了" in clerk.text()
    assert "老徐" in clerk.text()
    assert f"/console/pairs/{fresh}" not in clerk.page
    clerk.opens("/console/pairs/")
    assert clerk.page.index(f"/console/pairs/{key}") < clerk.page.index(f"/console/pairs/{fresh}")
    clerk.opens(f"/console/pairs/{key}")
    at = f"{NOW - 2 * DAY:%Y-%m-%d}T15:30"
    said = after(clerk, clerk.posts(f"/console/pairs/{key}/touch", means="visit", at=at, note="王秀英说腰疼"))
    assert "11月22日15:30 上门看了" in said
    assert "王*说腰疼" in said
    with open_session() as session:
        assert session.scalars(select(Task.state).where(Task.kind == "pairing_due")).all() == ["done"]
    clerk.opens("/console/pairs/", view="late")
    assert "没有这样的结对" in clerk.text()


@pytest.mark.parametrize(
    ("form", "status"),
    [({"means": ""}, 409), ({"means": "dance"}, 409), ({"means": "visit", "at": "never"}, 422),
     ({"means": "visit", "at": "0001-01-01T00:00"}, 422), ({"means": "visit", "at": "2027-01-01T00:00"}, 422)],
)  # fmt: skip
def test_a_contact_that_cannot_have_been_is_not_written_down(clerk, cast, open_session, form, status):
    key = paired(open_session, cast)
    clerk.opens(f"/console/pairs/{key}")
    assert clerk.posts(f"/console/pairs/{key}/touch", **form).status_code == status
    with open_session() as session:
        assert session.scalars(select(PairingContact.id)).all() == []


def test_it_ends_where_the_page_is_true_and_who_was_there_meanwhile_is_said(clerk, cast, open_session):
    key = paired(open_session, cast, since=NOW - 3 * DAY)
    here = f"/console/pairs/{key}"
    clerk.opens(here)
    seen = clerk.seen()
    with open_session() as session, session.begin():
        touch(session, cast.who(cast.laoxu), key, "phone", NOW - DAY, NOW)
    assert clerk.posts(f"{here}/part", seen=seen).status_code == 409
    assert "打了电话" in clerk.text()
    clerk.opens(here)
    assert "结对解除了" in after(clerk, clerk.posts(f"{here}/part", seen=clerk.seen()))
    assert clerk.posts(f"{here}/touch", means="visit").status_code == 409
    clerk.opens("/console/pairs/", view="parted")
    assert f"/console/pairs/{key}" in clerk.page


def test_a_pair_that_has_parted_meanwhile_says_by_whom(clerk, cast, open_session):
    key = paired(open_session, cast)
    clerk.opens(f"/console/pairs/{key}")
    seen = clerk.seen()
    with open_session() as session, session.begin():
        part(session, cast.who(cast.laoxu), key, NOW)
    assert clerk.posts(f"/console/pairs/{key}/part", seen=seen).status_code == 409
    assert "老徐今天10:00解除结对" in clerk.text()


def test_company_and_pairs_lead_to_each_other(clerk, cast, open_session):
    clerk.opens("/console/quiet/")
    assert "/console/pairs/" in clerk.page
    assert f"/console/pairs/new/{cast.wangnainai.id}" in clerk.page
    clerk.opens("/console/pairs/")
    assert "/console/quiet/" in clerk.page
