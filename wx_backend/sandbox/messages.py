"""Sending to people: template messages, customer-service messages, subscriptions, with WeChat's own checks."""

from typing import Any

from wx_backend.sandbox.callbacks import Later, from_phone, of_subscription
from wx_backend.sandbox.fields import IGNORED, fault_in
from wx_backend.sandbox.qr import code_in
from wx_backend.sandbox.world import Account, Phone, Send, World

SAME_FOR = 600.0  # a client_msg_id is one message for ten minutes
OK = {"errcode": 0, "errmsg": "ok"}
Json = dict[str, Any]


def refused(code: int, message: str) -> Json:
    """An errcode with its words and a request id, as WeChat answers."""
    return {"errcode": code, "errmsg": f"{message} rid: 5f00-{abs(code)}-sandbox"}


def _follower(world: World, account: Account, openid: object) -> Phone | Json:
    phone = world.phone_of(account, openid)
    if phone is None:
        return refused(40003, "invalid openid")
    return phone if phone.following else refused(43004, "require subscribe")


def _over_limit(world: World) -> Json | None:
    now = world.now()
    while world.minute and world.minute[0] < now - 60:
        world.minute.popleft()
    if len(world.minute) >= world.limits["minute"]:
        return refused(45011, "api minute-quota reach limit, must slower, retry next minute")
    if world.today.get("sends", 0) >= world.limits["day"]:
        return refused(45009, "reach max api daily quota limit")
    world.minute.append(now)
    return None


def template_send(world: World, account: Account, later: Later, body: Json) -> Json:
    """`message/template/send`: the same openid and client_msg_id within ten minutes is one message."""
    with world.lock:
        phone = _follower(world, account, body.get("touser"))
        if isinstance(phone, dict):
            return phone
        template = world.templates.get(str(body.get("template_id")))
        if template is None or template.subscription:
            return refused(40037, "invalid template_id")
        fault = fault_in(template.fields, body.get("data"))
        if fault is not None:
            return refused(*fault)
        client_id = str(body.get("client_msg_id") or "")
        known = world.by_client_id.get((phone.openid, client_id)) if client_id else None
        if known is not None and world.now() - known.at < SAME_FOR:
            known.attempts += 1
            return {**OK, "msgid": int(known.msgid)}
        limited = _over_limit(world)
        if limited is not None:
            return limited
        send = Send(world.number(), phone.openid, template.template_id, client_id, world.now())
        world.sends.append(send)
        world.today["sends"] = world.today.get("sends", 0) + 1
        if client_id:
            world.by_client_id[(phone.openid, client_id)] = send
        if not phone.blocked:
            rows = [
                {"name": name, "value": body["data"][key]["value"]}
                for key, name in template.fields.items() if key not in IGNORED
            ]  # fmt: skip
            world.show(phone, side="account", kind="template", title=template.title, rows=rows, url=body.get("url", ""))
    _receipt(world, later, phone, send)
    return {**OK, "msgid": int(send.msgid)}


def _receipt(world: World, later: Later, phone: Phone, send: Send) -> None:
    receipts = world.receipts
    if receipts.mode == "never":
        return
    status = "failed:user block" if phone.blocked else "success"
    if receipts.mode == "failed":
        status = "failed: system failed"

    def tell() -> None:
        from_phone(world, phone, "event", Event="TEMPLATESENDJOBFINISH", MsgID=int(send.msgid), Status=status)

    for _ in range(2 if receipts.mode == "twice" else 1):
        later.do(receipts.delay, tell)


def custom_send(world: World, account: Account, body: Json) -> Json:
    """`message/custom/send`: only while the person's window with this account is open, and only so many.

    A mini-program asks nobody to follow it; an official account does.
    """
    with world.lock:
        phone = world.phone_of(account, body.get("touser"))
        if phone is None:
            return refused(40003, "invalid openid")
        until, left = phone.windows.get(account.app_id, (0.0, 0))
        unfollowed = account.kind == "official_account" and not phone.following
        if unfollowed or until < world.now():
            return refused(45015, "response out of time limit or subscription is canceled")
        if left <= 0:
            return refused(45047, "out of response count limit")
        kind = str(body.get("msgtype"))
        content = body.get(kind)
        if not isinstance(content, dict):
            return refused(40008, "invalid message type")
        fault, entry = _shown(world, kind, content)
        if fault is not None:
            return fault
        phone.windows[account.app_id] = (until, left - 1)
        world.show(phone, side="account", kind=kind, app=account.kind, **entry)
    return OK


def _shown(world: World, kind: str, content: Json) -> tuple[Json | None, Json]:
    """Why such a message is refused, else how it shows on a phone."""
    if kind == "image":
        media_id = str(content.get("media_id", ""))
        missing = refused(40007, "invalid media_id") if media_id not in world.media else None
        return missing, {"text": "", "media": media_id, "ticket": code_in(world, media_id)}
    text = str(content.get("content") or content.get("title") or content.get("head_content") or "")
    if kind == "text" and not text:
        return refused(44004, "empty content"), {}
    if len(text.encode()) > 2048:
        return refused(45002, "content size out of limit"), {}
    return None, {"text": text}


def subscribe_send(world: World, account: Account, later: Later, body: Json, of: str) -> Json:
    """`message/subscribe/send` of a mini-program and `bizsend` of an official account (`of` is whose it is): one
    consent buys one message, unless it is for good."""
    with world.lock:
        phone = world.phone_of(account, body.get("touser"))
        if phone is None:
            return refused(40003, "invalid openid")
        if account.kind != of:
            return refused(48001, "api unauthorized")
        template = world.templates.get(str(body.get("template_id")))
        if template is None or not template.subscription or template.of != of:
            return refused(40037, "invalid template_id")
        if phone.consents.get(template.template_id, 0) <= 0:
            return refused(43101, "user refuse to accept the msg")
        fault = fault_in(template.fields, body.get("data"))
        if fault is not None:
            return refused(*fault)
        phone.consents[template.template_id] -= 0 if template.long_term else 1
        rows = [{"name": name, "value": body["data"][key]["value"]} for key, name in template.fields.items()]
        world.show(phone, side="account", kind="template", title=template.title, rows=rows, url=body.get("page", ""))
        msgid = world.number()
    _tell_sent(later, world, phone, account, template.template_id, msgid)
    return {**OK, "msgid": int(msgid)}


def _tell_sent(later: Later, world: World, phone: Phone, account: Account, template_id: str, msgid: str) -> None:
    """The receipt of a subscription message; nobody who has agreed to it can have blocked it."""
    if world.receipts.mode == "never":
        return
    good = world.receipts.mode != "failed"
    entry = {
        "TemplateId": template_id, "MsgID": msgid, "ErrorCode": 0 if good else 1,
        "ErrorStatus": "success" if good else "system failed",
    }  # fmt: skip
    later.do(world.receipts.delay, lambda: of_subscription(world, phone, account, "subscribe_msg_sent_event", entry))
