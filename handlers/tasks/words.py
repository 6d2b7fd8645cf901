"""What we say to cadres about their tasks."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording
from handlers.words import called, plain, when
from models.people.contacts import Way

NO_TASKS = "现在没有待办的任务，辛苦了。"
TASKS = "您有{count}件待办，最早的排在前面。"
DONE = "好的，已记为办好。"
NO_WORDS = "有一条通知，详情请问党群服务中心"

MEANS = {"wechat": "发微信", "phone": "打电话", "visit": "上门"}

# kind → what the template says, and the whole sentence.
TITLES = {
    "phone_call": "请电话或上门告知",
    "check_delivery": "请核实是否收到通知",
    "confirm_link": "请核实家人关联",
    "order_new": "村民有新订单",
    "order_unanswered": "订单还没人接",
    "call_help": "准备亲情连线",
    "tell_in_person": "请当面或电话告知",
    "order_overdue": "订单超过答复时限",
    "name_person": "上门人员还没定",
    "visit_recheck": "请重新安排上门人员",
    "visit_silent": "请核实有没有人上门",
    "nobody_home": "请看望老人",
    "complaint": "请处理投诉",
    "follow_up": "请回访",
    "still_wanted": "请问清是否还要服务",
    "loan_request": "请答复借调申请",
    "loan_overdue": "借出未还",
}

# What a task about an order asks for.
ORDER_TAILS = {
    "order_new": "请留意进展，必要时告知本人。",
    "order_unanswered": "还没有组织接单，请帮忙协调。",
    "order_overdue": "超过了答复时限还没有组织接单，请马上协调。",
    "name_person": "组织接了单，还没定上门的人，请催一下。",
    "visit_recheck": "原定的人那天去不了或证书到期，请组织换人。",
    "visit_silent": "约好的上门过了一天还没有回报，请问清有没有人去。",
    "nobody_home": "上门时没有人应门，请当天去看看老人是否平安。",
    "complaint": "服务有投诉，请查看内容并处理。",
    "follow_up": "服务已经做完，请问问本人满不满意。",
    "still_wanted": "代办的家人不再代办了，请问清本人还要不要。",
}

REFUSALS: dict[str, str] = {}


def title(kind: str) -> str:
    """What a task is, in a few words."""
    return TITLES[kind]


def about(facts: dict[str, Any]) -> str:
    """Whom it is about."""
    return str(facts.get("cared") or facts.get("beneficiary") or facts.get("person") or facts.get("lent") or "")


def _way(way: Way) -> str:
    how = MEANS[way.means]
    if way.through:
        how = f"请{way.through}{how}" if way.means == "visit" else f"{how}给{way.through}，请对方转告"
    return " ".join(part for part in (how, way.phone, plain(way.note)) if part)


def reached(ways: Sequence[Way]) -> str:
    """How to reach the person a task is about, the first way to try first. It holds phones: in the chat only."""
    if len(ways) == 1:
        return f"联系办法：{_way(ways[0])}"
    return "\n".join(["联系办法，依次试：", *(f"· {_way(way)}" for way in ways)])


def sentence(kind: str, facts: dict[str, Any], due: datetime, zone: ZoneInfo, inner: str = "") -> str:
    """The whole task in one paragraph: what, whom, by when. `inner` is the letter that could not be delivered."""
    by = f"请在{when(due, zone)}前办好。"
    if kind == "confirm_link":
        return (
            f"{called(facts['relative'])}说自己是{facts['cared']}的{facts['kinship']}。请核实，"
            f"并当面问{facts['cared']}：是否同意由对方代办、登记服务、参加视频。{by}"
        )
    if kind == "call_help":
        start = when(datetime.fromisoformat(facts["starts_at"]), zone)
        return (
            f"{start} {facts['cared']}与{facts['relative']}视频连线，地点{facts['centre']}。"
            f"请提前请老人到场，并准备好设备。{by}"
        )
    if kind == "tell_in_person":
        return f"{called(facts['person'])}不用微信，请上门或打电话告诉本人：“{inner}”{by}"
    if kind in ORDER_TAILS:
        wanted = when(datetime.fromisoformat(facts["preferred_at"]), zone)
        outside = "、".join(facts.get("outside", ()))
        tail = ORDER_TAILS[kind] + (f"{outside}能做，但不服务这个村，可以申请借调。" if outside else "")
        return f"{facts['beneficiary']}的“{facts['service']}”（订单{facts['number']}），希望{wanted}。{tail}{by}"
    if kind in ("loan_request", "loan_overdue"):
        tail = "请答复能不能借。" if kind == "loan_request" else "已经到期还没有归还，请联系对方。"
        return f"{facts['borrower']}向{facts['lender']}借{facts['lent']}（{facts['span']}）。{tail}{by}"
    lead = "微信没有送到" if kind == "phone_call" else "不确定对方是否收到"
    return f"{lead}：请告诉{called(facts['person'])}：“{inner}”{by}"


TEMPLATES = {"tasks.assigned": "task_assigned", "tasks.digest": "task_assigned", "tasks.escalated": "task_assigned"}


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A task, a morning's tasks or an overdue one: no phone of a resident, no address, no detail of health."""
    if kind == "tasks.digest":
        return _digest(facts, zone)
    due = datetime.fromisoformat(facts["due_at"])
    overdue = kind == "tasks.escalated"
    fields = {
        "task": ("逾期：" if overdue else "") + title(facts["kind"]), "who": about(facts),
        "time": f"{due.astimezone(zone):%Y-%m-%d %H:%M}", "contact": facts["phone"],
    }  # fmt: skip
    by = f"应在{when(due, zone)}前办好，还没有办，请过问" if overdue else f"请在{when(due, zone)}前办好"
    text = f"{fields['task']}：{about(facts)}。{by}，回复“我的任务”查看。"
    return Wording(TEMPLATES[kind], fields, text)


def _digest(facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """What a day brought, in one letter: how many of each kind, and the first that is due."""
    items = facts["items"]
    first = min(datetime.fromisoformat(item["due_at"]) for item in items)
    counted = Counter(title(item["kind"]) for item in items)
    fields = {
        "task": f"{len(items)}件待办任务", "who": "请回复“我的任务”",
        "time": f"{first.astimezone(zone):%Y-%m-%d %H:%M}", "contact": facts["phone"],
    }  # fmt: skip
    listed = "，".join(f"{name}{count}件" for name, count in counted.most_common())
    text = f"您有{len(items)}件新任务：{listed}。最早的请在{when(first, zone)}前办好，回复“我的任务”查看。"
    return Wording(TEMPLATES["tasks.digest"], fields, text)
