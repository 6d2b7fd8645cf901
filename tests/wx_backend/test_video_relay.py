"""What stands behind a call's room: credentials for the relay, and words that pass from one web process to another."""

import base64
import hmac
import threading
from datetime import timedelta

import pytest

from tests.world import NOW, REDIS
from wx_backend.video.bus import Bus
from wx_backend.video.line import LOOK_SECONDS
from wx_backend.video.relay import Relay


def test_a_credential_names_the_call_and_the_seat_and_is_over_with_the_room():
    turn = ["turn:turn.example.org:3478?transport=udp"]
    relay = Relay(["stun:stun.example.org"], turn, "coturns-own-secret", timedelta(hours=1), only=False)
    for closes_in, lasts in ((timedelta(hours=3), timedelta(hours=1)), (timedelta(minutes=20), timedelta(minutes=20))):
        stun, found = relay.servers(7, 11, NOW, closes_in)
        assert stun == {"urls": ["stun:stun.example.org"]}
        expiry, _, whose = found["username"].partition(":")
        assert (int(expiry), whose) == (int((NOW + lasts).timestamp()), "7-11")
        mac = hmac.new(b"coturns-own-secret", found["username"].encode(), "sha1").digest()
        assert found["credential"] == base64.b64encode(mac).decode()
    assert Relay([], [], "", timedelta(hours=1), only=False).servers(7, 11, NOW, timedelta(hours=1)) == []


@pytest.mark.redis
def test_what_one_process_says_another_hears_at_once(real_redis):
    here, there = Bus(REDIS), Bus(REDIS)
    room, woken = "a-room", threading.Event()
    mark = there.mark(room)
    threading.Event().wait(1.5)  # until it listens

    def waits():
        there.wait(room, mark, 10)
        woken.set()

    waiting = threading.Thread(target=waits)
    waiting.start()
    place = here.say(room, {"from": 1, "to": 0, "data": {"n": 1}})
    assert woken.wait(LOOK_SECONDS / 2)
    waiting.join()
    assert [message["data"] for _, message in there.heard(room, "0")] == [{"n": 1}]
    assert there.heard(room, place) == []
    assert there.heard("another-room", "0") == []
    assert 0 < real_redis.ttl(f"wxb:room:{room}") <= 3 * 3600
    here.close()
    there.close()
