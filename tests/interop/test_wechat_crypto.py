"""An implementation by other hands (npm wechat-crypto) speaks to a live server of ours and understands its answer."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import xmltodict
from werkzeug.serving import make_server

from tests.conftest import need
from tests.gate import close_app, config_for
from tests.world import NOW, served
from wx_backend.app import create_app

HERE = Path(__file__).parent
NODE = shutil.which("node") or str(HERE.parents[1] / ".venv" / "bin" / "node")


def missing() -> str | None:
    if not Path(NODE).exists():
        return "node is not installed (make setup brings one)"
    if not (HERE.parents[1] / "node_modules" / "wechat-crypto").exists():
        return "node_modules/wechat-crypto is not installed (make setup)"
    return None


@pytest.fixture
def speak(databases):
    """Sends one message by the other implementation; answers what it printed."""
    need(missing())
    with databases.fresh("sqlite") as url:
        config = config_for(url)
        app = create_app(config, now=lambda: NOW)
        account = config.wechat.official_account

        def send(message, token=account.token, key=account.encoding_aes_key, app_id=account.app_id):
            command = [NODE, str(HERE / "speak.cjs"), f"{url_of_app}/wechat/callback", token,
                       key, app_id, str(int(NOW.timestamp())), message]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ}, check=False)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        with served(make_server("127.0.0.1", 0, app, threaded=True)) as url_of_app:
            yield send
        close_app(app)


def text(content, number=1):
    return (
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o-node]]></FromUserName>"
        "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[{content}]]></Content><MsgId>{number}</MsgId></xml>"
    )


def test_what_node_signs_and_encrypts_is_answered_and_node_reads_the_answer(speak):
    answer = speak(text("菜单"))
    reply = xmltodict.parse(answer["message"])["xml"]
    assert (answer["status"], answer["appid"]) == (200, "wxdemoaccount0001")
    assert (reply["ToUserName"], reply["FromUserName"], reply["MsgType"]) == ("o-node", "gh_1", "text")
    assert "点单服务" in reply["Content"]


@pytest.mark.parametrize("length", [1, 13, 31, 32, 500])
def test_every_length_is_understood_on_both_sides(speak, length):
    assert "没听懂" in speak(text("长" * length, length))["message"]


def test_node_with_another_token_or_appid_is_not_let_in(speak):
    assert speak(text("菜单"), token="another")["status"] == 403
    assert speak(text("菜单"), app_id="wxanother")["status"] == 403
    assert speak(text("菜单"), key="Z" * 42 + "A") == {"status": 200, "body": "success"}
