"""A sandbox in a thread of its own, before a tiny back end of somebody else."""

import pytest
from flask import Flask, request

from tests.world import served
from tests.wx_backend.sandbox.asking import CONFIG
from wx_backend.demo.cast import accounts, phones, templates
from wx_backend.sandbox.server import bound, create_sandbox, start_in_thread


class Backend:
    """A tiny back end of somebody else: keeps what came, answers what it is told."""

    def __init__(self):
        self.app, self.seen, self.answers = Flask("backend"), [], []

        @self.app.route("/<path:_>", methods=["GET", "POST"])
        def callback(_):
            self.seen.append((request.args.to_dict(), request.get_data()))
            answer = self.answers.pop(0) if self.answers else "success"
            return answer() if callable(answer) else answer


@pytest.fixture
def backend():
    made = Backend()
    with served(bound(made.app, "127.0.0.1", 0)) as made.url:
        yield made


@pytest.fixture
def sandbox(backend):
    app = create_sandbox(accounts(CONFIG, backend.url), phones(), templates(CONFIG))
    running = start_in_thread(app)
    running.client = app.test_client()
    running.world.phones["o-demo-xiaofang"].following = True
    yield running
    running.stop()
