"""Two sessions, one step at a time: the second comes while the first has not committed, and has to wait for it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from models.errors import Refused


def begun_and_waiting(pool, run):
    """What runs beside us, and is seen to wait for us."""
    begun = pool.submit(run)
    with pytest.raises(TimeoutError):
        begun.result(timeout=0.5)
    return begun


@contextmanager
def one_waits(open_session, engine, second):
    """What `second` does in a session of its own while that of the block has not committed; answers as a list."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    answer = list[object]()

    def run():
        try:
            with open_session() as session, session.begin():
                return second(session)
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(1) as pool, open_session() as first, first.begin():
        yield first, lambda: answer[0].result(timeout=20)
        answer.append(begun_and_waiting(pool, run))


@contextmanager
def one_comes_between(open_session, engine, second):
    """The same, where the block goes on once `second` waits: whoever takes rows in another order is in a deadlock."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")

    def run():
        with open_session() as session, session.begin():
            return second(session)

    answer = list[object]()

    def comes():
        answer.append(begun_and_waiting(pool, run))

    with ThreadPoolExecutor(1) as pool:
        with open_session() as first, first.begin():
            yield first, comes
        answer[0].result(timeout=20)
