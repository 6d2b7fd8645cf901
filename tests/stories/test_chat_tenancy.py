"""Every address of the conversation that names a thing or a person, asked by everybody: whose it is, and whose not.

An address is no authority: links are forwarded, numbers are guessed. An address without a row here fails.
"""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.base import Base
from models.family.booking import book
from models.ordering.assignments import Assignment
from models.ordering.complaints import complain
from models.ordering.dispatch import accept
from models.ordering.joining import join
from models.ordering.notices import record_list
from models.ordering.placing import place
from models.ordering.review import submit
from models.ordering.triage import look_at
from models.ordering.versions import edit
from models.ordering.visiting import name_person
from models.people.care import CareLink
from models.register import LIVES
from models.tasks.tasks import Task
from tests.models.ordering.test_catalogue import MEAL, WANTED, set_terms
from tests.models.ordering.voicing import calls, says
from tests.stories.family_rows import FAMILY, THERE_IS_NONE, family_things
from tests.world import NOW
from wx_backend.app import make_router

# A neighbour without a link, a cadre of another township, another organisation's member, a phone nobody knows.
STRANGERS = ("aming", "zhao", "xiaohong", "o-nobody")
# What nobody but those it concerns may read: who, where exactly, when, and what was said.
PRIVATE = ("王秀英", "小芳", "放在门口", "堂屋漏水", "陪着配药", "饭是凉的", "11月29日", "送饭改名")
# Only what was said in confidence is handed over: see test_needs and test_confided.
ONLY_SECRETS = ("need/desk/<int:need>/to", "need/desk/<int:need>/to/<int:clerk>", "help/desk/<int:call>/over",
                "help/desk/<int:call>/over/<int:clerk>")  # fmt: skip
FREE = "anybody"  # names nothing of anybody's: one's own form, a public sheet, an invitation that one holds

# Address → who it is for. What only shows stands first, what changes something after it: owners go in this order.
ROWS = {
    "order/<int:order>": "xiaofang", "order/<int:order>/cancel": "xiaofang", "order/<int:order>/complain": "xiaofang",
    "order/<int:order>/reopen": "xiaofang", "order/<int:order>/unmet": "li", "order/<int:order>/off": "li",
    "order/<int:order>/give/<int:seen>": "li", "order/for/<int:person>": "xiaofang",
    "order/for/<int:person>/<kind>": "xiaofang", "order/new/<int:listing>/<int:person>": "xiaofang",
    "job/<int:assignment>": "laoxu", "job/<int:assignment>/who": "laoxu", "job/<int:assignment>/back": "laoxu",
    "job/<int:assignment>/decline": "laoxu", "job/<int:assignment>/done": "laoxu",
    "visit/<int:visit>/nobody": "ama", "complaint/<int:complaint>": "chen", "waiting/<int:entry>": "xiaofang",
    "call/<int:call>": "xiaofang", "call/<int:call>/cancel": "xiaofang", "call/<int:call>/guests": "xiaofang",
    "call/<int:call>/way": "xiaofang", "call/<int:call>/place/home": "li",
    "call/<int:call>/move": "xiaofang", "call/<int:call>/day/<day>": "xiaofang", "call/for/<int:person>": "xiaofang",
    "call/day/<int:person>/<day>": "xiaofang", "call/at/<int:person>/<int:stamp>": "xiaofang",
    "need/<int:need>": "xiaofang", "need/for/<int:person>": "xiaofang", "need/clerk/<int:person>": "li",
    "need/clerk/<int:person>/<int:way>": "li", "need/desk/<int:need>": "chen", "need/desk/<int:need>/kind": "chen",
    "need/desk/<int:need>/list": "chen", "need/desk/<int:need>/decline": "chen", "need/desk/<int:need>/to": "chen",
    "need/desk/<int:need>/title/<int:audience>": "chen", "need/item/<int:number>": "chen",
    "need/list/<int:number>": "chen", "help/<int:call>": "xiaofang", "help/for/<int:person>": "xiaofang",
    "help/desk/<int:call>": "chen", "help/desk/<int:call>/kind": "chen", "help/desk/<int:call>/to": "chen",
    "help/desk/<int:call>/note": "chen", "help/desk/<int:call>/outcome": "chen",
    "review/<int:version>": "li", "review/<int:version>/return": "chen", "review/<int:version>/reject": "chen",
    "staff/resident/<int:person>": "li", "staff/resident/<int:person>/befall/<verb>": "li", "task/<int:task>": "li",
    "task/<int:task>/hold": "li",
    # From here on something changes.
    "call/<int:call>/way/<how>": "xiaofang", "call/<int:call>/place/centre": "xiaofang",
    "call/<int:call>/place/home/<int:reason>": "li", "call/<int:call>/place/home/text": "li",
    "call/<int:call>/guests/<int:person>": "xiaofang", "call/<int:call>/guests/<int:person>/off": "xiaofang",
    "call/<int:call>/leave": "xiaofang", "call/<int:call>/to/<int:stamp>": "xiaofang",
    "call/book/<int:person>/<int:stamp>/<key>": "xiaofang", "call/<int:call>/cancel/text": "xiaofang",
    "call/<int:call>/cancel/<int:reason>": "xiaofang",
    "waiting/<int:entry>/take": "xiaofang", "waiting/<int:entry>/decline": "xiaofang",
    "waiting/<int:entry>/leave": "xiaofang",
    "visit/<int:visit>/arrived": "ama", "visit/<int:visit>/nobody/yes": "ama",
    "job/<int:assignment>/accept": "laoxu", "job/<int:assignment>/start": "laoxu",
    "job/<int:assignment>/who/<int:person>": "laoxu", "job/<int:assignment>/decline/<int:reason>": "laoxu",
    "job/<int:assignment>/done/yes": "laoxu", "job/<int:assignment>/back/<int:reason>": "laoxu",
    "complaint/<int:complaint>/settle": "chen", "order/<int:order>/rate/<int:score>": "xiaofang",
    "order/<int:order>/wait": "li", "order/<int:order>/go-on": "li", "order/<int:order>/pool/<int:seen>": "li",
    "order/<int:order>/give/<int:seen>/<int:organisation>": "li", "order/<int:order>/complain/text": "xiaofang",
    "order/<int:order>/off/why": "li", "order/<int:order>/off/instead": "li",
    "order/<int:order>/unmet/<int:reason>": "li", "order/<int:order>/cancel/text": "xiaofang",
    "order/<int:order>/cancel/<int:reason>": "xiaofang", "order/<int:order>/undo": "xiaofang",
    "order/<int:order>/reopen/at": "xiaofang",
    "need/item/<int:number>/cover/<int:listing>": "chen", "need/item/<int:number>/uncover/<int:listing>": "chen",
    "need/desk/<int:need>/kind/<int:kind>": "chen", "need/desk/<int:need>/to/<int:clerk>": "chen",
    "need/desk/<int:need>/own/<int:audience>": "chen",
    "need/desk/<int:need>/off": "chen", "need/desk/<int:need>/into/<int:other>": "chen",
    "need/desk/<int:need>/apart": "chen", "need/desk/<int:need>/item/<int:item>": "chen",
    "need/desk/<int:need>/new/<int:audience>": "chen",
    "need/desk/<int:need>/decline/<int:reason>": "chen", "need/desk/<int:need>/why": "chen",
    "need/item/<int:number>/drop": "chen", "need/list/<int:number>/publish": "chen",
    "need/list/<int:number>/publish/yes": "chen",
    "help/desk/<int:call>/kind/<int:kind>": "chen", "help/desk/<int:call>/to/<int:person>": "chen",
    "help/desk/<int:call>/over": "chen", "help/desk/<int:call>/over/<int:clerk>": "chen",
    "help/desk/<int:call>/noted": "chen", "help/desk/<int:call>/done": "chen", "help/desk/<int:call>/close": "chen",
    "help/desk/<int:call>/close/<int:reason>": "chen", "help/desk/<int:call>/why": "chen",
    "help/<int:call>/withdraw": "xiaofang",
    "review/<int:version>/submit": "li", "review/<int:version>/publish": "li", "review/<int:version>/returned": "chen",
    "review/<int:version>/rejected": "chen", "review/<int:version>/approve": "chen",
    "staff/invite/<int:person>": "li", "staff/resident/<int:person>/<int:kind>/yes": "li",
    "staff/resident/<int:person>/<int:kind>/no": "li", "task/<int:task>/wake/<int:days>": "li",
    "task/<int:task>/hold/text": "li", "task/<int:task>/hold/<int:reason>": "li", "task/<int:task>/resume": "li",
    "task/<int:task>/done": "li", **FAMILY, "link/<int:link>/confirm": "li", "link/<int:link>/decline": "li",
    "task/<int:task>/told/<int:means>": "li",
    "link/<int:link>/revoke": "xiaofang", "staff/resident/<int:person>/befall/<verb>/yes": "li",
    # One's own form or one's own consent, a code that one holds, a sheet on a wall.
    "order/answer/<int:number>": FREE, "order/ask/<int:number>": FREE, "order/at/<int:stamp>": FREE,
    "order/pick/<int:number>/<int:value>": FREE, "order/wait/<int:stamp>": FREE,
    "me/consent/<int:kind>/no": FREE, "me/consent/<int:kind>/yes": FREE, "link/<code>/<int:kinship>": FREE,
    "sheet/<int:publication>/<int:listing>": FREE,
}  # fmt: skip


def named():
    """The addresses that name something by its number."""
    return [address for address, _, _ in make_router().routes() if "<int:" in address]


def test_every_address_that_names_something_has_its_row():
    assert set(named()) == set(ROWS)


@pytest.fixture
def things(open_session, cast, talk):
    """One of everything, all of it 王奶奶's or 小芳's; answers what the addresses are filled with."""
    with open_session() as session, session.begin():
        daughter, li, chen = (cast.who(person) for person in (cast.xiaofang, cast.li, cast.chen))
        set_terms(session, cast, capacity=1)
        wish = {
            "listing_id": cast.meal.id, "beneficiary_id": cast.wangnainai.id, "answers": MEAL, "preferred_at": WANTED,
            "note": "放在门口", "now": NOW,
        }  # fmt: skip
        order = place(session, daughter, client_key="k", **wish)
        offer = session.scalars(select(Assignment).where(Assignment.order_id == order.id)).one()
        accept(session, cast.who(cast.laoxu), offer.id, NOW)
        visit = name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
        complaint, entry = complain(session, daughter, order.id, "饭是凉的", NOW), join(session, daughter, **wish)
        call = book(session, daughter, cared_id=cast.wangnainai.id, starts_at=NOW + timedelta(days=5, hours=6),
                    client_key="c", now=NOW)  # fmt: skip
        need, other = (says(session, daughter, text, cast.wangnainai) for text in ("堂屋漏水", "堂屋漏水又滴水"))
        for one in (need, other):
            look_at(session, chen, one.id, "cleaning", NOW)
        asked = calls(session, daughter, "想请人陪着配药", cast.wangnainai)
        version = edit(session, li, cast.haircut.id, {"title": "送饭改名"}, now=NOW)
        submit(session, li, version.id, NOW)
        sheet = record_list(session, "sheet", cast.centre, by_id=None, now=NOW)
        task = session.scalars(select(Task).where(Task.kind == "call_help")).one()
        filled = {
            "order": order.id, "seen": order.revision, "assignment": offer.id, "visit": visit.id, "entry": entry.id,
            "complaint": complaint.id, "need": need.id, "other": other.id, "version": version.id, "task": task.id,
            "publication": sheet.id, "listing": cast.haircut.id, "person": cast.wangnainai.id, "kind": "meal",
            "link": session.scalars(select(CareLink.id)).one(), "organisation": cast.second_club.id,
            "clerk": cast.chen.id, "day": "20261129", "key": "0" * 16, "verb": "die", "score": 5, "days": 1,
            "call": call.id, "help": asked.id, "at": int(call.starts_at.timestamp()) // 60,
        }  # fmt: skip
        filled |= family_things(session, cast, call)
    talk(cast.chen).at(f"need/desk/{filled['other']}/own/0")
    return filled


def filled_in(address, things):
    """The address of a thing that there is."""
    names = {**things, "call": things["help"]} if address.startswith("help/") else things
    names = {**names, "stamp": names["at"]}
    if re.search("<int:kind>", address):
        names["kind"] = 0
    return re.sub(r"<(?:int:)?(\w+)>", lambda found: str(names.get(found[1], 1 if found[1] in ONES else 0)), address)


ONES = ("number", "item")


def stands(open_session):
    """How everything stands: the state of whatever has a life, and how many rows each table has."""
    with open_session() as session:
        states = {
            life.name: session.execute(select(life.table.c.id, life.table.c.state).order_by(life.table.c.id)).all()
            for life in LIVES
        }
        heard = ("inbox", "dialogues")  # that they asked
        counts = {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables if table.name not in heard
        }  # fmt: skip
        return states, counts


@pytest.mark.case("L1")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stranger_learns_and_moves_nothing_by_any_address_and_whose_it_is_hears_something_else(
    talk, cast, open_session, things
):
    people = {name: talk(getattr(cast, name, name)) for name in (*STRANGERS, *set(ROWS.values()) - {FREE})}
    for one in people.values():
        one.says("菜单")  # whom nobody knew is a person from now on
    before, refused = stands(open_session), {}
    for address, whose in ROWS.items():
        if whose == FREE:
            continue
        for name in STRANGERS:
            heard = people[name].at(filled_in(address, things))
            assert not [word for word in PRIVATE if word in heard], (address, name)
            refused[address] = heard
        assert stands(open_session) == before, address
    deaf = [
        (address, whose) for address, whose in ROWS.items()
        if whose != FREE and address not in ONLY_SECRETS and not address.startswith(THERE_IS_NONE)
        and people[whose].at(filled_in(address, things)) == refused[address]
    ]  # fmt: skip
    assert deaf == [], str(deaf)
