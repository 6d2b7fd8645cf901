"""WeChat's own browser on a phone: it lets a page use WeChat's tags when the account signed its address, and asks the
person. A browser that is not WeChat's learns it from `static/webview.js`."""

import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from wx_backend.sandbox import deeds
from wx_backend.sandbox.messages import OK, Json
from wx_backend.sandbox.world import Account, World

PHONE_COOKIE = "sandbox_phone"
LIFE, OVERLAP = 7200.0, 300.0
FROM_A_PAGE = 1  # PopupScene of subscribe_msg_popup_event


def page_ticket(world: World, account: Account) -> Json:
    """`ticket/getticket?type=jsapi`: the same until its last five minutes; the old one stays good to its end.

    It lasts in real time, for nothing ever tells the account that one is over: a clock that is moved on would leave its
    pages shut for two hours.
    """
    now = time.monotonic()
    with world.lock:
        held = [one for one in world.page_tickets.get(account.app_id, []) if one[1] > now]
        if not held or held[-1][1] - now <= OVERLAP:
            held.append((f"sandbox-ticket-{secrets.token_hex(16)}", now + LIFE))
        world.page_tickets[account.app_id] = held
        ticket, until = held[-1]
    return {**OK, "ticket": ticket, "expires_in": round(until - now)}


def verified(world: World, body: Json) -> str:
    """What `wx.config` hears, after "config:": "ok", or what is wrong with the account, the domain or the signature."""
    account, url = world.accounts.get(str(body.get("verifyAppId"))), str(body.get("url", "")).partition("#")[0]
    if account is None:
        return "invalid appid"
    if urlsplit(url).netloc != urlsplit(account.callback_url).netloc:
        return "invalid url domain"
    signed = [
        f"jsapi_ticket={ticket}&noncestr={body.get('verifyNonceStr')}&timestamp={body.get('verifyTimestamp')}&url={url}"
        for ticket, until in world.page_tickets.get(account.app_id, []) if until > time.monotonic()
    ]  # fmt: skip
    digests = {hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest() for one in signed}
    return "ok" if str(body.get("verifySignature")) in digests else "invalid signature"


def asked(world: World, openid: str, body: Json) -> Json:
    """A tap on `wx-open-subscribe`: {"ask": title} where the person has yet to be asked, else what they answer.

    Whose choice is kept (总是保持以上选择) is not asked, and no event is sent.
    """
    phone, template = world.phones.get(openid), world.templates.get(str(body.get("template")))
    if phone is None or template is None or not template.subscription or template.of != "official_account":
        return {"error": "no such phone, or no such template of the account"}
    kept, answer = phone.kept.get(template.template_id), body.get("answer")
    if kept is None and answer is None:
        return {"ask": template.title}
    if kept is not None:
        phone.consents[template.template_id] = (
            phone.consents.get(template.template_id, 0) + 1 if kept == "accept" else 0
        )
        return {"status": kept}
    status = "accept" if answer == "accept" else "reject"
    if body.get("keep"):
        phone.kept[template.template_id] = status
    deeds.act(world, phone, "consent", {
        "template_id": template.template_id, "answer": status, "scene": FROM_A_PAGE,
    })  # fmt: skip
    return {"status": "accept" if status == "accept" else "cancel"}


def room(world: World) -> Blueprint:
    """`/_sandbox/webview`: what the page's side of that browser asks, from the account's pages only."""
    made = Blueprint("webview", __name__, url_prefix="/_sandbox/webview")

    @made.post("/verify")
    def verify() -> Any:
        """Whether the page may use WeChat's tags."""
        return jsonify(err_msg=f"preVerifyJSAPI:{verified(world, json.loads(request.get_data()))}")

    @made.post("/subscribe")
    def subscribe() -> Any:
        """A tap, or the answer to what was asked after one."""
        return jsonify(asked(world, request.cookies.get(PHONE_COOKIE, ""), json.loads(request.get_data())))

    @made.after_request
    def across(response: Response) -> Response:
        """Read by the pages of the accounts, and by no others."""
        origin = request.headers.get("Origin", "")
        if any(urlsplit(one.callback_url).netloc == urlsplit(origin).netloc for one in world.accounts.values()):
            response.headers.update({"Access-Control-Allow-Origin": origin, "Vary": "Origin"})
            response.headers["Access-Control-Allow-Credentials"] = "true"
        return response

    return made
