"""What the faults share: the ground on a database of either kind, and the figures that they measured."""

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


@pytest.fixture(autouse=True)
def _figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test measured travels with its report, from whichever process ran it, and is said at the end."""
    yield
    request.node.user_properties += [("figure", line) for line in FIGURES]
    FIGURES.clear()
