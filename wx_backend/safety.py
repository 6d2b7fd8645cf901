"""What commands refuse beyond the settings file: public secrets, a movable clock, lonely workers, a demo abroad."""

import hashlib

from sqlalchemy import make_url

from wx_backend.config import Config, ConfigError
from wx_backend.keys import stays_here

# The secrets of config.example.toml, by SHA-256: everybody knows them, also where the file itself is not installed.
EXAMPLE_SECRETS = frozenset(
    {
        "432c99ac88b12d44d253811bee83d5ac5685cdf062cd10ec4b6f0c6deac1f625",
        "552d8b3bfb677f255910789cf055c85c51c35f427031b29a752a4c3c2ee5c19c",
        "7d1e227d2004cbeeccbba83b14766e94f2abb63a9d027502c1114026dd8916c0",
        "cb916f125d09500a1407fe4b2060bea5dd9665cb8cca86a707e6a719c3870aa4",
        "cd10d33824110df5af835e4a3a5308dd3c4c4d9bed8b58270519925250c9bb61",
        "dc2dce7426c16ab424a0a7b890ab030f8c851bd85492aa2f95ac98b5b9fddf96",
        "ddb74c22ad6d2de7e04f324705e3a63c2a38758c1cf4f403478e4dfcd4b9e698",
    }
)


def refuse_outside(config: Config) -> None:
    """Demo, story and sandbox play on this machine only; raises ConfigError, naming what reaches beyond it.

    Invented people must not get into a township's database, nor its menu be pushed; and whoever reaches the sandbox
    signs with the accounts' secrets as anybody.
    """
    database = make_url(config.database.url).host
    places = {
        "app.bind": f"//{config.app.bind}", "app.public_url": config.app.public_url,
        "sandbox.bind": f"//{config.sandbox.bind}", "wechat.api_base_url": config.wechat.api_base_url,
        "database.url": f"//{database or 'localhost'}",
    }  # fmt: skip
    faults = [
        f"{config.source}: {key}: not on this machine; demo, story and sandbox stay here"
        for key, url in places.items() if not stays_here(url)
    ]  # fmt: skip
    if faults:
        raise ConfigError("\n".join(faults))


def refuse_unsafe(config: Config, *, demo: bool) -> None:
    """What `serve` and `clock` check beyond the file itself; raises ConfigError.

    The example's secrets are public, so they only serve a machine that talks to itself; a movable clock is the demo's.
    """
    faults = []
    if config.sandbox.clock_file and not demo:
        faults.append("sandbox.clock_file: only the demo's clock may be moved; leave it empty")
    if not config.is_loopback():
        faults += (
            f"{key}: still the value of config.example.toml, which everybody knows; make your own"
            for key, value in secrets_of(config).items()
            if hashlib.sha256(value.encode()).hexdigest() in EXAMPLE_SECRETS
        )
    if faults:
        raise ConfigError("\n".join(f"{config.source}: {fault}" for fault in faults))


def secrets_of(config: Config) -> dict[str, str]:
    """What must never be the example's, by key; empty ones left out."""
    found = {"app.secret_key": config.app.secret_key}
    for name, section in config.named_accounts().items():
        for key in ("app_secret", "token", "encoding_aes_key", "previous_encoding_aes_key"):
            found[f"wechat.{name}.{key}"] = getattr(section, key)
    return {key: value for key, value in found.items() if value}


def refuse_lonely_workers(config: Config) -> None:
    """`serve` with caches in its own memory can only be one process; raises ConfigError."""
    if config.redis.url.startswith("memory:") and config.app.workers > 1:
        raise ConfigError(
            f'{config.source}: app.workers: redis.url = "memory://" serves one process; name a Redis, or say 1'
        )
