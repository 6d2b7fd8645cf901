"""What we say about needs, lists of demands and calls for help."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording
from handlers.words import on_card, plain, when

KINDS_OF_SAID = {
    "meal": "助餐", "medical": "助医", "mobility": "助行", "emergency": "助急", "bathing": "助浴", "cleaning": "助洁",
    "selling": "助销", "shopping": "助购", "schooling": "助学", "leisure": "助乐", "other": "其他",
    "family_dispute": "家庭矛盾（保密）", "poor_pupil": "困难学生就学（保密）", "hardship": "生活困难（保密）",
    "counselling": "心理情绪（保密）", "": "还没分类",
}  # fmt: skip
AUDIENCES = {"away": "在外人员高频需求清单", "left_behind": "留守群体高频需求清单"}
NEED_STATES = {
    "received": "已收到", "triaged": "正在研究", "merged": "已和别人的合在一起", "adopted": "已采纳",
    "declined": "已答复",
}  # fmt: skip
HELP_STATES = {
    "received": "已收到", "triaged": "正在安排", "assigned": "正在办", "done": "已办好", "closed": "已答复",
    "withdrawn": "已撤回",
}  # fmt: skip
CHANNELS = {"paper": "纸条、意见箱", "phone": "电话或当面说的"}

HOME = "您可以提一个需求（希望村里有什么服务，大家的需求会汇总成清单），也可以说一件具体的事，请人来帮忙。"
FOR_WHOM = {"need": "这是谁的需求？", "help": "是谁需要帮忙？"}
SAY = {
    "need": "请用您自己的话说说，希望有什么服务？可以打字、发一段语音，或者拍一张照片。",
    "help": "请用您自己的话说说，遇到了什么事？可以打字、发一段语音，或者拍一张照片。有危险请直接拨打110、119、120。",
}  # fmt: skip
HOW = "请选怎样提交："
OPEN, SECRET, NAMELESS = "提交", "保密提交（只有经办人能看）", "匿名提交（不留姓名，也收不到答复）"
STALE = "这件事放得太久了，请重新说一次。"
TAKEN = {
    "need": "收到，谢谢您！乡镇会把大家的需求汇总起来，有结果会告诉您。",
    "help": "收到。工作人员会尽快看，有结果会告诉您。着急请打{centre}电话{phone}。",
}  # fmt: skip
TAKEN_QUIETLY = "这件事只有经办人能看到，通知里也不会写内容。"
TAKEN_NAMELESS = "收到，谢谢您！没有记下您的姓名，您的声音会算进去，但我们没法答复您。"
DANGER = {
    "fire": "请马上拨打119！先离开屋子，不要乘电梯，不要回去拿东西。",
    "gas": "请马上关阀门、开窗，离开屋子，不要开灯、不要打火，到外面拨打119。",
    "medical": "请马上拨打120！说清地址，别随意搬动病人。",
    "despair": "您的安全最要紧。请马上拨打12356心理援助热线（24小时），有危险请拨120或110，也请告诉身边的人。",
    "violence": "您的安全最要紧。请马上拨打110，先到安全的地方去；不方便说话可以发短信到12110。",
    "police": "请马上拨打110！说清地点和经过。",
    "flood": "请马上离开低处和山坡，拨打119求救，不要涉水。",
}  # fmt: skip
DANGER_KEPT = "这件事也已经记下，正在通知工作人员和您联系。"
DANGER_KEPT_QUIETLY = "这件事也已经记下，只有一位经办人能看到，会和您联系。"
DANGER_ALL = "有危险请马上拨打：火灾、煤气、被困119；急病120；报警110；想不开12356。打完电话再告诉我们也不迟。"
NO_MATTERS = "您还没有提过需求，也没有请过人帮忙。"
MATTERS = "您提过的："
QUIET = "好的，以后不再通知您需求和求助的进展；随时可以回复“我的需求”查看。"
NEWS_AGAIN = "好的，有进展会照常告诉您。"
WITHDRAWN = "好的，这件事已经撤回。"
VOICE, PICTURE = "[语音]", "[照片]"
NOT_CLERK = "这里是乡镇工作人员用的。想提需求，请回复“提需求”。"
ASK_RESIDENT = "替哪位居民记？请回复姓名。没有署名的意见箱纸条，请点“没有署名”。"
NO_RESIDENT = "您负责的范围里没有找到这个名字，请再回复一次。"
ASK_CHANNEL = "对方是怎么说的？"
NO_WAITING = "现在没有要处理的需求，辛苦了。"
WAITING = "有{count}件需求要处理，最早的排在前面："
PICK_KIND = "这是哪一类？选“保密”的，以后只有经办人能看。"
MERGED = "好的，已经合并，现在一共{people}人提过。"
PARTED = "好的，已经分开，恢复成合并以前的样子。"
PICK_ITEM = "列入哪一项？"
ASK_TITLE = "清单里怎么写这一项？{limit}个字以内。清单大家都看得到，请不要写姓名和家事。"
ADOPTED = "好的，已列入《{list}》第{position}项。清单发布时会告诉提出的人。"
TAKEN_OFF = "好的，已从清单里取下。"
ASK_DECLINE = "不采纳的原因是？提出的人会看到原因和您的姓名。也可以直接打字。"
DECLINE_REASONS = (
    "已经有这项服务，可以直接点单",
    "超出乡镇能办的范围",
    "今年没有经费或场地",
    "情况不清楚，请打电话说明",
)
DECLINED = "好的，已答复，提出的人会收到通知。"
PICK_CLERK = "交给哪位经办人？交出以后您就看不到了。"
HANDED_OVER = "好的，已经交给对方。"
PICK_KEEPER = "这件事要保密，内容您看不到。可以交给哪位经办人？对方会收到任务。"
NO_KEEPER = "这里还没有别的经办人可以接。请先给这个乡镇登记一位经办人，再来交接。"
NO_LISTS = "还没有清单。处理需求时选“列入”，就会开始一份。"
LISTS = "清单："
PUBLISH_SURE = "发布以后，提出这些需求的人都会收到通知，不能再改。确认发布吗？"
PUBLISHED = "已发布《{list}》，共{count}项，提出的人会收到通知。"
COVERED = "好的，记下了：这项需求已有服务。"
UNCOVERED = "好的，记下了：这项需求还缺服务。"
DROPPED = "好的，新清单里没有这一项了。"
COVER = "哪项服务能满足它？"
NO_COVER = "这里还没有同类的服务，先留作缺口。"
NO_HELP_WAITING = "现在没有要办的求助，辛苦了。"
HELP_WAITING = "有{count}件求助要办，最急的排在前面："
PICK_HELPER = "交给谁办？对方会收到任务。保密的事交出以后只有对方能看。"
ASSIGNED = "好的，已经交给{name}。"
ASK_OUTCOME = "办得怎么样？请写一两句，对方会看到。"
FINISHED = "辛苦了！结果已经告诉对方。"
ASK_CLOSE = "为什么办不了？对方会看到原因和您的姓名。也可以直接打字。"
CLOSE_REASONS = ("联系不上本人", "本人说不用了", "请直接到有关部门办理", "超出我们能办的范围")
CLOSED = "好的，已经答复对方。"
ASK_NOTE = "记什么？只有能看这件事的工作人员看得到。"
NOTED = "记下了。"

REFUSALS: dict[str, str] = {
    "said_nothing": "还没有内容。请打字、发语音或拍张照片。",
    "said_long": "请在{limit}个字以内（您写了{length}个字），请短一点再说一次，或者发语音。",
    "no_media": "这个文件收不了，请发语音或照片，或者打字。",
    "media_long": "文件太大了，请在{megabytes}兆以内，或者拍小一点、录短一点。",
    "no_area": "我们还不知道住在哪个村。请先关联家人，或回复“人工”，请村里的工作人员登记。",
    "wrong_channel": "工作人员替居民记的，请选“纸条”或“电话”。",
    "no_clerk": "保密的事现在没有专人可以接，请直接打中心电话，回复“人工”查看号码。",
    "name_needed": "请人帮忙要留下姓名，不然没法找到您。可以选“保密提交”。",
    "reason_missing": "请写明原因，对方会看到。",
    "no_category": "没有这一类，请从列表里选。",
    "same_need": "不能和自己合并，请另选一件。",
    "secret_target": "保密的需求不能再并入别的需求。",
    "other_township": "这两件不是同一个乡镇的，不能放在一起。",
    "has_voices": "下面还有别人的需求，请先处理那些，再做这一步。",
    "list_closed": "这份清单已经发布，不能再改。请在新的一版里改。",
    "list_changed": "清单刚刚有了变化。请看过最新的一份再发布。",
    "list_empty": "清单还是空的，先列入一项再发布。",
    "title_long": "请写1到{limit}个字，再回复一次。",
    "no_helper": "这位不能办这件事，请另选一位。",
}


def excerpt(text: str, media: Sequence[str] = (), limit: int = 16) -> str:
    """The beginning of what was said, or what it is where nothing was written."""
    flat = " ".join(text.split())
    if not flat:
        return "".join(dict.fromkeys(PICTURE if kind == "image" else VOICE for kind in media)) or VOICE
    return flat if len(flat) <= limit else flat[:limit] + "…"


def check(who: str, text: str, media: Sequence[str]) -> str:
    """What will be handed in."""
    return f"请核对（{who}）：\n{plain(excerpt(text, media, 150))}\n{HOW}"


def list_name(audience: str, quarter: str, version: int) -> str:
    """What a list is called."""
    year, _, number = quarter.partition("-Q")
    return f"{year}年第{number}季度{AUDIENCES[audience]}（第{version}版）"


def place_in(audience: str, position: int, title: str) -> str:
    """One item of a draft, to be picked."""
    return f"{'在外' if audience == 'away' else '留守'}第{position}项：{title}"


def matter_line(text: str, media: Sequence[str], state: str) -> str:
    """One need or call in a person's own list."""
    return f"{excerpt(text, media)} {state}"


def need_whole(text: str, media: Sequence[str], said_at: str, state: str) -> str:
    """A need as who told it reads it."""
    return f"{plain(text) or excerpt('', media)}\n{said_at}提出\n{state}"


def listed(quarter: str, position: int, title: str, voices: int) -> str:
    """Where a need came to stand."""
    year, _, number = quarter.partition("-Q")
    return f"您的需求成了{year}年第{number}季度清单第{position}项：“{plain(title)}”，共{voices}人提出。"


def with_others(people: int) -> str:
    """It was merged with what others said."""
    return f"已和别人的需求合在一起，现在一共{people}人提过。"


def answered(reason: str, who: str) -> str:
    """A no, with why and who."""
    return f"没有采纳：{plain(reason)}（答复人：{plain(who)}）"


def help_whole(text: str, media: Sequence[str], said_at: str, lines: Sequence[str]) -> str:
    """A call for help as who told it reads it."""
    return "\n".join([plain(text) or excerpt("", media), f"{said_at}提出", *lines])


def desk_head(name: str, place: str, channel: str, by: str, *, secret: bool, urgent: bool) -> str:
    """Who says it, from where and how, and which relative (`by`) says it for them, above what a clerk decides."""
    marks = ("【紧急】" if urgent else "") + ("【保密】" if secret else "")
    way = f"（{CHANNELS[channel]}）" if channel in CHANNELS else f"（{plain(by)}代说）" if by else ""
    return f"{marks}{plain(name) or '匿名'} · {place}{way}"


_TEXTS = {
    "merged": ("已合并", "您提的需求和别人的合在一起了，一共{people}人提过。"),
    "listed": ("已列入清单", "您的需求成了{year}年第{number}季度清单第{position}项：“{title}”。"),
    "declined": ("已答复", "您提的需求这次没有采纳{why}（答复人：{who}）。"),
    "done": ("已办好", "您请人帮忙的事办好了{why}（经办人：{who}）。满意不满意，都请告诉我们。"),
    "closed": ("已答复", "您请人帮忙的事这次没能办成{why}（答复人：{who}）。"),
}
_SECRET = ("有新进展", "您反映的事项有了新进展。")
TEMPLATES = {f"ordering.matter_{word}": "matter_update" for word in _TEXTS} | {"ordering.help_off": "matter_update"}


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a need or a call: on the lock screen only that there is news, of a secret nowhere more.

    What a clerk typed stays on the matter's own page, unless a cadre reads the letter out (`aloud`) to somebody who
    has no such page.
    """
    if kind == "ordering.help_off":
        return _off(facts, zone)
    state, text = _SECRET if facts["secret"] else _TEXTS[kind.rpartition("_")[2]]
    at = datetime.fromisoformat(facts["at"])
    year, _, number = str(facts.get("quarter", "")).partition("-Q")
    known = {**facts, "why": _why(facts), "year": year, "number": number}
    said = text.format(**{name: plain(str(value)) for name, value in known.items()})
    fields = {"subject": "您反映的事项", "state": state, "time": on_card(at, zone)}
    look = "" if facts.get("aloud") else f"回复“我的需求”查看（{when(at, zone)}）。"
    ask = f"有问题请打{facts['centre']}电话{facts['phone']}。" if facts["phone"] else ""
    return Wording(TEMPLATES[kind], fields, f"{said}{look}{ask}")


def _off(facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """To who was asked to help: they need not go."""
    at = datetime.fromisoformat(facts["at"])
    fields = {"subject": "请您帮忙的事", "state": "不用去了", "time": on_card(at, zone)}
    ask = f"有问题请打{facts['centre']}电话{facts['phone']}。" if facts["phone"] else ""
    whose = plain(facts["person"]) or "一位村民"
    said = f"{facts['place']}{whose}请人帮忙的事，不用您去了（{when(at, zone)}），谢谢您。"
    return Wording(TEMPLATES["ordering.help_off"], fields, f"{said}{ask}")


def _why(facts: dict[str, Any]) -> str:
    said = str(facts.get("reason") or facts.get("outcome") or "")
    return f"：{said}" if facts.get("aloud") or said in (*DECLINE_REASONS, *CLOSE_REASONS) else ""
