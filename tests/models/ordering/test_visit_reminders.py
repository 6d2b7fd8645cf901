"""A visit is reminded of by its rules: the household and who goes, each at their own hour, once, wherever it moves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from handlers.ordering.letter_words import letter as in_words
from models.errors import Refused
from models.family.parting import part
from models.hours import CHINA, CalendarOverride
from models.life import By
from models.messages.letters import Letter
from models.messages.looking import resend
from models.messages.rules import Rule, put_rule
from models.ordering.dispatch import complete, hand_back, set_out
from models.ordering.placing import cancel
from models.ordering.proxies import ask_family
from models.ordering.reminding import REMINDER, coming, remind_these
from models.ordering.visiting import arrive, find_nobody, finish, name_person
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.persons import Person, move_to_zone
from models.register import LIVES
from models.reminding import REMINDED, person_moved_zone
from models.tasks.undelivered import hand_over
from scheduler.plan import plan_anew
from tests.cast import APP_ID
from tests.models.messages.test_outbox import claimed
from tests.models.messages.test_rules import committed, hands, somebody_waits
from tests.models.ordering.test_dispatch import WANTED
from tests.models.ordering.test_visiting import named, taken_on
from tests.world import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEXT_WEEK = WANTED + 6 * DAY  # a Tuesday
MADRID = ZoneInfo("Europe/Madrid")


def follows(session, person):
    """王奶奶 has a phone of her own."""
    session.add(Identity(app_id=APP_ID, openid=f"o-{person.id}", person_id=person.id, since=NOW))
    session.flush()


def letters(session, state="planned"):
    query = select(Letter).where(Letter.kind == REMINDER, Letter.state == state).order_by(Letter.due_at, Letter.id)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def due(session, state="planned"):
    """(rule, role, person) → when."""
    return {(one.facts["rule"], one.facts["role"], one.person_id): one.due_at for one in letters(session, state)}


def eve(start, zone):
    """Six in the evening of the day before, by the clock of the reader."""
    return datetime.combine(start.astimezone(zone).date() - DAY, time(18), zone)


def test_the_resident_is_reminded_the_evening_before_and_an_hour_before_and_who_goes_the_evening_before(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    assert due(session) == {
        ("eve", "beneficiary", cast.wangnainai.id): eve(WANTED, CHINA),
        ("t-1h", "beneficiary", cast.wangnainai.id): WANTED - HOUR,
        ("eve", "provider", cast.ama.id): eve(WANTED, CHINA),
    }
    assert {(one.subject, one.about_id) for one in letters(session)} == {(visit.subject, cast.wangnainai.id)}
    named(session, cast, offer)  # a double tap
    assert len(letters(session)) == 3


@pytest.mark.case("J12")
def test_where_wechat_does_not_reach_the_resident_who_ordered_is_reminded_in_their_own_evening(session, cast):
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    assert due(session) == {
        ("eve", "requester", cast.xiaofang.id): eve(WANTED, MADRID),
        ("eve", "provider", cast.ama.id): eve(WANTED, CHINA),
    }


def test_a_resident_who_ordered_alone_and_is_not_reached_now_is_phoned_by_a_cadre(session, cast):
    order, offer = taken_on(session, cast)
    order.requested_by_id = cast.wangnainai.id
    session.flush()
    named(session, cast, offer)
    assert ("eve", "beneficiary", cast.wangnainai.id) in due(session)
    (waiting,) = [one.id for one in letters(session) if one.facts["role"] == "beneficiary" and "eve" in one.key]
    assert waiting in claimed(session, now=eve(WANTED, CHINA) + timedelta(minutes=1)).homeless


@pytest.mark.parametrize("ends", ["revoked", "expires", "later", "never"])
def test_who_may_act_no_more_when_the_visit_comes_is_not_reminded_of_it(session, cast, ends):
    _, offer = taken_on(session, cast)
    link = session.scalars(select(CareLink)).one()
    link.expires_at = {"expires": WANTED - HOUR, "later": WANTED + HOUR}.get(ends)
    session.flush()
    named(session, cast, offer)
    if ends == "revoked":
        assert ("eve", "requester", cast.xiaofang.id) in due(session)
        ask_family(session, part(session, cast.who(cast.xiaofang), link.id, NOW), NOW)
        assert ("eve", "requester", cast.xiaofang.id) in due(session, "withdrawn")
    reader = ("requester", cast.xiaofang.id) if ends in ("later", "never") else ("beneficiary", cast.wangnainai.id)
    assert {key[1:] for key in due(session)} == {reader, ("provider", cast.ama.id)}


@pytest.mark.case("J9")
def test_a_visit_agreed_inside_the_window_skips_what_is_past(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    late = WANTED - HOUR / 2
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=late)
    assert letters(session) == []
    assert claimed(session, now=late).letters != []  # that who comes is news, all the same


@pytest.mark.case("E1")
def test_a_visit_that_is_moved_is_reminded_of_at_its_new_time_alone(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    later = WANTED + 2 * DAY
    assert named(session, cast, offer, starts_at=later).id == visit.id
    assert set(due(session).values()) == {eve(later, CHINA), later - HOUR}
    assert len(letters(session, "withdrawn")) == 3
    assert {one.facts["starts_at"] for one in letters(session)} == {later.isoformat()}


@pytest.mark.case("E1", "J9")
def test_what_a_cadre_was_to_tell_of_the_old_time_is_told_no_more(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    letters(session)[0].state = "dead"
    session.flush()
    task = hand_over(session, letters(session, "dead")[0], NOW)
    named(session, cast, offer, starts_at=NEXT_WEEK)
    session.refresh(task)
    assert (visit.starts_at, task.state) == (NEXT_WEEK, "cancelled")


def test_moved_after_the_evenings_word_was_said_it_is_said_again_for_the_new_day_and_never_twice_for_one(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    evening = eve(WANTED, CHINA) + timedelta(minutes=1)
    said = [one for one in claimed(session, now=evening).letters if one.kind == REMINDER]
    assert len(said) == 2
    session.expire_all()
    # Later on the same day: its evening is over.
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, starts_at=WANTED + HOUR, now=evening)
    assert set(due(session)) == {("t-1h", "beneficiary", cast.wangnainai.id)}
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, starts_at=WANTED + DAY, now=evening)
    assert due(session)["eve", "provider", cast.ama.id] == eve(WANTED + DAY, CHINA)


def test_another_room_at_the_same_time_is_no_move_for_those_who_are_reminded(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    before = {one.id: one.due_at for one in letters(session)}
    named(session, cast, offer, room_id=cast.stations[0].room_id)
    assert (visit.revision, {one.id: one.due_at for one in letters(session)}) == (0, before)


def test_a_stand_in_is_reminded_in_the_place_of_who_was_to_go(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    second = named(session, cast, offer, cast.laoxu)
    assert {one.subject for one in letters(session)} == {second.subject}
    assert {key[1:] for key in due(session)} == {("beneficiary", cast.wangnainai.id), ("provider", cast.laoxu.id)}
    assert {one.facts["visitor"] for one in letters(session)} == {"老徐"}


def test_a_move_that_is_refused_leaves_the_reminders_as_they_were(session, cast):
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    _, second = taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={})
    named(session, cast, second, cast.laoxu, starts_at=WANTED + 2 * HOUR)
    before = due(session)
    with pytest.raises(Refused, match="slot_taken"):
        named(session, cast, offer, starts_at=WANTED + 2 * HOUR)
    assert due(session) == before


@pytest.mark.case("E9")
@pytest.mark.parametrize("end", ["cancel", "hand_back", "complete", "finish", "nobody", "arrive", "hospital"])
def test_a_visit_that_is_over_or_off_is_reminded_of_no_more(session, cast, end):
    follows(session, cast.wangnainai)
    order, offer = taken_on(session, cast)
    visit, team = named(session, cast, offer), cast.who(cast.laoxu)
    if end == "cancel":
        cancel(session, cast.who(cast.xiaofang), order.id, "不需要了", NOW)
    elif end == "hand_back":
        hand_back(session, team, offer.id, "人手不够", NOW)
    elif end == "complete":
        complete(session, team, offer.id, NOW)
    elif end == "hospital":
        from handlers.people.befalling import mark

        mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW)
    else:
        report = {"finish": finish, "nobody": find_nobody, "arrive": arrive}[end]
        report(session, team, visit.id, NOW, NOW)
    assert letters(session) == []
    assert len(letters(session, "withdrawn")) == 3
    assert remind_these(session, NOW, coming(session, NOW, 0, 99)) == 0
    assert letters(session) == []


def test_who_has_set_out_is_still_expected_and_the_hour_before_is_said(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    set_out(session, cast.who(cast.ama), offer.id, WANTED - 2 * HOUR)
    assert ("t-1h", "beneficiary", cast.wangnainai.id) in due(session)


# Rules, days and zones.


@pytest.mark.case("J10")
@pytest.mark.parametrize("kind", [one.kind for one in REMINDED])
def test_an_edited_rule_plans_the_visits_anew_once_whoever_runs_and_those_of_another_kind_not(open_session, cast, kind):
    committed(open_session, lambda session: named(session, cast, taken_on(session, cast)[1], starts_at=NEXT_WEEK))
    committed(
        open_session, lambda session: put_rule(session, Rule(kind, "*", "eve", "day_at", days=2, at=time(9)), NOW)
    )
    together = Barrier(2)

    def tick(_):
        together.wait()
        return plan_anew(hands(open_session))

    with ThreadPoolExecutor(2) as pool:
        counts = sorted(pool.map(tick, range(2)))
    assert counts == ([0, 1] if kind == REMINDER else [0, 0])
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        two_days = datetime.combine(NEXT_WEEK.astimezone(CHINA).date() - 2 * DAY, time(9), CHINA)
        found = due(session)["eve", "provider", cast.ama.id]
        assert found == (two_days if kind == REMINDER else eve(NEXT_WEEK, CHINA))
        assert len(letters(session)) == 2


@pytest.mark.case("J19")
def test_a_day_that_the_county_takes_away_moves_what_counts_working_days(open_session, cast):
    def prepare(session):
        put_rule(session, Rule(REMINDER, "provider", "eve", "workdays_at", days=1, at=time(18)), NOW)
        return named(session, cast, taken_on(session, cast)[1], starts_at=NEXT_WEEK)

    committed(open_session, prepare)
    plan_anew(hands(open_session))
    with open_session() as session:
        before = due(session)["eve", "provider", cast.ama.id]
    day = before.astimezone(CHINA).date()
    assert day == NEXT_WEEK.astimezone(CHINA).date() - DAY
    committed(open_session, lambda session: session.add(CalendarOverride(day=day, is_workday=False, name="台风停工")))
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert due(session)["eve", "provider", cast.ama.id] == before - 3 * DAY  # the Friday before


@pytest.mark.case("E1", "E9")
def test_a_visit_moved_or_ended_while_rules_are_carried_out_leaves_no_old_letter(open_session, engine, cast):
    def prepare(session):
        first, second = taken_on(session, cast), taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={})
        named(session, cast, first[1])
        named(session, cast, second[1], cast.laoxu, starts_at=WANTED + 3 * HOUR)
        return first[1].id, second[1].id

    first, second = committed(open_session, prepare)

    def anew():
        return committed(open_session, lambda session: remind_these(session, NOW, coming(session, NOW, 0, 99)))

    with ThreadPoolExecutor(1) as pool:
        with open_session() as session, session.begin():
            name_person(session, cast.who(cast.laoxu), first, cast.ama.id, starts_at=WANTED + DAY, now=NOW)
            hand_back(session, cast.who(cast.laoxu), second, "", NOW)
            waiting = pool.submit(anew)
            somebody_waits(engine)
        assert waiting.result(timeout=20) == 1
    with open_session() as session:
        live = letters(session)
        assert {(one.revision, one.facts["starts_at"]) for one in live} == {(1, (WANTED + DAY).isoformat())}
        assert len({one.subject for one in live}) == 1


@pytest.mark.case("D10")
def test_who_has_ordered_goes_or_is_visited_and_lives_elsewhere_now_is_reminded_at_the_hour_there(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    for person, role in ((cast.wangnainai, "beneficiary"), (cast.ama, "provider")):
        move_to_zone(session, session.get_one(Person, person.id), "Asia/Tokyo")
        person_moved_zone(session, person.id, NOW)
        assert due(session)["eve", role, person.id] == eve(WANTED, ZoneInfo("Asia/Tokyo"))
    assert len(letters(session)) == 3


# What it says.


def said(session, role, zone=CHINA):
    (one,) = [letter for letter in letters(session) if (letter.facts["role"], letter.facts["rule"]) == (role, "eve")]
    return in_words(one.kind, one.facts, zone)


def test_it_says_who_comes_when_and_where_and_whom_to_phone(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    home, goes = said(session, "beneficiary"), said(session, "provider")
    assert home.template == goes.template == "order_update"
    assert home.fields["state"] == "上门提醒"
    assert "老徐好帮手的阿妈上门为您做“爱心送餐”" in home.text
    assert "请您在家等候" in home.text
    assert "到葛山村王秀英家为王秀英做" in goes.text
    for wording in (home, goes):
        assert "{" not in wording.text
        assert wording.text.endswith("有问题请打葛山村党群服务中心电话0578-5550101。")


@pytest.mark.case("D10")
def test_who_ordered_from_abroad_reads_both_clocks(session, cast):
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    text = said(session, "requester", MADRID).text
    assert "国内" in text
    assert "马德里" in text
    assert "请告诉王秀英一声" in text


def test_at_the_centre_nobody_waits_at_home(session, cast):
    follows(session, cast.wangnainai)
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    one = letters(session)[0]
    home = in_words(one.kind, {**one.facts, "mode": "at_centre", "role": "beneficiary"}, CHINA)
    assert (home.fields["state"], "请您准时到葛山村党群服务中心" in home.text) == ("服务提醒", True)
    assert "家" not in home.text.replace("大家", "")


def test_after_the_visit_began_the_desk_does_not_send_its_reminder_again(session, cast):
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    one = letters(session)[0]
    one.state = "delivered"
    session.flush()
    with pytest.raises(Refused, match="over"):
        resend(session, one.id, lives=LIVES, by=By(cast.li.id, "cadre"), reason="没看到", now=WANTED + HOUR)
