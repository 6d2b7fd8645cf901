"""What we say about how people spend their days."""

from collections.abc import Sequence

from handlers.words import WEEKDAYS
from models.family.routines import Habit

WHOSE = "要看谁的作息？请回复居民的姓名，或者看自己的。"
MINE = "我自己的"
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

REFUSALS: dict[str, str] = {
    "bad_routine": "没有看懂这个时间，请写成“12:30-14:00”这样，没有就回复“没有”。",
}


def habit(one: Habit) -> str:
    """One span of the day: "午休 12:30–14:00", "赶集 逢3、8 07:00–11:00"."""
    if one.begins == one.ends:
        return f"{KINDS[one.kind]}：没有"
    days = [f"逢{'、'.join('十' if end == '0' else end for end in one.month_ends)}"] if one.month_ends else []
    days += [f"周{'、'.join(WEEKDAYS[int(day) - 1] for day in one.weekdays)}"] if one.weekdays else []
    return " ".join([KINDS[one.kind], *days, f"{one.begins:%H:%M}–{one.ends:%H:%M}"])


def days_of(name: str, lines: Sequence[str], *, own: bool) -> str:
    """What fills somebody's days."""
    return "\n".join([_OWN if own else _LEAD.format(name=name), *(lines or [_NOTHING])])
