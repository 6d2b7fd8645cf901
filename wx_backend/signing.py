"""Signing in at the desk and out of it: the only views there that nobody needs to be let in for."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, g, make_response, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from handlers import desk
from handlers.people import words
from models import audit
from models.errors import Refused
from models.people import accounts, desk_sessions, passwords
from models.people.accounts import Attempt, StaffAccount
from wx_backend.cookies import Cookies
from wx_backend.database import SessionFactory

COOKIE = "desk"
# A whole office has one address: for all names together it may try more often than for one. From everywhere together
# a name has as many tries as an account, which keeps count itself: so nobody learns which names are accounts.
BY_ADDRESS, BY_NAME_THERE, BY_NAME = "20 per 15 minutes", "5 per 15 minutes", f"{accounts.TRIES} per 15 minutes"


def name_asked() -> str:
    """Under what a try is counted for the name that was typed, whether there is such an account or not."""
    return hashlib.sha256(accounts.named(request.form.get("username", "")).encode()).hexdigest()


def name_asked_there() -> str:
    """The same for one address alone."""
    return f"{desk.address()} {name_asked()}"


def own_path(text: str) -> str:
    """Where to go after signing in: a page of the desk and nothing else."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return url_for("console.home.today")
    fits = not parts.scheme and not parts.netloc and parts.path.startswith("/console/") and "\\" not in text
    return text if fits else url_for("console.home.today")


@dataclass(frozen=True)
class Signing:
    """The views of signing in and out. They keep their own transactions: a password is checked outside of any."""

    open_session: SessionFactory
    cookies: Cookies
    now: Callable[[], datetime]
    turn: Callable[[], AbstractContextManager[object]]

    def room(self, limiter: Limiter) -> Blueprint:
        """`/console/login`, `/console/logout`, `/console/password`."""
        room = Blueprint("sign", __name__)
        room.add_url_rule("/login", "in_", self.form)
        enter = self.enter
        for limit, key in ((BY_ADDRESS, desk.address), (BY_NAME_THERE, name_asked_there), (BY_NAME, name_asked)):
            enter = limiter.limit(limit, key_func=key, deduct_when=lambda response: response.status_code != 303)(enter)
        room.add_url_rule("/login", "enter", enter, methods=["POST"])
        room.add_url_rule("/logout", "out", self.leave, methods=["POST"])
        room.add_url_rule("/password", "password", self.password)
        room.add_url_rule("/password", "change", self.change, methods=["POST"])
        return room

    def form(self) -> Response:
        """The page on which one signs in."""
        return self._form()

    def enter(self) -> Response:
        """Sign in: whoever was signed in with this browser is so no more, and the new session has a new key."""
        username, password, now = request.form.get("username", ""), request.form.get("password", ""), self.now()
        with self.turn(), self.open_session() as opened, opened.begin():
            attempt = accounts.count_attempt(opened, username, now)
        fits = passwords.fits(password, attempt.kept)
        token = None
        with self.turn(), self.open_session() as opened, opened.begin():
            account = accounts.admit(opened, attempt, password, now) if fits and not attempt.locked else None
            if account is not None:
                token = self._let_in(opened, account, now)
            else:
                self._turned_away(opened, attempt, now)
        if token is None:
            return self._locked() if attempt.locked else self._form(username, words.SIGN_IN_FAILED, 401)
        session.clear()
        response = redirect(own_path(request.form.get("next", "")), 303)
        self.cookies.put(response, COOKIE, token)
        return response

    def _let_in(self, opened: Session, account: StaffAccount, now: datetime) -> str:
        before = request.cookies.get(self.cookies.name(COOKIE))
        if before:
            desk_sessions.end(opened, before, "login", now)
        token = desk_sessions.begin(opened, account_id=account.id, person_id=account.person_id, now=now)
        audit.write(
            opened, verb="login", person_id=account.person_id, subject=account.subject, ip=desk.address(), now=now
        )  # fmt: skip
        return token

    def _turned_away(self, opened: Session, attempt: Attempt, now: datetime) -> None:
        # What was typed may be a password in the wrong field: only a name that is an account is kept.
        subject = f"account:{attempt.account_id}" if attempt.account_id else "account:"
        verb = "login_locked" if attempt.locked else "login_failed"
        audit.write(opened, verb=verb, subject=subject, ip=desk.address(), now=now)

    def _form(self, username: str = "", problem: str = "", status: int = 200) -> Response:
        after = own_path(request.values.get("next", ""))
        page = render_template("console_sign_in.html", username=username, problem=problem, next=after)
        return make_response(page, status)

    def _locked(self) -> Response:
        minutes = int(accounts.TRIES_WITHIN.total_seconds() // 60)
        response = self._form("", words.SIGN_IN_LOCKED.format(minutes=minutes), 429)
        response.headers["Retry-After"] = str(int(accounts.TRIES_WITHIN.total_seconds()))
        return response

    def leave(self) -> Response:
        """Sign out: this session is over, whoever still holds its key."""
        desk_sessions.end(desk.session(), request.cookies[self.cookies.name(COOKIE)], "logout", desk.now())
        desk.note("logout", f"account:{desk.at_desk().account_id}")
        session.clear()
        response = redirect(url_for("console.sign.in_"), 303)
        self.cookies.take_back(response, COOKIE)
        return response

    def password(self) -> str:
        """The page on which one changes one's password."""
        return render_template("console_password.html", problem="", words=words)

    def change(self) -> Response:
        """Change one's password: every session of the account ends, and this one goes on under a new key."""
        who, form = desk.at_desk(), request.form
        account = desk.session().get_one(StaffAccount, who.account_id)
        if not passwords.fits(form.get("old", ""), account.password_hash):
            return self._unchanged(words.OLD_ONE_WRONG)
        if form.get("new") != form.get("again"):
            return self._unchanged(words.PASSWORDS_DIFFER)
        try:
            accounts.set_password(desk.session(), account, form.get("new", ""), must_change=False, now=desk.now())
        except Refused as refusal:
            return self._unchanged(words.REFUSALS[refusal.code].format(**refusal.facts))
        token = desk_sessions.begin(
            desk.session(), account_id=account.id, person_id=account.person_id, now=desk.now()
        )  # fmt: skip
        desk.note("password_changed", account.subject)
        response = desk.back_to("console.home.today", "password")
        self.cookies.put(response, COOKIE, token)
        session.pop("csrf_token", None)
        g.pop("csrf_token", None)
        return response

    def _unchanged(self, problem: str) -> Response:
        return make_response(render_template("console_password.html", problem=problem, words=words), 422)
