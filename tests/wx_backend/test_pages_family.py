"""My family on pages: a link asked for, seen and ended, where I live, who may act for me, a guardian's word."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from models.family.calls import FamilyCall
from models.messages.letters import Letter
from models.people import guardians
from models.people.care import CareLink
from models.people.consent import Consent
from models.people.identities import Identity
from models.people.links import invite
from models.people.persons import Person
from models.tasks.linking import answer
from models.tasks.tasks import Task
from tests.gate import count
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.models.family.test_guardians import call_child
from tests.models.family.test_guardians import child as child_of
from tests.models.ordering.test_visit_reminders import MADRID, WANTED, due, eve
from tests.models.ordering.test_visiting import named, taken_on
from tests.own_phone import with_a_phone
from tests.world import NOW

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def code_for(open_session, cast, person):
    cadre = {cast.wangnainai.id: cast.li, cast.grandpa.id: cast.zhao}[person.id]
    with open_session() as session, session.begin():
        return invite(session, cast.who(cadre), person.id, NOW).code


def links(open_session, cast, relative):
    with open_session() as session:
        rows = session.scalars(select(CareLink).where(CareLink.relative_id == relative).order_by(CareLink.id))
        return [(one.cared_id, one.kinship, one.state) for one in rows]


def after(me, path, **form):
    said = me.post(path, **form)
    assert said.status_code == 303, said.text
    return me.get(said.location).text


def test_home_settings_and_calls_lead_to_everything_of_the_family_in_two_taps(pages, cast):
    me = pages.inside(cast.xiaofang)
    for path in ("/m/", "/m/calls"):
        assert 'href="/m/family"' in me.get(path).text
    assert 'href="/m/family/zone"' in me.get("/m/settings").text
    ways = set(re.findall(r'href="(/m/family/[^"]+)"', me.get("/m/family").text))
    assert {f"/m/family/{one}" for one in ("link", "news", "calendar", "zone", "helpers")} < ways
    assert f"/m/family/routines/{cast.xiaofang.id}" in ways
    assert not any("children" in one for one in ways)  # she is nobody's guardian
    assert all(me.get(way).status_code == 200 for way in ways)


def test_a_link_is_asked_for_with_a_code_and_names_nobody_before_it_is_confirmed(pages, cast, open_session):
    code, me = code_for(open_session, cast, cast.wangnainai), pages.inside(cast.aming)
    assert "还没有关联家人" in me.get("/m/family").text
    assert "您的姓名" not in me.get("/m/family/link").text  # it is known
    told = after(me, "/m/family/link", code=f" {code[:4].lower()} {code[4:]}", kinship="其他亲属")
    assert all(part in told for part in ("确认后会通知您", "等村里工作人员核实"))
    assert "王秀英" not in told
    assert links(open_session, cast, cast.aming.id) == [(cast.wangnainai.id, "其他亲属", "asked")]
    asked = re.search(r"/m/family/links/\d+", told)[0]
    for path in (asked, f"{asked}/end"):
        assert "王秀英" not in me.get(path).text
    after(me, "/m/family/link", code=code, kinship="其他亲属")
    assert (len(links(open_session, cast, cast.aming.id)), count(open_session, Task)) == (1, 1)
    with open_session() as session, session.begin():
        key = session.scalars(select(CareLink.id).where(CareLink.relative_id == cast.aming.id)).one()
        answer(session, cast.who(cast.li), key, "confirm", NOW)
    assert "王秀英" in me.get("/m/family").text
    seen = me.get(asked).text
    assert all(part in seen for part in ("王秀英", "您是其他亲属", "一直有效", f'/m/calls/new/{cast.wangnainai.id}"'))
    assert "已经和这位家人关联好了" in after(me, "/m/family/link", code=code, kinship="邻居")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "请填写亲情码"), ({"code": "A3C4K7Q"}, "请选一项"), ({"code": "1234567", "kinship": "女儿"}, "再填一次"),
        ({"code": "<b>", "kinship": "女儿"}, "再填一次"), ({"code": "x" * 5000, "kinship": "女儿"}, "再要一个"),
        ({"kinship": "女儿"}, "请填写亲情码"), ({"code": "{code}", "kinship": "国王"}, "请选一项"),
        ({"code": "{own}", "kinship": "女儿"}, "您自己的亲情码"),
    ],
)  # fmt: skip
def test_what_the_form_may_not_say_is_said_beside_its_field_and_nothing_is_lost(
    pages, cast, open_session, form, said
):  # fmt: skip
    app_id = pages.config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, app_id)
    me = pages.inside(cast.wangnainai if form.get("code") == "{own}" else cast.aming)
    known = {"code": code_for(open_session, cast, cast.grandpa), "own": code_for(open_session, cast, cast.wangnainai)}
    sent = {name: value.format(**known) if "{" in value else value for name, value in form.items()}
    page = me.post("/m/family/link", **sent)
    assert page.status_code == 422
    assert said in page.text
    assert "<b>" not in page.text.partition("<main")[2].partition("<fieldset")[0]
    assert me.post("/m/family/link", code="a\0b", kinship="女儿").status_code == 404
    assert count(open_session, CareLink) == 1


def test_whom_nobody_knows_says_a_name_with_it_and_a_wrong_code_takes_none_down(pages, cast, open_session):
    code, me = code_for(open_session, cast, cast.wangnainai), pages.inside("o-new")
    assert "您的姓名" in me.get("/m/family/link").text
    assert "请填写您的姓名" in me.post("/m/family/link", code=code, kinship="儿子").text
    assert me.post("/m/family/link", code="1234567", name="阿强", kinship="儿子").status_code == 422
    assert "个字以内" in me.post("/m/family/link", code=code, name="强" * 30, kinship="儿子").text
    with open_session() as session:
        person = select(Person).join(Identity, Identity.person_id == Person.id).where(Identity.openid == "o-new")
        assert session.scalars(person).one().name == ""
    after(me, "/m/family/link", code=code, name=" 阿强 ", kinship="儿子")
    with open_session() as session:
        assert session.scalars(person).one().name == "阿强"
        assert session.scalars(select(Task)).one().facts["relative"] == "阿强"


def test_a_link_ends_after_one_more_question_and_the_calls_with_it(pages, cast, open_session):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
    me = pages.inside(cast.xiaofang)
    at = re.search(r"/m/family/links/\d+", me.get("/m/family").text)[0]
    assert "约好的视频会一并取消" in me.get(f"{at}/end").text
    assert "已经解除关联" in after(me, f"{at}/end")
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "cancelled"
    assert [me.get(at).status_code, me.post(f"{at}/end").status_code] == [404, 303]  # a second tap is the first


def test_an_asking_may_be_taken_back(pages, cast, open_session):
    code, me = code_for(open_session, cast, cast.wangnainai), pages.inside(cast.aming)
    told = after(me, "/m/family/link", code=code, kinship="邻居")
    at = re.search(r"/m/family/links/\d+", told)[0]
    assert "撤回这个申请" in me.get(f"{at}/end").text
    assert "申请撤回了" in after(me, f"{at}/end")
    assert links(open_session, cast, cast.aming.id) == [(cast.wangnainai.id, "邻居", "revoked")]
    with open_session() as session:
        assert session.scalars(select(Task.state)).one() == "cancelled"


@pytest.mark.case("D10")
def test_where_i_live_changes_what_is_still_to_come_and_the_page_says_so_before(pages, cast, open_session):
    with open_session() as session, session.begin():
        call = booked(session, cast, SUNDAY_16.replace(hour=9)).id
    me = pages.inside(cast.xiaofang)
    page = me.get("/m/family/zone").text
    assert all(part in page for part in ("视频的时间不变", "还没发的提醒", "已经发出的不变"))
    assert 'value="Europe/Madrid" checked' in page
    assert "以后按悉尼的钟提醒您" in after(me, "/m/family/zone", zone="Australia/Sydney")
    assert "悉尼12:00" in me.get(f"/m/calls/{call}").text
    with open_session() as session:
        letters = session.scalars(
            select(Letter).where(Letter.person_id == cast.xiaofang.id, Letter.kind == "family.reminder",
                                 Letter.state == "planned")
        ).all()  # fmt: skip
        assert {one.facts["relative_zone"] for one in letters} == {"Australia/Sydney"}
        assert min(one.due_at for one in letters) == SUNDAY_16.replace(hour=9) - timedelta(days=1)
    for wrong in ("Mars/Olympus", "", "../etc"):
        page = me.post("/m/family/zone", zone=wrong)
        assert page.status_code == 422
        assert "请选一个城市" in page.text
    with open_session() as session:
        assert session.get_one(Person, cast.xiaofang.id).time_zone == "Australia/Sydney"


@pytest.mark.case("D10")
def test_a_visit_is_reminded_of_by_the_clock_of_where_i_live_now(pages, cast, open_session):
    with open_session() as session, session.begin():
        _, offer = taken_on(session, cast)
        named(session, cast, offer)
        mine = "eve", "requester", cast.xiaofang.id
        assert due(session)[mine] == eve(WANTED, MADRID)
    after(pages.inside(cast.xiaofang), "/m/family/zone", zone="Australia/Sydney")
    with open_session() as session:
        assert due(session)[mine] == eve(WANTED, ZoneInfo("Australia/Sydney"))


def test_who_lives_in_a_city_that_the_list_lacks_finds_it_there(pages, cast, open_session):
    with open_session() as session, session.begin():
        session.execute(update(Person).where(Person.id == cast.xiaofang.id).values(time_zone="Asia/Kolkata"))
    assert 'value="Asia/Kolkata" checked' in pages.inside(cast.xiaofang).get("/m/family/zone").text


def test_who_is_cared_for_sees_who_may_act_for_her_ends_it_and_says_to_what_she_agrees(pages, cast, open_session):
    app_id = pages.config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, app_id)
        call = booked(session, cast).id
    her = pages.inside(cast.wangnainai)
    home = her.get("/m/family").text
    assert all(part in home for part in ("他们可以替您点单、约视频", "小芳", "您的女儿"))
    assert not any(part in home for part in ("还没有关联家人", "家乡来信"))
    page = her.get("/m/family/helpers").text
    assert all(part in page for part in ("小芳", "您的女儿", "写家乡来信", "没有同意"))
    assert "随时可以撤回" in after(her, "/m/family/consents/home_news/yes")
    after(her, "/m/family/consents/home_news/yes")
    with open_session() as session:
        given = session.scalars(select(Consent).where(Consent.kind == "home_news")).one()
        assert (given.person_id, given.means, given.given_by_id) == (cast.wangnainai.id, "wechat", cast.wangnainai.id)
    assert "已撤回" in after(her, "/m/family/consents/home_news/no")
    after(her, "/m/family/consents/family_calls/yes")
    assert "约好的视频都会取消" in her.get("/m/family/helpers").text
    after(her, "/m/family/consents/family_calls/no")
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "cancelled"
    assert her.post("/m/family/consents/child_calls/yes").status_code == 409
    assert her.post("/m/family/consents/nothing/no").status_code == 409
    at = re.search(r"/m/family/links/\d+", her.get("/m/family/helpers").text)[0]
    assert "小芳能替您办" in her.get(at).text
    assert "替小芳点单" not in her.get(at).text
    assert "已经解除关联" in after(her, f"{at}/end")
    assert links(open_session, cast, cast.xiaofang.id)[0][2] == "revoked"


@pytest.fixture
def child(open_session, cast):
    """小宝, nine years old, whose guardian 小芳 is."""
    with open_session() as session, session.begin():
        return child_of.__wrapped__(session, cast).id


@pytest.mark.case("D20")
def test_a_guardian_says_yes_and_takes_it_back_and_the_childs_calls_are_off(pages, cast, open_session, child):
    me = pages.inside(cast.xiaofang)
    assert "/m/family/children" in me.get("/m/family").text
    assert "您还没有同意" in me.get("/m/family/children").text
    for _ in range(2):
        assert "已记下您的同意" in after(me, f"/m/family/children/{child}/yes")
    assert count(open_session, Consent) == 1
    with open_session() as session, session.begin():
        call = call_child(session, cast, session.get_one(Person, child)).id
    assert "小宝约好的视频都会取消" in me.get(f"/m/family/children/{child}/no").text
    assert "已撤回" in after(me, f"/m/family/children/{child}/no")
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "cancelled"
        assert not guardians.agreed(session, child)


@pytest.mark.case("D20")
def test_where_another_guardian_agrees_too_the_calls_stand_and_the_page_says_so(pages, cast, open_session, child):
    with open_session() as session, session.begin():
        other = sister(session, cast)
        session.add(CareLink(relative_id=other.id, cared_id=child, kinship="母亲", state="confirmed", asked_at=NOW,
                             guardian=True))  # fmt: skip
        session.flush()
        guardians.agree(session, cast.who(other), child, other.id, "wechat", NOW)
        call = call_child(session, cast, session.get_one(Person, child)).id
    me = pages.inside(cast.xiaofang)
    assert "另一位监护人已经同意" in me.get("/m/family/children").text
    after(me, f"/m/family/children/{child}/yes")
    assert "视频照常" in me.get(f"/m/family/children/{child}/no").text
    after(me, f"/m/family/children/{child}/no")
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "booked"


def test_nobody_but_a_guardian_speaks_for_a_child(pages, cast, open_session, child):
    with open_session() as session, session.begin():
        guardians.agree(session, cast.who(cast.xiaofang), child, cast.xiaofang.id, "wechat", NOW)
        session.execute(update(CareLink).where(CareLink.cared_id == cast.wangnainai.id).values(guardian=True))
    for one in (cast.aming, cast.li, cast.zhao):
        other = pages.inside(one)
        for path in (f"/m/family/children/{child}/yes", f"/m/family/children/{child}/no"):
            assert other.post(path).status_code == 404
        assert other.get(f"/m/family/children/{child}/no").status_code == 404
    with open_session() as session:
        assert guardians.agreed(session, child)
