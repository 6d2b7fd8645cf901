"""One unit of the clock's work: a session of its own, a transaction, and again where the database made it give way."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.base import gave_way
from scheduler.settings import OpenSession

TRIES = 3

T = TypeVar("T")


def in_unit(open_session: OpenSession, work: Callable[[Session], T]) -> T:
    """What `work` answers, committed; run again from the start, twice at most, after a deadlock.

    Raises what `work` raises, and SQLAlchemyError when the database is away.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with open_session() as session, session.begin():
                return work(session)
        except DBAPIError as error:
            if attempt == TRIES or not gave_way(error):
                raise
    raise AssertionError("unreachable")
