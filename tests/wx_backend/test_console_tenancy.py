"""Every way into the staff desk against everybody who might try it: a new way without a row here fails."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from models.family import pairing
from models.family.booking import book
from models.family.call_days import calls_on
from models.family.occurrences import Occurrence
from models.family.seating import make_day
from models.ordering.demands import draft_of
from models.ordering.helping import ask_for_help
from models.ordering.lending import request
from models.ordering.needs import submit as submit_need
from models.ordering.placing import place
from models.ordering.review import submit
from models.ordering.said import Words
from models.ordering.versions import draft_listing
from models.ordering.waiting import WaitlistEntry
from models.people import accounts, desk_sessions, passwords
from models.people.accounts import StaffAccount
from models.people.staff import StaffRole
from models.places.centres import Closure, ServiceCentre
from models.places.equipment import Equipment
from models.places.outages import StationOutage
from models.tasks import linking
from models.tasks.desk import open_task
from models.tasks.holding import hold
from models.tasks.taking import Seen
from models.tasks.tasks import Task
from tests.desk import PASSWORD, Clerk, give_account
from tests.gate import close_app, config_for
from tests.letters import posted
from tests.models.family.serial import begun
from tests.models.family.test_calls import SUNDAY_16
from tests.world import NOW
from wx_backend.app import create_app


@dataclass(frozen=True)
class Row:
    """One way in: what the cadre of this village gets, and the cadre of another; what is sent with it."""

    path: str
    own: int
    other: int
    sent: dict = field(default_factory=dict)
    stranger: int | None = None  # whoever is not let in; 303 to the login page for looking, 401 for doing


FAR = SUNDAY_16 + timedelta(days=13, hours=-1)  # a Saturday afternoon, with which nothing else collides
LOOK, DO = "GET", "POST"
REASON = {"reason": "call"}
SHUT = {"first": "2026-12-23", "last": "2026-12-24", "reason": "台风"}
OUT = {"since": "2026-12-23T09:00", "until": "2026-12-24T09:00", "reason": "设备坏了"}
MONDAY, TUESDAY = (str(int((SUNDAY_16 + timedelta(days=n)).timestamp()) // 60) for n in (1, 2))
TURN = {"since": "2026-12-02", "at": "15:00"}
# (method, endpoint) → the row. Ids in braces are those of things in the village of the first cadre.
MATRIX: dict[tuple[str, str], Row] = {
    (LOOK, "home.today"): Row("", 200, 200),
    (LOOK, "tasks.listed"): Row("tasks/?whose=all&view=all", 200, 200),
    (LOOK, "tasks.one"): Row("tasks/{task}", 200, 404),
    (DO, "tasks.reveal"): Row("tasks/{task}/reveal", 200, 404, REASON),
    (DO, "tasks.acknowledge"): Row("tasks/{task}/acknowledge", 303, 404, {"seen": Seen("open", None)}),
    (DO, "tasks.resumed"): Row("tasks/{held}/resume", 303, 404, {"seen": Seen("on_hold", None)}),
    (DO, "tasks.hand_over"): Row("tasks/{second}/hand-over", 303, 404, {"seen": Seen("open", None), "to": "{chen}"}),
    (DO, "tasks.done"): Row("tasks/{third}/done", 303, 404, {"seen": Seen("open", None)}),
    (DO, "tasks.answered"): Row("tasks/{link}/answer", 303, 404, {"seen": Seen("open", None), "answer": "confirm"}),
    (LOOK, "calls.listed"): Row("calls/?view=all", 200, 200),
    (LOOK, "calls.one"): Row("calls/{call}", 200, 404),
    (DO, "calls.reveal"): Row("calls/{call}/reveal", 200, 404, REASON),
    (DO, "calls.tell"): Row("calls/{call}/told", 303, 404, {"seen": "booked.0", "means": "visit"}),
    (DO, "calls.place"): Row("calls/{call}/place", 422, 404, {"seen": "booked.0", "wish": "at_home"}),
    (DO, "calls.became"): Row("calls/{call}/outcome", 422, 404, {"seen": "booked.0", "what": "completed"}),
    (DO, "calls.well"): Row("calls/{call}/well", 409, 404, {"verdict": "ok"}),
    (DO, "calls.off"): Row("calls/{call}/off", 303, 404, {"seen": "booked.0", "why": "停电", "instead": "周一"}),
    (DO, "calls.cancelled"): Row("calls/{call}/cancel", 409, 404, {"seen": "booked.0", "why": "家人来电话取消"}),
    (DO, "calls.took_back"): Row("calls/{call}/undo", 409, 404, {"seen": "cancelled.0"}),
    (DO, "calls.here"): Row("calls/{call}/here", 409, 404, {"seen": "booked.0"}),
    (DO, "calls.out"): Row("calls/{call}/out", 409, 404, {"seen": "booked.0"}),
    (LOOK, "moving.one"): Row("calls/{second_call}/time", 200, 404),
    (DO, "guests.asked"): Row("calls/{second_call}/guests", 409, 404, {"guest": "999999"}),  # no relative
    (DO, "guests.off"): Row("calls/{second_call}/guests/{daughter}/off", 404, 404),  # no guest
    (DO, "ways.chosen"): Row("calls/{second_call}/way", 303, 404, {"way": "room", "media": "voice"}),
    (DO, "moving.asked"): Row(
        "calls/{second_call}/time/ask",
        303,
        404,
        {"seen": "booked.0", "at": MONDAY, "why": "设备坏了", "otherwise": "keep"},
    ),
    (DO, "moving.moved"): Row(
        "calls/{second_call}/time/move",
        303,
        404,
        {"seen": "booked.0", "at": TUESDAY, "whose": "{daughter}", "means": "phone"},
    ),
    (LOOK, "booking.form"): Row("booking/{resident}", 200, 404),
    (DO, "booking.new"): Row("booking/{resident}", 303, 404, {"relative": "{daughter}", "key": "k" * 24, "at": MONDAY}),
    (LOOK, "series.listed"): Row("series/", 200, 200),
    (LOOK, "series.one"): Row("series/{series}", 200, 404),
    (DO, "series.reveal"): Row("series/{series}/reveal", 200, 404, REASON),
    (DO, "series.leave_out"): Row("series/dates/{day}/skip", 303, 404, {"reason": "老人自己说不来"}),
    (DO, "series.again"): Row("series/dates/{day}/again", 303, 404),
    (DO, "series.check"): Row("series/{series}/change", 200, 404, {**TURN, "how": "week"}),
    (DO, "series.turned"): Row("series/{series}/changed", 409, 404, {**TURN, "seen": "x"}),
    (DO, "series.done"): Row("series/{series}/suspend", 303, 404),
    (LOOK, "days.listed"): Row("days/", 200, 200),
    (LOOK, "days.form"): Row("days/new?centre={ours}&day=2026-12-05&half=1", 200, 404),
    (DO, "days.reveal_plan"): Row("days/new/reveal", 200, 404, {**REASON, "centre": "{ours}"}),
    (DO, "days.make"): Row("days/new", 422, 404, {"centre": "{ours}", "at": MONDAY, "key": "k" * 24}),
    (LOOK, "days.one"): Row("days/{call_day}", 200, 404),
    (DO, "days.reveal"): Row("days/{call_day}/reveal", 200, 404, REASON),
    (LOOK, "seats.one"): Row("days/seats/{seat}", 200, 404),
    (DO, "seats.reserve"): Row("days/seats/{seat}/reserve", 303, 404, {"seen": "booked.0"}),
    (DO, "seats.moved"): Row("days/seats/{seat}/to", 409, 404, {"seen": "booked.0", "to": "1.1", "means": "phone"}),
    (DO, "days.screens"): Row("days/{call_day}/screens", 303, 404, {"seen": "open.2", "screens": "1"}),
    (LOOK, "days.ask_off"): Row("days/{call_day}/off", 200, 404),
    (DO, "days.off"): Row("days/{call_day}/off", 409, 404, {"seen": "open.2", "why": "停电"}),
    (LOOK, "routines.one"): Row("routines/{resident}", 200, 404),
    (DO, "routines.reveal"): Row("routines/{resident}/reveal", 200, 404, REASON),
    (DO, "routines.put"): Row("routines/{resident}", 303, 404, {"kind": "nap", "said": "13:00-14:00"}),
    (LOOK, "loans.listed"): Row("loans/", 200, 200),
    (LOOK, "loans.form"): Row("loans/new?centre={theirs}", 200, 200),
    (DO, "loans.ask"): Row(
        "loans/new", 303, 404, {"thing": "equipment:{van}", "to": "{ours}", "first": "2026-12-01", "last": "2026-12-02"}
    ),
    (LOOK, "loans.one"): Row("loans/{loan}", 200, 404),
    (DO, "loans.refused"): Row("loans/{loan}/refuse", 404, 404, {"why": "自己要用"}),  # not the borrower's to say
    (DO, "loans.done"): Row("loans/{loan}/cancel", 303, 404),
    (LOOK, "callsheet.listed"): Row("callsheet/?day=2026-11-29", 200, 200),
    (DO, "callsheet.reveal"): Row("callsheet/reveal", 200, 200, {**REASON, "day": "2026-11-29"}),
    (LOOK, "quiet.listed"): Row("quiet/", 200, 200),
    (LOOK, "pairs.listed"): Row("pairs/", 200, 200),
    (LOOK, "pairs.one"): Row("pairs/{pair}", 200, 404),
    (DO, "pairs.reveal"): Row("pairs/{pair}/reveal", 200, 404, REASON),
    (DO, "pairs.touched"): Row("pairs/{pair}/touch", 303, 404, {"means": "visit"}),
    (DO, "pairs.parted"): Row("pairs/{pair}/part", 409, 404, {"seen": "x"}),
    (LOOK, "pairs.form"): Row("pairs/new/{resident}", 200, 404),
    (DO, "pairs.search"): Row("pairs/new/{resident}/search", 200, 404, {"whom": "老徐"}),
    (DO, "pairs.new"): Row("pairs/new/{resident}", 303, 404, {"helper": "{chen}", "days": "7"}),
    (LOOK, "orders.listed"): Row("orders/", 200, 200),
    (LOOK, "orders.one"): Row("orders/{order}", 200, 404),
    (DO, "orders.reveal"): Row("orders/{order}/reveal", 200, 404, REASON),
    (LOOK, "dispatch.listed"): Row("dispatch/", 200, 200),
    (LOOK, "dispatch.one"): Row("dispatch/{order}", 200, 404),
    (DO, "dispatch.give"): Row("dispatch/{order}/give", 409, 404, {"seen": "99", "organisation": "1"}),
    (DO, "dispatch.recall"): Row("dispatch/{order}/recall", 409, 404, {"seen": "99"}),
    (DO, "dispatch.pool"): Row("dispatch/{order}/pool", 409, 404, {"seen": "99"}),
    (DO, "dispatch.off"): Row("dispatch/{order}/off", 409, 404, {"seen": "99", "why": "x", "instead": "y"}),
    (DO, "dispatch.unmet"): Row("dispatch/{order}/unmet", 409, 404, {"seen": "99", "code": "too_far"}),
    (DO, "dispatch.pause"): Row("dispatch/{order}/pause", 409, 404, {"seen": "99"}),
    (DO, "dispatch.resume"): Row("dispatch/{order}/resume", 409, 404, {"seen": "99"}),
    (DO, "dispatch.name"): Row("dispatch/{order}/who", 409, 404, {"seen": "99", "person": "1"}),
    (LOOK, "sheet.listed"): Row("sheet/", 200, 200),
    (LOOK, "screens.listed"): Row("screens/", 200, 200),
    (DO, "screens.screen"): Row("screens/{call}/screen", 409, 404),  # days before its time
    (DO, "sheet.reveal"): Row("sheet/reveal", 200, 200, REASON),
    (LOOK, "review.listed"): Row("review/", 200, 200),
    (LOOK, "review.one"): Row("review/{version}", 404, 404),  # a reviewer's alone: see test_console_review
    (DO, "review.decided"): Row("review/{version}/decide", 404, 404, {"seen": "1", "verb": "approve"}),
    (LOOK, "report.listed"): Row("report/", 200, 200),
    (DO, "report.export"): Row("report/export", 200, 200),
    (LOOK, "needs.listed"): Row("needs/", 200, 200),
    (LOOK, "needs.one"): Row("needs/{need}", 404, 404),  # a clerk's alone: see test_console_needs
    (DO, "needs.reveal"): Row("needs/{need}/reveal", 404, 404, REASON),
    (LOOK, "needs.shown_media"): Row("needs/{need}/media/1", 404, 404),
    (DO, "needs.sort"): Row("needs/{need}/kind", 404, 404, {"seen": "received.0", "kind": "meal"}),
    (DO, "needs.merge"): Row("needs/{need}/into", 404, 404, {"seen": "received.0", "into": "1"}),
    (DO, "needs.part"): Row("needs/{need}/apart", 404, 404, {"seen": "received.0"}),
    (DO, "needs.adopt"): Row("needs/{need}/list", 404, 404, {"seen": "received.0", "item": "1"}),
    (DO, "needs.take_off"): Row("needs/{need}/off", 404, 404, {"seen": "received.0"}),
    (DO, "needs.answer"): Row("needs/{need}/answer", 404, 404, {"seen": "received.0", "why": "x"}),
    (DO, "needs.hand_over"): Row("needs/{need}/to", 404, 404, {"seen": "received.0", "to": "1"}),
    (LOOK, "help.listed"): Row("help/", 200, 200),
    (LOOK, "help.one"): Row("help/{help}", 200, 404),  # urgent: whoever is near
    (DO, "help.reveal"): Row("help/{help}/reveal", 200, 404, REASON),
    (LOOK, "help.shown_media"): Row("help/{help}/media/1", 404, 404),
    (DO, "help.sort"): Row("help/{help}/kind", 409, 404, {"seen": "x"}),
    (DO, "help.give"): Row("help/{help}/to", 409, 404, {"seen": "x", "to": "1"}),
    (DO, "help.note"): Row("help/{help}/note", 303, 404, {"text": "打过电话"}),
    (DO, "help.finish"): Row("help/{help}/done", 409, 404, {"seen": "x", "text": "x"}),
    (DO, "help.close"): Row("help/{help}/close", 409, 404, {"seen": "x", "why": "x"}),
    (LOOK, "confided.listed"): Row("confided/", 404, 404),  # an administrator's alone: see test_console_confided
    (LOOK, "confided.one"): Row("confided/help/{help}", 404, 404),
    (DO, "confided.hand_over"): Row("confided/need/{need}/to", 404, 404, {"seen": "received.0", "to": "1"}),
    (LOOK, "demands.listed"): Row("demands/", 200, 200),
    (LOOK, "demands.one"): Row("demands/{list}", 404, 404),
    (DO, "demands.add"): Row("demands/{list}/add", 404, 404, {"title": "x", "kind": "meal"}),
    (DO, "demands.up"): Row("demands/{list}/up", 404, 404, {"item": "1"}),
    (DO, "demands.dropped"): Row("demands/{list}/drop", 404, 404, {"item": "1"}),
    (DO, "demands.covered"): Row("demands/{list}/cover", 404, 404, {"item": "1", "listing": "1"}),
    (DO, "demands.uncovered"): Row("demands/{list}/uncover", 404, 404, {"item": "1", "listing": "1"}),
    (DO, "demands.out"): Row("demands/{list}/publish", 404, 404, {"seen": "1"}),
    (LOOK, "waiting.listed"): Row("waiting/", 200, 200),
    (LOOK, "waiting.one"): Row("waiting/{entry}", 200, 404),
    (DO, "waiting.take"): Row("waiting/{entry}/take", 409, 404),
    (DO, "waiting.decline"): Row("waiting/{entry}/decline", 409, 404),
    (DO, "waiting.leave"): Row("waiting/{entry}/leave", 303, 404),
    (LOOK, "gaps.listed"): Row("gaps/", 200, 200),
    (LOOK, "letters.listed"): Row("letters/", 200, 200),
    (DO, "letters.search"): Row("letters/search", 200, 200, {"whom": "小"}),
    (LOOK, "letters.one"): Row("letters/{letter}", 200, 404),
    (DO, "letters.reveal"): Row("letters/{letter}/reveal", 200, 404, REASON),
    (DO, "letters.again"): Row("letters/{letter}/again", 303, 404, {"why": "没收到"}),
    (LOOK, "residents.listed"): Row("residents/", 200, 200),
    (DO, "residents.search"): Row("residents/search", 200, 200, {"whom": "王秀英"}),
    (LOOK, "residents.one"): Row("residents/{resident}", 200, 404),
    (DO, "residents.reveal"): Row("residents/{resident}/reveal", 200, 404, REASON),
    (DO, "residents.homebound"): Row("residents/{resident}/homebound", 303, 404, {"homebound": "yes"}),
    (LOOK, "centres.listed"): Row("centres/", 200, 200),
    (LOOK, "centres.one"): Row("centres/{ours}", 200, 404),
    (DO, "centres.preview"): Row("centres/{ours}/preview", 200, 404, SHUT),
    (DO, "centres.shut"): Row("centres/{ours}/shut", 303, 404, {**SHUT, "key": "k" * 24, "all": "keep"}),
    (LOOK, "centres.closure"): Row("centres/closures/{closure}", 200, 404),
    (DO, "centres.back"): Row("centres/closures/{closure}/back", 303, 404),
    (LOOK, "outages.one"): Row("seats/{screen}", 200, 404),
    (DO, "outages.preview"): Row("seats/{screen}/preview", 200, 404, OUT),
    (DO, "outages.out"): Row("seats/{screen}/out", 303, 404, {**OUT, "key": "k" * 24, "all": "keep"}),
    (LOOK, "outages.outage"): Row("seats/outages/{outage}", 200, 404),
    (DO, "outages.mended"): Row("seats/outages/{outage}/mended", 303, 404),
    (LOOK, "audit.listed"): Row("audit/", 404, 404),  # an administrator's alone: see below
    (LOOK, "rules.listed"): Row("rules/", 404, 404),  # and so are the rules of reminders: see test_console_rules
    (LOOK, "rules.one"): Row("rules/family.reminder/helper/t-1h", 404, 404),
    (LOOK, "rules.weigh"): Row("rules/weigh/family.reminder/helper/t-1h?deed=off", 404, 404),
    (DO, "rules.save"): Row("rules/save/family.reminder/helper/t-1h", 404, 404, {"deed": "off"}),
    (LOOK, "sign.password"): Row("password", 200, 200),
    (DO, "sign.change"): Row("password", 422, 422, {"old": "x", "new": "y", "again": "y"}),
    (LOOK, "style"): Row("console.css", 200, 200, stranger=200),
    (LOOK, "sign.in_"): Row("login", 200, 200, stranger=200),
    (DO, "sign.enter"): Row("login", 401, 401, {"username": "x", "password": "x"}, stranger=401),
    (LOOK, "nowhere"): Row("no/such/page", 404, 404),
    (DO, "nowhere"): Row("no/such/page", 404, 404),
    (DO, "sign.out"): Row("logout", 303, 303),  # the last: it ends what the others need
}
TRACES = ("葛山村党群", "王*", "王秀英", "小*", "理发", "送餐", "磨刀")  # what only the first cadre's pages may hold


@pytest.fixture
def app(database_url, cast, open_session):
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def ids(cast, open_session):
    """The things of one village, by the names that the rows use."""
    with open_session() as session, session.begin():
        xiaofang = cast.who(cast.xiaofang)
        order = place(session, xiaofang, listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id, answers={},
                      preferred_at=NOW.replace(hour=6), note="", client_key="k", now=NOW)  # fmt: skip
        letter = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted", facts={},
                      subject=order.subject, now=NOW)  # fmt: skip
        letter.state = "dead"
        tasks = [
            open_task(session, key=f"t{n}", kind="order_new", area_id=cast.village.id, subject=order.subject, now=NOW,
                      facts={"beneficiary": "王秀英", "service": "上门理发", "number": order.number,
                             "preferred_at": NOW.isoformat()}, due_at=NOW, person_id=cast.wangnainai.id)
            for n in range(4)
        ]  # fmt: skip
        code = linking.invite(session, cast.who(cast.li), cast.wangnainai.id, NOW).code
        linking.ask(session, cast.who(cast.aming), code, "其他亲属", NOW)
        link = session.scalars(select(Task).where(Task.kind == "confirm_link")).one()
        give_account(session, cast.li.id, "li")
        give_account(session, cast.zhao.id, "zhao")
        # Accounts whose holders are no cadres (any more): a member of an organisation, and a resident.
        for person, name in ((cast.laoxu, "laoxu"), (cast.aming, "aming")):
            session.add(StaffAccount(username=name, person_id=person.id, password_hash=passwords.hashed(PASSWORD),
                                     must_change=False, created_at=NOW))  # fmt: skip
        version = draft_listing(
            session, cast.who(cast.li), code="L9", centre_id=cast.centre.id, providers=[cast.helpers_club.id], now=NOW,
            terms={"title": "磨刀", "category": "cleaning", "mode": "at_centre"},
        )  # fmt: skip
        submit(session, cast.who(cast.li), version.id, NOW)
        call = book(session, xiaofang, cared_id=cast.wangnainai.id, starts_at=SUNDAY_16, client_key="c", now=NOW)
        other_call = book(session, xiaofang, cared_id=cast.wangnainai.id, client_key="c2", now=NOW,
                          starts_at=SUNDAY_16 - timedelta(hours=1))  # fmt: skip
        saturday = make_day(session, cast.who(cast.li), centre_id=cast.centre.id, starts_at=FAR, client_key="d",
                            ends_at=FAR + timedelta(hours=2), now=NOW)  # fmt: skip
        (seat,) = calls_on(session, saturday.id)
        pair = pairing.pair(session, cast.who(cast.li), cast.li.id, cast.wangnainai.id, 7, NOW)
        session.flush()
        words = {"person_id": cast.wangnainai.id, "channel": "page"}
        need = submit_need(session, xiaofang, Words("王秀英想有人理发", "need-key", **words), NOW)
        asked = ask_for_help(session, xiaofang, Words("王秀英家里着火了", "call-key", **words), NOW)
        demands = draft_of(session, cast.who(cast.chen), cast.township.id, "away", NOW)
        entry = WaitlistEntry(
            key="places/1/1/2026-12-01", holder="p/1", listing_id=cast.haircut.id, centre_id=cast.centre.id,
            requested_by_id=cast.xiaofang.id, beneficiary_id=cast.wangnainai.id, answers={}, warned=[], places=1,
            preferred_at=NOW + timedelta(days=2), created_at=NOW,
        )  # fmt: skip
        session.add(entry)
        series = begun(session, cast, "week-1-6", at=time(15))
        day = session.scalars(select(Occurrence.id).where(Occurrence.series_id == series.id)).first()
        session.flush()
        closure = Closure(
            centre_id=cast.centre.id, first_day=date(2026, 12, 25), last_day=date(2026, 12, 25), reason="停电"
        )
        outage = StationOutage(
            client_key="o", station_id=cast.stations[0].id, starts_at=NOW, ends_at=SUNDAY_16, reason="x"
        )
        session.add_all([closure, outage])
        third = ServiceCentre(code="C3", name="县中心", area_id=cast.county.id)
        session.add(third)
        session.flush()
        van = Equipment(centre_id=third.id, kind="vehicle", name="面包车")
        session.add(van)
        session.flush()
        loan = request(session, cast.who(cast.li), kind="equipment", resource_id=van.id, to_centre_id=cast.centre.id,
                       starts_at=NOW, ends_at=NOW + timedelta(days=1), now=NOW)  # fmt: skip
        hold(session, cast.who(cast.li), tasks[3].id, why="等本人考虑", now=NOW)
        return {"daughter": cast.xiaofang.id, "theirs": third.id, "ours": cast.centre.id, "van": van.id,
                "loan": loan.id, "closure": closure.id, "screen": cast.stations[0].id, "outage": outage.id,
                "series": series.id, "day": day, "entry": entry.id, "need": need.id, "help": asked.id, "call": call.id,
                "second_call": other_call.id, "call_day": saturday.id, "seat": seat.id, "pair": pair.id,
                "list": demands.id, "version": version.id, "chen": cast.chen.id,
                "task": tasks[0].id, "second": tasks[1].id, "third": tasks[2].id, "held": tasks[3].id, "link": link.id,
                "order": order.id, "letter": letter.id, "resident": cast.wangnainai.id}  # fmt: skip


def ask(clerk, method, row, ids):
    path = f"/console/{row.path.format(**ids)}"
    if method == LOOK:
        return clerk.opens(path)
    return clerk.posts(path, **{key: str(value).format(**ids) for key, value in row.sent.items()})


def by_hand(app, open_session, username):
    """A browser that holds the key of an open session, however it came by it."""
    with open_session() as session, session.begin():
        account = accounts.account_named(session, username)
        key = desk_sessions.begin(session, account_id=account.id, person_id=account.person_id, now=NOW)
    clerk = Clerk(app)
    clerk.opens("/console/login")
    clerk.client.set_cookie("desk", key)
    return clerk


@pytest.mark.case("S4")
def test_every_way_in_has_its_row(app):
    ways = {
        (method, rule.endpoint.removeprefix("console."))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/console")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert ways == set(MATRIX)


@pytest.mark.case("S4", "L1")
def test_a_cadre_reaches_what_lies_below_them_and_finds_nothing_else(app, open_session, ids):
    for who in ("zhao", "li"):
        clerk = Clerk(app)
        clerk.signs_in(who)
        start = clerk.page
        for (method, endpoint), row in MATRIX.items():
            if endpoint in ("sign.enter", "sign.in_"):
                continue
            clerk.page = start
            answer = ask(clerk, method, row, ids)
            assert answer.status_code == (row.own if who == "li" else row.other), (who, endpoint)
            if who == "zhao" and method == LOOK and endpoint != "loans.form":  # all centres' names are anybody's
                assert [trace for trace in TRACES if trace in clerk.text()] == [], endpoint


@pytest.mark.case("S4", "L2")
def test_nobody_else_is_let_in_with_whatever_key(app, open_session, ids):
    for who in ("nobody", "laoxu", "aming"):
        clerk = by_hand(app, open_session, who) if who != "nobody" else Clerk(app)
        clerk.opens("/console/login")
        start = clerk.page
        for (method, endpoint), row in MATRIX.items():
            clerk.page = start
            answer = ask(clerk, method, row, ids)
            expected = row.stranger or (303 if method == LOOK else 401)
            assert answer.status_code == expected, (who, endpoint)
            if expected == 303:
                assert answer.location.startswith("/console/login"), (who, endpoint)
        assert clerk.signs_in(who).status_code == 401


@pytest.mark.case("S4")
def test_what_is_not_there_and_what_is_anothers_is_answered_alike(app, ids):
    clerk = Clerk(app)
    clerk.signs_in("zhao")
    rooms = {"tasks": "task", "calls": "call", "orders": "order", "dispatch": "order", "letters": "letter",
             "residents": "resident", "review": "version", "needs": "need", "help": "help", "demands": "list",
             "waiting": "entry", "series": "series", "loans": "loan", "centres": "ours",
             "centres/closures": "closure", "seats": "screen", "seats/outages": "outage", "days": "call_day",
             "days/seats": "seat"}  # fmt: skip
    for room, key in rooms.items():
        there = clerk.opens(f"/console/{room}/{ids[key]}").status_code, clerk.text()
        gone = clerk.opens(f"/console/{room}/999999").status_code, clerk.text()
        # The letters' room names its own thing in either case.
        assert there == gone, room


@pytest.mark.case("S4")
def test_the_audit_is_an_administrators_and_shows_their_own_people_only(app, cast, open_session, ids):
    with open_session() as session, session.begin():
        session.add(StaffRole(person_id=cast.chen.id, role="county_admin", area_id=cast.township.id, since=NOW))
        give_account(session, cast.chen.id, "chen")
    for who in ("li", "zhao", "nobody"):
        Clerk(app).signs_in(who)
    clerk = Clerk(app)
    clerk.signs_in("chen")
    assert clerk.opens("/console/audit/").status_code == 200
    assert "李站长" in clerk.text()
    assert "赵站长" not in clerk.text()
    assert "登录失败" not in clerk.text().partition("序号")[2]  # of nobody we know: for who stands over the whole tree
