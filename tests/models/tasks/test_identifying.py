"""A unionid that says two people are one: a nameless one joins, two names are a cadre's to sort out."""

import pytest
from sqlalchemy import select

from models.people.identities import Identity, welcome
from models.people.persons import Person
from models.tasks.identifying import recognise
from models.tasks.tasks import Task
from tests.world import NOW


@pytest.fixture
def mini(session, cast):
    session.get_one(Identity, cast.identities[cast.xiaofang.id].id).unionid = "u-1"
    return welcome(session, "wx-mini", "o-mini", "mini_program", NOW)


def conflicts(session):
    return session.scalars(select(Task).where(Task.kind == "identity_conflict")).all()


def test_a_nameless_newcomer_becomes_the_person_the_county_knows(session, cast, mini):
    recognise(session, mini, "u-1", NOW)
    session.refresh(mini)
    assert (mini.person_id, mini.unionid) == (cast.xiaofang.id, "u-1")
    assert not conflicts(session)


def test_two_names_stay_two_people_and_the_cadres_there_are_asked_once(session, cast, mini):
    session.get_one(Person, mini.person_id).name = "张三"
    recognise(session, mini, "u-1", NOW)
    recognise(session, mini, "u-1", NOW)
    assert mini.person_id != cast.xiaofang.id
    (task,) = conflicts(session)
    assert (task.area_id, task.facts["person"], task.facts["other"]) == (cast.village.id, "张三", "小芳")


def test_where_nobody_is_registered_the_countys_desk_is_asked(session, cast, mini):
    session.get_one(Identity, cast.identities[cast.laoxu.id].id).unionid = "u-2"
    session.get_one(Person, mini.person_id).name = "张三"
    recognise(session, mini, "u-2", NOW)
    assert [task.area_id for task in conflicts(session)] == [cast.county.id]
