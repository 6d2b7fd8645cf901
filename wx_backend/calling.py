"""Joining a family call from the mini-program: what WeChat or a server of the county has to say to it.

These addresses hold their own transactions: none is open while WeChat is asked.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from apiflask import APIBlueprint
from flask import g, request
from pydantic import Field
from sqlalchemy.orm import Session

from handlers.envelope import Asked, Instant, Shown, refusing, said, schema
from models.errors import Refused
from models.family import devices, minutes, ways
from models.family.calls import FamilyCall, call_for
from models.family.passes import give_pass, open_screen
from models.people.identities import Who
from models.people.persons import Person
from wx_backend import guard
from wx_backend.asked import Frame
from wx_backend.video.links import Server, link_for
from wx_backend.wechat import voip
from wx_backend.wechat.client import FAR_END, Client, errcode_of

log = logging.getLogger(__name__)

T = TypeVar("T")
JOINING = (
    "not_yours", "no_link", "not_active", "with_cadre", "call_not_open", "call_over", "signed_out", "no_minutes",
    "no_way", "way_not_possible", "code_used", "wechat_away", "call_off", "room_early", "room_over", "screen_taken",
)  # fmt: skip


class JoinAsked(Asked):
    """With a fresh code of `wx.login` we sign ourselves; without one WeChat is asked to."""

    code: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")] | None = None


class SignedShown(Shown):
    """What `wx.joinVoIPChat` takes."""

    group_id: str
    nonce_str: str
    time_stamp: int
    signature: str


class OneToOne(Shown):
    """What `wx.join1v1Chat` takes: the openids of the two in this mini-program, and "voice" or "video"."""

    caller: str
    listener: str
    room_type: str


class JoinShown(Shown):
    """How this person joins: of `signed`, `one_to_one`, `link` the one that the way of the call needs is there.

    `link` is also the call's own page for the way "room", good once and for half an hour. None is where a device rings,
    or the cadre calls.
    """

    way: str
    media: str
    closes_at: Instant
    signed: SignedShown | None = None
    one_to_one: OneToOne | None = None
    link: str | None = None


class TicketShown(Shown):
    """What `wx.requestDeviceVoIP` takes; the ticket is good for five minutes."""

    sn: str
    sn_ticket: str
    model_id: str
    device_name: str


@dataclass(frozen=True)
class Joined:
    """What is known of one who joins before anybody outside is asked."""

    who: Who
    call: FamilyCall
    name: str
    group: str
    openids: tuple[str, str] | None
    key: str | None = None  # a pass into the room


@dataclass(frozen=True)
class Calling:
    """The views of joining. `client` is the mini-program's; `server` the county's own, for the way "link"; `door` is
    where a pass into the built-in room is handed in, as a URL."""

    frame: Frame
    client: Client
    server: Server | None
    door: str

    def room(self) -> APIBlueprint:
        """`/calls/<call>/join`, `/calls/<call>/ticket`."""
        room = APIBlueprint("calling", __name__, tag="calls")
        room.add_url_rule("/calls/<key:call>/join", "join", self.join, methods=["POST"])
        room.add_url_rule("/calls/<key:call>/ticket", "ticket", self.ticket, methods=["POST"])
        return room

    @schema.input(JoinAsked)
    @schema.output(JoinShown)
    @schema.doc(responses=refusing(*JOINING))
    def join(self, call: int, json_data: JoinAsked) -> Any:
        """Join a call that I am on, from fifteen minutes before it to ten after its end."""
        here = self._asked(lambda session, who: _arrive(session, who, call, self.frame.offered))
        made = JoinShown(way=here.call.way, media=here.call.media, closes_at=here.call.ends_at + ways.GRACE)
        joins = ways.WAYS[here.call.way].joins
        if joins == "signature":
            made.signed = SignedShown(**vars(_signed(self.client, here, json_data.code)))
        elif here.openids is not None:
            made.one_to_one = OneToOne(caller=here.openids[0], listener=here.openids[1], room_type=here.call.media)
        elif here.key is not None:
            made.link = self.door + here.key
        elif joins == "link":
            made.link = _link(self.server, here)
        return said(made)

    @schema.output(TicketShown)
    @schema.doc(responses=refusing("signed_out", "not_yours", "no_link", "not_active", "no_device", "wechat_away"))
    def ticket(self, call: int) -> Any:
        """The ticket with which my phone asks me whether the device of this call may ring it."""
        device = self._asked(lambda session, who: _device(session, who, call))
        try:
            sn_ticket = voip.device_ticket(self.client, device.sn, device.model_id)
        except FAR_END as error:
            raise _away("getsnticket", error) from None
        return said(TicketShown(
            sn=device.sn, sn_ticket=sn_ticket, model_id=device.model_id, device_name=device.name
        ))  # fmt: skip

    def _asked(self, work: Callable[[Session, Who], T]) -> T:
        """What `work` answers about who asks, in a transaction of its own."""
        claims = guard.api_claims(self.frame.key, request.headers.get("Authorization", ""), g.now)
        return self.frame.unit(lambda session: work(session, guard.api_who(session, claims, g.now)))


def _arrive(session: Session, who: Who, call_id: int, offered: ways.Offered) -> Joined:
    call, role = ways.joining(session, who, call_id, g.now)
    if call.way not in offered.ways:
        raise Refused("no_way")
    openids = None
    if ways.WAYS[call.way].joins == "openids":
        openids = _two(session, call, offered.app_id)
        minutes.hold(session, call, offered.app_id, offered.budget, g.now)
    key = None
    if ways.WAYS[call.way].joins == "page":
        key = (open_screen if role == "cadre" else give_pass)(session, who, call.id, g.now)
    name = session.get_one(Person, call.cared_id if role == "cadre" else who.person_id).name
    found = Joined(who, call, name, ways.group_of(session, call), openids, key)
    session.expunge(call)  # read on when the transaction is over
    return found


def _two(session: Session, call: FamilyCall, app_id: str) -> tuple[str, str]:
    """The helper, who sits with the elder, calls; who booked listens. Raises Refused("way_not_possible")."""
    found = [ways.identity_in(session, key, app_id) for key in (call.helper_id, call.relative_id)]
    if found[0] is None or found[1] is None:
        raise Refused("way_not_possible", why="mini_program" if found[1] is None else "helper")
    return found[0].openid, found[1].openid


def _signed(client: Client, here: Joined, code: str | None) -> voip.Signed:
    """Signed with the session_key behind the code, which is not kept, or by WeChat."""
    try:
        if code is None:
            return voip.signed_by_wechat(client, here.who.openid, here.group, g.now)
        found = client.session_behind(code)
    except FAR_END as error:
        raise Refused("code_used") if errcode_of(error) in (40029, 40163, 41008) else _away("voip", error) from None
    session_key = found.get("session_key")
    # The signature lets in whose session_key it is: a code of another phone opens nothing for this one.
    if not isinstance(session_key, str) or not session_key or found.get("openid") != here.who.openid:
        raise Refused("code_used")
    return voip.sign(session_key, client.appid, here.group, g.now)


def _link(server: Server | None, here: Joined) -> str:
    if server is None:
        raise Refused("no_way")
    call = here.call
    person = hashlib.sha256(f"{here.group}/{here.who.person_id}".encode()).hexdigest()[:16]
    return link_for(server, here.group, here.name, person, call.starts_at - ways.OPENS, call.ends_at + ways.GRACE)


def _device(session: Session, who: Who, call_id: int) -> devices.VoipDevice:
    """The device of a call, for a relative on it, also days before."""
    call, role = call_for(session, who, call_id)
    found = devices.device_of(session, call.station_id)
    if role in ("cadre", "cared"):
        raise Refused("not_yours")  # it rings the family
    if found is None:
        raise Refused("no_device")
    session.expunge(found)
    return found


def _away(what: str, error: Exception) -> Refused:
    log.warning("%s: %s: %s", g.request_id, what, errcode_of(error) or type(error).__name__)
    return Refused("wechat_away")
