"""What is kept for a time only: words go, figures stay, what is under way and what is young is untouched."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from models.family.booking import book
from models.family.ending import cancel as cancel_call
from models.history import History
from models.life import BY_TIME
from models.messages.letters import Letter
from models.messages.media import MEDIA, Attached, Media
from models.messages.outbox import post
from models.ordering.aftercare import close_old
from models.ordering.complaints import Complaint, complain, settle
from models.ordering.help import HelpNote, HelpRequest
from models.ordering.helping import note
from models.ordering.needs import NeedSubmission
from models.ordering.orders import Order
from models.ordering.placing import cancel, place
from models.ordering.ratings import Rating, rate
from models.ordering.reports import report_for
from models.ordering.triage import decline, look_at
from models.purging import forget_words
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
    session.flush()
    return served


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
        "family_calls.reason", "history.note", "help_notes.text",
    }  # fmt: skip
    before = [report_for(session, cast.who(cast.li), NOVEMBER, YEARS_LATER), _counts(session)]
    assert forget_words(session, NOW - timedelta(days=1)) == 0
    assert forget_words(session, YEARS_LATER) > 0
    session.expire_all()
    # A call for help that nobody has finished keeps its words; tasks and what hangs on them go with their matter.
    assert words_left(session) <= {"help_requests.text", "tasks.facts"}
    assert session.scalars(select(HelpRequest.text)).one() == MARK
    assert [report_for(session, cast.who(cast.li), NOVEMBER, YEARS_LATER), _counts(session)] == before
    assert forget_words(session, YEARS_LATER) == 0


def _counts(session):
    tables = (Order, Rating, Complaint, NeedSubmission, HelpNote, History, Letter)
    return [session.scalar(select(func.count()).select_from(table)) for table in tables]


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
