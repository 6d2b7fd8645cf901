"""The one door to Redis. It holds only caches whose loss is harmless, so `memory://` serves one process as well."""

import fakeredis
import redis

Redis = redis.Redis
RedisError = redis.RedisError


def connect(url: str) -> Redis:
    """A client for `url`, its answers as text; `memory://` is a server of this process's own.

    Nothing waits longer than two seconds for a cache.
    """
    if url.startswith("memory:"):
        return fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
    return Redis.from_url(
        url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2, health_check_interval=30
    )


def alive(client: Redis) -> bool:
    """Whether the cache answers."""
    try:
        return bool(client.ping())
    except RedisError:
        return False
