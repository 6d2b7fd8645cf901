"""The sandbox as one web server: API, control and the page with the phones."""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, send_from_directory
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from wx_backend.sandbox import webview
from wx_backend.sandbox.api import Platform
from wx_backend.sandbox.callbacks import Later
from wx_backend.sandbox.control import Control
from wx_backend.sandbox.faults import Faults
from wx_backend.sandbox.tokens import Tokens
from wx_backend.sandbox.world import Account, Phone, Template, World

STATIC = Path(__file__).parent / "static"


class _Quiet(WSGIRequestHandler):
    """Keeps connections open, and does not write a line for each request."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Only faults are worth a line."""
        if type == "error":
            super().log(type, message, *args)


def create_sandbox(
    accounts: Iterable[Account], phones: Iterable[Phone], templates: Iterable[Template], clock_file: Path | None = None
) -> Flask:
    """The sandbox of these accounts and people; its world is `app.extensions["world"]`."""
    app = Flask(__name__, static_folder=None)
    world, faults, tokens, later = World(accounts, phones, templates, clock_file), Faults(), Tokens(), Later()
    app.extensions.update(world=world, faults=faults, tokens=tokens)
    app.register_blueprint(Platform(world, faults, tokens, later).room())
    app.register_blueprint(Control(world, faults, tokens).room())
    app.register_blueprint(webview.room(world))

    @app.get("/")
    def page() -> Response:
        """The phones, side by side."""
        return send_from_directory(STATIC, "index.html")

    @app.get("/static/<path:name>")
    def static_file(name: str) -> Response:
        """The page's own files."""
        return send_from_directory(STATIC, name)

    @app.after_request
    def closed(response: Response) -> Response:
        """Nothing from elsewhere runs in the page."""
        response.headers["Content-Security-Policy"] = "default-src 'self'; img-src 'self' data:; style-src 'self'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app


LOOKS = 0.02  # seconds between two looks whether a server is to stop


def bound(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """A threaded server that already listens; port 0 takes any."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    return make_server(host, port, app, threaded=True, request_handler=_Quiet)


@dataclass
class Running:
    """A sandbox in a thread of this process."""

    url: str
    world: World
    server: BaseWSGIServer

    def stop(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()


def start_in_thread(app: Flask, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve the sandbox beside the caller."""
    server = bound(app, host, port)
    # It looks often whether it is to stop: who stops it waits for that look.
    threading.Thread(target=server.serve_forever, args=(LOOKS,), name="sandbox", daemon=True).start()
    return Running(f"http://{host}:{server.server_port}", app.extensions["world"], server)
