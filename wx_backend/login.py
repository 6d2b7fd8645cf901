"""Signing in: a code of `wx.login` becomes a sign-in of ours, with an access token and a refresh token."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g, request
from pydantic import Field
from sqlalchemy.orm import Session

from handlers import words
from handlers.envelope import Asked, Nothing, Shown, refusing, said, schema
from models.errors import Refused
from models.people.identities import welcome
from models.people.signins import IDLE, SignIn, refresh, sign_in, sign_out
from models.tasks.identifying import recognise
from wx_backend import bearer, guard
from wx_backend.asked import Frame
from wx_backend.wechat.client import FAR_END, Client, errcode_of

log = logging.getLogger(__name__)

_BAD_CODE = {40029, 40163, 41008}  # invalid, used, empty
_HELD_FOR_A_RISK = 40226
_TOO_OFTEN = {45009, 45011}


class Code(Asked):
    """What `wx.login` gave the mini-program."""

    code: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]


class RefreshAsked(Asked):
    """The refresh token that was last given."""

    refresh_token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


class Tokens(Shown):
    """An access token for a while, and the one refresh token that gets the next; each refresh token works once."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's own word
    expires_in: int
    refresh_token: str
    refresh_expires_in: int


@dataclass(frozen=True)
class Login:
    """The views of signing in and out. They hold their own transactions; `client` is the mini-program's."""

    frame: Frame
    client: Client

    def room(self) -> APIBlueprint:
        """`/login`, `/refresh`, `/logout`."""
        room = APIBlueprint("login", __name__, tag="login")
        room.add_url_rule("/login", "log_in", self.log_in, methods=["POST"])
        room.add_url_rule("/refresh", "take_next", self.take_next, methods=["POST"])
        room.add_url_rule("/logout", "log_out", self.log_out, methods=["POST"])
        return room

    @schema.input(Code)
    @schema.output(Tokens)
    @schema.doc(responses=refusing("code_used", "login_blocked", "wechat_away"))
    def log_in(self, json_data: Code) -> Any:
        """Log in with a code of `wx.login`.

        WeChat's session_key is not kept: nothing here needs it, and it never leaves the server.
        """
        openid, unionid = _behind(self.client, json_data.code)

        def arrive(session: Session) -> tuple[SignIn, str]:
            identity = welcome(session, self.client.appid, openid, "mini_program", g.now)
            if unionid:
                recognise(session, identity, unionid, g.now)
            return sign_in(session, identity, g.now)

        return said(_tokens(self.frame, *self.frame.unit(arrive)))

    @schema.input(RefreshAsked)
    @schema.output(Tokens)
    @schema.doc(responses=refusing("signed_out"))
    def take_next(self, json_data: RefreshAsked) -> Any:
        """Get the next pair of tokens. A refresh token that comes a second time ends the whole sign-in."""
        made = self.frame.unit(lambda session: refresh(session, json_data.refresh_token, g.now))
        if made is None:
            raise Refused("signed_out")
        return said(_tokens(self.frame, *made))

    @schema.output(Nothing)
    def log_out(self) -> Any:
        """End this sign-in; its access and refresh tokens are worth nothing from now on."""
        claims = guard.api_claims(self.frame.key, request.headers.get("Authorization", ""), g.now)

        def leave(session: Session) -> None:
            guard.api_who(session, claims, g.now)
            sign_out(session, claims.sign_in_id, g.now)

        self.frame.unit(leave)
        return said(Nothing(), words.SIGNED_OUT)


def _behind(client: Client, code: str) -> tuple[str, str]:
    """The openid, and the unionid where WeChat tells it, behind a code; no transaction is open while WeChat is asked.

    Raises Refused("code_used"), ("login_blocked") or ("wechat_away").
    """
    try:
        found = client.session_behind(code)
    except FAR_END as error:
        errcode = errcode_of(error)
        if errcode in _BAD_CODE:
            raise Refused("code_used") from None
        if errcode == _HELD_FOR_A_RISK:
            raise Refused("login_blocked") from None
        log.warning("%s: jscode2session: %s", g.request_id, errcode or type(error).__name__)
        raise Refused("too_many" if errcode in _TOO_OFTEN else "wechat_away") from None
    openid = found.get("openid")
    if not isinstance(openid, str) or not openid:
        raise Refused("wechat_away")
    return openid, str(found.get("unionid") or "")


def _tokens(frame: Frame, standing: SignIn, refresh_token: str) -> Tokens:
    access = bearer.issue(frame.key, bearer.Claims(standing.identity_id, standing.id), g.now)
    left = min(IDLE, standing.expires_at - g.now)
    return Tokens(
        access_token=access, expires_in=bearer.LASTS // timedelta(seconds=1), refresh_token=refresh_token,
        refresh_expires_in=left // timedelta(seconds=1),
    )  # fmt: skip
