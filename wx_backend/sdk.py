"""What a page needs for WeChat's own tags: the signature of its address (JS-SDK).

No transaction is open while WeChat is asked for the ticket behind it.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, jsonify, make_response, request, url_for
from werkzeug.wrappers import Response as Answer

from models.errors import Refused
from wx_backend.wechat.client import FAR_END, Client

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sdk:
    """`client` is the official account's; its pages lie below `public_url`."""

    client: Client
    public_url: str
    now: Callable[[], datetime]

    def room(self) -> Blueprint:
        """`/m/settings/notices/sdk`."""
        room = Blueprint("sdk", __name__)
        room.add_url_rule("/settings/notices/sdk", "signed", self.signed)
        return room

    def signed(self) -> Answer:
        """What `wx.config` takes on the page of notices, at `url` as the browser has it; no other address is signed."""
        url = request.args.get("url", "").partition("#")[0]
        if url.partition("?")[0] != self.public_url + url_for("pages.notices.mine"):
            raise Refused("not_yours")
        nonce, stamp = secrets.token_hex(8), int(self.now().timestamp())
        try:
            signature = self.client.page_signature(url, nonce, stamp)
        except FAR_END as error:
            log.warning("no page can be signed: %s", type(error).__name__)
            answer = make_response("", 503)
            answer.headers["Retry-After"] = "10"
            return answer
        return jsonify(appId=self.client.appid, timestamp=stamp, nonceStr=nonce, signature=signature)
