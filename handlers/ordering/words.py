"""What we say about services and orders."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.ordering import need_words
from handlers.room import Wording
from handlers.words import plain, when_two
from models.hours import CHINA
from models.ordering.numbers import spoken

CATEGORY_NAMES = {
    "meal": "助餐", "medical": "助医", "mobility": "助行", "emergency": "助急", "bathing": "助浴", "cleaning": "助洁",
    "selling": "助销", "shopping": "助购", "schooling": "助学", "leisure": "助乐",
}  # fmt: skip
# What a lock screen may name. Any other kind of help says of a neighbour's health or need what is nobody's business:
# there the template only says where it happens, and the rest stays in the conversation.
NAMED_ON_LOCK_SCREENS = ("meal", "mobility", "cleaning", "selling", "shopping", "leisure")
UNNAMED = {"at_home": "上门服务", "delivery": "上门服务", "at_centre": "中心服务"}
STATE_NAMES = {
    "open": "等待接单", "accepted": "已接单", "completed": "已完成", "closed": "已结束", "cancelled": "已取消",
    "unmet": "暂时没有组织能做",
}  # fmt: skip
JOB_STATES = {"offered": "待答复", "accepted": "已接单", "started": "已出发"}
JOB_OVER = "已结束"

# How the desk speaks of orders and offers.
VERBS = {
    "begin": "点单", "accept": "接单", "hand_back": "交回", "complete": "完成", "close": "结束", "cancel": "取消",
    "give_up": "记为没有组织能做",
}  # fmt: skip
OFFER_STATES = {
    "offered": "等待答复", "accepted": "已接单", "started": "服务中", "done": "已完成", "declined": "不接",
    "expired": "没有答复", "withdrawn": "已撤回", "handed_back": "已交回",
}  # fmt: skip

FOR_WHOM = "给谁点单？"
MYSELF = "给我自己"
NO_ONE_YET = "我们还不知道您住在哪个村。请先关联家人，或联系村里的工作人员为您登记。"
NO_LISTINGS = "这个中心现在没有可以点的服务，请过几天再看，或联系工作人员。"
PICK_TIME = "希望什么时候来？可以点下面的时间，也可以直接写，例如：明天上午9点。"
BAD_TIME = "没有认出时间。请写清日期和几点，例如：11月29日 14:30。"
ASK_NOTE = "还有什么要交代的吗？没有就点“没有”。"
NO_NOTE = "没有"
AGAIN_SAME_DAY = "这一天已经为{beneficiary}点过“{service}”（订单{number}）。还要再点一份吗？"
STALE = "这张单子已经放得太久了，请重新点一次。"
PLACED = "点单成功！订单号 {number}（请记一下）。\n{beneficiary} · {service}\n{wanted}\n有组织接单后会通知您。"
STOPPED = "这项服务已经停止接新单，您这张单子照常办理。"
NO_ORDERS = "您还没有订单。有订单号的话，可以直接回复号码。"
ORDERS = "最近的订单："
ASK_REASON = "为什么取消？"
REASONS = ("不需要了", "时间不合适", "身体不方便", "点错了")
CANCELLED = "订单{number}已经取消，相关的人会收到通知。"
ASK_UNMET = "确认没有组织能做吗？订单会结束，点单的人会收到通知。"
NOBODY = "没有组织能做"
UNMET = "订单{number}已经结束，相关的人会收到通知。"
NO_JOBS = "现在没有等待接单的服务。"
JOBS = "您的组织有这些单子："
TAKEN = "接单成功。请按时上门，有变化请打中心电话{phone}。"
ASK_DECLINE = "不方便接的原因是？"
DECLINE_REASONS = ("人手不够", "时间排不开", "路太远", "做不了这项")
DECLINED = "好的，已经转给下一个组织。"
ANSWER_BY = "请在{until}前答复。"
ASK_HAND_BACK = "交回的原因是？"
HAND_BACK_REASONS = ("人手不够", "临时有急事", "联系不上", "做不了这项")
HANDED_BACK = "好的，已经交回，会另找组织，点单的人会收到通知。"
SET_OUT = "好的，已经告诉等您的人。路上请注意安全！"
ASK_DONE = "服务已经做完了吗？确认后订单就结束了。"
COMPLETED = "辛苦了！这张单子已经完成。"

# Pages.
SERVICES = "点单服务"
FOR_WHOM_LEAD = "请选一位，看看那边的中心有什么服务。"
KINDS_LABEL = "服务分类"
MODE_NAMES = {"at_centre": "到中心", "at_home": "上门", "delivery": "送到家"}
MY_SELF = "我自己"
FOR = "给{name}"
ASKS = "请填写"
OPTIONAL = "（可以不填）"
PICK_ONE, PICK_MANY = "请选一个", "可以选几个"
NO_MATTER = "都可以"
NUMBER_HINT = "写一个数字，例如：2"
TIME_HEAD = "希望什么时候？"
OTHER_TIME = "其他时间"
OTHER_DAY, OTHER_CLOCK = "日期", "几点（国内时间）"
NOTE_HEAD = "还有什么要交代的？"
NOTE_HINT = "例如：放在门口就好"
NEXT = "下一步：核对"
CHECK = "请核对"
CHECK_LEAD = "还没有提交。看一看对不对，再点“确认点单”。"
SERVICE, WHOM, WISHED, NOTE, NOTHING_NOTED, WHY = "服务", "给谁", "时间", "留言", "没有", "原因"
CONFIRM, EDIT = "确认点单", "返回修改"
MISTAKES = "有{count}处请再看一下："
ORDER, ORDER_NUMBER = "订单", "订单号"
PLACED_HEAD = "点单成功"
PLACED_LEAD = "请记下订单号。有组织接单后会通知您。"
STATE_LEADS = {
    "open": "已经发给服务组织，正在等他们接单。",
    "accepted": "已经有组织接单了。有变化会通知您。",
    "completed": "服务已经做完了。",
    "closed": "这张单子已经结束。",
    "cancelled": "这张单子已经取消，不会有人来。",
    "unmet": "抱歉，暂时没有组织能做。请打电话问工作人员。",
}
CANCEL = "取消订单"
CANCEL_LEAD = "点错了不要紧，做完以前都可以取消。"
CANCEL_TITLE = "取消这张订单？"
CANCEL_YES, CANCEL_NO = "确认取消", "不取消，返回"
OTHER_REASON = "其他原因（可以不写）"
ORDER_AGAIN = "再点一次"
MY_ORDERS = "我的订单"
NO_ORDERS_PAGE = "您还没有订单。"
GO_ORDER = "去点单"
JOBS_TITLE = "服务奉献"
JOBS_LEAD = "您的组织有这些单子。接单请回公众号，点“服务奉献”里的“我要接单”。"
NO_JOBS_PAGE = "现在没有等您接的单子。想帮邻居出一份力？请打电话给党群服务中心，工作人员会告诉您怎么加入。"
ANSWER_UNTIL = "请在这之前答复"

# Where a page does not say what the conversation says; the sentence stands beside its field.
PAGE_REFUSALS: dict[str, str] = {
    "answer_needed": "这一项请填一下。",
    "answer_number": "请写一个1到999的数字，例如：2。",
    "answer_value": "请从上面选。",
    "answer_long": "请在{limit}个字以内（您写了{length}个字），短一点。",
    "note_long": "请在{limit}个字以内（您写了{length}个字），短一点。",
    "bad_time": "请选一个以后的时间，或者写上日期和几点。",
    "no_contact": "这位居民还没有登记联系办法，请先打电话给工作人员补上，再来点单。",
    "stale_form": STALE,
}

REFUSALS: dict[str, str] = {
    "not_offered": "这项服务现在不能点了，请从清单里重新选。",
    "bad_time": "这个时间不能约，请换一个以后的时间。",
    "too_far": "现在只能约{days}天以内的时间，请换一个近一点的。",
    "note_long": "留言请在{limit}个字以内（您写了{length}个字），请短一点再回复一次。",
    "no_contact": "这位居民还没有登记联系办法，请先联系工作人员补上，再来点单。",
    "answer_needed": "这一项必须填写，请回复一下。",
    "answer_number": "请回复一个数字，例如：2。",
    "answer_value": "请从这些里选：{values}。",
    "answer_long": "请在{limit}个字以内（您写了{length}个字），短一点再回复一次。",
    "number_mistyped": "订单号好像输错了一位，请对照再回复一次。",
    "already_taken": "这张单子已经有人接了，谢谢您！",
    "too_early": "还早着呢：离约好的时间{hours}小时以内，出发时再点。",
    "order_gone": "这张单子已经取消，不用去了，谢谢您！",
    "offer_over": "这张单子已经转给其他组织了，谢谢您！",
}


def listings(centre: str) -> str:
    """The head of a list of services."""
    return f"{centre}的服务清单，请选一项："


def kinds(centre: str) -> str:
    """The head of a list of kinds of help."""
    return f"{centre}的服务清单，想要哪一类？"


def kind_of_help(category: str, many: int) -> str:
    """One kind of help, and how many services there are of it."""
    return f"{CATEGORY_NAMES[category]}（{many}项）"


def asked(questions: list[dict[str, Any]], answers: dict[str, Any]) -> list[tuple[str, Any]]:
    """The questions of a listing with what was answered."""
    return [(question["description"], answers.get(question["code"])) for question in questions]


def offered(category: str, title: str) -> str:
    """One service in a list, behind the kind of help it is."""
    name = CATEGORY_NAMES[category]
    return title if title.startswith(name) else f"{name}·{title}"


def summary(beneficiary: str, service: str, answers: list[tuple[str, Any]], wanted: str, note: str) -> str:
    """Everything that will be ordered, before it is."""
    lines = [f"请核对：{beneficiary} · {service}", *(f"{question} {_answer(value)}" for question, value in answers)]
    return "\n".join([*lines, f"时间：{wanted}", *([f"留言：{plain(note)}"] if note else [])])


def _answer(value: Any) -> str:
    return plain("、".join(value) if isinstance(value, list) else str(value if value is not None else "无"))


def order_line(number: str, service: str, beneficiary: str, state: str) -> str:
    """One order in a list."""
    return f"{spoken(number)} {beneficiary} {service} {STATE_NAMES[state]}"


def order_whole(number: str, service: str, beneficiary: str, state: str, wanted: str, note: str, reason: str) -> str:
    """One order."""
    lines = [f"订单 {spoken(number)}：{STATE_NAMES[state]}", f"{beneficiary} · {service}", f"希望时间：{wanted}"]
    lines += [f"留言：{plain(note)}"] if note else []
    return "\n".join([*lines, *([f"原因：{plain(reason)}"] if reason else [])])


def job_whole(service: str, village: str, beneficiary: str, wanted: str, answers: list[tuple[str, Any]], note: str,
              phone: str) -> str:  # fmt: skip
    """What an organisation needs to decide: what, where, when; the centre's phone, never the resident's."""
    lines = [f"{service} · {village} · {beneficiary}", f"希望时间：{wanted}"]
    lines += [f"{question} {_answer(value)}" for question, value in answers]
    lines += [f"留言：{plain(note)}"] if note else []
    return "\n".join([*lines, f"联系：中心电话{phone}"])


_JOB_ENDS = {
    "declined": "您的组织没有接这张单子。", "expired": "这张单子等太久，已经转给其他组织。",
    "withdrawn": "这张单子已经取消或由其他组织接走，不用去了。", "handed_back": "这张单子您的组织已经交回。",
    "done": "这张单子已经完成。",
}  # fmt: skip


def job_over(service: str, state: str) -> str:
    """What is left of a job that is over: nothing of the resident."""
    return f"{service}：{_JOB_ENDS[state]}"


_LETTERS = {
    "placed": ("已提交", "{requester}为{beneficiary}点了“{service}”，订单{spoken}，希望{wanted}。"),
    "offered": ("请接单", "有新的单子：{beneficiary}的“{service}”，希望{wanted}。回复“接单”查看。"),
    "accepted": ("已接单", "{beneficiary}的“{service}”（订单{spoken}）已由{organisation}接单，希望{wanted}。"),
    "handed_back": ("另找组织", "{organisation}来不了了，{beneficiary}的“{service}”（订单{spoken}）正在另找组织。"),
    "completed": ("已完成", "{beneficiary}的“{service}”（订单{spoken}）已由{organisation}完成。"),
    "unmet": ("没有组织", "抱歉，{beneficiary}的“{service}”（订单{spoken}）暂时没有组织能做。"),
    "taken": ("已被接走", "{beneficiary}的“{service}”（订单{spoken}）已由其他组织接单，您不用去了。"),
    "on_the_way": ("已出发", "{organisation}出发了，正在去做{beneficiary}的“{service}”（订单{spoken}）。"),
    "stop": ("请停下", "请马上停下，不用去了：{beneficiary}的“{service}”（订单{spoken}）刚刚取消，原因：{reason}。"),
    "cancelled": ("已取消", "{beneficiary}的“{service}”（订单{spoken}）取消了，原因：{reason}。"),
}
TEMPLATES = {f"ordering.{word}": "order_update" for word in _LETTERS} | need_words.TEMPLATES


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about an order, or about a need or a call for help."""
    if kind in need_words.TEMPLATES:
        return need_words.letter(kind, facts, zone)
    state, text = _LETTERS[kind.partition(".")[2]]
    wanted = datetime.fromisoformat(facts["preferred_at"])
    fields = {
        "service": f"{_on_lock_screen(facts)}·{facts['beneficiary']}", "number": facts["number"], "state": state,
        "time": f"{wanted.astimezone(zone):%Y-%m-%d %H:%M}",
    }  # fmt: skip
    known = {"organisation": "", **facts, "reason": facts.get("reason") or "未说明"}
    told = text.format(**known, spoken=spoken(facts["number"]), wanted=when_two(wanted, CHINA, zone))
    return Wording(TEMPLATES[kind], fields, f"{told}有问题请打{facts['centre']}电话{facts['phone']}。")


def _on_lock_screen(facts: dict[str, Any]) -> str:
    """What may be said of a service where anybody can read it."""
    if facts.get("category") in NAMED_ON_LOCK_SCREENS:
        return str(facts["service"])
    return UNNAMED.get(str(facts.get("mode")), "上门服务")
