"""What doctor says of the settings, the calendar and the outbox: what is wrong is said aloud, with what to do."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from models.hours import CalendarOverride
from models.messages.breakers import Breaker
from models.messages.silence import NO_RECEIPTS, RECEIPTS
from tests.cast import Cast
from tests.gate import config_for
from tests.world import NOW, disposing
from tests.wx_backend.test_health import behind, in_doubt
from wx_backend import migrations
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import SessionFactory, make_engine
from wx_backend.doctor import Finding, as_span, examine


def calendar_of(url: str) -> Finding:
    """The finding about the calendar; nothing behind it is asked."""
    return next(finding for finding in examine(config_for(url)) if finding.about == "calendar")


def outbox_of(url: str, clock_file: Path, mark: str = "warn") -> list[str]:
    """What is wrong with the outbox, or how it stands."""
    config = config_for(url, WX_BACKEND_SANDBOX__CLOCK_FILE=str(clock_file))
    return [one.text for one in examine(config) if (one.mark, one.about) == (mark, "outbox")]


def test_how_far_behind_sending_is_is_said_with_the_age_of_the_oldest(
    database_url: str, open_session: SessionFactory, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wx_backend.migrations.standing", lambda _: ("newest", "newest"))  # made without migrations
    clock_file = tmp_path / "clock.json"
    clock_file.write_text(json.dumps({"offset_seconds": (NOW - datetime.now(UTC)).total_seconds() + 20}))
    assert outbox_of(database_url, clock_file) == []
    with open_session() as session, session.begin():
        behind(session, cast.xiaofang.id)
    late, held = outbox_of(database_url, clock_file)
    assert late == "2 letters are due and unsent, the oldest for 1 h 30 min: does `wx-backend clock` run?"
    assert held.startswith("1 letters are held by senders that are gone")


def test_to_be_checked_by_hand_is_what_somebody_has_still_to_check(
    database_url: str, open_session: SessionFactory, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wx_backend.migrations.standing", lambda _: ("newest", "newest"))
    with open_session() as session, session.begin():
        in_doubt(session, cast.xiaofang.id, "nobody's", "messages.reply")
        in_doubt(session, cast.xiaofang.id, "asked")
    said = outbox_of(database_url, tmp_path / "clock.json", "ok")
    assert said == ["1 letters to be checked by hand, 1 tasks open"]


def test_that_no_receipts_come_is_said_with_where_to_look(
    database_url: str, open_session: SessionFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wx_backend.migrations.standing", lambda _: ("newest", "newest"))
    with open_session() as session, session.begin():
        session.add(
            Breaker(app_id="wx-1", channel="template", kind=RECEIPTS, code=NO_RECEIPTS, why="", since=NOW,
                    open_until=NOW, times=30)
        )  # fmt: skip
    (said,) = outbox_of(database_url, tmp_path / "clock.json")
    assert said.startswith("wx-1: WeChat takes letters and no receipts come back")
    assert "URL and Token" in said


@pytest.mark.parametrize(
    ("lasted", "said"),
    [
        (timedelta(seconds=-3), "0 min"), (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h 0 min"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"), (timedelta(days=2), "2 days"),
    ],
)  # fmt: skip
def test_a_span_is_said_in_two_words(lasted: timedelta, said: str) -> None:
    assert as_span(lasted) == said


@pytest.mark.case("J23")
@pytest.mark.parametrize(
    ("year", "mark", "says"),
    [
        (2025, "ok", "the holidays of 2025 and 2026 are known"),
        (
            2031,
            "warn",
            "the holidays of 2031, 2032 are not in the installed calendar: Monday to Friday count as worked",
        ),
    ],
)
def test_a_year_without_holidays_is_said_aloud_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: int, mark: str, says: str
) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with disposing(make_engine(url)) as engine:
        migrations.upgrade(engine)
        with Session(engine) as session, session.begin():
            session.add(CalendarOverride(day=date(2031, 1, 1), is_workday=False, name="元旦"))  # one day is no year
    monkeypatch.setattr("wx_backend.doctor.real_now", lambda: datetime(year, 11, 24, tzinfo=UTC))
    found = calendar_of(url)
    assert (found.mark, found.text.startswith(says)) == (mark, True)


OUTSIDE = {"WX_BACKEND_APP__PUBLIC_URL": "https://centre.example.gov.cn"}


def settings_of(tmp_path: Path, **environ: str) -> list[tuple[str, str]]:
    """What is said of the settings alone: mark and text of each line."""
    found = examine(config_for(f"sqlite:///{tmp_path}/a.db", **environ))
    return [(one.mark, one.text) for one in takewhile(lambda one: one.about == "settings", found)]


def test_the_settings_file_is_named_and_the_examples_is_called_by_its_name(tmp_path: Path) -> None:
    (_, first), *others = settings_of(tmp_path)
    assert first.startswith(f"{EXAMPLE}: listens on 127.0.0.1:8000")
    assert any(mark == "warn" and "--config" in text and "WX_BACKEND_CONFIG" in text for mark, text in others)
    own = tmp_path / "my.toml"
    own.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (_, first), *others = (
        (one.mark, one.text) for one in takewhile(lambda one: one.about == "settings", examine(load_config(own, {})))
    )
    assert first.startswith(f"{own}: listens on")
    assert not any("WX_BACKEND_CONFIG" in text for _, text in others)


@pytest.mark.parametrize(
    ("environ", "fails"),
    [
        (OUTSIDE, True), ({**OUTSIDE, "WX_BACKEND_APP__PROXIES": "1"}, False),
        ({**OUTSIDE, "WX_BACKEND_APP__BIND": "0.0.0.0:8000"}, False), ({}, False),
    ],
)  # fmt: skip
def test_a_proxy_that_nobody_counts_is_a_failure_for_all_would_share_one_address(
    tmp_path: Path, environ: dict[str, str], fails: bool
) -> None:
    said = [text for mark, text in settings_of(tmp_path, **environ) if mark == "fail" and "app.proxies" in text]
    assert len(said) == fails


def test_what_serve_and_clock_would_refuse_is_a_failure_and_what_they_take_is_none(tmp_path: Path) -> None:
    environ = {**OUTSIDE, "WX_BACKEND_APP__PROXIES": "1", "WX_BACKEND_APP__WORKERS": "2",
               "WX_BACKEND_SANDBOX__CLOCK_FILE": "clock.json"}  # fmt: skip
    said = [text for mark, text in settings_of(tmp_path, **environ) if mark == "fail"]
    for key in ("app.secret_key", "wechat.official_account.token", "app.workers", "sandbox.clock_file"):
        assert any(f"{key}: " in text and "refuse" in text for text in said), key
    assert not any(mark == "fail" for mark, _ in settings_of(tmp_path))
