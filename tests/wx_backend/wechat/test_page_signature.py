"""What a page is signed with: the ticket is fetched once for all, renewed before it ends, and never made up."""

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.world import REDIS
from tests.wx_backend.wechat.test_client import OFFICIAL, client_for, far, heard_by_8
from wx_backend.redis import connect
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.webview import verified
from wx_backend.wechat import tokens
from wx_backend.wechat.client import FAR_END
from wx_backend.wechat.tokens import given
from wx_backend.wechat.transport import Doubtful

__all__ = ["far"]
GET, KEY = "/cgi-bin/ticket/getticket", f"wx:{OFFICIAL.app_id}:jsapi"
PAGE = "http://127.0.0.1:1/m/settings/notices"


def signed(client, url=PAGE):
    return client.page_signature(url, "n", 1)


def is_good(far, signature, url=PAGE):
    body = {"verifyAppId": OFFICIAL.app_id, "verifyNonceStr": "n", "verifyTimestamp": 1, "verifySignature": signature}
    return verified(far.world, {**body, "url": url}) == "ok"


def test_wechats_own_example_comes_out(far):
    cache = connect("memory://")
    cache.set(KEY, "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg")
    found = client_for(far, cache).page_signature(
        "http://mp.weixin.qq.com?params=value#top", "Wm3WZYTPz0wzccnW", 1414587457
    )
    assert found == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"
    assert GET not in far.world.calls


def test_wechat_takes_it_for_this_address_and_for_no_other(far):
    signature = signed(client_for(far), f"{PAGE}?told=yes#main")
    assert is_good(far, signature, f"{PAGE}?told=yes")
    assert not is_good(far, signature)


@pytest.mark.parametrize("url", ["memory://", pytest.param(REDIS, marks=pytest.mark.redis)])
def test_8_threads_of_two_processes_fetch_one_ticket(far, url, request):
    if url == REDIS:
        request.getfixturevalue("real_redis")
    (signature,) = heard_by_8(far, url, signed)
    assert is_good(far, signature)
    assert (far.world.calls[GET], far.tokens.fetched) == (1, 1)


def test_it_is_kept_for_less_than_it_lasts_and_then_fetched_anew(far, monkeypatch):
    cache = connect("memory://")
    client = client_for(far, cache)
    signed(client)
    assert 6800 < cache.ttl(KEY) <= 7200 - tokens.MARGIN_SECONDS
    signed(client)
    assert far.world.calls[GET] == 1
    monkeypatch.setattr(tokens, "BELIEVED_SECONDS", 0.0)
    other = client_for(far, cache)
    cache.delete(KEY)  # its time is over
    far.world.page_tickets.clear()
    assert is_good(far, signed(other))
    assert far.world.calls[GET] == 2


def test_with_the_cache_gone_each_process_keeps_its_own(far):
    client = client_for(far, connect("redis://127.0.0.1:9/0"))
    assert signed(client) == signed(client)
    assert far.world.calls[GET] == 1


def test_a_token_that_is_over_is_renewed_on_the_way(far):
    client = client_for(far)
    assert client.access_token
    far.world.move_clock(8000)
    assert is_good(far, signed(client))
    assert far.tokens.fetched == 2


@pytest.mark.parametrize("kind", ["busy", "quota", "not_allowed", "html", "empty", "list", "bad_gateway", "drop_after"])
def test_what_is_no_ticket_signs_nothing_is_not_kept_and_the_next_page_asks_again(far, kind):
    cache = connect("memory://")
    client = client_for(far, cache)
    far.faults.standing.append(Fault(GET, kind, left=1))
    with pytest.raises(FAR_END):
        signed(client)
    assert cache.get(KEY) is None
    assert cache.get(f"{KEY}:lock") is None
    assert is_good(far, signed(client))


def test_a_refusal_is_wechats_own(far):
    far.faults.standing.append(Fault(GET, "not_allowed"))
    with pytest.raises(WeChatClientException) as refused:
        signed(client_for(far))
    assert refused.value.errcode == 48001


@pytest.mark.parametrize(
    "answer",
    [{}, {"ticket": ""}, {"ticket": None}, {"ticket": 7}, {"ticket": ["x"]}, {"ticket": "x", "expires_in": "soon"},
     {"ticket": "x", "expires_in": 0}, {"ticket": "x", "expires_in": True}, {"ticket": "x", "expires_in": 1.5}],
)  # fmt: skip
def test_an_answer_of_another_shape_is_a_doubt(answer):
    with pytest.raises(Doubtful):
        given(answer, "ticket")


def test_how_long_is_two_hours_where_wechat_does_not_say():
    assert given({"ticket": "x"}, "ticket") == ("x", 7200)
