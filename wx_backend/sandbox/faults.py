"""Making WeChat misbehave on purpose: refusals, garbage, silence, a line that drops before or after the deed."""

import time
from dataclasses import dataclass, field
from typing import Any

from flask import Response, jsonify, request

from wx_backend.sandbox.world import World

ERRCODES = {
    "busy": -1, "token": 40001, "quota": 45009, "minute": 45011, "unfollowed": 43004, "template": 40037,
    "not_allowed": 48001, "misfit": 47003,
}  # fmt: skip
KINDS = (*ERRCODES, "html", "empty", "list", "bad_gateway", "slow", "drop_before", "drop_after")


@dataclass
class Fault:
    """One way in which one API misbehaves: at a rate, or for a number of calls."""

    path: str
    kind: str
    rate: float = 1.0
    left: int | None = None
    seconds: float = 30.0


@dataclass
class Faults:
    """The faults that stand now."""

    standing: list[Fault] = field(default_factory=list)

    def strikes(self, world: World, path: str) -> Fault | None:
        """The fault that hits this call, if any."""
        with world.lock:
            for fault in self.standing:
                if fault.path in (path, "*") and fault.left != 0 and world.random.random() < fault.rate:
                    if fault.left is not None:
                        fault.left -= 1
                    return fault
        return None


def before(fault: Fault) -> Response | None:
    """What the caller gets instead of the API; None when the API shall do its work first."""
    if fault.kind in ERRCODES:
        return jsonify(errcode=ERRCODES[fault.kind], errmsg=f"sandbox fault {fault.kind} rid: 5f-sandbox-fault")
    if fault.kind == "html":
        return Response("<html><body>系统繁忙</body></html>", 200, mimetype="text/html")
    if fault.kind == "empty":
        return Response("", 200)
    if fault.kind == "list":
        return Response("[]", 200, mimetype="application/json")
    if fault.kind == "bad_gateway":
        return Response("bad gateway", 502)
    if fault.kind == "slow":
        time.sleep(fault.seconds)
        return Response("", 200)
    return hang_up() if fault.kind == "drop_before" else None


def hang_up() -> Response:
    """Close the line without an answer."""
    line: Any = request.environ.get("werkzeug.socket")
    if line is not None:
        line.close()
    raise ConnectionAbortedError("sandbox fault: the line dropped")
