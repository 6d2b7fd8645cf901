"""Series of calls at the staff desk: masked until somebody says why; rested, ended, taken back; single dates too."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.family.occurrences import Occurrence
from models.family.series import Series
from models.messages.letters import Letter
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.family.serial import begun
from tests.world import NOW
from wx_backend.app import create_app

MINUTE = timedelta(minutes=1)


@pytest.fixture
def series(cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        return begun(session, cast).id


@pytest.fixture
def clerk(database_url, series):
    app = create_app(config_for(database_url), now=lambda: NOW + MINUTE)
    clerk = Clerk(app)
    clerk.signs_in("li")
    yield clerk
    close_app(app)


def after(clerk, answer):
    assert answer.status_code == 303
    clerk.opens(answer.location)
    return clerk.text()


def letters(open_session, kind):
    with open_session() as session:
        return len(session.scalars(select(Letter.id).where(Letter.kind == kind)).all())


def test_names_are_masked_until_somebody_says_why(clerk, series):
    for path in ("series/", f"series/{series}"):
        assert clerk.opens(f"/console/{path}").status_code == 200
        assert "王*" in clerk.text()
        assert "王秀英" not in clerk.text()
    assert "每周日" in clerk.text()
    assert "国内11月29日（周日）16:00 · 马德里09:00" in clerk.text()
    assert clerk.posts(f"/console/series/{series}/reveal").status_code == 422
    clerk.opens(f"/console/series/{series}")
    clerk.posts(f"/console/series/{series}/reveal", reason="call")
    assert "王秀英与小芳的定期连线" in clerk.text()


@pytest.mark.case("F3", "G10")
def test_it_rests_goes_on_ends_and_is_taken_back_and_the_family_hears_of_each_once(clerk, series, open_session):
    here = f"/console/series/{series}"
    for deed, said, kind in (
        ("suspend", "已经暂停", "series.rests"), ("resume", "已经恢复", "series.goes_on"),
        ("cancel", "已经全部结束", "series.cancelled"), ("restore", "已经恢复", "series.restored"),
    ):  # fmt: skip
        for _ in range(2):
            clerk.opens(here)
            assert said in after(clerk, clerk.posts(f"{here}/{deed}"))
        assert letters(open_session, kind) == 1, kind
    clerk.opens("/console/audit/")
    with open_session() as session:
        assert session.get_one(Series, series).state == "active"


@pytest.mark.case("F2")
def test_one_date_is_left_out_for_a_reason_that_the_family_reads_and_back(clerk, series, open_session):
    clerk.opens(f"/console/series/{series}")
    day = int(re.findall(r"/console/series/dates/(\d+)/skip", clerk.page)[1])
    assert clerk.posts(f"/console/series/dates/{day}/skip").status_code == 422
    clerk.opens(f"/console/series/{series}")
    assert "这一次不视频了" in after(clerk, clerk.posts(f"/console/series/dates/{day}/skip", reason="老人自己说不来"))
    with open_session() as session:
        one = session.get_one(Occurrence, day)
        assert (one.state, one.reason) == ("skipped", "asked")
    assert letters(open_session, "family.cancelled") >= 1
    clerk.opens(f"/console/series/{series}")
    far = int(re.findall(r"/console/series/dates/(\d+)/skip", clerk.page)[-1])  # not booked yet
    clerk.posts(f"/console/series/dates/{far}/skip", reason="老人自己说不来")
    assert letters(open_session, "series.skipped") == 1
    clerk.opens(f"/console/series/{series}")
    assert "这一次恢复了" in after(clerk, clerk.posts(f"/console/series/dates/{day}/again"))
