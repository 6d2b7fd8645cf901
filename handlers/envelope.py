"""What every JSON room shares: the envelope, lists in pages, and how texts, keys and times stand in it."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from apiflask.scaffold import APIScaffold
from flask import g
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from handlers import words
from handlers.refusals import CATALOGUE

KEY_MOST = 2**53 - 1  # what a number of JavaScript still holds
PAGE_MOST = 50

# The decorators of APIFlask (`input`, `output`, `doc`) for views that are methods: they belong to no blueprint.
schema = APIScaffold()


def _said(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second: "2026-11-29T08:00:00Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# PostgreSQL keeps no NUL. Half of a surrogate pair is refused by pydantic itself.
NO_NUL = r"^[^\u0000]*$"
Key = Annotated[int, Field(ge=1, le=KEY_MOST)]
# Keys with a colon or a stroke in them are our own ("occurrence:812:0"): nobody takes one of them beforehand.
ClientKey = Annotated[str, Field(pattern=r"^[!-.0-9;-~]{8,40}$")]
Instant = Annotated[datetime, PlainSerializer(_said, return_type=str)]


class Asked(BaseModel):
    """What a request may hold: unknown fields are refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Shown):
    """No data: what is to be said stands in `msg`."""


class Envelope(BaseModel):
    """Every answer. `code` is "ok" or a word of the catalogue, `msg` one sentence for people, in Chinese."""

    code: str
    msg: str
    data: Any = None
    request_id: str


class PageAsked(Asked):
    """Which part of a list: `cursor` is the `next` of the page before."""

    cursor: Key | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MOST)] = 20


NOT_CHANGED = {304: "what `If-None-Match` names is still so"}


def said(data: BaseModel, msg: str = words.OK, *, kept: bool = False) -> dict[str, Any]:
    """What a room answers, in its envelope. `kept`: the caller may keep it and ask with `If-None-Match`."""
    if kept:
        g.etag = hashlib.sha256(data.model_dump_json().encode()).hexdigest()[:32]
    return {"code": "ok", "msg": msg, "data": data, "request_id": g.request_id}


def refusing(*codes: str) -> dict[int, str]:
    """The statuses and words with which a room may refuse, for the OpenAPI document."""
    found: dict[int, list[str]] = {}
    for code in codes:
        found.setdefault(CATALOGUE[code].status, []).append(code)
    return {status: ", ".join(f"`{code}`" for code in sorted(named)) for status, named in sorted(found.items())}
