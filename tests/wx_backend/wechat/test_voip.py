"""WeChat's calls: the official example of the signature, and what WeChat itself signs or refuses."""

from datetime import UTC, datetime

import jwt
import pytest

from wx_backend.video.links import Server, link_for
from wx_backend.wechat import voip

# 多人音视频对话, the example of its documentation.
EXAMPLE = {
    "session_key": "gDyVgzwa0mFz9uUP7M6GQQ==", "app_id": "wx20afc706a711eefc", "group_id": "1559129713_672975982",
    "nonce": "8AP6DT9ybtniUJfb", "time_stamp": 1559129714,
}  # fmt: skip
SIGNED = "b002b824688dd8593a6079e11d8c5e8734fbcb39a6d5906eb347bfbcad79c617"
BEGINS, ENDS = (datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (8, 9))
SECRET = "s" * 32


def test_the_signature_is_that_of_the_official_example():
    assert voip.signature(**EXAMPLE) == SIGNED


@pytest.mark.parametrize("changed", [{"session_key": "another"}, {"group_id": "1"}, {"nonce": "1"}, {"time_stamp": 1}])
def test_whatever_is_signed_counts(changed):
    assert voip.signature(**{**EXAMPLE, **changed}) != SIGNED


def test_what_is_signed_is_what_the_phone_is_given_and_no_two_are_alike():
    first, second = (voip.sign(EXAMPLE["session_key"], "wx-1", "g" * 32, BEGINS) for _ in range(2))
    assert first.nonce_str != second.nonce_str
    assert len(first.nonce_str) < 128
    assert first.time_stamp == int(BEGINS.timestamp())
    again = voip.signature(EXAMPLE["session_key"], "wx-1", first.group_id, first.nonce_str, first.time_stamp)
    assert again == first.signature


def token_of(link, mark):
    return link.partition(mark)[2].partition("#")[0]


def test_a_jitsi_link_lets_one_person_into_one_room_for_as_long_as_the_call():
    server = Server("jitsi", "https://meet.example.cn", "county", SECRET)
    link = link_for(server, "room1", "小芳", "p1", BEGINS, ENDS)
    assert link.startswith("https://meet.example.cn/room1?jwt=")
    said = jwt.decode(
        token_of(link, "?jwt="), SECRET, algorithms=["HS256"], audience="jitsi",
        options={"verify_exp": False, "verify_nbf": False},
    )  # fmt: skip
    assert said == {
        "aud": "jitsi", "iss": "county", "sub": "meet.example.cn", "room": "room1", "nbf": int(BEGINS.timestamp()),
        "exp": int(ENDS.timestamp()), "context": {"user": {"id": "p1", "name": "小芳"}},
    }  # fmt: skip


def test_a_livekit_link_grants_this_room_and_nothing_to_administer():
    server = Server("livekit", "https://live.example.cn", "key", SECRET)
    link = link_for(server, "room1", "小芳", "p1", BEGINS, ENDS)
    assert "liveKitUrl=wss%3A%2F%2Flive.example.cn&" in link
    said = jwt.decode(
        token_of(link, "&token="), SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False}
    )
    assert (said["iss"], said["sub"], said["nbf"], said["exp"]) == (
        "key", "p1", int(BEGINS.timestamp()), int(ENDS.timestamp())
    )  # fmt: skip
    assert said["video"] == {"room": "room1", "roomJoin": True, "canPublish": True, "canSubscribe": True}
