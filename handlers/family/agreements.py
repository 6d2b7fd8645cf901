"""The family's yes to another time, as the official account asks a cadre for it: with whom it was agreed, and how."""

from handlers.family import words
from handlers.room import Ask, Choice
from models.family.agreeing import AGREED_BY, Agreement, family_of
from models.family.calls import FamilyCall


def choices(ask: Ask, call: FamilyCall, address: str) -> tuple[Choice, ...]:
    """Who said yes, and how, to be tapped; below `address` stands a number for both, as an address has little room."""
    return tuple(
        Choice(
            words.AGREED.format(name=person.name, means=words.AGREED_BY[means]),
            f"{address}/{person.id * len(AGREED_BY) + n}",
        )
        for person in family_of(ask.session, call) for n, means in enumerate(AGREED_BY)
    )  # fmt: skip


def tapped(yes: int) -> Agreement:
    """What was tapped."""
    person, means = divmod(yes, len(AGREED_BY))
    return Agreement(person, AGREED_BY[means])
