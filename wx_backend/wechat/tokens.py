"""What one account is let in with for a while, tokens and tickets: fetched once for all processes, never in a storm.

`stable_token` answers the same token until its last five minutes and does not invalidate what others use
(getStableAccessToken); `force_refresh` is rationed by WeChat to twenty a day. The ticket with which pages sign their
address (`ticket/getticket?type=jsapi`) lasts as long, and WeChat slows an account down that asks for it often.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from wx_backend.redis import Redis, RedisError
from wx_backend.waiting import elsewhere
from wx_backend.wechat.transport import Doubtful, Transport, as_object

log = logging.getLogger(__name__)

LASTS_SECONDS = 7200  # where WeChat does not say
MARGIN_SECONDS = 300  # WeChat keeps the old token alive that long beside a new one
JUST_NOW_SECONDS = 60
FORCE_EVERY_SECONDS = 3600
BREAKER_SECONDS = 300
LOCK_SECONDS = 12
WAIT_SECONDS = 10
REST_SECONDS = 10  # a cache that did not answer is left alone so long: a frozen one would hold up every send

T = TypeVar("T")

BELIEVED_SECONDS = 2.0  # a look at the cache for each of a thousand letters would cost more than the letters
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class TokenRefused(Exception):
    """WeChat gives no token: `code` says why (40125 secret, 40164 address not on the list, …)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Fetch(Protocol):
    """Asks WeChat, within `seconds`: what it gives, and for how many seconds that lasts."""

    def __call__(self, *, force: bool, seconds: float) -> tuple[str, int]:
        """Raises TokenRefused, or what a call to WeChat raises; `force`: another one than before."""


class Keeper:
    """Keeps what `fetch` gives under `key` in Redis, with this process's memory behind it when Redis is away."""

    def __init__(self, cache: Redis, key: str, fetch: Fetch) -> None:
        self._cache, self._key, self._ask_wechat = cache, key, fetch
        self._lock = threading.Lock()
        self._mine: tuple[str, float] | None = None  # token, monotonic end
        self._seen: tuple[str, float] = ("", 0.0)  # token as the cache had it a moment ago, until when that is believed
        self._fetched, self._fetched_at = "", -float(JUST_NOW_SECONDS)
        self._rests_until = 0.0  # the cache did not answer
        self._stuck, self._stuck_until = "", 0.0  # the token that opened the breaker, and until when

    def token(self, seconds: float = 10.0) -> str:
        """A token that should work; raises TokenRefused, or what the transport raises."""
        seen, until = self._seen
        known = seen if seen != self._stuck and time.monotonic() < until else self._known()
        if known and known == self._stuck:
            self._check_breaker()
        return known or elsewhere(lambda: self._refresh(None, seconds))

    def renew(self, bad: str, seconds: float = 10.0, *, expired: bool = False) -> str:
        """Another token than `bad`, which WeChat has just refused; whoever renewed it first did it for all.

        `expired` (42001) says that its time was up; any other refusal of a token not a minute old is a fault that
        fetching again does not mend. When WeChat hands out the very same token again, one forced refresh an hour is
        tried; then the breaker opens and TokenRefused("stuck") is raised without asking.
        """
        if not expired and time.monotonic() - self._fetched_at < JUST_NOW_SECONDS and bad == self._fetched:
            self.give_up(bad)
        return elsewhere(lambda: self._refresh(bad, seconds))

    def give_up(self, bad: str) -> None:
        """Open the breaker: WeChat refuses this token, which no renewal mends. Nothing is asked with it for a while.

        Other processes hear of it from the cache; where that is away each finds out by itself, with one refused call.
        """
        self._stuck, self._stuck_until = bad, time.monotonic() + BREAKER_SECONDS
        self._ask(lambda cache: cache.set(f"{self._key}:stuck", bad, ex=BREAKER_SECONDS), None)

    def _ask(self, question: Callable[[Redis], T], otherwise: T) -> T:
        """What the cache says; `otherwise` when it does not answer, or has not lately."""
        if time.monotonic() < self._rests_until:
            return otherwise
        try:
            return elsewhere(lambda: question(self._cache))
        except RedisError:
            self._rests_until = time.monotonic() + REST_SECONDS
            log.warning("the token cache does not answer; this process keeps its own")
            return otherwise

    def _known(self) -> str | None:
        nothing: list[bytes | str | None] = [None, None]
        found, stuck = self._ask(lambda cache: cache.mget(self._key, f"{self._key}:stuck"), nothing)
        if found and found == stuck:
            self._stuck = str(found)
            self._stuck_until = max(self._stuck_until, time.monotonic() + BELIEVED_SECONDS)
        if found:
            self._seen = (str(found), time.monotonic() + BELIEVED_SECONDS)
            return str(found)
        if self._mine and self._mine[1] > time.monotonic():
            return self._mine[0]
        return None

    def _refresh(self, bad: str | None, seconds: float) -> str:
        self._seen = ("", 0.0)
        ends = time.monotonic() + min(seconds, WAIT_SECONDS)
        if not self._lock.acquire(timeout=max(0.0, ends - time.monotonic())):
            raise TokenRefused("busy", "another thread is still fetching the token")
        try:
            return self._refresh_alone(bad, ends)
        finally:
            self._lock.release()

    def _refresh_alone(self, bad: str | None, ends: float) -> str:
        """One thread of this process comes here; a lock in Redis lets one process through."""
        mark = secrets.token_hex(8)
        while True:
            known = self._known()
            if known and known != bad:
                return known  # the second look: somebody was faster
            self._check_breaker()
            if self._take_lock(mark):
                break
            if time.monotonic() > ends:
                raise TokenRefused("busy", "another process is still fetching the token")
            time.sleep(0.05)
        try:
            known = self._known()
            if known and known != bad:
                return known
            return self._fetch_other_than(bad, max(ends - time.monotonic(), 0.5))
        finally:
            self._give_lock(mark)

    def _check_breaker(self) -> None:
        if time.monotonic() < self._stuck_until:
            raise TokenRefused("stuck", "WeChat refuses the token it has just given")

    def _fetch_other_than(self, bad: str | None, seconds: float) -> str:
        token = self._fetch(force=False, seconds=seconds)
        if token == bad and self._may_force():
            token = self._fetch(force=True, seconds=seconds)
        if token == bad:
            self.give_up(bad)
            raise TokenRefused("stuck", "WeChat refuses the token it has just given")
        self._fetched, self._fetched_at = token, time.monotonic()
        return token

    def _fetch(self, *, force: bool, seconds: float) -> str:
        token, lasts = self._ask_wechat(force=force, seconds=seconds)
        keep = max(lasts - MARGIN_SECONDS, 30)
        self._mine = (token, time.monotonic() + keep)
        self._seen = ("", 0.0)
        self._ask(lambda cache: cache.set(self._key, token, ex=keep), None)
        return token

    def _may_force(self) -> bool:
        mark = f"{self._key}:forced"
        return self._ask(lambda cache: bool(cache.set(mark, "1", nx=True, ex=FORCE_EVERY_SECONDS)), False)

    def _take_lock(self, mark: str) -> bool:
        # Where the cache is away, the lock of this process is all there is.
        return self._ask(lambda cache: bool(cache.set(f"{self._key}:lock", mark, nx=True, ex=LOCK_SECONDS)), True)

    def _give_lock(self, mark: str) -> None:
        self._ask(lambda cache: cache.eval(_RELEASE, 1, f"{self._key}:lock", mark), None)


class TokenKeeper(Keeper):
    """Keeps one account's access token."""

    def __init__(self, cache: Redis, transport: Transport, app_id: str, app_secret: str) -> None:
        super().__init__(cache, f"wx:{app_id}:token", self._stable)
        self._transport, self._app_id, self._secret = transport, app_id, app_secret

    def _stable(self, *, force: bool, seconds: float) -> tuple[str, int]:
        body: dict[str, Any] = {
            "grant_type": "client_credential", "appid": self._app_id, "secret": self._secret, "force_refresh": force,
        }  # fmt: skip
        answer, _ = self._transport.call("POST", "/cgi-bin/stable_token", body=body, seconds=seconds)
        found = as_object(answer)
        if "access_token" not in found:
            raise TokenRefused(str(found.get("errcode", "?")), str(found.get("errmsg", ""))[:200])
        return given(found, "access_token")


def given(found: dict[str, Any], name: str) -> tuple[str, int]:
    """What the answer gives under `name`, and for how many seconds; raises Doubtful where it gives no such thing."""
    value, lasts = found.get(name), found.get("expires_in", LASTS_SECONDS)
    if not isinstance(value, str) or not value or type(lasts) is not int or lasts <= 0:
        raise Doubtful(f"the answer has no {name}, or not for how long")
    return value, lasts
