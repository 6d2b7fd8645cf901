"""A clerk with a browser at the staff desk, and a counter of what a page asks of the database."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models.people import accounts
from models.people.persons import Person
from tests.world import NOW

PASSWORD = "correct-horse-battery"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_SEEN = re.compile(r'name="seen" value="([^"]*)"')


def give_account(session: Session, person_id: int, username: str, **more: Any) -> None:
    """An account with the password of all tests."""
    person = session.get_one(Person, person_id)
    more = {"password": PASSWORD, "must_change": False, "now": NOW, **more}
    accounts.add(session, username=username, person=person, **more)


class Clerk:
    """One browser; it keeps its cookies and sends the token of the page it last saw."""

    def __init__(self, app: Flask, **environ: Any) -> None:
        self.client = app.test_client()
        self.environ = environ
        self.page = ""

    def opens(self, path: str, **query: Any) -> TestResponse:
        """Look at a page."""
        return self._seen(self.client.get(path, query_string=query or None, environ_overrides=self.environ))

    def posts(self, path: str, *, token: bool = True, **form: Any) -> TestResponse:
        """Send a form of the page that is open."""
        found = _TOKEN.search(self.page)
        sent = {**({"csrf_token": found[1]} if token and found else {}), **form}
        return self._seen(self.client.post(path, data=sent, environ_overrides=self.environ))

    def signs_in(self, username: str, password: str = PASSWORD, **form: Any) -> TestResponse:
        """Open the login page and send it; the next page brings the token of the new session."""
        self.opens("/console/login")
        answer = self.posts("/console/login", username=username, password=password, **form)
        if answer.status_code == 303:
            self.opens("/console/")
        return answer

    def seen(self) -> str:
        """How the thing on the open page stood."""
        found = _SEEN.search(self.page)
        assert found is not None, self.page
        return html.unescape(found[1])

    def holds(self) -> str | None:
        """The key of this browser's session."""
        cookie = self.client.get_cookie("desk")
        return cookie.value if cookie else None

    def text(self) -> str:
        """What the open page says, without its marks."""
        body = re.sub(r"<(style|head).*?</\1>", "", self.page, flags=re.S)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))

    def _seen(self, answer: TestResponse) -> TestResponse:
        if answer.mimetype.startswith("text/"):  # a workbook is no page
            self.page = answer.get_data(as_text=True) or self.page
        return answer


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that reach the database inside the block, but for those that begin and end a transaction."""
    asked: list[str] = []

    def heard(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", heard)
