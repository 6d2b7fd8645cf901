"""The settings as commands read them, and faults that an operator can mend."""

from pathlib import Path

import click

from wx_backend.config import EXAMPLE, Config, ConfigError, find_file, load_config


class Fault(click.ClickException):
    """Something the operator can mend: one line, no traceback."""


def settings(named: str | None) -> Config:
    """The settings of the file that is named, or of the one that stands where `find_file` looks."""
    return load_config(find_file(named))


def demo_file(named: str | None) -> Path:
    """The settings of the demo: the file named, else the example that stands beside the code."""
    try:
        return find_file(named)
    except ConfigError:
        if EXAMPLE.exists():
            return EXAMPLE
        raise Fault("config.example.toml is not here: name a settings file with --config") from None
