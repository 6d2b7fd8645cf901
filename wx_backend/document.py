"""The OpenAPI document: what the frame adds to what the rooms say of themselves, and the catalogue in print."""

from typing import Any

from handlers.envelope import KEY_MOST, Envelope
from handlers.refusals import CATALOGUE
from models.messages.answers import KEY_LIMIT

TITLE = "连心桥"
_INTRODUCTION = """\
The JSON API of the mini-program. Every answer stands in one envelope, `{code, msg, data, request_id}`, under its true
HTTP status: `code` is "ok" or a word of the catalogue below, `msg` one sentence for people, in Chinese.
Lists are `{items, next}`; `next`, where it is not null, is the `cursor` of the next page. Times are ISO 8601 in UTC; a
field `…_text` beside one says it as people read it, at the centre and in their own zone.

Beside it, under `/open311/v2`, stands a view for anybody in the shapes of Open311 GeoReport v2.

Log in with the code of `wx.login`; send the access token as `Authorization: Bearer …`. Every POST and PATCH but the
login's needs an `Idempotency-Key`: a retry with the same key hears the first answer, for 24 hours.

| code | status | meaning |
|---|---|---|
"""
DESCRIPTION = _INTRODUCTION + "\n".join(
    f"| `{code}` | {meaning.status} | {meaning.says} |" for code, meaning in CATALOGUE.items()
)

SETTINGS: dict[str, Any] = {
    "BASE_RESPONSE_SCHEMA": Envelope, "DESCRIPTION": DESCRIPTION, "AUTO_200_RESPONSE": False,
    "AUTO_404_RESPONSE": False, "AUTO_VALIDATION_ERROR_RESPONSE": False, "AUTO_OPERATION_ID": True,
    "SECURITY_SCHEMES": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
}  # fmt: skip

_KEY_HEADER = {
    "name": "Idempotency-Key", "in": "header", "required": True,
    "description": "new for each thing that is to be done once, the same for its retries",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{KEY_LIMIT}}}$"},
}  # fmt: skip
_OF_EVERY = ("bad_json", "too_many", "internal", "busy")
_OF_BODIES = ("too_long", "not_json", "invalid")
_OF_KEYS = ("idempotency_key_missing", "idempotency_mismatch", "idempotency_busy")


def finished(spec: dict[Any, Any] | str) -> dict[Any, Any]:
    """The document with what holds for all rooms: who may ask, the key of a retry, what the frame refuses."""
    assert isinstance(spec, dict)
    schemas = spec["components"]["schemas"]
    schemas.pop("HTTPError", None)  # APIFlask's own; here every refusal has one shape
    schemas["Refusal"] = {
        "type": "object", "required": ["code", "msg", "data", "request_id"], "properties": {
            "code": {"type": "string", "enum": sorted(CATALOGUE)}, "msg": {"type": "string"},
            "data": {"type": ["object", "null"]}, "request_id": {"type": "string"},
        },
    }  # fmt: skip
    spec["x-refusals"] = {code: {"status": one.status, "means": one.says} for code, one in CATALOGUE.items()}
    for path, operations in spec["paths"].items():
        if path.startswith("/open311/"):
            continue
        for method, operation in operations.items():
            _finish(path, method, operation)
    return spec


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    signs_in = path.endswith(("/login", "/refresh"))
    codes = [*_OF_EVERY, *(() if signs_in else ("signed_out",))]
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and parameter["name"] != "number":
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": KEY_MOST}
            codes.append("no_such_page")
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
        codes.append("invalid")
    if method != "get":
        codes += _OF_BODIES
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    if not signs_in:
        operation["security"] = [{"bearer": []}]
        if method != "get" and not path.endswith("/logout"):
            operation["parameters"] = [*operation.get("parameters", []), _KEY_HEADER]
            codes += _OF_KEYS
    _add_refusals(operation["responses"], codes)


def _add_refusals(responses: dict[str, Any], codes: list[str]) -> None:
    """Put the frame's codes beside those that the room named itself, all in one schema."""
    for code in dict.fromkeys(codes):
        status = str(CATALOGUE[code].status)
        named = responses.get(status, {}).get("description", "")
        responses[status] = {"description": f"{named}, `{code}`" if named else f"`{code}`"}
    for status, response in responses.items():
        if status == "304":
            response.pop("content", None)
        if status >= "400":
            response["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
