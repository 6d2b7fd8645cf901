"""A person's own calendar: what stands in it, for whom, under what keys; and that nobody else reads anything."""

import re
from datetime import datetime, time, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from models.family import feeds
from models.family.agreeing import Agreement
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.editing import Edit, edit, move_one, skip, take_up
from models.family.ending import cancel
from models.family.feeds import CalendarFeed, hash_of
from models.family.joining import invite
from models.family.occurrences import follow
from models.family.parting import part
from models.hours import CHINA
from tests.models.family.serial import begun, rows
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.models.family.test_parting import link_of
from tests.world import NOW
from wx_backend.calendars import LIMIT

WEEK = timedelta(days=7)


def given(open_session, who):
    with open_session() as session, session.begin():
        return feeds.renew(session, who, NOW)


def read(wire, token):
    answer = wire.app.test_client().get(f"/calendar/{token}.ics")
    assert answer.status_code == 200
    return Calendar.from_ical(answer.data)


def events(wire, token):
    return {str(event["uid"]).partition("@")[0]: event for event in read(wire, token).walk("VEVENT")}


def test_a_call_stands_on_the_centres_clock_with_its_zone_and_holds_no_more_than_it_must(wire, open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast)
    token = given(open_session, cast.who(cast.xiaofang))
    calendar = read(wire, token)
    assert [str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")] == ["Asia/Shanghai"]
    (event,) = calendar.walk("VEVENT")
    assert event["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert event.start == SUNDAY_16
    assert event.end - event.start == timedelta(minutes=30)
    assert re.fullmatch(rf"call-{call.id}@[\w.-]+", event["uid"])
    assert (str(event["summary"]), str(event["status"]), int(event["sequence"])) == ("与王秀英视频", "CONFIRMED", 0)
    assert str(event["location"]) == "葛山村党群服务中心"
    assert str(event["description"]) == "国内11月29日（周日）16:00 · 马德里09:00。有问题请打电话0578-5550101。"


@pytest.mark.case("E6")
def test_the_key_stays_and_the_sequence_grows_through_every_change(wire, open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
    token = given(open_session, cast.who(cast.xiaofang))
    seen = []
    for step in (
        lambda session: move(session, cast.who(cast.xiaofang), call, SUNDAY_16 + timedelta(days=1), NOW),
        lambda session: move(session, cast.who(cast.li), call, SUNDAY_16, NOW, Agreement(cast.xiaofang.id, "phone")),
        lambda session: cancel(session, cast.who(cast.li), call, "停电", NOW),
    ):
        seen.append(events(wire, token)[f"call-{call}"])
        with open_session() as session, session.begin():
            step(session)
    seen.append(events(wire, token)[f"call-{call}"])
    assert [int(one["sequence"]) for one in seen] == [0, 1, 2, 3]
    assert [str(one["status"]) for one in seen] == ["CONFIRMED"] * 3 + ["CANCELLED"]
    assert len({str(one["uid"]) for one in seen}) == 1
    assert seen[1].start == SUNDAY_16 + timedelta(days=1)


@pytest.mark.case("E6")
@pytest.mark.case("F12")
def test_an_occurrence_is_one_event_from_plan_to_call_and_through_its_changes(wire, open_session, cast):
    me = cast.who(cast.xiaofang)
    with open_session() as session, session.begin():
        series = begun(session, cast)
        second, last = rows(session, series)[1].id, rows(session, series)[-1].id
    token = given(open_session, me)
    found = events(wire, token)
    assert len(found) == 8
    assert {key.partition("-")[0] for key in found} == {"occurrence"}
    assert [str(found[f"occurrence-{key}"]["status"]) for key in (second, last)] == ["CONFIRMED", "TENTATIVE"]
    sequence = [int(found[f"occurrence-{second}"]["sequence"])]
    for step in (
        lambda session: move_one(session, me, second, SUNDAY_16 + WEEK - timedelta(hours=1), NOW),
        lambda session: skip(session, me, second, "", NOW),
        lambda session: take_up(session, me, second, NOW),
        lambda session: cancel(session, me, call_of(session), "", NOW),
        lambda session: follow(session, NOW),
        lambda session: take_up(session, me, second, NOW),
        lambda session: edit(session, me, series.id, Edit(at=time(9)), NOW),
    ):
        with open_session() as session, session.begin():
            step(session)
        found = events(wire, token)
        assert len(found) == 8
        sequence.append(int(found[f"occurrence-{second}"]["sequence"]))
    assert sequence == sorted(sequence)
    assert len(set(sequence[:4])) == 4  # each change of its own is a further number
    with open_session() as session, session.begin():
        skip(session, me, last, "", NOW)
    assert str(events(wire, token)[f"occurrence-{last}"]["status"]) == "CANCELLED"


def call_of(session):
    query = select(FamilyCall.id).where(FamilyCall.state == "booked").order_by(FamilyCall.id.desc())
    return session.scalars(query).first()


def test_what_was_cancelled_stays_for_a_while_and_then_goes(wire_for, open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast)
        cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    token = given(open_session, cast.who(cast.xiaofang))
    for days, there in ((0, 1), (30, 1), (40, 0)):
        wire = wire_for(now=lambda days=days: NOW + timedelta(days=days))
        assert len(events(wire, token)) == there


@pytest.mark.case("L1")
def test_everybody_reads_their_own_calls_only_and_not_after_the_link_has_ended(wire, open_session, cast):
    with open_session() as session, session.begin():
        other = sister(session, cast)
        call = booked(session, cast)
        invite(session, cast.who(cast.xiaofang), call.id, other.id, NOW)
        begun(session, cast, at=time(10))
        session.refresh(other)
        session.refresh(cast.identities[other.id])
        call = call.id
    tokens = {
        one.name: given(open_session, cast.who(one)) for one in (cast.xiaofang, other, cast.li, cast.aming, cast.zhao)
    }
    counts = {name: len(events(wire, token)) for name, token in tokens.items()}
    assert counts == {"小芳": 9, "妹妹1": 1, "李站长": 5, "阿明": 0, "赵站长": 0}
    assert str(events(wire, tokens["李站长"])[f"call-{call}"]["summary"]) == "王秀英·小芳、妹妹1视频"
    with open_session() as session, session.begin():
        part(session, cast.who(cast.chen), link_of(session, cast).id, NOW)
    assert events(wire, tokens["小芳"]) == {}


@pytest.mark.case("S9")
def test_the_database_holds_only_a_hash_and_a_wrong_key_says_nothing(wire, open_session, cast):
    token = given(open_session, cast.who(cast.xiaofang))
    with open_session() as session:
        (feed,) = session.scalars(select(CalendarFeed)).all()
        assert feed.token_hash == hash_of(token)
        assert token not in str(vars(feed))
    client = wire.app.test_client()
    for wrong in (token[:-1], token + "A", hash_of(token), "x", "..%2F..%2Fetc"):
        answer = client.get(f"/calendar/{wrong}.ics")
        assert answer.status_code == 404
        assert "小芳" not in answer.text


def test_what_has_not_changed_is_not_sent_again_and_nothing_leaks_from_the_address(wire_for, open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
    token = given(open_session, cast.who(cast.xiaofang))
    client = wire_for().app.test_client()
    first = client.get(f"/calendar/{token}.ics")
    assert first.headers["Cache-Control"] == "private, max-age=900"
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert first.headers["X-Robots-Tag"] == "noindex"
    tag = {"If-None-Match": first.headers["ETag"]}
    later = wire_for(now=lambda: NOW + timedelta(hours=5)).app.test_client()
    assert (later.get(f"/calendar/{token}.ics", headers=tag).status_code, first.content_type) == (
        304, "text/calendar; charset=utf-8",
    )  # fmt: skip
    with open_session() as session, session.begin():
        at = datetime(2026, 11, 30, 16, 0, tzinfo=CHINA)
        move(session, cast.who(cast.li), call, at, NOW, Agreement(cast.xiaofang.id, "phone"))
    assert client.get(f"/calendar/{token}.ics", headers=tag).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_guesses_too_often_waits(wire, cast):
    client = wire.app.test_client()
    most = int(LIMIT.partition(" ")[0])
    statuses = [client.get(f"/calendar/guess{n}.ics").status_code for n in range(most + 1)]
    assert statuses == [404] * most + [429]
