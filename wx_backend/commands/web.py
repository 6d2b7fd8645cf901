"""`wx-backend serve` and `video`: the web processes."""

import sys

import click

from wx_backend.commands.settings import settings
from wx_backend.config import Config
from wx_backend.safety import refuse_lonely_workers, refuse_unsafe
from wx_backend.serving import Server, for_video
from wx_backend.web import assets


@click.command()
@click.option("--demo", "is_demo", is_flag=True, hidden=True)
@click.pass_obj
def serve(named: str | None, is_demo: bool) -> None:
    """The web process: WeChat's callbacks, health, metrics."""
    _serve(settings(named), is_demo)


@click.command()
@click.option("--demo", "is_demo", is_flag=True, hidden=True)
@click.pass_obj
def video(named: str | None, is_demo: bool) -> None:
    """A web process for the rooms of family calls: the reverse proxy sends it what is under /video/."""
    _serve(for_video(settings(named)), is_demo)


def _serve(config: Config, is_demo: bool) -> None:
    refuse_unsafe(config, demo=is_demo)
    refuse_lonely_workers(config)
    assets.load()  # what is missing is said here, once, and not by each worker
    sys.argv = sys.argv[:1]  # gunicorn would read our words as its own
    Server(config).run()
