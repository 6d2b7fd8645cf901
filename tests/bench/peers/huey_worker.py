"""huey: a scheduled task on Redis, one consumer with threads; it looks at its schedule every second, as by default."""

from datetime import UTC, datetime

from huey import RedisHuey

from tests.bench.outbox import NAME
from tests.bench.peers import job

huey = RedisHuey(NAME, url=job.BROKER, results=False)


@huey.task()
def send(key: str) -> None:
    job.send(key)


def work() -> None:
    """The consumer, until it is ended."""
    huey.create_consumer(workers=job.THREADS, worker_type="thread").run()


def schedule(keys: list[str], at: float) -> None:
    """One task for each key, due then."""
    eta = datetime.fromtimestamp(at, UTC)
    for key in keys:
        send.schedule(args=(key,), eta=eta)
