"""Who may call a child: a guardian agrees first, and what they take back stops; links that end, and strangers."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event, select

from models.errors import Refused
from models.family import parting
from models.family.booking import book, move
from models.family.calls import FamilyCall, call_for
from models.family.holding import hold_slot
from models.family.joining import invite
from models.messages.letters import Letter
from models.people import guardians, links
from models.people.care import CareLink
from models.people.consent import Consent
from models.people.persons import Person
from models.people.scope import act_for
from models.tasks.linking import remind_of_end
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, sister
from tests.world import NOW


@pytest.fixture
def child(session, cast):
    """小宝 of Geshan, nine years old; 小芳 is his mother, and a cadre has seen the papers."""
    made = Person(name="小宝", area_id=cast.village.id, created_at=NOW, born=date(2017, 5, 1), left_behind="child")
    session.add(made)
    session.flush()
    link = CareLink(relative_id=cast.xiaofang.id, cared_id=made.id, kinship="母亲", state="confirmed", asked_at=NOW)
    session.add(link)
    session.flush()
    links.entrust(session, cast.who(cast.li), link.id, NOW, guardian=True)
    return made


def call_child(session, cast, child, key="k1", who=None, at=SUNDAY_16):
    return book(session, who or cast.who(cast.xiaofang), cared_id=child.id, starts_at=at, client_key=key, now=NOW)


def agreed(session, cast, child):
    me = cast.xiaofang.id
    return guardians.agree(session, cast.who(cast.xiaofang), child.id, me, "wechat", NOW)


def refused(code, work, *args, **more):
    with pytest.raises(Refused) as refusal:
        work(*args, **more)
    assert refusal.value.code == code


@pytest.mark.case("D20")
def test_a_child_is_not_booked_before_a_guardian_agrees_and_the_paper_says_who_when_and_how(session, cast, child):
    refused("guardian_missing", call_child, session, cast, child)
    refused(
        "guardian_missing", hold_slot, session, cast.who(cast.xiaofang), cared_id=child.id, starts_at=SUNDAY_16, now=NOW
    )  # not at the last tap
    assert session.scalars(select(FamilyCall)).all() == []
    agreed(session, cast, child)
    call = call_child(session, cast, child)
    assert call.state == "booked"
    (paper,) = guardians.agreements(session, child.id)
    assert (paper.given_by_id, paper.given_at, paper.means, paper.witness_id) == (
        cast.xiaofang.id, NOW, "wechat", None
    )  # fmt: skip


@pytest.mark.case("D20")
def test_a_cadre_writes_down_what_a_guardian_signed_and_is_its_witness(session, cast, child):
    li = cast.who(cast.li)
    refused("wrong_state", guardians.agree, session, li, child.id, cast.xiaofang.id, "wechat", NOW)
    refused("no_guardian", guardians.agree, session, li, child.id, cast.aming.id, "signature", NOW)
    paper = guardians.agree(session, li, child.id, cast.xiaofang.id, "signature", NOW)
    assert (paper.means, paper.witness_id) == ("signature", cast.li.id)
    again = guardians.agree(session, li, child.id, cast.xiaofang.id, "spoken", NOW)
    assert again.id == paper.id


@pytest.mark.case("D20")
@pytest.mark.parametrize("stranger", ["aming", "zhao", "laoxu"])
def test_nobody_else_agrees_for_a_child_or_learns_that_there_is_one(session, cast, child, stranger):
    who = cast.who(getattr(cast, stranger))
    for key in (child.id, 999_999):
        refused("not_yours", guardians.agree, session, who, key, who.person_id, "wechat", NOW)
        refused("not_yours", guardians.take_back, session, who, key, cast.xiaofang.id, NOW)
    assert session.scalars(select(Consent)).all() == []


@pytest.mark.case("D20")
@pytest.mark.parametrize(
    ("born", "left_behind", "needs"),
    [
        (date(2012, 11, 25), "", True),  # fourteen tomorrow in China
        (date(2012, 11, 24), "", False),  # fourteen today
        (None, "child", True),
        (None, "elder", False),
        (date(1940, 1, 1), "child", False),
        (date(2012, 2, 29), "", False),
    ],
)
def test_a_child_is_one_until_the_fourteenth_birthday_by_chinas_date(born, left_behind, needs):
    person = Person(name="x", born=born, left_behind=left_behind)
    assert guardians.is_child(person, NOW) is needs


@pytest.mark.case("D20")
def test_the_birthday_begins_at_midnight_in_china_and_not_in_utc():
    person = Person(name="x", born=date(2012, 11, 25))
    midnight = NOW.replace(hour=16, minute=0)  # the 25th, 0:00 in Lishui
    assert guardians.is_child(person, midnight - timedelta(seconds=1))
    assert not guardians.is_child(person, midnight)


@pytest.mark.case("D20")
def test_what_a_guardian_takes_back_stops_every_call_to_come_and_everybody_hears(session, cast, child):
    agreed(session, cast, child)
    call, second = call_child(session, cast, child), sister(session, cast)
    session.add(CareLink(relative_id=second.id, cared_id=child.id, kinship="姐姐", state="confirmed", asked_at=NOW))
    session.flush()
    other = call_child(session, cast, child, "k2", cast.who(second), SUNDAY_16 - timedelta(hours=1))
    parting.guardian_takes_back(session, cast.who(cast.xiaofang), child.id, cast.xiaofang.id, NOW)
    session.refresh(call)
    session.refresh(other)
    assert {(one.state, one.reason) for one in (call, other)} == {("cancelled", "guardian_withdrew")}
    assert not cells_of(session, call)
    told = select(Letter.person_id).where(Letter.kind == "family.cancelled", Letter.subject == other.subject)
    assert second.id in session.scalars(told).all()
    refused("guardian_missing", call_child, session, cast, child, "k3")
    ended = session.scalars(select(Consent).where(Consent.kind == guardians.KIND)).one()
    assert ended.withdrawn_at == NOW


@pytest.mark.case("D20")
def test_the_other_guardians_word_still_stands(session, cast, child):
    agreed(session, cast, child)
    call, father = call_child(session, cast, child), sister(session, cast)
    link = CareLink(relative_id=father.id, cared_id=child.id, kinship="父亲", state="confirmed", asked_at=NOW)
    session.add(link)
    session.flush()
    links.entrust(session, cast.who(cast.li), link.id, NOW, guardian=True)
    guardians.agree(session, cast.who(father), child.id, father.id, "wechat", NOW)
    parting.guardian_takes_back(session, cast.who(cast.xiaofang), child.id, cast.xiaofang.id, NOW)
    session.refresh(call)
    assert call.state == "booked"


@pytest.mark.case("D20", "L6")
def test_who_is_guardian_no_more_has_no_word_any_more(session, cast, child):
    agreed(session, cast, child)
    second = sister(session, cast)
    session.add(CareLink(relative_id=second.id, cared_id=child.id, kinship="姐姐", state="confirmed", asked_at=NOW))
    session.flush()
    call = call_child(session, cast, child, who=cast.who(second))
    mine = session.scalars(select(CareLink).where(CareLink.cared_id == child.id, CareLink.guardian.is_(True))).one()
    parting.part(session, cast.who(cast.li), mine.id, NOW)
    session.refresh(call)
    assert (call.state, call.reason) == ("cancelled", "guardian_withdrew")


@pytest.mark.case("D20")
def test_a_move_asks_anew(session, cast, child):
    agreed(session, cast, child)
    call = call_child(session, cast, child)
    session.scalars(select(Consent).where(Consent.kind == guardians.KIND)).one().withdrawn_at = NOW
    session.flush()
    refused("guardian_missing", move, session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - timedelta(hours=1), NOW)


@pytest.mark.case("D12", "D20")
def test_several_relatives_in_several_zones_are_on_a_childs_call(session, cast, child):
    agreed(session, cast, child)
    call, second = call_child(session, cast, child), sister(session, cast)
    session.add(CareLink(relative_id=second.id, cared_id=child.id, kinship="姐姐", state="confirmed", asked_at=NOW))
    session.flush()
    invite(session, cast.who(cast.xiaofang), call.id, second.id, NOW)
    assert call_for(session, cast.who(second), call.id) == (call, "guest")
    told = session.scalars(select(Letter.kind).where(Letter.person_id == second.id)).all()
    assert "family.invited" in told


def test_a_link_with_an_end_is_reminded_of_once_and_then_lapses_with_its_calls(session, cast):
    link = session.scalars(select(CareLink)).one()
    call, ends = booked(session, cast), NOW + timedelta(days=3)
    links.limit(session, cast.who(cast.li), link.id, ends, NOW)
    assert (remind_of_end(session, NOW), remind_of_end(session, NOW)) == (1, 0)
    assert len(parting.lapse_over(session, ends - timedelta(seconds=1))) == 0
    assert len(parting.lapse_over(session, ends)) == 1
    session.refresh(call)
    assert (link.state, call.state) == ("lapsed", "cancelled")
    kinds = session.scalars(select(Letter.kind).where(Letter.subject == f"care:{link.id}").order_by(Letter.id)).all()
    assert kinds == ["people.link_expiring", "people.link_lapsed"]
    refused("no_link", act_for, session, cast.xiaofang.id, cast.wangnainai.id)


def test_renewed_it_holds_on_and_is_reminded_of_its_new_end(session, cast):
    link, li = session.scalars(select(CareLink)).one(), cast.who(cast.li)
    links.limit(session, li, link.id, NOW + timedelta(days=3), NOW)
    remind_of_end(session, NOW)
    links.limit(session, li, link.id, NOW + timedelta(days=10), NOW)
    assert len(parting.lapse_over(session, NOW + timedelta(days=4))) == 0
    assert remind_of_end(session, NOW) == 1
    links.limit(session, li, link.id, None, NOW)
    assert len(parting.lapse_over(session, NOW + timedelta(days=400))) == 0


def test_only_a_cadre_of_the_village_and_not_for_themselves_limits_or_entrusts(session, cast):
    link = session.scalars(select(CareLink)).one()
    for stranger in (cast.xiaofang, cast.aming, cast.zhao):
        refused("not_yours", links.limit, session, cast.who(stranger), link.id, None, NOW)
        refused("not_yours", links.entrust, session, cast.who(stranger), link.id, NOW, guardian=True)
    refused("bad_time", links.limit, session, cast.who(cast.li), link.id, NOW, NOW)
    link.relative_id = cast.li.id
    session.flush()
    refused("own_request", links.entrust, session, cast.who(cast.li), link.id, NOW, guardian=True)


def questions(session, work):
    """How many statements a refused question costs."""
    asked = []

    def note(*_):
        asked.append(1)

    session.expire_all()
    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        with pytest.raises(Refused) as refusal:
            work()
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)
    return refusal.value.code, refusal.value.facts, len(asked)


@pytest.mark.case("L6")
def test_a_cousin_hears_of_what_there_is_what_he_hears_of_what_there_is_not(session, cast):
    call, aming = booked(session, cast).id, cast.who(cast.aming)
    real = questions(session, lambda: call_for(session, aming, call))
    assert real == questions(session, lambda: call_for(session, aming, 999_999))
    real = questions(session, lambda: act_for(session, cast.aming.id, cast.wangnainai.id))
    assert real == questions(session, lambda: act_for(session, cast.aming.id, 999_999))
