"""Call days at the staff desk: tried out, made once, families seated elsewhere with their yes, screens, called off."""

import re
from datetime import UTC, timedelta

import pytest
from sqlalchemy import select

from handlers.family import day_words
from models.family.call_days import CallDay, calls_on
from models.family.calls import CALL, FamilyCall
from models.family.ending import cancel
from models.history import history_of
from models.life import By
from models.messages.letters import Letter
from models.people.persons import Person
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.family.test_call_days import FIVE, HALF, TWO, families, made
from tests.world import NOW
from wx_backend.app import create_app

NEW = {"day": "2026-11-28", "half": "1"}


def stamp(moment):
    return str(int(moment.timestamp()) // 60)


class Desk:
    """李站长 at the desk, at a time that a test may move."""

    def __init__(self, database_url, open_session, cast):
        self.now, self.open_session, self.cast = NOW, open_session, cast
        self.app = create_app(config_for(database_url), now=lambda: self.now)
        self.clerk = Clerk(self.app)
        with open_session() as session, session.begin():
            give_account(session, cast.li.id, "li", now=NOW)
        self.clerk.signs_in("li")

    def at(self, moment):
        self.now = moment
        self.clerk.signs_in("li")

    def form(self):
        """What the page that tries a day out would send."""
        assert self.clerk.opens("/console/days/new", **NEW).status_code == 200
        return {name: re.search(rf'name="{name}" value="([^"]+)"', self.clerk.page)[1] for name in ("centre", "at",
                                                                                               "key")}  # fmt: skip

    def makes(self):
        """A day on Saturday afternoon; answers its key."""
        answer = self.clerk.posts("/console/days/new", **self.form())
        assert answer.status_code == 303
        self.clerk.opens(answer.location)
        return int(re.search(r"/days/(\d+)", answer.location)[1])

    def does(self, path, *, seen=None, page=None, **form):
        """Opens a page below the days and sends a form from it."""
        self.clerk.opens(f"/console/days/{page if page is not None else path.rpartition('/')[0]}")
        mark = self.clerk.seen() if seen is None else seen
        return self.clerk.posts(f"/console/days/{path}", seen=mark, **form)

    def seats(self, day):
        with self.open_session() as session:
            return [(one.id, one.cared_id, one.starts_at) for one in calls_on(session, day)]


@pytest.fixture
def desk(database_url, open_session, cast):
    made = Desk(database_url, open_session, cast)
    yield made
    close_app(made.app)


def many(open_session, cast, count, *more):
    with open_session() as session, session.begin():
        return [elder.id for _, elder in families(session, cast, count, *more)]


def test_a_day_is_tried_out_without_anything_happening_and_then_made_once(desk, cast, open_session):
    many(open_session, cast, 12)
    many(open_session, cast, 2, "America/New_York", "夜里")
    clerk = desk.clerk
    clerk.opens("/console/days/new")
    assert "11月28日（周六）" in clerk.text()
    clerk.opens("/console/days/new", day="2026-11-28")
    assert "下午14:00–17:00" in clerk.text()
    form = desk.form()
    assert "2台设备，可以这样安排10家" in clerk.text()
    assert clerk.text().count(day_words.LEFT_OUT["no_time"]) == 2
    assert clerk.text().count(day_words.LEFT_OUT["full"]) == 3
    assert "罗马07:00" in clerk.text()
    assert "王秀英" not in clerk.text()
    with open_session() as session:
        assert session.scalars(select(CallDay)).all() == []
    assert clerk.posts("/console/days/new/reveal", centre=cast.centre.id, **NEW).status_code == 422
    desk.form()
    clerk.posts("/console/days/new/reveal", reason="verify", centre=cast.centre.id, **NEW)
    assert "王秀英" in clerk.text()
    first = clerk.posts("/console/days/new", **form)
    clerk.opens("/console/days/new")
    again = clerk.posts("/console/days/new", **form)
    assert first.location == again.location
    clerk.opens(first.location)
    assert day_words.DONE["day_made"] in clerk.text()
    with open_session() as session:
        (day,) = session.scalars(select(CallDay)).all()
        assert (day.starts_at, day.ends_at, day.helper_id) == (TWO, FIVE, cast.li.id)
        assert len(session.scalars(select(Letter).where(Letter.kind == "family.seated")).all()) == 10


def test_what_is_no_half_day_of_ones_own_makes_no_day(desk, cast, open_session):
    form = desk.form()
    wrong = (({"at": stamp(TWO + timedelta(minutes=7))}, 422), ({"at": "x"}, 422), ({"at": "9" * 11}, 422),
             ({"at": stamp(TWO - timedelta(days=9))}, 422), ({"key": ""}, 404), ({"centre": "x"}, 404),
             ({"centre": str(cast.other_centre.id)}, 404), ({"centre": "9" * 18}, 404))  # fmt: skip
    for change, status in wrong:
        desk.form()
        assert desk.clerk.posts("/console/days/new", **{**form, **change}).status_code == status, change
    for centre in (cast.other_centre.id, "9" * 18):
        assert desk.clerk.opens("/console/days/new", centre=centre).status_code == 404
    for query in ({"day": "x"}, {"day": "2026-11-28", "half": "9"}, {"day": "\x00", "half": "²"}):
        assert desk.clerk.opens("/console/days/new", **query).status_code == 200
        assert "确认" not in desk.clerk.text()
    desk.clerk.opens("/console/days/new")
    assert desk.clerk.posts("/console/days/new", token=False, **form).status_code == 400
    with open_session() as session:
        assert session.scalars(select(CallDay)).all() == []


def test_where_nobody_fits_the_page_says_so_and_offers_no_button(desk, cast):
    desk.clerk.opens("/console/days/new", day="2026-11-28", half="0")  # it is night in Madrid
    assert day_words.REFUSALS["nobody_fits"] in desk.clerk.text()
    assert 'aria-label="开这一天"' not in desk.clerk.page
    at = stamp(TWO.replace(hour=8, minute=30))
    answer = desk.clerk.posts("/console/days/new", centre=cast.centre.id, at=at, key="k" * 24)
    assert answer.status_code == 409


def test_one_day_shows_who_sits_when_with_the_reserve_and_the_sheet_to_print(desk, cast):
    day = desk.makes()
    text = desk.clerk.text()
    assert "14:00 王* 葛山村 小* 马德里07:00 1号机 已约好" in text
    assert "16:30 备用 空着" in text
    assert "/console/callsheet/?day=2026-11-28" in desk.clerk.page
    desk.clerk.posts(f"/console/days/{day}/reveal", reason="call")
    assert "王秀英" in desk.clerk.text()
    assert desk.clerk.posts(f"/console/days/{day}/reveal").status_code == 422
    desk.clerk.opens("/console/days/")
    assert "11月28日（周六）14:00–17:00" in desk.clerk.text()
    desk.at(FIVE + timedelta(minutes=1))
    desk.clerk.opens("/console/days/")
    assert day_words.NO_DAYS in desk.clerk.text()
    desk.clerk.opens("/console/days/", view="past")
    assert "1家" in desk.clerk.text()


@pytest.mark.case("D22", "E4")
def test_a_family_sits_elsewhere_only_with_its_yes_and_then_a_screen_may_go(desk, cast, open_session):
    many(open_session, cast, 1)
    day = desk.makes()
    assert desk.does(f"{day}/screens", page=day, screens="1").status_code == 409
    (first, _, _), (second, elder, _) = desk.seats(day)
    with open_session() as session:
        assert f"减少之后{session.get_one(Person, elder).name}没有设备用了" in desk.clerk.text()
    for wrong in ("0", "3", "", "9" * 30):
        assert desk.does(f"{day}/screens", page=day, screens=wrong).status_code == 422, wrong
    page = f"seats/{second}"
    form = {"to": f"{day}.{stamp(TWO + HALF)}", "whose": str(elder), "means": "visit"}
    wrongs = (({"whose": str(cast.aming.id)}, 422), ({"whose": ""}, 422), ({"means": "x"}, 422), ({"to": "x"}, 422),
              ({"to": f"{day}.{stamp(TWO + timedelta(minutes=7))}"}, 422), ({"to": f"999.{stamp(TWO)}"}, 404),
              ({"to": f"{'9' * 15}.{stamp(TWO)}"}, 404), ({"to": "1.²"}, 422))  # fmt: skip
    for change, status in wrongs:
        assert desk.does(f"{page}/to", page=page, **{**form, **change}).status_code == status, change
    answer = desk.does(f"{page}/to", page=page, **form)
    assert answer.status_code == 303
    desk.clerk.opens(answer.location)
    assert day_words.DONE["day_seated"] in desk.clerk.text()
    assert [at for _, _, at in desk.seats(day)] == [TWO, TWO + HALF]
    with open_session() as session:
        note = history_of(session, f"call:{second}")[-1].note
        assert note == f"agreed {elder} visit {(TWO + HALF).astimezone(UTC).isoformat()}"
    desk.clerk.opens(f"/console/calls/{second}")
    assert "当面说好，改到11月28日（周六）14:30" in desk.clerk.text()
    assert desk.does(f"{day}/screens", page=day, screens="1").status_code == 303
    assert desk.does(f"{day}/screens", page=day, screens="2").status_code == 303  # and back again
    assert first in [one for one, _, _ in desk.seats(day)]


@pytest.mark.case("E7")
def test_a_family_goes_to_another_day_and_a_full_one_is_not_offered(desk, cast, open_session):
    with open_session() as session, session.begin():
        day = made(session, cast).id
        families(session, cast, 2, name="乙")
        other = made(session, cast, TWO + timedelta(days=1), FIVE + timedelta(days=1), key="d2").id
    ((call, elder, _),) = desk.seats(day)
    desk.clerk.opens(f"/console/days/seats/{call}")
    full, free = TWO + timedelta(days=1), TWO + timedelta(days=1) + HALF
    assert f'value="{other}.{stamp(free)}"' in desk.clerk.page
    assert f'value="{other}.{stamp(full)}"' not in desk.clerk.page
    form = {"whose": str(elder), "means": "phone", "page": f"seats/{call}"}
    assert desk.does(f"seats/{call}/to", to=f"{other}.{stamp(full)}", **form).status_code == 409
    assert desk.does(f"seats/{call}/to", to=f"{other}.{stamp(free)}", **form).status_code == 303
    assert desk.seats(day) == []
    assert call in [one for one, _, _ in desk.seats(other)]


def test_a_late_call_goes_to_the_reserve_and_not_before_it_is_late(desk, cast, open_session):
    day = desk.makes()
    ((call, _, _),) = desk.seats(day)
    desk.clerk.opens(f"/console/days/seats/{call}")
    assert "备用时段" not in desk.clerk.text()
    desk.at(TWO + timedelta(minutes=20))
    with open_session() as session, session.begin():
        found = session.get_one(FamilyCall, call)
        CALL.move(session, found, "fail", by=By(cast.li.id, "cadre"), now=desk.now)
    answer = desk.does(f"seats/{call}/reserve", page=f"seats/{call}")
    assert answer.status_code == 303
    assert [at for _, _, at in desk.seats(day)] == [FIVE - HALF]
    desk.clerk.opens(answer.location)
    assert "设备故障没有接通" in desk.clerk.text()
    assert "16:30 备用 王*" in desk.clerk.text()
    desk.at(FIVE - HALF)
    desk.clerk.opens(f"/console/days/seats/{call}")
    assert desk.clerk.posts(f"/console/days/seats/{call}/reserve", seen="technical_failure.0").status_code == 409


@pytest.mark.case("D19")
def test_a_day_is_called_off_after_the_page_has_said_how_many_hear_of_it(desk, cast, open_session):
    many(open_session, cast, 2)
    day = desk.makes()
    desk.clerk.opens(f"/console/days/{day}/off")
    assert "3家都会收到取消通知" in desk.clerk.text()
    assert desk.does(f"{day}/off", page=f"{day}/off", why=" ").status_code == 422
    answer = desk.does(f"{day}/off", page=f"{day}/off", why="恶劣天气")
    desk.clerk.opens(answer.location)
    assert day_words.DONE["day_off"] in desk.clerk.text()
    assert desk.clerk.text().count("已取消") == 3
    with open_session() as session:
        assert set(session.scalars(select(FamilyCall.state))) == {"cancelled"}
        assert session.get_one(CallDay, day).state == "called_off"
        assert len(session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).all()) == 3
    assert desk.clerk.opens(f"/console/days/{day}/off").status_code == 409
    assert "换座位" not in desk.clerk.opens(f"/console/days/{day}").text


@pytest.mark.case("C14")
def test_what_is_done_from_an_old_page_changes_nothing_and_leads_to_the_new(desk, cast, open_session):
    day = desk.makes()
    ((call, elder, at),) = desk.seats(day)
    assert desk.does(f"{day}/screens", page=day, screens="1").status_code == 303
    for path, form in ((f"{day}/screens", {"screens": "2"}), (f"{day}/off", {"why": "停电"})):
        for seen in ("open.2", "", "x"):
            assert desk.does(path, page=day, seen=seen, **form).status_code == 409
            assert "李站长今天10:00改了设备台数" in desk.clerk.text()
            assert f'href="/console/days/{day}"' in desk.clerk.page
    for path, form in ((f"seats/{call}/reserve", {}), (f"seats/{call}/to", {"to": f"{day}.{stamp(TWO + HALF)}",
                                                                       "whose": elder, "means": "phone"})):  # fmt: skip
        assert desk.does(path, page=f"seats/{call}", seen="booked.9", **form).status_code == 409
        assert f'href="/console/days/seats/{call}"' in desk.clerk.page
    assert desk.seats(day) == [(call, elder, at)]
    for path in (f"{day}/screens", f"{day}/off", f"seats/{call}/to", f"seats/{call}/reserve", f"{day}/reveal"):
        desk.clerk.opens(f"/console/days/{day}")
        assert desk.clerk.posts(f"/console/days/{path}", token=False, seen="open.1").status_code == 400, path


def test_who_has_cancelled_sits_nowhere_and_a_call_of_no_day_has_no_seat(desk, cast, open_session):
    day = desk.makes()
    ((call, _, _),) = desk.seats(day)
    with open_session() as session, session.begin():
        cancel(session, cast.who(cast.xiaofang), call, "", NOW)
    desk.clerk.opens(f"/console/days/{day}")
    assert "王*" not in desk.clerk.text()
    with open_session() as session, session.begin():
        session.get_one(FamilyCall, call).call_day_id = None
    assert desk.clerk.opens(f"/console/days/seats/{call}").status_code == 404
    for gone in ("999999", "9" * 20, "x"):
        assert desk.clerk.opens(f"/console/days/{gone}").status_code == 404
        assert desk.clerk.opens(f"/console/days/seats/{gone}").status_code == 404
