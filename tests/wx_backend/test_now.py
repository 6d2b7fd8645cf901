"""The clock: real time, and the demo's offset beside it."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wx_backend.now import Clock, real_now

CLOSE = timedelta(seconds=5)


def written(path: Path, text: str, stamp: int) -> None:
    """The file with this text, last changed at `stamp`."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (stamp, stamp))


def test_now_is_an_aware_utc_instant() -> None:
    assert Clock()().tzinfo is UTC
    assert abs(Clock()() - datetime.now(UTC)) < CLOSE


def test_the_offset_moves_the_demo_and_not_real_time(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock = Clock(file)
    assert clock.offset() == timedelta()
    written(file, json.dumps({"offset_seconds": 86400}), 1)
    assert clock.offset() == timedelta(days=1)
    assert abs(clock() - real_now() - timedelta(days=1)) < CLOSE
    written(file, json.dumps({"offset_seconds": -60.5}), 2)
    assert clock.offset() == timedelta(seconds=-60.5)


@pytest.mark.parametrize(
    "text", ["", '{"offset_sec', "[]", "null", "{}", '{"offset_seconds": null}', '{"offset_seconds": 1e999}', "\udcff"]
)
def test_a_broken_file_leaves_the_last_good_offset_and_heals(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clock.json"
    clock = Clock(file)
    written(file, json.dumps({"offset_seconds": 60}), 1)
    assert clock.offset() == timedelta(minutes=1)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    os.utime(file, (2, 2))
    assert clock.offset() == timedelta(minutes=1)
    file.unlink()
    assert clock.offset() == timedelta(minutes=1)
    written(file, json.dumps({"offset_seconds": 120}), 3)
    assert clock.offset() == timedelta(minutes=2)


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock = Clock(file)
    written(file, json.dumps({"offset_seconds": 60}), 1)
    assert clock.offset() == timedelta(minutes=1)
    written(file, json.dumps({"offset_seconds": 99}), 1)
    assert clock.offset() == timedelta(minutes=1)
