"""WeChat's API by path: one table of what needs a token, and the few that do not."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request

from wx_backend.sandbox import account as own
from wx_backend.sandbox import calls, messages, qr
from wx_backend.sandbox.callbacks import Later
from wx_backend.sandbox.faults import Faults, before, hang_up
from wx_backend.sandbox.messages import OK, refused
from wx_backend.sandbox.tokens import Tokens
from wx_backend.sandbox.world import Account, World

Json = dict[str, Any]
PHONE_COOKIE = "sandbox_phone"
Call = Callable[[Account, Json], Any]


def _table(world: World, later: Later) -> dict[str, Call]:
    """What needs a token: path → what it does with the account and the body."""
    return {
        "/cgi-bin/message/template/send": lambda acc, body: messages.template_send(world, acc, later, body),
        "/cgi-bin/message/custom/send": lambda acc, body: messages.custom_send(world, acc, body),
        "/cgi-bin/message/subscribe/send": lambda acc, body: messages.subscribe_send(
            world, acc, later, body, "mini_program"),
        "/cgi-bin/message/subscribe/bizsend": lambda acc, body: messages.subscribe_send(
            world, acc, later, body, "official_account"),
        "/wxaapi/newtmpl/gettemplate": lambda acc, _: own.subscription_list(world, acc),
        "/cgi-bin/menu/create": lambda _, body: own.menu_create(world, body),
        "/cgi-bin/menu/get": lambda *_: own.menu_get(world),
        "/cgi-bin/menu/delete": lambda *_: own.menu_delete(world),
        "/cgi-bin/get_current_selfmenu_info": lambda *_: {
            "is_menu_open": int(world.menu is not None), "selfmenu_info": world.menu or {}
        },
        "/cgi-bin/template/get_all_private_template": lambda *_: own.template_list(world),
        "/cgi-bin/template/api_add_template": lambda _, body: own.template_add(world, body),
        "/cgi-bin/template/del_private_template": lambda _, body: own.template_delete(world, body),
        "/cgi-bin/qrcode/create": lambda _, body: own.qr_create(world, body),
        "/cgi-bin/user/info": lambda acc, _: own.user_info(world, acc, request.args.get("openid", "")),
        "/cgi-bin/ticket/getticket": lambda *_: {**OK, "ticket": f"sandbox-ticket-{len(world.calls)}",
                                                 "expires_in": 7200},
        "/cgi-bin/getcallbackip": lambda *_: {"ip_list": ["127.0.0.1"]},
        "/cgi-bin/openapi/quota/get": lambda _, body: own.quota(world, body),
        "/cgi-bin/clear_quota": lambda *_: own.clear_quota(world),
        "/cgi-bin/media/upload": lambda *_: own.upload(
            world, next(iter(request.files.values())).read() if request.files else b"", request.args.get("type", "")
        ),
        "/cgi-bin/media/get": lambda *_: _media(world),
        "/wxa/getvoipsign": lambda acc, body: calls.voip_sign(world, acc, request.args.get("openid", ""), body),
        "/wxa/getsnticket": lambda acc, body: calls.sn_ticket(world, acc, body),
        "/wxa/business/getuserphonenumber": lambda acc, body: own.phone_number(world, acc, body),
        "/wxa/getwxacodeunlimit": lambda _, body: Response(qr.picture(str(body.get("scene"))), mimetype="image/png"),
    }  # fmt: skip


def _media(world: World) -> Any:
    content, kind = world.media.get(request.args.get("media_id", ""), (b"", ""))
    if not kind:
        return refused(40007, "invalid media_id")
    return Response(content, mimetype="application/octet-stream")


def blueprint(world: World, faults: Faults, tokens: Tokens, later: Later) -> Blueprint:
    """The API as a Flask blueprint."""
    api = Blueprint("api", __name__)
    table = _table(world, later)

    def done(path: str) -> Any:
        body: Json = request.get_json(force=True, silent=True) or {}
        if path in ("/cgi-bin/token", "/cgi-bin/stable_token"):
            stable = path.endswith("stable_token")
            return tokens.give(world, body if stable else dict(request.args), stable=stable)
        account, code, why = tokens.check(world, request.args.get("access_token"))
        if account is None:
            return refused(code, why)
        call = table.get(path)
        return call(account, body) if call is not None else refused(40066, "invalid url")

    @api.route("/cgi-bin/<path:rest>", methods=["GET", "POST"])
    @api.route("/wxa/<path:rest>", methods=["GET", "POST"])
    @api.route("/wxaapi/<path:rest>", methods=["GET", "POST"])
    def call_api(rest: str) -> Any:
        """Any call of the API: counted, perhaps struck by a fault, else done."""
        path = request.path
        with world.lock:
            world.calls[path] = world.calls.get(path, 0) + 1
            world.today[path] = world.today.get(path, 0) + 1
        if path == "/cgi-bin/showqrcode":
            return _show_qr(world)
        fault = faults.strikes(world, path)
        instead = before(fault) if fault is not None else None
        if instead is not None:
            return instead
        answer = done(path)
        if fault is not None and fault.kind == "drop_after":
            return hang_up()
        return answer if isinstance(answer, Response) else jsonify(answer)

    @api.get("/sns/oauth2/access_token")
    def oauth_token() -> Any:
        """Whom an OAuth code stands for."""
        found = own.who_logs_in(world, *(request.args.get(name, "") for name in ("appid", "code", "secret")))
        return jsonify(found if isinstance(found, dict) else own.looks(*found))

    @api.get("/sns/jscode2session")
    def login() -> Any:
        """Whom a mini-program's login code stands for."""
        fault = faults.strikes(world, request.path)
        instead = before(fault) if fault is not None else None
        if instead is not None:
            return instead
        found = own.who_logs_in(world, *(request.args.get(name, "") for name in ("appid", "js_code", "secret")))
        if fault is not None and fault.kind == "drop_after":
            return hang_up()
        if isinstance(found, dict):
            return jsonify(found)
        return jsonify({"session_key": calls.SESSION_KEY, **own.identity(*found)})

    @api.get("/connect/oauth2/authorize")
    def authorize() -> Any:
        """A page asks who looks at it: the phone that opened it last in this browser, or the one that `as` names."""
        phone = world.phones.get(request.args.get("as") or request.cookies.get(PHONE_COOKIE, ""))
        if phone is None:
            return jsonify(refused(40003, "open the page on a phone, or name the phone with as=openid")), 400
        account = world.accounts.get(request.args.get("appid", ""))
        if account is None:
            return jsonify(refused(40013, "invalid appid")), 400
        target = request.args.get("redirect_uri", "")
        query = urlencode({"code": own.new_code(world, phone, account), "state": request.args.get("state", "")})
        return redirect(f"{target}{'&' if '?' in target else '?'}{query}")

    return api


def _show_qr(world: World) -> Response:
    code = world.qr_codes.get(request.args.get("ticket", ""))
    if code is None:
        return Response("no such ticket", 404)
    return Response(qr.picture(code.url), mimetype="image/png")
