"""Two records that turn out to be one human: everything the one had is the other's from then on."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import Base
from models.errors import Refused
from models.people.identities import Identity
from models.people.persons import Person
from models.places.cells import Cell


def learn_unionid(session: Session, identity: Identity, unionid: str) -> None:
    """WeChat tells late that two identities are one human: the nameless one joins the one the county knows.

    Two people who both have a name are left as they are and Refused("identity_conflict") is raised: which of them
    is which only a cadre can say.
    """
    twin = session.scalar(select(Identity).where(Identity.unionid == unionid, Identity.person_id != identity.person_id))
    if twin is not None:
        mine, theirs = (session.get_one(Person, i.person_id) for i in (identity, twin))
        if mine.name and theirs.name:
            raise Refused("identity_conflict")
        kept, joining = (theirs, mine) if theirs.name else (mine, theirs)
        join(session, joining, kept)
    identity.unionid = unionid
    session.flush()


def join(session: Session, joining: Person, kept: Person) -> None:
    """Make everything that names `joining` name `kept`, in every quarter; `joining` ends as "moved".

    It asks the tables themselves (`models.register` makes the metadata whole), so that a new one is not forgotten:
    every foreign key to a person, and the person's occupied cells. What the kept one has already and may have only
    once (a link to the same elder, the same quarter-hour) stays behind with the joined record, which nobody speaks for.
    """
    joining.state = "moved"
    session.flush()
    for table, column in keys_to_persons():
        _hand_over(session, table, column, joining.id, kept.id)
    cells = Base.metadata.tables[Cell.__tablename__]
    _hand_over(session, cells, cells.c.resource_id, joining.resource, kept.resource)
    session.expire_all()


def keys_to_persons() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column, in whatever quarter, that holds the key of a person."""
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table.name == Person.__tablename__:
                yield table, key.parent


def _hand_over(session: Session, table: Table, column: Column[Any], old: int | str, new: int | str) -> None:
    """All rows at once; where the database refuses one, row by row without it."""
    if _moved(session, table, column, old, new):
        return
    key = list(table.primary_key.columns)
    for row in session.execute(select(*key).where(column == old).order_by(*key)).all():
        same = and_(*(part == value for part, value in zip(key, row, strict=True)))
        _moved(session, table, column, old, new, same)


def _moved(
    session: Session, table: Table, column: Column[Any], old: int | str, new: int | str,
    *which: ColumnElement[bool],
) -> bool:  # fmt: skip
    try:
        with session.begin_nested():
            session.execute(update(table).where(column == old, *which).values({column.name: new}))
    except IntegrityError:
        return False
    return True
