"""What is to be heard and done of an order outlives what happens to it next, and ends when it is not so any more."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.history import history_of
from models.life import By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.ordering.aftercare import reopen
from models.ordering.directing import dispatch, recall
from models.ordering.dispatch import accept, complete, decline, hand_back, set_out
from models.ordering.ending import call_off, stop_all, undo
from models.ordering.nagging import nag
from models.ordering.news import facts_for
from models.ordering.placing import cancel
from models.ordering.publishing import publish
from models.ordering.ratings import CONTENT, DISCONTENT, rate
from models.ordering.rechecking import ask_silent, press_to_name, recheck
from models.ordering.skills import take_time_off
from models.ordering.sla import due_at, pause
from models.ordering.teams import VolunteerTeam
from models.ordering.triage import adopt, merge, unmerge
from models.ordering.visiting import find_nobody, finish, name_person
from models.people.identities import Identity
from models.places.equipment import Equipment
from models.tasks import undelivered
from models.tasks.desk import finish as done
from models.tasks.tasks import Task
from tests.models.ordering.test_demands import item
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered
from tests.models.ordering.test_lending import lent, nurse  # noqa: F401
from tests.models.ordering.test_nagging import BOOK
from tests.models.ordering.test_second_times import accepted, letters, states
from tests.models.ordering.voicing import says
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GOES = WANTED - HOUR
OFF = ("ordering.cancelled", "ordering.stop", "ordering.recalled", "ordering.stood_down")


def off(session, person):
    """What this person was told, or is to be told, of an end, and has not been taken back."""
    return [
        one.kind for kind in OFF for one in letters(session, kind)
        if one.person_id == person.id and one.state != "withdrawn"
    ]  # fmt: skip


def phoned(session, letter, now=NOW):
    """The task of a cadre to say what a letter could not."""
    letter.state = "dead"
    session.flush()
    return undelivered.hand_over(session, letter, now)


def named(session, cast, offer, person, now=NOW, **more):
    return name_person(session, cast.who(cast.laoxu), offer.id, person.id, now=now, **more)


def off_and_on(session, cast, order, now):
    """The family cancels, and takes that back."""
    cancel(session, cast.who(cast.xiaofang), order.id, "", now)
    undo(session, cast.who(cast.xiaofang), order.id, now + MINUTE)
    return offer_of(session, order)


def nobody_home(session, cast, *, on_the_way=False):
    """阿妈 goes there, and nobody opens the door."""
    order, offer = accepted(session, cast)
    visit = named(session, cast, offer, cast.ama)
    if on_the_way:
        set_out(session, cast.who(cast.ama), offer.id, GOES)
        session.refresh(visit)
    find_nobody(session, cast.who(cast.ama), visit.id, WANTED, WANTED)
    return order, offer, visit


@pytest.mark.case("G8")
@pytest.mark.parametrize("then", ["cancelled", "declined", "unreachable"])
def test_who_is_on_the_road_is_called_back_until_they_have_accepted_again(session, cast, then):
    order, offer = accepted(session, cast)
    set_out(session, cast.who(cast.laoxu), offer.id, GOES)
    if then == "unreachable":
        session.get_one(Identity, cast.identities[cast.laoxu.id].id).following = False
        session.flush()
    again = off_and_on(session, cast, order, GOES)
    assert again.organisation_id == offer.organisation_id
    if then == "cancelled":
        cancel(session, cast.who(cast.xiaofang), order.id, "", GOES + 2 * MINUTE)
    elif then == "declined":
        decline(session, cast.who(cast.ama), again.id, "", GOES + 2 * MINUTE)
    assert "ordering.stop" in off(session, cast.laoxu)
    assert states(session, "stop_provider") == ["open"]


@pytest.mark.parametrize("how", ["undo", "directive"])
@pytest.mark.parametrize("who", ["nurse", "ama"])
def test_who_was_named_hears_that_they_need_not_go_though_their_organisation_has_it_again(
    session, cast, nurse, how, who  # noqa: F811
):  # fmt: skip
    order, offer = accepted(session, cast)
    lent(session, cast, "person", nurse.id)
    person, other = (nurse, cast.ama) if who == "nurse" else (cast.ama, cast.laoxu)
    named(session, cast, offer, person)
    if how == "undo":
        again = off_and_on(session, cast, order, NOW + MINUTE)
    else:
        again = dispatch(session, cast.who(cast.li), order.id, offer.organisation_id, order.revision, NOW + MINUTE)
    accept(session, cast.who(cast.laoxu), again.id, NOW + 3 * MINUTE)
    named(session, cast, again, other, NOW + 4 * MINUTE)
    assert len(off(session, person)) == 1
    named(session, cast, again, person, NOW + 5 * MINUTE)
    assert off(session, person) == []  # and now they go after all


def test_who_is_named_by_another_organisation_does_not_hear_that_they_need_not_go(session, cast, nurse):  # noqa: F811
    order, offer = accepted(session, cast)
    lent(session, cast, "person", nurse.id)
    named(session, cast, offer, nurse)
    recall(session, cast.who(cast.li), order.id, order.revision, "", NOW + MINUTE)
    (said,) = [one for one in letters(session, "ordering.recalled") if one.person_id == nurse.id]
    task = phoned(session, said, NOW + MINUTE)
    again = dispatch(
        session, cast.who(cast.li), order.id, cast.second_club.id, order.revision, NOW + 2 * MINUTE
    )  # fmt: skip
    accept(session, cast.who(cast.xiaohong), again.id, NOW + 3 * MINUTE)
    name_person(session, cast.who(cast.xiaohong), again.id, nurse.id, now=NOW + 4 * MINUTE)
    session.refresh(task)
    assert task.state == "cancelled"


@pytest.mark.parametrize("how", ["cancel", "replaced", "your_visit", "stop", "recalled"])
def test_what_a_lent_person_must_hear_is_phoned_by_the_village_of_whom_it_speaks(session, cast, nurse, how):  # noqa: F811
    order, offer = accepted(session, cast)
    lent(session, cast, "person", nurse.id)
    named(session, cast, offer, nurse)
    kinds = {"cancel": "cancelled", "replaced": "stood_down"}
    if how == "replaced":
        named(session, cast, offer, cast.ama, NOW + MINUTE)
    elif how == "recalled":
        recall(session, cast.who(cast.li), order.id, order.revision, "", NOW + MINUTE)
    elif how != "your_visit":
        if how == "stop":
            set_out(session, cast.who(cast.laoxu), offer.id, GOES)
        cancel(session, cast.who(cast.xiaofang), order.id, "老人住院做手术", GOES)
    (said,) = [one for one in letters(session, f"ordering.{kinds.get(how, how)}") if one.person_id == nurse.id]
    assert phoned(session, said, NOW + MINUTE).area_id == order.area_id != nurse.area_id


@pytest.mark.case("I8")
@pytest.mark.parametrize("how", ["hand_back", "recall"])
def test_that_nobody_was_home_is_said_to_the_daughter_though_another_is_looked_for(session, cast, how):
    order, offer, _ = nobody_home(session, cast)
    (said,) = letters(session, "ordering.nobody_home")
    task = phoned(session, said, WANTED + MINUTE)
    if how == "hand_back":
        hand_back(session, cast.who(cast.laoxu), offer.id, "没人在家", WANTED + 2 * MINUTE)
    else:
        recall(session, cast.who(cast.li), order.id, order.revision, "", WANTED + 2 * MINUTE)
    session.refresh(task)
    assert task.state == "open"


@pytest.mark.case("I8")
@pytest.mark.parametrize("how", ["cancel", "call_off", "die", "done"])
def test_somebody_looks_after_who_did_not_open_until_they_are_seen(session, cast, how):
    order, offer, _ = nobody_home(session, cast)
    if how == "cancel":
        cancel(session, cast.who(cast.xiaofang), order.id, "", WANTED + MINUTE)
    elif how == "call_off":
        call_off(session, cast.who(cast.li), order.id, "没人", "改天", WANTED + MINUTE)
    elif how == "die":
        stop_all(session, cast.wangnainai, By(cast.li.id, "cadre"), WANTED + MINUTE)
    else:
        again = named(session, cast, offer, cast.ama, WANTED + HOUR, starts_at=WANTED + 2 * HOUR)
        finish(session, cast.who(cast.ama), again.id, WANTED + 3 * HOUR, WANTED + 3 * HOUR)
    assert states(session, "nobody_home") == ["open" if how in ("cancel", "call_off") else "cancelled"]


@pytest.mark.case("I8")
def test_after_setting_out_and_nobody_home_there_is_a_second_way_there(session, cast):
    session.add(Identity(app_id="wx-test-account", openid="o-w", person_id=cast.wangnainai.id, since=NOW))
    order, offer, _ = nobody_home(session, cast, on_the_way=True)
    assert [line.verb for line in history_of(session, offer.subject)][-2:] == ["start", "return"]
    again = named(session, cast, offer, cast.ama, WANTED + HOUR, starts_at=WANTED + 2 * HOUR)
    set_out(session, cast.who(cast.ama), offer.id, WANTED + HOUR)
    said = [one.state for one in letters(session, "ordering.on_the_way") if one.person_id == cast.wangnainai.id]
    assert said == ["withdrawn", "planned"]
    cancel(session, cast.who(cast.xiaofang), order.id, "", WANTED + HOUR + MINUTE)
    session.refresh(again)
    assert (again.state, states(session, "stop_provider")) == ("stood_down", ["open"])


@pytest.mark.parametrize("then", ["recall", "cancel"])
def test_who_found_nobody_home_is_on_no_road_any_more(session, cast, then):
    order, _, _ = nobody_home(session, cast, on_the_way=True)
    if then == "recall":
        recall(session, cast.who(cast.li), order.id, order.revision, "", WANTED + HOUR)
    else:
        cancel(session, cast.who(cast.xiaofang), order.id, "", WANTED + 5 * HOUR)
    assert states(session, "stop_provider") == []


@pytest.mark.parametrize("how", ["nobody_home", "never_named"])
def test_what_was_accepted_and_never_done_is_in_somebodys_hands_once(session, cast, how):
    order, _, _ = nobody_home(session, cast) if how == "nobody_home" else (*accepted(session, cast), None)
    sweeps = [sum(sweep(session, WANTED + hours * HOUR) for sweep in (recheck, press_to_name, ask_silent))
              for hours in range(1, 240, 6)]  # fmt: skip
    assert (order.state, sum(sweeps), states(session, "visit_silent")) == ("accepted", 1, ["open"])
    assert sum(sweeps[:4]) == 0  # a day's time, as for a visit


@pytest.mark.parametrize("how", ["hand_back", "reopen", "undo"])
def test_a_pause_ends_with_what_it_was_for(session, cast, how):
    order = ordered(session, cast)
    pause(session, cast.who(cast.li), order.id, NOW)
    offer = offer_of(session, order)
    if how == "undo":
        off_and_on(session, cast, order, NOW)
    else:
        accept(session, cast.who(cast.laoxu), offer.id, NOW + HOUR)
        assert order.paused_minutes == 60
        if how == "hand_back":
            hand_back(session, cast.who(cast.laoxu), offer.id, "", NOW + 2 * HOUR)
        else:
            complete(session, cast.who(cast.laoxu), offer.id, NOW + HOUR)
            reopen(session, cast.who(cast.xiaofang), order.id, "没做完", WANTED, NOW + 2 * HOUR)
    assert (order.state, due_at(order, BOOK) is not None) == ("open", True)
    assert nag(session, WANTED - HOUR) == 1


def test_the_second_service_can_be_rated_too(session, cast):
    order, offer = accepted(session, cast)
    complete(session, cast.who(cast.laoxu), offer.id, WANTED)
    rate(session, cast.who(cast.xiaofang), order.id, CONTENT, WANTED + HOUR)
    reopen(session, cast.who(cast.xiaofang), order.id, "没理完", WANTED + 9 * DAY, WANTED + 2 * DAY)
    again = offer_of(session, order)
    member = cast.laoxu if again.organisation_id == offer.organisation_id else cast.xiaohong
    accept(session, cast.who(member), again.id, WANTED + 2 * DAY)
    complete(session, cast.who(member), again.id, WANTED + 9 * DAY)
    assert rate(session, cast.who(cast.xiaofang), order.id, DISCONTENT, WANTED + 9 * DAY + HOUR).score == DISCONTENT
    with pytest.raises(Refused, match="rating_closed"):
        rate(session, cast.who(cast.xiaofang), order.id, CONTENT, WANTED + 17 * DAY)


def test_who_is_away_after_all_and_again_is_to_be_replaced_again(session, cast):
    _, offer = accepted(session, cast, preferred_at=WANTED + DAY)
    named(session, cast, offer, cast.ama)
    for times in range(2):
        away = take_time_off(session, cast.ama.id, WANTED + DAY, WANTED + DAY + HOUR)
        assert [recheck(session, NOW + n * MINUTE) for n in (1, 2)] == [1, 0]
        assert states(session, "visit_recheck") == ["cancelled"] * times + ["open"]
        session.delete(away)
        session.flush()
        assert recheck(session, NOW + 3 * MINUTE) == 0
        assert {one.state for one in letters(session, "ordering.visit_recheck")} == {"withdrawn"}
    assert states(session, "visit_recheck") == ["cancelled"] * 2
    take_time_off(session, cast.ama.id, WANTED + DAY, WANTED + DAY + HOUR)
    recheck(session, NOW + HOUR)
    task = session.scalars(select(Task).where(Task.kind == "visit_recheck", Task.state == "open")).one()
    done(session, cast.who(cast.li), task.id, NOW + HOUR)
    assert recheck(session, NOW + 2 * HOUR) == 0  # a cadre has seen to it


@pytest.mark.parametrize("then", ["named", "handed_back", "done"])
def test_who_need_not_name_anybody_any_more_is_not_pressed_to(session, cast, then):
    session.add(VolunteerTeam(organisation_id=cast.helpers_club.id, field="medical"))
    _, offer = accepted(session, cast)
    press_to_name(session, NOW + HOUR)
    task = phoned(session, letters(session, "ordering.name_person")[0], NOW + HOUR)
    if then == "named":
        named(session, cast, offer, cast.laoxu, NOW + 2 * HOUR)
    elif then == "handed_back":
        hand_back(session, cast.who(cast.laoxu), offer.id, "", NOW + 2 * HOUR)
    else:
        complete(session, cast.who(cast.laoxu), offer.id, NOW + 2 * HOUR)
    session.refresh(task)
    left = [one.state for one in letters(session, "ordering.name_person")[1:]]
    assert (task.state, set(left)) == ("cancelled", {"withdrawn"})


def test_who_has_reported_is_not_asked_to_any_more(session, cast):
    _, offer = accepted(session, cast)
    visit = named(session, cast, offer, cast.ama)
    assert ask_silent(session, visit.ends_at + DAY) == 1
    finish(session, cast.who(cast.ama), visit.id, WANTED, visit.ends_at + DAY + MINUTE)
    assert {one.state for one in letters(session, "ordering.visit_silent")} == {"withdrawn"}


@pytest.mark.parametrize("what", ["time", "person"])
def test_the_household_does_not_hear_the_old_name_or_time_after_the_new(session, cast, what):
    _, offer = accepted(session, cast)
    named(session, cast, offer, cast.ama)
    task = phoned(session, letters(session, "ordering.named")[0])
    if what == "time":
        named(session, cast, offer, cast.ama, NOW + HOUR, starts_at=WANTED + 2 * HOUR)
    else:
        named(session, cast, offer, cast.laoxu, NOW + HOUR)
    session.refresh(task)
    assert task.state == "cancelled"
    assert [one.state for one in letters(session, "ordering.named")] == ["dead", "planned"]


def test_with_which_car_they_come_is_no_news(session, cast):
    _, offer = accepted(session, cast)
    car = Equipment(centre_id=cast.centre.id, kind="vehicle", name="浙K·1")
    session.add(car)
    session.flush()
    named(session, cast, offer, cast.ama)
    named(session, cast, offer, cast.ama, NOW + MINUTE, vehicle_id=car.id)
    for kind in ("ordering.your_visit", "ordering.named"):
        assert [one.state for one in letters(session, kind)] == ["planned"]
    assert states(session, "tell_in_person")[-1] == "open"


def test_nobody_is_nagged_who_need_not_answer_any_more(session, cast):
    order = ordered(session, cast)
    assert nag(session, NOW + HOUR) == 1
    first, *others = letters(session, "ordering.nag")
    task = phoned(session, first, NOW + HOUR)
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, NOW + HOUR)
    session.refresh(task)
    session.expire_all()
    assert (task.state, {one.state for one in others}) == ("cancelled", {"withdrawn"})


@pytest.mark.parametrize("how", ["hand_back", "recall"])
def test_whether_it_is_still_wanted_is_asked_whoever_does_it(session, cast, how):
    order, offer = accepted(session, cast)
    post(
        session, key=f"{order.subject}/still_wanted:1/{cast.wangnainai.id}", person_id=cast.wangnainai.id,
        kind="ordering.still_wanted", facts=facts_for(session, order), subject=order.subject, now=NOW,
        about_id=order.beneficiary_id,
    )  # fmt: skip
    if how == "hand_back":
        hand_back(session, cast.who(cast.laoxu), offer.id, "", NOW + MINUTE)
    else:
        recall(session, cast.who(cast.li), order.id, order.revision, "", NOW + MINUTE)
    assert letters(session, "ordering.still_wanted")[0].state == "planned"


@pytest.fixture
def listed(session, cast):
    """A need that stands on a list that is out."""
    chen = cast.who(cast.chen)
    line = item(session, cast, chen)
    root = says(session, cast.who(cast.aming))
    adopt(session, chen, root.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    return root


def listed_to(session, person):
    query = select(Letter).where(Letter.kind == "ordering.matter_listed", Letter.person_id == person.id)
    return session.scalars(query.order_by(Letter.id), execution_options={"populate_existing": True}).all()


def test_who_has_two_voices_under_a_demand_hears_of_it_though_one_is_parted(session, cast, listed):
    chen = cast.who(cast.chen)
    one, two = (says(session, cast.who(cast.xiaofang)) for _ in range(2))
    merge(session, chen, one.id, listed.id, NOW)
    merge(session, chen, two.id, listed.id, NOW)
    unmerge(session, chen, one.id, NOW)
    assert [(said.subject, said.state) for said in listed_to(session, cast.xiaofang)] == [(two.subject, "planned")]
    unmerge(session, chen, two.id, NOW)
    assert [said.state for said in listed_to(session, cast.xiaofang)] == ["withdrawn"]


def test_whom_no_letter_reached_is_told_when_it_is_true_after_all(session, cast, listed):
    chen = cast.who(cast.chen)
    one = says(session, cast.who(cast.xiaofang))
    merge(session, chen, one.id, listed.id, NOW)
    task = phoned(session, listed_to(session, cast.xiaofang)[0])
    unmerge(session, chen, one.id, NOW + MINUTE)
    session.refresh(task)
    assert task.state == "cancelled"
    for _ in range(2):
        merge(session, chen, one.id, listed.id, NOW + 2 * MINUTE)
    assert [said.state for said in listed_to(session, cast.xiaofang)] == ["dead", "planned"]
