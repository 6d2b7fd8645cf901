"""The postman: turns a letter's facts into words and carries it, and says honestly what came of it."""

import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from wechatpy.exceptions import WeChatClientException

from handlers.room import Wording
from models.messages.ladder import CHANNELS
from models.messages.outcomes import Failed, OpenLetter, Outcome, Sent, Unsure
from wx_backend.waiting import elsewhere
from wx_backend.wechat.client import FAR_END, Client
from wx_backend.wechat.errcodes import failed, without_token
from wx_backend.wechat.media import Folder
from wx_backend.wechat.templates import BadField, Template, Unfit, fit, without_rare
from wx_backend.wechat.tokens import TokenRefused
from wx_backend.wechat.transport import Doubtful, Unreached

log = logging.getLogger(__name__)

_DOES_NOT_FIT = 47003
_MSGID = re.compile(r"[0-9]{1,20}")  # 64 bits; a receipt for anything else could not be joined
Say = Callable[[str, dict[str, Any], ZoneInfo], Wording]


@dataclass(frozen=True)
class Postman:
    """Carries letters through the accounts' clients. `words`: quarter → its `letter` function."""

    clients: Mapping[str, Client]
    templates: Mapping[str, Mapping[str, Template]]  # channel → business key
    words: Mapping[str, Say]
    now: Callable[[], datetime]
    folder: Folder | None = None  # where photos lie

    def carry(self, letter: OpenLetter) -> Outcome:
        """Say and send one letter. Never raises for what the far end does."""
        try:
            wording = self.wording(letter.kind, letter.facts, ZoneInfo(letter.zone))
        except Exception as error:
            # Ours to mend, and nothing was sent. The exception's own words may hold what is to be said.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("letter %s: no words for %s: %s\n%s", letter.id, letter.kind, type(error).__name__, where)
            return Failed("broken", "wording", type(error).__name__)
        client = self.clients.get(letter.app_id)
        if client is None:
            return Failed("broken", "no_account", f"no such account in the settings: {letter.app_id}", scope="account")
        send = self._customer_service if letter.channel == "customer_service" else self._by_template
        return self._guarded(lambda: send(client, letter, wording), wording)

    def wording(self, kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
        """A letter in words, by the quarter that its kind names."""
        return self.words[kind.partition(".")[0]](kind, facts, zone)

    def _guarded(self, send: Callable[[], Sent], wording: Wording) -> Outcome:
        """What the far end did, as a value: refused, never reached, or nobody knows."""
        said = wording.text
        try:
            return send()
        except WeChatClientException as error:
            return failed(int(error.errcode or -1), str(error.errmsg or ""), self.now(), said)
        except Unfit as error:
            return Failed("unfit", "bad_field", str(error), said=said)
        except BadField as error:
            return Failed("broken", "bad_field", str(error), said=said, scope="template")
        except TokenRefused as error:
            return without_token(error.code, error.detail, self.now(), said)
        except Unreached as error:
            return Failed("again", "unreached", str(error), said=said)
        except Doubtful as error:
            return Unsure(str(error), said)

    def _by_template(self, client: Client, letter: OpenLetter, wording: Wording) -> Sent:
        template = self.templates[letter.channel].get(wording.template)
        if template is None:
            raise BadField(f"template {wording.template} of {letter.channel}: not in the settings")
        ends, data = time.monotonic() + letter.deadline_seconds, fit(template, wording.fields)
        message: dict[str, Any] = {"touser": letter.openid, "template_id": template.id, "data": data}
        if CHANNELS[letter.channel].repeatable:
            message["client_msg_id"] = letter.client_msg_id
        try:
            found = client.send_by_template(letter.channel, message, letter.deadline_seconds)
        except WeChatClientException as error:
            message["data"] = without_rare(data)
            if error.errcode != _DOES_NOT_FIT or message["data"] == data:
                raise
            # Refused is not delivered: better to be told with a name that lacks a character than not at all.
            found = client.send_by_template(letter.channel, message, max(ends - time.monotonic(), 0.1))
        msgid = str(found.get("msgid", ""))
        return Sent(msgid if _MSGID.fullmatch(msgid) else None, wording.text)

    def _customer_service(self, client: Client, letter: OpenLetter, wording: Wording) -> Sent:
        ends = time.monotonic() + letter.deadline_seconds
        if wording.scene and _sent_as_qr(client, letter, wording.scene):
            return Sent(None, wording.text)
        if wording.picture and self.folder and _sent_as_photo(client, letter, self.folder.where(wording.picture)):
            return Sent(None, wording.text)
        client.send_customer_text(letter.openid, wording.text, max(ends - time.monotonic(), 0.1))
        return Sent(None, wording.text)


def _sent_as_qr(client: Client, letter: OpenLetter, scene: str) -> bool:
    """Whether the QR code is on the phone; when that is not certain the words go too, which hold the same."""
    return _sent_as_picture(client, letter, lambda left: client.scene_qr(scene, left))


def _sent_as_photo(client: Client, letter: OpenLetter, path: Path) -> bool:
    """Whether the photo is on the phone; when that is not certain the words go too, with the way to its page."""
    try:
        photo = elsewhere(path.read_bytes)
    except OSError as error:
        log.error("letter %s: its photo is not in the folder: %s", letter.id, error.strerror)
        return False
    return _sent_as_picture(client, letter, lambda _: photo)


def _sent_as_picture(client: Client, letter: OpenLetter, picture: Callable[[float], bytes]) -> bool:
    """Whether a picture is on the phone. Half of the letter's time, so that there is as much for the words."""
    ends = time.monotonic() + letter.deadline_seconds / 2

    def left() -> float:
        return max(ends - time.monotonic(), 0.1)

    try:
        media_id = client.upload_picture(picture(left()), left())
        client.send_customer_image(letter.openid, media_id, left())
    except FAR_END as error:
        log.warning("letter %s: no picture could be shown: %s", letter.id, type(error).__name__)
        return False
    return True
