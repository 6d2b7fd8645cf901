"""Every page against everybody: whose own it is, and who learns nothing. A page without a row here fails."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.family.news import write
from models.history import History
from models.messages.media import Brought, keep
from models.ordering.assignments import Assignment
from models.ordering.helping import ask_for_help
from models.ordering.needs import submit
from models.ordering.orders import Order
from models.ordering.placing import place
from models.ordering.said import Words
from models.ordering.waiting import WaitlistEntry
from models.people.care import CareLink
from models.people.consent import agree
from models.people.identities import Who
from tests.models.family.serial import calls_of_hers
from tests.models.family.test_calls import SUNDAY_16
from tests.world import NOW

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# 小芳 asks for her mother; 阿明 is a resident without a link, 赵站长 serves another centre, 李站长 is the
# mother's cadre, 老徐 belongs to the organisation that is asked. Nobody: a browser that WeChat has not told us of.
COLUMNS = ("own", "other resident", "other centre", "cadre", "provider", "nobody")
EVERYBODY = (200, 200, 200, 200, 200, 302)
DONE = (303, 303, 303, 303, 303, 401)
HERS = (200, 404, 404, 404, 404, 302)
ENDED = (409, 404, 404, 409, 404, 302)  # nothing of it while the order is open
OURS = (200, 404, 404, 200, 404, 302)
CHANGED = (303, 404, 404, 303, 404, 401)
THEIRS = (404, 404, 404, 404, 200, 302)
TAKEN = (404, 404, 404, 404, 303, 401)
ROWS = {
    ("GET", "/m/"): EVERYBODY,
    ("GET", "/m/settings"): EVERYBODY,
    ("POST", "/m/settings/size"): DONE,
    ("POST", "/m/settings/reminders"): DONE,
    ("GET", "/m/settings/notices"): EVERYBODY,
    ("POST", "/m/settings/notices"): DONE,
    ("GET", "/m/settings/notices/sdk"): EVERYBODY,
    ("POST", "/m/settings/leave"): (200, 200, 200, 200, 200, 401),
    # Who belongs nowhere, or acts for one person only, goes on at once.
    ("GET", "/m/services"): (200, 302, 302, 302, 200, 302),
    ("GET", "/m/services/<int:person>"): HERS,
    ("GET", "/m/services/<int:person>/<int:listing>"): HERS,
    ("POST", "/m/services/<int:person>/<int:listing>"): (200, 404, 404, 404, 404, 401),
    ("POST", "/m/services/<int:person>/<int:listing>/order"): (303, 404, 404, 404, 404, 401),
    ("GET", "/m/orders"): EVERYBODY,
    ("GET", "/m/orders/<int:order>"): (200, 404, 404, 200, 404, 302),
    ("GET", "/m/orders/<int:order>/cancel"): (200, 404, 404, 200, 404, 302),
    ("POST", "/m/orders/<int:order>/cancel"): (303, 404, 404, 303, 404, 401),
    ("GET", "/m/orders/<int:order>/rate"): ENDED,
    ("POST", "/m/orders/<int:order>/rate"): (409, 404, 404, 409, 404, 401),
    ("GET", "/m/orders/<int:order>/complain"): ENDED,
    ("POST", "/m/orders/<int:order>/complain"): (303, 404, 404, 303, 404, 401),
    ("GET", "/m/orders/<int:order>/again"): ENDED,
    ("POST", "/m/orders/<int:order>/again"): (409, 404, 404, 409, 404, 401),
    ("POST", "/m/orders/<int:order>/undo"): (303, 404, 404, 303, 404, 401),
    ("GET", "/m/jobs"): EVERYBODY,
    ("GET", "/m/jobs/today"): EVERYBODY,
    ("GET", "/m/jobs/<int:job>"): THEIRS,
    ("GET", "/m/jobs/<int:job>/decline"): THEIRS,
    ("GET", "/m/jobs/<int:job>/back"): THEIRS,
    ("GET", "/m/jobs/<int:job>/done"): THEIRS,
    ("POST", "/m/jobs/<int:job>/accept"): TAKEN,
    ("GET", "/m/jobs/<int:job>/who"): THEIRS,
    ("POST", "/m/jobs/<int:job>/who"): TAKEN,
    ("GET", "/m/visits/<int:visit>/nobody"): THEIRS,
    ("POST", "/m/visits/<int:visit>/arrived"): TAKEN,
    ("POST", "/m/visits/<int:visit>/nobody"): TAKEN,
    ("POST", "/m/jobs/<int:job>/start"): (404, 404, 404, 404, 409, 401),  # the day before
    ("POST", "/m/jobs/<int:job>/back"): TAKEN,
    ("POST", "/m/jobs/<int:job>/decline"): (404, 404, 404, 404, 409, 401),
    ("POST", "/m/jobs/<int:job>/done"): (404, 404, 404, 404, 409, 401),
    ("GET", "/m/needs"): EVERYBODY,
    ("GET", "/m/<any(needs, help):what>/new"): (200, 200, 200, 200, 409, 302),
    ("POST", "/m/<any(needs, help):what>/new"): (303, 422, 422, 422, 409, 401),
    ("GET", "/m/needs/<int:need>"): HERS,
    ("GET", "/m/help/<int:call>"): HERS,
    ("GET", "/m/needs/<int:need>/media/<int:media>"): HERS,
    ("GET", "/m/help/<int:call>/media/<int:media>"): (404, 404, 404, 404, 404, 302),  # it is the need's
    ("GET", "/m/waiting"): EVERYBODY,
    ("POST", "/m/services/<int:person>/<int:listing>/wait"): (409, 404, 404, 404, 404, 401),  # there are places
    ("GET", "/m/waiting/<int:entry>"): (200, 404, 404, 200, 404, 302),
    ("POST", "/m/waiting/<int:entry>/take"): (409, 404, 404, 409, 404, 401),  # nothing is offered
    ("POST", "/m/waiting/<int:entry>/decline"): (409, 404, 404, 409, 404, 401),
    ("POST", "/m/waiting/<int:entry>/leave"): (303, 404, 404, 303, 404, 401),
    ("POST", "/m/help/<int:call>/withdraw"): (303, 404, 404, 404, 404, 401),
    ("GET", "/m/calls"): EVERYBODY,
    ("GET", "/m/calls/new"): (302, 200, 200, 200, 200, 302),
    ("GET", "/m/calls/new/<int:person>"): HERS,
    ("POST", "/m/calls/new/<int:person>"): (200, 404, 404, 404, 404, 401),
    ("POST", "/m/calls/new/<int:person>/book"): (303, 404, 404, 404, 404, 401),
    ("GET", "/m/calls/asked/<int:proposal>"): HERS,
    ("POST", "/m/calls/asked/<int:proposal>/yes"): (303, 404, 404, 404, 404, 401),
    ("POST", "/m/calls/asked/<int:proposal>/no"): (409, 404, 404, 404, 404, 401),  # answered
    ("GET", "/m/calls/<int:call>"): OURS,
    ("GET", "/m/calls/<int:call>/move"): OURS,
    ("POST", "/m/calls/<int:call>/move"): (303, 404, 404, 200, 404, 401),  # a cadre is asked whose yes it was
    ("GET", "/m/calls/<int:call>/cancel"): OURS,
    ("POST", "/m/calls/<int:call>/cancel"): CHANGED,
    ("POST", "/m/calls/<int:call>/undo"): CHANGED,
    ("GET", "/m/calls/<int:call>/way"): OURS,
    ("POST", "/m/calls/<int:call>/way"): CHANGED,
    ("GET", "/m/calls/<int:call>/guests"): OURS,
    ("POST", "/m/calls/<int:call>/guests/<int:person>"): (404, 404, 404, 404, 404, 401),  # no relative of her own
    ("POST", "/m/calls/<int:call>/guests/<int:person>/off"): (404, 404, 404, 404, 404, 401),  # she is none
    ("POST", "/m/calls/<int:call>/join"): (409, 404, 404, 409, 404, 401),  # days before
    ("GET", "/m/makeups/<int:kept>"): HERS,
    ("POST", "/m/makeups/<int:kept>"): (303, 404, 404, 404, 404, 401),  # none of the times that are kept
    ("POST", "/m/makeups/<int:kept>/no"): (303, 404, 404, 404, 404, 401),
    ("GET", "/m/series"): EVERYBODY,
    ("GET", "/m/series/of/<int:call>"): OURS,
    ("POST", "/m/series/of/<int:call>"): (200, 404, 404, 200, 404, 401),
    ("POST", "/m/series/of/<int:call>/begin"): CHANGED,
    ("GET", "/m/series/dates/<int:day>"): OURS,
    ("POST", "/m/series/dates/<int:day>/skip"): CHANGED,
    ("POST", "/m/series/dates/<int:day>/again"): CHANGED,
    ("GET", "/m/series/<int:series>"): OURS,
    ("POST", "/m/series/<int:series>/holidays"): CHANGED,
    ("GET", "/m/series/<int:series>/time"): OURS,
    ("POST", "/m/series/<int:series>/time"): CHANGED,
    ("GET", "/m/series/<int:series>/days"): OURS,
    ("GET", "/m/series/<int:series>/rule"): OURS,
    ("POST", "/m/series/<int:series>/rule"): (200, 404, 404, 200, 404, 401),
    ("POST", "/m/series/<int:series>/turn"): CHANGED,
    ("GET", "/m/series/<int:series>/end"): OURS,
    ("POST", "/m/series/<int:series>/<any(rest, go, end, restore, longer):deed>"): CHANGED,
    ("GET", "/m/family"): EVERYBODY,
    ("GET", "/m/family/link"): EVERYBODY,
    ("POST", "/m/family/link"): (422, 422, 422, 422, 422, 401),  # a code that is none
    ("GET", "/m/family/links/<int:link>"): HERS,
    ("GET", "/m/family/links/<int:link>/end"): HERS,
    ("POST", "/m/family/links/<int:link>/end"): (303, 404, 404, 404, 404, 401),
    ("GET", "/m/family/zone"): EVERYBODY,
    ("POST", "/m/family/zone"): DONE,
    ("GET", "/m/family/helpers"): EVERYBODY,
    ("POST", "/m/family/consents/<kind>/<any(yes, no):answer>"): DONE,  # one's own
    ("GET", "/m/family/children"): EVERYBODY,
    # 小芳 is nobody's guardian, and a cadre writes a guardian's word down elsewhere.
    ("POST", "/m/family/children/<int:person>/yes"): (404, 404, 404, 404, 404, 401),
    ("GET", "/m/family/children/<int:person>/no"): (404, 404, 404, 404, 404, 302),
    ("POST", "/m/family/children/<int:person>/no"): (404, 404, 404, 404, 404, 401),
    ("GET", "/m/family/calendar"): EVERYBODY,
    ("POST", "/m/family/calendar"): (200, 200, 200, 200, 200, 401),
    ("POST", "/m/family/calendar/stop"): DONE,
    ("GET", "/m/family/news"): EVERYBODY,
    ("POST", "/m/family/news/bell"): DONE,
    ("GET", "/m/family/news/<int:letter>"): HERS,
    ("GET", "/m/family/news/<int:letter>/photo/<int:media>"): HERS,
    ("GET", "/m/family/routines/<int:person>"): OURS,
    ("GET", "/m/family/routines/<int:person>/<kind>"): OURS,
    ("POST", "/m/family/routines/<int:person>/<kind>"): CHANGED,
    ("GET", "/m/<path:rest>"): (404, 404, 404, 404, 404, 404),
    ("POST", "/m/<path:rest>"): (404, 404, 404, 404, 404, 404),
    # Files without anybody's name in them, and the way in itself.
    ("GET", "/m/enter"): (302,) * 6,
    ("GET", "/assets/<digest>/<name>"): (404,) * 6,
}
LAST = ("/m/orders/<int:order>/cancel", "/m/calls/<int:call>/cancel", "/m/family/links/<int:link>/end",
        "/m/settings/leave")  # fmt: skip
KEYS = ("link", "letter", "job", "visit", "need", "call", "entry", "media", "video", "proposal", "kept", "series",
        "day", "shown")  # fmt: skip
SECRETS = ("王秀英", "软烂", "门口", "想有人陪", "晒太阳")


@pytest.fixture
def her_keys(pages, her_order, cast, open_session):
    """What hangs on her order and on what she told: a visit that is to be, a need and a call for help."""
    with open_session() as session, session.begin():
        offer = session.scalars(select(Assignment)).one()
        who = Who(cast.xiaofang.id, 0, "小芳", "Europe/Madrid", "", "")
        told = Words("王秀英想有人陪", "key-need", cast.wangnainai.id, channel="page", confidential=True)
        need = submit(session, who, told, NOW)
        call = ask_for_help(session, who, replace(told, client_key="key-help"), NOW)
        pages.app.extensions["pages"].media.keep("f" * 32, b"a photo")
        for kind in ("home_news", "photos"):
            agree(session, cast.who(cast.li), cast.wangnainai.id, kind, NOW)
        news = write(session, cast.who(cast.li), cast.wangnainai.id, "王秀英在院子里晒太阳", NOW)
        pages.app.extensions["pages"].media.keep("e" * 32, b"a photo")
        shown = keep(session, news.subject, Brought("image", "jpg", 7, "e" * 32), NOW)
        photo = keep(session, need.subject, Brought("image", "jpg", 7, "f" * 32), NOW)
        entry = WaitlistEntry(
            key="places/1", holder="p/1", listing_id=cast.meal.id, centre_id=cast.centre.id, places=1, warned=[],
            requested_by_id=cast.xiaofang.id, beneficiary_id=cast.wangnainai.id, answers={}, created_at=NOW,
            preferred_at=NOW + timedelta(days=2),
        )  # fmt: skip
        session.add(entry)
        session.flush()
        return {
            **calls_of_hers(session, cast),
            "letter": news.id,
            "link": session.scalars(select(CareLink.id)).one(),
            "media": photo.id,
            "shown": shown.id,
            "entry": entry.id,
            "job": offer.id,
            "need": need.id,
            "call": call.id,
            "visit": 1,
        }


@pytest.fixture
def her_order(pages, cast, open_session):
    """An order of 小芳's for her mother, with what nobody else may read."""
    with open_session() as session, session.begin():
        who = Who(cast.xiaofang.id, 0, "小芳", "Europe/Madrid", "", "")
        return place(
            session, who, listing_id=cast.meal.id, beneficiary_id=cast.wangnainai.id, client_key="k",
            answers={"portions": "2", "diet": "软烂"}, preferred_at=NOW + timedelta(days=1), note="放在门口", now=NOW,
        ).id  # fmt: skip


def test_every_page_has_a_row_and_every_row_a_page(pages):
    found = {
        (method, rule.rule)
        for rule in pages.app.url_map.iter_rules()
        if rule.rule.startswith(("/m/", "/assets/"))
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert found == set(ROWS)


@pytest.mark.parametrize("column", COLUMNS)
def test_everybody_sees_their_own_and_a_stranger_the_same_nothing(
    pages, cast, her_order, her_keys, open_session, column
):
    person = dict(zip(COLUMNS, (cast.xiaofang, cast.aming, cast.zhao, cast.li, cast.laoxu, None), strict=True))[column]
    me = pages.inside(person) if person else pages.browser("o-nobody")
    key = iter("0123456789abcdef")
    for (method, rule), expected in ROWS.items():
        if rule.endswith("/leave") or (rule.endswith(("/cancel", "<int:link>/end")) and method == "POST"):
            continue  # last, for nothing works after them
        said = ask(me, method, rule, cast, {**her_keys, "order": her_order}, next(key, "f"))
        assert said.status_code == expected[COLUMNS.index(column)], (method, rule, said.text[-900:])
        if said.status_code == 404:
            assert not any(secret in said.text for secret in SECRETS)
    for rule in LAST:
        said = ask(me, "POST", rule, cast, {**her_keys, "order": her_order}, "")
        assert said.status_code == ROWS["POST", rule][COLUMNS.index(column)], rule
    with open_session() as session:
        state = session.get_one(Order, her_order).state
    assert state == ("cancelled" if column in ("own", "cadre") else "open")


def path_of(rule, cast, keys):
    known = {**keys, "person": cast.wangnainai.id, "listing": cast.meal.id, "rest": "no/such"}
    if rule.startswith(("/m/calls/", "/m/series/")):
        known["call"] = keys["video"]
    if rule.startswith("/m/family/news/"):
        known["media"] = keys["shown"]
    path = rule.replace("<digest>/<name>", "0/x.css").replace("<any(needs, help):what>", "needs")
    path = path.replace("<any(yes, no):answer>", "yes").replace("consents/<kind>", "consents/photos")
    path = path.replace("<kind>", "nap").replace("<any(rest, go, end, restore, longer):deed>", "rest")
    return re.sub(r"<\w+:(\w+)>", lambda part: str(known[part[1]]), path)


def ask(me, method, rule, cast, keys, key):
    path = path_of(rule, cast, keys)
    if method == "GET":
        if rule.endswith("/sdk"):
            return me.get(f"{path}?url=http://127.0.0.1:8000/m/settings/notices")
        return me.get(f"{path}?day=20261202" if rule.endswith("/rule") else path)
    at = str(int((NOW + timedelta(days=2)).timestamp()))
    fields = {"q0": "2", "q1": "软烂", "at": at, "key": key * 24, "score": "5", "words": "来晚了", "text": "想有人陪",
              "reason": "老人自己说不来", "way": "room", "media": "voice",
              "template": "sub-call-reminder", "answer": "accept",
              "zone": "Europe/Rome", "from0": "12:30", "until0": "14:00"}  # fmt: skip
    whom = cast.ama.id if "/jobs/" in rule else cast.wangnainai.id
    if rule.startswith(("/m/calls/", "/m/makeups/")):
        days = 1 if rule.endswith("/move") else 2
        fields["at"] = str(int((SUNDAY_16 + timedelta(days=days)).timestamp()) // 60)
    if rule.startswith("/m/series/"):
        fields |= {"rule": "week-1-7", "kept": "shift", "clock": "1530", "day": "20261206"}
    return me.post(path, **fields, person=str(whom))


@pytest.mark.parametrize(
    "path", ["/m/orders/{}", "/m/orders/{}/cancel", "/m/services/{}", "/m/services/{}/1"], ids=lambda path: path
)
def test_a_stranger_hears_the_same_of_what_is_there_and_what_is_not(pages, cast, her_order, path):
    stranger = pages.inside(cast.aming)
    there = her_order if "orders" in path else cast.wangnainai.id
    said = [stranger.get(path.format(number)) for number in (there, 999999)]
    assert [one.status_code for one in said] == [404, 404]
    assert nameless(said[0].text) == nameless(said[1].text)


def nameless(text):
    """A page without what differs from answer to answer."""
    return [line for line in text.splitlines() if "nonce" not in line]


def test_every_form_wants_a_token_of_this_very_session(pages, cast, her_order, open_session):
    me, other = pages.inside(cast.xiaofang), pages.inside(cast.aming)
    foreign = other.token()
    with open_session() as session:
        before = session.scalar(select(func.count()).select_from(History))
    for (method, rule), expected in ROWS.items():
        if method != "POST" or expected[0] == 404:
            continue
        for token in ("", foreign, "forged"):
            path = path_of(rule, cast, {**dict.fromkeys(KEYS, 1), "order": her_order})
            said = me.post(path, token=token, q0="2", key="a" * 24)
            assert said.status_code == 400, rule
            assert "没有提交" in said.text
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(History)) == before
        assert session.get_one(Order, her_order).state == "open"
