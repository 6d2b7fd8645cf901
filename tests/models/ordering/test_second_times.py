"""What happens to an order a second time is said and asked a second time; what nobody has heard yet is not lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.ordering.letter_words import letter
from handlers.people.befalling import mark
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.looking import not_again
from models.ordering.aftercare import ask_after, reopen
from models.ordering.directing import dispatch, recall
from models.ordering.dispatch import accept, complete, decline, hand_back, set_out
from models.ordering.ending import call_off, undo
from models.ordering.nagging import nag
from models.ordering.placing import cancel
from models.ordering.ratings import DISCONTENT, rate
from models.ordering.rechecking import ask_silent, press_to_name, recheck
from models.ordering.skills import take_time_off
from models.ordering.sla import open_overdue
from models.ordering.teams import VolunteerTeam
from models.ordering.triage import hand_over, look_at, merge, unmerge
from models.ordering.visiting import find_nobody, finish, name_person
from models.people.identities import Identity
from models.tasks import undelivered
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered, told
from tests.models.ordering.test_lending import lent, nurse  # noqa: F401
from tests.models.ordering.voicing import joins, says
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GOES = WANTED - HOUR


def accepted(session, cast, **changes):
    """An order that 老徐's team has accepted, and its assignment."""
    order = ordered(session, cast, **changes)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    return order, offer


def letters(session, kind):
    query = select(Letter).where(Letter.kind == kind).order_by(Letter.id)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def states(session, kind):
    """The states of the tasks of a kind, in the order in which they were opened."""
    return list(session.scalars(select(Task.state).where(Task.kind == kind).order_by(Task.id)))


def no_more(session, cast, how, order, now):
    """The order ends: the family cancels it, the centre calls it off, or the beneficiary dies."""
    if how == "cancel":
        cancel(session, cast.who(cast.xiaofang), order.id, "不需要了", now)
    elif how == "call_off":
        call_off(session, cast.who(cast.li), order.id, "停电", "改天再办", now)
    else:
        mark(session, cast.who(cast.li), cast.wangnainai.id, "die", now)


@pytest.mark.case("J11")
@pytest.mark.parametrize("how", ["cancel", "call_off"])
@pytest.mark.parametrize("reached", [True, False])
def test_an_organisation_whose_order_is_off_hears_it_though_the_elder_dies_after(session, cast, how, reached):
    order, _ = accepted(session, cast)
    no_more(session, cast, how, order, NOW)
    said = letters(session, {"cancel": "ordering.cancelled", "call_off": "ordering.called_off"}[how])
    mine = [one for one in said if one.person_id in (cast.laoxu.id, cast.ama.id)]
    if not reached:
        mine[0].state = "dead"
        session.flush()
    task = None if reached else undelivered.hand_over(session, mine[0], NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "die", NOW + HOUR)
    session.expire_all()
    assert [one.state for one in mine] == ["planned" if reached else "dead", "planned"]
    assert task is None or task.state == "open"
    # Who mourns hears nothing of it.
    assert {one.state for one in said if one not in mine} <= {"withdrawn"}


@pytest.mark.case("J11")
def test_a_letter_about_the_elder_takes_none_with_it_that_tells_who_was_to_come(session, cast):
    session.add(VolunteerTeam(organisation_id=cast.helpers_club.id, field="medical"))
    order, _ = accepted(session, cast)
    assert press_to_name(session, NOW + HOUR) == 1  # about the elder, to the same people, about the same assignment
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW + HOUR)
    pressed = letters(session, "ordering.name_person")[0]
    pressed.state = "planned"  # a sender gave it back
    session.flush()
    mark(session, cast.who(cast.li), cast.wangnainai.id, "die", NOW + 2 * HOUR)
    assert letters(session, "ordering.name_person")[0].state == "withdrawn"
    assert {one.state for one in letters(session, "ordering.cancelled")} == {"planned"}


@pytest.mark.case("G8")
@pytest.mark.parametrize("then", ["other", "die"])
def test_who_is_on_the_road_is_called_back_though_the_order_goes_on_without_them_or_the_elder_dies(session, cast, then):
    order, offer = accepted(session, cast)
    set_out(session, cast.who(cast.laoxu), offer.id, GOES)
    cancel(session, cast.who(cast.xiaofang), order.id, "", GOES)
    if then == "die":
        mark(session, cast.who(cast.li), cast.wangnainai.id, "die", GOES + MINUTE)
    else:
        for member in (cast.laoxu, cast.ama):  # nobody of them answers any more: another is asked
            session.get_one(Identity, cast.identities[member.id].id).following = False
        session.flush()
        undo(session, cast.who(cast.xiaofang), order.id, GOES + MINUTE)
        assert offer_of(session, order).organisation_id == cast.second_club.id
    assert [(one.person_id, one.state) for one in letters(session, "ordering.stop")] == [
        (cast.laoxu.id, "planned"), (cast.ama.id, "planned"),
    ]  # fmt: skip
    assert states(session, "stop_provider") == ["open"]


@pytest.mark.case("G8")
def test_who_is_asked_again_is_to_accept_again_and_hears_no_more_then_that_it_is_off(session, cast):
    order, first = accepted(session, cast)
    set_out(session, cast.who(cast.laoxu), first.id, GOES)
    cancel(session, cast.who(cast.xiaofang), order.id, "", GOES)
    undo(session, cast.who(cast.xiaofang), order.id, GOES + MINUTE)
    again = offer_of(session, order)
    assert again.organisation_id == first.organisation_id
    asked = [one for one in letters(session, "ordering.offered") if one.subject == again.subject]
    assert [(one.facts["again"], one.state) for one in asked] == [(True, "planned")] * len(asked)
    said = letter("ordering.offered", asked[0].facts, CHINA)
    assert "原来的接单已经取消" in said.text
    assert said.fields["state"] == "请再接一次"
    assert "原来" not in letter("ordering.offered", letters(session, "ordering.offered")[0].facts, CHINA).text
    # Somebody is on the road until they have accepted again.
    assert {one.state for one in letters(session, "ordering.stop")} == {"planned"}
    assert states(session, "stop_provider") == ["open"]
    accept(session, cast.who(cast.laoxu), again.id, GOES + 2 * MINUTE)
    assert {one.state for one in letters(session, "ordering.stop")} == {"withdrawn"}
    assert states(session, "stop_provider") == ["cancelled"]


def test_who_was_only_asked_before_is_asked_as_ever(session, cast):
    order = ordered(session, cast)
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW)
    undo(session, cast.who(cast.xiaofang), order.id, NOW + MINUTE)
    assert [one.facts["again"] for one in letters(session, "ordering.offered")] == [False] * 4


def test_nobody_says_again_by_hand_that_it_is_off_to_who_has_it_again(session, cast):
    order, offer = accepted(session, cast)
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW)
    off = letters(session, "ordering.cancelled")[0]
    assert off.subject == offer.subject
    off.state = "dead"
    session.flush()
    assert not_again(session, off, NOW) is None
    undo(session, cast.who(cast.xiaofang), order.id, NOW + MINUTE)
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, NOW + MINUTE)
    session.refresh(off)
    assert not_again(session, off, NOW + MINUTE) == "not_true_now"


def test_who_had_it_and_accepts_a_directive_hears_no_more_that_they_need_not_go(session, cast):
    order, offer = accepted(session, cast)
    recall(session, cast.who(cast.li), order.id, order.revision, "", NOW)
    made = dispatch(session, cast.who(cast.li), order.id, offer.organisation_id, order.revision, NOW + MINUTE)
    accept(session, cast.who(cast.laoxu), made.id, NOW + 2 * MINUTE)
    assert {one.state for one in letters(session, "ordering.recalled")} == {"withdrawn"}


def test_who_is_named_and_replaced_hears_it_and_not_when_they_are_named_again(session, cast):
    _, offer = accepted(session, cast)

    def name(person, by, minutes):
        name_person(session, cast.who(by), offer.id, person.id, now=NOW + minutes * MINUTE)

    name(cast.ama, cast.laoxu, 0)
    name(cast.laoxu, cast.li, 1)
    assert [(one.person_id, one.state) for one in letters(session, "ordering.stood_down")] == [(cast.ama.id, "planned")]
    # Nobody is sent there who does not go any more.
    assert [(one.person_id, one.state) for one in letters(session, "ordering.your_visit")] == [
        (cast.ama.id, "withdrawn"), (cast.laoxu.id, "planned"),
    ]  # fmt: skip
    name(cast.ama, cast.laoxu, 2)  # 老徐 said so himself
    assert [(one.person_id, one.state) for one in letters(session, "ordering.stood_down")] == [
        (cast.ama.id, "withdrawn")
    ]  # fmt: skip
    assert (
        "另有安排，您不用去了"
        in letter("ordering.stood_down", letters(session, "ordering.stood_down")[0].facts, CHINA).text
    )


def test_who_is_named_hears_that_a_colleague_gave_the_order_back(session, cast):
    _, offer = accepted(session, cast)
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    hand_back(session, cast.who(cast.laoxu), offer.id, "车坏了", NOW + MINUTE)
    assert told(session, "ordering.stood_down") == [cast.ama.id]


def test_the_old_time_of_a_visit_is_not_said_after_the_new_one(session, cast):
    _, offer = accepted(session, cast)
    for hours in (0, 2):
        name_person(
            session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW + hours * MINUTE,
            starts_at=WANTED + hours * HOUR,
        )  # fmt: skip
    assert [(one.state, one.facts["preferred_at"]) for one in letters(session, "ordering.your_visit")] == [
        ("withdrawn", WANTED.isoformat()), ("planned", (WANTED + 2 * HOUR).isoformat()),
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["cancel", "recall", "set_out"])
def test_who_is_lent_and_named_hears_that_they_need_not_go(session, cast, nurse, how):  # noqa: F811
    order, offer = accepted(session, cast)
    lent(session, cast, "person", nurse.id)
    visit = name_person(session, cast.who(cast.laoxu), offer.id, nurse.id, now=NOW)
    if how == "recall":
        recall(session, cast.who(cast.li), order.id, order.revision, "", NOW)
    else:
        if how == "set_out":
            set_out(session, cast.who(cast.laoxu), offer.id, GOES)
        cancel(session, cast.who(cast.xiaofang), order.id, "", GOES if how == "set_out" else NOW)
    session.refresh(visit)
    kind = {"cancel": "ordering.cancelled", "recall": "ordering.recalled", "set_out": "ordering.stop"}[how]
    assert (visit.state, told(session, kind)) == ("stood_down", sorted([cast.laoxu.id, cast.ama.id, nurse.id]))


@pytest.mark.case("J19")
def test_a_promise_that_is_broken_again_is_a_task_again_and_once_only(session, cast):
    late = NOW + 5 * DAY
    order = ordered(session, cast, preferred_at=late + 5 * DAY)
    assert [open_overdue(session, late + n * MINUTE) for n in (0, 1)] == [1, 0]
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, late + HOUR)
    assert states(session, "order_overdue") == ["cancelled"]
    hand_back(session, cast.who(cast.laoxu), offer.id, "", late + 2 * HOUR)
    assert [open_overdue(session, late + 2 * HOUR + n * MINUTE) for n in (0, 1)] == [1, 0]
    accept(session, cast.who(cast.xiaohong), offer_of(session, order).id, late + 3 * HOUR)
    recall(session, cast.who(cast.li), order.id, order.revision, "", late + 4 * HOUR)
    assert open_overdue(session, late + 4 * HOUR) == 1
    cancel(session, cast.who(cast.xiaofang), order.id, "", late + 5 * HOUR)
    undo(session, cast.who(cast.xiaofang), order.id, late + 5 * HOUR + MINUTE)
    assert open_overdue(session, late + 5 * HOUR + MINUTE) == 1
    assert states(session, "order_overdue") == ["cancelled"] * 3 + ["open"]
    # To ask the next one is no new wait.
    decline(session, cast.who(cast.xiaohong), offer_of(session, order).id, "", late + 6 * HOUR)
    assert open_overdue(session, late + 6 * HOUR) == 0


def test_who_is_away_on_the_new_day_too_is_to_be_replaced_too(session, cast):
    _, offer = accepted(session, cast, preferred_at=WANTED + DAY)
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    for days in (1, 2):
        take_time_off(
            session, cast.ama.id, WANTED + days * DAY, WANTED + days * DAY + HOUR
        )  # fmt: skip
        assert [recheck(session, NOW + n * MINUTE) for n in (1, 2)] == [1, 0]
        name_person(
            session, cast.who(cast.laoxu), offer.id, cast.ama.id, starts_at=WANTED + (days + 1) * DAY, now=NOW + HOUR
        )  # fmt: skip
    assert states(session, "visit_recheck") == ["cancelled"] * 2
    assert len(letters(session, "ordering.visit_recheck")) == 4


def test_after_nobody_was_home_the_team_is_pressed_again_to_name_somebody(session, cast):
    session.add(VolunteerTeam(organisation_id=cast.helpers_club.id, field="medical"))
    order, offer = accepted(session, cast)
    assert press_to_name(session, NOW + HOUR) == 1
    visit = name_person(
        session, cast.who(cast.laoxu), offer.id, cast.ama.id, starts_at=WANTED - 6 * HOUR, now=NOW + HOUR
    )
    find_nobody(session, cast.who(cast.ama), visit.id, WANTED - 5 * HOUR, WANTED - 5 * HOUR)
    assert [press_to_name(session, WANTED - 5 * HOUR + n * MINUTE) for n in (1, 2)] == [1, 0]
    assert states(session, "name_person") == ["cancelled", "open"]
    hand_back(session, cast.who(cast.laoxu), offer.id, "", WANTED - 4 * HOUR)
    assert (order.state, states(session, "name_person")) == ("open", ["cancelled"] * 2)


@pytest.mark.parametrize("then", ["moved", "nobody_home", "recalled"])
def test_what_nobody_has_reported_is_asked_until_it_is_said_and_of_the_new_time_anew(session, cast, then):
    order, offer = accepted(session, cast)
    visit = name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    late = visit.ends_at + DAY
    assert [ask_silent(session, late + n * MINUTE) for n in (0, 1)] == [1, 0]
    if then == "recalled":
        recall(session, cast.who(cast.li), order.id, order.revision, "", late)
    elif then == "nobody_home":
        find_nobody(session, cast.who(cast.ama), visit.id, WANTED, late)
    else:
        moved = name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, starts_at=late + DAY, now=late + HOUR)
        assert moved.id == visit.id
        assert ask_silent(session, late + HOUR) == 0
        assert ask_silent(session, moved.ends_at + DAY) == 1
        assert states(session, "visit_silent") == ["cancelled", "open"]
        finish(session, cast.who(cast.ama), moved.id, moved.ends_at, moved.ends_at + DAY)
    assert set(states(session, "visit_silent")) == {"cancelled"}


def test_taken_up_again_for_the_same_hour_it_is_reminded_of_again(session, cast):
    order = ordered(session, cast)
    assert nag(session, NOW + HOUR) == 1
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW + HOUR)
    complete(session, cast.who(cast.laoxu), offer.id, NOW + 2 * HOUR)
    reopen(session, cast.who(cast.xiaofang), order.id, "没做完", WANTED, NOW + 3 * HOUR)
    assert nag(session, NOW + 4 * HOUR) == 1
    assert told(session, "ordering.nag").count(cast.li.id) == 2


@pytest.mark.parametrize("rated", [True, False])
def test_how_the_second_service_was_is_asked_too(session, cast, rated):
    order, offer = accepted(session, cast)
    complete(session, cast.who(cast.laoxu), offer.id, WANTED)
    if rated:
        rate(session, cast.who(cast.xiaofang), order.id, DISCONTENT, WANTED + HOUR)
    assert ask_after(session, WANTED + DAY) == (0 if rated else 1)
    reopen(session, cast.who(cast.xiaofang), order.id, "没理完", WANTED + 3 * DAY, WANTED + 2 * DAY)
    again = offer_of(session, order)
    member = cast.laoxu if again.organisation_id == offer.organisation_id else cast.xiaohong
    accept(session, cast.who(member), again.id, WANTED + 2 * DAY)
    complete(session, cast.who(member), again.id, WANTED + 3 * DAY)
    assert states(session, "follow_up") == ["cancelled"]
    assert [ask_after(session, WANTED + 4 * DAY + n * MINUTE) for n in (0, 1)] == [1, 0]
    rate(session, cast.who(cast.xiaofang), order.id, DISCONTENT, WANTED + 4 * DAY)
    assert states(session, "follow_up") == ["cancelled", "open", "open"]


def test_a_cadre_who_takes_back_what_they_have_in_hand_has_it_once(session, cast):
    order, _ = accepted(session, cast)
    for minutes in (0, 1):
        recall(session, cast.who(cast.li), order.id, order.revision, "", NOW + minutes * MINUTE)
    assert states(session, "order_unanswered") == ["open"]


@pytest.mark.parametrize("then", ["secret", "handed_over", "unmerged"])
def test_danger_stays_urgent_when_it_becomes_a_secret_changes_hands_or_is_parted_again(session, cast, then):
    chen, zhou = cast.who(cast.chen), joins(session, "周干事", cast.township)
    need = says(
        session, cast.who(cast.xiaofang), "隔壁老人摔倒起不来", cast.wangnainai, confidential=then == "handed_over"
    )
    assert states(session, "matter_urgent") == ["open"]
    if then == "secret":
        look_at(session, chen, need.id, "medical", NOW, confidential=True)
    elif then == "handed_over":
        holder, other = (chen, zhou) if need.holder_id == chen.person_id else (zhou, chen)
        hand_over(session, holder, need.id, other.person_id, NOW)
    else:
        other = says(session, cast.who(cast.xiaofang), "想有人陪老人去看病", cast.wangnainai)
        look_at(session, chen, other.id, "medical", NOW)
        merge(session, chen, need.id, other.id, NOW)
        assert states(session, "matter_urgent") == ["done"]
        unmerge(session, chen, need.id, NOW)
    assert len(states(session, "matter_urgent")) == 2
    assert states(session, "matter_urgent")[-1] == "open"
    last = session.scalars(select(Task).where(Task.kind == "matter_urgent").order_by(Task.id.desc())).first()
    assert last.assignee_id == need.holder_id
    assert (last.person_id is None) == need.confidential
