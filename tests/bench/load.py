"""Servers under gunicorn, and wrk that feeds them distinct, freshly signed messages."""

import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import urllib3
import xmltodict
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto

from wx_backend.config import Config
from wx_backend.demo.stage import free_ports
from wx_backend.sandbox.callbacks import as_xml
from wx_backend.sandbox.crypto import sealed, signature

MOST_PER_SECOND = 10_000  # messages that wrk is handed for a second: more than any of these servers answers

LUA = """
local requests, at = {}, 0  -- only what this run may need: wrk reads it anew each time
function init(args)
  for line in io.lines(args[1]) do
    local path, body = line:match("^(%S+)\\t(.*)$")
    requests[#requests + 1] = wrk.format("POST", path, {["Content-Type"] = "text/xml"}, body)
  end
end
function request()
  at = at + 1
  return requests[(at - 1) % #requests + 1]
end
function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %.2f %.2f\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


def line(config: Config, fields: dict[str, object]) -> str:
    """One message, signed and encrypted now: path with query, a tab, the body."""
    account = config.wechat.official_account
    stamp, nonce = str(int(time.time())), str(secrets.randbelow(10**9))
    encrypted = sealed(as_xml(fields), account.encoding_aes_key, account.app_id)
    signed = signature(account.token, stamp, nonce, encrypted)
    query = f"signature={signature(account.token, stamp, nonce)}&timestamp={stamp}&nonce={nonce}&encrypt_type=aes"
    body = f"<xml><ToUserName>gh_x</ToUserName><Encrypt>{encrypted}</Encrypt></xml>"
    return f"/wechat/callback?{query}&msg_signature={signed}\t{body}"


def text(openid: str, content: str, **more: object) -> dict[str, object]:
    """A text message with a number of its own."""
    return {"ToUserName": "gh_x", "FromUserName": openid, "CreateTime": int(time.time()), "MsgType": "text",
            "Content": content, "MsgId": secrets.randbelow(2**62), **more}  # fmt: skip


def said(url: str, config: Config) -> str:
    """What a server answers to one "菜单", opened by wechatpy: proof that it does the work."""
    account = config.wechat.official_account
    path, body = line(config, text("o-bench-0", "菜单")).split("\t")
    answer = urllib3.request("POST", url + path, body=body.encode(), headers={"Content-Type": "text/xml"}).data.decode()
    outer = xmltodict.parse(answer)["xml"]
    crypto = WeChatCrypto(account.token, account.encoding_aes_key, account.app_id)
    xml = crypto.decrypt_message(answer, outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"])
    return str(parse_message(xml).content)


@contextmanager
def served(factory: str, environ: dict[str, str], workers: int = 2) -> Iterator[tuple[str, psutil.Process]]:
    """A server under gunicorn gthread with eight threads each; its URL and its master process."""
    (port,) = free_ports(1)
    command = [
        sys.executable, "-m", "gunicorn", "-w", str(workers), "-k", "gthread", "--threads", "8", "--log-level", "error",
        "--no-control-socket", "--keep-alive", "30", "-b", f"127.0.0.1:{port}", f"tests.bench.apps:{factory}()",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environ)
    url = f"http://127.0.0.1:{port}"
    http = urllib3.PoolManager(retries=False)
    try:
        for _ in range(200):
            try:
                http.request("GET", f"{url}/healthz")
                break
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


@dataclass(frozen=True)
class Run:
    """What one run of wrk saw."""

    count: int
    per_second: float
    p99: float  # ms
    errors: int


class Feed:
    """Messages, each handed out once; `wrap` lets a server that keeps nothing see them again."""

    def __init__(self, path: Path, lines: Iterator[str], *, wrap: bool = False) -> None:
        self.path, self.wrap, self.at = path, wrap, 0
        self.lines = list(lines)

    def run(self, url: str, seconds: float, script: Path) -> Run:
        """wrk for so many seconds with sixteen in flight, from where the last run stopped."""
        if self.wrap and self.at > len(self.lines) // 2:
            self.at = 0
        handed = self.lines[self.at : self.at + int(seconds * MOST_PER_SECOND)]
        self.path.write_text("\n".join(handed) + "\n")
        command = ["wrk", "-t1", "-c16", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(script), url, "--",
                   str(self.path)]  # fmt: skip
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        count, micros, errors, _, p99 = re.search(r"RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)", out).groups()
        self.at += int(count) + 64  # those in flight when wrk stopped are not counted
        assert self.wrap or int(count) + 64 <= len(handed), f"{self.path.name} ran dry: some messages were repeats"
        return Run(int(count), int(count) / (int(micros) / 1e6), float(p99), int(errors))
