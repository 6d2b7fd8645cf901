"""What the page and the tests ask of the sandbox: be a person, look at a phone, move the clock, break the line."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, jsonify, redirect, request

from wx_backend.sandbox import deeds, qr
from wx_backend.sandbox.account import new_code, upload
from wx_backend.sandbox.callbacks import Answer
from wx_backend.sandbox.faults import KINDS, Fault, Faults
from wx_backend.sandbox.tokens import Tokens
from wx_backend.sandbox.webview import PHONE_COOKIE
from wx_backend.sandbox.world import Phone, World

_LINK = re.compile(r'<a href="([^"]+)">([^<]*)</a>')
SWITCHES = {"block": "blocked", "snapshot": "snapshot"}
PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


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


def _phone_view(phone: Phone, since: int) -> dict[str, Any]:
    log = [
        {**entry, "links": links_in(entry.get("text", "")) if entry["side"] == "account" else []}
        for entry in phone.log if entry["id"] > since
    ]  # fmt: skip
    return {
        "openid": phone.openid, "nickname": phone.nickname, "caption": phone.caption, "zone": phone.zone,
        "following": phone.following, "blocked": phone.blocked, "log": log,
        "places": [vars(place) for place in phone.places],
    }  # fmt: skip


def _codes_view(world: World) -> list[dict[str, Any]]:
    """The QR codes there are, the newest first; `left` is how many seconds one still has, None for a permanent one."""
    return [
        {"ticket": code.ticket, "scene": code.scene, "left": None if code.until is None else code.until - world.now()}
        for code in reversed(world.qr_codes.values())
    ]  # fmt: skip


@dataclass(frozen=True)
class Control:
    """What is asked about one world, and done to it."""

    world: World
    faults: Faults
    tokens: Tokens

    def room(self) -> Blueprint:
        """All of it under `/_sandbox`."""
        room = Blueprint("control", __name__, url_prefix="/_sandbox")
        room.add_url_rule("/state", "state", self.state)
        room.add_url_rule("/users", "add_user", self.add_user, methods=["POST"])
        room.add_url_rule("/users/<openid>/phone", "look", self.look)
        room.add_url_rule("/users/<openid>/<verb>", "do", self.do, methods=["POST"])
        room.add_url_rule("/users/<openid>/browse", "browse", self.browse)
        room.add_url_rule("/media/<media_id>", "media", self.media)
        room.add_url_rule("/codes/<ticket>.png", "code_picture", self.code_picture)
        room.add_url_rule("/sends", "sends", self.sends)
        room.add_url_rule("/calls", "calls", self.calls)
        room.add_url_rule("/faults", "add_fault", self.add_fault, methods=["POST"])
        room.add_url_rule("/faults", "mend", self.mend, methods=["DELETE"])
        room.add_url_rule("/receipts", "set_receipts", self.set_receipts, methods=["POST"])
        room.add_url_rule("/clock", "clock", self.clock)
        room.add_url_rule("/clock", "set_clock", self.set_clock, methods=["POST"])
        return room

    def state(self) -> Any:
        """Everything the page shows, from entry `since` on."""
        world, since = self.world, int(request.args.get("since", "0"))
        with world.lock:
            phones, codes = [_phone_view(phone, since) for phone in world.phones.values()], _codes_view(world)
        return jsonify(
            epoch=world.epoch, now=world.now(), offset=world.offset, account=world.account().name, menu=world.menu,
            phones=phones, codes=codes,
            faults=[vars(fault) for fault in self.faults.standing], kinds=KINDS, receipts=vars(world.receipts),
        )  # fmt: skip

    def add_user(self) -> Any:
        """Somebody new with a phone."""
        phone = Phone(**request.get_json(force=True))
        self.world.phones[phone.openid] = phone
        return jsonify(openid=phone.openid)

    def look(self, openid: str) -> Any:
        """One phone, from entry `since` on."""
        with self.world.lock:
            return jsonify(_phone_view(self.world.phones[openid], int(request.args.get("since", "0"))))

    def do(self, openid: str, verb: str) -> Any:
        """A person does something; answers what came back."""
        world, phone = self.world, self.world.phones.get(openid)
        if phone is None:
            return jsonify(error="no such phone"), 404
        if verb == "photo":
            media_id = upload(world, request.get_data(), "image")["media_id"]
            at = f"{request.host_url}_sandbox/media/{media_id}"
            return _answered(deeds.act(world, phone, "image", {"PicUrl": at, "MediaId": media_id}))
        body: dict[str, Any] = request.get_json(force=True, silent=True) or {}
        if verb == "code":
            account = world.account("mini_program") if body.get("mini") else None
            return jsonify(code=new_code(world, phone, account))
        if verb in SWITCHES:
            setattr(phone, SWITCHES[verb], bool(body.get("on", True)))
            return jsonify({SWITCHES[verb]: getattr(phone, SWITCHES[verb])})
        if verb not in deeds.VERBS:
            return jsonify(error=f"verbs: {', '.join(sorted(deeds.VERBS))}"), 404
        return _answered(deeds.act(world, phone, verb, body))

    def browse(self, openid: str) -> Any:
        """This phone opens a page in the one browser that all phones share, and WeChat will say that it is this one."""
        url = request.args.get("url", "")
        if openid not in self.world.phones or urlsplit(url).scheme not in ("http", "https"):
            return jsonify(error="no such phone, or no web address"), 404
        answer = redirect(url)
        answer.set_cookie(PHONE_COOKIE, openid, httponly=True, samesite="Lax")
        return answer

    def media(self, media_id: str) -> Any:
        """A picture that was uploaded; anything else is bytes to save."""
        content, kind = self.world.media.get(media_id, (b"", ""))
        if not kind:
            return jsonify(error="no such media"), 404
        known = next((mime for mark, mime in PICTURES.items() if content.startswith(mark)), "application/octet-stream")
        return Response(content, mimetype=known)

    def code_picture(self, ticket: str) -> Any:
        """The picture of a QR code."""
        code = self.world.qr_codes.get(ticket)
        if code is None:
            return jsonify(error="no such code"), 404
        return Response(qr.picture(code.url), mimetype="image/png")

    def sends(self) -> Any:
        """Every template message that was accepted, once each, with how often it was asked for."""
        with self.world.lock:
            return jsonify(sends=[vars(send) for send in self.world.sends])

    def calls(self) -> Any:
        """How often each API was called, and how many tokens were fetched."""
        return jsonify(calls=self.world.calls, tokens=self.tokens.fetched)

    def add_fault(self) -> Any:
        """Break something."""
        fault = Fault(**request.get_json(force=True))
        if fault.kind not in KINDS:
            return jsonify(error=f"kinds: {', '.join(KINDS)}"), 400
        self.faults.standing.append(fault)
        return jsonify(faults=[vars(one) for one in self.faults.standing])

    def mend(self) -> Any:
        """Mend everything."""
        self.faults.standing.clear()
        return jsonify(faults=[])

    def set_receipts(self) -> Any:
        """How receipts come from now on."""
        for name, value in request.get_json(force=True).items():
            setattr(self.world.receipts, name, value)
        return jsonify(vars(self.world.receipts))

    def clock(self) -> Any:
        """Look at the clock."""
        return jsonify(now=self.world.now(), offset_seconds=self.world.offset)

    def set_clock(self) -> Any:
        """Move the clock on, or set its offset."""
        body, world = request.get_json(force=True), self.world
        world.move_clock(float(body.get("offset_seconds", world.offset + float(body.get("advance_seconds", 0)))))
        return self.clock()
