"""WeChat's own calls: the signature of `wx.joinVoIPChat`, and the two things that only WeChat can give."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from wx_backend.wechat.client import Client

SN = re.compile(r"[0-9A-Za-z_-]{1,128}")
NONCE_BYTES = 12


@dataclass(frozen=True)
class Signed:
    """What `wx.joinVoIPChat` wants. `time_stamp` is a number there, and signed as its decimal digits."""

    group_id: str
    nonce_str: str
    time_stamp: int
    signature: str


def signature(session_key: str, app_id: str, group_id: str, nonce: str, time_stamp: int) -> str:
    """HMAC-SHA256 over the four values in the order of their bytes, joined; in hex.

    The key is the session_key as the text that WeChat gave: decoded from base64 it makes another signature (the
    official example of 多人音视频对话 tells the two apart).
    """
    message = "".join(sorted([app_id, group_id, nonce, str(time_stamp)]))
    return hmac.new(session_key.encode(), message.encode(), hashlib.sha256).hexdigest()


def sign(session_key: str, app_id: str, group_id: str, now: datetime) -> Signed:
    """Sign with the session_key that the one who joins has at this moment; an older one is 签名失败 on the phone."""
    nonce, stamp = secrets.token_hex(NONCE_BYTES), int(now.timestamp())
    return Signed(group_id, nonce, stamp, signature(session_key, app_id, group_id, nonce, stamp))


def signed_by_wechat(client: Client, openid: str, group_id: str, now: datetime) -> Signed:
    """The same from `wxa/getvoipsign`, for whose session_key is not at hand. Raises what `client` raises."""
    nonce, stamp = secrets.token_hex(NONCE_BYTES), int(now.timestamp())
    return Signed(group_id, nonce, stamp, client.voip_signature(openid, group_id, stamp, nonce))


def device_ticket(client: Client, sn: str, model_id: str) -> str:
    """The ticket with which a phone asks `wx.requestDeviceVoIP` once; good for five minutes.

    Raises ValueError for a serial number that WeChat would not take, and what `client` raises.
    """
    if not SN.fullmatch(sn):
        raise ValueError("not a serial number: 1 to 128 of 0-9, A-Z, a-z, _ and -")
    return client.device_ticket(sn, model_id)
