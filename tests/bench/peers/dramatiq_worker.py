"""Dramatiq: a delayed message on Redis, one worker with threads."""

import threading
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.outbox import NAME
from tests.bench.peers import job

broker = RedisBroker(url=job.BROKER, namespace=NAME)
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="send", max_retries=0)
def send(key: str) -> None:
    job.send(key)


def work() -> None:
    """The worker, until it is ended."""
    dramatiq.Worker(broker, worker_threads=job.THREADS).start()
    threading.Event().wait()


def schedule(keys: list[str], at: float) -> None:
    """One message for each key, due then."""
    for key in keys:
        send.send_with_options(args=(key,), delay=max(int((at - time.time()) * 1000), 0))
