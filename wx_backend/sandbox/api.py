"""WeChat's API by path: one table of what needs a token, and the few that do not."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request

from wx_backend.sandbox import account as own
from wx_backend.sandbox import calls, messages, qr
from wx_backend.sandbox.callbacks import Later
from wx_backend.sandbox.faults import Faults, before, hang_up
from wx_backend.sandbox.messages import refused
from wx_backend.sandbox.tokens import Tokens
from wx_backend.sandbox.webview import PHONE_COOKIE, page_ticket
from wx_backend.sandbox.world import Account, World

Json = dict[str, Any]
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
        "/cgi-bin/ticket/getticket": lambda acc, _: (
            page_ticket(world, acc) if request.args.get("type") == "jsapi" else refused(40097, "invalid args")
        ),
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


@dataclass(frozen=True)
class Platform:
    """WeChat's API over one world."""

    world: World
    faults: Faults
    tokens: Tokens
    later: Later

    def room(self) -> Blueprint:
        """The calls of the table; beside it logins and the question of pages who looks at them."""
        room = Blueprint("api", __name__)
        for rule in ("/cgi-bin/<path:rest>", "/wxa/<path:rest>", "/wxaapi/<path:rest>"):
            room.add_url_rule(rule, "call", self.call, methods=["GET", "POST"])
        room.add_url_rule("/sns/oauth2/access_token", "oauth_token", self.oauth_token)
        room.add_url_rule("/sns/jscode2session", "login", self.login)
        room.add_url_rule("/connect/oauth2/authorize", "authorize", self.authorize)
        return room

    def call(self, rest: str) -> Any:
        """Any call of the API: counted, perhaps struck by a fault, else done."""
        path, world = request.path, self.world
        with world.lock:
            world.calls[path] = world.calls.get(path, 0) + 1
            world.today[path] = world.today.get(path, 0) + 1
        return _show_qr(world) if path == "/cgi-bin/showqrcode" else self._struck(lambda: self._done(path))

    def oauth_token(self) -> Any:
        """Whom an OAuth code stands for."""
        found = own.who_logs_in(self.world, *(request.args.get(name, "") for name in ("appid", "code", "secret")))
        return jsonify(found if isinstance(found, dict) else own.looks(*found))

    def login(self) -> Any:
        """Whom a mini-program's login code stands for."""

        def session() -> Json:
            asked = (request.args.get(name, "") for name in ("appid", "js_code", "secret"))
            found = own.who_logs_in(self.world, *asked)
            return found if isinstance(found, dict) else {"session_key": calls.SESSION_KEY, **own.identity(*found)}

        return self._struck(session)

    def authorize(self) -> Any:
        """A page asks who looks at it: the phone that opened it last in this browser, or the one that `as` names."""
        phone = self.world.phones.get(request.args.get("as") or request.cookies.get(PHONE_COOKIE, ""))
        if phone is None:
            return jsonify(refused(40003, "open the page on a phone, or name the phone with as=openid")), 400
        account = self.world.accounts.get(request.args.get("appid", ""))
        if account is None:
            return jsonify(refused(40013, "invalid appid")), 400
        target = request.args.get("redirect_uri", "")
        query = urlencode({"code": own.new_code(self.world, phone, account), "state": request.args.get("state", "")})
        return redirect(f"{target}{'&' if '?' in target else '?'}{query}")

    def _struck(self, work: Callable[[], Any]) -> Response:
        """What `work` answers, unless a fault stands before it or drops the line after it."""
        fault = self.faults.strikes(self.world, request.path)
        instead = before(fault) if fault is not None else None
        if instead is not None:
            return instead
        answer = work()
        if fault is not None and fault.kind == "drop_after":
            return hang_up()
        return answer if isinstance(answer, Response) else jsonify(answer)

    def _done(self, path: str) -> Any:
        body: Json = request.get_json(force=True, silent=True) or {}
        if path in ("/cgi-bin/token", "/cgi-bin/stable_token"):
            stable = path.endswith("stable_token")
            return self.tokens.give(self.world, body if stable else dict(request.args), stable=stable)
        account, code, why = self.tokens.check(self.world, request.args.get("access_token"))
        if account is None:
            return refused(code, why)
        call = self._table.get(path)
        return call(account, body) if call is not None else refused(40066, "invalid url")

    @cached_property
    def _table(self) -> dict[str, Call]:
        return _table(self.world, self.later)


def _show_qr(world: World) -> Response:
    code = world.qr_codes.get(request.args.get("ticket", ""))
    if code is None:
        return Response("no such ticket", 404)
    return Response(qr.picture(code.url), mimetype="image/png")
