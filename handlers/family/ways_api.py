"""The ways in which a call is held, for the mini-program: chosen, allowed to a device, and how long it was used."""

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import Asked, Nothing, Shown, refusing, said
from handlers.family import words
from models.errors import Refused
from models.family import devices, minutes, ways
from models.family.calls import FamilyCall, call_for

room = APIBlueprint("ways", __name__, tag="calls")


class WayAsked(Asked):
    """How the call shall be held."""

    way: Literal["room", "mini_voip", "mini_1v1", "device_voip", "link", "by_hand"]
    media: Literal["video", "voice"] = "video"


class GrantAsked(Asked):
    """What the phone says of the device: allowed, refused, or allowed once and no more (errCode 9)."""

    state: Literal["granted", "refused", "gone"]


class EndedAsked(Asked):
    """How many minutes the phone was on the call, begun ones counted."""

    minutes: Annotated[int, Field(ge=0, le=600)]


class WayShown(Shown):
    """One way; `why_not` is "" where it can be, else a sentence. `minutes_left` is there where minutes are counted."""

    way: str
    text: str
    possible: bool
    why_not: str
    minutes_left: int | None


class Ways(Shown):
    """The ways of one call. `advice` is "" or a sentence that advises to talk without video."""

    items: list[WayShown]
    chosen: str
    media: str
    advice: str
    next: int | None = None


@room.get("/calls/<key:call>/ways")
@room.output(Ways)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def every_way(call: int) -> Any:
    """The ways in which this call can be held, and why the others cannot be chosen."""
    found, role = call_for(g.session, g.who, call)
    if role == "cared":
        raise Refused("not_yours")  # what stands against a way is about the others' phones
    return said(_ways(found))


@room.post("/calls/<key:call>/way")
@room.input(WayAsked)
@room.output(Ways)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "no_way", "way_not_possible", "wrong_state"))
def choose(call: int, json_data: WayAsked) -> Any:
    """Choose how a call is held: for who booked it, and for cadres."""
    found = ways.choose(g.session, g.who, call, json_data.way, json_data.media, g.offered, g.now)
    text = words.CHOSEN.format(way=words.WAYS[found.way], media=words.MEDIA[found.media])
    return said(_ways(found), text)


@room.post("/calls/<key:call>/grant")
@room.input(GrantAsked)
@room.output(Nothing)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "no_device"))
def grant(call: int, json_data: GrantAsked) -> Any:
    """Say whether my phone lets the device of this call ring it."""
    found, role = call_for(g.session, g.who, call)
    if role in ("cadre", "cared"):
        raise Refused("not_yours")  # a phone speaks for its owner only
    state = devices.said(g.session, found, g.who.person_id, json_data.state, g.now)
    return said(Nothing(), words.SAID_GRANT[state])


@room.post("/calls/<key:call>/ended")
@room.input(EndedAsked)
@room.output(Nothing)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def ended(call: int, json_data: EndedAsked) -> Any:
    """Say how long I was on the call: what was held of the month's minutes beyond it is given back."""
    found, role = call_for(g.session, g.who, call)
    if role == "cared" or (role == "cadre" and found.helper_id != g.who.person_id):
        raise Refused("not_yours")
    minutes.report(g.session, found, g.who.person_id, json_data.minutes, g.now)
    return said(Nothing(), words.ENDED)


def _ways(call: FamilyCall) -> Ways:
    found = ways.possible(g.session, call, g.offered, g.now)
    advice = words.VOICE_FIRST if ways.voice_advised(g.session, call, g.offered, found) else ""
    items = [
        WayShown(
            way=one.way, text=words.WAYS[one.way], possible=not one.why_not,
            why_not=words.WHY_NOT.get(one.why_not, ""), minutes_left=one.left,
        )
        for one in found
    ]  # fmt: skip
    return Ways(items=items, chosen=call.way, media=call.media, advice=advice)
