"""The account's own things: menu, templates, QR codes, people, media, tickets, quotas, logins."""

import secrets
import zlib

from wx_backend.sandbox import qr
from wx_backend.sandbox.messages import OK, Json, refused
from wx_backend.sandbox.world import Account, Phone, Template, World

MAX_TEMPLATES = 25
MENU_TYPES = {
    "click", "view", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin",
    "location_select", "media_id", "view_limited", "miniprogram", "article_id", "article_view_limited",
}  # fmt: skip


def menu_create(world: World, body: Json) -> Json:
    """`menu/create`, within WeChat's limits."""
    buttons = body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        return refused(40016, "invalid button size")
    for button in buttons:
        if not button.get("name") or len(button["name"].encode()) > 16:
            return refused(40018, "invalid button name size")
        items = button.get("sub_button") or []
        if len(items) > 5:
            return refused(40023, "invalid sub button size")
        for item in items or [button]:
            fault = _bad_item(item, sub=bool(items))
            if fault is not None:
                return fault
    world.menu = {"button": buttons}
    return OK


def _bad_item(item: Json, *, sub: bool) -> Json | None:
    if sub and (not item.get("name") or len(item["name"].encode()) > 60):
        return refused(40025, "invalid sub button name size")
    if item.get("type") not in MENU_TYPES:
        return refused(40017, "invalid button type")
    if item["type"] == "click" and not 0 < len(str(item.get("key", "")).encode()) <= 128:
        return refused(40019, "invalid button key size")
    if item["type"] == "view" and not 0 < len(str(item.get("url", "")).encode()) <= 1024:
        return refused(40020, "invalid button url size")
    return None


def menu_get(world: World) -> Json:
    """`menu/get`."""
    return {"menu": world.menu} if world.menu else refused(46003, "menu no exist")


def menu_delete(world: World) -> Json:
    """`menu/delete`."""
    world.menu = None
    return OK


def clear_quota(world: World) -> Json:
    """`clear_quota`: today's counts begin anew."""
    world.today.clear()
    world.minute.clear()
    return OK


def template_list(world: World) -> Json:
    """`template/get_all_private_template`."""
    rows = [
        {
            "template_id": one.template_id, "title": one.title, "primary_industry": "", "deputy_industry": "",
            "content": one.written(one.keys, "："), "example": one.written(one.examples, "："),
        }
        for one in world.templates.values() if not one.subscription
    ]  # fmt: skip
    return {**OK, "template_list": rows}


def subscription_list(world: World, account: Account) -> Json:
    """`newtmpl/gettemplate`: the templates of this very account that people agree to."""
    rows = [
        {
            "priTmplId": one.template_id, "title": one.title, "content": one.written(one.keys, ":"),
            "example": one.written(one.examples, ":"), "type": 3 if one.long_term else 2,
        }
        for one in world.templates.values() if one.subscription and one.of == account.kind
    ]  # fmt: skip
    return {**OK, "data": rows}


def template_add(world: World, body: Json) -> Json:
    """`template/api_add_template`: twenty-five is the most."""
    if sum(not one.subscription for one in world.templates.values()) >= MAX_TEMPLATES:
        return refused(45026, "template num exceeds limit")
    names = body.get("keyword_name_list") or ["事项", "时间"]
    made = Template(secrets.token_urlsafe(30), str(body.get("template_id_short", "")),
                    {f"thing{n}": str(name) for n, name in enumerate(names, start=1)})  # fmt: skip
    world.templates[made.template_id] = made
    return {**OK, "template_id": made.template_id}


def template_delete(world: World, body: Json) -> Json:
    """`template/del_private_template`."""
    return OK if world.templates.pop(str(body.get("template_id")), None) else refused(40037, "invalid template_id")


def qr_create(world: World, body: Json) -> Json:
    """`qrcode/create`."""
    made = qr.create(world, body)
    if isinstance(made, str):
        return refused(40097, made)
    answer: Json = {"ticket": made.ticket, "url": made.url}
    return answer if made.until is None else {**answer, "expire_seconds": round(made.until - world.now())}


def user_info(world: World, account: Account, openid: str) -> Json:
    """`user/info`."""
    phone = world.phone_of(account, openid)
    if phone is None:
        return refused(40003, "invalid openid")
    if not phone.following:
        return {"subscribe": 0, "openid": openid}
    found: Json = {"subscribe": 1, "openid": openid, "language": "zh_CN", "subscribe_time": 0, "remark": ""}
    return {**found, "unionid": phone.unionid} if phone.unionid else found


def new_code(world: World, phone: Phone, account: Account | None = None) -> str:
    """A login code of a person in one account (the official one unless told): once, for five minutes."""
    code = secrets.token_urlsafe(24)
    world.codes[code] = ((account or world.account()).app_id, phone.openid, world.now() + 300)
    return code


def used(world: World, account: Account, code: str) -> Phone | Json:
    """The person behind a code, which is used up by asking; a code of another account is none."""
    app_id, openid, until = world.codes.pop(code, ("", "", 0.0))
    if not openid:
        return refused(40163 if code else 41008, "code been used")
    if app_id != account.app_id or until < world.now():
        return refused(40029, "invalid code")
    return world.phones[openid]


def who_logs_in(world: World, app_id: str, code: str, secret: str) -> tuple[Account, Phone] | Json:
    """The account and the person behind a code, asked with the account's secret."""
    account = world.accounts.get(app_id)
    if account is None:
        return refused(40013, "invalid appid")
    if secret != account.app_secret:
        return refused(40125, "invalid appsecret")
    found = used(world, account, code)
    return (account, found) if isinstance(found, Phone) else found


def identity(account: Account, phone: Phone) -> Json:
    """Who the person is to this account; the unionid where the accounts have one owner."""
    names = {"openid": phone.openid_in(account)}
    return {**names, "unionid": phone.unionid} if phone.unionid else names


def looks(account: Account, phone: Phone) -> Json:
    """Who looks at a page (`sns/oauth2/access_token`): the person, or on a snapshot page a stand-in of that hour."""
    held: Json = {"access_token": "sandbox-web-token", "expires_in": 7200, "scope": "snsapi_base"}
    if phone.snapshot:
        return {**held, "openid": f"o-snapshot-{secrets.token_hex(8)}", "is_snapshotuser": 1}
    return {**held, **identity(account, phone)}


def upload(world: World, content: bytes, kind: str) -> Json:
    """`media/upload`."""
    if kind not in ("image", "voice", "video", "thumb"):
        return refused(40004, "invalid media type")
    media_id = secrets.token_urlsafe(32)
    world.media[media_id] = (content, kind)
    return {"type": kind, "media_id": media_id, "created_at": int(world.now())}


def quota(world: World, body: Json) -> Json:
    """`openapi/quota/get`."""
    spent = world.today.get(str(body.get("cgi_path")), 0)
    limit = world.limits["day"]
    return {**OK, "quota": {"daily_limit": limit, "used": spent, "remain": max(limit - spent, 0)}}


def phone_number(world: World, account: Account, body: Json) -> Json:
    """`wxa/business/getuserphonenumber`."""
    found = used(world, account, str(body.get("code")))
    if not isinstance(found, Phone):
        return refused(40029, "invalid code")
    number = f"139{zlib.crc32(found.openid.encode()) % 10**8:08d}"
    return {**OK, "phone_info": {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86"}}
