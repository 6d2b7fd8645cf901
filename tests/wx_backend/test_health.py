"""What machines ask: alive, ready, how the outbox stands; a database that is away is said, never a traceback."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.messages.looking import standing
from models.messages.outbox import post
from models.tasks.desk import finish
from models.tasks.looking import standing as standing_tasks
from models.tasks.undelivered import hand_over, take_back
from tests.gate import close_app, config_for
from tests.letters import posted
from tests.plans import read_through
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.database import make_engine


@pytest.fixture
def ask(database_url):
    """Asks the app on a fresh database."""
    app = create_app(config_for(database_url), now=lambda: NOW)
    yield app.test_client().get
    close_app(app)


def behind(session, person_id):
    """Two letters due and unsent, one that waits for its next try, one held by a sender that is gone, one in hand."""
    letters = {
        key: posted(session, key=key, person_id=person_id, kind="messages.reply", facts={}, subject=f"s:{key}", now=NOW)
        for key in ("oldest", "due", "later", "gone", "in hand")
    }
    letters["oldest"].due_at = letters["oldest"].next_at = NOW - timedelta(minutes=90)
    letters["due"].due_at, letters["due"].state = NOW - timedelta(hours=9), "retry"  # put off until this morning
    letters["due"].next_at, letters["due"].tries = NOW - timedelta(seconds=30), 0
    letters["later"].due_at, letters["later"].next_at = NOW - timedelta(days=1), NOW + timedelta(minutes=5)
    for key, left in (("gone", -60), ("in hand", 600)):  # leases run on real time
        letters[key].state = "sending"
        letters[key].lease_until = datetime.now(UTC) + timedelta(seconds=left)
    session.flush()


def test_how_far_behind_sending_is_is_read_from_the_rows(ask, cast, open_session):
    said = ask("/metrics").text
    assert "wx_letters_oldest_due_seconds 0.0" in said
    assert "wx_letters_stuck 0.0" in said
    with open_session() as session, session.begin():
        behind(session, cast.xiaofang.id)
    said = ask("/metrics").text
    assert "wx_letters_oldest_due_seconds 5400.0" in said
    assert "wx_letters_stuck 1.0" in said


def test_the_outbox_is_counted_by_state(ask, cast, open_session):
    with open_session() as session, session.begin():
        post(session, key="k", person_id=cast.xiaofang.id, kind="messages.reply", facts={}, subject="s:1", now=NOW)
    said = ask("/metrics")
    assert (said.status_code, said.content_type.split(";")[0]) == (200, "text/plain")
    assert 'wx_letters{state="planned"} 1.0' in said.text


def test_to_count_what_needs_something_reads_no_letter_that_is_over(session, cast):
    for key in ("planned", "retry", "sending", "needs_check", "delivered"):
        letter = posted(
            session, key=key, person_id=cast.xiaofang.id, kind="messages.reply", facts={}, subject="s:1", now=NOW
        )
        letter.state = key
    session.flush()
    assert standing(session) == {"planned": 1, "retry": 1, "sending": 1}
    assert read_through(session, lambda: standing(session)) == set()


def in_doubt(session, person_id, key="d", kind="people.link_declined"):
    """A letter of which nobody knows whether it arrived, and the task to ask about it where somebody is to."""
    letter = posted(session, key=key, person_id=person_id, kind=kind, facts={}, subject=f"s:{key}", now=NOW)
    letter.state = "needs_check"
    session.flush()
    return letter, hand_over(session, letter, NOW)


def test_what_is_to_be_checked_is_counted_while_somebody_is_to_check_it_and_no_longer(ask, cast, open_session):
    def said():
        found = ask("/metrics").text
        return [line.split()[-1] for line in found.splitlines() if re.match(r"wx_letters{.*check|wx_tasks_open", line)]

    with open_session() as session, session.begin():
        in_doubt(session, cast.xiaofang.id, "nobody's", "messages.reply")
        taken_back, _ = in_doubt(session, cast.xiaofang.id, "taken back")
        _, task = in_doubt(session, cast.xiaofang.id, "asked")
    assert said() == ["2.0", "2.0"]
    with open_session() as session, session.begin():
        take_back(session, taken_back.subject, NOW)
    assert said() == ["1.0", "1.0"]
    with open_session() as session, session.begin():
        finish(session, cast.who(cast.li), task.id, NOW)
    assert said() == ["0.0", "0.0"]


def test_to_count_what_waits_for_a_cadre_reads_no_task_that_is_settled(session, cast):
    _, task = in_doubt(session, cast.xiaofang.id)
    assert standing_tasks(session) == {"check_delivery": 1}
    assert "tasks" not in read_through(session, lambda: standing_tasks(session))
    finish(session, cast.who(cast.li), task.id, NOW)
    assert standing_tasks(session) == {}


def test_a_database_of_another_version_is_not_ready_and_says_what_it_stands_at(ask):
    said = ask("/readyz")
    assert said.status_code == 503
    assert "the code at" in said.text


def test_tables_that_are_gone_are_503_and_the_process_is_alive(ask, engine):
    with engine.connect() as connection, connection.begin():
        connection.execute(text("ALTER TABLE letters RENAME TO away"))
    assert ask("/metrics").status_code == 503
    assert ask("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_a_database_that_is_away_is_503_and_says_so(path):
    app = create_app(config_for("postgresql+psycopg://postgres@127.0.0.1:9/away"), now=lambda: NOW)
    said = app.test_client().get(path)
    assert said.status_code == 503
    assert "the database does not answer" in said.text
    close_app(app)


def test_an_exception_of_the_database_names_the_statement_and_no_values(database_url):
    engine = make_engine(database_url)
    with engine.connect() as connection, pytest.raises(SQLAlchemyError) as raised:
        connection.execute(text("SELECT * FROM nowhere WHERE phone = :phone"), {"phone": "13800001234"})
    engine.dispose()
    assert "nowhere" in str(raised.value)
    assert "13800001234" not in str(raised.value)


def test_what_has_been_tried_in_vain_for_hours_is_late_by_hours(ask, cast, open_session):
    """Each try moves the next one on: an outage must not look like a minute's delay."""
    with open_session() as session, session.begin():
        letter = posted(session, key="k", person_id=cast.xiaofang.id, kind="messages.reply", facts={}, subject="s:1",
                        now=NOW - timedelta(hours=3))  # fmt: skip
        letter.state, letter.tries, letter.next_at = "retry", 9, NOW - timedelta(seconds=10)
    assert "wx_letters_oldest_due_seconds 10800.0" in ask("/metrics").text
