"""The family's yes to another time, as conversation and pages ask a cadre for it: with whom it was agreed, and how."""

from sqlalchemy.orm import Session

from handlers.family import words
from handlers.room import Ask, Choice
from models.family.agreeing import AGREED_BY, Agreement, family_of
from models.family.calls import FamilyCall


def options(session: Session, call: FamilyCall) -> list[tuple[str, int]]:
    """Who said yes and how, in words, with one number for both: an address and a button have room for one."""
    return [
        (words.AGREED.format(name=person.name, means=words.AGREED_BY[means]), person.id * len(AGREED_BY) + n)
        for person in family_of(session, call) for n, means in enumerate(AGREED_BY)
    ]  # fmt: skip


def choices(ask: Ask, call: FamilyCall, address: str) -> tuple[Choice, ...]:
    """The same to be tapped in the conversation, below `address`."""
    return tuple(Choice(label, f"{address}/{yes}") for label, yes in options(ask.session, call))


def tapped(yes: int) -> Agreement:
    """What was tapped."""
    person, means = divmod(yes, len(AGREED_BY))
    return Agreement(person, AGREED_BY[means])
