"""What the faults share: the ground on a database of either kind, and the figures at the end of the run."""

from collections.abc import Iterator

import pytest

from tests.faults.ground import FIGURES, Ground, ground
from tests.world import Databases


@pytest.fixture
def on_postgres(postgres: None, databases: Databases) -> Iterator[Ground]:
    """The ground on a fresh PostgreSQL database."""
    with databases.fresh("postgresql") as url, ground(url) as made:
        yield made


@pytest.fixture
def on_either(database_url: str) -> Iterator[Ground]:
    """The ground on a fresh database, once of each kind."""
    with ground(database_url) as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was measured."""
    if FIGURES:
        terminalreporter.section("figures of the faults")
        for line in FIGURES:
            terminalreporter.line(line)
