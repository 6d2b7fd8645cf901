"""After the service: one rating, a complaint past the village, once more within a week, and the end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.hours import WorkCalendar
from models.messages.letters import Letter
from models.ordering.aftercare import ask_after, close_old, reopen
from models.ordering.assignments import Assignment
from models.ordering.complaints import Complaint, complain, complaint_for, settle
from models.ordering.dispatch import accept, complete
from models.ordering.orders import Order
from models.ordering.ratings import CONTENT, DISCONTENT, Rating, rate
from models.ordering.sla import is_overdue
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.staff import StaffRole
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered, told
from tests.world import NOW

LATER = WANTED + timedelta(days=2)


def done(session, cast, key="k1"):
    order = ordered(session, cast, key)
    offer = offer_of(session, order)
    member = cast.laoxu if offer.organisation_id == cast.helpers_club.id else cast.xiaohong
    accept(session, cast.who(member), offer.id, NOW)
    complete(session, cast.who(member), offer.id, WANTED)
    return order


def tasks(session, kind):
    return [(task.area_id, task.state) for task in session.scalars(select(Task).where(Task.kind == kind))]


def test_one_tap_by_the_daughter_is_a_rating_by_a_proxy_and_changes_for_a_week(session, cast):
    order = done(session, cast)
    first = rate(session, cast.who(cast.xiaofang), order.id, CONTENT, WANTED)
    assert (first.score, first.as_role) == (5, "requester")
    again = rate(session, cast.who(cast.xiaofang), order.id, 4, WANTED + timedelta(days=7), words="饭有点凉")
    assert (again.id, again.score, again.words) == (first.id, 4, "饭有点凉")
    with pytest.raises(Refused, match="rating_closed"):
        rate(session, cast.who(cast.xiaofang), order.id, 5, WANTED + timedelta(days=7, seconds=1))
    assert session.scalar(select(func.count()).select_from(Rating)) == 1


def test_two_of_a_family_who_tap_at_once_leave_one_rating(open_session, cast):
    with open_session() as session, session.begin():
        session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="儿子", state="confirmed",
                             asked_at=NOW))  # fmt: skip
        key = done(session, cast).id

    def tap(pair):
        person, score = pair
        with open_session() as session, session.begin():
            rate(session, cast.who(person), key, score, WANTED)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tap, [(cast.xiaofang, 5), (cast.aming, 4)]))
    with open_session() as session:
        assert session.scalars(select(Rating.score)).one() in (4, 5)


def test_who_did_it_strangers_and_early_birds_do_not_rate(session, cast):
    order = ordered(session, cast)
    with pytest.raises(Refused, match="wrong_state"):
        rate(session, cast.who(cast.xiaofang), order.id, 5, NOW)
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, NOW)
    complete(session, cast.who(cast.laoxu), session.scalars(select(Assignment.id)).one(), WANTED)
    for stranger in (cast.laoxu, cast.aming, cast.zhao):
        with pytest.raises(Refused, match="not_yours"):
            rate(session, cast.who(stranger), order.id, 5, WANTED)
    session.add(StaffRole(person_id=cast.xiaofang.id, role="organisation_member", organisation_id=cast.helpers_club.id,
                          since=NOW))  # fmt: skip
    session.flush()
    with pytest.raises(Refused, match="own_work"):
        rate(session, cast.who(cast.xiaofang), order.id, 5, WANTED)
    for score in (0, 6):
        with pytest.raises(Refused, match="bad_score"):
            rate(session, cast.who(cast.li), order.id, score, WANTED)


def test_a_bad_rating_makes_the_township_ask_once(session, cast):
    order = done(session, cast)
    for _ in range(2):
        rate(session, cast.who(cast.xiaofang), order.id, DISCONTENT, WANTED)
    assert tasks(session, "follow_up") == [(cast.township.id, "open")]


def test_who_has_no_wechat_is_asked_by_a_cadre_a_day_later_unless_it_was_rated(session, cast):
    done(session, cast)
    rated = done(session, cast, "k2")
    rate(session, cast.who(cast.xiaofang), rated.id, CONTENT, WANTED)
    assert ask_after(session, WANTED + timedelta(hours=23)) == 0
    assert [ask_after(session, WANTED + timedelta(days=1, minutes=n)) for n in (0, 1)] == [1, 0]
    assert tasks(session, "follow_up") == [(cast.village.id, "open")]


def test_whom_wechat_reaches_is_not_asked_by_a_cadre(session, cast):
    session.add(Identity(app_id="wx-test-account", openid="o-w", person_id=cast.wangnainai.id, since=NOW))
    done(session, cast)
    assert ask_after(session, LATER) == 0


def test_a_complaint_goes_past_the_village_to_the_township_and_its_words_stay_there(session, cast):
    order = done(session, cast)
    said = "来的人态度很差，王奶奶哭了"
    found = complain(session, cast.who(cast.xiaofang), order.id, said, WANTED)
    assert complain(session, cast.who(cast.xiaofang), order.id, said, WANTED).id == found.id
    assert tasks(session, "complaint") == [(cast.township.id, "open")]
    assert cast.li.id not in told(session, "tasks.assigned")[-1:]
    facts = [letter.facts for letter in session.scalars(select(Letter))]
    facts += [task.facts for task in session.scalars(select(Task))]
    assert not any("态度" in str(one) for one in facts)
    for stranger in (cast.li, cast.zhao, cast.laoxu):
        with pytest.raises(Refused, match="not_yours"):
            complaint_for(session, cast.who(stranger), found.id)
    assert complaint_for(session, cast.who(cast.chen), found.id).words == said
    with pytest.raises(Refused, match="answer_needed"):
        settle(session, cast.who(cast.chen), found.id, " ", WANTED)
    settle(session, cast.who(cast.chen), found.id, "已经换人，并上门道歉", WANTED)
    settle(session, cast.who(cast.chen), found.id, "再来一次", WANTED)
    assert told(session, "ordering.complaint_settled") == [cast.xiaofang.id]
    assert tasks(session, "complaint") == [(cast.township.id, "cancelled")]


def test_an_empty_complaint_or_a_strangers_is_none(session, cast):
    order = done(session, cast)
    with pytest.raises(Refused, match="answer_needed"):
        complain(session, cast.who(cast.xiaofang), order.id, "  ", WANTED)
    with pytest.raises(Refused, match="note_long"):
        complain(session, cast.who(cast.xiaofang), order.id, "长" * 501, WANTED)
    with pytest.raises(Refused, match="not_yours"):
        complain(session, cast.who(cast.aming), order.id, "不好", WANTED)
    assert complain(session, cast.who(cast.xiaofang), order.id, "", WANTED, media_id="voice-1").media_id == "voice-1"


def test_what_was_not_right_is_offered_anew_once_also_to_who_did_it(session, cast):
    order = done(session, cast)
    wanted = LATER + timedelta(days=1)
    reopen(session, cast.who(cast.xiaofang), order.id, "没理完", wanted, LATER)
    reopen(session, cast.who(cast.li), order.id, "没理完", wanted, LATER)
    assert (order.state, order.preferred_at, order.reopened, order.completed_at) == ("open", wanted, True, None)
    assert not is_overdue(order, WorkCalendar(), LATER)  # a new promise
    offer = offer_of(session, order)
    tells = session.scalars(select(Task).where(Task.kind == "tell_in_person", Task.state == "open")).all()
    assert [task.facts["letter_kind"] for task in tells] == ["ordering.reopened"]
    member = cast.laoxu if offer.organisation_id == cast.helpers_club.id else cast.xiaohong
    accept(session, cast.who(member), offer.id, LATER)
    complete(session, cast.who(member), offer.id, wanted)
    with pytest.raises(Refused, match="reopened_already"):
        reopen(session, cast.who(cast.xiaofang), order.id, "", wanted + timedelta(days=2), wanted)


def test_after_a_week_it_is_closed_and_not_taken_up_again_but_for_an_open_complaint(session, cast):
    quiet, loud = done(session, cast), done(session, cast, "k2")
    found = complain(session, cast.who(cast.xiaofang), loud.id, "没有来", LATER)
    week = WANTED + timedelta(days=7)
    assert close_old(session, week - timedelta(seconds=1)) == 0
    assert close_old(session, week) == 1
    assert (quiet.state, loud.state) == ("closed", "completed")
    for order in (quiet, loud):
        with pytest.raises(Refused, match="too_late"):
            reopen(session, cast.who(cast.xiaofang), order.id, "", week + timedelta(days=1), week)
    settle(session, cast.who(cast.chen), found.id, "已道歉", week)
    assert close_old(session, week) == 1
    assert set(session.scalars(select(Order.state))) == {"closed"}
    assert rate(session, cast.who(cast.xiaofang), quiet.id, 5, week).score == 5


def test_of_two_who_reopen_at_once_there_is_one_offer(open_session, cast):
    with open_session() as session, session.begin():
        key = done(session, cast).id

    def again(who):
        with open_session() as session, session.begin():
            reopen(session, cast.who(who), key, "", LATER + timedelta(days=1), LATER)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(again, (cast.xiaofang, cast.li)))
    with open_session() as session:
        offers = session.scalars(select(Assignment.id).where(Assignment.state == "offered")).all()
        assert len(offers) == 1
        assert session.scalars(select(Complaint)).all() == []
