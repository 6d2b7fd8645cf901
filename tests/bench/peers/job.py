"""What every peer does for one reminder: the same POST as ours, over the same kind of pool; nothing else."""

import json
import os
from urllib.parse import urlsplit

import redis
import urllib3

from tests.bench.api import SEND
from tests.bench.outbox import NAME
from tests.world import REDIS

THREADS = 64
BROKER = urlsplit(REDIS)._replace(path="/14").geturl()
POOL = urllib3.PoolManager(maxsize=THREADS, block=False, retries=False)


def send(key: str) -> None:
    """Send one template message; the client_msg_id is the reminder's key."""
    message = {
        "touser": "o-bench", "template_id": "tmpl-call-reminder", "client_msg_id": key,
        "data": {
            "thing1": {"value": "与王奶奶视频"}, "time2": {"value": "2026-11-24 10:00"},
            "thing3": {"value": "葛山村党群服务中心"}, "phone_number4": {"value": "0578-5550101"},
        },
    }  # fmt: skip
    body = json.dumps(message, ensure_ascii=False).encode()
    answer = POOL.request("POST", os.environ["BENCH_API"] + SEND + "?access_token=bench-token", body=body)
    assert answer.json()["errcode"] == 0


def sweep() -> None:
    """Leave no key of the bench in Redis."""
    with redis.Redis.from_url(BROKER) as client:
        for key in client.scan_iter(f"*{NAME}*", count=1000):
            client.delete(key)
