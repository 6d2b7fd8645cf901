"""Every address of the conversation that names something, said by everybody: whose it is, and whose it is not."""

import re
from dataclasses import dataclass, field
from functools import cache

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import SQLAlchemyError

from handlers.room import Ask
from handlers.router import Incoming, State
from models.family.guests import CallGuest
from models.ordering.assignments import Assignment
from models.ordering.complaints import Complaint
from models.ordering.demands import add_item, draft_of
from models.ordering.versions import ListingVersion
from models.ordering.waiting import WaitlistEntry
from models.people.care import CareLink
from models.people.identities import Who
from models.people.links import invite
from models.people.persons import Person
from models.tasks.tasks import Task
from tests.mini import api_app, meal_for, signed_in
from tests.world import NOW
from wx_backend.app import make_router

MISSING = 999_999
# The cadre of another township, a resident without a link, a member of an organisation, and who has just followed.
STRANGERS = ("zhao", "aming", "xiaohong", "nobody")
# What none of them may read anywhere: the elder, her relative, what was said of her door and in confidence.
PRIVATE = ("王秀英", "小芳", "放在门口", "想有人陪", "不热心")
# What stands in an address and names nothing: a choice's number, a day, an instant, a code typed at random.
PLAIN = {
    "stamp": 29740800, "day": "20261129", "key": "client-key-77", "reason": 0, "score": 3, "kind": 0, "kinship": 0,
    "number": 0, "value": 0, "seen": 0, "days": 1, "way": 0, "audience": 0, "how": "open", "zone": "Europe.Rome",
    "verb": "pause", "months": 3, "yes": 1, "means": 0, "code": "AAAAAAA",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One address: who rightly says it ("" where it is about whoever says it), and what its names stand for."""

    own: str = ""
    names: dict[str, str] = field(default_factory=dict)
    opens: tuple[str, ...] = ()  # who else may say it


def rows(own, addresses, opens=(), **names):
    return {address: Row(own, names, opens) for address in addresses.split()}


ROWS = {
    **rows("xiaofang", """call/for/<int:person> call/day/<int:person>/<day> call/at/<int:person>/<int:stamp>
        call/book/<int:person>/<int:stamp>/<key> order/for/<int:person> need/for/<int:person>
        help/for/<int:person>""", person="elder"),
    **rows("xiaofang", """call/<int:call> call/<int:call>/move call/<int:call>/day/<day> call/<int:call>/to/<int:stamp>
        call/<int:call>/cancel call/<int:call>/guests call/<int:call>/cancel/<int:reason> call/<int:call>/cancel/text
        call/<int:call>/guests/<int:person> call/<int:call>/guests/<int:person>/off""", call="talk", person="sister"),
    **rows("sister", "call/<int:call>/leave", call="talk"),
    **rows("xiaofang", "order/for/<int:person>/<kind>", person="elder"),
    **rows("xiaofang", "order/new/<int:listing>/<int:person>", person="elder", listing="meal"),
    **rows("xiaofang", """order/<int:order> order/<int:order>/cancel order/<int:order>/cancel/<int:reason>
        order/<int:order>/cancel/text order/<int:order>/complain order/<int:order>/complain/text
        order/<int:order>/undo order/<int:order>/reopen order/<int:order>/reopen/at
        order/<int:order>/rate/<int:score>""", order="order"),
    **rows("chen", """order/<int:order>/give/<int:seen> order/<int:order>/give/<int:seen>/<int:organisation>
        order/<int:order>/pool/<int:seen> order/<int:order>/wait order/<int:order>/go-on order/<int:order>/off
        order/<int:order>/off/why order/<int:order>/off/instead order/<int:order>/unmet
        order/<int:order>/unmet/<int:reason>""", order="order", organisation="second_club"),
    **rows("li", "complaint/<int:complaint> complaint/<int:complaint>/settle", complaint="complaint"),
    **rows("xiaofang", "need/<int:need>", need="need"),
    **rows("xiaofang", "help/<int:call> help/<int:call>/withdraw", call="help"),
    **rows("li", """help/desk/<int:call> help/desk/<int:call>/to help/desk/<int:call>/to/<int:person>
        help/desk/<int:call>/kind help/desk/<int:call>/kind/<int:kind> help/desk/<int:call>/note
        help/desk/<int:call>/noted help/desk/<int:call>/done help/desk/<int:call>/outcome help/desk/<int:call>/close
        help/desk/<int:call>/close/<int:reason> help/desk/<int:call>/why""", call="help", person="clerk"),
    **rows("chen", """need/desk/<int:need> need/desk/<int:need>/apart need/desk/<int:need>/kind
        need/desk/<int:need>/kind/<int:kind> need/desk/<int:need>/list need/desk/<int:need>/new/<int:audience>
        need/desk/<int:need>/title/<int:audience> need/desk/<int:need>/own/<int:audience> need/desk/<int:need>/off
        need/desk/<int:need>/decline need/desk/<int:need>/decline/<int:reason> need/desk/<int:need>/why
        need/desk/<int:need>/to need/desk/<int:need>/to/<int:clerk> need/desk/<int:need>/into/<int:other>
        need/desk/<int:need>/item/<int:item>""", need="need", clerk="clerk", other="need", item="item"),
    **rows("chen", """need/list/<int:number> need/list/<int:number>/publish
        need/list/<int:number>/publish/yes""", number="list"),
    **rows("chen", """need/item/<int:number> need/item/<int:number>/cover/<int:listing>
        need/item/<int:number>/uncover/<int:listing> need/item/<int:number>/drop""", number="item", listing="meal"),
    **rows("li", "need/clerk/<int:person> need/clerk/<int:person>/<int:way>", person="elder"),
    **rows("laoxu", """job/<int:assignment> job/<int:assignment>/accept job/<int:assignment>/start
        job/<int:assignment>/decline job/<int:assignment>/decline/<int:reason> job/<int:assignment>/back
        job/<int:assignment>/back/<int:reason> job/<int:assignment>/done job/<int:assignment>/done/yes
        job/<int:assignment>/who job/<int:assignment>/who/<int:person>""", assignment="job", person="member"),
    **rows("laoxu", "visit/<int:visit>/arrived visit/<int:visit>/nobody visit/<int:visit>/nobody/yes", visit="visit"),
    **rows("chen", """review/<int:version> review/<int:version>/approve review/<int:version>/return
        review/<int:version>/returned review/<int:version>/reject review/<int:version>/rejected""", version="version"),
    **rows("li", "review/<int:version>/publish review/<int:version>/submit", version="version"),
    **rows("xiaofang", """waiting/<int:entry> waiting/<int:entry>/take waiting/<int:entry>/decline
        waiting/<int:entry>/leave""", entry="entry"),
    **rows("li", """task/<int:task> task/<int:task>/done task/<int:task>/hold task/<int:task>/hold/<int:reason>
        task/<int:task>/hold/text task/<int:task>/wake/<int:days> task/<int:task>/resume""", task="task"),
    **rows("li", """staff/invite/<int:person> staff/resident/<int:person> staff/resident/<int:person>/<int:kind>/yes
        staff/resident/<int:person>/<int:kind>/no staff/resident/<int:person>/befall/<verb>
        staff/resident/<int:person>/befall/<verb>/yes trust/of/<int:person>""", person="elder"),
    **rows("li", """link/<int:link>/revoke trust/<int:link>/until trust/<int:link>/until/<int:months>
        trust/<int:link>/guardian/<int:yes> trust/<int:link>/yes/<int:means> trust/<int:link>/no
        link/<int:link>/confirm link/<int:link>/decline""", link="link"),
    **rows("xiaofang", "child/<int:person>/yes child/<int:person>/no", person="child"),
    # Open to all: the code and the sheet are handed out, the rest is what one says of oneself or answers a question.
    **rows("", """link/<code> link/named/<code> link/<code>/<int:kinship>
        sheet/<int:publication>/<int:listing>""", publication="sheet", listing="meal"),
    **rows("", """me/consent/<int:kind>/yes me/consent/<int:kind>/no me/zone/<zone> need/send/<key>/<how>
        order/answer/<int:number> order/ask/<int:number> order/at/<int:stamp> order/pick/<int:number>/<int:value>
        order/place/<key> order/wait/<int:stamp>"""),
}  # fmt: skip


def test_every_address_that_names_something_has_a_row_and_every_row_an_address():
    assert {address for address in make_router().handlers if "<" in address} == set(ROWS)


@pytest.fixture
def things(database_url, open_session, cast):
    """One of everything that hangs on 王秀英; its keys by name."""
    with api_app(database_url) as app:
        me, laoxu = (signed_in(app, open_session, cast.identities[one.id]) for one in (cast.xiaofang, cast.laoxu))
        made = [me.post("orders", meal_for(cast, client_key=f"client-key-{n}")).json["data"]["id"] for n in range(2)]
        with open_session() as session:
            found = select(Assignment.id).where(Assignment.order_id == made[1])
            job = session.scalars(found).one()
        assert laoxu.post(f"offers/{job}/accept").status_code == 200
        visit = laoxu.post(f"offers/{job}/visit", WHO | {"person_id": cast.ama.id}).json["data"]["visit"]["id"]
        told = {"text": "王秀英想有人陪", "person_id": cast.wangnainai.id}
        need, help_ = (
            me.post(what, told | {"client_key": f"client-{what}"}).json["data"]["matter"]["id"]
            for what in ("needs", "help")
        )
        talk = {"client_key": "client-talk", "person_id": cast.wangnainai.id}
        call = me.post("calls", talk | {"starts_at": "2026-11-29T16:00:00+08:00"}).json["data"]["id"]
    keys = {
        "order": made[0], "job": job, "visit": visit, "need": need, "help": help_, "talk": call, "meal": cast.meal.id,
        "elder": cast.wangnainai.id, "second_club": cast.second_club.id, "clerk": cast.chen.id, "member": cast.ama.id,
    }  # fmt: skip
    with open_session() as session, session.begin():
        return keys | rest_of(session, cast, keys)


WHO = {"starts_at": "2026-11-25T12:00:00+08:00"}


def rest_of(session, cast, keys):
    """What no phone makes: a complaint, a version under review, a place in line, a draft list, a child, a sister."""
    child = Person(name="王秀英的孙子", area_id=cast.village.id, created_at=NOW, left_behind="child")
    sister = Person(name="小芳的妹妹", created_at=NOW)
    session.add_all([child, sister])
    session.flush()
    version = session.scalars(select(ListingVersion).where(ListingVersion.listing_id == cast.haircut.id)).one()
    elder, own = cast.wangnainai.id, session.scalars(select(CareLink)).one()
    complaint = Complaint(order_id=keys["order"], by_person_id=cast.xiaofang.id, area_id=cast.village.id,
                          words="上门的人不热心", created_at=NOW)  # fmt: skip
    entry = WaitlistEntry(
        key="k", holder="h", listing_id=cast.meal.id, centre_id=cast.centre.id, requested_by_id=cast.xiaofang.id,
        beneficiary_id=elder, answers={}, warned=[], preferred_at=NOW, places=1, created_at=NOW,
    )  # fmt: skip
    linked = {"state": "confirmed", "kinship": "女儿", "asked_at": NOW}
    session.add_all([
        complaint, entry, CallGuest(call_id=keys["talk"], person_id=sister.id, invited_by_id=cast.xiaofang.id,
                                    joined_at=NOW),
        CareLink(relative_id=cast.xiaofang.id, cared_id=child.id, guardian=True, **linked),
        CareLink(relative_id=sister.id, cared_id=elder, **linked),
    ])  # fmt: skip
    draft = draft_of(session, cast.who(cast.chen), cast.township.id, "left_behind", NOW)
    item = add_item(session, cast.who(cast.chen), draft.id, "给王秀英送餐", "meal", NOW)
    invite(session, cast.who(cast.li), elder, NOW)
    task = session.scalars(select(Task.id).where(Task.subject == f"call:{keys['talk']}")).one()
    return {
        "complaint": complaint.id, "version": version.id, "entry": entry.id, "list": draft.id, "item": item.id,
        "link": own.id, "child": child.id, "sister": sister.id, "task": task, "sheet": MISSING,
    }  # fmt: skip


@dataclass
class Heard:
    """What was heard, and the writes that were not taken back."""

    text: str
    writes: list[str]


def said(open_session, who, address):
    """One person says an address; nothing is kept."""
    writes = list[str]()

    def note(_, __, statement, *___):
        if not statement.lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "WITH", "PRAGMA")):
            writes.append(statement)

    with open_session() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        event.listen(session, "after_rollback", lambda _: writes.clear())
        try:
            ask = Ask(who, lambda: session, NOW, _session=session)
            spoken = router().answer(Incoming("text", address=address), State(), ask)
            heard = Heard(spoken.text if spoken else "", list(writes))
        except SQLAlchemyError as error:  # whoever says it would hear an apology: that tells a stranger something
            heard = Heard(f"broke: {error}", list(writes))
        finally:
            event.remove(engine, "before_cursor_execute", note)
            session.rollback()
    return heard


@cache
def router():
    """The rooms, joined once."""
    return make_router()


def filled(address, row, keys, missing=()):
    """The address with its names; those in `missing` name what there is not."""

    def value(found):
        name = found[1]
        if name in row.names:
            return str(MISSING if name in missing else keys[row.names[name]])
        return str(PLAIN[name])

    return re.sub(r"<(?:\w+:)?(\w+)>", value, address)


@pytest.fixture
def people(open_session, cast, things):
    """Who may say something, by name."""
    with open_session() as session, session.begin():
        newcomer = Person(created_at=NOW)
        session.add(newcomer)
        session.flush()
        others = {"nobody": newcomer.id, "sister": things["sister"]}
    found = {name: Who(key, 0, "", "Asia/Shanghai", "a", name) for name, key in others.items()}
    for name in ("zhao", "aming", "xiaohong", "xiaofang", "li", "chen", "laoxu"):
        found[name] = cast.who(getattr(cast, name))
    return found


@pytest.mark.case("L1", "L6")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_strangers_hear_of_what_there_is_what_they_hear_of_what_there_is_not(open_session, things, people):
    wrong = []
    for address, row in ROWS.items():
        first = next(iter(row.names), None)
        real = filled(address, row, things)
        none = filled(address, row, things, (first,))
        for stranger in STRANGERS:
            heard = said(open_session, people[stranger], real)
            if heard.text.startswith("broke") or any(word in heard.text for word in PRIVATE):
                wrong.append((stranger, real, heard.text))
            if row.own and stranger not in row.opens:
                if heard.writes:
                    wrong.append((stranger, real, heard.writes))
                if heard.text != said(open_session, people[stranger], none).text:
                    wrong.append((stranger, real, heard.text))
    assert wrong == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whose_it_is_hears_more(open_session, things, people):
    deaf = []
    for address, row in ROWS.items():
        if not row.own:
            continue
        heard = said(open_session, people[row.own], filled(address, row, things)).text
        none = said(open_session, people[row.own], filled(address, row, things, (next(iter(row.names)),))).text
        if heard == none:
            deaf.append((address, heard))
    assert deaf == []
