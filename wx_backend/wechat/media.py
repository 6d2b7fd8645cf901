"""Brings voice notes and pictures from WeChat into the media folder, and looks at their bytes before it keeps them."""

import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wechatpy.exceptions import WeChatClientException

from models.messages.media import Fetched, Gone, Kept, NotYet, OpenMedia
from wx_backend.wechat.client import FAR_END, Client
from wx_backend.wechat.transport import TooLong

log = logging.getLogger(__name__)

FETCH_SECONDS = 20.0
# WeChat has no such temporary material (any more): 40007 invalid media_id, 40004 invalid type, 41006 none named.
NO_MORE = {40007, 40004, 41006}
# How a file of each format begins; what a sender says of it is not believed. WeChat's voice is AMR, SILK or Speex.
BEGINNINGS: dict[str, tuple[tuple[bytes, str], ...]] = {
    "voice": ((b"#!AMR", "amr"), (b"\x02#!SILK", "silk"), (b"#!SILK", "silk"), (b"ID3", "mp3"), (b"\xff\xfb", "mp3"),
              (b"OggS", "ogg")),
    "image": ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF8", "gif")),
}  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """Where voice notes and pictures lie, each of at most `most` bytes; only this program reads it."""

    path: Path
    most: int

    def where(self, name: str) -> Path:
        """Where a file lies."""
        return self.path / name

    def keep(self, name: str, content: bytes) -> None:
        """Write a file that only we may read, whole or not at all; the same name again is the same file."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.path / f".{name}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(content)
            beside.replace(self.where(name))
        finally:
            beside.unlink(missing_ok=True)

    def drop(self, name: str) -> None:
        """Take a file away; there need not be one."""
        self.where(name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Fetcher:
    """Fetches one after the other through the accounts' clients into `folder`."""

    clients: Mapping[str, Client]
    folder: Folder

    def fetch(self, media: OpenMedia) -> Fetched:
        """Bring one; never raises for what the far end does or for a full disk."""
        client = self.clients.get(media.app_id)
        if client is None:
            return NotYet("no such account in the settings")
        try:
            found = client.fetch_media(media.media_id, self.folder.most, FETCH_SECONDS)
        except WeChatClientException as error:
            code = int(error.errcode or -1)
            return Gone(f"errcode {code}") if code in NO_MORE else NotYet(f"errcode {code}")
        except TooLong:
            return Gone("too long")
        except FAR_END as error:
            return NotYet(type(error).__name__)
        form = format_of(media.kind, found or b"")
        if found is None or not form:
            return Gone("another type")
        try:
            self.folder.keep(media.file, found)
        except OSError as error:
            log.error("media %s: the folder takes nothing: %s", media.id, error.strerror)
            return NotYet("folder")
        return Kept(form, len(found))


def format_of(kind: str, content: bytes) -> str:
    """The format that the bytes themselves show ("amr", "jpg", …); "" for anything that we do not keep."""
    return next((form for begins, form in BEGINNINGS[kind] if content.startswith(begins)), "")
