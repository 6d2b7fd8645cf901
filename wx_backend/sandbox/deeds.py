"""What a person does with the phone: it shows there, opens the account's window to answer, and is pushed."""

import secrets
from collections.abc import Callable
from typing import Any

from wx_backend.sandbox import qr
from wx_backend.sandbox.callbacks import Answer, from_phone, of_subscription
from wx_backend.sandbox.world import Account, Phone, World

TWO_DAYS, A_MINUTE = 48 * 3600.0, 60.0
Body = dict[str, Any]
Deed = Callable[[World, Phone, Body], Answer]


def act(world: World, phone: Phone, verb: str, body: Body) -> Answer:
    """One thing a person does; raises KeyError for a verb that is none of VERBS."""
    return VERBS[verb](world, phone, body)


def _follow(world: World, phone: Phone, body: Body) -> Answer:
    """Follows the account, perhaps by scanning a code."""
    scene = str(body.get("scene", ""))
    if scene:
        code, good = qr.scanned(world, scene)
        return _subscribe(world, phone, scene, code.ticket if code else "sandbox") if good else _too_late(world, phone)
    return _subscribe(world, phone, "", "")


def _subscribe(world: World, phone: Phone, scene: str, ticket: str) -> Answer:
    phone.following, phone.blocked = True, False
    world.open_window(phone, 3, A_MINUTE)
    world.show(phone, side="system", kind="notice", text="已关注公众号")
    if scene:
        return from_phone(world, phone, "event", Event="subscribe", EventKey=f"qrscene_{scene}", Ticket=ticket)
    return from_phone(world, phone, "event", Event="subscribe", EventKey="")


def _unfollow(world: World, phone: Phone, _: Body) -> Answer:
    phone.following = False
    world.show(phone, side="system", kind="notice", text="已取消关注")
    return from_phone(world, phone, "event", Event="unsubscribe")


def _scan(world: World, phone: Phone, body: Body) -> Answer:
    """Scans a code by `ticket`, or any code that holds `scene`; one that has ended reaches nobody."""
    code, good = qr.scanned(world, str(body.get("scene", "")), str(body.get("ticket", "")))
    if not good:
        return _too_late(world, phone)
    scene, ticket = (code.scene, code.ticket) if code else (str(body["scene"]), "sandbox")
    if not phone.following:
        return _subscribe(world, phone, scene, ticket)
    world.open_window(phone, 3, A_MINUTE)
    world.show(phone, side="system", kind="notice", text="扫了一个二维码")
    return from_phone(world, phone, "event", Event="SCAN", EventKey=scene, Ticket=ticket)


def _too_late(world: World, phone: Phone) -> Answer:
    world.show(phone, side="system", kind="notice", text="这个二维码已过期")
    return Answer(0, 200)


def _menu(world: World, phone: Phone, body: Body) -> Answer:
    key = str(body["key"])
    world.open_window(phone, 3, A_MINUTE)
    world.show(phone, side="system", kind="notice", text=f"点了菜单：{_menu_name(world, key)}")
    return from_phone(world, phone, "event", Event="CLICK", EventKey=key)


def _menu_name(world: World, key: str) -> str:
    for button in (world.menu or {}).get("button", []):
        for item in button.get("sub_button") or [button]:
            if item.get("key") == key:
                return str(item["name"])
    return key


def _choose(world: World, phone: Phone, body: Body) -> Answer:
    text, account = str(body["content"]), _to(world, body)
    world.open_window(phone, 3, A_MINUTE, account)
    world.show(phone, side="person", kind="text", app=account.kind, text=text)
    return from_phone(world, phone, "text", account, Content=text, bizmsgmenuid=str(body["id"]))


def _event(world: World, phone: Phone, body: Body) -> Answer:
    """Any other event, as it stands; entering a mini-program's conversation opens its window."""
    account = _to(world, body)
    if body.get("Event") == "user_enter_tempsession":
        world.open_window(phone, 2, A_MINUTE, account)
    return from_phone(world, phone, "event", account, **body)


def _text(world: World, phone: Phone, body: Body) -> Answer:
    text, account = str(body["text"]), _to(world, body)
    world.open_window(phone, 5, TWO_DAYS, account)
    world.show(phone, side="person", kind="text", app=account.kind, text=text)
    return from_phone(world, phone, "text", account, Content=text)


def _voice(world: World, phone: Phone, body: Body) -> Answer:
    """A voice message; `text` is what WeChat recognises in it, `seconds` its length."""
    seconds = max(1, min(int(body.pop("seconds", 3)), 60))
    heard = str(body.pop("text", ""))
    media_id = secrets.token_urlsafe(32)
    world.media[media_id] = (b"#!AMR\n" + b"\x7c" * 50 * seconds, "voice")  # silence
    said = {"MediaId": media_id, "Format": "amr", "Recognition": heard, **body}
    return _message("voice", {"text": said["Recognition"], "seconds": seconds})(world, phone, said)


def _location(world: World, phone: Phone, body: Body) -> Answer:
    """Where the person is, in WeChat's own fields."""
    return _message("location", {"text": str(body.get("Label", ""))})(world, phone, {"Scale": 16, **body})


def _image(world: World, phone: Phone, body: Body) -> Answer:
    """A picture that was uploaded before: MediaId, PicUrl."""
    return _message("image", {"text": "", "media": str(body.get("MediaId", ""))})(world, phone, body)


def _message(kind: str, entry: Body) -> Deed:
    """A deed that sends the body as it stands, as a message of this kind."""

    def send(world: World, phone: Phone, body: Body) -> Answer:
        account = _to(world, body)
        world.open_window(phone, 5, TWO_DAYS, account)
        world.show(phone, side="person", kind=kind, app=account.kind, **entry)
        return from_phone(world, phone, kind, account, **body)

    return send


def _consent(world: World, phone: Phone, body: Body) -> Answer:
    """Answers a question whether to be written to by a template: "accept", unless the body says "reject"."""
    template = world.templates[str(body["template_id"])]
    status = str(body.get("answer", "accept"))
    held = phone.consents.get(template.template_id, 0)
    phone.consents[template.template_id] = held + 1 if status == "accept" else 0
    entry = {"TemplateId": template.template_id, "SubscribeStatusString": status,
             "PopupScene": int(body.get("scene", 0))}  # fmt: skip
    return of_subscription(world, phone, world.account(template.of), "subscribe_msg_popup_event", entry)


def _to(world: World, body: Body) -> Account:
    """The account that the person speaks to: the mini-program's customer service, when the body says `mini`."""
    return world.account("mini_program" if body.pop("mini", False) else "official_account")


VERBS: dict[str, Deed] = {
    "follow": _follow, "unfollow": _unfollow, "scan": _scan, "menu": _menu, "choose": _choose, "event": _event,
    "text": _text, "voice": _voice, "location": _location, "image": _image, "consent": _consent,
    **{kind: _message(kind, {"text": f"[{kind}]"}) for kind in ("video", "shortvideo", "link", "miniprogrampage")},
}  # fmt: skip
