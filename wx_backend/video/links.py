"""Calls held elsewhere: the address at which one person joins, with a token that opens that room for a short while."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import jwt

ALGORITHM = "HS256"


@dataclass(frozen=True)
class Server:
    """A Jitsi or LiveKit of the county: its public address, and the key and secret that it shares with us."""

    kind: str  # "jitsi" or "livekit"
    origin: str
    key: str
    secret: str


def link_for(server: Server, room: str, name: str, person: str, begins: datetime, ends: datetime) -> str:
    """Where this person joins the room from `begins` to `ends`; nobody else's name or right is in it.

    `person` must say nothing about the human: it is what the server tells two of the same name apart by.
    """
    return _LINKS[server.kind](server, room, name, person, begins, ends)


def _jitsi(server: Server, room: str, name: str, person: str, begins: datetime, ends: datetime) -> str:
    """Jitsi's token authentication (prosody mod_auth_token): `aud` "jitsi", `sub` the domain, `room` this one alone."""
    claims = {
        "aud": "jitsi", "iss": server.key, "sub": server.origin.partition("://")[2], "room": room,
        "nbf": int(begins.timestamp()), "exp": int(ends.timestamp()),
        "context": {"user": {"id": person, "name": name}},
    }  # fmt: skip
    return f"{server.origin}/{quote(room)}?jwt={_token(server, claims)}#config.prejoinPageEnabled=true"


def _livekit(server: Server, room: str, name: str, person: str, begins: datetime, ends: datetime) -> str:
    """LiveKit's access token: `iss` the API key, `sub` who joins, the grant `video` for this room; its meet page."""
    claims = {
        "iss": server.key, "sub": person, "name": name, "nbf": int(begins.timestamp()), "exp": int(ends.timestamp()),
        "video": {"room": room, "roomJoin": True, "canPublish": True, "canSubscribe": True},
    }  # fmt: skip
    url = quote(server.origin.replace("http", "ws", 1), safe="")
    return f"{server.origin}/custom?liveKitUrl={url}&token={_token(server, claims)}"


def _token(server: Server, claims: dict[str, object]) -> str:
    return jwt.encode(claims, server.secret, algorithm=ALGORITHM)


_LINKS: Mapping[str, Callable[[Server, str, str, str, datetime, datetime], str]] = {
    "jitsi": _jitsi, "livekit": _livekit,
}  # fmt: skip
