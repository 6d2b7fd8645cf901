"""WeChat's calls: the signature of a voice room, and the ticket of a device."""

import hashlib
import hmac
import re
import secrets

from wx_backend.sandbox.messages import OK, Json, refused
from wx_backend.sandbox.world import Account, World

SESSION_KEY = "c2FuZGJveC1zZXNzaW9uLWtleQ=="
TICKET_LASTS = 300.0
_SN = re.compile(r"[0-9A-Za-z_-]{1,128}")


def voip_sign(world: World, account: Account, openid: str, body: Json) -> Json:
    """`wxa/getvoipsign`: the same signature that a server makes with the session_key of who joins."""
    if world.phone_of(account, openid) is None:
        return refused(40003, "invalid openid")
    group, nonce, stamp = (str(body.get(name, "")) for name in ("group_id", "nonce", "timestamp"))
    if not group or not stamp.isdecimal() or not 0 < len(nonce) < 128:
        return refused(40097, "invalid args")
    message = "".join(sorted([account.app_id, group, nonce, stamp]))
    return {**OK, "signature": hmac.new(SESSION_KEY.encode(), message.encode(), hashlib.sha256).hexdigest()}


def sn_ticket(world: World, account: Account, body: Json) -> Json:
    """`wxa/getsnticket`: for a device whose model the platform has approved."""
    model = str(body.get("model_id", ""))
    if model not in world.models:
        return refused(48001, "api unauthorized")
    if not _SN.fullmatch(str(body.get("sn", ""))):
        return refused(9800001, "invalid sn")
    ticket = secrets.token_urlsafe(32)
    world.tickets[ticket] = (account.app_id, str(body["sn"]), world.now() + TICKET_LASTS)
    return {**OK, "sn_ticket": ticket}
