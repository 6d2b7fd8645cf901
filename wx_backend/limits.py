"""How often somebody may ask: one limiter for all doors, which counts nothing that no door has named."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


class _WhereNamed(Limiter):
    """Looks where a door names a limit, and not before each request: WeChat's callback would pay 3 % for nothing."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


def make_limiter(app: Flask, redis_url: str) -> Limiter:
    """The limiter of this app; while Redis is away each process counts by itself."""
    storage = "memory://" if redis_url.startswith("memory:") else redis_url
    return _WhereNamed(
        get_remote_address, app=app, storage_uri=storage, key_prefix="wxb-limit", in_memory_fallback_enabled=True
    )
