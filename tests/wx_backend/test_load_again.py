"""A file that comes again undoes nothing that people have done since; what it says anew counts, cell by cell."""

from datetime import date, time, timedelta

import pytest
from openpyxl import Workbook
from sqlalchemy import delete, select

from models.family.deciding import Decided
from models.family.routines import Habit, Routine, put_habits
from models.family.shutting import Wish, open_again, shut
from models.hours import WorkCalendar
from models.loaded import LoadedRow
from models.messages.rules import ReminderRule, Rule, put_rule, take_back_rule
from models.ordering.catalogue import offer_at, publish
from models.ordering.listings import CentreTerms, Listing, providers_of
from models.ordering.review import decide, submit
from models.ordering.versions import edit
from models.people.care import linked_to
from models.people.consent import Consent, agree, has_taken_back, take_back
from models.people.identities import Identity, Who, welcome
from models.people.persons import Person, call_oneself
from models.people.staff import Organisation, StaffRole
from models.places.areas import Area
from models.places.centres import Closure, ServiceCentre, open_spans
from models.places.days import Days
from models.tasks import linking
from tests.models.family.in_turn import one_waits
from tests.world import NOW
from tests.wx_backend.test_load import GOOD, load, one
from wx_backend.demo.cast import COUNTY
from wx_backend.load import NotLoaded, load_county

HEAD = "[closures]\ncentre,first_day,last_day,reason\n"
RULES = "[reminders]\nkind,role,name,mode,minutes,active\nfamily.reminder,*,own,before,{},yes\n"
TERMS = "[centre_terms]\nlisting,centre,active,capacity,phone\nL-GS-1,C-LC,yes,20,{}\n"


def by(session, code):
    person = one(session, Person, code=code)
    return Who(person.id, 0, person.name, person.time_zone, "wx-test", "o")


def county(session):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)


def published_anew(session, terms, providers=None):
    """A version of a service goes all its way at the desk."""
    listing, clerk = one(session, Listing, code="L-GS-1"), by(session, "P-LZ")
    reviewer = Person(name="审核", code="P-SH", created_at=NOW)
    session.add(reviewer)
    session.flush()
    above = one(session, Area, code="331127")
    session.add(StaffRole(person_id=reviewer.id, role="county_admin", area_id=above.id, since=NOW))
    session.flush()
    version = edit(session, clerk, listing.id, terms, providers=providers, now=NOW)
    submit(session, clerk, version.id, NOW)
    decide(session, by(session, "P-SH"), version.id, "approve", "", NOW)
    publish(session, clerk, version.id, NOW)
    session.refresh(listing)
    return listing


def test_a_price_and_who_provides_that_were_published_at_the_desk_stand(session):
    county(session)
    other = one(session, Organisation, code="O-LD").id
    listing = published_anew(session, {"price": "9元"}, [other])
    assert load_county(session, COUNTY, app_id="wx-test", now=NOW + timedelta(days=1)) == {}
    session.refresh(listing)
    assert (listing.price, providers_of(session, listing.id)) == ("9元", [other])


def test_what_the_file_says_anew_counts_beside_what_the_desk_has_changed(session, tmp_path):
    county(session)
    text = COUNTY.read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith("L-GS-1,")]
    listing = published_anew(session, {"price": "9元"})
    title = listing.title
    load(session, tmp_path / "c.csv", text.replace(row, row.replace(f",{title},", f",{title}新,", 1)))
    session.refresh(listing)
    assert (listing.title, listing.price) == (f"{title}新", "9元")


def test_a_service_that_a_centre_has_stopped_stays_stopped(session, tmp_path):
    county(session)
    load(session, tmp_path / "a.csv", TERMS.format(""))
    listing, centre = one(session, Listing, code="L-GS-1"), one(session, ServiceCentre, code="C-LC")
    offer_at(session, by(session, "P-CG"), listing.id, centre.id, NOW, active=False, capacity=3)
    assert load(session, tmp_path / "a.csv", TERMS.format("")) == {}
    load(session, tmp_path / "a.csv", TERMS.format("0578-5550999"))
    own = session.get_one(CentreTerms, (centre.id, listing.id), populate_existing=True)
    assert (own.active, own.capacity, own.phone) == (False, 3, "0578-5550999")


def test_a_rule_of_reminding_that_the_desk_has_changed_or_taken_back_stays_so(session, tmp_path):
    load(session, tmp_path / "a.csv", GOOD)
    assert load(session, tmp_path / "a.csv", RULES.format(90)) == {"reminder_rules": 1}
    row = one(session, ReminderRule, name="own")
    row.heeded = True
    session.flush()
    assert load(session, tmp_path / "a.csv", RULES.format(90)) == {}
    assert row.heeded  # nor is anything planned anew
    put_rule(session, Rule("family.reminder", "*", "own", "before", 30), NOW, active=False)
    load(session, tmp_path / "a.csv", RULES.format(90))
    session.refresh(row)
    assert (row.minutes, row.active) == (30, False)
    take_back_rule(session, "family.reminder", "*", "own", NOW)
    load(session, tmp_path / "a.csv", RULES.format(90))
    session.refresh(row)
    assert row.mode == "shipped"
    load(session, tmp_path / "a.csv", RULES.format(45))
    session.refresh(row)
    assert (row.mode, row.minutes) == ("before", 45)


def test_who_a_person_has_become_since_stays(session, tmp_path):
    text = GOOD + "[persons]\ncode,name,area,phone,hardship\nP,甲,11,0578-5550109,{}\n"
    load(session, tmp_path / "a.csv", text.format(""))
    one(session, Person, code="P").phone = "0578-5550777"
    session.flush()
    assert load(session, tmp_path / "a.csv", text.format("")) == {}
    assert load(session, tmp_path / "a.csv", text.format("low_income")) == {"persons": 1}
    person = one(session, Person, code="P")
    assert (person.phone, person.hardship) == ("0578-5550777", "low_income")
    load(session, tmp_path / "a.csv", text.format("").replace("5550109", "5550111"))
    assert (person.phone, person.hardship) == ("0578-5550111", "")


def shut_days(session, centre):
    """Which of the first four of December, Tuesday to Friday."""
    return [day for day in range(1, 5) if not open_spans(session, centre, date(2026, 12, day), WorkCalendar())]


def test_what_the_desk_has_shut_is_not_the_files_to_shorten(session, tmp_path):
    county(session)
    centre = one(session, ServiceCentre, code="C-GS")
    wish = Wish(centre.id, Days(date(2026, 12, 1), date(2026, 12, 5)), "台风红色预警")
    shut(session, by(session, "P-LZ"), wish, Decided(), "k1", NOW)
    load(session, tmp_path / "a.csv", HEAD + "C-GS,2026-12-01,,停电检修\n")
    assert one(session, Closure, client_key="k1").reason == "台风红色预警"
    assert shut_days(session, centre) == [1, 2, 3, 4]


def test_what_the_desk_has_opened_again_stays_open_whatever_it_shuts_itself(session, tmp_path):
    county(session)
    row, centre = HEAD + "C-GS,2026-12-01,2026-12-03,台风\n", one(session, ServiceCentre, code="C-GS")
    load(session, tmp_path / "a.csv", row)
    clerk, theirs = by(session, "P-LZ"), session.scalars(select(Closure.id)).one()
    open_again(session, clerk, theirs, NOW)
    wish = Wish(centre.id, Days(date(2026, 12, 1), date(2026, 12, 1)), "停电")
    shut(session, clerk, wish, Decided(), "k1", NOW)
    assert load(session, tmp_path / "a.csv", row) == {}
    assert shut_days(session, centre) == [1]


def test_what_somebody_has_agreed_to_is_no_older_papers_to_rewrite(session, tmp_path):
    load(session, tmp_path / "a.csv", GOOD + "[persons]\ncode,name,area\nP,甲,11\nQ,乙,11\n")
    me = by(session, "P")
    agree(session, me, me.person_id, "photos", NOW)
    before = [(c.text_version, c.means, c.witness_id) for c in session.scalars(select(Consent))]
    paper = "[consents]\nperson,kind,text_version,means,witness\nP,photos,2020-01,spoken,Q\n"
    assert load(session, tmp_path / "b.csv", paper) == {}
    assert [(c.text_version, c.means, c.witness_id) for c in session.scalars(select(Consent))] == before


def test_who_has_spoken_to_us_before_comes_into_the_list_with_all_that_they_have_done(session, tmp_path):
    county(session)
    identity = welcome(session, "wx-test", "o-new", "official_account", NOW)
    me = session.get_one(Person, identity.person_id)
    call_oneself(session, me, "王芳")
    mother, cadre, herself = one(session, Person, code="P-WXY"), by(session, "P-LZ"), Who(
        me.id, identity.id, "王芳", me.time_zone, "wx-test", "o-new"
    )  # fmt: skip
    invited = linking.invite(session, cadre, mother.id, NOW)
    link = linking.ask(session, herself, invited.code, "女儿", NOW)
    linking.answer(session, cadre, link.id, "confirm", NOW)
    agree(session, herself, me.id, "photos", NOW)
    take_back(session, herself, me.id, "photos", NOW)
    rows = "[persons]\ncode,name,area\nP-WF,王芳,331127205201\n[identities]\nperson,app_id,openid\nP-WF,wx-test,o-new\n"
    load(session, tmp_path / "a.csv", rows)
    now = session.get_one(Identity, identity.id).person_id
    assert session.get_one(Person, now).code == "P-WF"
    assert list(session.scalars(linked_to(now))) == [mother.id]
    assert has_taken_back(session, now, "photos")
    session.execute(delete(LoadedRow))  # what the file itself has said it may put right
    with pytest.raises(NotLoaded, match="这个微信已经是王芳"):
        load(session, tmp_path / "b.csv", "[identities]\nperson,app_id,openid\nP-WXY,wx-test,o-new\n")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("[persons]\ncode,name\nP,甲\nP,乙\n", "第11行写过同一个"),
        ("[contacts]\nperson,position,means,through\nX,1,phone,Y\nX,1,visit,Y\n", "第11行写过同一个"),
        ("[overrides]\nday,is_workday,name\n2026-12-31,yes,班\n2026-12-31,no,休\n", "第11行写过同一个"),
        ("[identities]\nperson,app_id,openid\nX,,o1\nY,,o1\n", "这个微信已经是"),
        ("[areas]\ncode,name,kind,parent\n3.31127E+14,一网格,grid,11\n", "被 Excel 改过的长数字"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,6-1,09:00,12:00\n", "请分成两行写"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,1,08:30Z,17:00Z\n", "不带时区"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,1,08:30+08:00,17:00\n", "不带时区"),
        ("[staff]\nperson,role,area,organisation\nX,county_admin,,O\n", "county_admin要填area"),
        ("[staff]\nperson,role,area,organisation\nX,organisation_member,11,\n", "要填organisation"),
    ],
)  # fmt: skip
def test_what_would_be_lost_or_mean_nothing_is_a_fault(session, tmp_path, rows, says):
    people = "[persons]\ncode,name\nX,甲\nY,乙\n[organisations]\ncode,name,kind,area\nO,会,social_organisation,11\n"
    load(session, tmp_path / "a.csv", GOOD + people)
    with pytest.raises(NotLoaded, match=says):
        load(session, tmp_path / "b.csv", f"{'#' + chr(10)}" * 8 + rows)


def test_the_same_row_twice_is_one(session, tmp_path):
    assert load(session, tmp_path / "a.csv", GOOD + "[persons]\ncode,name\nP,甲\nP,甲\n")["persons"] == 1


def test_a_habit_that_is_written_while_the_file_is_read_comes_after_it_and_stays(open_session, engine, tmp_path):
    text = "[routines]\nperson,kind,begins,ends\nP,nap,12:30,14:00\n"
    with open_session() as session, session.begin():
        load(session, tmp_path / "a.csv", GOOD + "[persons]\ncode,name,area\nP,甲,11\n" + text)
        me = by(session, "P")

    def writes(session):
        put_habits(session, me, me.person_id, "sleep", [Habit("sleep", time(21), time(6))], NOW)

    with one_waits(open_session, engine, writes) as (first, answer):
        load(first, tmp_path / "a.csv", text)
    assert answer() is None
    with open_session() as session:
        assert set(session.scalars(select(Routine.kind))) == {"nap", "sleep"}


def test_a_file_that_has_fewer_columns_makes_nothing_forgotten(session, tmp_path):
    full = GOOD + "[persons]\ncode,name,area,phone\nP,甲,11,0578-5550109\n"
    load(session, tmp_path / "a.csv", full)
    one(session, Person, code="P").phone = "0578-5550777"
    session.flush()
    load(session, tmp_path / "b.csv", "[persons]\ncode,name,hardship\nP,甲,low_income\n")
    assert load(session, tmp_path / "a.csv", full) == {}
    assert one(session, Person, code="P").phone == "0578-5550777"


@pytest.mark.parametrize(("called", "link"), [("李明", True), ("李明", False), ("王秀英", True)])
def test_a_wrong_openid_makes_no_two_people_one(session, tmp_path, called, link):
    county(session)
    identity = welcome(session, "wx-test", "o-new", "official_account", NOW)
    me = session.get_one(Person, identity.person_id)
    call_oneself(session, me, called)
    mother = one(session, Person, code="P-WXY")
    if link:
        cadre = by(session, "P-LZ")
        invited = linking.invite(session, cadre, mother.id, NOW)
        himself = Who(me.id, identity.id, called, me.time_zone, "wx-test", "o-new")
        linking.answer(session, cadre, linking.ask(session, himself, invited.code, "儿子", NOW).id, "confirm", NOW)
    with pytest.raises(NotLoaded, match=f"用这个微信的人自称“{called}”"):
        load(session, tmp_path / "a.csv", "[identities]\nperson,app_id,openid\nP-WXY,wx-test,o-new\n")
    assert identity.person_id == me.id


def test_an_openid_that_the_file_itself_said_wrongly_is_put_right(session, tmp_path):
    people = GOOD + "[persons]\ncode,name,area\nP,甲,11\nQ,乙,11\n"
    text = people + "[identities]\nperson,app_id,openid\n{},wx,o1\n"
    load(session, tmp_path / "a.csv", text.format("P"))
    load(session, tmp_path / "a.csv", text.format("Q"))
    held = session.get_one(Person, one(session, Identity, openid="o1").person_id)
    assert (held.code, one(session, Person, code="P").state) == ("Q", "active")


def test_but_not_where_it_is_somebody_elses_by_now(session, tmp_path):
    people = GOOD + "[persons]\ncode,name,area\nP,甲,11\nQ,乙,11\nR,丙,11\n"
    text = people + "[identities]\nperson,app_id,openid\n{},wx,o1\n"
    load(session, tmp_path / "a.csv", text.format("P"))
    one(session, Identity, openid="o1").person_id = one(session, Person, code="R").id
    session.flush()
    with pytest.raises(NotLoaded, match="这个微信已经是丙"):
        load(session, tmp_path / "a.csv", text.format("Q"))


@pytest.mark.parametrize(("code", "fits"), [("1E02", True), ("20230E15", True), ("3.31127e+14", False)])
def test_what_excel_has_shortened_is_told_from_codes_that_look_alike(session, tmp_path, code, fits):
    text = f"{GOOD}[organisations]\ncode,name,kind,area\n{code},会,social_organisation,11\n"
    if fits:
        assert load(session, tmp_path / "a.csv", text)["organisations"] == 1
        return
    with pytest.raises(NotLoaded, match="被 Excel 改过"):
        load(session, tmp_path / "a.csv", text)


@pytest.mark.parametrize("number", [331127199001011234, 3.31127199001011e17])
def test_a_number_of_a_workbook_that_is_too_long_for_excel_is_a_fault(session, tmp_path, number):
    book = Workbook()
    book.active.title = "areas"
    for row in (["code", "name", "kind", "parent"], ["1", "县", "county", None], [number, "乡", "township", "1"]):
        book.active.append(row)
    book.save(tmp_path / "c.xlsx")
    with pytest.raises(NotLoaded, match=r"areas!A3.*被 Excel 改过"):
        load_county(session, tmp_path / "c.xlsx", app_id="wx-test", now=NOW)
