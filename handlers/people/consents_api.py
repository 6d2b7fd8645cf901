"""To what a person has agreed, for the mini-program: one's own, or as a cadre a resident's; given and taken back."""

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import g

from handlers.envelope import Asked, Instant, Shown, refusing, said
from handlers.people import words
from models.family.parting import agree, take_back
from models.people.consent import consents_of
from models.people.scope import resident_of

room = APIBlueprint("consents", __name__, tag="people")


class ConsentAsked(Asked):
    """What is agreed to, or not any more. A cadre who says so for a resident has heard it and is its witness."""

    kind: Literal["service_records", "family_calls", "photos", "home_news"]
    agrees: bool


class ConsentShown(Shown):
    """One kind, and since when it is agreed to."""

    kind: str
    name: str
    agrees: bool
    since: Instant | None


class Consents(Shown):
    """Every kind there is."""

    items: list[ConsentShown]
    next: int | None = None


@room.get("/people/<key:person>/consents")
@room.output(Consents)
@room.doc(responses=refusing("not_yours"))
def read(person: int) -> Any:
    """To what I have agreed, or a resident below my areas."""
    if person != g.who.person_id:
        resident_of(g.session, g.who.person_id, person)
    return said(_shown(person))


@room.post("/people/<key:person>/consents")
@room.input(ConsentAsked)
@room.output(Consents)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def say(person: int, json_data: ConsentAsked) -> Any:
    """Agree, or take it back: what hangs on it stops at once; twice is once."""
    act = agree if json_data.agrees else take_back
    act(g.session, g.who, person, json_data.kind, g.now)
    return said(_shown(person), words.AGREED if json_data.agrees else words.TAKEN_BACK)


def _shown(person: int) -> Consents:
    return Consents(items=[
        ConsentShown(kind=kind, name=words.CONSENTS[kind], agrees=given is not None,
                     since=given.given_at if given else None)
        for kind, given in consents_of(g.session, person).items()
    ])  # fmt: skip
