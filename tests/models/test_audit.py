"""The audit: it only grows, and whatever is done to it past the database's own refusal is seen."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models import audit
from models.audit import BEGINNING, AuditEntry
from tests.world import NOW


@pytest.fixture
def book(open_session):
    """Ten lines, some with a detail and some by nobody."""
    with open_session() as session, session.begin():
        for n in range(10):
            audit.write(session, verb="reveal", person_id=n or None, subject=f"person:{n}", ip="10.0.0.1", now=NOW,
                        reason="call", name="李")  # fmt: skip


def verdict(open_session, noted=""):
    with open_session() as session, session.begin():
        return audit.verify(session, noted)


def test_a_whole_book_is_whole_and_its_lines_are_numbered_without_a_gap(open_session, book):
    with open_session() as session, session.begin():
        audit.write(session, verb="login", now=NOW)
        session.rollback()
    with open_session() as session, session.begin():
        last = audit.write(session, verb="login", now=NOW)
    assert last.seq == 11
    found = verdict(open_session)
    assert (found.count, found.seal, found.faults) == (11, last.seal, ())


def test_an_empty_book_is_whole(open_session):
    found = verdict(open_session)
    assert (found.count, found.seal, found.faults, found.noted) == (0, BEGINNING, (), True)


@pytest.mark.parametrize("deed", ["UPDATE audit SET verb = 'x' WHERE seq = 3", "DELETE FROM audit WHERE seq = 10"])
def test_the_database_refuses_to_change_or_delete_a_line(open_session, book, deed):
    with open_session() as session, pytest.raises(DBAPIError, match="audit only grows"):
        session.execute(text(deed))


def tamper(engine, *deeds):
    """What somebody can do who may drop the guards first."""
    postgres = engine.dialect.name == "postgresql"
    guards = ("audit_no_change",) if postgres else ("audit_no_update", "audit_no_delete")
    with engine.begin() as connection:
        for guard in guards:
            connection.execute(text(f"DROP TRIGGER {guard}" + (" ON audit" if postgres else "")))
        for deed in deeds:
            connection.execute(text(deed))


SWAP = ("UPDATE audit SET seq = 99 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = 5",
        "UPDATE audit SET seq = 5 WHERE seq = 99")  # fmt: skip
FORGE = (
    "INSERT INTO audit (seq, at, person_id, verb, subject, ip, detail, previous, seal) "
    "SELECT 11, at, person_id, verb, subject, ip, detail, seal, 'f' FROM audit WHERE seq = 10",
)


@pytest.mark.case("S9")
@pytest.mark.parametrize(
    ("deeds", "found"),
    [
        (("UPDATE audit SET verb = 'login' WHERE seq = 3",), (3, "changed")),
        (("UPDATE audit SET ip = '10.0.0.2' WHERE seq = 10",), (10, "changed")),
        (("UPDATE audit SET person_id = NULL WHERE seq = 7",), (7, "changed")),
        (('UPDATE audit SET detail = \'{"reason": "visit"}\' WHERE seq = 2',), (2, "changed")),
        (("DELETE FROM audit WHERE seq = 5",), (5, "missing")),
        (("DELETE FROM audit WHERE seq = 1",), (1, "missing")),
        (("DELETE FROM audit WHERE seq = 10",), (10, "end")),
        (SWAP, (4, "chain")),
        (FORGE, (11, "changed")),
    ],
    ids=["verb", "ip", "person", "detail", "taken out", "first taken out", "last cut off", "moved", "put in"],
)
def test_whatever_was_done_to_the_book_is_seen(open_session, engine, book, deeds, found):
    tamper(engine, *deeds)
    assert found in verdict(open_session).faults


@pytest.mark.case("S9")
def test_a_book_written_anew_no_longer_holds_the_seal_that_was_noted_elsewhere(open_session, engine, book):
    noted = verdict(open_session).seal
    assert verdict(open_session, noted).noted is True
    tamper(engine, "DELETE FROM audit", f"UPDATE audit_head SET count = 0, seal = '{BEGINNING}'")
    with open_session() as session, session.begin():
        for n in range(10):
            audit.write(session, verb="login", person_id=n, now=NOW)
    found = verdict(open_session, noted)
    assert (found.faults, found.noted) == ((), False)


@pytest.mark.case("S9")
def test_many_writers_at_once_make_one_chain(open_session, engine):
    together = Barrier(8)

    def writes(worker):
        together.wait()
        for n in range(5):
            with open_session() as session, session.begin():
                session.execute(text("SELECT 1"))  # each has begun before it comes to the book
                audit.write(session, verb="reveal", person_id=worker, subject=f"person:{n}", now=NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(writes, range(8)))
    found = verdict(open_session)
    assert (found.count, found.faults) == (40, ())
    with open_session() as session:
        assert session.query(AuditEntry.person_id).distinct().count() == 8
