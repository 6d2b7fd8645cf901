"""The door of the mini-program, `/api/v1`: its frame, and the one place where its rooms are joined."""

import logging
import secrets
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apiflask import APIBlueprint, APIFlask, HTTPError
from flask import Flask, Response, g, jsonify, request
from flask.json.provider import DefaultJSONProvider
from flask_limiter import Limiter
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest
from werkzeug.routing import IntegerConverter

from handlers import words
from handlers.envelope import KEY_MOST, Envelope
from handlers.refusals import CATALOGUE
from models.errors import Refused
from wx_backend import document, guard
from wx_backend.asked import SAFE, Frame, idempotency_key
from wx_backend.now import real_now

log = logging.getLogger(__name__)

PREFIX = "/api/v1"
MINE = ("/api/", "/openapi.json", "/open311/")  # the paths that this door answers
BODY_LIMIT = 64 * 1024
BUSY_SECONDS = 5
# A whole centre stands behind one address, and on the day it opens all of it comes at once.
LOGINS, WRITES, LOOKS = "300 per minute", "60 per minute", "60 per minute"

# The rooms that anybody may ask; those of `/api/v1` want to know who.
OPEN_ROOMS = frozenset({"open311"})
# The rooms that hold their own transaction, because they speak to WeChat before it.
OWN_HANDS = frozenset({"login", "openapi", "calling"})

# What brings a file of wx.uploadFile instead of JSON.
UPLOADS = frozenset({"needs.add_to_need", "needs.add_to_help"})

OF_STATUS = {
    400: "bad_json", 404: "no_such_page", 405: "wrong_method", 413: "too_long", 415: "not_json", 422: "invalid",
    429: "too_many",
}  # fmt: skip


class Key(IntegerConverter):
    """The key of a row in an address: what JavaScript can hold, and so every database too.

    The pattern itself says so: what werkzeug refuses only after it has matched, it would answer with 405 where the
    address knows another method as well.
    """

    regex = r"[1-9]\d{0,14}|[1-8]\d{15}|900[0-6]\d{12}"

    def __init__(self, url_map: Any) -> None:
        super().__init__(url_map, min=1, max=KEY_MOST)


class Json(DefaultJSONProvider):
    """JSON in UTF-8, keys in one order, so that the same data is the same bytes."""

    ensure_ascii = False


class Api(APIFlask):
    """The app behind this door. It has no cookies, and each request of a room is one transaction."""

    json_provider_class = Json
    limiter: Limiter

    def __init__(self, frame: Frame, sentences: Mapping[str, str], url: str) -> None:
        super().__init__(
            "wx_backend.api", title=document.TITLE, version="1", docs_path=None,
            static_folder=None,  # type: ignore[arg-type]
        )  # fmt: skip
        self.frame, self.sentences = frame, sentences
        self.url_map.converters["key"] = Key
        self.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, SERVERS=[{"url": url}], **document.SETTINGS)

    def dispatch_request(self) -> Any:
        """The room's answer, in its transaction; what no room holds, or holds its own, is left to Flask."""
        if request.blueprint is None or request.blueprint in OWN_HANDS or request.method == "OPTIONS":
            return super().dispatch_request()
        return self.frame.asked(super().dispatch_request, self.refusal, known=request.blueprint not in OPEN_ROOMS)

    def begin(self) -> None:
        """What holds for every request, before the database is asked: its size and form, whose token it shows."""
        g.request_id, g.now = secrets.token_hex(8), self.frame.now()
        try:
            request.args.to_dict()
        except UnicodeDecodeError as error:
            raise BadRequest from error
        g.media, g.offered = self.frame.media, self.frame.offered
        if request.endpoint in UPLOADS:
            request.max_content_length = BODY_LIMIT + self.frame.media.most
        elif request.method not in SAFE:
            _check_body()
        if request.blueprint is None or request.blueprint in OPEN_ROOMS | OWN_HANDS:
            return
        g.claims = guard.api_claims(self.frame.key, request.headers.get("Authorization", ""), g.now)
        if request.method not in SAFE:
            idempotency_key()

    def refusal(self, refused: Refused) -> Response:
        """What a person hears of a refusal, with the plain facts that its sentence holds."""
        facts = {name: _plainly(value) for name, value in refused.facts.items()}
        return self.enveloped(refused.code, facts)

    def enveloped(self, code: str, data: dict[str, Any] | None = None) -> Response:
        """A refusal in the envelope, under its true status."""
        sentence = self.sentences.get(code, words.DOOR_REFUSALS["internal"])
        said = Envelope(code=code, msg=sentence.format_map(_Facts(data or {})), data=data or None,
                        request_id=g.request_id)  # fmt: skip
        status = CATALOGUE[code].status
        # GeoReport v2 has a shape of its own for what goes wrong.
        in_a_list = request.path.startswith("/open311/")
        response = jsonify([{"code": status, "description": said.msg}] if in_a_list else said.model_dump())
        response.status_code = status
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if response.status_code in (429, 503) or code == "idempotency_busy":
            response.headers["Retry-After"] = str(60 if response.status_code == 429 else BUSY_SECONDS)
        return response

    def http_refusal(self, error: HTTPError) -> Response:
        """What the frame itself refuses: an address, a method, a form, a body that does not fit its schema."""
        code = OF_STATUS.get(error.status_code, "internal")
        fields = {"fields": _fields(error.detail)} if error.detail else None
        response = self.enveloped(code, fields)
        if error.status_code == 429 and self.limiter.current_limit is not None:
            left = self.limiter.current_limit.reset_at - real_now().timestamp()
            response.headers["Retry-After"] = str(max(1, round(left)))
        return response

    def busy(self, error: Exception) -> Response:
        """The database is away, or others held it for too long."""
        log.error("%s: the database did not answer: %s", g.request_id, type(error).__name__)
        return self.enveloped("busy")

    def mistake(self, error: Exception) -> Response:
        """A mistake of ours: logged with where it happened, never with what was asked."""
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s: %s failed: %s\n%s", g.request_id, request.endpoint, type(error).__name__, where)
        return self.enveloped("internal")


def _plainly(value: Any) -> Any:
    """A fact as text made inert; several stay several, and a rule keeps its parts."""
    if isinstance(value, list | tuple):
        return [words.plain(str(one)) for one in value]
    if isinstance(value, dict):
        return {name: _plainly(one) for name, one in value.items()}
    return words.plain(str(value))


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def make_api(
    frame: Frame, rooms: Iterable[APIBlueprint], sentences: Mapping[str, str], *, redis_url: str, public_url: str
) -> Api:
    """The app of this door with its rooms: those of `/api/v1` under it, the open ones at their own address."""
    api = Api(frame, {**sentences, **words.DOOR_REFUSALS, **words.ON_SCREEN}, public_url)
    api.before_request(api.begin)
    api.limiter = Limiter(
        _caller, storage_uri=redis_url.replace("unix://", "redis+unix://"), key_prefix="wxb",
        storage_options={} if redis_url.startswith("memory:") else {"socket_timeout": 2, "socket_connect_timeout": 2},
        in_memory_fallback_enabled=True, application_limits=[WRITES],
        application_limits_exempt_when=lambda: request.method in SAFE or request.blueprint == "login",
    )  # fmt: skip
    api.limiter.init_app(api)
    api.after_request(_finish)
    api.error_processor(api.http_refusal)
    api.register_error_handler(Refused, api.refusal)
    for error in (OperationalError, InterfaceError, PoolTimeout):
        api.register_error_handler(error, api.busy)
    api.register_error_handler(Exception, api.mistake)
    for room in rooms:
        if room.name == "login":
            api.limiter.limit(LOGINS, key_func=_address)(room)
        if room.name in OPEN_ROOMS:
            api.limiter.limit(LOOKS, key_func=_address)(room)
        api.register_blueprint(room, url_prefix=room.url_prefix if room.name in OPEN_ROOMS else PREFIX)
    api.spec_processor(document.finished)
    return api


def beside(app: Flask, api: Api) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """The WSGI of both: this door's paths go to it, everything else stays with `app`."""
    others = app.wsgi_app

    def chosen(environ: dict[str, Any], start_response: Any) -> Any:
        door = api if str(environ.get("PATH_INFO", "")).startswith(MINE) else others
        return door(environ, start_response)

    return chosen


def _check_body() -> None:
    """A body is JSON of at most 64 KB; raises what werkzeug raises, or Refused("not_json")."""
    if not request.get_data():
        return
    if request.mimetype != "application/json":
        raise Refused("not_json")
    try:
        request.get_json()
    except RecursionError as error:  # thousands of brackets
        raise BadRequest from error


def _fields(detail: Mapping[str, Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """Which fields do not fit, and what was expected of each, wherever in the request they stand."""
    return {field: list(why) for fields in detail.values() for field, why in fields.items()}


def _address() -> str:
    return f"address:{request.remote_addr}"


def _caller() -> str:
    """Whose limit a request counts against: the identity behind its token, else the address it came from."""
    claims = g.get("claims")
    return f"identity:{claims.identity_id}" if claims is not None else _address()


def _finish(response: Response) -> Response:
    """The headers of every answer; what a room does not mark for keeping is never kept by anybody."""
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    etag = g.get("etag")
    if etag is not None and response.status_code == 200:
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(etag)
        response.make_conditional(request)
        return response
    response.headers.setdefault("Cache-Control", "no-store")
    return response
