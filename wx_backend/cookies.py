"""How our cookies are named and kept: over https bound to this very host, so that nobody beside us can plant one."""

from dataclasses import dataclass

from flask import Flask
from werkzeug.wrappers import Response


@dataclass(frozen=True)
class Cookies:
    """Cookies of this site; `safe`: it is reached by https."""

    safe: bool

    @classmethod
    def of(cls, app: Flask, public_url: str) -> "Cookies":
        """The cookies of the site at `public_url`; Flask's own session cookie goes by the same rules."""
        made = cls(public_url.startswith("https://"))
        app.config.update(
            SESSION_COOKIE_NAME=made.name("session"), SESSION_COOKIE_SECURE=made.safe, SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",
            WTF_CSRF_CHECK_DEFAULT=False,  # a door asks for the token itself: WeChat's calls carry none of ours
            WTF_CSRF_TIME_LIMIT=None,  # it lasts as long as the session that it belongs to
        )  # fmt: skip
        return made

    def name(self, plain: str) -> str:
        """What a cookie is called: a browser takes `__Host-` from this host over https only."""
        return f"__Host-{plain}" if self.safe else plain

    def put(self, response: Response, plain: str, value: str) -> None:
        """Give the browser a cookie that ends with its window."""
        response.set_cookie(self.name(plain), value, secure=self.safe, httponly=True, samesite="Lax", path="/")

    def take_back(self, response: Response, plain: str) -> None:
        """Have the browser forget a cookie."""
        response.delete_cookie(self.name(plain), secure=self.safe, httponly=True, samesite="Lax", path="/")
