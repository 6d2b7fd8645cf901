"""Replies that go as a letter of their own, and how the desk speaks of letters."""

from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording

# What a clerk reads of a letter's state, and whether somebody has to do something.
STATES = {
    "planned": "等待发送", "sending": "正在发送", "sent": "已发出，等回执", "delivered": "已送达", "retry": "稍后再发",
    "withdrawn": "已撤回（事情有变）", "missed": "没来得及发", "suppressed": "不再发（本人不需要）",
    "needs_check": "不确定是否收到，已请干部核实", "dead": "没送到，已请干部告知",
    "told_in_person": "干部已当面或电话告知", "unconfirmed": "已发出，没有回执",
}  # fmt: skip

CHANNELS = {
    "template": "公众号模板消息", "mini_subscription": "小程序订阅消息", "account_subscription": "公众号订阅通知",
    "customer_service": "公众号对话",
}  # fmt: skip

KINDS = {
    "family.booked": "亲情连线预约", "family.changed": "亲情连线改期", "family.cancelled": "亲情连线取消",
    "family.reminder": "亲情连线提醒", "ordering.offered": "请接单", "ordering.accepted": "已接单",
    "ordering.placed": "已点单", "ordering.cancelled": "订单取消", "ordering.taken": "已由别人接单",
    "tasks.assigned": "待办任务", "tasks.digest": "待办汇总", "tasks.escalated": "逾期任务上报",
    "people.link_confirmed": "家人关联通过", "people.link_declined": "家人关联未通过",
    "people.link_revoked": "家人关联解除", "people.invitation_qr": "亲情码", "messages.reply": "对话回复",
}  # fmt: skip

REFUSALS: dict[str, str] = {
    "no_letter": "没有这封通知，请核对编号。",
    "still_going": "这封通知还在发送途中，不用重发。",
    "reason_needed": "请写明为什么重发。",
}


def letter(_: str, facts: dict[str, Any], __: ZoneInfo) -> Wording:
    """A reply that could not go in the answer itself."""
    return Wording("", {}, facts["text"])
