"""The door of a call's room (`/video`): a pass lets one browser in, and from then on its cookie holds the seat.

A link is only looked at until somebody taps: what opens links by itself (a scanner, a preview) uses nothing up.
"""

import json
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, g, jsonify, make_response, redirect, render_template, url_for
from flask_limiter.util import get_remote_address
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from handlers.family import room_words as words
from handlers.words import two_lines, when_two
from models.base import again_where_it_gave_way
from models.errors import Refused
from models.family.calls import FamilyCall
from models.family.passes import look_at, seat_of_pass, use_pass
from models.family.presence import HOME, others_here, place, seated
from models.hours import CHINA
from models.people.persons import Person
from models.places.centres import ServiceCentre, phone_of
from wx_backend.video.frame import COOKIE, Frame, own
from wx_backend.video.signals import Signals, posted, welcome

KEYS = range(32, 65)  # how long a page's own key is: a shorter one could be guessed

# What the page's script says, by the names of the words.
SAID = {name.lower(): text for name, text in vars(words).items() if name.isupper() and isinstance(text, str)}


@dataclass(frozen=True)
class Door:
    """The pages, and the way in."""

    frame: Frame

    def register(self, app: Flask) -> None:
        """Join `/video` to the app."""
        rooms = Blueprint("video", __name__, url_prefix="/video", template_folder="../web")
        self.frame.around(rooms)
        rooms.add_url_rule("/<secret>", "look", self.look)
        rooms.add_url_rule("/room", "room", self.room)
        rooms.add_url_rule("/<secret>/there", "there", self.there)
        enter = self.frame.limiter.limit("60 per minute", key_func=get_remote_address)(own(self.enter))
        rooms.add_url_rule("/<secret>", "enter", enter, methods=["POST"])
        Signals(self.frame).join(app, rooms)
        app.register_blueprint(rooms)

    def look(self, secret: str) -> Answer:
        """The page in front of the room: it shows oneself, and one button leads in."""
        if self._sits(secret):
            return redirect(url_for(".room"), 303)
        with self.frame.work() as session:
            found, call = look_at(session, secret, g.now, by=self.frame.known(session))
            return _page(session, call, found.role, found.person_id, inside=False)

    def room(self) -> Response:
        """The room itself, for a browser that was let in: loaded anew, it is there again."""
        with self.frame.work() as session:
            found = seated(session, self.frame.secret(), g.now)
            return _page(session, found.call, found.seat.role, found.seat.person_id, inside=True)

    def there(self, secret: str) -> Response:
        """Who waits inside, for a page in front that has not been let in yet."""
        with self.frame.work() as session:
            found, call = look_at(session, secret, g.now, by=self.frame.known(session))
            return jsonify(there=others_here(session, call, place(found.role, found.person_id), g.now))

    def enter(self, secret: str) -> Response:
        """The pass is used up; this browser has the seat, and is in the room."""
        said = str(posted().get("key", ""))
        key = said if said.isascii() and len(said) in KEYS else ""

        def use() -> str:
            with self.frame.work() as session:
                return use_pass(session, secret, g.now, by=self.frame.known(session), key=key)[0]

        seat = again_where_it_gave_way(use)
        response = jsonify(welcome(self.frame, seat))
        self.frame.cookies.put(response, COOKIE, seat)
        return response

    def _sits(self, secret: str) -> bool:
        """Whether this browser is in already, by this very pass or another to the same place."""
        mine = self.frame.secret()
        if not mine:
            return False
        try:
            with self.frame.work() as session:
                return seat_of_pass(session, secret, mine) and bool(seated(session, mine, g.now))
        except Refused:
            return False


def _page(session: Session, call: FamilyCall, role: str, person_id: int, *, inside: bool) -> Response:
    """The one page: in front of the room, and in it. The screen is made for old eyes."""
    me, relative, cared = (session.get_one(Person, key) for key in (person_id, call.relative_id, call.cared_id))
    centre = session.get_one(ServiceCentre, call.centre_id)
    at_home, phone = role in HOME, phone_of(session, centre)
    g.large, g.phones = at_home or me.large_type, [{"name": centre.name, "phone": phone}] if phone else []
    zone = ZoneInfo(relative.time_zone if role == "screen" else me.time_zone)
    return make_response(
        render_template(
            "room.html", words=words, whom=relative.name if at_home else cared.name, at_home=at_home, inside=inside,
            time=two_lines(when_two(call.starts_at, CHINA, zone)), said=json.dumps(SAID),
        )
    )  # fmt: skip
