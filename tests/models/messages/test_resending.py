"""Saying it once more: not what would come too late, whatever the letter is about; what tells of an end, still."""

from datetime import timedelta

import pytest

from models.errors import Refused
from models.history import history_of
from models.life import By
from models.messages.letters import LETTER
from models.messages.looking import resend
from models.messages.outbox import tell_in_person
from tests.letters import posted
from tests.world import NOW

DESK = By(None, "desk")
BEFORE, AFTER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)


def dead(session, cast, kind="ordering.offered", **facts):
    letter = posted(
        session, key=kind, person_id=cast.xiaofang.id, kind=kind, subject="order:1", now=NOW - timedelta(hours=2),
        facts={name: moment.isoformat() for name, moment in facts.items()},
    )  # fmt: skip
    letter.state = "dead"
    session.flush()
    return letter


def again(session, letter):
    return resend(session, letter.id, by=DESK, reason="家属来电", now=NOW)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("ordering.offered", {"preferred_at": BEFORE}), ("ordering.accepted", {"preferred_at": NOW}),
        ("ordering.your_visit", {"preferred_at": BEFORE}), ("family.reminder", {"starts_at": BEFORE}),
        ("ordering.named", {"preferred_at": AFTER, "starts_at": BEFORE}),
    ],
)  # fmt: skip
def test_what_was_to_come_and_is_over_is_not_said_again(session, cast, kind, facts):
    letter = dead(session, cast, kind, **facts)
    with pytest.raises(Refused, match="over"):
        again(session, letter)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("ordering.offered", {"preferred_at": AFTER}), ("family.reminder", {"starts_at": AFTER}),
        ("ordering.named", {"preferred_at": BEFORE, "starts_at": AFTER}),  # somebody goes later than was wished
        ("ordering.completed", {"preferred_at": BEFORE}), ("ordering.unmet", {"preferred_at": BEFORE}),
        ("ordering.complaint_settled", {"preferred_at": BEFORE}), ("family.technical_failure", {"starts_at": BEFORE}),
        ("people.link_confirmed", {}),
    ],
)  # fmt: skip
def test_what_is_to_come_and_how_something_ended_may_be_said_again(session, cast, kind, facts):
    letter = dead(session, cast, kind, **facts)
    new = again(session, letter)
    assert new.facts == letter.facts
    to_come = AFTER.isoformat() in letter.facts.values()
    assert new.useful_until == (AFTER if to_come else letter.useful_until), "nobody is told of it after it has begun"


@pytest.mark.parametrize("means", ["phone", "visit", ""])
def test_by_which_means_somebody_was_told_stands_with_who_and_when(session, cast, means):
    letter = dead(session, cast)
    tell_in_person(session, letter, by=By(cast.li.id, "cadre"), now=NOW, means=means)
    line = history_of(session, LETTER.subject(letter))[-1]
    assert (line.verb, line.by_person_id, line.at, line.note) == ("tell", cast.li.id, NOW, means)
