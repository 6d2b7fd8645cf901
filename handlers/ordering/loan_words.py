"""What we say about loans between centres: who lends what to whom, how it stands, and what can be done."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from handlers.words import on_day, when
from models.hours import CHINA
from models.ordering.loans import A_MOMENT

STATES = {
    "requested": "等答复", "approved": "同意了", "handed_over": "借出中", "refused": "没有同意", "cancelled": "取消了",
    "returned": "已归还",
}  # fmt: skip
KINDS = {"equipment": "设备", "station": "上门视频设备", "person": "人", "organisation": "组织"}
DEEDS = {"approve": "同意借出", "hand_over": "交给对方了", "return": "已经归还", "cancel": "不借了", "refuse": "不同意"}
VERBS = {
    "begin": "申请", "approve": "同意", "refuse": "没有同意", "cancel": "取消", "hand_over": "交出", "return": "归还",
    "lapse": "日子过了",
}  # fmt: skip
HOME, NOBODY = "借用：和别的中心互相借人、借车、借东西。", "现在没有借进或借出的。"
WHOLE = "{borrower}向{lender}借{lent}（{kind}）\n{span}\n{state}{late}{why}"
LATE, WHY = "，到期还没有还", "\n原因：{why}"
DONE = {
    "loan_asked": "申请发出去了，对方答复后会告诉您。", "loan_approve": "同意了，对方会收到通知。",
    "loan_refuse": "记下了，对方会看到原因。", "loan_hand_over": "记下了，东西（人）已经交给对方。",
    "loan_return": "记下了，已经归还。", "loan_cancel": "不借了，对方会收到通知。",
}  # fmt: skip
ASK_WHY = "为什么不借？对方会看到。"
REASONS = ("那几天自己要用", "坏了，在修", "人手不够")
MORE = "还有更多，请在服务台的“借用”里看。"
RESIDENT = "“借用”是中心之间互相借东西用的。您想借东西，请点“提一个需求”。"
AT_DESK = "要借人、借车、借视频设备，请在电脑上的服务台里办：“借用”。"

NOT_ALL = "等{many}处"
MOST_DATES = 5


def needed(moments: Sequence[datetime]) -> str:
    """When calls and visits need the thing in these days; "" where none does."""
    if not moments:
        return ""
    dates = "、".join(when(moment, CHINA) for moment in moments[:MOST_DATES])
    return dates + (NOT_ALL.format(many=len(moments)) if len(moments) > MOST_DATES else "")


def span(starts_at: datetime, ends_at: datetime) -> str:
    """From which day to which, in China; a loan ends with a day, at midnight."""
    first, last = starts_at.astimezone(CHINA).date(), (ends_at - A_MOMENT).astimezone(CHINA).date()
    return _days(first, last)


def lending(facts: Mapping[str, str]) -> str:
    """What a letter or a task about a loan begins with: who lends what to whom, from when to when."""
    if "first_day" not in facts:  # written down before the days were
        return f"{facts['borrower']}向{facts['lender']}借{facts['lent']}（{facts['span']}）。"
    lent_for = _days(date.fromisoformat(facts["first_day"]), date.fromisoformat(facts["last_day"]))
    return f"{facts['borrower']}向{facts['lender']}借{facts['lent']}，{lent_for}。"


def _days(first: date, last: date) -> str:
    return on_day(first) if first == last else f"{on_day(first)}到{on_day(last)}"
