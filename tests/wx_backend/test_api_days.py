"""Call days through the API: tried out, made once, families seated anew with their yes, screens, called off."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.family.call_days import CallDay
from models.family.calls import CALL, FamilyCall
from models.history import history_of
from models.life import By
from tests.mini import api_app, signed_in
from tests.models.family.test_call_days import FIVE, HALF, TWO, families
from tests.wx_backend.test_api import said
from tests.wx_backend.test_api_calls import Hand

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODY = 999_999


class World:
    """李站长's mini-program, at a time that a test may move, and those of others."""

    def __init__(self, app, hand, open_session, cast):
        self.app, self.hand, self.open_session, self.cast = app, hand, open_session, cast

    def phone(self, name="li"):
        identity = self.cast.identities[getattr(self.cast, name).id]
        return signed_in(self.app, self.open_session, identity, self.hand.at)

    def gets(self, path, status=200, code="ok", who="li", **query):
        return said(self.phone(who).get(f"call-days{path}", query_string=query), status, code)["data"]

    def does(self, path, body=None, status=200, code="ok", who="li"):
        return said(self.phone(who).post(f"call-days{path}", body), status, code)["data"]

    def asked(self, **more):
        return {"centre_id": self.cast.centre.id, "starts_at": TWO.isoformat(), "client_key": "client-key", **more}

    def made(self):
        return self.does("", self.asked(), 201)


@pytest.fixture
def world(database_url, open_session, cast):
    hand = Hand()
    with api_app(database_url, hand) as app:
        yield World(app, hand, open_session, cast)


def many(world, count, *more):
    with world.open_session() as session, session.begin():
        families(session, world.cast, count, *more)


def test_a_day_is_found_tried_out_and_made_once(world, cast):
    many(world, 11)
    many(world, 1, "America/New_York", "夜里")
    assert [one["id"] for one in world.gets("/centres")["items"]] == [cast.centre.id]
    halves = world.gets("/halves", centre_id=cast.centre.id)["items"]
    assert {"starts_at": "2026-11-28T06:00:00Z", "ends_at": "2026-11-28T09:00:00Z",
            "text": "11月28日（周六）下午14:00–17:00"} in halves  # fmt: skip
    plan = world.gets("/plan", centre_id=cast.centre.id, starts_at=TWO.isoformat())
    assert (plan["screens"], len(plan["seated"])) == (2, 10)
    assert sorted(one["why"] for one in plan["left_out"]) == ["full", "full", "no_time"]
    assert world.gets("")["items"] == []
    first = world.made()
    assert world.made()["id"] == first["id"]
    assert len(first["seats"]) == 10
    (line,) = world.gets("")["items"]
    assert (line["id"], line["families"], line["text"]) == (first["id"], 10, "11月28日（周六）14:00–17:00")
    assert world.gets(f"/{first['id']}") == first
    world.hand.at = FIVE + timedelta(minutes=1)
    assert world.gets("")["items"] == []


def test_what_is_no_half_day_of_ones_own_makes_no_day(world, cast):
    for start in (TWO + timedelta(minutes=7), TWO - timedelta(days=9), TWO + timedelta(days=300)):
        world.does("", world.asked(starts_at=start.isoformat()), 422, "bad_time")
        world.gets("/plan", 422, "bad_time", centre_id=cast.centre.id, starts_at=start.isoformat())
    for edge in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        world.does("", world.asked(starts_at=edge), 422, "bad_time")
    for bad in ({"starts_at": "2026-11-28"}, {"client_key": "x"}, {"centre_id": 2**60}, {"more": 1}):
        world.does("", world.asked(**bad), 422, "invalid")
    for centre in (cast.other_centre.id, NOBODY):
        world.does("", world.asked(centre_id=centre), 404, "not_yours")
        world.gets("/halves", 404, "not_yours", centre_id=centre)
    world.does("", world.asked(starts_at=TWO.replace(hour=8, minute=30).isoformat()), 409, "nobody_fits")
    with world.open_session() as session:
        assert session.scalars(select(CallDay)).all() == []


@pytest.mark.case("L1")
def test_strangers_see_and_change_no_day(world):
    day = world.made()
    seat = day["seats"][0]["call_id"]
    deeds = {
        f"/{day['id']}/resize": {"screens": 1}, f"/{day['id']}/call-off": {"reason": "停电"},
        f"/seats/{seat}/reserve": None,
        f"/seats/{seat}/reseat": {"call_day_id": day["id"], "starts_at": TWO.isoformat()},
    }  # fmt: skip
    for who in ("zhao", "aming", "xiaofang", "laoxu"):
        assert world.gets("", who=who)["items"] == []
        for path in (f"/{day['id']}", f"/seats/{seat}", f"/{NOBODY}", f"/seats/{NOBODY}"):
            world.gets(path, 404, "not_yours", who)
        for path, body in deeds.items():
            world.does(path, body, 404, "not_yours", who)
    assert world.gets(f"/{day['id']}") == day


@pytest.mark.case("D22", "E4")
def test_a_family_sits_elsewhere_with_its_yes_and_then_a_screen_may_go(world, cast):
    many(world, 1)
    day = world.made()["id"]
    names = world.does(f"/{day}/resize", {"screens": 1}, 409, "seats_taken")["names"]
    seat = next(one for one in world.gets(f"/{day}")["seats"] if one["cared"] == names)
    world.does(f"/{day}/resize", {"screens": 3}, 422, "bad_seats")
    world.does(f"/{day}/resize", {"screens": 0}, 422, "invalid")
    free = world.gets(f"/seats/{seat['call_id']}")["items"]
    assert free[0]["starts_at"] == "2026-11-28T06:30:00Z"
    with world.open_session() as session:
        relative = session.get_one(FamilyCall, seat["call_id"]).relative_id
    to = {"call_day_id": day, "starts_at": free[0]["starts_at"]}
    yes = {"person_id": relative, "means": "phone"}
    path = f"/seats/{seat['call_id']}/reseat"
    world.does(path, to, 422, "agreement_missing")
    world.does(path, {**to, "agreed": {**yes, "person_id": cast.aming.id}}, 422, "agreement_missing")
    world.does(path, {**to, "call_day_id": NOBODY, "agreed": yes}, 404, "not_yours")
    world.does(path, {**to, "starts_at": (TWO + timedelta(minutes=7)).isoformat(), "agreed": yes}, 422, "bad_time")
    moved = world.does(path, {**to, "agreed": yes})
    assert [one["starts_at"] for one in moved["seats"]] == ["2026-11-28T06:00:00Z", "2026-11-28T06:30:00Z"]
    with world.open_session() as session:
        assert history_of(session, f"call:{seat['call_id']}")[-1].note.startswith(f"agreed {relative} phone ")
    for screens in (1, 2):
        assert world.does(f"/{day}/resize", {"screens": screens})["screens"] == screens


def test_a_late_call_goes_to_the_reserve_once_and_not_after_it_has_begun(world, cast):
    day = world.made()
    call = day["seats"][0]["call_id"]
    world.hand.at = TWO + timedelta(minutes=25)
    with world.open_session() as session, session.begin():
        CALL.move(session, session.get_one(FamilyCall, call), "fail", by=By(cast.li.id, "cadre"), now=world.hand.at)
    for _ in range(2):
        seats = world.does(f"/seats/{call}/reserve")["seats"]
        assert [(one["state"], one["reserve"]) for one in seats] == [("technical_failure", False), ("booked", True)]
    world.hand.at = FIVE - HALF
    world.does(f"/seats/{call}/reserve", None, 409, "no_reserve")


@pytest.mark.case("D19")
def test_a_day_is_called_off_with_its_reason_and_twice_is_once(world):
    day = world.made()["id"]
    world.does(f"/{day}/call-off", {"reason": "  "}, 422, "reason_missing")
    world.does(f"/{day}/call-off", {"reason": "\x00"}, 422, "invalid")
    for _ in range(2):
        off = world.does(f"/{day}/call-off", {"reason": "恶劣天气"})
        assert (off["state"], [one["state"] for one in off["seats"]]) == ("called_off", ["cancelled"])
    world.does(f"/{day}/resize", {"screens": 1}, 409, "wrong_state")
    seat = off["seats"][0]["call_id"]
    world.does(f"/seats/{seat}/reserve", None, 409, "wrong_state")
