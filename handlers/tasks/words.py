"""What we say to cadres about their tasks."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.messages.words import KINDS
from handlers.ordering.loan_words import lending
from handlers.room import Wording
from handlers.tasks import alarm_words, call_words
from handlers.words import called, near, on_card, plain, when
from models.hours import CHINA
from models.ordering.numbers import spoken
from models.ordering.rechecking import NOT_LENT
from models.people.contacts import Way

NO_TASKS = "现在没有待办的任务，辛苦了。"
TASKS = "您有{count}件待办，最早的排在前面。"
DONE = "好的，已记为办好。"
HOLD = "等居民，先放一放"
ASK_HOLD = "在等居民的什么？放下后不再提醒，也不算逾期。"
HOLD_REASONS = ("本人不在家", "等本人考虑", "等家人回话", "等本人送材料")
HELD = "好的，先放下。{wake}会再提醒您；居民有了动静，也会马上告诉您。"
WAITING = "正在等居民（{why}），{since}起放下，{wake}再提醒。"
PUT_OFF = "好的，{wake}再提醒您。"
WAKES = {1: "明天再提醒", 3: "三个工作日后提醒", 5: "五个工作日后提醒"}  # working days ahead
RESUMED = "好的，继续办。放下的工作时间不算，请在{due}前办好。"
NO_WORDS = "有一条通知，详情请问党群服务中心"
FORGOTTEN = "这件任务早已办结，内容按保存期限清除了。经过见下面的记录。"

TO_CALL = "看这次视频，老人到了打开设备"

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
    "stop_provider": "请马上打电话叫停",
    "closure": "停开期间有约好的视频",
    "screen_out": "设备停用期间有约好的视频",
    "need_triage": "有新需求待处理",
    "help_triage": "有求助待处理",
    "help_do": "请帮忙办一件事",
    "matter_urgent": "紧急，请马上联系",
    "matter_tell": "有结果要告诉本人",
    "media_lost": "有条留言没收到",
    "identity_conflict": "请核对微信身份",
    "review_listing": "请审核服务清单",
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
    "call_outcome": "请登记视频结果",
    "elder_absent": "视频没到场，请看望",
    "wellbeing": "视频后请回访",
    "pairing_due": "结对该联系了",
    "series_helper": "约好的视频没人负责",
    "device_grant": "请帮家属开通来电",
    "wechat_stopped": "微信消息出了问题",
}

# What a task about an order asks for.
ORDER_TAILS = {
    "order_new": "请留意进展，必要时告知本人。",
    "order_unanswered": "还没有组织接单，请帮忙协调。",
    "order_overdue": "超过了答复时限还没有组织接单，请马上协调。",
    "name_person": "组织接了单，还没定上门的人，请催一下。",
    "visit_recheck": "原定的人那天去不了，请组织换人（请假、证书到期、已不在组织或借期已过）。",
    "visit_silent": "约好的上门过了一天还没有回报，请问清有没有人去。",
    "nobody_home": "上门时没有人应门，请当天去看看老人是否平安。",
    "complaint": "服务有投诉，请在公众号“我的任务”里点“查看投诉”处理。",
    "follow_up": "服务已经做完，请问问本人满不满意。",
    "still_wanted": "代办的家人不再代办了，请问清本人还要不要。",
}
# Where the whole organisation that accepted was lent and is at home again.
_NOT_LENT = "接单的组织借期不到那天，请另派组织，或重新借用。"

# What they are about stands on the matter's own page: of a confidential one nothing is said here.
_MATTERS = {
    "need_triage": "{who}提了一件需求，请看一看，合并、列入清单或答复。",
    "help_triage": "{who}请人帮忙，请看一看，交给合适的人办。",
    "help_do": "请您帮{who}办一件事，点“去办理”看详情。",
    "matter_urgent": "{who}说的事可能有危险，请马上打电话或上门。",
    "matter_tell": "有一件保密的事有了结果，本人不用微信。请看详情，再打电话或上门告诉本人。",
    "media_lost": "{who}的一条语音或照片没有收到，请联系本人，问问要说什么。",
}

# How the desk speaks of tasks.
STATES = {"open": "待办", "acknowledged": "已接手", "on_hold": "等居民", "done": "已办好", "cancelled": "已取消"}
VIEWS = {"todo": "没办的", "late": "过期的", "done": "了结的", "all": "全部"}
VERBS = {
    "begin": "建立", "acknowledge": "接手", "hand_over": "转交", "hold": "放下，等居民", "put_off": "改天再提醒",
    "resume": "继续办", "finish": "办好", "cancel": "取消", "leave": "原来的人离任，退回大家",
}  # fmt: skip
DONE_WORDS = {
    "took": "好的，这件由您办。", "handed": "已转交，对方会收到通知。", "finished": "已记为办好，辛苦了。",
    "answered": "已答复，对方会收到通知。", "gone_on": "好的，继续办。放下的工作时间不算，期限已顺延。",
}  # fmt: skip
OTHERS_DO = "这件事由负责的同事办结，请转交给对方。"
# What is said in place of a confidential matter to who may only give it on, and to who may not even that.
SECRETS = {
    "confided": "这件事要保密，内容您看不到。经办人离任或办不了的，请交给别的经办人。",
    "secret": "这件事要保密，只有经办人能看。经办人已经离任的，请告诉县里的管理员，换一位经办人。",
}  # fmt: skip
HAND_ON = "交给别的经办人"
_LATER = re.compile(r"\+(\d+) min")
CHANGED = "您打开页面之后，这件任务有了变化：{what}。下面是最新情况，请看过再办。"

REFUSALS: dict[str, str] = {
    "hold_why": "请写一下在等居民的什么。",
    "bad_wake": "请选一个以后的时间，最远{days}天以内。",
    "decided_elsewhere": "这件事要在它自己的页面里办，请点“去办理”。",
    "not_a_cadre": "请选一位负责这个范围的同事，再转交一次。",
    "answer_first": "这件任务要先答复：情况属实就点“通过”，不属实就点“不通过”。",
}


def brief(facts: dict[str, Any], now: datetime) -> str:
    """What tells one task of a kind from the next, beside whom it is about: no name, no phone."""
    if "service" in facts and "number" in facts:
        return f"{facts['service']} {spoken(facts['number'])}"
    if "listing" in facts:
        return str(facts["listing"])
    if "letter_kind" in facts:
        return KINDS.get(facts["letter_kind"], "")
    if "starts_at" in facts:
        return near(datetime.fromisoformat(facts["starts_at"]), now)
    return str(facts.get("kinship", "")) or alarm_words.about(facts)


def title(kind: str) -> str:
    """What a task is, in a few words."""
    return TITLES[kind]


def about(facts: dict[str, Any]) -> str:
    """Whom it is about."""
    said = (facts.get(key) for key in ("cared", "beneficiary", "person", "listing", "centre", "lent"))
    return str(next((name for name in said if name), ""))


def line(kind: str, facts: dict[str, Any], due: datetime, zone: ZoneInfo, *, held: bool) -> str:
    """One task in a list."""
    return f"{'等居民：' if held else ''}{title(kind)} {about(facts) or alarm_words.about(facts)} {when(due, zone)}"


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


def call_line(call: dict[str, Any]) -> str:
    """One call of a centre that is shut then, by the centre's clock."""
    return f"{when(datetime.fromisoformat(call['starts_at']), CHINA)} {call['cared']}与{call['relative']}"


def state(named: str, *, taken: bool) -> str:
    """How a task stands, in a word: one that has gone on and that nobody has is to be done as any other."""
    return STATES["open" if named == "acknowledged" and not taken else named]


def note(verb: str, kept: str) -> str:
    """What was said with a deed; by how much a task that waited is due later is kept as "+90 min"."""
    found = _LATER.fullmatch(kept) if verb == "resume" else None
    if found is None:
        return kept
    hours, minutes = divmod(int(found[1]), 60)
    later = (f"{hours}小时" if hours else "") + (f"{minutes}分钟" if minutes else "")
    return f"期限顺延{later}" if later else ""


def waiting(why: str, since: datetime, wake: datetime, zone: ZoneInfo) -> str:
    """What a task that is on hold waits for, and until when."""
    return WAITING.format(why=why, since=when(since, zone), wake=when(wake, zone))


def sentence(kind: str, facts: dict[str, Any], due: datetime | None, zone: ZoneInfo, inner: str = "") -> str:
    """The whole task in one paragraph: what, whom, by when (None where it waits: its time stands still).

    `inner` is the letter that could not be delivered.
    """
    if not facts:
        return FORGOTTEN
    by = f"请在{when(due, zone)}前办好。" if due is not None else ""
    if kind in _MATTERS:
        return _MATTERS[kind].format(who=f"{facts.get('place', '')}{facts.get('person') or '一位居民'}") + by
    if kind in ORDER_TAILS:
        return _order(kind, facts, zone) + by
    if kind in _SENTENCES:
        return _SENTENCES[kind](facts, zone) + by
    if kind == "tell_in_person":
        return f"{called(facts['person'])}不用微信，请上门或打电话告诉本人：“{inner}”{by}"
    lead = "微信没有送到" if kind == "phone_call" else "不确定对方是否收到"
    return f"{lead}：请告诉{called(facts['person'])}：“{inner}”{by}"


def _order(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> str:
    wanted = when(datetime.fromisoformat(facts["preferred_at"]), zone)
    outside = "、".join(facts.get("outside", ()))
    tail = _NOT_LENT if facts.get("why") == NOT_LENT else ORDER_TAILS[kind]
    tail += f"{outside}能做，但不服务这个村，可以申请借调。" if outside else ""
    return f"{facts['beneficiary']}的“{facts['service']}”（订单{facts['number']}），希望{wanted}。{tail}"


def _confirm_link(facts: dict[str, Any], zone: ZoneInfo) -> str:
    return (
        f"{called(facts['relative'])}说自己是{facts['cared']}的{facts['kinship']}。请核实，"
        f"并当面问{facts['cared']}：是否同意由对方代办、登记服务、参加视频。"
    )


def _closure(facts: dict[str, Any], zone: ZoneInfo) -> str:
    lines = [call_line(line) for line in facts["calls"]]
    why = f"（{facts['why']}）" if facts["why"] else ""
    shut = f"的{facts['screen']}在这些时间用不了" if "screen" in facts else "在这些时间不开门"
    return f"{facts['centre']}{shut}{why}：\n" + "\n".join(lines) + "\n请联系双方改时间或取消。"


def _pairing_due(facts: dict[str, Any], zone: ZoneInfo) -> str:
    return f"{called(facts['helper'])}与{facts['cared']}结对，该联系了。联系后请记一笔。"


def _series_helper(facts: dict[str, Any], zone: ZoneInfo) -> str:
    lines = [call_line(line) for line in facts["calls"]]
    lead = f"{facts['helper']}不在{facts['centre']}工作了，约好由这位负责的视频要换人："
    return "\n".join([lead, *lines, "请在公众号“我的任务”里点“由我负责”接过来。"])


def _stop_provider(facts: dict[str, Any], zone: ZoneInfo) -> str:
    number = facts["organisation_phone"] or "（没有登记，请查通讯录）"
    return (
        f"{facts['organisation']}已经出发，{facts['beneficiary']}的“{facts['service']}”（订单{facts['number']}）"
        f"刚刚取消。请马上打电话{number}，请对方不用去了。"
    )


def _identity_conflict(facts: dict[str, Any], zone: ZoneInfo) -> str:
    return (
        f"同一个微信在公众号和小程序里登记了两个姓名：{called(facts['person'])}和{called(facts['other'])}。"
        f"请联系本人核对是谁。"
    )


def _review_listing(facts: dict[str, Any], zone: ZoneInfo) -> str:
    return f"{facts['centre']}的“{facts['listing']}”（{called(facts['author'])}填写）等您审核。"


def _loan(tail: str) -> Callable[[dict[str, Any], ZoneInfo], str]:
    def said(facts: dict[str, Any], zone: ZoneInfo) -> str:
        return f"{lending(facts)}{tail}"

    return said


# What is said of each kind that has a sentence of its own; the time by which follows.
_SENTENCES: Mapping[str, Callable[[dict[str, Any], ZoneInfo], str]] = {
    "confirm_link": _confirm_link, "call_help": call_words.call_help, "closure": _closure, "screen_out": _closure,
    "stop_provider": _stop_provider, "identity_conflict": _identity_conflict, "review_listing": _review_listing,
    "call_outcome": call_words.call_outcome, "elder_absent": call_words.elder_absent,
    "wellbeing": call_words.wellbeing, "pairing_due": _pairing_due, "series_helper": _series_helper,
    "device_grant": call_words.device_grant, "wechat_stopped": alarm_words.sentence,
    "loan_request": _loan("请答复能不能借。"), "loan_overdue": _loan("已经到期还没有归还，请联系对方。"),
}  # fmt: skip


TEMPLATES = {"tasks.assigned": "task_assigned", "tasks.digest": "task_assigned", "tasks.escalated": "task_assigned"}


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A task, a morning's tasks or an overdue one: no phone of a resident, no address, no detail of health."""
    if kind == "tasks.digest":
        return _digest(facts, zone)
    due = datetime.fromisoformat(facts["due_at"])
    overdue = kind == "tasks.escalated"
    lead = "逾期：" if overdue else "继续：" if facts.get("resumed") else ""
    fields = {
        "task": lead + title(facts["kind"]), "who": about(facts) or alarm_words.about(facts),
        "time": on_card(due, zone), "contact": facts["phone"],
    }  # fmt: skip
    by = f"应在{when(due, zone)}前办好，还没有办，请过问" if overdue else f"请在{when(due, zone)}前办好"
    text = f"{fields['task']}：{fields['who']}。{by}，回复“我的任务”查看。"
    return Wording(TEMPLATES[kind], fields, text)


def _digest(facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """What a day brought, in one letter: how many of each kind, and the first that is due."""
    items = facts["items"]
    first = min(datetime.fromisoformat(item["due_at"]) for item in items)
    counted = Counter(title(item["kind"]) for item in items)
    fields = {
        "task": f"{len(items)}件待办任务", "who": "请回复“我的任务”",
        "time": on_card(first, zone), "contact": facts["phone"],
    }  # fmt: skip
    listed = "，".join(f"{name}{count}件" for name, count in counted.most_common())
    text = f"您有{len(items)}件新任务：{listed}。最早的请在{when(first, zone)}前办好，回复“我的任务”查看。"
    return Wording(TEMPLATES["tasks.digest"], fields, text)
