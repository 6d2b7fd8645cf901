"""Lists at the staff desk: as few questions for two hundred rows as for one, and pages that stay where they are."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models import audit
from models.family.call_days import CallDay
from models.family.calls import FamilyCall
from models.family.pairing import Pairing
from models.family.series import Series
from models.ordering.demands import DemandItem, DemandList
from models.ordering.help import HelpRequest
from models.ordering.listings import Listing
from models.ordering.loans import ResourceLoan
from models.ordering.needs import NeedSubmission
from models.ordering.orders import Order
from models.ordering.versions import ListingVersion
from models.ordering.waiting import WaitlistEntry
from models.paging import Cursor, Page, page
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.centres import OpeningHours, ServiceCentre
from models.tasks.tasks import Task
from tests.desk import Clerk, give_account, statements
from tests.gate import close_app, config_for
from tests.letters import posted
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.database import db

pytestmark = pytest.mark.both

MOST = 6  # questions that one list may ask, the guard's own included
MINUTE = timedelta(minutes=1)
LISTS = {
    "tasks": "/console/tasks/", "orders": "/console/orders/", "letters": "/console/letters/",
    "calls": "/console/calls/?view=all", "pairs": "/console/pairs/", "callsheet": "/console/callsheet/?day=2026-11-24",
    "quiet": "/console/quiet/", "dispatch": "/console/dispatch/", "sheet": "/console/sheet/",
    "review": "/console/review/", "report": "/console/report/", "needs": "/console/needs/", "help": "/console/help/",
    "demands": "/console/demands/", "gaps": "/console/gaps/", "waiting": "/console/waiting/",
    "series": "/console/series/", "days": "/console/days/", "days past": "/console/days/?view=past",
    "loans": "/console/loans/", "residents": "/console/residents/", "centres": "/console/centres/",
    "audit": "/console/audit/", "confided": "/console/confided/", "rules": "/console/rules/", "": "/console/",
}  # fmt: skip


def fill(session, cast, start, many):
    """So many rows of everything below the township."""
    from_here = range(start, start + many)
    for n in from_here:
        at = NOW + n * MINUTE
        session.add(Order(
            number=f"{n:08}", client_key=f"k{n}", listing_id=cast.haircut.id, centre_id=cast.centre.id, answers={},
            area_id=cast.village.id, requested_by_id=cast.xiaofang.id, beneficiary_id=cast.wangnainai.id,
            preferred_at=at, created_at=NOW,
        ))  # fmt: skip
        session.add(Task(
            key=f"t{n}", kind="order_new", area_id=cast.village.id, subject="order:1", due_at=NOW + (n // 3) * MINUTE,
            created_at=NOW, assignee_id=cast.li.id if n % 4 == 0 else None,
            facts={"beneficiary": "王秀英", "service": "理发", "number": f"{n:08}"},
        ))  # fmt: skip
        session.add(Person(name=f"张{n}", area_id=cast.village.id, phone="13800000000", created_at=NOW))
        centre = ServiceCentre(code=f"N{n}", name=f"中心{n}", area_id=cast.grid.id)
        session.add(centre)
        session.flush()
        session.add(OpeningHours(centre_id=centre.id, weekday=1, opens=NOW.time(), closes=NOW.time()))
        letter = posted(session, key=f"l{n}", person_id=cast.xiaofang.id, kind="ordering.accepted", facts={},
                      subject="order:1", now=NOW)  # fmt: skip
        letter.state = ("planned", "dead", "delivered")[n % 3]
        listing = Listing(code=f"V{n}", centre_id=cast.centre.id, title="磨刀", category="cleaning", mode="at_centre",
                          questions=[], state="draft", created_at=NOW)  # fmt: skip
        session.add(listing)
        session.flush()
        session.add(ListingVersion(
            listing_id=listing.id, number=1, providers=[], state="submitted", rounds=1, title="磨刀", questions=[],
            category="cleaning", mode="at_centre", author_id=cast.li.id, created_at=NOW,
        ))  # fmt: skip
        elder = Person(name=f"老{n}", area_id=cast.village.id, left_behind="elder", created_at=NOW)
        session.add(elder)
        session.flush()
        session.add_all(
            CallDay(
                client_key=f"d{n}{past}",
                centre_id=cast.centre.id,
                helper_id=cast.li.id,
                seats=2,
                created_at=NOW,
                starts_at=at + past * 600 * MINUTE,
                ends_at=at + past * 600 * MINUTE + 90 * MINUTE,
            )
            for past in (-1, 1)
        )
        session.add_all([
            FamilyCall(
                client_key=f"c{n}", relative_id=cast.xiaofang.id, cared_id=elder.id, centre_id=cast.centre.id,
                station_id=cast.stations[0].id, helper_id=cast.li.id, starts_at=at, ends_at=at + 30 * MINUTE,
                state="unreported", created_at=NOW, venue_mode="at_home" if n % 3 == 1 else "at_centre",
            ),
            Series(
                client_key=f"s{n}", relative_id=cast.xiaofang.id, cared_id=elder.id, rule="week-1-7", at=NOW.time(),
                zone="Asia/Shanghai", anchor=NOW.date(), first_day=NOW.date(), scheduled_through=NOW.date(),
                created_by_id=cast.xiaofang.id, created_at=NOW,
            ),
            ResourceLoan(
                kind="person", person_id=elder.id, from_centre_id=cast.other_centre.id, to_centre_id=cast.centre.id,
                starts_at=at, ends_at=at + 60 * MINUTE, requested_by_id=cast.li.id, created_at=NOW,
            ),
            Pairing(helper_id=cast.li.id, cared_id=elder.id, every_days=7, since=NOW - timedelta(days=30)),
        ])  # fmt: skip
        session.add(WaitlistEntry(
            key=f"places/{n}", holder=f"p/{n}", listing_id=cast.haircut.id, centre_id=cast.centre.id, warned=[],
            requested_by_id=cast.xiaofang.id, beneficiary_id=cast.wangnainai.id, answers={}, places=1,
            preferred_at=NOW + (n + 60) * MINUTE, created_at=NOW,
        ))  # fmt: skip
        told = {"client_key": f"n{n}", "area_id": cast.village.id, "person_id": cast.wangnainai.id, "channel": "page",
                "said_by_id": cast.xiaofang.id, "text": "想要老年食堂", "created_at": NOW}  # fmt: skip
        session.add(NeedSubmission(**told))
        session.add(HelpRequest(**told, due_at=NOW + n * MINUTE))
        secret = {**told, "client_key": f"s{n}", "confidential": True, "holder_id": cast.li.id}
        session.add_all([NeedSubmission(**secret), HelpRequest(**secret, due_at=NOW)])
        demands = DemandList(area_id=cast.township.id, audience="away", version=n, quarter="2026-Q4",
                             state="published" if n == 1 else "superseded", created_at=NOW)  # fmt: skip
        session.add(demands)
        session.flush()
        session.add(DemandItem(list_id=demands.id, position=1, title="老年食堂", category="meal", created_at=NOW))
        audit.write(session, verb="reveal", person_id=cast.li.id, now=at)


@pytest.fixture
def app(database_url, cast, open_session):
    with open_session() as session, session.begin():
        session.add(StaffRole(person_id=cast.chen.id, role="county_admin", area_id=cast.township.id, since=NOW))
        give_account(session, cast.chen.id, "chen")
        fill(session, cast, 1, 1)
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


def questions(app, clerk):
    """How many statements each list needs."""
    with app.app_context():
        engine = db.engine
    found = {}
    for name, path in LISTS.items():
        with statements(engine) as asked:
            assert clerk.opens(path).status_code == 200, name
        found[name] = len(asked)
    return found


def test_two_hundred_rows_need_no_more_questions_than_one(app, cast, open_session):
    clerk = Clerk(app)
    clerk.signs_in("chen")
    with_one = questions(app, clerk)
    with open_session() as session, session.begin():
        fill(session, cast, 2, 199)
    assert questions(app, clerk) == with_one
    # A sheet with rounds of homes reckons roads, what was reported and batteries as well.
    assert with_one.pop("callsheet") <= MOST + 3
    assert max(with_one.values()) <= MOST, with_one


def walk(clerk, path, link="下一页"):
    """The rows of every page from here on, in order."""
    clerk.opens(path)
    for _ in range(20):
        yield re.findall(r'href="/console/\w+/(\d+)"', clerk.page)
        onward = re.search(rf'href="([^"]+)">{link}<', clerk.page)
        if onward is None:
            return
        clerk.opens(onward[1].replace("&amp;", "&"))


def test_every_row_stands_on_one_page_forwards_and_back_and_the_filter_stays(app, cast, open_session):
    with open_session() as session, session.begin():
        fill(session, cast, 2, 49)
        late = set(map(str, session.scalars(select(Task.id))))
    clerk = Clerk(app)
    clerk.signs_in("chen")
    pages = list(walk(clerk, "/console/tasks/?whose=all"))
    assert [len(set(one)) for one in pages] == [20, 20, 10]
    assert {key for one in pages for key in one} == late
    assert "whose=all" in re.search(r'href="([^"]+)">上一页<', clerk.page)[1]
    last = re.search(r'href="([^"]+)">上一页<', clerk.page)[1].replace("&amp;", "&")
    assert list(walk(clerk, last, "上一页")) == pages[1::-1]
    assert "共 50 条" in clerk.text()


def test_a_row_that_comes_while_somebody_reads_moves_no_page(app, cast, open_session):
    with open_session() as session, session.begin():
        fill(session, cast, 2, 39)
    clerk = Clerk(app)
    clerk.signs_in("chen")
    reading = walk(clerk, "/console/orders/")
    first = next(reading)
    with open_session() as session, session.begin():
        fill(session, cast, 100, 5)
    second = next(reading)
    assert set(first) & set(second) == set()
    assert int(first[-1]) - 1 == int(second[0])


def test_names_that_were_asked_for_in_a_form_are_turned_over_in_one_too(app, cast, open_session):
    with open_session() as session, session.begin():
        fill(session, cast, 2, 24)
    clerk = Clerk(app)
    clerk.signs_in("chen")
    clerk.opens("/console/residents/")
    clerk.posts("/console/residents/search", whom="张")
    first = re.findall(r"residents/(\d+)", clerk.page)
    at = re.search(r'name="at" value="([^"]+)">下一页', clerk.page)[1]
    clerk.posts("/console/residents/search", whom="张", at=at)
    second = re.findall(r"residents/(\d+)", clerk.page)
    assert (len(set(first)), len(set(second)), set(first) & set(second)) == (20, 5, set())


def test_a_cursor_that_is_none_begins_at_the_front(session, cast):
    everybody = list(session.scalars(select(Person.id).order_by(Person.id)))
    query = select(Person)

    def ids(cursor):
        found: Page = page(session, query, (Person.id,), lambda row: (row.Person.id,), cursor, size=3)
        return [row.Person.id for row in found.rows]

    for text in ("x", "", "-", "9" * 40, "t5", "1.2", "1-", "٣"):
        cursor = Cursor.read(text)
        assert ids(cursor) == (everybody[3:6] if text == "٣" and cursor else everybody[:3]), text
    assert ids(Cursor.read("-4")) == everybody[:3]


def test_more_than_people_count_is_not_counted(session, cast):
    numbers = select(func.count()).select_from(Person)
    assert Page([], None, None, 1001).counted == "1000多"
    assert Page([], None, None, session.scalar(numbers)).counted == str(session.scalar(numbers))
