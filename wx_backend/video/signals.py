"""What a page in a room says and hears. It says by POST, and hears by a WebSocket or, where that fails, by asking."""

import json
import logging
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from sqlalchemy.exc import SQLAlchemyError

from models.base import again_where_it_gave_way
from models.errors import Refused
from models.family.presence import come_in, go_out, name_of, others_here, saw, seated
from wx_backend.now import monotonic
from wx_backend.redis import RedisError
from wx_backend.video.frame import Frame, is_ours, own
from wx_backend.video.line import AGAIN_MS, POLL_SECONDS, News

log = logging.getLogger(__name__)

TRY_LATER = 1013  # a WebSocket's word for: come again (RFC 6455, registry of close codes)
WIRE_SECONDS = 600.0  # then a page calls anew
PING_SECONDS = 20  # by then we know of a dead line,
BEAT_SECONDS = 5.0  # and by this a page, which sees no pings: as often it is told at least that there is nothing
MOST_AT_ONCE = 50  # a page hands over its candidates a few at a time


@dataclass(frozen=True)
class Signals:
    """Everything under `/video/room`; who speaks is known by the seat that the browser holds."""

    frame: Frame

    def join(self, app: Flask, rooms: Blueprint) -> None:
        """Add the ways to the blueprint."""
        app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": PING_SECONDS, "max_message_size": 4096}
        say = self.frame.limiter.limit("600 per minute", key_func=self.frame.secret)(own(self.say))
        for name, view in (
            ("come", own(self.come)), ("say", say), ("ice", own(self.ice)), ("saw", own(self.saw)),
            ("leave", own(self.leave)),
        ):  # fmt: skip
            rooms.add_url_rule(f"/room/{name}", name, view, methods=["POST"])
        rooms.add_url_rule("/room/hear", "hear", self.hear)
        Sock().route("/room/wire", bp=rooms, endpoint="wire")(self.wire)

    def come(self) -> Response:
        """In the room, for the first time or again: who one is, the way to the others, and from where one hears."""
        return jsonify(welcome(self.frame, self.frame.secret()))

    def say(self) -> Response:
        """Something for the others, or for one of them."""
        found, batch = self.frame.lines.stood(self.frame.secret()), posted().get("say")
        if not isinstance(batch, list) or len(batch) > MOST_AT_ONCE or not all(map(_fits, batch)):
            return Response(status=400)
        for one in batch:
            self.frame.say(found, one["to"], one["data"])
        return Response(status=204)

    def hear(self) -> Response:
        """What was said meanwhile; waits for it where there is a place to wait."""
        lines = self.frame.lines
        may_wait = lines.take()
        try:
            until = monotonic() + (POLL_SECONDS if may_wait else 0)
            news = lines.hear(self.frame.secret(), _since(), until)
        finally:
            if may_wait:
                lines.give_back()
        return jsonify({**_told(news), "again": 0 if may_wait or news.said else AGAIN_MS})

    def wire(self, socket: Server) -> None:
        """The same, over one line that stays open."""
        lines = self.frame.lines
        if not is_ours() or not lines.take():
            socket.close(TRY_LATER)
            return
        try:
            since, ends = _since(), monotonic() + WIRE_SECONDS
            while socket.connected and monotonic() < ends:
                until = min(ends, monotonic() + BEAT_SECONDS)
                news = lines.hear(self.frame.secret(), since, until, lambda: bool(socket.connected))
                since = news.since
                socket.send(json.dumps(_told(news)))
        except Refused as refusal:
            socket.send(json.dumps({"closed": self.frame.no(refusal)}))
        except (RedisError, SQLAlchemyError) as error:
            log.warning("a line of a room broke: %s", type(error).__name__)
        except (ConnectionClosed, OSError):
            pass  # the page went away in the middle of a word
        finally:
            lines.give_back()

    def ice(self) -> Response:
        """Fresh credentials, before a way is looked for anew."""
        return jsonify(ice=self.frame.ice(self.frame.lines.stands(self.frame.secret())))

    def saw(self) -> Response:
        """Pictures or sound of somebody come through."""

        def tell() -> None:
            with self.frame.work() as session:
                saw(session, seated(session, self.frame.secret(), g.now), g.now)

        again_where_it_gave_way(tell)
        return Response(status=204)

    def leave(self) -> Response:
        """The page is closed; it may come again."""
        with self.frame.work() as session:
            found = seated(session, self.frame.secret(), g.now)
            go_out(session, found.seat, g.now)
        self.frame.say(found, 0, {"gone": True})
        return Response(status=204)


def welcome(frame: Frame, secret: str) -> dict[str, Any]:
    """The page that holds this seat is in the room, and the others hear of it; what it needs to speak with them."""
    with frame.work() as session:
        found = seated(session, secret, g.now)
        come_in(session, found, g.now)
        name = name_of(session, found.call, found.seat.role, found.seat.person_id)
        there = others_here(session, found.call, found.seat.place, g.now)
    since = frame.say(found, 0, {"come": str(posted().get("page", ""))[:40], "name": name})
    ice, only = frame.ice(found), frame.relay.only
    return {"me": found.seat.id, "name": name, "since": since, "ice": ice, "relay_only": only, "there": there}


def posted() -> dict[str, Any]:
    """What was posted; {} for whatever is no JSON object. A page that closes sends its last word as plain text."""
    found = request.get_json(silent=True, force=True)
    return found if isinstance(found, dict) else {}


def _fits(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("to"), int) and isinstance(one.get("data"), dict)


def _since() -> str:
    """The place from which a page has not heard: two numbers, as a stream counts."""
    since = request.args.get("since", "0")[:40]
    return since if since.isascii() and since.replace("-", "", 1).isdecimal() else "0"


def _told(news: News) -> dict[str, Any]:
    return {"since": news.since, "said": news.said}
