"""The mini-program through real processes and real HTTP: log in, order, see it accepted in the chat, take it back."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from sqlalchemy import func, literal, update

from models.people.identities import Identity
from wx_backend.config import EXAMPLE
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.actor import Actor
from wx_backend.demo.cast import LAOXU, LI, XIAOFANG
from wx_backend.demo.stage import stage_aside


class Phone:
    """A mini-program that speaks HTTP, its code from the sandbox's `wx.login`."""

    def __init__(self, stage, openid):
        self.http = urllib3.PoolManager(timeout=20.0, retries=False)
        self.web, self.headers, self.said = f"http://{stage.config.app.bind}/api/v1", {}, 0
        code = self._json("POST", f"{stage.sandbox_url}/_sandbox/users/{openid}/code", {"mini": True})["code"]
        tokens = self.ask("POST", "login", {"code": code})
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def _json(self, method, url, body=None):
        self.said += 1
        headers = {**self.headers, "Content-Type": "application/json", "Idempotency-Key": f"story-{self.said}"}
        data = json.dumps(body) if body is not None else None
        answer = self.http.request(method, url, body=data, headers=headers)
        assert answer.status < 300, answer.data.decode()
        return answer.json()

    def ask(self, method, path, body=None):
        """What is answered, out of its envelope."""
        return self._json(method, f"{self.web}/{path}", body)["data"]


@pytest.mark.timeout(120)
def test_log_in_catalogue_order_accepted_by_chat_seen_and_cancelled(tmp_path):
    stage = stage_aside(EXAMPLE, tmp_path)
    stage.prepare()
    # Who is one person in both accounts, the account's own pages have learnt.
    engine = make_engine(stage.config.database.url)
    with session_factory(engine)() as session, session.begin():
        session.execute(update(Identity).values(unionid=literal("u") + func.substr(Identity.openid, 2)))
    engine.dispose()
    try:
        stage.up()
        Actor(stage.sandbox_url, XIAOFANG, "小芳", aloud=False).follows()
        xiaofang = Phone(stage, XIAOFANG)
        assert xiaofang.ask("GET", "me")["name"] == "小芳"
        mother = next(one for one in xiaofang.ask("GET", "people")["items"] if one["name"] == "王秀英")
        (centre,) = xiaofang.ask("GET", "centres")["items"]
        listings = xiaofang.ask("GET", f"centres/{centre['id']}/listings?category=meal")["items"]
        meal = next(one for one in listings if one["title"] == "爱心送餐")
        values = {one["code"]: one["values"][0] if one["values"] else 2 for one in meal["questions"]}
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        body = {
            "client_key": "story-order", "listing_id": meal["id"], "beneficiary_id": mother["id"], "answers": values,
            "preferred_at": tomorrow.isoformat(), "note": "放在门口",
        }  # fmt: skip
        order = xiaofang.ask("POST", "orders", body)
        assert xiaofang.ask("GET", "orders")["items"][0]["state_text"] == "等待接单"

        laoxu = Actor(stage.sandbox_url, LAOXU, "老徐", aloud=False)
        laoxu.sees_card("服务订单", "请接单")
        laoxu.says("接单")
        laoxu.taps("待答复")
        assert "接单成功" in laoxu.taps("接单")

        seen = xiaofang.ask("GET", f"orders/by-number/{order['number']}")
        assert (seen["state"], seen["provider"]) == ("accepted", "老徐好帮手")
        xiaofang.ask("POST", f"orders/{order['id']}/cancel", {"reason": "时间不合适"})
        laoxu.sees_card("服务订单", "已取消")
        # 王秀英 has no phone: that it was cancelled, 李站长 tells her.
        tasks = Phone(stage, LI).ask("GET", "tasks")["items"]
        assert [(one["title"], "取消" in one["text"]) for one in tasks] == [("请当面或电话告知", True)]
    finally:
        stage.down()
