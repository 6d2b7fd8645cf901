"""Whom WeChat does not reach now, said at every door before somebody relies on it, and what happens instead."""

from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

from handlers.words import ASIDE, unreached
from models.people.identities import out_of_reach


def not_reached(
    session: Session, people: Collection[int], reader: int, named: Callable[[str], str] = str
) -> str:  # fmt: skip
    """A line for whoever of these people is out of reach, the reader among them spoken to; "" where nobody is.

    `named`: how the reader may see a name.
    """
    return unreached({one.id: named(one.name) for one in out_of_reach(session, people)}, reader)


def warned(text: str, session: Session, people: Collection[int], reader: int) -> str:
    """The text, and below it, as an aside, whoever of these people is out of reach."""
    asides = (ASIDE.format(said=line) for line in not_reached(session, people, reader).splitlines())
    return "\n".join((text, *asides))
