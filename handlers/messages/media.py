"""Voice notes and pictures at the doors: sent to who may see them, taken from a form after a look at their bytes."""

import io
import logging
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import filetype
from flask import g, send_file
from PIL import Image, ImageOps, UnidentifiedImageError
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from models.errors import Refused
from models.messages.media import Brought, Media

log = logging.getLogger(__name__)

# What a browser is told of each format. What it cannot play (WeChat's SILK) it may keep.
TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "amr": "audio/amr", "mp3": "audio/mpeg",
    "ogg": "audio/ogg", "m4a": "audio/mp4", "wav": "audio/wav", "aac": "audio/aac", "silk": "application/octet-stream",
}  # fmt: skip
PLAYED = ("jpg", "png", "gif", "mp3", "ogg", "m4a", "wav", "aac")
VOICES = ("amr", "mp3", "ogg", "m4a", "wav", "aac")
PICTURES = ("JPEG", "PNG", "WEBP", "GIF")
MOST_PIXELS = 50_000_000  # more than any phone in use takes
SIDE, QUALITY = 2048, 85  # a photo of a broken pipe needs no more


class Folder(Protocol):
    """Where the bytes lie; only this program reads it."""

    @property
    def most(self) -> int:
        """So many bytes one file may have."""

    def keep(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""

    def drop(self, name: str) -> None:
        """Take a file away; there need not be one."""

    def where(self, name: str) -> Path:
        """Where a file lies."""


def send(media: Media) -> Response:
    """The bytes of one, for who may see it (the caller has asked); raises Refused("not_yours") where they are gone."""
    path = _folder().where(media.file)
    if not path.is_file():
        log.error("media %s: not in the folder", media.id)
        raise Refused("not_yours")
    sent = send_file(
        io.BytesIO(path.read_bytes()), mimetype=TYPES.get(media.format, "application/octet-stream"),
        conditional=False, etag=False,
        as_attachment=media.format not in PLAYED, download_name=f"{media.id}.{media.format}",
    )  # fmt: skip
    sent.headers["Cache-Control"] = "no-store"
    return sent


def take(files: Iterable[FileStorage]) -> tuple[Brought, ...]:
    """Put what a form brought into the folder; empty fields are none. The frame drops it when the request fails.

    A picture is drawn anew, so that neither its maker's place and name (EXIF) nor anything hidden in it is kept.
    Raises Refused("no_media") for what is neither a picture nor a voice note, ("media_long", megabytes=…) for what is
    too long.
    """
    found = [_looked_at(content) for one in files if (content := _read(one))]
    brought = []
    for kind, form, content in found:
        name = secrets.token_hex(16)
        brought.append(Brought(kind, form, len(content), name))
        g.brought = [*g.get("brought", ()), brought[-1]]
        _folder().keep(name, content)
    return tuple(brought)


def drop_brought() -> None:
    """Take away all that this request has put into the folder so far: its transaction came to nothing."""
    drop(g.pop("brought", ()))


def drop(brought: Iterable[Brought]) -> None:
    """Take away what was put there for nothing."""
    for one in brought:
        _folder().drop(one.file)


def _read(one: FileStorage) -> bytes:
    most = _folder().most
    one.stream.seek(0)  # a form that the database made give way is read again
    content = one.stream.read(most + 1)
    if len(content) > most:
        raise Refused("media_long", megabytes=max(most // 1_000_000, 1))
    return content


def _looked_at(content: bytes) -> tuple[str, str, bytes]:
    """What the bytes themselves show: (kind, format, content to keep); nobody believes a file's name."""
    voice = filetype.guess_extension(content)
    if voice in VOICES:
        return "voice", voice, content
    try:
        with Image.open(io.BytesIO(content), formats=PICTURES) as opened:
            if opened.width * opened.height > MOST_PIXELS:  # a small file can unfold into all of the memory
                raise Refused("no_media")
            picture = ImageOps.exif_transpose(opened).convert("RGB")
            picture.thumbnail((SIDE, SIDE))
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=QUALITY)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Refused("no_media") from error
    return "image", "jpg", out.getvalue()


def _folder() -> Folder:
    found: Folder = g.media
    return found
