"""What we say about how people spend their days."""

import re
from collections.abc import Sequence
from datetime import time

from handlers.words import WEEKDAYS
from models.family.routines import Habit

WHOSE = "要看谁的作息？请回复居民的姓名，或者看自己的。"
WHICH = "要看谁的作息？"
MINE, OF = "我自己的", "{name}的"
NO_RESIDENT = "您负责的范围里没有找到这个名字，请再回复一次。"
KINDS = {"meal": "吃饭", "nap": "午休", "market": "赶集", "sleep": "睡觉", "work": "上班", "school": "上课"}
CHANGE = "改{kind}"
ASK = "{kind}是几点到几点？例如：12:30-14:00。有几段就都写上；没有就回复“没有”。"
ASK_MARKET = "哪几天赶集？例如：逢三逢八，或周六；也可以写上几点到几点。没有就回复“没有”。"
KEPT = "好的，记下了。以后推荐视频时间会避开。"
LOOK = "看一看"
_LEAD = "{name}的作息，约视频时会避开这些时间："
_OWN = "约视频时会避开您的这些时间（按您那边的钟）："
_NOTHING = "还没有记下什么。"
_CODE = re.compile(r"(?P<kind>\w+) (?P<begins>\d\d:\d\d)-(?P<ends>\d\d:\d\d)(?: w(?P<week>\d+))?(?: d(?P<month>\d+))?")

# The desk.
HEAD, TYPE_SO = "作息", {"market": "例如：逢三逢八 07:00–11:00", "school": "例如：周一到周五 08:00–16:30"}
TYPE_SPANS = "例如：12:30–14:00，有几段都写上"
ASSUMED, UNKNOWN, BY_THE_FILE = "没人说过，先按一般情况", "没人说过", "来自名册"
FORGOTTEN = "{kind}：不清楚，按一般情况"
VERBS = {"write": "记下"}
DONE = {"routine": "记下了。以后约视频，会避开这些时间；已经约好的不变。"}
FILE_IS_NEWER = "县里的名册更新了"
CHANGED = "您打开页面之后，作息有了变化：{what}。请看过再改。"

# The pages.
TITLE, TITLE_OWN = "{name}的作息", "我的作息"
LEAD, LEAD_OWN = "约视频时会避开这些时间。", "约视频时会避开您的这些时间，按您那边的钟。"
NOT_KNOWN = "还没有记下"
SAVE, SOME = "记下来", "有，是这些时间"
HEADS = {
    "meal": "几点吃饭？", "nap": "几点午休？", "market": "哪几天赶集？", "sleep": "几点睡觉？", "work": "几点上班？",
    "school": "几点上课？",
}  # fmt: skip
FROM, UNTIL, NTH = "从", "到", "第{n}段"
NEVER = {
    "meal": "没有固定的时间", "nap": "不午休", "market": "不赶集", "sleep": "没有固定的时间", "work": "不上班",
    "school": "不上课",
}  # fmt: skip
SPANS, SPANS_HINT = "时间", "用不到的空着就行。"
MONTH_ENDS, WEEKDAYS_HEAD = "逢几（按公历）", "星期几"
DAYS_HINT = "不选就是每天。"
MARKET_HINT = "没写几点的话，按早上7点到11点算。"
END_NAMES = {str(n % 10): f"逢{sign}" for n, sign in enumerate("一二三四五六七八九十", start=1)}
PAGE_BAD = "请填好从几点到几点；没有的话，选“{never}”。"
PAGE_BAD_MARKET = "请选哪几天赶集；没有的话，选“不赶集”。"
PAGE_CHANGED = "刚才有人改过了，现在是下面这样。请看过再改。"
TOLD = "记下了。以后推荐视频时间会避开。"

REFUSALS: dict[str, str] = {
    "bad_routine": "没有看懂这个时间，请写成“12:30-14:00”这样，没有就写“没有”。",
}


def habit(one: Habit) -> str:
    """One span of the day: "午休 12:30–14:00", "赶集 逢3、8 07:00–11:00"."""
    return f"{KINDS[one.kind]}：没有" if one.begins == one.ends else f"{KINDS[one.kind]} {only_when(one)}"


def only_when(one: Habit, none: str = "没有") -> str:
    """The same where its kind stands beside it; `none` is what is said of who has none of it."""
    return none if one.begins == one.ends else " ".join([*days(one), span(one)])


def days(one: Habit) -> list[str]:
    """On which days it is so: "逢3、8", "周六、日"; nothing for every day."""
    found = [f"逢{'、'.join('十' if end == '0' else end for end in one.month_ends)}"] if one.month_ends else []
    return found + ([f"周{'、'.join(WEEKDAYS[int(day) - 1] for day in one.weekdays)}"] if one.weekdays else [])


def span(one: Habit) -> str:
    """From when to when."""
    return f"{one.begins:%H:%M}–{one.ends:%H:%M}"


def written(note: str) -> str:
    """What history keeps of a change, in words: "午休 14:00–15:30"; a kind alone was made forgotten."""
    found = [_CODE.fullmatch(code) for code in note.split("; ")]
    lines = [
        habit(Habit(one["kind"], time.fromisoformat(one["begins"]), time.fromisoformat(one["ends"]), one["week"] or "",
                    one["month"] or ""))
        for one in found if one is not None and one["kind"] in KINDS
    ]  # fmt: skip
    return "，".join(lines) or FORGOTTEN.format(kind=KINDS.get(note, note))


def days_of(name: str, lines: Sequence[str], *, own: bool) -> str:
    """What fills somebody's days."""
    return "\n".join([_OWN if own else _LEAD.format(name=name), *(lines or [_NOTHING])])
