"""The main story, through real processes and real HTTP: it ends right although the clock process is killed in it."""

from pathlib import Path

import pytest

from wx_backend.config import EXAMPLE
from wx_backend.demo.stage import stage_aside
from wx_backend.demo.story import Story


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_follow_order_accept_call_reminder_receipt_with_the_clock_killed_in_the_middle(
    databases, request, tmp_path: Path, kind: str
) -> None:
    if kind == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh_empty(kind) as url:
        stage = stage_aside(EXAMPLE, tmp_path, WX_BACKEND_DATABASE__URL=url)
        try:
            stage.prepare()
            stage.up()
            Story(stage, aloud=False).play()
        finally:
            stage.down()
