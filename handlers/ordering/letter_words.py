"""What letters about orders and loans say, and what of it a lock screen may show."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.ordering import need_words
from handlers.ordering.loan_words import lending
from handlers.ordering.words import NAMED_ON_LOCK_SCREENS, UNNAMED
from handlers.room import Wording
from handlers.words import as_sentence, on_card, when_two
from models.hours import CHINA
from models.ordering.numbers import spoken
from models.ordering.rechecking import NOT_LENT

_LETTERS = {
    "placed": ("已提交", "{requester}为{beneficiary}点了“{service}”，订单{spoken}，希望{wanted}。"),
    "offered": ("请接单", "有新的单子：{beneficiary}的“{service}”，希望{wanted}。回复“接单”查看。"),
    "accepted": ("已接单", "{beneficiary}的“{service}”（订单{spoken}）已由{organisation}接单，希望{wanted}。"),
    "handed_back": ("另找组织", "{organisation}来不了了，{beneficiary}的“{service}”（订单{spoken}）正在另找组织。"),
    "completed": ("已完成", "{beneficiary}的“{service}”（订单{spoken}）已由{organisation}完成，可在“我的订单”评价。"),
    "unmet": ("没有组织", "抱歉，{beneficiary}的“{service}”（订单{spoken}）暂时没有组织能做。"),
    "taken": ("已被接走", "{beneficiary}的“{service}”（订单{spoken}）已由其他组织接单，您不用去了。"),
    "on_the_way": ("已出发", "{organisation}出发了，正在去做{beneficiary}的“{service}”（订单{spoken}）。"),
    "stop": ("请停下", "请马上停下，不用去了：{beneficiary}的“{service}”（订单{spoken}）刚刚取消，原因：{reason}"),
    "cancelled": ("已取消", "{beneficiary}的“{service}”（订单{spoken}）取消了，原因：{reason}"),
    "nag": ("还没接单", "{beneficiary}的“{service}”（订单{spoken}）还没有组织接单，希望{wanted}，请尽快答复或协调。"),
    "recalled": ("不用去了", "{beneficiary}的“{service}”（订单{spoken}）由工作人员另行安排，您不用去了。"),
    "called_off": (
        "中心取消",
        "抱歉，{beneficiary}的“{service}”（订单{spoken}）办不了了，原因：{reason}{alternative}",
    ),
    "stopped": ("不用去了", "{beneficiary}的“{service}”（订单{spoken}）不再需要，您不用去了。"),
    "restored": ("继续办理", "{beneficiary}的“{service}”（订单{spoken}）没有取消，继续办理，希望{wanted}。"),
    "reopened": ("重新办理", "{beneficiary}的“{service}”（订单{spoken}）重新安排，希望{wanted}，原因：{reason}"),
    "named": ("人员已定", "{beneficiary}的“{service}”（订单{spoken}）由{organisation}的{visitor}上门，时间{wanted}。"),
    "your_visit": ("请您上门", "请您{wanted}到{village}{beneficiary}家做“{service}”（订单{spoken}）。回复“接单”查看。"),
    "stood_down": ("不用去了", "{beneficiary}的“{service}”（订单{spoken}，{wanted}）另有安排，您不用去了。"),
    "name_person": ("请定人员", "{beneficiary}的“{service}”（订单{spoken}）希望{wanted}，请尽快定好上门的人。"),
    "visit_recheck": ("请换人", "{beneficiary}的“{service}”（订单{spoken}，{wanted}）原定的人去不了，请换一个人。"),
    "visit_silent": ("请回报", "{beneficiary}的“{service}”（订单{spoken}，{wanted}）做完了吗？请回复“接单”回报。"),
    "nobody_home": (
        "家里没人",
        "{organisation}到{beneficiary}家时没有人应门（“{service}”订单{spoken}）。请联系一下老人。",
    ),
    "complaint_settled": ("投诉有结果", "您对“{service}”（订单{spoken}）的意见已处理：{reason}"),
    "still_wanted": ("请您确认", "{requester}不再代办{beneficiary}的事。“{service}”（订单{spoken}，{wanted}）还要吗？"),
}
# An offer to who had accepted it before it was taken from them.
_OFFERED_AGAIN = (
    "请再接一次",
    "{beneficiary}的“{service}”（订单{spoken}）还要办，希望{wanted}。原来的接单已经取消，请回复“接单”再接一次。",
)
# Nobody of an organisation that was lent and is at home again need be named instead.
_NOT_LENT = (
    "先别派人",
    "{beneficiary}的“{service}”（订单{spoken}，{wanted}）：您单位借调帮忙的期限不含那天，请先别派人，等站里安排。",
)
# A reminder of a visit, by who reads it. Nobody knows how late it is read: the time itself stands in it.
_REMINDERS = {
    "beneficiary": "提醒：{wanted}，{organisation}的{visitor}{comes}为您做“{service}”（订单{spoken}），"
                   "请您{be_there}。",
    "requester": "提醒：{wanted}，{organisation}的{visitor}{comes}为{beneficiary}做“{service}”（订单{spoken}），"
                 "请告诉{beneficiary}一声。",
    "provider": "提醒：请您{wanted}到{goes_to}为{beneficiary}做“{service}”（订单{spoken}）。回复“接单”查看。",
}  # fmt: skip
_AT_HOME = {"state": "上门提醒", "comes": "上门", "be_there": "在家等候", "goes_to": "{village}{beneficiary}家"}
_AT_CENTRE = {"state": "服务提醒", "comes": "在{centre}", "be_there": "准时到{centre}", "goes_to": "{centre}"}
TEMPLATES = {f"ordering.{word}": "order_update" for word in (*_LETTERS, "reminder")} | need_words.TEMPLATES


_LOANS = {
    "loan_approved": "借用已同意", "loan_refused": "借用没有同意", "loan_cancelled": "借用已取消",
    "loan_lapsed": "借用没有办成", "loan_returned": "借用已归还",
}  # fmt: skip
_ORDER_OVER = "要用的那个订单已经结束了。"
TEMPLATES |= {f"ordering.{word}": "task_assigned" for word in _LOANS}


def _loan(word: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    fields = {
        "task": _LOANS[word], "who": facts["lent"], "contact": facts["phone"],
        "time": on_card(datetime.fromisoformat(facts["at"]), zone),
    }  # fmt: skip
    why = f"原因：{said}" if (said := as_sentence(facts["reason"])) else _ORDER_OVER if facts.get("order_over") else ""
    text = f"{_LOANS[word]}：{lending(facts)}{why}"
    return Wording(TEMPLATES[f"ordering.{word}"], fields, text)


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about an order or a loan, a need or a call for help."""
    if kind in need_words.TEMPLATES:
        return need_words.letter(kind, facts, zone)
    if kind.partition(".")[2] in _LOANS:
        return _loan(kind.partition(".")[2], facts, zone)
    word = kind.partition(".")[2]
    state, text = _said(word, facts)
    wanted = datetime.fromisoformat(facts["preferred_at"])
    fields = {
        "service": f"{on_lock_screen(facts)}·{facts['beneficiary']}", "number": facts["number"], "state": state,
        "time": on_card(wanted, zone),
    }  # fmt: skip
    typed = {
        "reason": as_sentence(facts.get("reason", "")) or "未说明。",
        "alternative": as_sentence(facts.get("alternative", "")),
    }  # fmt: skip
    told = text.format(
        **{"organisation": "", **facts, **typed}, spoken=spoken(facts["number"]), wanted=when_two(wanted, CHINA, zone)
    )
    return Wording(TEMPLATES[kind], fields, f"{told}有问题请打{facts['centre']}电话{facts['phone']}。")


def _said(word: str, facts: dict[str, Any]) -> tuple[str, str]:
    """How a letter about an order is headed, and what it says."""
    if word == "reminder":
        return _reminder(facts)
    if word == "visit_recheck" and facts.get("why") == NOT_LENT:
        return _NOT_LENT
    return _OFFERED_AGAIN if word == "offered" and facts.get("again") else _LETTERS[word]


def _reminder(facts: dict[str, Any]) -> tuple[str, str]:
    """How a reminder of a visit is headed, and what it says to its reader."""
    where = _AT_CENTRE if facts["mode"] == "at_centre" else _AT_HOME
    text = _REMINDERS[facts["role"]]
    for word, said in where.items():
        text = text.replace(f"{{{word}}}", said)
    return where["state"], text


def on_lock_screen(facts: dict[str, Any]) -> str:
    """What may be said of a service where anybody can read it."""
    if facts.get("category") in NAMED_ON_LOCK_SCREENS:
        return str(facts["service"])
    return UNNAMED.get(str(facts.get("mode")), "上门服务")
