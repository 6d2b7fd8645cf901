"""The files that pages load: exactly these, each under the digest of what it holds, kept by phones for a year."""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, request

from wx_backend.config import ConfigError

HERE = Path(__file__).parent
# npm puts them beside package.json; package-lock.json says which.
MODULES = HERE.parent.parent / "node_modules"
FILES: Mapping[str, Path] = {
    "weui.css": MODULES / "weui/dist/style/weui.min.css",
    "htmx.js": MODULES / "htmx.org/dist/htmx.min.js",
    "jweixin.js": MODULES / "weixin-js-sdk/index.js",
    "pages.css": HERE / "pages.css",
    "pages.js": HERE / "pages.js",
    "notices.js": HERE / "notices.js",
    "room.css": HERE / "room.css",
    "room_line.js": HERE / "room_line.js",
    "room_peers.js": HERE / "room_peers.js",
    "room_sound.js": HERE / "room_sound.js",
    "room.js": HERE / "room.js",
}
# Written for bundlers (CommonJS): what such a file exports is known to pages by this name.
EXPORTS: Mapping[str, str] = {"jweixin.js": "wx"}
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file: what it holds, where it is found and what a browser checks it against (Subresource Integrity)."""

    name: str
    content: bytes
    packed: bytes
    url: str
    integrity: str


def missing() -> list[str]:
    """One sentence for each file that is not here, with what to do; empty when all are."""
    return [
        f"{path}: not there, and pages need it; run `make setup`, or `npm ci --omit=dev` beside package.json"
        for path in FILES.values() if not path.is_file()
    ]  # fmt: skip


def load() -> dict[str, Asset]:
    """All files by name; raises ConfigError with a sentence for each that is missing."""
    faults = missing()
    if faults:
        raise ConfigError("\n".join(faults))
    return {name: _asset(name, _for_pages(name, path.read_bytes())) for name, path in FILES.items()}


def _for_pages(name: str, content: bytes) -> bytes:
    if name not in EXPORTS:
        return content
    return b"var %s = ((module) => {\n%s\nreturn module.exports;\n})({});\n" % (EXPORTS[name].encode(), content)


def _asset(name: str, content: bytes) -> Asset:
    digest = hashlib.sha384(content).digest()
    short = digest.hex()[:16]
    packed = gzip.compress(content, mtime=0)
    return Asset(name, content, packed, f"/assets/{short}/{name}", f"sha384-{base64.b64encode(digest).decode()}")


def room(assets: Mapping[str, Asset]) -> Blueprint:
    """`/assets/<digest>/<name>`: a file under its own digest and no other, packed for whoever takes it so."""
    files = Blueprint("assets", __name__)
    by_url = {asset.url: asset for asset in assets.values()}

    @files.get("/assets/<digest>/<name>")
    def file(digest: str, name: str) -> Response:
        """One file."""
        asset = by_url.get(f"/assets/{digest}/{name}")
        if asset is None:
            abort(404)
        packs = request.accept_encodings.quality("gzip") > 0
        response = Response(asset.packed if packs else asset.content, content_type=KINDS[Path(name).suffix])
        response.headers.update({"Cache-Control": A_YEAR, "Vary": "Accept-Encoding"})
        response.headers["X-Content-Type-Options"] = "nosniff"
        if packs:
            response.headers["Content-Encoding"] = "gzip"
        return response

    return files
