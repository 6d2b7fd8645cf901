"""Every life of the register, walked by its own table: no row comes where the table does not lead, whoever tries."""

import itertools
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, String, create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from models.base import Base, Instant
from models.errors import Refused
from models.history import history_of
from models.life import By
from models.register import LIVES, METADATA
from tests.world import NOW

TAKEN_UP_AGAIN = {"series"}  # a family may want its cancelled or ended series back at any time

on_all = pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)


@pytest.fixture(scope="module")
def bare():
    """A database that looks at no foreign key, and has no people: a row stands for itself."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def filler(column):
    """Something that fits a column that must not be empty."""
    kind = column.type
    if isinstance(kind, Instant):
        return NOW
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, String):
        return "x"
    return {dict: {}, date: NOW.date(), time: NOW.time()}.get(kind.python_type, 1)


def begun(session, life):
    """A row at the beginning of its life."""
    mapped = next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is life.table)
    needed = [column for column in life.table.c if not column.nullable and not column.primary_key]
    values = {column.name: filler(column) for column in needed if column.default is None and column.name != "state"}
    thing = mapped(**values, state=life.start)
    session.add(thing)
    life.begin(session, thing, by=By(None, "rule"), now=NOW)
    return thing


@on_all
def test_every_state_can_be_reached_and_whoever_is_named_somewhere_can_do_something(life):
    reached = {life.start}
    for _ in life.states:
        reached |= {verb.target for verb in life.verbs if reached & set(verb.sources)}
    assert reached == set(life.states)
    assert life.ends or life.name in TAKEN_UP_AGAIN, "a life without an end"
    assert all(verb.who for verb in life.verbs)
    width = life.table.c.state.type.length
    assert all(len(state) <= width for state in life.states)


@on_all
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_walk_leaves_the_table_and_history_tells_it_again(bare, life, data):
    roles = sorted({role for verb in life.verbs for role in verb.who} | {"stranger"})
    with Session(bare) as session:
        thing, now = begun(session, life), NOW
        walked = [life.start]
        for _ in range(data.draw(st.integers(1, 12))):
            leading = [verb for verb in life.verbs if thing.state in verb.sources]
            verb = data.draw(st.sampled_from([*life.verbs, *leading]))
            role, before = data.draw(st.sampled_from([*roles, *verb.who])), thing.state
            now += timedelta(minutes=1)
            may = role in verb.who and before in verb.sources
            try:
                life.move(session, thing, verb.name, by=By(None, role), now=now)
            except Refused as refusal:
                assert not may
                assert refusal.code == ("not_yours" if role not in verb.who else "wrong_state")
                assert thing.state == before
                continue
            assert may
            assert before not in life.ends
            assert thing.state == verb.target
            walked.append(thing.state)
        rows = history_of(session, life.subject(thing))
        assert [row.to_state for row in rows] == walked
        assert all(earlier.to_state == later.from_state for earlier, later in itertools.pairwise(rows))
        assert rows[-1].to_state == thing.state
        assert all(isinstance(row.at, datetime) for row in rows)
        session.rollback()
