"""`wx-backend sandbox`: the far end of the wire."""

import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from wx_backend.commands.settings import Fault, demo_file
from wx_backend.config import load_config
from wx_backend.demo.cast import accounts, phones, templates
from wx_backend.safety import refuse_outside
from wx_backend.sandbox import server as sandbox_server


@click.command()
@click.pass_obj
def sandbox(named: str | None) -> None:
    """The far end of the wire: WeChat's API, and a page with phones."""
    config = load_config(demo_file(named))
    refuse_outside(config)
    clock_file = Path(config.sandbox.clock_file) if config.sandbox.clock_file else None
    web = f"http://{config.app.bind}"
    app = sandbox_server.create_sandbox(accounts(config, web), phones(), templates(config), clock_file)
    at = urlsplit(f"//{config.sandbox.bind}")
    try:
        server = sandbox_server.bound(app, at.hostname or "127.0.0.1", at.port or 8001)
    except (OSError, SystemExit) as error:
        raise Fault(f"sandbox.bind: {config.sandbox.bind} is taken by another program") from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()
