"""The way into the pages: WeChat says silently who looks (OAuth, snsapi_base), and a session of our own begins."""

import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import segno
from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request
from flask import session as cookie
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from handlers import words
from models.errors import Refused
from models.people.entering import arrive, begin, use
from models.people.identities import Identity, has_gone
from models.people.persons import Person
from models.tasks.identifying import come_back, recognise
from wx_backend import guard
from wx_backend.database import SessionFactory
from wx_backend.wechat.client import FAR_END, Client, CodeUsed, VirtualUser

log = logging.getLogger(__name__)

HOME = "/m/"
NO_PAGES = ("pages.entrance.enter", "pages.nowhere")
_OWN = re.compile(r"/m/(?:[a-z]+(?:/[a-z0-9]+)*)?")


def own_path(app: Flask, path: str) -> str:
    """The path if it is one of our own pages, else the first page: nobody is ever sent elsewhere."""
    if not _OWN.fullmatch(path) or len(path) > 120:
        return HOME
    try:
        endpoint, _ = app.url_map.bind("pages").match(path, method="GET")
    except HTTPException:
        return HOME
    return path if endpoint.startswith("pages.") and endpoint not in NO_PAGES else HOME


@dataclass(frozen=True)
class Entrance:
    """What letting somebody in needs. `only_wechat`: a browser that is not WeChat's is shown how to get there."""

    client: Client
    open_session: SessionFactory
    now: Callable[[], datetime]
    public_url: str
    only_wechat: bool

    def begin(self, path: str, *, again: bool = False) -> Answer:
        """Send the browser to WeChat; its cookie tells it again, and the state remembers where it wanted to go."""
        if self.only_wechat and "MicroMessenger" not in request.user_agent.string:
            return self._elsewhere(path)
        state, browser = secrets.token_hex(24), cookie.setdefault("browser", secrets.token_urlsafe(24))
        with self.open_session() as session, session.begin():
            begin(session, state=state, browser=browser, path=path, now=self.now(), again=again)
        return redirect(self.client.authorize_url(f"{self.public_url}/m/enter", state))

    def finish(self, state: str, code: str) -> Answer:
        """Somebody comes back from WeChat: who it is, and then where they wanted to go.

        No transaction is open while we speak to WeChat.
        """
        try:
            with self.open_session() as session, session.begin():
                came = use(session, state=state, browser=cookie.get("browser", ""), now=self.now())
        except Refused:
            return self._known_already() or _said(words.ENTRY_OVER, 403)
        try:
            found = self.client.person_behind(code)
        except VirtualUser:
            return _said(words.SNAPSHOT, 403)
        except CodeUsed:
            return _said(words.ENTRY_OVER, 403) if came.again else self.begin(came.path, again=True)
        except FAR_END as error:
            log.warning("nobody says who enters: %s", type(error).__name__)
            response = _said(words.WECHAT_AWAY, 503)
            response.headers["Retry-After"] = "10"
            return response
        self._let_in(str(found["openid"]), str(found.get("unionid") or ""))
        return redirect(came.path, 303)

    def _let_in(self, openid: str, unionid: str) -> None:
        now = self.now()
        with self.open_session() as session, session.begin():
            identity = arrive(session, app_id=self.client.appid, openid=openid, now=now)
            if unionid and identity.unionid != unionid:
                recognise(session, identity, unionid, now)
            epoch = session.get_one(Person, identity.person_id).session_epoch
            guard.let_in(identity, epoch, now)
            key, gone = identity.id, has_gone(identity.following, identity.unreachable_why)
        if gone:
            self._look_whether_back(key, openid)

    def _look_whether_back(self, identity_id: int, openid: str) -> None:
        """Ask WeChat whether somebody follows of whom we think that they do not: they may have followed long before
        this software came to the account, or while it was away, and of neither an event ever comes."""
        try:
            follows = self.client.is_followed_by(openid)
        except FAR_END as error:
            log.warning("nobody says who follows: %s", type(error).__name__)
            return
        if follows:
            with self.open_session() as session, session.begin():
                come_back(session, session.get_one(Identity, identity_id), self.now())

    def _known_already(self) -> Answer | None:
        """Whoever comes by an old way and is inside already goes on to the first page."""
        with self.open_session() as session:
            return redirect(HOME, 303) if guard.page_who(session, self.now()) else None

    def _elsewhere(self, path: str) -> Response:
        """How to get here with WeChat: a picture to scan, the address below it."""
        address = f"{self.public_url}/m/enter?to={path}"
        picture = segno.make(address, error="m").svg_inline(
            scale=6, border=2, omitsize=True, svgclass=None, lineclass=None
        )
        return make_response(render_template("elsewhere.html", picture=picture, address=address), 403)

    def room(self) -> Blueprint:
        """`/m/enter`: without a code somebody begins, with one somebody comes back."""
        door = Blueprint("entrance", __name__)

        @door.get("/enter")
        def enter() -> Answer:
            """In, whoever was here before: two people may share a browser, and the menu asks WeChat anew."""
            state = request.args.get("state")
            if state is None:
                return self.begin(own_path(current_app, request.args.get("to", HOME)))
            return self.finish(state, request.args.get("code", ""))

        return door


def _said(sentence: str, status: int) -> Response:
    return make_response(render_template("told.html", sentence=sentence, again="/m/enter"), status)
