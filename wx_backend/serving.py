"""The web process under gunicorn, started from the settings and not from a command line of its own."""

from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from wx_backend.app import create_app
from wx_backend.config import Config


def for_video(config: Config) -> Config:
    """The settings of a process of its own that serves the rooms of calls: many threads, three in four for waiting.

    A page that waits holds a thread and no connection to the database.
    """
    section = config.video
    app = config.app.model_copy(update={"bind": section.bind, "workers": 1, "threads": section.threads})
    video = section.model_copy(update={"waiting": section.threads * 3 // 4})
    return config.model_copy(update={"app": app, "video": video})


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with threads: WeChat's calls are short, and each holds one database connection."""

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__()

    def load_config(self) -> None:
        """The settings gunicorn needs."""
        options: dict[str, Any] = {
            "bind": self.config.app.bind, "workers": self.config.app.workers, "threads": self.config.app.threads,
            "worker_class": "gthread", "accesslog": None, "errorlog": "-", "loglevel": "warning",
            "graceful_timeout": 10, "timeout": 30, "keepalive": 30, "control_socket_disable": True,
        }  # fmt: skip
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The app, made in each worker after the fork: connections are not shared across it."""
        return create_app(self.config)
