"""Every route of the mini-program's API, asked by everybody: whose it is, and whose it is not."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.family.booking import book
from models.family.call_days import calls_on
from models.family.calls import FamilyCall
from models.family.changing import propose
from models.family.news import write
from models.family.pairing import pair
from models.family.seating import make_day
from models.messages.media import Brought, keep
from models.ordering.assignments import Assignment
from models.ordering.orders import Order
from models.ordering.waiting import WaitlistEntry
from models.people.consent import agree
from models.tasks.tasks import Task
from tests.mini import Mini, api_app, meal_for, signed_in
from tests.models.family.serial import missed
from tests.models.family.test_calls import SUNDAY_16
from tests.world import NOW

STRANGERS = ("other centre", "other resident", "other role")
# What nobody but those it concerns may read anywhere: the beneficiary, and what was said of her door.
PRIVATE = ("王秀英", "放在门口")


@dataclass(frozen=True)
class Row:
    """One route: how it is asked, by whom rightly, and the status that each other one gets."""

    path: str
    own: str = "xiaofang"
    status: int = 200
    others: int = 404
    nobody: int = 401
    body: Any = None
    role: str = "laoxu"  # who has another role


ORDER, OFFER, TASK, TALK = "orders/{order}", "offers/{offer}", "tasks/{task}", "calls/{talk}"
SERIES = "series/{series}"
WHO = {"person_id": 1, "starts_at": "2026-11-27T12:00:00+08:00"}
AGAIN = {"preferred_at": "2026-11-26T12:00:00+08:00"}
CANCEL, WHY = {"reason": "时间不合适"}, {"reason": "人手不够"}

SATURDAY = SUNDAY_16 + timedelta(days=13, hours=-2)

# Strangers are asked first, of everything; then those it concerns, in the order of this table.
ROWS = {
    "GET /openapi.json": Row("/openapi.json", others=200, nobody=200),
    "POST /api/v1/login": Row("login", status=503, others=503, nobody=503, body={"code": "x"}),  # no WeChat here
    "POST /api/v1/refresh": Row("refresh", status=401, others=401, body={"refresh_token": "x"}),
    "GET /api/v1/me": Row("me", others=200),
    "PATCH /api/v1/me": Row("me", others=200, body={"time_zone": "Europe/Rome"}),
    "GET /api/v1/people": Row("people", others=200),
    "GET /api/v1/centres": Row("centres", others=200),
    "GET /api/v1/centres/{centre}/listings": Row("centres/{centre}/listings", others=200),
    "GET /api/v1/centres/{centre}/listings/{listing}/times": Row(
        "centres/{centre}/listings/{listing}/times", others=200
    ),
    "GET /api/v1/listings/{listing}": Row("listings/{listing}", others=200),
    "POST /api/v1/orders": Row("orders", status=201, others=403, body="meal"),
    "GET /api/v1/orders": Row("orders", others=200),
    "GET /api/v1/orders/{order}": Row(ORDER),
    "GET /api/v1/orders/by-number/{number}": Row("orders/by-number/{number}"),
    "GET /api/v1/offers": Row("offers", own="laoxu", others=200, role="xiaofang"),
    "GET /api/v1/offers/{offer}": Row(OFFER, own="laoxu", role="xiaofang"),
    "POST /api/v1/offers/{offer}/accept": Row(f"{OFFER}/accept", own="laoxu", role="xiaofang"),
    "GET /api/v1/offers/{offer}/members": Row(f"{OFFER}/members", own="laoxu", role="xiaofang"),
    "POST /api/v1/offers/{offer}/visit": Row(f"{OFFER}/visit", own="laoxu", role="xiaofang", body="who"),
    "POST /api/v1/offers/{offer}/start": Row(f"{OFFER}/start", own="laoxu", status=409, role="xiaofang"),
    "POST /api/v1/visits/{visit}/arrive": Row("visits/{visit}/arrive", own="laoxu", role="xiaofang", body={}),
    "POST /api/v1/visits/{visit}/nobody-home": Row("visits/{visit}/nobody-home", own="laoxu", role="xiaofang", body={}),
    "POST /api/v1/offers/{offer}/hand-back": Row(f"{OFFER}/hand-back", own="laoxu", role="xiaofang", body=WHY),
    "POST /api/v1/offers/{offer}/decline": Row("offers/{second}/decline", own="laoxu", role="xiaofang", body=WHY),
    "POST /api/v1/offers/{offer}/complete": Row("offers/{taken}/complete", own="laoxu", role="xiaofang"),
    "GET /api/v1/tasks": Row("tasks", own="li", others=200, role="xiaofang"),
    "GET /api/v1/tasks/{task}": Row(TASK, own="li", role="xiaofang"),
    "POST /api/v1/tasks/{task}/acknowledge": Row(f"{TASK}/acknowledge", own="li", role="xiaofang"),
    "POST /api/v1/tasks/{task}/done": Row(f"{TASK}/done", own="li", role="xiaofang"),
    "POST /api/v1/orders/{order}/cancel": Row(f"{ORDER}/cancel", body=CANCEL),
    "POST /api/v1/orders/{order}/undo": Row(f"{ORDER}/undo"),
    "POST /api/v1/orders/{order}/rate": Row("orders/{done}/rate", body={"score": 1}),
    "POST /api/v1/orders/{order}/complain": Row("orders/{done}/complain", body={"words": "来晚了"}),
    "POST /api/v1/orders/{order}/reopen": Row("orders/{done}/reopen", body=AGAIN),
    "POST /api/v1/needs": Row("needs", status=201, others=403, body="need"),
    "POST /api/v1/help": Row("help", status=201, others=403, body="help"),
    "GET /api/v1/needs": Row("needs", others=200),
    "GET /api/v1/needs/{need}": Row("needs/{need}"),
    "GET /api/v1/help/{call}": Row("help/{call}"),
    "POST /api/v1/needs/{need}/media": Row("needs/{need}/media", status=422),  # no file in it: see test_uploads
    "POST /api/v1/help/{call}/media": Row("help/{call}/media", status=422),
    "GET /api/v1/needs/{need}/media/{media}": Row("needs/{need}/media/{media}"),
    "GET /api/v1/help/{call}/media/{media}": Row("help/{call}/media/{media}", status=404),  # of the need
    "POST /api/v1/help/{call}/withdraw": Row("help/{call}/withdraw"),
    "POST /api/v1/waiting": Row("waiting", status=409, others=403, body="wait"),
    "GET /api/v1/waiting": Row("waiting", others=200),
    "GET /api/v1/waiting/{entry}": Row("waiting/{entry}"),
    "POST /api/v1/waiting/{entry}/take": Row("waiting/{entry}/take", status=409),
    "POST /api/v1/waiting/{entry}/decline": Row("waiting/{entry}/decline", status=409),
    "POST /api/v1/waiting/{entry}/leave": Row("waiting/{entry}/leave"),
    "GET /api/v1/calls": Row("calls", others=200),
    "GET /api/v1/calls/slots": Row("calls/slots?person_id={person}&first_day=2026-11-29", others=403),
    "POST /api/v1/calls": Row("calls", status=201, others=403, body="talk"),
    "GET /api/v1/calls/{call}": Row(TALK),
    "GET /api/v1/calls/{call}/ways": Row(f"{TALK}/ways"),
    "POST /api/v1/calls/{call}/way": Row(f"{TALK}/way", body={"way": "by_hand"}),
    "GET /api/v1/calls/{call}/guests": Row(f"{TALK}/guests"),
    "POST /api/v1/calls/{call}/guests": Row(f"{TALK}/guests", status=403, body={"person_id": 999999}),  # no relative
    "POST /api/v1/calls/{call}/guests/{person}/leave": Row(f"{TALK}/guests/{{person}}/leave", status=404),  # no guest
    "POST /api/v1/calls/{call}/undo": Row(f"{TALK}/undo"),
    "GET /api/v1/proposals": Row("proposals", others=200),
    "GET /api/v1/proposals/{proposal}": Row("proposals/{proposal}"),
    "POST /api/v1/proposals/{proposal}/accept": Row("proposals/{proposal}/accept"),
    "POST /api/v1/proposals/{proposal}/decline": Row("proposals/{proposal}/decline", status=409),  # it is accepted
    "GET /api/v1/makeups": Row("makeups", others=200),
    "GET /api/v1/makeups/{kept}": Row("makeups/{kept}"),
    "POST /api/v1/makeups/{kept}/take": Row(
        "makeups/{kept}/take",
        status=422,
        body={"starts_at": "2026-12-01T09:00:00+08:00"},  # none of its times
    ),
    "POST /api/v1/makeups/{kept}/decline": Row("makeups/{kept}/decline"),
    "POST /api/v1/calls/{call}/move": Row(f"{TALK}/move", body={"starts_at": "2026-11-29T15:00:00+08:00"}),
    "POST /api/v1/calls/{call}/grant": Row(f"{TALK}/grant", status=409, body={"state": "granted"}),
    "POST /api/v1/calls/{call}/ticket": Row(f"{TALK}/ticket", status=409),
    "POST /api/v1/calls/{call}/join": Row(f"{TALK}/join", status=409, body={}),
    "POST /api/v1/calls/{call}/ended": Row(f"{TALK}/ended", body={"minutes": 3}),
    "GET /api/v1/calls/sheet": Row("calls/sheet?day=2026-11-29", own="li", others=200, role="xiaofang"),
    "GET /api/v1/calls/{call}/desk": Row(f"{TALK}/desk", own="li", role="xiaofang"),
    "POST /api/v1/calls/{call}/told": Row("calls/{again}/told", own="li", role="xiaofang", body={"means": "visit"}),
    "POST /api/v1/calls/{call}/propose": Row(
        "calls/{again}/propose",
        own="li",
        status=201,
        role="xiaofang",
        body={"starts_at": "2026-12-10T15:00:00+08:00", "reason": "设备坏了", "otherwise": "keep"},
    ),
    "POST /api/v1/calls/{call}/arrived": Row(f"{TALK}/arrived", own="li", status=422, role="xiaofang", body={}),
    "POST /api/v1/calls/{call}/outcome": Row(
        f"{TALK}/outcome", own="li", status=422, role="xiaofang", body={"what": "completed"}
    ),
    "POST /api/v1/calls/{call}/well": Row(
        f"{TALK}/well", own="li", status=409, role="xiaofang", body={"verdict": "ok"}
    ),
    "POST /api/v1/calls/{call}/set-out": Row(f"{TALK}/set-out", own="li", status=409, role="xiaofang"),
    "POST /api/v1/calls/{call}/call-off": Row(
        "calls/{again}/call-off", own="li", role="xiaofang", body={"reason": "停电", "alternative": "周一再约"}
    ),
    "GET /api/v1/call-days": Row("call-days", own="li", others=200, role="xiaofang"),
    "GET /api/v1/call-days/centres": Row("call-days/centres", own="li", others=200, role="xiaofang"),
    "GET /api/v1/call-days/halves": Row("call-days/halves?centre_id={centre}", own="li", role="xiaofang"),
    "GET /api/v1/call-days/plan": Row(
        "call-days/plan?centre_id={centre}&starts_at=2026-12-19T14:00:00%2B08:00", own="li", role="xiaofang"
    ),
    "POST /api/v1/call-days": Row("call-days", own="li", status=409, role="xiaofang", body="day"),  # she talks often
    "GET /api/v1/call-days/{day}": Row("call-days/{day}", own="li", role="xiaofang"),
    "GET /api/v1/call-days/seats/{call}": Row("call-days/seats/{seat}", own="li", role="xiaofang"),
    "POST /api/v1/call-days/seats/{call}/reseat": Row(
        "call-days/seats/{seat}/reseat",
        own="li",
        status=422,
        role="xiaofang",
        body={"call_day_id": 1, "starts_at": "2026-12-12T14:30:00+08:00"},
    ),
    "POST /api/v1/call-days/seats/{call}/reserve": Row("call-days/seats/{seat}/reserve", own="li", role="xiaofang"),
    "POST /api/v1/call-days/{day}/resize": Row(
        "call-days/{day}/resize", own="li", role="xiaofang", body={"screens": 1}
    ),
    "POST /api/v1/call-days/{day}/call-off": Row(
        "call-days/{day}/call-off", own="li", role="xiaofang", body={"reason": "停电"}
    ),
    "GET /api/v1/series": Row("series", others=200),
    "GET /api/v1/series/dates": Row(
        "series/dates?person_id={person}&rule=week-1-3&at=14:00&first_day=2026-12-02", others=403
    ),
    "POST /api/v1/series": Row("series", status=201, others=403, body="series"),
    "GET /api/v1/series/{number}": Row(SERIES),
    "POST /api/v1/series/dates/{number}/move": Row(
        "series/dates/{date}/move", body={"starts_at": "2026-12-04T15:30:00+08:00"}
    ),
    "POST /api/v1/series/dates/{number}/skip": Row("series/dates/{date}/skip", body={"reason": "回不来"}),
    "POST /api/v1/series/dates/{number}/take-up": Row("series/dates/{date}/take-up"),
    "POST /api/v1/series/{number}/change": Row(f"{SERIES}/change", body={"at": "15:00"}),
    "POST /api/v1/series/{number}/prolong": Row(f"{SERIES}/prolong", body={"last_day": "2027-06-30"}),
    "POST /api/v1/series/{number}/suspend": Row(f"{SERIES}/suspend"),
    "POST /api/v1/series/{number}/resume": Row(f"{SERIES}/resume"),
    "POST /api/v1/series/{number}/cancel": Row(f"{SERIES}/cancel"),
    "POST /api/v1/series/{number}/restore": Row(f"{SERIES}/restore"),
    "POST /api/v1/calls/{call}/cancel": Row(f"{TALK}/cancel", body=CANCEL),
    "GET /api/v1/people/{person}/routines": Row("people/{person}/routines", own="li"),
    "POST /api/v1/people/{person}/routines": Row("people/{person}/routines", own="li", body={"kind": "nap"}),
    "GET /api/v1/people/{person}/consents": Row("people/{person}/consents", own="li"),
    "POST /api/v1/people/{person}/consents": Row(
        "people/{person}/consents", own="li", body={"kind": "home_news", "agrees": True}
    ),
    "GET /api/v1/pairs": Row("pairs", own="li", others=200),
    "GET /api/v1/pairs/{pair}": Row("pairs/{pair}", own="li"),
    "POST /api/v1/pairs/{pair}/contacts": Row("pairs/{pair}/contacts", own="li", body={"means": "phone"}),
    "GET /api/v1/news": Row("news", others=200),
    "GET /api/v1/news/{number}": Row("news/{news}"),
    "GET /api/v1/news/{number}/photo/{media}": Row("news/{news}/photo/{shown}"),
    "GET /api/v1/calendar": Row("calendar", others=200),
    "POST /api/v1/calendar": Row("calendar", others=200),
    "POST /api/v1/calendar/stop": Row("calendar/stop", others=200),
    "GET /api/v1/subscriptions": Row("subscriptions", others=200),
    "POST /api/v1/subscriptions": Row(
        "subscriptions", others=200, body={"answers": {"sub-mini-call-reminder": "reject"}}
    ),
    "POST /api/v1/logout": Row("logout", others=200),
    "GET /open311/v2/services.json": Row("/open311/v2/services.json", others=200, nobody=200),
    "GET /open311/v2/services/{code}.json": Row("/open311/v2/services/L1.json", others=200, nobody=200),
    "GET /open311/v2/requests.json": Row("/open311/v2/requests.json", others=200, nobody=200),
    "GET /open311/v2/requests/{number}.json": Row("/open311/v2/requests/{number}.json", others=200, nobody=200),
}


@pytest.fixture
def app(database_url, tmp_path):
    with api_app(database_url, WX_BACKEND_MEDIA__FOLDER=str(tmp_path / "media")) as app:
        yield app


@pytest.fixture
def ids(app, open_session, cast):
    """Three orders for 王秀英, the third taken on by 老徐; the keys of all that hangs on them."""
    me, laoxu = (signed_in(app, open_session, cast.identities[one.id]) for one in (cast.xiaofang, cast.laoxu))
    orders = [me.post("orders", meal_for(cast, client_key=f"client-key-{n}")).json["data"] for n in range(3)]
    with open_session() as session:
        offers = session.scalars(select(Assignment.id).order_by(Assignment.order_id)).all()
        task = session.scalars(select(Task.id).where(Task.subject == f"order:{orders[0]['id']}")).one()
    assert laoxu.post(f"offers/{offers[2]}/accept").status_code == 200
    named = laoxu.post(f"offers/{offers[2]}/visit", {"person_id": cast.ama.id})
    told = [me.post(what, told_for(cast, f"client-{what}")).json["data"]["matter"]["id"] for what in ("needs", "help")]
    app.extensions["api"].frame.media.keep("f" * 32, b"a photo")
    app.extensions["api"].frame.media.keep("f" * 31 + "e", b"a photo")
    with open_session() as session, session.begin():
        photo = keep(session, f"need:{told[0]}", Brought("image", "jpg", 7, "f" * 32), NOW)
        entry = WaitlistEntry(
            key="places/1", holder="p/1", listing_id=cast.meal.id, centre_id=cast.centre.id, places=1, warned=[],
            requested_by_id=cast.xiaofang.id, beneficiary_id=cast.wangnainai.id, answers={}, created_at=NOW,
            preferred_at=NOW + timedelta(days=2),
        )  # fmt: skip
        session.add(entry)
        session.flush()
        kept = {"media": photo.id, "entry": entry.id}
    talk = me.post("calls", talk_for(cast, "client-talk-0", 16)).json["data"]["id"]
    with open_session() as session, session.begin():
        asked = propose(session, cast.who(cast.li), talk, SUNDAY_16 + timedelta(days=2), "设备坏了", "keep", NOW)
        day = make_day(session, cast.who(cast.li), centre_id=cast.centre.id, starts_at=SATURDAY,
                       ends_at=SATURDAY + timedelta(hours=2), client_key="client-day", now=NOW)  # fmt: skip
        (seat,) = calls_on(session, day.id)
        again = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, client_key="client-again", now=NOW,
                     starts_at=SUNDAY_16 + timedelta(days=10)).id  # fmt: skip
        kept |= {"day": day.id, "seat": seat.id, "again": again}
        kept |= {"proposal": asked.id, "kept": missed(session, cast)}
        kept["pair"] = pair(session, cast.who(cast.li), cast.chen.id, cast.wangnainai.id, 7, NOW).id
        agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)
        kept["news"] = write(session, cast.who(cast.li), cast.wangnainai.id, "王秀英种了菜", NOW).id
        agree(session, cast.who(cast.li), cast.wangnainai.id, "photos", NOW)
        kept["shown"] = keep(session, f"news:{kept['news']}", Brought("image", "jpg", 7, "f" * 31 + "e"), NOW).id
    weekly = me.post("series", series_for(cast, "client-series-0", "week-1-5")).json["data"]
    return {
        **kept, "talk": talk, "series": weekly["id"], "date": weekly["dates"][0]["id"], "person": cast.wangnainai.id,
        "order": orders[0]["id"], "number": orders[0]["number"], "offer": offers[0], "second": offers[1],
        "taken": offers[2], "task": task, "centre": cast.centre.id, "listing": cast.meal.id,
        "done": orders[2]["id"], "visit": named.json["data"]["visit"]["id"], "need": told[0], "call": told[1],
    }  # fmt: skip


def talk_for(cast, key, hour):
    """The body of a call of 小芳 with her mother."""
    return {"client_key": key, "person_id": cast.wangnainai.id, "starts_at": f"2026-11-29T{hour}:00:00+08:00"}


def series_for(cast, key, rule):
    """The body of a series of 小芳 with her mother."""
    return {"client_key": key, "person_id": cast.wangnainai.id, "rule": rule, "at": "14:00", "first_day": "2026-12-01",
            "last_day": "2027-03-31"}  # fmt: skip


def told_for(cast, key):
    """The body of what 小芳 says of her mother, in confidence."""
    return {"client_key": key, "text": "王秀英想有人陪", "person_id": cast.wangnainai.id, "confidential": True}


def routes(app):
    for rule in app.extensions["api"].url_map.iter_rules():
        path = rule.rule.replace("<key:", "{").replace("<", "{").replace(">", "}")
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield f"{method} {path}"


def test_every_route_has_a_row_and_every_row_a_route(app):
    assert set(routes(app)) == set(ROWS)


def standing(open_session):
    with open_session() as session:
        return [
            session.execute(select(table.id, table.state).order_by(table.id)).all()
            for table in (Order, Assignment, Task, FamilyCall)
        ]


@pytest.mark.case("L1")
def test_a_stranger_reads_and_moves_nothing_and_who_it_concerns_does(app, open_session, cast, ids):
    def ask(phone, name):
        row = ROWS[name]
        body = {
            "meal": meal_for(cast, client_key="client-key-9"), "who": WHO | {"person_id": cast.ama.id},
            "need": told_for(cast, "client-key-7"),
            "wait": {key: one for key, one in meal_for(cast).items() if key != "client_key"},
            "help": told_for(cast, "client-key-8"),
            "talk": talk_for(cast, "client-talk-1", 10),
            "day": {"centre_id": ids["centre"], "starts_at": "2026-12-19T14:00:00+08:00", "client_key": "client-d"},
            "series": series_for(cast, "client-series-1", "week-1-4"),
        }.get(row.body, row.body) if isinstance(row.body, str) else row.body  # fmt: skip
        return phone.ask(name.split()[0], row.path.format(**ids), **({"json": body} if body is not None else {}))

    def phone(person):
        return signed_in(app, open_session, cast.identities[getattr(cast, person).id])

    before, wrong = standing(open_session), []
    for name, row in ROWS.items():
        assert ask(Mini(app), name).status_code == row.nobody, name
        for who, person in zip(STRANGERS, ("zhao", "aming", row.role), strict=True):
            answer = ask(phone(person), name)
            if answer.status_code != row.others:
                wrong.append((name, who, answer.status_code))
            assert not any(word in answer.text for word in PRIVATE), (name, who, answer.text)
    assert wrong == []
    assert standing(open_session) == before
    for name, row in ROWS.items():
        answer = ask(phone(row.own), name)
        assert answer.status_code == row.status, (name, answer.text)
    assert standing(open_session) != before


@pytest.mark.case("L1")
def test_what_is_not_ones_own_sounds_like_what_is_not_there(app, open_session, cast, ids):
    strangers = [signed_in(app, open_session, cast.identities[one.id]) for one in (cast.zhao, cast.aming)]
    for name, row in ROWS.items():
        if row.others != 404:
            continue
        none = dict.fromkeys(ids, 999999) | {"number": "00000000"}
        sent = WHO if row.body == "who" else row.body
        body = {"json": sent} if sent is not None else {}
        for stranger in strangers:
            real, missing = (stranger.ask(name.split()[0], row.path.format(**keys), **body) for keys in (ids, none))
            assert real.status_code == missing.status_code, name
            assert {**real.json, "request_id": ""} == {**missing.json, "request_id": ""}, name
