"""What every peer does for one reminder: the same message, sent as a team with these packages sends it: by wechatpy.

wechatpy's client is a requests session; its pool is made as large as there are threads, where its default of ten would
open a connection anew for most sends. Words, checks and receipts that ours also does are left out.
"""

import os
from functools import cache
from urllib.parse import urlsplit

import redis
from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient

from tests.bench.outbox import NAME
from tests.world import REDIS

THREADS = 64
BROKER = urlsplit(REDIS)._replace(path="/14").geturl()


class Client(WeChatClient):
    """wechatpy's client before the bench's API, with a token that stays."""

    API_BASE_URL = os.environ.get("BENCH_API", "") + "/cgi-bin/"

    @property
    def access_token(self) -> str:
        """Always the same: nobody waits for one."""
        return "bench-token"


@cache
def client() -> Client:
    """One client for all threads."""
    made = Client("bench", "bench", timeout=10)
    made._http.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return made


def send(key: str) -> None:
    """Send one template message; the client_msg_id is the reminder's key."""
    message = {
        "touser": "o-bench", "template_id": "tmpl-call-reminder", "client_msg_id": key,
        "data": {
            "thing1": {"value": "与王奶奶视频"}, "time2": {"value": "2026-11-24 10:00"},
            "thing3": {"value": "葛山村党群服务中心"}, "phone_number4": {"value": "0578-5550101"},
        },
    }  # fmt: skip
    assert client().post("message/template/send", data=message)["errcode"] == 0


def sweep() -> None:
    """Leave no key of the bench in Redis."""
    with redis.Redis.from_url(BROKER) as found:
        for key in found.scan_iter(f"*{NAME}*", count=1000):
            found.delete(key)
