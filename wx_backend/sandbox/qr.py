"""QR codes of the account: made, shown as pictures, recognised in a picture, and ended by the sandbox's clock."""

import io
import secrets
from functools import lru_cache
from typing import Any

import segno

from wx_backend.sandbox.world import Code, World

MONTH = 2_592_000  # the longest life of a temporary code, in seconds
TEMPORARY, PERMANENT = ("QR_SCENE", "QR_STR_SCENE"), ("QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE")


def create(world: World, body: dict[str, Any]) -> Code | str:
    """A new code as `qrcode/create` is asked for it, else what is wrong with the question."""
    scene = (body.get("action_info") or {}).get("scene") or {}
    text = str(scene.get("scene_str") or scene.get("scene_id") or "")
    name, seconds = body.get("action_name"), body.get("expire_seconds") or 60
    if name not in TEMPORARY + PERMANENT:
        return "invalid args"
    if not 1 <= len(text) <= 64:
        return "invalid scene_str length"
    if not isinstance(seconds, int) or seconds < 1:
        return "invalid expire_seconds"
    until = world.now() + min(seconds, MONTH) if name in TEMPORARY else None
    made = Code("gQ" + secrets.token_urlsafe(48), text, until)
    with world.lock:
        world.qr_codes[made.ticket] = made
    return made


@lru_cache(maxsize=256)
def picture(text: str) -> bytes:
    """A QR picture of a text."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=8, border=4)
    return out.getvalue()


def code_in(world: World, media_id: str) -> str:
    """The ticket of the code that an uploaded picture shows; an empty text when it shows none."""
    content = world.media.get(media_id, (b"", ""))[0]
    return next((code.ticket for code in world.qr_codes.values() if picture(code.url) == content), "")


def scanned(world: World, scene: str, ticket: str = "") -> tuple[Code | None, bool]:
    """The code that a person holds the phone over, and whether it still leads anywhere.

    A scene that no code was made for is as good as a printed code from elsewhere.
    """
    with world.lock:
        same = [code for code in world.qr_codes.values() if ticket in ("", code.ticket) and scene in ("", code.scene)]
    living = [code for code in same if code.until is None or code.until > world.now()]
    found = living or same
    return (found[-1] if found else None), bool(living) or not same
