"""Access tokens as WeChat gives them: /token ends the last one, /stable_token does not."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from wx_backend.sandbox.world import Account, World

LIFE, OVERLAP = 7200.0, 300.0
FORCE_A_DAY, FORCE_APART = 20, 30.0


@dataclass
class Tokens:
    """The tokens that are valid now, and what was asked."""

    valid: dict[str, tuple[str, float]] = field(default_factory=dict)  # token → appid, until
    stable: dict[str, tuple[str, float]] = field(default_factory=dict)  # appid → token, until
    forced: list[float] = field(default_factory=list)
    fetched: int = 0

    def check(self, world: World, token: str | None) -> tuple[Account | None, int, str]:
        """The account behind a token, else the errcode and its words."""
        if not token:
            return None, 41001, "access_token missing"
        held = self.valid.get(token)
        if held is None:
            return None, 40001, "invalid credential, access_token is invalid or not latest"
        if held[1] < world.now():
            return None, 42001, "access_token expired"
        return world.accounts[held[0]], 0, ""

    def give(self, world: World, body: dict[str, Any], *, stable: bool) -> dict[str, Any]:
        """A token, or why not."""
        account = world.accounts.get(str(body.get("appid", "")))
        if body.get("grant_type") != "client_credential":
            return {"errcode": 40002, "errmsg": "invalid grant_type"}
        if account is None:
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if body.get("secret") != account.app_secret:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        with world.lock:
            self.fetched += 1
            if not stable:
                return self._plain(world, account)
            return self._stable(world, account, bool(body.get("force_refresh")))

    def _plain(self, world: World, account: Account) -> dict[str, Any]:
        kept = self.stable.get(account.app_id, ("", 0.0))[0]
        for token, (app_id, until) in list(self.valid.items()):
            if app_id == account.app_id and token != kept:
                self.valid[token] = (app_id, min(until, world.now() + OVERLAP))
        return self._new(world, account)

    def _stable(self, world: World, account: Account, force: bool) -> dict[str, Any]:
        now = world.now()
        token, until = self.stable.get(account.app_id, ("", 0.0))
        if force:
            self.forced = [at for at in self.forced if now - at < 86_400]
            if len(self.forced) >= FORCE_A_DAY or (self.forced and now - self.forced[-1] < FORCE_APART):
                return {"errcode": 45011, "errmsg": "force_refresh too often"}
            self.forced.append(now)
            self.valid.pop(token, None)
        elif token and until - now > OVERLAP:
            return {"access_token": token, "expires_in": int(until - now)}
        made = self._new(world, account)
        self.stable[account.app_id] = (made["access_token"], now + LIFE)
        return made

    def _new(self, world: World, account: Account) -> dict[str, Any]:
        token = secrets.token_urlsafe(64)
        self.valid[token] = (account.app_id, world.now() + LIFE)
        return {"access_token": token, "expires_in": int(LIFE)}
