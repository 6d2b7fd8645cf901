"""What tests ask of the sandbox as an account would, and what reached the back end in the clear."""

import json

import xmltodict

from wx_backend.config import EXAMPLE, load_config
from wx_backend.sandbox.crypto import opened

CONFIG = load_config(EXAMPLE, {})
OFFICIAL, MINI = CONFIG.wechat.official_account, CONFIG.wechat.mini_program
GOOD = {"thing1": {"value": "家人关联"}, "thing2": {"value": "已通过"}, "time3": {"value": "2026-11-24 10:00"}}


def token(sandbox, account=OFFICIAL, **more):
    body = {"grant_type": "client_credential", "appid": account.app_id, "secret": account.app_secret, **more}
    return sandbox.client.post("/cgi-bin/stable_token", json=body).json


def call(sandbox, path, account=OFFICIAL, **body):
    access = token(sandbox, account)["access_token"]
    return sandbox.client.post(f"/cgi-bin/{path}?access_token={access}", json=body).json


def send(sandbox, access=None, **more):
    body = {"touser": "o-demo-xiaofang", "template_id": "tmpl-link-update", "data": GOOD, **more}
    access = token(sandbox)["access_token"] if access is None else access
    return sandbox.client.post(f"/cgi-bin/message/template/send?access_token={access}", json=body).json


def does(sandbox, verb, openid="o-demo-xiaofang", **body):
    return sandbox.client.post(f"/_sandbox/users/{openid}/{verb}", json=body).json


def heard(backend, account=OFFICIAL):
    """What the back end was told, message by message."""
    told = []
    for _, body in backend.seen:
        is_json = body.startswith(b"{")
        outer = json.loads(body) if is_json else xmltodict.parse(body)["xml"]
        inner = opened(outer["Encrypt"], account.encoding_aes_key, account.app_id)
        told.append(json.loads(inner) if is_json else xmltodict.parse(inner)["xml"])
    return told
