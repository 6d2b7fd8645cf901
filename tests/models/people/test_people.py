"""Identities, care links, scope, consent: who is who, and who may see whom."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from models.errors import Refused
from models.messages.letters import Letter
from models.people import accounts, consent, desk_sessions, links
from models.people.care import CareLink, Invitation, cared_for_by, may_act_for
from models.people.identities import Identity, is_reachable, mark_unreachable, unfollows, welcome
from models.people.persons import Person, call_oneself
from models.people.scope import act_for, residents_named
from models.people.staff import Organisation, StaffRole
from models.tasks import linking
from models.tasks.desk import finish, open_task, task_for, tasks_for
from models.tasks.tasks import Task
from tests.cast import APP_ID
from tests.world import NOW


def test_two_first_messages_at_once_make_one_person(open_session):
    def first(_):
        with open_session() as session, session.begin():
            return welcome(session, APP_ID, "o-new", "official_account", NOW).person_id

    with ThreadPoolExecutor(8) as pool:
        people = set(pool.map(first, range(8)))
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 1
    assert len(people) == 1


def test_who_left_or_blocked_is_not_reachable(session, cast):
    assert is_reachable(session, cast.xiaofang.id)
    mark_unreachable(session, cast.xiaofang.id, APP_ID, "user block")
    assert not is_reachable(session, cast.xiaofang.id)
    unfollows(session, session.get_one(Identity, cast.identities[cast.li.id].id))
    assert not is_reachable(session, cast.li.id)


def asked(session, cast, relative=None):
    invitation = links.invite(session, cast.who(cast.li), cast.wangnainai.id, NOW)
    return invitation, linking.ask(session, cast.who(relative or cast.aming), invitation.code, "其他亲属", NOW)


def test_a_link_is_asked_with_a_code_confirmed_by_the_cadre_and_told(session, cast):
    _, link = asked(session, cast)
    assert not may_act_for(session, cast.aming.id, cast.wangnainai.id)
    (task,) = tasks_for(session, cast.who(cast.li))
    assert (task.kind, task.facts["relative"]) == ("confirm_link", "阿明")
    linking.answer(session, cast.who(cast.li), link.id, "confirm", NOW)
    assert [person.id for person, _ in cared_for_by(session, cast.aming.id)] == [cast.wangnainai.id]
    assert tasks_for(session, cast.who(cast.li)) == []
    letter = session.scalars(select(Letter).where(Letter.kind == "people.link_confirmed")).one()
    assert (letter.person_id, letter.facts["cared"]) == (cast.aming.id, "王秀英")


def test_a_declined_link_names_nobody(session, cast):
    _, link = asked(session, cast)
    linking.answer(session, cast.who(cast.li), link.id, "decline", NOW)
    letter = session.scalars(select(Letter).where(Letter.kind == "people.link_declined")).one()
    assert letter.facts["cared"] == ""


def test_asking_twice_finds_the_first_and_uses_the_code_once(session, cast):
    invitation, link = asked(session, cast)
    assert linking.ask(session, cast.who(cast.aming), invitation.code, "邻居", NOW).id == link.id
    session.refresh(invitation)
    assert invitation.uses_left == 4


def test_asking_twice_at_the_same_moment_is_one_asking_and_uses_the_code_once(open_session, cast):
    with open_session() as session, session.begin():
        code = links.invite(session, cast.who(cast.li), cast.wangnainai.id, NOW).code

    def ask(_):
        with open_session() as session, session.begin():
            return linking.ask(session, cast.who(cast.aming), code, "邻居", NOW).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    with open_session() as session:
        assert session.scalars(select(Invitation.uses_left)).one() == 4


def test_a_cadre_does_not_confirm_a_link_of_their_own_and_the_next_above_is_asked(session, cast):
    _, link = asked(session, cast, cast.li)
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "tasks.assigned")).all()
    assert told == [cast.chen.id]
    with pytest.raises(Refused, match="own_request"):
        linking.answer(session, cast.who(cast.li), link.id, "confirm", NOW)
    assert linking.answer(session, cast.who(cast.chen), link.id, "confirm", NOW).state == "confirmed"


def test_who_confirms_a_link_witnesses_what_the_elder_agreed_to(session, cast):
    _, link = asked(session, cast)
    linking.answer(session, cast.who(cast.li), link.id, "confirm", NOW)
    given = {kind: found for kind, found in consent.consents_of(session, cast.wangnainai.id).items() if found}
    assert set(given) == {"family_calls", "service_records"}
    assert {(c.means, c.witness_id, c.given_by_id) for c in given.values()} == {
        ("spoken", cast.li.id, cast.wangnainai.id)
    }


def test_a_declined_link_records_no_consent(session, cast):
    _, link = asked(session, cast)
    linking.answer(session, cast.who(cast.li), link.id, "decline", NOW)
    assert set(consent.consents_of(session, cast.wangnainai.id).values()) == {None}


@pytest.mark.case("L1")
def test_neither_relatives_nor_foreign_cadres_speak_for_somebody(session, cast):
    for stranger in (cast.xiaofang, cast.zhao):
        with pytest.raises(Refused, match="not_yours"):
            consent.agree(session, cast.who(stranger), cast.wangnainai.id, "family_calls", NOW)
        with pytest.raises(Refused, match="not_yours"):
            consent.take_back(session, cast.who(stranger), cast.wangnainai.id, "family_calls", NOW)
        assert residents_named(session, stranger.id, "王秀英") == []
    assert [person.id for person, _ in residents_named(session, cast.li.id, " 王秀英 ")] == [cast.wangnainai.id]


def test_somebody_with_wechat_agrees_without_a_witness_and_once_is_enough(session, cast):
    for _ in range(2):
        consent.agree(session, cast.who(cast.aming), cast.aming.id, "photos", NOW)
    (given,) = session.scalars(select(consent.Consent)).all()
    assert (given.means, given.witness_id) == ("wechat", None)


def test_nobody_holds_the_same_role_twice_over_one_place(session, cast):
    for place in ({"area_id": cast.village.id}, {"organisation_id": cast.helpers_club.id}):
        role = {"person_id": cast.aming.id, "role": "grid_officer", "since": NOW, **place}
        session.add(StaffRole(**role, ended_at=NOW))
        session.add(StaffRole(**role))
        session.flush()
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(StaffRole(**role))
            session.flush()


def test_a_name_has_twenty_characters_and_the_countys_own_list_stands(session, cast):
    person = session.get_one(Person, cast.aming.id)
    for name in ("", "   ", "长" * 21):
        with pytest.raises(Refused, match="name_long"):
            call_oneself(session, person, name)
    call_oneself(session, person, "  陈  明 ")
    assert person.name == "陈 明"
    person.code = "P-1"
    with pytest.raises(Refused, match="name_registered"):
        call_oneself(session, person, "陈芳")
    assert person.name == "陈 明"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda code: code[:-1] + ("3" if code[-1] != "3" else "4"),
        lambda code: code[1] + code[0] + code[2:],
        lambda code: "",
        lambda code: "O0I1L",
    ],
)
def test_a_mistyped_code_is_said_to_be_mistyped(session, cast, spoil):
    code = "A3C4K7"
    from stdnum import luhn

    whole = code + luhn.calc_check_digit(code, links.ALPHABET)
    with pytest.raises(Refused, match="code_mistyped"):
        links.invited_by(session, spoil(whole), NOW)
    with pytest.raises(Refused, match="code_unknown"):
        links.invited_by(session, whole, NOW)


def test_an_invitation_ends_by_time_and_by_use(session, cast):
    invitation, _ = asked(session, cast)
    with pytest.raises(Refused, match="code_unknown"):
        links.invited_by(session, invitation.code, NOW + timedelta(days=31))
    invitation.uses_left = 0
    with pytest.raises(Refused, match="code_unknown"):
        links.invited_by(session, invitation.code, NOW)


@pytest.mark.case("L1")
def test_a_cadre_of_another_township_neither_invites_nor_confirms_nor_sees(session, cast):
    with pytest.raises(Refused, match="not_yours"):
        links.invite(session, cast.who(cast.zhao), cast.wangnainai.id, NOW)
    _, link = asked(session, cast)
    with pytest.raises(Refused, match="not_yours"):
        linking.answer(session, cast.who(cast.zhao), link.id, "confirm", NOW)
    task = session.scalars(select(Task)).one()
    with pytest.raises(Refused, match="not_yours"):
        task_for(session, cast.who(cast.zhao), task.id)
    assert tasks_for(session, cast.who(cast.zhao)) == []
    assert [t.id for t in tasks_for(session, cast.who(cast.chen))] == [task.id]


def test_revoking_takes_sight_away_at_once(session, cast):
    link = session.scalars(select(CareLink)).one()
    linking.revoke(session, cast.who(cast.li), link.id, NOW)
    with pytest.raises(Refused, match="no_link"):
        act_for(session, cast.xiaofang.id, cast.wangnainai.id)


def test_an_asking_lapses_after_two_weeks_with_its_task(session, cast):
    asked(session, cast)
    assert linking.lapse_old(session, NOW + timedelta(days=15)) == 1
    assert session.scalars(select(Task.state)).one() == "cancelled"


def test_a_stranger_and_a_missing_person_get_the_same_answer(session, cast):
    for wanted in (cast.wangnainai.id, 99_999):
        with pytest.raises(Refused) as refusal:
            act_for(session, cast.aming.id, wanted)
        assert (refusal.value.code, refusal.value.facts) == ("no_link", {})


@pytest.mark.case("B10")
def test_nobody_acts_for_the_dead(session, cast):
    session.get_one(Person, cast.wangnainai.id).state = "deceased"
    with pytest.raises(Refused, match="not_active"):
        act_for(session, cast.xiaofang.id, cast.wangnainai.id)


def test_a_spoken_consent_needs_a_witness_and_a_withdrawn_one_ends(session, cast):
    told = {
        "kind": "family_calls",
        "text_version": "1",
        "means": "spoken",
        "given_by_id": cast.wangnainai.id,
        "now": NOW,
    }
    with pytest.raises(Refused, match="witness_needed"):
        consent.give(session, cast.wangnainai.id, **told)
    consent.give(session, cast.wangnainai.id, **told, witness_id=cast.li.id)
    assert consent.consents_to(session, cast.wangnainai.id, "family_calls")
    assert consent.take_back(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW) == 1
    assert not consent.consents_to(session, cast.wangnainai.id, "family_calls")


def test_a_task_is_opened_once_and_finished_by_its_cadre(session, cast):
    told = {
        "key": "t",
        "kind": "order_new",
        "area_id": cast.village.id,
        "subject": "order:1",
        "facts": {},
        "now": NOW,
        "due_at": NOW,
    }
    task = open_task(session, **told)
    assert open_task(session, **told).id == task.id
    assert session.scalars(select(Letter.person_id)).all() == [cast.li.id]
    with pytest.raises(Refused, match="not_yours"):
        finish(session, cast.who(cast.aming), task.id, NOW)
    assert finish(session, cast.who(cast.li), task.id, NOW).state == "done"


def test_a_cadres_role_without_a_place_opens_nothing_at_the_desk(session, cast):
    """Such a row may stand from a file that was loaded before they were refused."""
    organisation = session.scalars(select(Organisation)).first()
    session.add(StaffRole(person_id=cast.li.id, role="county_admin", organisation_id=organisation.id, since=NOW))
    account = accounts.add(
        session, username="li", person=cast.li, password="Zx9-quiet-river", must_change=False, now=NOW
    )
    token = desk_sessions.begin(session, account_id=account.id, person_id=cast.li.id, now=NOW)
    session.flush()
    assert accounts.at_desk(session, token, NOW).is_admin is False
    session.execute(update(StaffRole).where(StaffRole.area_id.is_not(None)).values(ended_at=NOW))
    assert accounts.at_desk(session, token, NOW) is None
