"""The demo begins by day, wherever its people are and whenever it is started; its ports are given to nobody else."""

import socket
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from models.hours import CHINA
from models.messages.rules import QUIET_FROM, QUIET_TO
from wx_backend.demo import stage
from wx_backend.demo.stage import free_ports, until_day


@pytest.mark.parametrize("month", [1, 7])  # with and without summer time
def test_the_demo_begins_where_it_is_day_in_lishui_and_in_madrid(month):
    for minutes in range(0, 24 * 60, 10):
        now = datetime(2026, month, 12, tzinfo=UTC) + timedelta(minutes=minutes)
        ahead = until_day(now)
        assert timedelta() <= ahead < timedelta(days=1)
        for zone in (CHINA, ZoneInfo("Europe/Madrid")):
            assert QUIET_TO <= (now + ahead).astimezone(zone).time() < QUIET_FROM
    assert until_day(datetime(2026, month, 12, 8, 0, tzinfo=UTC)) == timedelta()  # four in the afternoon in Lishui


def test_a_free_port_is_none_that_somebody_listens_on_and_none_is_answered_twice(monkeypatch):
    monkeypatch.setattr(stage, "_LOOKED_AT", count(7))
    found = free_ports(20) + free_ports(20)
    assert len(set(found)) == 40
    with socket.create_server(("127.0.0.1", found[1])):
        monkeypatch.setattr(stage, "_LOOKED_AT", count(7))
        assert found[1] not in free_ports(20)
