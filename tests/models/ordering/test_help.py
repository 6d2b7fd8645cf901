"""Calls for help: heard at once where it burns, read by those alone whom they concern, done, told, counted, on time."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from models.errors import Refused
from models.history import history_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.media import Attached, Gone, Kept, Media, NotYet, claim_media, settle_media
from models.ordering.emergencies import emergency_in
from models.ordering.help import HelpRequest, help_counts, help_for, help_waiting, notes_of
from models.ordering.helping import (
    ask_for_help,
    assign,
    close,
    finish,
    help_of,
    helpers_for,
    look_at_help,
    note,
    withdraw,
)
from models.ordering.lost_media import ask_again
from models.people.staff import StaffRole
from models.tasks.desk import tasks_for
from models.tasks.escalation import Escalation, escalate
from models.tasks.tasks import Task
from tests.models.ordering.voicing import calls, joins, lives, says, words
from tests.world import NOW

SECRET = "婆媳矛盾闹得厉害，想请人劝劝"


@pytest.fixture
def chen(cast):
    return cast.who(cast.chen)


@pytest.fixture
def li(cast):
    return cast.who(cast.li)


def told(session):
    query = select(Letter).where(Letter.kind.startswith("ordering.matter_")).order_by(Letter.id)
    return [(letter.kind, letter.person_id) for letter in session.scalars(query)]


def test_a_call_goes_from_the_clerk_to_a_cadre_and_back_as_a_result(session, cast, chen, li):
    call = calls(session, cast.who(cast.xiaofang), person=cast.wangnainai)
    assert help_waiting(session, chen) == [call]
    look_at_help(session, chen, call.id, "medical", NOW)
    assert [person.id for person in helpers_for(session, chen, call.id)] == [cast.li.id, cast.chen.id]
    assign(session, chen, call.id, cast.li.id, NOW)
    assert (help_waiting(session, chen), help_waiting(session, li)) == ([], [call])
    assert [task.kind for task in tasks_for(session, li)] == ["help_do"]
    note(session, li, call.id, "约了周四", NOW)
    for _ in range(2):
        finish(session, li, call.id, "药已经送到家里", NOW)
    assert (call.state, call.outcome, tasks_for(session, li), tasks_for(session, chen)) == (
        "done",
        "药已经送到家里",
        [],
        [],
    )
    assert told(session) == [("ordering.matter_done", cast.xiaofang.id)]
    verbs = [row.verb for row in history_of(session, call.subject)]
    assert verbs == ["begin", "triage", "assign", "finish"]


def test_a_call_without_a_name_could_not_be_helped(session, cast):
    with pytest.raises(Refused, match="name_needed"):
        calls(session, cast.who(cast.aming), anonymous=True)


@pytest.mark.case("B1")
def test_the_same_key_is_one_call_and_a_stranger_s_key_answers_nothing(session, cast):
    said = words(cast.who(cast.aming), "帮忙")
    assert len({ask_for_help(session, cast.who(cast.aming), said, NOW).id for _ in range(2)}) == 1
    with pytest.raises(Refused, match="not_yours"):
        ask_for_help(session, cast.who(cast.li), said, NOW)


@pytest.mark.case("A9")
def test_a_call_is_closed_with_a_reason_and_who_said_it(session, cast, chen):
    call = calls(session, cast.who(cast.aming))
    with pytest.raises(Refused, match="reason_missing"):
        close(session, chen, call.id, "", NOW)
    close(session, chen, call.id, "请找县医院", NOW)
    letter = session.scalars(select(Letter).where(Letter.kind == "ordering.matter_closed")).one()
    assert (letter.facts["reason"], letter.facts["who"]) == ("请找县医院", "陈干事")
    with pytest.raises(Refused, match="wrong_state"):
        finish(session, chen, call.id, "办好了", NOW)


@pytest.mark.case("L1", "L3")
def test_a_confidential_call_and_its_notes_are_read_by_who_helps_alone(session, cast, chen, li):
    joins(session, "周干事", cast.township)
    second = cast.who(cast.aming)
    call = calls(session, cast.who(cast.xiaofang), SECRET, person=cast.wangnainai, confidential=True)
    call.holder_id = chen.person_id
    for stranger in (li, second, cast.who(cast.zhao)):
        with pytest.raises(Refused, match="not_yours"):
            help_for(session, stranger, call.id)
    note(session, chen, call.id, "先打电话", NOW)
    assign(session, chen, call.id, li.person_id, NOW)
    assert [one.text for one in notes_of(session, li, call.id)] == ["先打电话"]
    for gone in (chen, cast.who(cast.xiaofang)):  # who gave it away; who told it sees the call, never the notes
        with pytest.raises(Refused, match="not_yours"):
            notes_of(session, gone, call.id)
    assert help_for(session, cast.who(cast.xiaofang), call.id)[1] == "teller"
    finish(session, li, call.id, "已经和好", NOW)
    facts = [row.facts for row in (*session.scalars(select(Letter)), *session.scalars(select(Task)))]
    assert not any(word in str(facts) for word in ("婆媳", "劝", "和好", "王秀英"))
    assert all(row.note == "" for row in history_of(session, call.subject))
    assert told(session) == [("ordering.matter_done", cast.xiaofang.id)]


@pytest.mark.case("L2")
def test_who_is_no_cadre_any_more_reads_nothing_they_once_held(session, cast, chen, li):
    call = calls(session, cast.who(cast.aming), SECRET, confidential=True)
    assign(session, chen, call.id, li.person_id, NOW)
    session.scalars(select(StaffRole).where(StaffRole.person_id == li.person_id)).one().ended_at = NOW
    session.flush()
    with pytest.raises(Refused, match="not_yours"):
        help_for(session, li, call.id)
    assert help_waiting(session, li) == []


def test_a_secret_is_never_given_to_whom_it_comes_from_and_help_only_to_cadres_over_the_place(session, cast, chen):
    call = calls(session, cast.who(cast.li), SECRET, confidential=True)
    with pytest.raises(Refused, match="no_helper"):
        assign(session, chen, call.id, cast.li.id, NOW)
    for nobody in (cast.zhao.id, cast.aming.id, 10**9):
        with pytest.raises(Refused, match="no_helper"):
            assign(session, chen, call.id, nobody, NOW)


def test_a_kind_that_is_nobody_s_business_closes_the_call_to_others(session, cast, chen):
    second = joins(session, "周干事", cast.township)
    call = calls(session, cast.who(cast.aming), "孩子学费")
    assert help_for(session, second, call.id)[1] == "clerk"
    look_at_help(session, chen, call.id, "poor_pupil", NOW)
    with pytest.raises(Refused, match="not_yours"):
        help_for(session, second, call.id)
    (task,) = session.scalars(select(Task).where(Task.subject == call.subject, Task.state == "open")).all()
    assert (task.facts["person"], task.assignee_id) == ("", chen.person_id)


def test_who_told_it_takes_it_back_and_nobody_else(session, cast, chen):
    call = calls(session, cast.who(cast.aming))
    with pytest.raises(Refused, match="not_yours"):
        withdraw(session, chen, call.id, NOW)
    for _ in range(2):
        withdraw(session, cast.who(cast.aming), call.id, NOW)
    assert (call.state, tasks_for(session, chen), told(session)) == ("withdrawn", [], [])
    assert help_of(session, cast.who(cast.aming)) == [call]


@pytest.mark.case("J19", "J21")
def test_what_nobody_looks_at_in_a_working_day_goes_up_to_the_county(session, cast):
    admin = joins(session, "吴主任", cast.county, "county_admin")
    friday = datetime(2026, 11, 27, 17, 0, tzinfo=CHINA)
    call = ask_for_help(session, cast.who(cast.aming), words(cast.who(cast.aming), "帮忙"), friday)
    assert call.due_at == datetime(2026, 11, 30, 17, 0, tzinfo=CHINA)
    for moment in (friday + timedelta(days=1), friday + timedelta(days=3, minutes=5)):
        escalate(session, moment)
    assert session.scalars(select(Escalation)).all() == []
    escalate(session, friday + timedelta(days=4, minutes=5))
    assert session.scalars(select(Letter.person_id).where(Letter.kind == "tasks.escalated")).all() == [admin.person_id]


@pytest.mark.case("A10")
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("隔壁着火了快来", "fire"), ("奶奶晕 倒了", "medical"), ("家里煤气味很重", "gas"), ("他又家暴", "violence"),
        ("活着没意思，不想活了", "despair"), ("孩子走丢了", "police"), ("山洪冲下来了", "flood"),
        ("想要老年食堂", None), ("", None),
    ],
)  # fmt: skip
def test_danger_is_heard_in_what_people_say(text, kind):
    assert emergency_in(text) == kind


@given(st.text(max_size=60))
def test_any_text_can_be_listened_to(text):
    assert emergency_in(text) is None or emergency_in(f"着火{text}") == "fire"


@pytest.mark.case("A10")
@pytest.mark.parametrize("takes", [calls, says], ids=["help", "need"])
def test_danger_is_kept_and_reaches_the_nearest_cadre_at_once(session, cast, li, chen, takes):
    thing = takes(session, cast.who(cast.aming), "我家厨房着火了")
    (task,) = tasks_for(session, li)
    assert (task.kind, task.subject, task.due_at) == ("matter_urgent", thing.subject, NOW + timedelta(minutes=30))
    letter = session.scalars(select(Letter).where(Letter.person_id == cast.li.id)).one()
    assert letter.urgency == "same_day"
    if takes is calls:
        assert help_waiting(session, li) == [thing]
        finish(session, li, thing.id, "火已扑灭，人没事", NOW)
        assert (tasks_for(session, li), tasks_for(session, chen)) == ([], [])


@pytest.mark.case("L3")
def test_danger_told_in_confidence_reaches_who_keeps_it_alone(session, cast, li, chen):
    call = calls(session, cast.who(cast.aming), "他又家暴，不要说出去", confidential=True)
    assert tasks_for(session, li) == []
    assert sorted(task.kind for task in tasks_for(session, chen)) == ["help_triage", "matter_urgent"]
    assert call.urgent


def test_calls_are_counted_by_kind_and_state_and_secrets_under_one_word(session, cast, chen):
    calls(session, cast.who(cast.aming), SECRET, confidential=True)
    for _ in range(2):
        finish(session, chen, calls(session, cast.who(cast.aming)).id, "办好了", NOW)
    look_at_help(session, chen, calls(session, cast.who(cast.aming)).id, "medical", NOW)
    calls(session, lives(session, "远", cast.other_village))
    assert help_counts(session, cast.township) == {
        ("confidential", "received"): 1, ("other", "done"): 2, ("medical", "triaged"): 1,
    }  # fmt: skip
    assert help_counts(session, cast.county, NOW + timedelta(hours=1)) == {}
    assert session.scalar(select(func.count()).select_from(HelpRequest)) == 5


def media_of(session, call):
    return session.scalars(select(Media).where(Media.subject == call.subject)).one()


@pytest.mark.case("B15")
def test_a_voice_note_is_claimed_by_one_clock_and_settled_once(session, cast):
    media = media_of(session, calls(session, cast.who(cast.aming), "", attached=(Attached("voice", "m1"),)))
    (opened,) = claim_media(session, NOW)
    assert (opened.media_id, opened.file, claim_media(session, NOW)) == ("m1", media.file, [])
    assert claim_media(session, NOW + timedelta(minutes=3)) == [opened]  # a clock that died leaves it to the next
    assert settle_media(session, media.id, Kept("amr", 900), NOW) is None
    assert settle_media(session, media.id, Gone("errcode 40007"), NOW) is None
    assert (media.state, media.format, media.size) == ("kept", "amr", 900)
    assert len({media.file, media.media_id}) == 2


def test_what_wechat_does_not_give_now_is_asked_for_again_until_it_keeps_it_no_more(session, cast):
    media = media_of(session, calls(session, cast.who(cast.aming), "", attached=(Attached("image", "m1"),)))
    waits = []
    for _ in range(6):
        now = media.next_at
        claim_media(session, now)
        settle_media(session, media.id, NotYet("Doubtful"), now)
        waits.append((media.next_at - now).total_seconds() / 60)
    assert waits == [1, 5, 30, 180, 180, 180]
    late = NOW + timedelta(days=3)
    assert settle_media(session, media.id, NotYet("Doubtful"), late) is media
    assert media.state == "lost"


@pytest.mark.parametrize("secret", [False, True])
def test_a_voice_note_that_is_lost_becomes_a_call_by_who_may_know(session, cast, chen, secret):
    call = calls(session, cast.who(cast.aming), "", attached=(Attached("voice", "m1"),), confidential=secret)
    lost = settle_media(session, media_of(session, call).id, Gone("errcode 40007"), NOW)
    for _ in range(2):
        task = ask_again(session, lost, NOW)
    assert (task.kind, task.person_id) == ("media_lost", None if secret else cast.aming.id)
    assert task.assignee_id == (chen.person_id if secret else None)
    assert [found.kind for found in tasks_for(session, chen)] == ["help_triage", "media_lost"]


def test_of_an_anonymous_voice_nobody_can_be_called(session, cast):
    need = says(session, cast.who(cast.aming), "", anonymous=True, attached=(Attached("voice", "m1"),))
    lost = settle_media(session, media_of(session, need).id, Gone("errcode 40007"), NOW)
    assert ask_again(session, lost, NOW) is None
