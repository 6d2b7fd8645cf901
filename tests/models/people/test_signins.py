"""Signing in to the mini-program: refresh tokens are used once, and a sign-in ends from here."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.people.joining import join
from models.people.persons import Person
from models.people.signins import (
    IDLE,
    KEPT,
    LASTS,
    RefreshToken,
    SignIn,
    forget_sign_ins,
    refresh,
    sign_in,
    sign_out,
    who_signed_in,
)
from tests.world import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def identity(cast):
    return cast.identities[cast.xiaofang.id]


@pytest.fixture
def made(session, identity):
    return sign_in(session, identity, NOW)


def test_who_signed_in_is_the_person_behind_the_identity(session, cast, identity, made):
    who = who_signed_in(session, made[0].id, identity.id, LATER)
    assert who == cast.who(cast.xiaofang)


def test_a_refresh_token_lies_nowhere_in_the_clear(session, made):
    rows = session.execute(select(RefreshToken)).scalars().all()
    assert len(rows) == 1
    assert made[1] not in str(vars(rows[0]))


def test_a_refresh_token_is_used_once_and_its_second_use_ends_the_sign_in(session, identity, made):
    standing, token = made
    first = refresh(session, token, LATER)
    assert first is not None
    assert first[0].id == standing.id
    assert first[1] != token
    second = refresh(session, first[1], LATER)
    assert second is not None
    assert refresh(session, token, LATER) is None
    with pytest.raises(Refused, match="signed_out"):
        who_signed_in(session, standing.id, identity.id, LATER)
    assert refresh(session, second[1], LATER) is None
    session.refresh(standing)
    assert standing.ended_why == "reuse"


def test_a_token_that_nobody_was_given_ends_nothing(session, identity, made):
    assert refresh(session, "guessed", LATER) is None
    assert who_signed_in(session, made[0].id, identity.id, LATER)


def test_a_sign_in_ends_at_logout_after_its_days_and_unrefreshed_for_long(session, identity, made):
    standing, token = made
    assert who_signed_in(session, standing.id, identity.id, NOW + LASTS - timedelta(seconds=1))
    with pytest.raises(Refused, match="signed_out"):
        who_signed_in(session, standing.id, identity.id, NOW + LASTS)
    assert refresh(session, token, NOW + IDLE) is None
    other, again = sign_in(session, identity, NOW)
    sign_out(session, other.id, LATER)
    sign_out(session, other.id, LATER + timedelta(hours=1))
    with pytest.raises(Refused, match="signed_out"):
        who_signed_in(session, other.id, identity.id, LATER)
    assert refresh(session, again, LATER) is None
    session.refresh(other)
    assert other.ended_at == LATER


def test_a_sign_in_speaks_for_its_own_identity_only(session, cast, made):
    with pytest.raises(Refused, match="signed_out"):
        who_signed_in(session, made[0].id, cast.identities[cast.li.id].id, LATER)


def test_it_follows_a_person_who_turns_out_to_be_another(session, cast, identity, made):
    kept = session.get_one(Person, cast.aming.id)
    join(session, session.get_one(Person, cast.xiaofang.id), kept)
    assert who_signed_in(session, made[0].id, identity.id, LATER).person_id == kept.id


def test_what_was_over_half_a_year_ago_is_forgotten(session, identity, made):
    assert forget_sign_ins(session, NOW + LASTS + KEPT) == 0
    assert forget_sign_ins(session, NOW + LASTS + KEPT + timedelta(seconds=1)) == 1
    assert not session.scalars(select(RefreshToken)).all()
    assert not session.scalars(select(SignIn)).all()


def test_of_two_refreshes_at_once_one_gets_a_token(open_session, cast):
    with open_session() as session, session.begin():
        _, token = sign_in(session, cast.identities[cast.xiaofang.id], NOW)
    got, start = [], threading.Barrier(2)

    def try_it():
        start.wait()
        with open_session() as mine, mine.begin():
            got.append(refresh(mine, token, LATER) is not None)

    threads = [threading.Thread(target=try_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False, True]
