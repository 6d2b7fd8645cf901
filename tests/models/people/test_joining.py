"""Two records of one human become one, in every quarter, and a table that comes later is not forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, inspect, select, text

from models.errors import Refused
from models.family.booking import book
from models.messages.letters import Letter
from models.people.care import CareLink, may_act_for
from models.people.identities import Identity, welcome
from models.people.joining import join, learn_unionid
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.cells import Cell, cells_between
from models.register import METADATA
from tests.cast import APP_ID
from tests.models.family.test_calls import SUNDAY_16, sister
from tests.world import NOW

# Columns that are named like keys and are none: the number of another platform, or kept when the row is gone, or in
# a book that nothing may write over; cells are written all day, and areas stay.
NO_KEYS = {("history", "by_person_id"), ("receipts", "letter_id"), ("audit", "person_id"), ("cells", "area_id")}


def stranger(session, cast):
    """Somebody who began in the mini-program and has done everything before the two are found to be one."""
    person = session.get_one(Person, sister(session, cast).id)
    person.name = ""
    return person


def everything_of(session, person_id):
    """How often each column of the database itself that refers to persons holds this key."""
    found = {}
    look = inspect(session.connection())
    for table in look.get_table_names():
        for key in look.get_foreign_keys(table):
            if key["referred_table"] == "persons":
                (column,) = key["constrained_columns"]
                count = session.scalar(
                    text(f'SELECT count(*) FROM "{table}" WHERE "{column}" = :person'), {"person": person_id}
                )
                found[table, column] = count
    return {name: count for name, count in found.items() if count}


def test_a_late_unionid_joins_the_nameless_one_to_the_one_we_know(session, cast):
    mini = welcome(session, "wx-mini", "m-1", "mini_program", NOW)
    nameless = mini.person_id
    known = session.get_one(Identity, cast.identities[cast.xiaofang.id].id)
    learn_unionid(session, known, "u-1")
    learn_unionid(session, mini, "u-1")
    assert (mini.person_id, mini.unionid) == (cast.xiaofang.id, "u-1")
    assert session.get_one(Person, nameless).state == "moved"


def test_two_people_with_names_are_not_joined_by_a_unionid_and_nothing_is_changed(session, cast):
    one, other = (session.get_one(Identity, cast.identities[p.id].id) for p in (cast.xiaofang, cast.aming))
    learn_unionid(session, one, "u-1")
    with pytest.raises(Refused, match="identity_conflict"):
        learn_unionid(session, other, "u-1")
    assert (other.person_id, other.unionid) == (cast.aming.id, None)


def test_calls_links_cells_letters_and_roles_follow_whoever_had_them(session, cast):
    person = stranger(session, cast)
    call = book(session, cast.who(person), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16, client_key="k", now=NOW)
    session.add(StaffRole(person_id=person.id, role="grid_officer", area_id=cast.grid.id, since=NOW))
    session.flush()
    before = everything_of(session, person.id)
    assert {("family_calls", "relative_id"), ("letters", "person_id"), ("care_links", "relative_id"),
            ("staff_roles", "person_id"), ("identities", "person_id")} <= set(before)  # fmt: skip
    join(session, person, session.get_one(Person, cast.aming.id))
    assert everything_of(session, person.id) == {}
    assert call.relative_id == cast.aming.id
    assert may_act_for(session, cast.aming.id, cast.wangnainai.id)
    cells = session.scalars(select(Cell.cell_start).where(Cell.resource_id == cast.aming.resource)).all()
    assert sorted(cells) == cells_between(call.starts_at, call.ends_at)
    waiting = select(Letter.person_id).where(Letter.kind == "family.reminder", Letter.state == "planned")
    assert set(session.scalars(waiting)) == {cast.aming.id, cast.li.id}


def test_what_one_may_have_only_once_stays_with_the_joined_record(session, cast):
    person = stranger(session, cast)  # a second link to the elder whom 小芳 is linked to as well
    call = book(session, cast.who(person), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16, client_key="k", now=NOW)
    session.add(Cell(resource_id=cast.xiaofang.resource, cell_start=SUNDAY_16, held_by="call:9999"))
    session.flush()
    join(session, person, session.get_one(Person, cast.xiaofang.id))
    live = select(CareLink.id).where(CareLink.relative_id == cast.xiaofang.id, CareLink.state == "confirmed")
    assert len(session.scalars(live).all()) == 1
    held = select(Cell.cell_start, Cell.held_by).where(Cell.resource_id == cast.xiaofang.resource)
    assert {(start, by) for start, by in session.execute(held)} == {
        (SUNDAY_16, "call:9999"), (SUNDAY_16 + timedelta(minutes=15), call.subject),
    }  # fmt: skip
    assert session.scalars(select(Identity.person_id).where(Identity.openid == "o-sister-1")).one() == cast.xiaofang.id


def test_a_table_that_comes_later_is_not_forgotten(engine, open_session, cast):
    key = BigInteger().with_variant(Integer, "sqlite")
    later = Table("keepsakes", METADATA, Column("id", key, primary_key=True),
                  Column("owner", key, ForeignKey("persons.id")))  # fmt: skip
    try:
        later.create(engine)
        with open_session() as session, session.begin():
            person = welcome(session, APP_ID, "o-new", "official_account", NOW).person_id
            session.execute(later.insert().values(id=1, owner=person))
            join(session, session.get_one(Person, person), session.get_one(Person, cast.xiaofang.id))
            assert session.scalars(select(later.c.owner)).all() == [cast.xiaofang.id]
    finally:
        METADATA.remove(later)


def test_every_key_says_in_the_database_whose_it_is():
    silent = {
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if column.name.endswith("_id") and isinstance(column.type, Integer | BigInteger) and not column.foreign_keys
    }
    assert silent - NO_KEYS == set()
