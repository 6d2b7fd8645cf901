"""APScheduler: one job for each reminder in its SQLAlchemyJobStore on PostgreSQL.

Jobs are added inside the process that runs them, as its documentation asks: a scheduler does not notice what another
process adds. `misfire_grace_time=None`, for with the default it drops what it cannot start within a second.
"""

import json
import os
import sys
import threading
import time
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from tests.bench.peers import job


def work() -> None:
    """The scheduler; each line on the standard input adds jobs, each is answered with the seconds that it took."""
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=os.environ["BENCH_DATABASE"])},
        executors={"default": ThreadPoolExecutor(job.THREADS)},
        job_defaults={"misfire_grace_time": None},
        timezone="UTC",
    )
    scheduler.start()
    for line in sys.stdin:
        asked = json.loads(line)
        at, began = datetime.fromtimestamp(asked["at"], UTC), time.perf_counter()
        for key in asked["keys"]:
            scheduler.add_job(job.send, "date", run_date=at, args=(key,), id=key)
        print(time.perf_counter() - began, flush=True)
    threading.Event().wait()
