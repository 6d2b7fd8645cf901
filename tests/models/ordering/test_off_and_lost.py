"""Who was to help or stood in line hears that it is off or their turn; what was said and never came is still asked."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handlers.ordering.letter_words import letter
from handlers.ordering.waiting_words import letter as waiting_letter
from models.errors import Refused
from models.family.parting import part
from models.history import history_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.media import Attached, Gone, Media, settle_media
from models.ordering import triage
from models.ordering.catalogue import suspend
from models.ordering.complaints import WORDS_LIMIT, complain
from models.ordering.helping import assign, close, finish, look_at_help, withdraw
from models.ordering.joining import join, take
from models.ordering.lost_media import ask_again
from models.ordering.placing import cancel
from models.ordering.waiting import sweep_waiting
from models.people.care import CareLink
from models.tasks.tasks import TASK, Task
from tests.models.ordering.test_catalogue import MEAL, WANTED
from tests.models.ordering.test_dispatch import ordered
from tests.models.ordering.test_waiting import full, others, waits
from tests.models.ordering.voicing import calls, joins, says
from tests.world import NOW

VOICE = {"attached": (Attached("voice", "m1"),)}
DAY = timedelta(days=1)


def opened(session, kind):
    query = select(Task).where(Task.kind == kind, Task.state.not_in(TASK.ends)).order_by(Task.id)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def planned(session, kind):
    query = select(Letter.person_id).where(Letter.kind == kind, Letter.state == "planned").order_by(Letter.id)
    return list(session.scalars(query))


def lost_voice(session, thing):
    """The voice note never came, and somebody is to ask what was said."""
    media = session.scalars(select(Media).where(Media.subject == thing.subject)).one()
    return ask_again(session, settle_media(session, media.id, Gone("errcode 40007"), NOW), NOW)


def stood_in_line(session, cast):
    """阿明 stands in line for a neighbour, and their link ends; then a place comes back."""
    (first,) = full(session, cast)
    (person,) = others(session, cast, 1)
    link = CareLink(relative_id=cast.aming.id, cared_id=person.id, kinship="侄子", state="confirmed", asked_at=NOW)
    session.add(link)
    session.flush()
    entry = join(session, cast.who(cast.aming), listing_id=cast.meal.id, beneficiary_id=person.id, note="", now=NOW,
                 answers=MEAL, preferred_at=WANTED)  # fmt: skip
    part(session, cast.who(cast.li), link.id, NOW)
    cancel(session, cast.who(cast.xiaofang), first.id, "", NOW)
    return entry, person


def test_a_place_is_not_offered_to_whom_the_link_has_ended_and_somebody_hears_of_it(session, cast):
    entry, person = stood_in_line(session, cast)
    assert (entry.state, planned(session, "waiting.offered")) == ("offered", [])
    (task,) = told_to(session, person)
    assert (task.person_id, task.area_id, task.due_at) == (person.id, person.area_id, entry.answer_by)
    assert person.name in letter_of(task)
    sweep_waiting(session, entry.answer_by)
    assert entry.state == "lapsed"
    assert [one.facts["letter_kind"] for one in told_to(session, person)] == ["waiting.lapsed"]


def told_to(session, person):
    return [task for task in opened(session, "tell_in_person") if task.person_id == person.id]


def letter_of(task):
    return waiting_letter(task.facts["letter_kind"], task.facts["letter_facts"], CHINA).text


def test_who_takes_the_place_need_not_be_told_of_it(session, cast):
    entry, person = stood_in_line(session, cast)
    take(session, cast.who(cast.li), entry.id, NOW)
    assert [one for one in told_to(session, person) if one.subject == entry.subject] == []


def test_a_place_of_a_service_that_is_not_offered_any_more_is_closed_and_not_lapsed(session, cast):
    (first,) = full(session, cast)
    (person,) = others(session, cast, 1)
    entry = waits(session, cast, person)
    cancel(session, cast.who(cast.xiaofang), first.id, "", NOW)
    suspend(session, cast.who(cast.li), cast.meal.id, "师傅病了", NOW)
    sweep_waiting(session, NOW)
    assert (entry.state, planned(session, "waiting.offered")) == ("lapsed", [])
    assert (planned(session, "waiting.closed"), planned(session, "waiting.lapsed")) == ([cast.li.id], [])


@pytest.mark.parametrize("how", ["withdrawn", "another"])
def test_who_was_to_help_hears_that_they_need_not(session, cast, how):
    other = joins(session, "网格员", cast.village, "grid_officer")
    call = calls(session, cast.who(cast.aming))
    assign(session, cast.who(cast.chen), call.id, cast.li.id, NOW)
    session.execute(update(Letter).values(state="delivered"))
    if how == "withdrawn":
        withdraw(session, cast.who(cast.aming), call.id, NOW)
    else:
        assign(session, cast.who(cast.chen), call.id, other.person_id, NOW)
    assert planned(session, "ordering.help_off") == [cast.li.id]
    said = session.scalars(select(Letter).where(Letter.kind == "ordering.help_off")).one()
    assert "不用您去了" in letter(said.kind, said.facts, CHINA).text
    states = session.scalars(select(Task.state).where(Task.kind == "help_do").order_by(Task.id)).all()
    assert states == (["cancelled"] if how == "withdrawn" else ["cancelled", "open"])


@pytest.mark.parametrize("then", ["third", "done", "closed", "withdrawn", "back"])
def test_who_was_to_help_hears_it_whatever_becomes_of_it(session, cast, then):
    other, third = (joins(session, name, cast.village, "grid_officer").person_id for name in ("网格员", "网格员二"))
    call, me = calls(session, cast.who(cast.aming)), cast.who(cast.chen)
    assign(session, me, call.id, cast.li.id, NOW)
    session.execute(update(Letter).values(state="delivered"))
    session.expire_all()
    assign(session, me, call.id, other, NOW)
    if then in ("third", "back"):
        assign(session, me, call.id, third if then == "third" else cast.li.id, NOW)
    elif then == "done":
        finish(session, me, call.id, "送去了", NOW)
    elif then == "closed":
        close(session, me, call.id, "不需要了", NOW)
    else:
        withdraw(session, cast.who(cast.aming), call.id, NOW)
    assert planned(session, "ordering.help_off") == ([other] if then == "back" else [cast.li.id, other])


def test_who_gives_a_help_to_another_themselves_hears_nothing_and_of_a_secret_nothing_is_said(session, cast):
    other = joins(session, "网格员", cast.village, "grid_officer")
    call = calls(session, cast.who(cast.aming), confidential=True)
    holder = cast.chen
    assert call.holder_id == holder.id
    assign(session, cast.who(holder), call.id, cast.li.id, NOW)
    assign(session, cast.who(cast.li), call.id, other.person_id, NOW)
    assert planned(session, "ordering.help_off") == []
    withdraw(session, cast.who(cast.aming), call.id, NOW)
    (said,) = session.scalars(select(Letter).where(Letter.kind == "ordering.help_off")).all()
    assert (said.person_id, said.facts["person"]) == (other.person_id, "")


def test_a_lost_voice_is_asked_for_by_who_alone_reads_it_from_now_on(session, cast):
    call = calls(session, cast.who(cast.aming), "", **VOICE)
    lost_voice(session, call)
    look_at_help(session, cast.who(cast.chen), call.id, "other", NOW, confidential=True)
    (task,) = opened(session, "media_lost")
    assert (task.assignee_id, task.person_id) == (cast.chen.id, None)
    assign(session, cast.who(cast.chen), call.id, cast.li.id, NOW)
    assert [one.assignee_id for one in opened(session, "media_lost")] == [cast.li.id]


def test_a_lost_voice_is_asked_for_though_somebody_helps_already(session, cast):
    call = calls(session, cast.who(cast.aming), "", **VOICE)
    first = lost_voice(session, call)
    assign(session, cast.who(cast.chen), call.id, cast.li.id, NOW)
    assert [one.id for one in opened(session, "media_lost")] == [first.id]
    withdraw(session, cast.who(cast.aming), call.id, NOW)
    assert opened(session, "media_lost") == []


def test_the_lost_voice_of_a_secret_need_goes_with_it_to_its_new_holder(session, cast):
    chen, other = cast.who(cast.chen), joins(session, "二号干事", cast.township)
    need = says(session, cast.who(cast.aming), "", confidential=True, **VOICE)
    holder, to = (chen, other) if need.holder_id == cast.chen.id else (other, chen)
    lost_voice(session, need)
    triage.hand_over(session, holder, need.id, to.person_id, NOW)
    assert [one.assignee_id for one in opened(session, "media_lost")] == [to.person_id]


def test_nobody_asks_what_was_said_of_what_is_over(session, cast):
    call = calls(session, cast.who(cast.aming), "", **VOICE)
    withdraw(session, cast.who(cast.aming), call.id, NOW)
    assert lost_voice(session, call) is None


def test_what_somebody_complains_of_next_stands_with_what_they_did_before(session, cast):
    order, me = ordered(session, cast), cast.who(cast.xiaofang)
    first = complain(session, me, order.id, "送来是凉的", NOW)
    for _ in range(2):
        again = complain(session, me, order.id, "还多收了钱", NOW + DAY)
    assert (again.id, again.words) == (first.id, "送来是凉的\n还多收了钱")
    assert [line.verb for line in history_of(session, first.subject)] == ["begin", "add"]
    with pytest.raises(Refused, match="note_long"):
        complain(session, me, order.id, "长" * WORDS_LIMIT, NOW + DAY)
