"""How a page finds a way to the other: STUN and TURN servers, with credentials that are over within the hour."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Any


@dataclass(frozen=True)
class Relay:
    """The servers of `[video]`: their URLs, the secret that coturn shares with us, how long a credential lasts."""

    stun: Sequence[str]
    turn: Sequence[str]
    secret: str
    lasts: timedelta
    only: bool  # nobody speaks directly: the other side learns no address

    def servers(self, call_id: int, seat_id: int, real_now: datetime, closes_in: timedelta) -> list[Mapping[str, Any]]:
        """`RTCConfiguration.iceServers` for one seat of one call; nothing outlasts the room.

        coturn's `use-auth-secret` (its README.turnserver, "TURN REST API"): the user name is "<expiry as Unix
        time>:<anything>", the password base64(HMAC-SHA1(secret, user name)). Ours names the call and the seat, by their
        keys alone, so that coturn's log tells whose it was. coturn's clock is the real one, whatever the demo's says.
        """
        found: list[Mapping[str, Any]] = [{"urls": list(self.stun)}] if self.stun else []
        if self.turn:
            expires = real_now + min(self.lasts, max(closes_in, timedelta(minutes=1)))
            name = f"{int(expires.timestamp())}:{call_id}-{seat_id}"
            mac = hmac.new(self.secret.encode(), name.encode(), sha1).digest()
            password = base64.b64encode(mac).decode()
            found.append({"urls": list(self.turn), "username": name, "credential": password})
        return found
