"""What a process in service does once, and a process of tests would do for each of a thousand apps: done once too."""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache, partial
from types import CodeType
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from models.people import passwords
from tests.connections import keep_connections
from wx_backend import config
from wx_backend.web import assets

_compile, _compile_builder = Rule.compile, Rule._compile_builder
IN_SERVICE = passwords._HASHER  # slow on purpose, for whoever guesses


@dataclass
class _Compiled:
    """What werkzeug makes of an address, whichever app has it."""

    parts: list[Any]
    trace: list[Any]
    converters: dict[str, Any]
    builders: dict[bool, Any] = field(default_factory=dict)


_RULES: dict[Any, _Compiled] = {}


def _rule_compiled_once(rule: Rule) -> None:
    """Each address is taken apart once; the function that writes it is made when it is first asked for."""
    ways = tuple(rule.map.converters.items())
    key = (rule.rule, rule.merge_slashes, rule.subdomain, rule.host, rule.map.host_matching, ways, repr(rule.defaults))
    kept = _RULES.get(key)
    if kept is None:
        _compile(rule)
        kept = _RULES[key] = _Compiled(rule._parts, rule._trace, rule._converters)
    rule._parts, rule._trace, rule._converters = kept.parts, kept.trace, kept.converters
    rule.arguments.update(kept.converters)
    rule._build, rule._build_unknown = partial(_build, kept, rule, False), partial(_build, kept, rule, True)


def _build(kept: _Compiled, rule: Rule, append_unknown: bool, /, *args: Any, **kwargs: Any) -> tuple[str, str]:
    if append_unknown not in kept.builders:
        kept.builders[append_unknown] = _compile_builder(rule, append_unknown)
    built: tuple[str, str] = kept.builders[append_unknown](rule, *args, **kwargs)
    return built


class _Templates(BytecodeCache):
    """Each template is compiled once, whichever app shows it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Answer what was kept of exactly this source."""
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        assert bucket.code is not None
        self.kept[bucket.key, bucket.checksum] = bucket.code


def hasten() -> None:
    """Called once, before the first app is made."""
    keep_connections()
    # Werkzeug's own `compile` writes both functions at once: what it is given here is replaced before anybody asks it.
    Rule.compile = _rule_compiled_once  # type: ignore[method-assign]
    Rule._compile_builder = lambda rule, append_unknown=True: _build  # type: ignore[method-assign,assignment]
    Flask.jinja_options = {"bytecode_cache": _Templates()}
    assets._asset = cache(assets._asset)
    read, example = config._read, deepcopy(config._read(config.EXAMPLE))
    config._read = lambda path: deepcopy(example) if path == config.EXAMPLE else read(path)
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    # One engine lives for months: a statement is compiled once, not anew for each test's engine.
    compiled = dict[str, LRUCache[Any, Any]]()
    Engine._compiled_cache = property(  # type: ignore[assignment]
        lambda engine: compiled.setdefault(engine.dialect.name, LRUCache(5000)), lambda engine, cache: None
    )
    for one in (sqlite.dialect, psycopg.dialect):
        one.__eq__ = lambda self, other: type(self) is type(other)
        one.__hash__ = lambda self: hash(type(self))
