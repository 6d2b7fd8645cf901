"""A column that the file does not have says nothing: what stands stays, and only what is new takes a default."""

from datetime import date, time

from sqlalchemy import select

from models.messages.rules import ReminderRule, take_back_rule
from models.ordering.listings import TERMS, CentreTerms, Listing
from models.ordering.versions import ListingVersion, unsettled
from models.people.consent import Consent
from models.people.contacts import ContactStep
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.areas import Area
from models.places.centres import Closure, OpeningHours, ServiceCentre, Station
from models.places.equipment import Equipment
from tests.world import NOW
from tests.wx_backend.test_load import GOOD, load, one
from wx_backend.demo.cast import COUNTY
from wx_backend.load import load_county

WHOLE = (
    "code,name,area,phone,time_zone,left_behind,away,born,hardship,household,homebound\n"
    "P,甲,11,0578-5550109,,elder,yes,1944-03-08,low_income,H-1,\n"
)


def values(row, *but_not):
    return {c.name: getattr(row, c.name) for c in row.__table__.c if c.name not in but_not}


def test_a_correction_of_persons_leaves_what_it_has_no_column_for_and_an_emptied_cell_empties(session, tmp_path):
    load(session, tmp_path / "a.csv", f"{GOOD}[persons]\n{WHOLE}")
    before = values(one(session, Person, code="P"), "name")
    load(session, tmp_path / "b.csv", "[persons]\ncode,name,area\nP,甲乙,11\nQ,新,11\n")
    session.expire_all()
    assert one(session, Person, code="P").name == "甲乙"
    assert values(one(session, Person, code="P"), "name") == before
    new = one(session, Person, code="Q")
    assert (new.phone, new.away, new.born, new.time_zone) == ("", False, None, "Asia/Shanghai")
    load(
        session, tmp_path / "c.csv", "[persons]\ncode,name,area,phone,away,born\nP,甲乙\n"
    )  # a short row has empty cells
    again = one(session, Person, code="P")
    assert (again.area_id, again.phone, again.away, again.born) == (None, "", False, None)
    assert (again.left_behind, again.hardship, again.household) == ("elder", "low_income", "H-1")


def test_of_no_section_a_shorter_header_takes_anything_away(session, tmp_path):
    people = "[persons]\ncode,name\nP,甲\nW,乙\n"
    full = (
        f"{GOOD.replace(',,0578', ',集镇1号,0578')}{people}"
        "[hours]\ncentre,weekdays,opens,closes,on_holidays\nC,1,08:30,17:00,yes\n"
        "[closures]\ncentre,first_day,last_day,reason\nC,2026-12-01,2026-12-03,台风\n"
        "[stations]\ncentre,zone,room,name,kind,battery_minutes\nC,leisure_social,室,屏,portable_call,180\n"
        "[organisations]\ncode,name,kind,area,phone\nO,会,social_organisation,11,0578-5550109\n"
        "[consents]\nperson,kind,text_version,means,witness\nP,photos,1,signature,W\n"
        "[contacts]\nperson,position,means,through,phone,note\nP,1,phone,W,0578-5550108,晚上\n"
        "[equipment]\ncentre,kind,name\nC,vehicle,车\n"
    )
    short = (
        "[areas]\ncode,name,kind\n11,乡,township\n[centres]\ncode,name,area\nC,中心,11\n"
        "[hours]\ncentre,weekdays,opens,closes\nC,1,08:30,17:00\n"
        "[closures]\ncentre,first_day,reason\nC,2026-12-01,台风\n"
        "[stations]\ncentre,zone,room,name,kind\nC,leisure_social,室,屏,portable_call\n"
        "[organisations]\ncode,name,kind,area\nO,会,social_organisation,11\n"
        "[consents]\nperson,kind,text_version,means\nP,photos,1,signature\n"
        "[contacts]\nperson,position,means,through\nP,1,phone,W\n"
    )
    tables = (Area, ServiceCentre, OpeningHours, Closure, Station, Organisation, Consent, ContactStep, Equipment)
    load(session, tmp_path / "a.csv", full)

    def found():
        session.expire_all()
        return [values(row) for table in tables for row in session.scalars(select(table).order_by(table.id))]

    before = found()
    assert load(session, tmp_path / "b.csv", short) == {}
    assert found() == before


HEAD = "code,centre,category,title,mode,providers"
MEAL = "L-GS-1,C-GS,meal,午餐送上门,at_home,O-LX/O-LD"


def meal(session):
    listing = one(session, Listing, code="L-GS-1")
    return {name: getattr(listing, name) for name in TERMS}


def test_a_service_of_which_the_file_has_only_what_must_be_keeps_its_other_terms(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    before, versions = meal(session), len(session.scalars(select(ListingVersion)).all())
    row = MEAL.replace("午餐送上门", before["title"]).replace("at_home", before["mode"])
    assert load(session, tmp_path / "a.csv", f"[listings]\n{HEAD}\n{row}\n") == {}
    assert len(session.scalars(select(ListingVersion)).all()) == versions
    load(session, tmp_path / "b.csv", f"[listings]\n{HEAD}\n{row.replace(before['title'], '午饭')}\n")
    assert meal(session) == {**before, "title": "午饭"}
    load(session, tmp_path / "c.csv", f"[listings]\n{HEAD},rules\n{row.replace(before['title'], '午饭')},\n")
    assert meal(session) == {**before, "title": "午饭", "rules": []}


def test_in_an_authors_name_what_the_file_leaves_out_is_as_in_what_is_being_written(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    before, clerk = meal(session), one(session, Person, code="P-LZ")
    author = Who(clerk.id, 0, clerk.name, "Asia/Shanghai", "wx", "o")
    path = tmp_path / "a.csv"
    row = MEAL.replace("at_home", before["mode"])
    path.write_text(f"[listings]\n{HEAD},price\n{row},每份8元\n", encoding="utf-8")
    load_county(session, path, app_id="wx-test", now=NOW, author=author)
    version = unsettled(session, one(session, Listing, code="L-GS-1").id)
    assert {name: getattr(version, name) for name in TERMS} == {**before, "title": "午餐送上门", "price": "每份8元"}
    version.state = "returned"
    session.flush()
    path.write_text(f"[listings]\n{HEAD}\n{row}\n", encoding="utf-8")
    load_county(session, path, app_id="wx-test", now=NOW, author=author)
    assert unsettled(session, version.listing_id).price == "每份8元"


def test_a_centres_own_word_on_a_service_keeps_what_the_file_does_not_say(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    head = "[centre_terms]\nlisting,centre"
    load(session, tmp_path / "a.csv", f"{head},active,phone,capacity,weekdays,opens,closes\n"
         "L-GS-1,C-LC,no,0578-5550109,7,25,09:00,11:00\n")  # fmt: skip
    own = one(session, CentreTerms, listing_id=one(session, Listing, code="L-GS-1").id)
    before = values(own)
    load(session, tmp_path / "b.csv", f"{head}\nL-GS-1,C-LC\n")
    session.expire_all()
    assert values(own) == before
    load(session, tmp_path / "c.csv", f"{head},opens\nL-GS-1,C-LC,10:00\n")
    assert values(own) == {**before, "opens": time(10)}
    load(session, tmp_path / "d.csv", f"{head}\nL-GS-1,C-DDB\n")
    new = one(session, CentreTerms, centre_id=one(session, ServiceCentre, code="C-DDB").id)
    assert (new.active, new.capacity, new.weekdays) == (True, None, "")


def test_a_reminder_rule_that_was_switched_off_is_not_switched_on_by_a_file_that_does_not_say(session, tmp_path):
    head = "[reminders]\nkind,role,name,mode"
    full = f"{head},minutes,days,at,urgency,grace_minutes,active\nfamily.reminder,*,own,before,90,,,routine,7,no\n"
    load(session, tmp_path / "a.csv", full)
    before = values(one(session, ReminderRule, name="own"), "heeded", "changed_at")
    load(session, tmp_path / "b.csv", f"{head}\nfamily.reminder,*,own,before\n")
    assert values(one(session, ReminderRule, name="own"), "heeded", "changed_at") == before
    take_back_rule(session, "family.reminder", "*", "own", NOW)  # nothing stands there any more
    load(session, tmp_path / "c.csv", f"{head},minutes\nfamily.reminder,*,own,before,60\n")
    rule = one(session, ReminderRule, name="own")
    assert (rule.minutes, rule.grace_minutes, rule.active) == (60, 0, True)


def test_days_that_the_desk_opened_again_stay_open_where_the_file_says_no_last_day(session, tmp_path):
    rows = "[closures]\ncentre,first_day,last_day,reason\nC,2026-12-01,2026-12-03,台风\n"
    load(session, tmp_path / "a.csv", GOOD + rows)
    one(session, Closure).state = "taken_back"
    session.flush()
    load(session, tmp_path / "b.csv", GOOD + "[closures]\ncentre,first_day,reason\nC,2026-12-01,台风\n")
    assert one(session, Closure).last_day == date(2026, 12, 3)
