"""One sweep that fails keeps none of the others from its turn, and is not passed over in silence."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.messages.letters import Letter
from scheduler import sweep
from tests.models.messages.test_rules import committed
from tests.models.tasks.test_holding import hands_at
from tests.models.tasks.test_telling import china, opened


@pytest.mark.parametrize("wrong", [KeyError("one row"), OperationalError("away", {}, Exception("away"))])
def test_the_others_have_their_turn_unless_the_database_is_away(open_session, cast, monkeypatch, wrong):
    committed(open_session, lambda session: opened(session, cast, 0, due_at=china(2026, 11, 25, 11)).id)

    def fails(session, now):
        raise wrong

    monkeypatch.setattr(sweep, "TASK_SWEEPS", (fails, *sweep.TASK_SWEEPS))
    with pytest.raises(type(wrong)):
        sweep.sweep_tasks(hands_at(open_session, china(2026, 12, 3, 12)))
    with open_session() as session:
        told = session.scalars(select(Letter.id).where(Letter.kind == "tasks.escalated")).all()
    assert bool(told) is isinstance(wrong, KeyError)
