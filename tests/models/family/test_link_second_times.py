"""What is between two people ends, waits or comes back a second time: nobody hears what is not so, nothing is lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.people.befalling import mark
from handlers.people.words import letter as said
from models.errors import Refused
from models.family.calls import FamilyCall, locked
from models.family.ending import call_off
from models.family.news import photo_for, photo_of, send_photo, write
from models.family.pairing import ask_overdue, pair, touch
from models.family.pairing import part as unpair
from models.family.parting import agree, lapse_over, part, take_back
from models.family.telling import remind_these
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.media import Attached, Kept, media_of, settle_media
from models.people import consent
from models.people.care import CareLink
from models.tasks import linking
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.letters import posted
from tests.models.family.in_turn import one_comes_between
from tests.models.family.test_after import paired, with_photo
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.models.family.test_outcomes import became
from tests.models.family.test_parting import link_of
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AFTER = SUNDAY_16 + 25 * MINUTE


def planned(session, kind, person=None):
    query = select(Letter).where(Letter.kind == kind, Letter.state == "planned").order_by(Letter.id)
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    return [one for one in found if person is None or one.person_id == person.id]


def phoned(session, letter, now=NOW):
    """The task of a cadre to say what a letter could not."""
    letter.state = "dead"
    session.flush()
    return hand_over(session, letter, now)


def asked(session, cast, relative=None, state="asked"):
    """阿明, or another, has asked for a link to 王奶奶 that nobody has answered yet; or it holds."""
    person = (relative or cast.aming).id
    link = CareLink(relative_id=person, cared_id=cast.wangnainai.id, kinship="邻居", state=state, asked_at=NOW)
    session.add(link)
    session.flush()
    return link


def confirmed(session, cast):
    """阿明 has asked, and a cadre has confirmed it; 阿明 has not heard of that yet."""
    link = asked(session, cast)
    linking.answer(session, cast.who(cast.li), link.id, "confirm", NOW)
    return link


# In hospital.


def test_a_link_confirmed_before_a_stay_in_hospital_is_told(session, cast):
    confirmed(session, cast)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW + MINUTE)
    assert len(planned(session, "people.link_confirmed", cast.aming)) == 1


def test_the_end_of_a_link_before_a_stay_in_hospital_is_told(session, cast):
    part(session, cast.who(cast.li), link_of(session, cast).id, NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW + MINUTE)
    assert len(planned(session, "people.link_revoked", cast.xiaofang)) == 1


def test_of_a_link_to_who_has_died_nobody_hears_any_more(session, cast):
    confirmed(session, cast)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "die", NOW + MINUTE)
    assert planned(session, "people.link_confirmed", cast.aming) == []


# News from home.


def news(session, cast, text="好", now=NOW, photo=None):
    return write(session, cast.who(cast.li), cast.wangnainai.id, text, now, photo)


def agreed(session, cast, *kinds):
    for kind in kinds or ("home_news",):
        agree(session, cast.who(cast.li), cast.wangnainai.id, kind, NOW)


def taken_back(session, cast, kind="home_news", now=NOW + MINUTE):
    take_back(session, cast.who(cast.li), cast.wangnainai.id, kind, now)


def test_consent_given_again_says_the_news_that_waited(session, cast):
    agreed(session, cast)
    news(session, cast)
    taken_back(session, cast)
    assert planned(session, "family.news") == []
    agreed(session, cast)
    assert len(planned(session, "family.news", cast.xiaofang)) == 1
    with pytest.raises(Refused, match="news_this_month"):
        news(session, cast, now=NOW + 3 * MINUTE)
    agreed(session, cast)
    assert len(planned(session, "family.news")) == 1


def test_consent_given_again_says_nothing_to_who_has_heard_or_was_linked_since(session, cast):
    agreed(session, cast)
    news(session, cast)
    planned(session, "family.news")[0].state = "delivered"
    confirmed(session, cast)
    taken_back(session, cast)
    agreed(session, cast)
    assert planned(session, "family.news") == []


def test_news_of_last_month_are_not_said_when_the_consent_is_given_again(session, cast):
    agreed(session, cast)
    news(session, cast)
    taken_back(session, cast)
    agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW + 31 * DAY)
    assert planned(session, "family.news") == []


def test_what_nobody_has_heard_makes_way_for_what_is_written_anew(session, cast):
    agreed(session, cast, "home_news", "photos")
    first = news(session, cast, photo=Attached("image", "media-1"))
    (old,) = media_of(session, first.subject)
    taken_back(session, cast)
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW + 2 * MINUTE)
    again = news(session, cast, "更好", NOW + 3 * MINUTE)
    assert (again.id, again.text) == (first.id, "更好")
    assert len(planned(session, "family.news", cast.xiaofang)) == 1
    settle_media(session, old.id, Kept("jpg", 7), NOW + 4 * MINUTE)
    assert photo_of(session, again) is None
    with pytest.raises(Refused, match="not_yours"):
        photo_for(session, cast.who(cast.xiaofang), again.id, old.id)
    with pytest.raises(Refused, match="news_this_month"):
        news(session, cast, "又一封", NOW + 5 * MINUTE)


def test_news_that_a_cadre_was_to_phone_are_said_again_too(session, cast):
    agreed(session, cast)
    news(session, cast)
    task = phoned(session, planned(session, "family.news")[0])
    taken_back(session, cast)
    assert task.state == "cancelled"
    agreed(session, cast)
    assert len(planned(session, "family.news", cast.xiaofang)) == 1


def test_a_photo_is_sent_once_more_when_the_consent_is_given_again(session, cast):
    found, _ = with_photo(session, cast)
    me = cast.who(cast.xiaofang)
    assert send_photo(session, me, found, "p", NOW)
    taken_back(session, cast, "photos")
    assert planned(session, "family.photo") == []
    agreed(session, cast, "photos")
    assert [send_photo(session, me, found, "p", NOW + 3 * MINUTE) for _ in range(2)] == [True, False]
    assert len(planned(session, "family.photo")) == 1


# Until when a link holds, and its end.


def limited(session, cast, days, now=NOW):
    """A cadre says until when 小芳's link holds, and the clock runs."""
    linking.limit(session, cast.who(cast.li), link_of(session, cast).id, NOW + days * DAY, now)
    linking.remind_of_end(session, now)
    return planned(session, "people.link_expiring", cast.xiaofang)


def test_a_link_renewed_is_not_told_to_end(session, cast):
    (letter,) = limited(session, cast, 10)
    task = phoned(session, letter)
    assert limited(session, cast, 300, NOW + MINUTE) == []
    assert task.state == "cancelled"


def test_a_link_renewed_before_anybody_said_that_it_ends_is_not_told_to_end(session, cast):
    assert len(limited(session, cast, 10)) == 1
    linking.limit(session, cast.who(cast.li), link_of(session, cast).id, None, NOW + MINUTE)
    assert planned(session, "people.link_expiring") == []


def test_a_link_limited_to_the_same_day_a_second_time(session, cast):
    for minute, days in enumerate((10, 12, 10)):
        (letter,) = limited(session, cast, days, NOW + minute * MINUTE)
        assert letter.facts["at"] == (NOW + days * DAY).isoformat()
        letter.state = "delivered"
    assert limited(session, cast, 10, NOW + HOUR) == [], "it is the end of which they know"


def test_an_end_that_came_back_before_the_clock_ran_is_told(session, cast):
    assert len(limited(session, cast, 10)) == 1
    linking.limit(session, cast.who(cast.li), link_of(session, cast).id, NOW + 12 * DAY, NOW + MINUTE)
    assert len(limited(session, cast, 10, NOW + 2 * MINUTE)) == 1


@pytest.mark.parametrize("renewed", [False, True])
def test_what_else_is_said_of_a_link_stands_when_it_is_limited(session, cast, renewed):
    link = confirmed(session, cast)
    for days in (10, 300) if renewed else (10,):
        linking.limit(session, cast.who(cast.li), link.id, NOW + days * DAY, NOW)
        linking.remind_of_end(session, NOW)
    assert len(planned(session, "people.link_confirmed", cast.aming)) == 1


@pytest.mark.parametrize("who", ["li", "aming"])
def test_a_link_that_ended_before_it_was_told_is_not_told_as_confirmed(session, cast, who):
    link = confirmed(session, cast)
    part(session, cast.who(getattr(cast, who)), link.id, NOW + HOUR)
    assert planned(session, "people.link_confirmed") == []
    assert len(planned(session, "people.link_revoked", cast.aming)) == (who == "li")


def test_a_link_whose_time_has_come_is_not_told_to_be_near_its_end(session, cast):
    assert len(limited(session, cast, 10)) == 1
    assert len(lapse_over(session, NOW + 10 * DAY)) == 1
    assert planned(session, "people.link_expiring") == []
    (told,) = planned(session, "people.link_lapsed", cast.xiaofang)
    assert "到期了" in said(told.kind, told.facts, CHINA).text


def test_who_asked_for_a_link_that_nobody_answered_hears_that_it_lapsed(session, cast):
    asked(session, cast)
    assert linking.lapse_old(session, NOW + 15 * DAY) == 1
    (told,) = planned(session, "people.link_lapsed", cast.aming)
    text = said(told.kind, told.facts, CHINA).text
    assert "没有答复" in text
    assert "王" not in text, "whom it was about they may not know"
    assert "视频" not in text, "there was nothing to be cancelled"


# What was still to be said about who they were linked to.


def unlinked(session, cast, now=NOW + HOUR):
    part(session, cast.who(cast.li), link_of(session, cast).id, now)


def test_news_from_home_do_not_go_to_whom_the_link_has_ended(session, cast):
    other = sister(session, cast)
    agreed(session, cast)
    news(session, cast)
    task = phoned(session, planned(session, "family.news", cast.xiaofang)[0])
    unlinked(session, cast)
    assert task.state == "cancelled"
    assert [one.person_id for one in planned(session, "family.news")] == [other.id]
    assert len(planned(session, "people.link_revoked", cast.xiaofang)) == 1


def test_news_that_wait_do_not_go_to_whom_the_link_has_ended(session, cast):
    agreed(session, cast)
    news(session, cast)
    unlinked(session, cast)
    assert planned(session, "family.news") == []


def test_a_relative_whose_link_ended_hears_no_more_of_a_makeup(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "resident_no_show", AFTER)
    assert len(planned(session, "family.resident_no_show", cast.xiaofang)) == 1
    unlinked(session, cast, AFTER + MINUTE)
    assert planned(session, "family.resident_no_show", cast.xiaofang) == []


def test_that_a_call_is_off_is_said_though_the_link_has_ended(session, cast):
    call = booked(session, cast)
    call_off(session, cast.who(cast.li), call.id, "停电", "请改约下周", NOW)
    unlinked(session, cast)
    assert len(planned(session, "family.cancelled", cast.xiaofang)) == 1


def test_who_helps_with_a_call_hears_of_it_though_their_own_link_has_ended(session, cast):
    call = booked(session, cast)
    link = asked(session, cast, cast.li, state="confirmed")
    before = [one.key for one in planned(session, "family.reminder", cast.li)]
    part(session, cast.who(cast.chen), link.id, NOW + HOUR)
    assert call.helper_id == cast.li.id
    assert len(planned(session, "family.booked", cast.li)) == 1
    assert [one.key for one in planned(session, "family.reminder", cast.li)] == before != []


def test_a_helper_of_a_pair_who_was_linked_too_hears_of_the_pair(session, cast):
    link = asked(session, cast, cast.laoxu, state="confirmed")
    paired(session, cast, cast.laoxu)
    part(session, cast.who(cast.li), link.id, NOW + HOUR)
    assert len(planned(session, "family.paired", cast.laoxu)) == 1


def test_who_was_linked_and_still_answers_for_an_organisation_hears_of_its_orders(session, cast):
    link = asked(session, cast, cast.laoxu, state="confirmed")
    for reader in (cast.laoxu, cast.xiaofang):
        posted(session, key=f"nag/{reader.id}", person_id=reader.id, kind="ordering.nag", subject="order:1",
               about_id=cast.wangnainai.id, facts={}, now=NOW)  # fmt: skip
    part(session, cast.who(cast.li), link.id, NOW + HOUR)
    unlinked(session, cast)
    assert [one.person_id for one in planned(session, "ordering.nag")] == [cast.laoxu.id]


# Pairs.

LATE = NOW + 8 * DAY


def due(session):
    """The states of the tasks to look in, in the order in which they were opened."""
    return list(session.scalars(select(Task.state).where(Task.kind == "pairing_due").order_by(Task.id)))


def overdue(session, cast):
    """老徐, a volunteer, was to look in within a week, and has not."""
    found = paired(session, cast, cast.laoxu)
    assert ask_overdue(session, LATE) == 1
    return found


@pytest.mark.parametrize("state", ["planned", "dead"])
def test_a_volunteer_who_has_been_in_touch_is_not_asked_to(session, cast, state):
    found = overdue(session, cast)
    (letter,) = planned(session, "family.pairing_due")
    task = phoned(session, letter, LATE) if state == "dead" else None
    touch(session, cast.who(cast.laoxu), found.id, "visit", LATE, LATE + MINUTE)
    assert (planned(session, "family.pairing_due"), due(session)) == ([], ["done"])
    assert task is None or task.state == "cancelled"
    assert len(planned(session, "family.paired")) == 1


@pytest.mark.parametrize("who", ["li", "laoxu"])
def test_a_volunteer_of_no_pair_any_more_is_not_asked_to_look_in(session, cast, who):
    found = overdue(session, cast)
    task = phoned(session, planned(session, "family.pairing_due")[0], LATE)
    unpair(session, cast.who(getattr(cast, who)), found.id, LATE + MINUTE)
    assert task.state == "cancelled"
    assert planned(session, "family.paired") == []
    assert len(planned(session, "family.parted", cast.laoxu)) == (who == "li")


def test_who_was_to_look_in_on_somebody_who_moved_away_is_not_asked_to(session, cast):
    overdue(session, cast)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "move_away", LATE + MINUTE)
    assert (planned(session, "family.pairing_due"), due(session)) == ([], ["cancelled"])


def test_a_contact_told_late_that_is_overdue_itself_opens_no_second_task(session, cast):
    found, late = paired(session, cast, cast.laoxu), NOW + 20 * DAY
    ask_overdue(session, late)
    touch(session, cast.who(cast.laoxu), found.id, "visit", NOW + 5 * DAY, late)
    assert ask_overdue(session, late + MINUTE) == 1
    assert due(session) == ["done", "open"]
    assert len(planned(session, "family.pairing_due")) == 1


def test_a_contact_told_late_of_before_the_last_one_leaves_the_task(session, cast):
    found = paired(session, cast, cast.laoxu)
    touch(session, cast.who(cast.laoxu), found.id, "visit", NOW + DAY, NOW + DAY)
    ask_overdue(session, NOW + 9 * DAY)
    for hours in (1, -2, -1):  # since before they were paired counts too
        touch(session, cast.who(cast.laoxu), found.id, "phone", NOW + hours * HOUR, NOW + 9 * DAY)
    assert due(session) == ["open"]
    assert len(planned(session, "family.pairing_due")) == 1


def test_contacts_of_before_they_were_paired_leave_the_task(session, cast):
    found = overdue(session, cast)
    for hours in (2, 1):
        touch(session, cast.who(cast.laoxu), found.id, "phone", NOW - hours * HOUR, LATE)
    assert due(session) == ["open"]


def test_a_rhythm_by_which_nothing_is_overdue_ends_the_task(session, cast):
    overdue(session, cast)
    pair(session, cast.who(cast.li), cast.laoxu.id, cast.wangnainai.id, 14, LATE)
    assert (planned(session, "family.pairing_due"), due(session)) == ([], ["cancelled"])
    assert ask_overdue(session, NOW + 15 * DAY) == 1
    assert len(planned(session, "family.pairing_due")) == 1


def test_a_rhythm_that_comes_back_asks_for_the_same_day_again(session, cast):
    overdue(session, cast)
    for days in (30, 7):
        pair(session, cast.who(cast.li), cast.laoxu.id, cast.wangnainai.id, days, LATE)
    assert ask_overdue(session, LATE + MINUTE) == 1
    assert due(session) == ["cancelled", "open"]
    assert len(planned(session, "family.pairing_due")) == 1


def test_a_rhythm_by_which_it_is_overdue_still_asks_once(session, cast):
    found, late = paired(session, cast, cast.laoxu), NOW + 20 * DAY
    ask_overdue(session, late)
    pair(session, cast.who(cast.li), cast.laoxu.id, cast.wangnainai.id, 14, late)
    assert ask_overdue(session, late + MINUTE) == 0
    assert (found.every_days, due(session)) == (14, ["open"])


def test_a_link_that_ends_while_its_call_is_planned_anew_waits_for_that(open_session, cast, engine):
    with open_session() as session, session.begin():
        call, link = booked(session, cast).id, link_of(session, cast).id
    with one_comes_between(open_session, engine, lambda s: part(s, cast.who(cast.li), link, NOW)) as (clock, comes):
        locked(clock, call)
        comes()
        remind_these(clock, NOW, [call])
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "cancelled"
