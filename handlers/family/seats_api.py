"""One family's seat on a call day, for the mini-program: elsewhere because they agree, or in the reserve when late."""

from typing import Any

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime

from handlers.envelope import Asked, Instant, Key, Shown, refusing, said
from handlers.family import day_words, half_days, words
from handlers.family.api import AgreedAsked
from handlers.family.days_api import DayShown, centre_name, whole
from models.errors import Refused
from models.family.call_days import CallDay, day_for
from models.family.calls import FamilyCall, call_for
from models.family.reseating import reseat, to_reserve
from models.people.persons import Person

room = APIBlueprint("seats", __name__, tag="call days")

SEATING = ("not_yours", "no_link", "not_active", "wrong_state", "day_full", "slot_taken", "not_together",
           "consent_withdrawn", "guardian_missing")  # fmt: skip


class ReseatAsked(Asked):
    """To which half-hour of which day, and whose yes it was."""

    call_day_id: Key
    starts_at: AwareDatetime
    agreed: AgreedAsked | None = None


class FreeSeat(Shown):
    """A half-hour at which a screen is free."""

    call_day_id: int
    starts_at: Instant
    starts_at_text: str
    centre: str


class FreeSeats(Shown):
    """Where else a family could sit, its own day first."""

    items: list[FreeSeat]
    next: int | None = None


@room.get("/call-days/seats/<key:call>")
@room.output(FreeSeats)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def free(call: int) -> Any:
    """Where else a family could sit, on this day or on another."""
    found = _on_a_day(call)
    zone = g.session.get_one(Person, found.relative_id).time_zone
    return said(FreeSeats(items=[
        FreeSeat(call_day_id=day.id, starts_at=at, starts_at_text=words.both(at, zone), centre=centre_name(day))
        for day, at in half_days.free_seats(g.session, g.who, found, g.now)
    ]))  # fmt: skip


@room.post("/call-days/seats/<key:call>/reseat")
@room.input(ReseatAsked)
@room.output(DayShown)
@room.doc(responses=refusing(*SEATING, "bad_time", "agreement_missing"))
def seated(call: int, json_data: ReseatAsked) -> Any:
    """Seat a family elsewhere because it agrees; answers the day on which it sits then."""
    agreed = json_data.agreed.said() if json_data.agreed else None
    return _moved(reseat(g.session, g.who, call, json_data.call_day_id, json_data.starts_at, agreed, g.now))


@room.post("/call-days/seats/<key:call>/reserve")
@room.output(DayShown)
@room.doc(responses=refusing(*SEATING, "no_reserve"))
def reserve(call: int) -> Any:
    """A call that is late, or came to nothing, goes on in the reserve of its day; twice is once."""
    return _moved(to_reserve(g.session, g.who, call, g.now))


def _moved(call: FamilyCall) -> Any:
    relative, cared = (g.session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    text = day_words.MOVED.format(time=day_words.seat(call.starts_at, relative, cared))
    return said(whole(g.session.get_one(CallDay, call.call_day_id)), text)


def _on_a_day(call: int) -> FamilyCall:
    found, role = call_for(g.session, g.who, call)
    if role != "cadre" or found.call_day_id is None:
        raise Refused("not_yours")
    day_for(g.session, g.who, found.call_day_id)
    return found
