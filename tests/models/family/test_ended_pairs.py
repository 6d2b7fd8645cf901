"""Two who may not call each other any more: nobody seats them again, and nobody books while it is being ended."""

from datetime import date

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.booking import move
from models.family.calls import CALL, FamilyCall
from models.family.ending import cancel, undo
from models.family.guests import guests_of
from models.family.joining import invite
from models.family.parting import entrust, part, take_back
from models.family.reseating import reseat, to_reserve
from models.life import BY_TIME, By
from models.people import consent, guardians
from models.people.care import CareLink
from models.people.lives import PERSON
from models.people.persons import Person
from tests.models.family.in_turn import one_waits
from tests.models.family.test_call_days import HALF, TWO, calls_on, families, made, yes
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, sister
from tests.world import NOW

CHAIRS = TWO + HALF  # when it is plain that a call of two o'clock came to nothing


def link_of(session, cast, relative=None):
    person = (relative or cast.xiaofang).id
    return session.scalars(select(CareLink).where(CareLink.relative_id == person)).one()


def unlinked(session, cast):
    part(session, cast.who(cast.chen), link_of(session, cast).id, NOW)


def consent_gone(session, cast):
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
    take_back(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)


def befallen(who, verb):
    def befall(session, cast):
        person = session.get_one(Person, getattr(cast, who).id)
        PERSON.move(session, person, verb, by=By(cast.li.id, "cadre"), now=NOW)

    return befall


ENDS = pytest.mark.parametrize(("ended", "code"), [
    (unlinked, "not_together"), (consent_gone, "consent_withdrawn"), (befallen("wangnainai", "pause"), "not_together"),
    (befallen("wangnainai", "die"), "not_together"), (befallen("xiaofang", "die"), "not_together"),
])  # fmt: skip


@pytest.mark.case("L6")
@ENDS
def test_a_missed_call_of_two_who_may_not_call_each_other_any_more_is_not_made_up_for(session, cast, ended, code):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    CALL.move(session, call, "miss_relative", by=By(cast.li.id, "cadre"), now=CHAIRS)
    ended(session, cast)
    with pytest.raises(Refused, match=code):
        to_reserve(session, cast.who(cast.li), call.id, CHAIRS)
    assert (calls_on(session, day.id), session.scalars(select(FamilyCall)).all()) == ([], [call])


@pytest.mark.case("L6")
@ENDS
def test_a_call_of_which_nobody_said_what_became_is_not_seated_again_either(session, cast, ended, code):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    CALL.move(session, call, "close", by=BY_TIME, now=CHAIRS)
    before = cells_of(session, call)
    ended(session, cast)
    li = cast.who(cast.li)
    for deed in (
        lambda: to_reserve(session, li, call.id, CHAIRS),
        lambda: reseat(session, li, call.id, day.id, TWO + 2 * HALF, yes(call), CHAIRS),
        lambda: move(session, li, call.id, SUNDAY_16, CHAIRS, yes(call)),
    ):
        with pytest.raises(Refused, match=code):
            deed()
    assert (call.state, call.revision, cells_of(session, call)) == ("unreported", 0, before)


def test_a_relative_who_has_moved_away_is_seated_again_like_anybody_abroad(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    CALL.move(session, call, "miss_relative", by=By(cast.li.id, "cadre"), now=CHAIRS)
    befallen("xiaofang", "move_away")(session, cast)
    assert to_reserve(session, cast.who(cast.li), call.id, CHAIRS).state == "booked"


@pytest.mark.case("L6", "G9")
def test_what_the_family_cancelled_is_not_restored_once_the_link_has_ended(session, cast):
    call = booked(session, cast)
    cancel(session, cast.who(cast.xiaofang), call.id, "点错了", NOW)
    unlinked(session, cast)
    with pytest.raises(Refused, match="not_together"):
        undo(session, cast.who(cast.li), call.id, NOW)
    assert (call.state, cells_of(session, call)) == ("cancelled", {})


def a_child(open_session, cast):
    """王奶奶 is a child today, and 小芳 the guardian who has agreed."""
    with open_session() as session, session.begin():
        child = session.get_one(Person, cast.wangnainai.id)
        child.born, child.left_behind = date(2017, 5, 1), "child"
        link = link_of(session, cast)
        entrust(session, cast.who(cast.chen), link.id, NOW, guardian=True)
        guardians.agree(session, cast.who(cast.xiaofang), child.id, cast.xiaofang.id, "wechat", NOW)
        return link.id


def no_guardian(session, cast):
    entrust(session, cast.who(cast.chen), link_of(session, cast).id, NOW, guardian=False)


RACED = pytest.mark.parametrize(("ended", "code"), [
    (unlinked, "no_link"), (consent_gone, "consent_withdrawn"), (no_guardian, "guardian_missing"),
    (befallen("wangnainai", "pause"), "not_active"),
])  # fmt: skip


@pytest.mark.case("L6")
@RACED
def test_who_books_while_it_is_being_ended_waits_and_is_refused(open_session, cast, engine, ended, code):
    a_child(open_session, cast)
    with one_waits(open_session, engine, lambda session: booked(session, cast).state) as (first, answer):
        ended(first, cast)
    assert answer() == code
    with open_session() as session:
        assert session.scalars(select(FamilyCall)).all() == []


@pytest.mark.case("L6")
@RACED
def test_who_ends_it_while_somebody_books_waits_and_ends_that_call_too(open_session, cast, engine, ended, code):
    a_child(open_session, cast)

    def end(session):
        ended(session, cast)
        return "ended"

    with one_waits(open_session, engine, end) as (first, answer):
        call = booked(first, cast).id
    assert answer() == "ended"
    if code == "not_active":
        return  # a life alone; what stops the calls comes after it, in the same transaction
    with open_session() as session:
        call = session.get_one(FamilyCall, call)
        assert (call.state, cells_of(session, call)) == ("cancelled", {})


@pytest.mark.case("L6")
def test_who_makes_a_call_day_while_a_link_is_being_ended_leaves_that_family_out(open_session, cast, engine):
    with open_session() as session, session.begin():
        families(session, cast, 2)

    def day(session):
        return [call.relative_id for call in calls_on(session, made(session, cast).id)]

    with one_waits(open_session, engine, day) as (first, answer):
        unlinked(first, cast)
    assert len(answer()) == 2
    assert cast.xiaofang.id not in answer()


@pytest.mark.case("L6", "E9")
def test_who_is_asked_to_a_call_while_their_own_link_is_being_ended_is_not_on_it(open_session, cast, engine):
    with open_session() as session, session.begin():
        call, roman = booked(session, cast).id, sister(session, cast).id

    def ends(session):
        link = session.scalars(select(CareLink).where(CareLink.relative_id == roman)).one()
        part(session, cast.who(cast.chen), link.id, NOW)
        return "ended"

    with one_waits(open_session, engine, ends) as (first, answer):
        invite(first, cast.who(cast.xiaofang), call, roman, NOW)
    assert answer() == "ended"
    with open_session() as session:
        assert guests_of(session, call) == []
