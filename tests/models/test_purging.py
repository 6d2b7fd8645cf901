"""What is kept for a time only: words go, figures stay, what is under way and what is young is untouched."""

from datetime import date, timedelta

import pytest
from sqlalchemy import JSON, String, func, select

from handlers.tasks import words as task_words
from models.base import Base
from models.family.booking import book
from models.family.closing import list_shut_out
from models.family.ending import cancel as cancel_call
from models.family.news import HomeNews, news_of
from models.family.pairing import Pairing, PairingContact
from models.family.proposals import CallProposal
from models.family.reports import CallReport
from models.family.wellbeing import WellbeingTick
from models.history import History
from models.hours import CHINA
from models.life import BY_TIME
from models.messages.inbox import Dialogue
from models.messages.letters import Letter
from models.messages.media import MEDIA, Attached, Media
from models.messages.outbox import post
from models.ordering.aftercare import close_old
from models.ordering.assignments import Assignment
from models.ordering.complaints import Complaint, complain, settle
from models.ordering.help import HelpNote, HelpRequest
from models.ordering.helping import note
from models.ordering.loans import ResourceLoan
from models.ordering.needs import NeedSubmission
from models.ordering.orders import Order
from models.ordering.placing import cancel, place
from models.ordering.ratings import Rating, rate
from models.ordering.reports import report_for
from models.ordering.skills import TimeOff
from models.ordering.triage import decline, look_at
from models.places.centres import Closure
from models.purging import WORDS, forget_words
from models.tasks.desk import open_task
from models.tasks.tasks import TASK, Task
from scheduler.retention import forget_media
from scheduler.settings import ClockSettings, Hands
from tests.models.ordering.test_aftercare import LATER, done
from tests.models.ordering.test_dispatch import WANTED
from tests.models.ordering.voicing import calls, says
from tests.world import NOW

MARK = "只有我们知道的话"
NOVEMBER = date(2026, 11, 1)
YEARS_LATER = NOW + timedelta(days=1500)


def everything(session, cast):
    """One of each thing that people write words into, all of it over."""
    who = cast.who
    served, gone = done(session, cast), place(
        session, who(cast.xiaofang), listing_id=cast.meal.id, beneficiary_id=cast.wangnainai.id,
        answers={"portions": 1, "diet": "软烂"}, preferred_at=WANTED, note=MARK, client_key="gone", now=NOW,
    )  # fmt: skip
    served.note = MARK
    cancel(session, who(cast.xiaofang), gone.id, MARK, NOW)
    rate(session, who(cast.xiaofang), served.id, 3, LATER, words=MARK)
    settle(session, who(cast.chen), complain(session, who(cast.xiaofang), served.id, MARK, LATER).id, MARK, LATER)
    close_old(session, LATER + timedelta(days=60))
    need = says(session, who(cast.xiaofang), MARK)
    look_at(session, who(cast.chen), need.id, "meal", NOW)
    decline(session, who(cast.chen), need.id, MARK, NOW)
    asked = calls(session, who(cast.aming), MARK)
    note(session, who(cast.chen), asked.id, MARK, NOW)
    call = book(session, who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=NOW + timedelta(days=4, hours=6),
                client_key="c", now=NOW)  # fmt: skip
    cancel_call(session, who(cast.xiaofang), call.id, MARK, NOW)
    order_rows(session, cast, served)
    family_rows(session, cast, call)
    task = open_task(session, key="over", kind="closure", area_id=cast.village.id, subject=f"centre:{cast.centre.id}",
                     facts={"cared": MARK, "calls": []}, now=NOW, due_at=NOW)  # fmt: skip
    task.state, task.settled_at, task.held_why = "done", NOW, MARK
    session.flush()
    return served


def order_rows(session, cast, order):
    """What only a provider or a centre writes."""
    session.scalars(select(Assignment).where(Assignment.order_id == order.id)).one().reason = MARK
    session.add_all([
        TimeOff(person_id=cast.laoxu.id, starts_at=NOW, ends_at=NOW, note=MARK),
        ResourceLoan(kind="person", person_id=cast.laoxu.id, from_centre_id=cast.centre.id,
                     to_centre_id=cast.centre.id, starts_at=NOW, ends_at=NOW, state="refused", reason=MARK,
                     requested_by_id=cast.li.id, created_at=NOW),
    ])  # fmt: skip


def family_rows(session, cast, call):
    """What is written of an elder and their family, and what stands in a conversation that nobody went on with."""
    by, cared = cast.li.id, cast.wangnainai.id
    pairing = Pairing(helper_id=by, cared_id=cared, every_days=7, since=NOW)
    session.add(pairing)
    session.flush()
    said = {"happened_at": NOW, "reported_at": NOW, "by_id": by, "note": MARK}
    session.add_all([
        PairingContact(pairing_id=pairing.id, means="visit", **said),
        CallReport(call_id=call.id, what="completed", **said),
        CallProposal(call_id=call.id, seen_revision=1, starts_at=NOW, reason=MARK, otherwise="keep",
                     proposed_by_id=by, answer_by=NOW, state="declined", created_at=NOW),
        WellbeingTick(call_id=call.id, person_id=cared, verdict="follow_up", note=MARK, by_id=by, at=NOW),
        HomeNews(cared_id=cared, month="2026-11", text=MARK, written_by_id=by, at=NOW),
        Dialogue(identity_id=cast.identities[cast.aming.id].id, choices=[[MARK, "x"]], shown={"text": MARK},
                 draft={"text": MARK}, updated_at=NOW),
    ])  # fmt: skip


# Columns in which nobody's words stand: keys and names by which rows are found, codes, and what a system said.
KEYS = {"key", "client_key", "subject", "code", "name", "address", "path", "time_zone", "zone", "seal", "previous",
        "media_id", "openid", "unionid", "held_by", "resource", "resource_id", "digest", "body_hash",
        "token_hash", "password_hash", "lease_owner", "template_id", "sn",
        "model_id", "ip", "route", "certificate", "holder"}  # fmt: skip
NO_WORDS = {
    "audit.detail": "codes and keys: models/audit.py", "breakers.why": "WeChat's", "receipts.status": "WeChat's",
    "identities.unreachable_why": "WeChat's", "media.why": "WeChat's", "letters.error_detail": "WeChat's",
    "answers.body": "goes after a day", "inbox.reply": "goes with its row", "entries.state": "goes with its row",
    "entries.browser": "goes with its row", "desk_sessions.id": "goes with its row",
    "contact_steps.note": "stands with the person", "makeups.slots": "times", "waitlist_entries.warned": "codes",
    "shut_out_calls.cause": "a subject", "closures.reason": "of a place", "station_outages.reason": "of a place",
    "published_items.own": "of a centre", "demand_items.title": "of a list", "listing_versions.reason": "of a service",
    "listing_versions.providers": "codes", "tasks.but_not": "keys", "loaded_rows.said": "digests",
    **{f"{table}.{column}": "of a service" for table in ("listings", "listing_versions")
       for column in ("summary", "questions", "rules", "bring", "price")},
}  # fmt: skip


def test_every_column_that_can_hold_a_sentence_is_forgotten_or_is_known_to_hold_nobodys_words():
    longer_than_a_code = {
        str(column) for table in Base.metadata.sorted_tables for column in table.columns
        if isinstance(column.type, JSON) or (isinstance(column.type, String) and (column.type.length or 999) > 32)
        if column.name not in KEYS
    }  # fmt: skip
    forgotten = {f"{words.table.__tablename__}.{name}" for words in WORDS for name in words.blank}
    assert longer_than_a_code - forgotten == NO_WORDS.keys()


def words_left(session):
    """Every column of every table in which the words still stand."""
    found = set()
    for mapper in Order.registry.mappers:
        for column in mapper.local_table.columns:
            for value in session.scalars(select(column)):
                if MARK in str(value):
                    found.add(str(column))
    return found


@pytest.mark.case("G7", "L8")
def test_words_go_after_their_time_and_every_figure_stays(session, cast):
    everything(session, cast)
    for letter in session.scalars(select(Letter)):
        letter.settled_at, letter.state, letter.said = NOW, "delivered", MARK
    session.flush()
    assert words_left(session) >= {
        "orders.note", "orders.reason", "ratings.words", "complaints.words", "need_submissions.text", "letters.said",
        "family_calls.reason", "history.note", "help_notes.text", "assignments.reason", "time_off.note",
        "resource_loans.reason", "pairing_contacts.note", "call_reports.note", "call_proposals.reason",
        "wellbeing_ticks.note", "home_news.text", "dialogues.choices", "dialogues.shown", "dialogues.draft",
        "tasks.facts", "tasks.held_why",
    }  # fmt: skip
    before = [report_for(session, cast.who(cast.li), NOVEMBER, YEARS_LATER), _counts(session)]
    assert forget_words(session, NOW - timedelta(days=1)) == 0
    assert forget_words(session, YEARS_LATER) > 0
    session.expire_all()
    # A call for help that nobody has finished keeps its words, and so does a task.
    assert words_left(session) <= {"help_requests.text", "tasks.facts"}
    assert MARK not in str(session.scalars(select(Task.facts).where(Task.state.in_(TASK.ends))).all())
    assert news_of(session, cast.who(cast.xiaofang)) == []
    assert session.scalars(select(HelpRequest.text)).one() == MARK
    assert [report_for(session, cast.who(cast.li), NOVEMBER, YEARS_LATER), _counts(session)] == before
    assert forget_words(session, YEARS_LATER) == 0


def _counts(session):
    tables = (Order, Rating, Complaint, NeedSubmission, HelpNote, History, Letter)
    return [session.scalar(select(func.count()).select_from(table)) for table in tables]


@pytest.mark.case("L8")
def test_a_task_without_its_words_is_still_a_page_and_does_not_hold_up_those_to_come(session, cast):
    everything(session, cast)
    forget_words(session, YEARS_LATER)
    session.expire_all()
    task = session.scalars(select(Task).where(Task.key == "over")).one()
    assert task_words.sentence(task.kind, task.facts, task.due_at, CHINA) == task_words.FORGOTTEN
    call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, client_key="d", now=NOW,
                starts_at=NOW + timedelta(days=4, hours=6))  # fmt: skip
    day = call.starts_at.date()
    session.add(Closure(centre_id=cast.centre.id, first_day=day, last_day=day, reason="台风"))
    session.flush()
    assert list_shut_out(session, NOW) == 1


@pytest.mark.case("L8")
def test_what_is_under_way_keeps_its_words_however_old(session, cast):
    order = place(
        session, cast.who(cast.xiaofang), listing_id=cast.meal.id, beneficiary_id=cast.wangnainai.id,
        answers={"portions": 1, "diet": "软烂"}, preferred_at=WANTED, note=MARK, client_key="open", now=NOW,
    )  # fmt: skip
    need = says(session, cast.who(cast.xiaofang), MARK)
    post(session, key="young", person_id=cast.li.id, kind="people.link_declined", facts={"cared": MARK}, subject="s:1",
         now=NOW)  # fmt: skip
    forget_words(session, YEARS_LATER)
    session.expire_all()
    assert (order.note, order.answers, need.text) == (MARK, {"portions": 1, "diet": "软烂"}, MARK)
    assert session.scalars(select(Letter).where(Letter.key == "young")).one().facts == {"cared": MARK}


@pytest.mark.case("L8")
def test_a_picture_is_deleted_after_its_time_and_once_more_where_somebody_died_in_between(open_session, cast):
    with open_session() as session, session.begin():
        for n in range(3):
            says(session, cast.who(cast.xiaofang), MARK, attached=(Attached("image", f"m{n}"),))
        for n, media in enumerate(session.scalars(select(Media).order_by(Media.id)).all()[:2]):
            MEDIA.move(session, media, "keep", by=BY_TIME, now=NOW, settled_at=NOW + n * timedelta(days=300),
                       format="jpg", size=9)  # fmt: skip
        files = list(session.scalars(select(Media.file).order_by(Media.id)))
    dropped = []

    def drop(name):
        dropped.append(name)
        if len(dropped) == 1:
            raise OSError("died")

    now = NOW + timedelta(days=400)
    hands = Hands(open_session, lambda _: None, lambda: now, lambda: now, ClockSettings(), drop=drop)
    with pytest.raises(OSError, match="died"):
        forget_media(hands)
    assert [forget_media(hands) for _ in range(2)] == [1, 0]
    assert dropped == [files[0]] * 2
    with open_session() as session:
        assert list(session.scalars(select(Media.state).order_by(Media.id))) == ["purged", "kept", "waiting"]
