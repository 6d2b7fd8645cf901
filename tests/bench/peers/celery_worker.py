"""Celery: a task with an eta on Redis, one worker with a pool of threads."""

from datetime import UTC, datetime

from celery import Celery

from tests.bench.outbox import NAME
from tests.bench.peers import job

app = Celery(NAME, broker=job.BROKER)
app.conf.update(
    task_ignore_result=True, task_default_queue=NAME, timezone="UTC", worker_enable_remote_control=False,
    worker_send_task_events=False, broker_connection_retry_on_startup=True,
    broker_transport_options={"global_keyprefix": f"{NAME}:"},
)  # fmt: skip


@app.task(name=f"{NAME}.send")
def send(key: str) -> None:
    job.send(key)


def work() -> None:
    """The worker, until it is ended."""
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "error")
    app.worker_main(["worker", "--pool", "threads", "--concurrency", str(job.THREADS), *quiet])


def schedule(keys: list[str], at: float) -> None:
    """One task for each key, due then."""
    eta = datetime.fromtimestamp(at, UTC)
    for key in keys:
        send.apply_async((key,), eta=eta)
