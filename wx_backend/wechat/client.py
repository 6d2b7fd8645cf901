"""wechatpy's client with our own wire: one pool, real timeouts, strict answers, one retry after one shared refresh."""

import logging
import re
import time
from typing import Any
from urllib.parse import quote, urlsplit

from wechatpy.client import WeChatClient
from wechatpy.exceptions import WeChatClientException
from wechatpy.session.memorystorage import MemoryStorage

from wx_backend.redis import Redis
from wx_backend.wechat.tokens import Keeper, TokenKeeper, TokenRefused, given
from wx_backend.wechat.transport import (
    ANSWER_LIMIT,
    Doubtful,
    Transport,
    Unreached,
    as_object,
    beside,
    scrub,
)

log = logging.getLogger(__name__)

EXPIRED = 42001
STALE_TOKEN = {40001, 40014, EXPIRED}
BAD_CODES = {40029, 40163}
OWN_ROOTS = ("/sns/", "/wxa/", "/wxaapi/", "/cgi-bin/")  # any other path is one under /cgi-bin/
CALL_SECONDS = 10.0
PAGE_SECONDS = 5.0  # somebody waits for a page
QR_LASTS = 2_592_000  # thirty days, the longest that WeChat keeps one
# Answers that are a file unless they are an error.
BYTES = {"/cgi-bin/media/get", "/wxa/getwxacode", "/wxa/getwxacodeunlimit"}
# sendTemplateMessage; subscribeMessage.send of a mini-program; sendNewSubscribeMsg of an official account.
SENDS = {
    "template": "message/template/send",
    "mini_subscription": "message/subscribe/send",
    "account_subscription": "message/subscribe/bizsend",
}
# What only an errcode of 0 says has gone: a proxy's own JSON is no answer of WeChat's.
MESSAGES = {f"/cgi-bin/{path}" for path in (*SENDS.values(), "message/custom/send")}
# Everything a call may raise that is the far end's doing and not ours.
FAR_END = (WeChatClientException, TokenRefused, Unreached, Doubtful)
_RID = re.compile(r"rid: ?([0-9a-zA-Z-]+)")


class VirtualUser(WeChatClientException):  # type: ignore[misc]
    """A snapshot page's stand-in for a user: it must never be bound to anybody, and asking again does not help."""


class CodeUsed(WeChatClientException):  # type: ignore[misc]
    """An OAuth code that is none any more (40029, 40163): somebody loaded the page again. A new one may be had."""


class Client(WeChatClient):  # type: ignore[misc]
    """One account's API. Thread-safe; wechatpy's own methods (`client.menu`, `client.template`, …) work on it.

    Raises WeChatClientException for an errcode, and what `transport` and `tokens` raise.
    """

    def __init__(self, app_id: str, app_secret: str, transport: Transport, cache: Redis) -> None:
        # Not the parent's __init__: it opens a requests session without timeouts, which nothing here uses.
        self.appid, self.secret = app_id, app_secret
        self.session = MemoryStorage()
        self.expires_at = None
        self.timeout, self.auto_retry = CALL_SECONDS, False
        self._transport = transport
        self._keeper = TokenKeeper(cache, transport, app_id, app_secret)
        self._tickets = Keeper(cache, f"wx:{app_id}:jsapi", self._ticket)

    @property
    def access_token(self) -> str:
        """A token that should work. wechatpy looks at every attribute before __init__ has run; then there is none."""
        return self._keeper.token()

    def fetch_access_token(self) -> str:
        """A token that should work (wechatpy's name for it)."""
        return self._keeper.token()

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        path = self._path(url_or_endpoint, kwargs.pop("api_base_url", None))
        ends = time.monotonic() + float(kwargs.pop("timeout", None) or CALL_SECONDS)
        process = kwargs.pop("result_processor", None)
        params = dict(kwargs.pop("params", None) or {})
        body, files = kwargs.pop("data", kwargs.pop("json", None)), kwargs.pop("files", None)
        most = int(kwargs.pop("most", ANSWER_LIMIT))
        needs_token = not path.startswith("/sns/") and "access_token" not in params
        token = ""
        for attempt in (1, 2):
            left = max(ends - time.monotonic(), 0.1)
            if needs_token and not token:
                token = self._token(left)
            asked = {**params, **({"access_token": token} if needs_token else {})}
            answer, _ = self._transport.call(
                method, path, params=asked, body=body, files=files, seconds=max(ends - time.monotonic(), 0.1),
                most=most,
            )  # fmt: skip
            if path in BYTES and not answer.lstrip().startswith(b"{"):
                return answer
            found = as_object(answer)
            code = _code(path, found)
            if code in STALE_TOKEN and needs_token and attempt == 1:
                log.info("%s: %s, renewing the token", path, code)
                token = self._token(max(ends - time.monotonic(), 0.1), instead_of=token, expired=code == EXPIRED)
                continue
            if code in STALE_TOKEN and needs_token:
                self._keeper.give_up(token)
            if code:
                raise _error(self, path, code, str(found.get("errmsg", "")))
            found["errcode"] = 0
            return process(found) if process else found
        raise AssertionError("unreachable")

    def _token(self, seconds: float, instead_of: str | None = None, *, expired: bool = False) -> str:
        """A token; where fetching it leaves a doubt, the call itself was never sent."""
        try:
            if instead_of is None:
                return self._keeper.token(seconds)
            return self._keeper.renew(instead_of, seconds, expired=expired)
        except Doubtful as error:
            raise Unreached(f"no token: {error}") from None

    def _path(self, address: str, base: str | None) -> str:
        if "://" in address:
            return urlsplit(address).path
        if base and "://" in base:
            return f"{urlsplit(base).path.rstrip('/')}/{address.lstrip('/')}"
        return address if address.startswith(OWN_ROOTS) else f"/cgi-bin/{address.lstrip('/')}"

    # What wechatpy lacks, or does around the pool.

    def send_by_template(self, channel: str, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """A template message, with the client_msg_id that wechatpy's own method cannot carry, or a subscription one."""
        found: dict[str, Any] = self._request("post", SENDS[channel], data=message, timeout=seconds)
        return found

    def subscription_templates(self) -> dict[str, Any]:
        """The account's templates that people agree to one by one (`newtmpl/gettemplate`), as WeChat lists them."""
        found: dict[str, Any] = self._request("get", "/wxaapi/newtmpl/gettemplate")
        return found

    def send_customer_text(self, openid: str, text: str, seconds: float) -> None:
        """`message/custom/send` of a text."""
        data = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        self._request("post", "message/custom/send", data=data, timeout=seconds)

    def send_customer_image(self, openid: str, media_id: str, seconds: float) -> None:
        """`message/custom/send` of a picture that was uploaded before."""
        data = {"touser": openid, "msgtype": "image", "image": {"media_id": media_id}}
        self._request("post", "message/custom/send", data=data, timeout=seconds)

    def upload_picture(self, picture: bytes, seconds: float) -> str:
        """`media/upload` of a PNG or JPEG; answers the media_id, which lives three days."""
        name, kind = ("qr.png", "image/png") if picture.startswith(b"\x89PNG") else ("qr.jpg", "image/jpeg")
        found = self._request(
            "post", "media/upload", params={"type": "image"}, files={"media": (name, picture, kind)}, timeout=seconds
        )
        return str(found["media_id"])

    def fetch_media(self, media_id: str, most: int, seconds: float) -> bytes | None:
        """`media/get` of a voice note or picture, of at most `most` bytes; None where WeChat names another place.

        That (a video_url) is not followed: bytes come from WeChat's own API or not at all.
        """
        found = self._request("get", "media/get", params={"media_id": media_id}, timeout=seconds, most=most)
        return found if isinstance(found, bytes) else None

    def authorize_url(self, redirect_uri: str, state: str, scope: str = "snsapi_base") -> str:
        """Where a page inside WeChat sends a person to learn the openid; the order of the parameters matters."""
        return (
            f"{beside(self._transport.origin, 'open')}/connect/oauth2/authorize?appid={self.appid}"
            f"&redirect_uri={quote(redirect_uri, safe='')}&response_type=code&scope={scope}"
            f"&state={quote(state, safe='')}#wechat_redirect"
        )

    def is_followed_by(self, openid: str) -> bool:
        """Whether this person follows the account now (`user/info`, 获取用户基本信息: `subscribe`)."""
        found = self._request("get", "user/info", params={"openid": openid, "lang": "zh_CN"}, timeout=PAGE_SECONDS)
        return str(found.get("subscribe", 0)) == "1"

    def page_signature(self, url: str, nonce: str, stamp: int) -> str:
        """What lets the page at `url` use WeChat's own tags and scripts (JS-SDK, 签名算法): sha1 over the account's
        ticket, nonce, time and the address as the browser has it, without what follows a #."""
        ticket = self._tickets.token(PAGE_SECONDS)
        return str(self.jsapi.get_jsapi_signature(nonce, ticket, stamp, url.partition("#")[0]))

    def _ticket(self, *, force: bool, seconds: float) -> tuple[str, int]:
        """`ticket/getticket`; WeChat has no way to be forced to another one."""
        return given(self._request("get", "ticket/getticket", params={"type": "jsapi"}, timeout=seconds), "ticket")

    def person_behind(self, code: str) -> dict[str, Any]:
        """Who stands behind an OAuth code (`sns/oauth2/access_token`).

        Raises CodeUsed, or VirtualUser on a snapshot page.
        """
        params = {"appid": self.appid, "secret": self.secret, "code": code, "grant_type": "authorization_code"}
        try:
            found: dict[str, Any] = self._request("get", "/sns/oauth2/access_token", params=params)
        except WeChatClientException as error:
            if error.errcode in BAD_CODES:
                raise CodeUsed(error.errcode, error.errmsg, client=None) from None
            raise
        if str(found.get("is_snapshotuser", 0)) == "1":
            raise VirtualUser(-1, "a snapshot page's virtual user", client=None)
        return found

    def session_behind(self, js_code: str) -> dict[str, Any]:
        """The mini-program session behind a login code (`sns/jscode2session`); its session_key stays on the server."""
        params = {"appid": self.appid, "secret": self.secret, "js_code": js_code, "grant_type": "authorization_code"}
        found: dict[str, Any] = self._request("get", "/sns/jscode2session", params=params)
        return found

    def phone_behind(self, code: str) -> str:
        """The phone number a person has just agreed to give (`wxa/business/getuserphonenumber`)."""
        found = self._request("post", "/wxa/business/getuserphonenumber", data={"code": code})
        return str(found["phone_info"]["purePhoneNumber"])

    def voip_signature(self, openid: str, group_id: str, stamp: int, nonce: str) -> str:
        """What a person joins a voice room with, signed by WeChat (`wxa/getvoipsign`)."""
        data = {"group_id": group_id, "timestamp": stamp, "nonce": nonce}
        found = self._request("post", "/wxa/getvoipsign", params={"openid": openid}, data=data)
        return _text(found, "signature")

    def device_ticket(self, sn: str, model_id: str) -> str:
        """What lets a phone allow a device to ring it, for five minutes (`wxa/getsnticket`)."""
        return _text(self._request("post", "/wxa/getsnticket", data={"sn": sn, "model_id": model_id}), "sn_ticket")

    def lasting_scene(self, scene: str, seconds: float) -> str:
        """What a QR code holds that leads to the address `scene` for good (QR_LIMIT_STR_SCENE): for paper.

        An account has 100,000 of them and none is ever given back.
        """
        data = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}}
        return str(self._request("post", "qrcode/create", data=data, timeout=seconds)["url"])

    def scene_qr(self, scene: str, seconds: float, lasts: int = QR_LASTS) -> bytes:
        """The picture of a QR code that leads to the address `scene` for `lasts` seconds (QR_STR_SCENE).

        wechatpy's `qrcode.show` would go past the pool. No token goes to the origin of the pictures.
        """
        ends = time.monotonic() + seconds
        data = {
            "action_name": "QR_STR_SCENE", "expire_seconds": lasts,
            "action_info": {"scene": {"scene_str": scene}},
        }  # fmt: skip
        ticket = self._request("post", "qrcode/create", data=data, timeout=seconds)["ticket"]
        picture, kind = self._transport.call(
            "GET", "/cgi-bin/showqrcode", params={"ticket": ticket}, seconds=max(ends - time.monotonic(), 0.1),
            origin=beside(self._transport.origin, "mp"),
        )  # fmt: skip
        if not kind.startswith("image/"):
            raise Doubtful("the answer is no picture")
        return picture


def _code(path: str, found: dict[str, Any]) -> int:
    """The errcode of an answer, 0 where it may go without; raises Doubtful where a message must have one."""
    said = found.get("errcode")
    if said is None and path not in MESSAGES:
        return 0
    try:
        return int(said)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Doubtful("the answer has no errcode") from None


def _text(found: dict[str, Any], name: str) -> str:
    """A text that the answer must hold; raises Doubtful where it does not."""
    said = found.get(name)
    if not isinstance(said, str) or not said:
        raise Doubtful(f"the answer has no {name}")
    return said


def errcode_of(error: Exception) -> int | None:
    """The errcode with which WeChat refused a call; None where it gave none."""
    return int(error.errcode) if isinstance(error, WeChatClientException) else None


def _error(client: Client, path: str, code: int, message: str) -> WeChatClientException:
    rid = _RID.search(message)
    log.warning("%s: errcode %s, rid %s", path, code, rid.group(1) if rid else "-")
    return WeChatClientException(code, scrub(message), client=None)
