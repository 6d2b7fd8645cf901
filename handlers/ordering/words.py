"""What we say about services and orders."""

from typing import Any

from handlers.words import plain
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
TWICE_THAT_DAY = "\n这一天已经点过同样的一份（订单{number}）。点重了的话，请取消其中一张。"
STALE = "这张单子已经放得太久了，请重新点一次。"
PLACED = "点单成功！订单号 {number}（请记一下）。\n{beneficiary} · {service}\n{wanted}\n有组织接单后会通知您。"
STOPPED = "这项服务已经停止接新单，您这张单子照常办理。"
NO_ORDERS = "您还没有订单。有订单号的话，可以直接回复号码。"
ORDERS = "最近的订单："
ASK_REASON = "为什么取消？"
REASONS = ("不需要了", "时间不合适", "身体不方便", "点错了")
CANCELLED = "订单{number}已经取消，相关的人会收到通知。"
ASK_UNMET = "没有组织能做的原因是？选了以后订单就结束，点单的人会收到通知。"
UNMET_NAMES = {
    "nobody_free": "人手不够", "too_far": "路太远", "no_skill": "没有人会做", "no_equipment": "缺车或设备",
    "other": "其他原因",
}  # fmt: skip
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
SCORES = {5: "满意", 3: "一般", 1: "不满意"}
RATED = "谢谢您的评价！七天内可以再改。"
ASK_COMPLAINT = "哪里没有做好？请写一下，只有乡镇的工作人员能看到。"
COMPLAINED = "收到了。乡镇的工作人员会在五个工作日内答复您。"
ASK_REOPEN = "希望什么时候重新来做？例如：11月29日 14:30。"
NOT_RIGHT = "上次没有做好"
REOPENED = "好的，已经重新安排，希望{wanted}。有组织接单后会通知您。"
RESTORED = "好的，没有取消，继续办理。相关的人会收到通知。"
ASK_OUTCOME = "处理好了请直接回复结果，投诉的人会收到。"
SETTLED = "好的，已经答复投诉的人。"
PROMISED = "最晚{due}前有人接单"
PAUSED = "在等本人答复，暂停计时"
RESUMED = "好的，继续计时。"
NONE_WAITING = "现在没有等待接单的订单。"
WAITING = "有{count}张订单等待接单，最久没有服务过的村排在前面。"
ASK_CLUB = "派给哪个组织？"
DISPATCHED = "已经派出，对方会收到通知。"
POOLED = "好的，重新征集，合适的组织会收到通知。"
ASK_OFF = "为什么办不了？请写原因。"
ASK_INSTEAD = "还能怎么办？例如：改到周五、换成集中理发。"
CALLED_OFF = "好的，已经取消，相关的人会收到原因和别的办法。"
ASK_WHO = "谁去？"
NO_ONE_FREE = "能去的人那时都有别的安排，或者路上来不及。请在网页的“我的接单”里换个时间，或者交回。"
NO_ONE_ABLE = "那天没有合适的人手。可以交回，或打中心电话商量。"
NAMED = "好的，由{visitor}上门，{when}。本人和家属会收到通知。"
ARRIVED = "好的，记下到了。做完后请点“已经做完”。"
ASK_NOBODY = "家里没有人应门吗？确认后会马上通知家属和村里。"
NOBODY_HOME = "已经通知家属和村里。可以重新定时间，或交回。"

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
    "changed_meanwhile": "这张单子刚刚有了变化，请看过最新情况再办。",
    "under_way": "已经有人在路上了，请先打电话和对方说好。",
    "not_provider": "这个组织不做这项服务，请换一个。",
    "nobody_answers": "这个组织现在没有人能收到通知，请换一个或打电话。",
    "not_qualified": "这个组织那天没有合格的人手，请换一个。",
    "not_covered": "这个组织不服务这个村，要先申请借调。",
    "not_member": "这个人不是您组织的成员，也没有借调过来，请换一个人。",
    "time_off": "这个人那段时间请了假，请换一个人或换个时间。",
    "travel": "人或车前后在{village}还有安排，路上要{minutes}分钟，来不及。请换一个人或错开时间。",
    "not_here": "这辆车那天不在这个中心：是别的中心的请先申请借用，借出去了请换一辆。",
    "bad_proof": "这份凭证没有收到，请再发一次。",
    "no_consent": "本人没有同意拍照或留存，请先当面问清。",
    "bad_score": "请从1到5里选一个。",
    "own_work": "自己组织做的服务不能自己评价，谢谢您。",
    "rating_closed": "评价过了{days}天，不能再改了。有意见可以投诉。",
    "reopened_already": "这张单子已经重新办过一次。还有问题，请投诉或打中心电话。",
    "too_late": "完成已经超过{days}天，不能重新办了。请重新点单，或投诉。",
    "too_late_to_undo": "取消已经超过10分钟，不能撤回了。需要的话请重新点单。",
    "alternative_needed": "请写明还能怎么办（换时间、换服务），再办一次。",
    "not_lendable": "没有找到可以借的人或东西，请核对一下。",
    "bad_span": "请填好从哪天到哪天：不能早于今天，后面那天不能早于前面那天，一次最多借{days}天。",
    "own_already": "这本来就是您中心的，不用借。",
    "lent_already": "那几天已经借给别的中心了，请换时间。",
    "lent_needed": "那几天还有{many}处安排要用它：{dates}。请先改这些安排的时间。",
    "bad_reason": "请从列出的原因里选一个。",
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
    lines = [f"请核对：{beneficiary} · {service}", *(f"{question} {answer(value)}" for question, value in answers)]
    return "\n".join([*lines, f"时间：{wanted}", *([f"留言：{plain(note)}"] if note else [])])


def answer(value: Any) -> str:
    """One answer as it is read."""
    return plain("、".join(value) if isinstance(value, list) else str(value if value is not None else "无"))


def order_line(number: str, service: str, beneficiary: str, state: str) -> str:
    """One order in a list."""
    return f"{spoken(number)} {beneficiary} {service} {STATE_NAMES[state]}"


def complaint_whole(service: str, number: str, said: str, outcome: str, since: str) -> str:
    """A complaint, for whoever settles it."""
    lines = [f"{since} 对“{service}”（订单{spoken(number)}）的投诉：", plain(said) or "（语音）"]
    return "\n".join([*lines, *([f"处理结果：{plain(outcome)}"] if outcome else [])])


def order_whole(number: str, service: str, beneficiary: str, state: str, wanted: str, note: str, reason: str,
                promised: str = "") -> str:  # fmt: skip
    """One order."""
    lines = [f"订单 {spoken(number)}：{STATE_NAMES[state]}", f"{beneficiary} · {service}", f"希望时间：{wanted}"]
    lines += [promised] if promised else []
    lines += [f"留言：{plain(note)}"] if note else []
    return "\n".join([*lines, *([f"原因：{plain(reason)}"] if reason else [])])


def job_whole(service: str, village: str, beneficiary: str, wanted: str, answers: list[tuple[str, Any]], note: str,
              phone: str) -> str:  # fmt: skip
    """What an organisation needs to decide: what, where, when; the centre's phone, never the resident's."""
    lines = [f"{service} · {village} · {beneficiary}", f"希望时间：{wanted}"]
    lines += [f"{question} {answer(value)}" for question, value in answers]
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
