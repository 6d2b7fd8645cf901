"""What we say to administrators when WeChat takes no more, or says no more: what is wrong, and what to do about it."""

from typing import Any
from zoneinfo import ZoneInfo

from handlers.messages.words import CHANNELS, KINDS
from models.messages.breakers import EVERY
from models.messages.ladder import CHANNELS as LADDER_CHANNELS
from models.messages.silence import NO_RECEIPTS
from models.tasks.alarm import OWN_BUDGET

_TEMPLATE = "模板被停用或删掉了。请登录微信公众平台看看它还在不在，重新选用后，把新的模板编号交给系统管理员。"
_MISFIT = "接连几封都填不进模板，多半是模板改过了。请登录微信公众平台，和系统管理员一起核对模板的内容。"
_CREDENTIALS = "AppID或AppSecret不对。请登录微信公众平台查看或重置，再交给系统管理员改好。"
_ADDRESS = "服务器的地址不在IP白名单里。请登录微信公众平台，在“基本配置”里加上；地址请问系统管理员。"
_RIGHT = "账号没有这个权限，或被微信停用了。请登录微信公众平台，看看“接口权限”和站内通知。"
_OUTAGE = "半个多小时没有联系上微信，多半是网络断了。请系统管理员检查服务器的网络。"
_REFUSES = "微信总不认系统的凭证，多半有别的系统也在用这个账号的AppSecret。请系统管理员查一查。"
# errcode, or our own word for it → what is wrong, and what to do.
WHAT_TO_DO = {
    "40036": _TEMPLATE, "40037": _TEMPLATE, "47003": _MISFIT, "45002": _MISFIT,
    "41030": "消息里要打开的小程序页面还没有发布。请登录微信公众平台，发布小程序的新版本。",
    "43107": "订阅消息被微信停用了，可能只是这一个模板。请登录微信公众平台，看看站内通知，照上面说的办。",
    "40013": _CREDENTIALS, "40125": _CREDENTIALS, "40164": _ADDRESS, "61004": _ADDRESS,
    "89503": "服务器的地址要账号的管理员同意。请管理员看看自己的微信，在通知里点“确认”。",
    "41001": "系统没有拿到微信的凭证。请告诉系统管理员。",
    "48001": _RIGHT, "48004": _RIGHT,
    "50002": "账号被微信限制了。请登录微信公众平台，看看站内通知，照上面说的办。",
    "outage": _OUTAGE, "-1": _OUTAGE, "stuck": _REFUSES, "busy": _REFUSES,
    "40001": _REFUSES, "40014": _REFUSES, "42001": _REFUSES,
    "45011": "半个多小时里微信一直说发得太快。请系统管理员把每分钟的发送数调低。",
    "45009": "今天的发送次数用完了，明天零点自动恢复。常常不够用的话，请登录微信公众平台申请提高额度。",
}  # fmt: skip
_OTHER = "微信说：{code}。请告诉系统管理员。"
_SPENT = (
    "{channel}今天的发送数快用完了：急事照发，平常的换别的办法，或等到明天。"
    "常常不够用的话，请系统管理员把每天的发送数调高。"
)
_UNHEARD = (
    "{channel}照常在发，可是微信的回执没有回来，不知道送到没有。请系统管理员登录微信公众平台，"
    "检查{where}（URL、Token），再看看服务器的网络。平常的通知先不逐个核实；急事请打电话问一声。"
)
# Where the address to which receipts come is set.
_WHERE = {"official_account": "公众号的“服务器配置”", "mini_program": "小程序的“消息推送”配置"}
_ANSWERED = "报错信息，请转给系统管理员：{code} {errmsg}"
_KEPT = "没发出的都留着，好了会自动接着发；急事请先打电话。"


def about(facts: dict[str, Any]) -> str:
    """What is out of order, in a few words; "" for a task about anything else."""
    if "of_kind" not in facts:
        return ""
    return CHANNELS[facts["channel"]] if facts["of_kind"] == EVERY else KINDS.get(facts["of_kind"], "")


def sentence(facts: dict[str, Any], _: ZoneInfo) -> str:
    """What cannot be sent, or is not heard of, why, and what to do."""
    if facts["code"] == OWN_BUDGET:
        return _SPENT.format(channel=CHANNELS[facts["channel"]])
    if facts["code"] == NO_RECEIPTS:
        where = _WHERE[LADDER_CHANNELS[facts["channel"]].through]
        return _UNHEARD.format(channel=CHANNELS[facts["channel"]], where=where)
    which = "" if facts["of_kind"] == EVERY else f"“{about(facts)}”"
    why = WHAT_TO_DO.get(facts["code"].removeprefix("token ")) or _OTHER.format(code=facts["code"])
    return f"{CHANNELS[facts['channel']]}{which}发不出去：{why}{_KEPT}"


def answered(facts: dict[str, Any]) -> str:
    """What WeChat answered: it names the server's address and the `rid` of the request; "" where it is not known."""
    return _ANSWERED.format(code=facts["code"], errmsg=facts["errmsg"]) if facts.get("errmsg") else ""
