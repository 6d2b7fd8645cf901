"""Three questions a machine may ask: is the process alive, can it work, what does the outbox look like."""

from collections.abc import Callable, Iterator
from datetime import datetime

from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from models.messages import looking
from models.messages.breakers import standing
from models.tasks import looking as tasks_looking
from wx_backend import migrations
from wx_backend.database import SessionFactory, db
from wx_backend.now import real_now


class OutboxCollector(Collector):
    """Counts read from the database at each scrape: true whatever the number of processes."""

    def __init__(self, open_session: SessionFactory, now: Callable[[], datetime]) -> None:
        self.open_session = open_session
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """The gauges of letters and tasks; no label holds anything personal."""
        with self.open_session() as session:
            letters = looking.standing(session)
            behind = looking.backlog(session, now=self.now(), real_now=real_now())
            tasks = tasks_looking.standing(session)
            stopped = len(standing(session, self.now()).open)
        states = GaugeMetricFamily("wx_letters", "Letters that still need something, by state.", labels=["state"])
        # A letter in doubt may stay so for good: it needs something while somebody is to ask about it.
        for state, many in {**letters, "needs_check": tasks.get("check_delivery", 0)}.items():
            states.add_metric([state], many)
        yield states
        late = max((self.now() - behind.oldest).total_seconds(), 0.0) if behind.oldest else 0.0
        yield GaugeMetricFamily("wx_letters_oldest_due_seconds", "How late the oldest due letter is.", value=late)
        yield GaugeMetricFamily("wx_letters_stuck", "Leases that ran out and nobody has swept.", value=behind.stuck)
        yield GaugeMetricFamily("wx_breakers_open", "Channels or templates that are out of order.", value=stopped)
        yield GaugeMetricFamily("wx_tasks_open", "Tasks that no cadre has settled.", value=sum(tasks.values()))


def register(app: Flask, open_session: SessionFactory, now: Callable[[], datetime]) -> None:
    """Give the app `/healthz`, `/readyz` and `/metrics`."""
    registry = CollectorRegistry()
    registry.register(OutboxCollector(open_session, now))

    @app.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """The database answers and stands at the version this code was written for."""
        try:
            current, newest = migrations.standing(db.engine)
        except SQLAlchemyError:
            return jsonify(status="unready", why="the database does not answer"), 503
        if current != newest:
            return jsonify(status="unready", why=f"the database is at {current}, the code at {newest}"), 503
        return jsonify(status="ready", database=current), 200

    @app.get("/metrics")
    def metrics() -> Response:
        """Prometheus text; nothing to count while the database is away."""
        try:
            return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
        except SQLAlchemyError:
            return Response("the database does not answer\n", 503, mimetype="text/plain")
