"""A county is loaded whole or not at all, twice is once, and every bad row is named with its line and reason."""

from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.family.devices import DeviceGrant, VoipDevice
from models.history import history_of
from models.hours import WorkCalendar, take_changed_days
from models.life import By
from models.messages.rules import rules_for
from models.ordering.listings import LISTING, Listing, providers_of
from models.ordering.versions import VERSION, in_force
from models.people.care import CARE, CareLink
from models.people.consent import Consent
from models.people.contacts import plan_for
from models.people.identities import Identity
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.areas import Area
from models.places.centres import CLOSURE, Closure, OpeningHours, ServiceCentre, open_spans
from models.places.heeding import take_changed_hours
from models.reminding import REMINDED
from tests.world import NOW
from wx_backend.demo.cast import COUNTY
from wx_backend.load import NotLoaded, load_county

GOOD = """[areas]
code,name,kind,parent
1,县,county,
11,乡,township,1
[centres]
code,name,area,address,phone
C,中心,11,,0578-5550101
"""


def load(session, path: Path, text: str | bytes):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_county(session, path, app_id="wx-test", now=NOW)


def test_the_demo_county_loads_and_loading_it_again_changes_nothing(session):
    assert load_county(session, COUNTY, app_id="wx-test", now=NOW)["listings"] >= 12
    assert load_county(session, COUNTY, app_id="wx-test", now=NOW) == {}
    assert session.scalar(select(func.count()).select_from(Area)) >= 12


def test_who_a_cadre_wrote_down_as_homebound_stays_so_when_the_file_comes_again(session):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    wang, lei = (session.scalars(select(Person).where(Person.code == code)).one() for code in ("P-WXY", "P-LGF"))
    assert (wang.homebound, lei.homebound) == (False, True)
    wang.homebound, lei.homebound = True, False
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    assert (wang.homebound, lei.homebound) == (True, False)


@pytest.mark.parametrize(
    "encode", [lambda t: t.encode(), lambda t: t.encode("utf-8-sig"), lambda t: t.encode("gb18030")]
)
def test_a_file_from_any_spreadsheet_is_read(session, tmp_path, encode):
    load(session, tmp_path / "c.csv", encode(GOOD))
    assert session.scalars(select(Area.name).order_by(Area.id)).all() == ["县", "乡"]


@pytest.mark.parametrize(
    ("row", "line", "reason"),
    [
        ("[persons]\ncode,name\nP1,\n", 11, "name: 不能为空"),
        ("[persons]\ncode,name,area\nP1,甲,99\n", 11, "没有编码为“99”"),
        ("[persons]\ncode,name,phone\nP1,甲,abc\n", 11, "不像电话号码"),
        ("[persons]\ncode,name,time_zone\nP1,甲,Europe/Nowhere\n", 11, "不是时区名"),
        ("[persons]\ncode,name\nP1,甲,乙,丙\n", 11, "比表头多了列"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,8,08:30,17:00\n", 11, "weekdays"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,1-5,八点,17:00\n", 11, "应写成 08:30"),
        ("[staff]\nperson,role,area,organisation\nP1,mayor,11,\n", 11, "没有编码"),
        ("[nothing]\n", 9, "没有叫[nothing]的部分"),
        ("[overrides]\nday,is_workday,name\n昨天,yes,调休\n", 11, "应写成 2026-12-31"),
        ("[overrides]\nday,is_workday,name\n2026-12-24,y,调休\n", 11, "is_workday"),
        ("[persons]\ncode,name,phon\nP1,甲,0578-5550101\n", 10, "没有叫“phon”的列"),
        ("[persons]\ncode,name,name\nP1,甲,乙\n", 10, "写了两次"),
        ("[persons]\ncode,name\nP1," + "长" * 60 + "\n", 11, "name: 最多40个字（现在60个）"),
        ("[persons]\ncode,name\n" + "P" * 21 + ",甲\n", 11, "code: 最多20个字"),
        ("[persons]\ncode,name,away\nP1,甲,maybe\n", 11, "away"),
        ("[persons]\ncode,name\nP1,甲\0\n", 11, "看不见的字符"),
        ("[areas]\ncode,name,kind,parent\n12,村,village,\n", 11, "要有上级"),
        ("[areas]\ncode,name,kind,parent\n12,县,county,11\n", 11, "不能放在township"),
        ("[areas]\ncode,name,kind,parent\n12,乡,township,11\n", 11, "不能放在township"),
        ("[areas]\ncode,name,kind,parent\n11,乡,village,1\n", 11, "不能换级别或上级"),
        ("[areas]\ncode,name,kind,parent\n12," + "长" * 41 + ",village,11\n", 11, "name: 最多40个字"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,1-5,17:00,08:30\n", 11, "要晚于"),
        ("[closures]\ncentre,first_day,last_day,reason\nC,2026-12-02,2026-12-01,台风\n", 11, "不早于"),
        ("[closures]\ncentre,first_day,last_day,reason\nC,2026-12-02,,\n", 11, "reason: 不能为空"),
        (
            "[persons]\ncode,name\nP1,甲\n[consents]\nperson,kind,text_version,means,witness\nP1,photos,1,telepathy,\n",
            14,
            "means",
        ),
        (
            "[persons]\ncode,name\nP1,甲\n[consents]\nperson,kind,text_version,means,witness\nP1,photos,1,spoken,\n",
            14,
            "要有见证人",
        ),
        (
            "[persons]\ncode,name\nP1,甲\n[contacts]\nperson,position,means,through\nP1,99999999999,visit,P1\n",
            14,
            "position",
        ),
        (
            "[listings]\ncode,centre,category,title,summary,mode,questions,providers\nL,C,meal,送餐,,flying,,O\n",
            11,
            "mode",
        ),
        (
            "[listings]\ncode,centre,category,title,summary,mode,questions,providers\nL,C,meal,送餐,,at_home,x:y:z,O\n",
            11,
            "questions",
        ),
    ],
)
def test_a_bad_row_is_named_with_line_and_reason(session, tmp_path, row, line, reason):
    with pytest.raises(NotLoaded) as raised:
        load(session, tmp_path / "c.csv", GOOD + "# 备注\n" + row)
    assert any(f"c.csv:{line}: " in fault and reason in fault for fault in raised.value.faults), raised.value.faults


def test_all_faults_are_listed_at_once_and_nothing_is_half_loaded(open_session, tmp_path):
    bad = GOOD + "[persons]\ncode,name,area\nP1,甲,11\nP2,,11\nP3,丙,99\n"
    with open_session() as session, pytest.raises(NotLoaded) as raised, session.begin():
        load(session, tmp_path / "c.csv", bad)
    assert len(raised.value.faults) == 2
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Area)) == 0
        assert session.scalar(select(func.count()).select_from(Person)) == 0


def test_a_corrected_row_updates_and_keeps_what_hangs_on_it(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    before = session.scalars(select(Listing.id).where(Listing.code == "L-GS-1")).one()
    text = COUNTY.read_text(encoding="utf-8").replace("中午送到家，免费", "中午晚上都送，免费")
    load(session, tmp_path / "c.csv", text)
    after = session.scalars(select(Listing).where(Listing.code == "L-GS-1")).one()
    assert (after.id, after.summary) == (before, "中午晚上都送，免费")


def again(session, tmp_path, *changes):
    """The demo county once more, with some of its text changed."""
    text = COUNTY.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load(session, tmp_path / "again.csv", text)


def one(session, table, **keys):
    return session.scalars(select(table).filter_by(**keys)).one()


def test_a_new_link_and_a_new_service_have_their_whole_history(session):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    link, listing = one(session, CareLink), one(session, Listing, code="L-GS-1")
    assert [(row.verb, row.to_state) for row in history_of(session, CARE.subject(link))] == [
        ("begin", "asked"), ("confirm", "confirmed"),
    ]  # fmt: skip
    assert [row.to_state for row in history_of(session, LISTING.subject(listing))] == ["draft", "published"]
    assert [row.to_state for row in history_of(session, VERSION.subject(in_force(session, listing.id)))] == [
        "draft", "submitted", "approved", "in_force",
    ]  # fmt: skip


def test_what_people_have_decided_since_survives_a_reload(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    link, listing = one(session, CareLink), one(session, Listing, code="L-GS-1")
    CARE.move(session, link, "revoke", by=By(link.relative_id, "relative"), now=NOW)
    LISTING.move(session, listing, "suspend", by=By(None, "publisher"), now=NOW)
    one(session, Identity, openid="o-demo-xiaofang").following = True
    one(session, Identity, openid="o-demo-laoxu").following = False
    one(session, Person, code="P-XF").time_zone = "Europe/Rome"
    one(session, Consent, kind="family_calls").withdrawn_at = NOW
    session.flush()
    assert again(session, tmp_path) == {}
    session.expire_all()
    assert one(session, CareLink).state == "revoked"
    assert one(session, Listing, code="L-GS-1").state == "suspended"
    assert one(session, Identity, openid="o-demo-xiaofang").following
    assert not one(session, Identity, openid="o-demo-laoxu").following
    assert one(session, Person, code="P-XF").time_zone == "Europe/Rome"
    assert one(session, Consent, kind="family_calls").withdrawn_at == NOW


def test_corrected_hours_replace_the_old_ones_and_leave_other_centres_alone(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    again(session, tmp_path, ("C-GS,1-7,08:30,17:30,yes", "C-GS,1-5,09:00,12:00,yes\nC-GS,1-5,13:30,17:30,yes"))
    centre = one(session, ServiceCentre, code="C-GS")
    spans = session.scalars(select(OpeningHours).filter_by(centre_id=centre.id, weekday=1).order_by("opens")).all()
    assert [(span.opens, span.closes) for span in spans] == [(time(9), time(12)), (time(13, 30), time(17, 30))]
    assert session.scalars(select(OpeningHours).filter_by(centre_id=centre.id, weekday=7)).all() == []
    text = GOOD + "[hours]\ncentre,weekdays,opens,closes\nC,1,08:30,17:00\n"
    load(session, tmp_path / "other.csv", text)
    assert len(session.scalars(select(OpeningHours).filter_by(centre_id=centre.id)).all()) == 10


@pytest.mark.parametrize("listed", ["O-LD/O-LX", "O-LD", "O-JY/O-LX/O-LD", "O-LX/O-LD"])
def test_providers_stand_in_the_order_of_the_file_and_no_other(session, tmp_path, listed):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    again(session, tmp_path, ("少盐,O-LX/O-LD", f"少盐,{listed}"))
    wanted = [one(session, Organisation, code=code).id for code in listed.split("/")]
    assert providers_of(session, one(session, Listing, code="L-GS-1").id) == wanted


def test_a_step_that_the_file_no_longer_names_leaves_the_contact_plan(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    again(session, tmp_path, ("P-WXY,2,wechat,P-XF,,\n", ""))
    person = one(session, Person, code="P-WXY").id
    assert [step.means for step in plan_for(session, person)] == ["visit"]


def test_an_area_may_be_renamed(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    again(session, tmp_path, ("331127205201,葛山村,village", "331127205201,葛山新村,village"))
    assert one(session, Area, code="331127205201").name == "葛山新村"


@pytest.mark.case("D19")
def test_a_closure_shuts_its_centre_or_all_of_them_and_can_be_corrected(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    head = "[closures]\ncentre,first_day,last_day,reason\n"
    again(session, tmp_path, (head, head + "C-GS,2026-12-01,2026-12-03,台风\n,2026-12-10,,停电\n"))
    again(session, tmp_path, (head, head + "C-GS,2026-12-01,2026-12-02,台风\n"))
    centres = [one(session, ServiceCentre, code=code) for code in ("C-GS", "C-XM")]
    shut = [
        [not open_spans(session, centre, date(2026, 12, day), WorkCalendar()) for day in (1, 2, 3, 10, 11)]
        for centre in centres
    ]
    assert shut == [[True, True, False, True, False], [False, False, False, True, False]]


@pytest.mark.case("D19")
def test_days_that_the_desk_has_opened_again_stay_open_however_often_the_file_is_loaded(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    head = "[closures]\ncentre,first_day,last_day,reason\n"
    rows = head + "C-GS,2026-12-01,2026-12-03,台风\nC-GS,2026-12-10,2026-12-12,停电\n"
    again(session, tmp_path, (head, rows))
    back, shorter = session.scalars(select(Closure).order_by(Closure.id)).all()
    CLOSURE.move(session, back, "take_back", by=By(None, "cadre"), now=NOW)
    CLOSURE.move(session, shorter, "shorten", by=By(None, "cadre"), now=NOW, last_day=date(2026, 12, 10))
    again(session, tmp_path, (head, rows))
    centre = one(session, ServiceCentre, code="C-GS")
    assert [not open_spans(session, centre, date(2026, 12, day), WorkCalendar()) for day in (1, 3, 10, 11)] == [
        False, False, True, False
    ]  # fmt: skip
    again(session, tmp_path, (head, rows.replace("12-03", "12-02")))  # another closure than that which was taken back
    assert not open_spans(session, centre, date(2026, 12, 1), WorkCalendar())


@pytest.mark.case("D19")
def test_a_day_or_a_closure_that_is_new_or_corrected_is_to_be_heeded_and_one_that_is_loaded_again_is_not(
    session, tmp_path
):
    def edited(closure, day):
        head = "[closures]\ncentre,first_day,last_day,reason\n"
        rows = f"{head},2026-12-01,{closure},台风\n[overrides]\nday,is_workday,name\n2026-12-05,{day},调休\n"
        load(session, tmp_path / "c.csv", GOOD + rows)
        return take_changed_hours(session), take_changed_days(session)

    assert edited("2026-12-03", "yes") == (True, True)
    assert edited("2026-12-03", "yes") == (False, False)
    assert edited("2026-12-02", "yes") == (True, False)
    assert edited("2026-12-02", "no") == (False, True)
    assert edited("2026-12-02", "no") == (False, False)


RULES = "[reminders]\nkind,role,name,mode,minutes,days,at,urgency,active\n"


def test_an_administrator_writes_reminder_rules_in_the_place_of_ours(session, tmp_path):
    ours = [rule.name for rule in rules_for(session, "family.reminder", ["relative"])["relative"]]
    row = "family.reminder,relative,eve,day_at,,1,19:30,routine,yes\nfamily.reminder,*,t-24h,before,1440,,,routine,no\n"
    for _ in range(2):
        load(session, tmp_path / "c.csv", RULES + row)
        rules = {rule.name: rule for rule in rules_for(session, "family.reminder", ["relative"])["relative"]}
        assert sorted(rules) == sorted({*ours, "eve"} - {"t-24h"})
        assert (rules["eve"].mode, rules["eve"].days, rules["eve"].at) == ("day_at", 1, time(19, 30))
        assert "eve" not in {rule.name for rule in rules_for(session, "family.reminder", ["helper"])["helper"]}


@pytest.mark.parametrize(
    "row", ["family.reminder,*,x,before,,,,routine,yes", "family.reminder,*,x,day_at,,1,,routine,"]
)
def test_a_rule_that_says_no_time_is_refused_with_what_it_needs(session, tmp_path, row):
    with pytest.raises(NotLoaded) as refused:
        load(session, tmp_path / "c.csv", f"{RULES}{row}\n")
    assert "before 要写 minutes" in refused.value.faults[0]


@pytest.mark.parametrize("one", REMINDED, ids=lambda one: one.kind)
def test_a_rule_for_any_role_that_a_kind_reminds_is_taken_and_for_another_kinds_role_refused(session, tmp_path, one):
    for role in one.roles:
        load(session, tmp_path / "c.csv", f"{RULES}{one.kind},{role},own,day_at,,1,07:00,routine,yes\n")
        assert "own" in {rule.name for rule in rules_for(session, one.kind, [role])[role]}
    for role in {role for other in REMINDED for role in other.roles} - set(one.roles) | {"cadre"}:
        with pytest.raises(NotLoaded, match="role"):
            load(session, tmp_path / "c.csv", f"{RULES}{one.kind},{role},own,day_at,,1,07:00,routine,yes\n")


SEAT = """[stations]
centre,zone,room,name,kind
C,leisure_social,连线室,1号屏,video_call
C,leisure_social,连线室,2号屏,video_call
"""
DEVICE = "[devices]\ncentre,room,station,sn,model,name\n"


def test_the_device_at_a_seat_is_loaded_and_another_in_its_place_is_allowed_anew(session, tmp_path):
    path = tmp_path / "c.csv"
    load(session, path, GOOD + SEAT + DEVICE + "C,连线室,1号屏,SN-1,m,葛山1号屏\n")
    first = session.scalars(select(VoipDevice)).one()
    assert (first.sn, first.model_id, first.name) == ("SN-1", "m", "葛山1号屏")
    family = Person(name="小芳", created_at=NOW)
    session.add(family)
    session.flush()
    session.add(DeviceGrant(person_id=family.id, device_id=first.id, state="granted", said_at=NOW))
    assert load(session, path, GOOD + SEAT + DEVICE + "C,连线室,1号屏,SN-1,m,葛山1号屏\n") == {}
    assert session.scalars(select(DeviceGrant.state)).all() == ["granted"]
    assert load(session, path, GOOD + SEAT + DEVICE + "C,连线室,1号屏,SN-2,m,葛山1号屏\n") == {"voip_devices": 1}
    assert session.scalars(select(VoipDevice.sn)).all() == ["SN-2"]
    assert session.scalars(select(DeviceGrant)).all() == []  # WeChat asks for each device by itself
    both = "C,连线室,1号屏,SN-3,m,1号屏\nC,连线室,2号屏,SN-2,m,2号屏\n"
    load(session, path, GOOD + SEAT + DEVICE + both)  # it stands at the other seat now
    load(session, path, GOOD + SEAT + DEVICE + both.replace("SN-3", "x").replace("SN-2", "SN-3").replace("x", "SN-2"))
    assert session.execute(select(VoipDevice.name, VoipDevice.sn).order_by(VoipDevice.name)).all() == [
        ("1号屏", "SN-2"), ("2号屏", "SN-3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("C,连线室,3号屏,SN-1,m,3号屏\n", "没有叫“3号屏”的座位"),
        ("C,别处,1号屏,SN-1,m,1号屏\n", "没有叫“1号屏”的座位"),
        ("C,连线室,1号屏,SN-1,m,1号屏\nC,连线室,2号屏,SN-1,m,2号屏\n", "一台设备只能写一次"),
        ("C,连线室,1号屏,SN-1,m,葛山村党群服务中心连线室1号\n", "最多13个字"),
        ("C,连线室,1号屏,,m,1号屏\n", "sn: 不能为空"),
    ],
)  # fmt: skip
def test_a_device_that_cannot_be_is_named_with_its_reason(session, tmp_path, rows, reason):
    with pytest.raises(NotLoaded, match=reason):
        load(session, tmp_path / "c.csv", GOOD + SEAT + DEVICE + rows)
