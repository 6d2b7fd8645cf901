"""What doctor says of the calendar: a year whose holidays nobody knows is said aloud, with what to do."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from models.hours import CalendarOverride
from tests.gate import config_for
from tests.world import disposing
from wx_backend import migrations
from wx_backend.database import make_engine
from wx_backend.doctor import Finding, examine


def calendar_of(url: str) -> Finding:
    """The finding about the calendar; nothing behind it is asked."""
    return next(finding for finding in examine(config_for(url)) if finding.about == "calendar")


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
