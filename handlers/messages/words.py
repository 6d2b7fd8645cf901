"""Replies that go as a letter of their own, and how the desk speaks of letters."""

from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording

# What a clerk reads of a letter's state, in a word: they also ask for it by that word.
STATES = {
    "planned": "等待发送", "retry": "稍后再发", "sending": "正在发送", "sent": "等回执", "delivered": "已送达",
    "unconfirmed": "没有回执", "needs_check": "不确定", "dead": "没送到", "missed": "没来得及",
    "told_in_person": "本人已知", "withdrawn": "已撤回", "suppressed": "不用发",
}  # fmt: skip

# And what that word means.
MEANINGS = {
    "planned": "还没到时间", "retry": "这次没发成，系统会自己再发", "sending": "正在交给微信",
    "sent": "微信收下了，还没说到没到", "delivered": "微信说已送到", "unconfirmed": "微信收下了，一直没有回执",
    "needs_check": "不知道对方收到没有，请问一下本人", "dead": "各种渠道都没送到", "missed": "过了时间，没有发",
    "told_in_person": "干部当面或电话告知过，或核实过本人知道了", "withdrawn": "事情有变，不发了",
    "suppressed": "本人不需要，或不宜打扰",
}  # fmt: skip

STUCK = "到时间了还没发，请告诉系统管理员"
HOW_DONE = "办好后在公众号回复“我的任务”记下"

# Why it did not go, in words a clerk can use on the phone; other codes are shown as WeChat gave them.
REASONS = {
    "user block": "对方拒收公众号消息", "43004": "对方没有关注公众号", "43019": "对方在公众号黑名单里",
    "40003": "对方的微信号已失效", "43101": "对方没有同意接收这种消息", "45015": "对方超过48小时没来消息",
    "45047": "对话里能发的条数用完了", "40038": "今天这种消息发满了", "45168": "里面有微信不让发的字眼",
    "43107": "订阅消息被微信停用，请找系统管理员", "43108": "微信忙，稍后再发",
    "45009": "今天的发送次数用完了，明天再发", "45011": "微信忙，稍后再发",
    "-1": "微信忙，稍后再发", "unsure": "发出后没等到微信回话", "no address": "对方没有可用的微信",
    "40037": "消息模板有误，请找系统管理员", "47003": "内容放不进消息模板", "45002": "内容太长，微信不收",
    "40164": "服务器没有登记，请找系统管理员", "48001": "公众号没有权限，请找系统管理员",
}  # fmt: skip
OTHER_REASON = "微信说：{code}"

VERBS = {"tell": "已当面或电话告知", "confirm": "已核实，本人知道了", "resend": "再发一次"}
CHANGED = "您打开页面之后，这封通知已经有人重发过。请看下面的经过，再决定要不要重发。"
RESENT = "已重新排队，新编号 {letter}。"
# Several states at once, as the desk asks for them.
GROUPS = {"trouble": "要人管的", "waiting": "还没发出的"}
IN_GROUP = {"trouble": ("dead", "missed", "needs_check"), "waiting": ("planned", "retry")}
NOT_SHOWN = "（私人对话或亲情码，不在这里显示）"
NOT_SAID_YET = "（还没发过，发的时候才写成句子）"

CHANNELS = {
    "template": "公众号模板消息", "mini_subscription": "小程序订阅消息", "account_subscription": "公众号订阅通知",
    "customer_service": "公众号对话",
}  # fmt: skip

KINDS = {
    "family.booked": "亲情连线预约", "family.changed": "亲情连线改期", "family.cancelled": "亲情连线取消",
    "family.reminder": "亲情连线提醒", "family.invited": "亲情连线邀请", "family.left": "有人退出连线",
    "family.uninvited": "不用参加连线", "family.arrived": "老人到场，可以视频",
    "family.seated": "集中连线安排", "family.booked_for": "代约连线", "family.on_the_way": "上门已出发",
    "family.restored": "连线照常", "family.running_late": "上门会晚到",
    "family.asked_to_move": "请答复改时间",
    "family.kept": "连线照原来的时间", "family.relative_no_show": "连线没有接上", "family.neither_came": "连线没有连上",
    "family.resident_no_show": "老人没有到场", "family.technical_failure": "连线没有接通", "family.news": "家乡来信",
    "family.photo": "家乡来信的照片", "family.times_lost": "留的时间没有了",
    "family.quiet": "好久没视频", "family.paired": "结对", "family.parted": "结对解除",
    "family.pairing_due": "结对该联系了", "ordering.offered": "请接单", "ordering.accepted": "已接单",
    "ordering.placed": "已点单", "ordering.cancelled": "订单取消", "ordering.taken": "已由别人接单",
    "ordering.on_the_way": "已经出发", "ordering.stop": "叫停服务",
    "ordering.completed": "服务完成", "ordering.handed_back": "接单退回", "ordering.unmet": "没有组织接单",
    "ordering.nag": "催接单", "ordering.recalled": "另行安排", "ordering.called_off": "中心取消订单",
    "ordering.stopped": "不用上门", "ordering.restored": "取消已撤回", "ordering.reopened": "重新办理",
    "ordering.named": "上门人员已定", "ordering.your_visit": "请上门", "ordering.name_person": "请定上门人员",
    "ordering.reminder": "上门提醒", "ordering.visit_recheck": "上门要重新安排", "ordering.visit_silent": "请回报上门",
    "ordering.nobody_home": "上门没人应门", "ordering.complaint_settled": "投诉答复",
    "ordering.still_wanted": "请确认还要不要", "ordering.stood_down": "另有人上门", "ordering.help_off": "不用去帮忙",
    "ordering.loan_approved": "借用同意", "ordering.loan_refused": "借用未同意", "ordering.loan_cancelled": "借用取消",
    "ordering.loan_lapsed": "借用过期", "ordering.loan_returned": "借用归还",
    "catalogue.approved": "清单审核通过", "catalogue.returned": "清单退回修改", "catalogue.rejected": "清单未通过",
    "catalogue.review_due": "催审清单", "waiting.offered": "排到名额", "waiting.lapsed": "名额已过",
    "waiting.closed": "没有排到名额",
    "series.skipped": "定期连线有一次不办", "series.takes_place": "定期连线有一次照办",
    "series.ending": "定期连线快到期", "series.clock": "定期连线钟点变化",
    "series.begun": "定期连线定好", "series.edited": "定期连线改动", "series.rests": "定期连线暂停",
    "series.goes_on": "定期连线恢复", "series.cancelled": "定期连线结束", "series.restored": "定期连线恢复",
    "tasks.assigned": "待办任务", "tasks.digest": "待办汇总", "tasks.escalated": "逾期任务上报",
    "people.link_confirmed": "家人关联通过", "people.link_declined": "家人关联未通过",
    "people.link_revoked": "家人关联解除", "people.link_expiring": "家人关联快到期",
    "people.link_lapsed": "家人关联到期", "ordering.matter_merged": "需求合并",
    "ordering.matter_listed": "需求列入清单", "ordering.matter_declined": "需求答复",
    "ordering.matter_done": "求助办好", "ordering.matter_closed": "求助答复",
    "people.invitation_qr": "亲情码", "messages.reply": "对话回复",
}  # fmt: skip

# What each subscription is for, as a mini-program shows it before it asks.
TOPICS = {
    "call_booked": "约好亲情连线时告诉您", "call_reminder": "亲情连线开始前提醒您",
    "call_changed": "亲情连线改时间时告诉您", "call_cancelled": "亲情连线取消时告诉您",
    "order_update": "服务订单有进展时告诉您", "task_assigned": "有待办任务时提醒您",
    "link_update": "家人关联有结果时告诉您", "matter_update": "需求和求助有答复时告诉您",
}  # fmt: skip
NOTED = "记下了。"
OF_THE_DOOR = {"no_topic": "没有这种提醒，请刷新后再试。"}

REFUSALS: dict[str, str] = {
    "no_letter": "没有这封通知，请核对编号。",
    "still_going": "这封通知还在发送途中，不用重发。",
    "reason_needed": "请写明为什么重发。",
    "not_true_now": "这件事后来有变，这封通知的内容不对了，不能重发。请看同一件事最新的通知。",
    "not_again": "对话里的回复和亲情码不能重发。请在对话里再回复一次，或请工作人员重新生成亲情码。",
    "not_wanted": "对方不需要这类通知，或不宜打扰，没有重发。",
    "over": "这件事的时间已经过了，不用重发。需要的话请直接打电话说明。",
}


def letter(_: str, facts: dict[str, Any], __: ZoneInfo) -> Wording:
    """A reply that could not go in the answer itself."""
    return Wording("", {}, facts["text"])


def reason(code: str | None) -> str:
    """Why a letter did not go, for a clerk; "" where nothing is wrong."""
    return REASONS.get(code, OTHER_REASON.format(code=code)) if code else ""
