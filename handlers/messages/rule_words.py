"""How the desk speaks of reminder rules: when, to whom, and what an edit does to the reminders that wait."""

from models.messages.rules import QUIET_FROM, QUIET_TO, Rule, Standing

KINDS = {"family.reminder": "亲情连线", "ordering.reminder": "上门服务"}
ROLES = {
    "relative": "家人", "cared": "老人或孩子本人（自己有微信的）", "helper": "帮忙接通的工作人员",
    "beneficiary": "居民本人", "requester": "替居民点单的人（居民自己收不到微信时）", "provider": "上门的人",
}  # fmt: skip
MODES = {
    "before": "开始前多久", "day_at": "前几天的几点", "workdays_at": "前几个工作日的几点", "at_once": "约好就马上",
}  # fmt: skip
URGENCIES = {
    "routine": "夜里不发", "same_day": "夜里也发", "safety": "夜里也发，排在最前", "digest": "夜里不发，排在最后",
}  # fmt: skip
HOW = (
    "“开始前多久”只看几小时几分钟；“前几天”“前几个工作日”只看天数和几点。"
    f"“夜里不发”：{QUIET_FROM:%H:%M}到{QUIET_TO:%H:%M}之间的改到早上，早上来不及的改到头天晚上。"
    "下一步先看影响多少封，再保存。"
)
SOURCES = {"shipped": "系统原有", "edited": "已改", "own": "自己加的"}
THERE = "（按收信人当地时间）"
OFF = "停用"
INTRO = (
    "全县的提醒都按这里发。改了以后，还没发出的提醒在一分钟内重新安排，已经发出的不再发第二遍，"
    "新时间已经过了的不补发。时间都按收信人当地的钟点。"
)
NONE = "没有提醒"
SAME = "和现在的一样，没有要改的。"
MOVES = "将重新安排 {count} 封未发出的提醒"
TAKES_BACK = "将撤回 {count} 封未发出的提醒"
ADDS = "还没到的预约会补上这封提醒，时间已经过了的不补发"
FROM_NOW = "只对以后约的，已经约好的不补发"
DONE = {"rule_saved": "记下了。还没发出的提醒，一分钟内按新的重新安排。"}
CHANGED = "这条提醒刚刚被别人改过，请看过现在的再改。"
REFUSALS = {
    "bad_rule": "时间没有填对：“开始前多久”要填几小时几分钟；“前几天”“前几个工作日”要填天数和几点。最多提前一年。",
}


def when(rule: Rule) -> str:
    """When a rule speaks, in plain words: "提前24小时", "前一天18:00（按收信人当地时间）", "提前2个工作日09:00…"."""
    if rule.mode == "at_once":
        return "马上"
    if rule.mode == "before":
        return f"提前{length(rule.minutes)}"
    clock = f"{rule.at:%H:%M}{THERE}"
    if rule.days == 0:
        return f"当天{clock}"
    if rule.mode == "workdays_at":
        return f"提前{rule.days}个工作日{clock}"
    return f"{'前一天' if rule.days == 1 else f'提前{rule.days}天'}{clock}"


def length(minutes: int) -> str:
    """A length of time: "24小时", "1小时30分钟", "7天" from three days on."""
    if minutes >= 3 * 1440 and minutes % 1440 == 0:
        return f"{minutes // 1440}天"
    hours, rest = divmod(minutes, 60)
    return (f"{hours}小时" if hours else "") + (f"{rest}分钟" if rest or not hours else "")


def stands(one: Standing) -> str:
    """What a role is told when, and that it is not where it is switched off."""
    return when(one.rule) if one.active else f"{OFF}（{when(one.rule)}）"


def whole(one: Standing | None) -> str:
    """The same with what happens at night; that there is none where there is none."""
    return f"{stands(one)}，{URGENCIES[one.rule.urgency]}" if one else NONE


def whom(kind: str, role: str) -> str:
    """Of what and whom a rule reminds, for the audit."""
    return f"{KINDS[kind]}，{ROLES[role]}"


def preview(before: Standing | None, after: Standing | None, unsent: int) -> str:
    """What saving does to the reminders that wait: moved, taken back, or added."""
    if after is None or not after.active:
        return f"{TAKES_BACK.format(count=unsent)}。"
    if before is not None and before.active:
        return f"{MOVES.format(count=unsent)}，新时间已经过了的不补发。"
    return f"{MOVES.format(count=unsent)}；{FROM_NOW if after.rule.mode == 'at_once' else ADDS}。"
