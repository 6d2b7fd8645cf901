"""One unit of the clock's work: a session of its own, a transaction, and again where the database made it give way."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from models.base import again_where_it_gave_way
from scheduler.settings import OpenSession

T = TypeVar("T")


def in_unit(open_session: OpenSession, work: Callable[[Session], T]) -> T:
    """What `work` answers, committed; run again from the start, twice at most, after a deadlock.

    Raises what `work` raises, and SQLAlchemyError when the database is away.
    """

    def once() -> T:
        with open_session() as session, session.begin():
            return work(session)

    return again_where_it_gave_way(once)
