"""What the page and the tests ask of the sandbox: be a person, look at a phone, move the clock, break the line."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, jsonify, request

from wx_backend.sandbox.account import new_code
from wx_backend.sandbox.callbacks import Answer, from_phone
from wx_backend.sandbox.faults import KINDS, Fault, Faults
from wx_backend.sandbox.tokens import Tokens
from wx_backend.sandbox.world import Phone, World

_LINK = re.compile(r'<a href="([^"]+)">([^<]*)</a>')
TWO_DAYS, A_MINUTE = 48 * 3600.0, 60.0


def links_in(text: str) -> list[dict[str, str]]:
    """The tappable links of a bubble: label, and the menu id or the address they lead to."""
    found = []
    for href, label in _LINK.findall(text):
        query = parse_qs(urlsplit(href.replace("&amp;", "&")).query)
        found.append({
            "label": label, "href": href, "id": query.get("msgmenuid", [""])[0],
            "content": query.get("msgmenucontent", [label])[0],
        })  # fmt: skip
    return found


def _answered(answer: Answer) -> Any:
    return jsonify(attempts=answer.attempts, status=answer.status, reply=answer.reply, broken=answer.broken)


def act(world: World, phone: Phone, verb: str, body: dict[str, Any]) -> Answer:
    """One thing a person does with the phone."""
    if verb == "follow":
        return follow(world, phone, str(body.get("scene", "")))
    if verb == "unfollow":
        phone.following = False
        world.show(phone, side="system", kind="notice", text="已取消关注")
        return from_phone(world, phone, "event", Event="unsubscribe")
    if verb == "scan":
        if not phone.following:
            return follow(world, phone, str(body["scene"]))
        world.open_window(phone, 3, A_MINUTE)
        world.show(phone, side="system", kind="notice", text="扫了一个二维码")
        return from_phone(world, phone, "event", Event="SCAN", EventKey=str(body["scene"]), Ticket="sandbox")
    if verb == "menu":
        world.open_window(phone, 3, A_MINUTE)
        world.show(phone, side="system", kind="notice", text=f"点了菜单：{_menu_name(world, str(body['key']))}")
        return from_phone(world, phone, "event", Event="CLICK", EventKey=str(body["key"]))
    if verb == "choose":
        world.open_window(phone, 3, A_MINUTE)
        world.show(phone, side="person", kind="text", text=str(body["content"]))
        return from_phone(world, phone, "text", Content=str(body["content"]), bizmsgmenuid=str(body["id"]))
    if verb == "event":
        return from_phone(world, phone, "event", **body)
    world.open_window(phone, 5, TWO_DAYS)
    account = world.account("mini_program") if body.pop("mini", False) else None
    if verb == "text":
        world.show(phone, side="person", kind="text", text=str(body["text"]))
        return from_phone(world, phone, "text", account, Content=str(body["text"]))
    world.show(phone, side="person", kind=verb, text=f"[{verb}]")
    return from_phone(world, phone, verb, account, **body)


def follow(world: World, phone: Phone, scene: str = "") -> Answer:
    """Follow the account, perhaps by scanning a code."""
    phone.following, phone.blocked = True, False
    world.open_window(phone, 3, A_MINUTE)
    world.show(phone, side="system", kind="notice", text="已关注公众号")
    if scene:
        return from_phone(world, phone, "event", Event="subscribe", EventKey=f"qrscene_{scene}", Ticket="sandbox")
    return from_phone(world, phone, "event", Event="subscribe", EventKey="")


def _menu_name(world: World, key: str) -> str:
    for button in (world.menu or {}).get("button", []):
        for item in button.get("sub_button") or [button]:
            if item.get("key") == key:
                return str(item["name"])
    return key


def _phone_view(phone: Phone, since: int) -> dict[str, Any]:
    log = [{**entry, "links": links_in(entry.get("text", ""))} for entry in phone.log if entry["id"] > since]
    return {
        "openid": phone.openid, "nickname": phone.nickname, "caption": phone.caption, "zone": phone.zone,
        "following": phone.following, "blocked": phone.blocked, "log": log,
    }  # fmt: skip


def blueprint(world: World, faults: Faults, tokens: Tokens) -> Blueprint:
    """The control API under /_sandbox."""
    control = Blueprint("control", __name__, url_prefix="/_sandbox")

    @control.get("/state")
    def state() -> Any:
        """Everything the page shows, from entry `since` on."""
        since = int(request.args.get("since", "0"))
        with world.lock:
            phones = [_phone_view(phone, since) for phone in world.phones.values()]
        return jsonify(
            now=world.now(), offset=world.offset, menu=world.menu, phones=phones,
            scenes=sorted(set(world.scenes.values())),
            faults=[vars(fault) for fault in faults.standing], kinds=KINDS, receipts=vars(world.receipts),
        )  # fmt: skip

    @control.post("/users")
    def add_user() -> Any:
        """Somebody new with a phone."""
        body = request.get_json(force=True)
        phone = Phone(**body)
        world.phones[phone.openid] = phone
        return jsonify(openid=phone.openid)

    @control.get("/users/<openid>/phone")
    def look(openid: str) -> Any:
        """One phone, from entry `since` on."""
        with world.lock:
            return jsonify(_phone_view(world.phones[openid], int(request.args.get("since", "0"))))

    @control.post("/users/<openid>/<verb>")
    def do(openid: str, verb: str) -> Any:
        """A person does something; answers what came back."""
        phone = world.phones.get(openid)
        if phone is None:
            return jsonify(error="no such phone"), 404
        body: dict[str, Any] = request.get_json(force=True, silent=True) or {}
        if verb == "code":
            return jsonify(code=new_code(world, phone))
        if verb == "block":
            phone.blocked = bool(body.get("on", True))
            return jsonify(blocked=phone.blocked)
        if verb == "consent":
            phone.consents[str(body["template_id"])] = phone.consents.get(str(body["template_id"]), 0) + 1
            return jsonify(left=phone.consents)
        return _answered(act(world, phone, verb, body))

    @control.get("/sends")
    def sends() -> Any:
        """Every template message that was accepted, once each, with how often it was asked for."""
        with world.lock:
            return jsonify(sends=[vars(send) for send in world.sends])

    @control.get("/calls")
    def calls() -> Any:
        """How often each API was called, and how many tokens were fetched."""
        return jsonify(calls=world.calls, tokens=tokens.fetched)

    @control.route("/faults", methods=["POST", "DELETE"])
    def set_faults() -> Any:
        """Break something, or mend everything."""
        if request.method == "DELETE":
            faults.standing.clear()
            return jsonify(faults=[])
        fault = Fault(**request.get_json(force=True))
        if fault.kind not in KINDS:
            return jsonify(error=f"kinds: {', '.join(KINDS)}"), 400
        faults.standing.append(fault)
        return jsonify(faults=[vars(one) for one in faults.standing])

    @control.post("/receipts")
    def set_receipts() -> Any:
        """How receipts come from now on."""
        for name, value in request.get_json(force=True).items():
            setattr(world.receipts, name, value)
        return jsonify(vars(world.receipts))

    @control.route("/clock", methods=["GET", "POST"])
    def clock() -> Any:
        """Look at the clock, move it on, or set its offset."""
        if request.method == "POST":
            body = request.get_json(force=True)
            world.move_clock(float(body.get("offset_seconds", world.offset + float(body.get("advance_seconds", 0)))))
        return jsonify(now=world.now(), offset_seconds=world.offset)

    return control
