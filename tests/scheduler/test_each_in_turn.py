"""One sweep that fails keeps none of the others from its turn, and is not passed over in silence."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.messages.letters import Letter
from scheduler import sweep
from tests.models.messages.test_rules import committed
from tests.models.tasks.test_holding import hands_at
from tests.models.tasks.test_telling import china, opened


class Slow(Exception):
    """What the driver says of a lock that did not come free."""

    sqlstate = "55P03"


AWAY = OperationalError("away", {}, Exception("away"))


@pytest.mark.parametrize("wrong", [KeyError("one row"), OperationalError("slow", {}, Slow("slow")), AWAY])
def test_the_others_have_their_turn_unless_the_database_is_away(open_session, cast, monkeypatch, wrong):
    committed(open_session, lambda session: opened(session, cast, 0, due_at=china(2026, 11, 25, 11)).id)

    def fails(session, now):
        raise wrong

    monkeypatch.setattr(sweep, "TASK_SWEEPS", (fails, *sweep.TASK_SWEEPS))
    with pytest.raises(type(wrong)):
        sweep.sweep_tasks(hands_at(open_session, china(2026, 12, 3, 12)))
    with open_session() as session:
        told = session.scalars(select(Letter.id).where(Letter.kind == "tasks.escalated")).all()
    assert bool(told) is (wrong is not AWAY)


def test_of_several_that_fail_each_is_told(open_session, cast, monkeypatch, caplog):
    def first(session, now):
        raise KeyError

    def second(session, now):
        raise ZeroDivisionError

    monkeypatch.setattr(sweep, "TASK_SWEEPS", (first, second))
    with pytest.raises(KeyError):
        sweep.sweep_tasks(hands_at(open_session, china(2026, 12, 3, 12)))
    assert "another sweep failed (ZeroDivisionError)" in caplog.text
