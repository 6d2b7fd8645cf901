"""Series of calls at the staff desk: masked until somebody says why; rested, ended, taken back; single dates too."""

import re
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from models.family.editing import Edit, edit
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


TURN = {"since": "2026-12-08", "how": "week", "at": "15:00"}


def tried(clerk, series, **more):
    """The page that shows what a series would become."""
    clerk.opens(f"/console/series/{series}")
    answer = clerk.posts(f"/console/series/{series}/change", **{**TURN, **more})
    fields = dict(re.findall(r'type="hidden" name="(since|rule|at|seen)" value="([^"]*)"', clerk.page))
    return answer.status_code, fields


@pytest.mark.case("F3", "F7")
def test_another_rule_and_hour_from_a_day_on_are_seen_before_they_are_so(clerk, series, open_session):
    status, fields = tried(clerk, series)
    assert status == 200
    said = clerk.text()
    assert "每周二，国内15:00" in said
    assert "国内12月8日（周二）15:00 · 马德里08:00" in said
    assert "原来约好的有2次会取消" in said
    with open_session() as session:
        assert session.get_one(Series, series).rule == "week-1-7"
    assert "改好了" in after(clerk, clerk.posts(f"/console/series/{series}/changed", **fields))
    assert "国内11月29日（周日）16:00" in clerk.text()  # what lies before it stays
    assert "国内12月8日（周二）15:00" in clerk.text()
    assert letters(open_session, "series.edited") == 1
    with open_session() as session:
        one = session.get_one(Series, series)
        assert (one.rule, f"{one.at:%H%M}") == ("week-1-2", "1500")


def test_a_change_from_a_page_that_is_no_longer_true_is_none(clerk, series, cast, open_session):
    _, fields = tried(clerk, series)
    with open_session() as session, session.begin():
        edit(session, cast.who(cast.xiaofang), series, Edit(at=time(10)), NOW)
    assert clerk.posts(f"/console/series/{series}/changed", **fields).status_code == 409
    assert "更改" in clerk.text()
    with open_session() as session:
        assert session.get_one(Series, series).rule == "week-1-7"


@pytest.mark.parametrize(
    ("how", "said"),
    [("fortnight", "每两周的周二"), ("month", "每月8日"), ("nth", "每月第二个周二"), ("lunar", "每逢农历初一、十五"),
     ("feasts", "逢年过节"), ("feast-moon", "中秋那天"), ("", "每周日"), ("birthday", "农历八月十五生日那天")],
)  # fmt: skip
def test_every_rule_that_the_form_offers_can_be_tried(clerk, series, how, said):
    status, _ = tried(clerk, series, how=how, birthday="8月15")
    assert status == 200
    assert said in clerk.text()


@pytest.mark.parametrize(
    "form", [{"since": ""}, {"since": "9999-12-31"}, {"since": "soon"}, {"how": "never"}, {"how": "birthday"},
             {"at": "25:00"}, {"how": "day-0"}]
)  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(clerk, series, form, open_session):
    assert tried(clerk, series, **form)[0] == 422
    with open_session() as session:
        assert session.get_one(Series, series).rule == "week-1-7"
