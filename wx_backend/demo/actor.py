"""Somebody with one of the sandbox's phones: says, taps, sees. Speaks plain HTTP to the sandbox and nothing else."""

import html
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import urllib3

_TAG = re.compile(r"<[^>]+>")


class NotSeen(Exception):
    """What should have appeared on a phone did not."""


@dataclass
class Actor:
    """One person of the story. `sandbox` is its URL; with `aloud` every line is printed as it happens."""

    sandbox: str
    openid: str
    name: str
    aloud: bool = True
    seen: int = 0

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.sandbox}/_sandbox/{path}"
        data = None if body is None else json.dumps(body).encode()
        response = _http.request("GET" if body is None else "POST", url, body=data)
        return json.loads(response.data)

    def _do(self, verb: str, told: str, **body: Any) -> str:
        self._tell(f"{self.name} ▸ {told}")
        answer = self._ask(f"users/{self.openid}/{verb}", body)
        if answer["broken"] or answer["status"] != 200:
            raise NotSeen(f"{self.name}, {told}: the back end did not answer properly: {answer}")
        text: str = answer["reply"]["text"] if answer["reply"] else ""
        if text:
            self._tell("\n".join(f"      ◂ {line}" for line in _plain(text).splitlines()))
        return text

    def _tell(self, line: str) -> None:
        if self.aloud:
            print(line, flush=True)

    def follows(self, scene: str = "") -> str:
        """Follows the account, perhaps by a code; answers what is said."""
        return self._do("follow", "关注公众号", scene=scene)

    def says(self, text: str) -> str:
        """Types a text; answers what is said."""
        return self._do("text", f"“{text}”", text=text)

    def menu(self, address: str, label: str) -> str:
        """Taps the menu bar."""
        return self._do("menu", f"点菜单〔{label}〕", key=address)

    def taps(self, label: str) -> str:
        """Taps the link that reads `label`, else the first that holds it; 更多 as long as it is not there."""
        for _ in range(8):
            links = [link for entry in self.log()[::-1] if entry["side"] == "account" for link in entry["links"]]
            found = next((link for link in links if label == link["label"]), None)
            found = found or next((link for link in links if label in link["label"]), None)
            found = found or next((link for link in links if link["id"] == "more"), None)
            if found is None:
                break
            text = self._do("choose", f"点〔{found['label']}〕", id=found["id"], content=found["content"])
            if found["id"] != "more":
                return text
        raise NotSeen(f"{self.name}: nothing to tap that reads {label!r}")

    def log(self) -> list[dict[str, Any]]:
        """Everything on the phone."""
        entries: list[dict[str, Any]] = self._ask(f"users/{self.openid}/phone")["log"]
        return entries

    def sees_card(self, title: str, holding: str = "", seconds: float = 60.0) -> dict[str, str]:
        """Waits for a template message that was not there when this was last asked; answers its rows."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for entry in self.log():
                if entry["kind"] != "template" or entry["id"] <= self.seen or title not in entry["title"]:
                    continue
                rows = {row["name"]: row["value"] for row in entry["rows"]}
                if holding in " ".join(rows.values()):
                    self.seen = entry["id"]
                    self._tell(f"{self.name} ◂ 【{entry['title']}】" + " ".join(f"{k}：{v}" for k, v in rows.items()))
                    return rows
            time.sleep(0.1)
        raise NotSeen(f"{self.name} waited {seconds:.0f} s for a message {title!r} {holding!r}")

    def cards(self, title: str) -> int:
        """How many template messages with this title lie on the phone."""
        return sum(entry["kind"] == "template" and title in entry["title"] for entry in self.log())

    def moves_clock(self, **body: float) -> float:
        """Moves the demo's clock; answers its time."""
        now: float = self._ask("clock", dict(body))["now"]
        return now

    def clock(self) -> float:
        """The demo's time, seconds since 1970."""
        now: float = self._ask("clock")["now"]
        return now


_http = urllib3.PoolManager(timeout=30.0, retries=False)


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text))
