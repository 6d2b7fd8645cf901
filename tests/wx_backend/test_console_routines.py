"""A resident's days at the staff desk: what is known and who said so, written anew, heeded by the times offered."""

from datetime import time

import pytest
from sqlalchemy import select

from models.family.routines import Habit, Routine, put_habits
from models.history import History
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app


@pytest.fixture
def clerk(database_url, cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
    app = create_app(config_for(database_url), now=lambda: NOW)
    clerk = Clerk(app)
    clerk.signs_in("li")
    yield clerk
    close_app(app)


def writes(clerk, here, kind, said, seen=""):
    answer = clerk.posts(here, kind=kind, said=said, seen=seen)
    if answer.status_code == 303:
        clerk.opens(answer.location)
    return answer.status_code


@pytest.fixture
def here(cast):
    return f"/console/routines/{cast.wangnainai.id}"


def test_what_nobody_has_said_is_shown_as_assumed_and_the_residents_page_leads_to_it(clerk, here, cast):
    clerk.opens(f"/console/residents/{cast.wangnainai.id}")
    assert "午休 12:30–14:00" in clerk.text()
    assert here in clerk.page
    assert clerk.opens(here).status_code == 200
    assert clerk.text().count("没人说过，先按一般情况") == 3
    assert clerk.text().count("没人说过") == 4  # of market days nothing is assumed
    assert "王秀英" not in clerk.text()


def test_it_is_written_anew_with_who_and_when_and_the_times_offered_heed_it_at_once(clerk, here, cast):
    book = f"/console/booking/{cast.wangnainai.id}?relative={cast.xiaofang.id}"
    clerk.opens(book)
    before = clerk.text()
    clerk.opens(here)
    assert writes(clerk, here, "nap", "14:00到15点半，13:00-13:20") == 303
    assert "记下了" in clerk.text()
    assert "13:00–13:20 14:00–15:30 李站长，今天" in clerk.text()
    assert "李站长 记下 ：午休 14:00–15:30，午休 13:00–13:20" in clerk.text()
    clerk.opens(book)
    assert clerk.text() != before
    clerk.opens(here)
    assert writes(clerk, here, "market", "逢三逢八 7点到11点") == 303
    assert "赶集 逢3、8 07:00–11:00 李站长，今天" in clerk.text()


def test_an_empty_field_makes_it_unknown_again_and_no_is_no(clerk, here, open_session):
    clerk.opens(here)
    writes(clerk, here, "nap", "14:00-15:30")
    assert writes(clerk, here, "nap", "没有", seen="nap 14:00-15:30") == 303
    assert "午休 没有 李站长" in clerk.text()
    assert writes(clerk, here, "nap", "", seen="nap 00:00-00:00") == 303
    assert "午休 12:30–14:00 没人说过" in clerk.text()
    assert "不清楚，按一般情况" in clerk.text()
    with open_session() as session:
        assert session.scalars(select(Routine.id)).all() == []
        notes = session.scalars(select(History.note).where(History.subject.startswith("routine:"))
                                .order_by(History.id)).all()  # fmt: skip
    assert notes == ["nap 14:00-15:30", "nap 00:00-00:00", "nap"]


def test_what_the_countys_file_has_changed_since_is_said_too(clerk, here):
    clerk.opens(here)
    assert writes(clerk, here, "nap", "13:00-14:00", seen="nap 11:00-12:00") == 409
    assert "县里的名册更新了" in clerk.text()


def test_who_has_not_seen_what_another_wrote_is_told_and_overwrites_nothing(clerk, here, cast, open_session):
    clerk.opens(here)
    with open_session() as session, session.begin():
        put_habits(session, cast.who(cast.li), cast.wangnainai.id, "nap", [Habit("nap", time(13), time(15))], NOW)
    assert writes(clerk, here, "nap", "14:00-15:30") == 409
    assert "李站长今天10:00记下午休 13:00–15:00" in clerk.text()
    with open_session() as session:
        assert session.scalars(select(Routine.begins)).all() == [time(13)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [("nap", "睡一会儿"), ("nap", "25:00-26:00"), ("party", "12:00-13:00"), ("work", "8:00-9:00"), ("", "8:00-9:00"),
     ("nap", "\x00"*3 + "x"), ("meal", " ".join(f"{n}:00-{n}:30" for n in range(10)))],
)  # fmt: skip
def test_what_no_day_can_hold_is_refused_in_a_sentence(clerk, here, kind, said, open_session):
    clerk.opens(here)
    assert writes(clerk, here, kind, said) == 422
    with open_session() as session:
        assert session.scalars(select(Routine.id)).all() == []


def test_who_is_away_is_asked_when_they_work_and_by_their_own_clock(clerk, cast):
    here = f"/console/routines/{cast.xiaofang.id}"
    clerk.opens(here)
    assert "上班" in clerk.text()
    assert "赶集" not in clerk.text()
    assert writes(clerk, here, "work", "周一到周五 8:00-17:00") == 303
    assert "上班 周一、二、三、四、五 08:00–17:00" in clerk.text()


def test_what_the_countys_file_says_since_is_nobodys_word(clerk, here, cast, open_session):
    clerk.opens(here)
    writes(clerk, here, "nap", "14:00-15:30")
    with open_session() as session, session.begin():
        session.scalars(select(Routine)).one().ends = time(16)
    clerk.opens(here)
    assert "来自名册" in clerk.text()
    assert "李站长，今天" not in clerk.text()


def test_names_are_shown_for_a_reason_only(clerk, here):
    clerk.opens(here)
    assert clerk.posts(f"{here}/reveal").status_code == 422
    clerk.opens(here)
    clerk.posts(f"{here}/reveal", reason="family")
    assert "王秀英的作息" in clerk.text()
