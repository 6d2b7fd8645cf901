"""How we speak of centres and their hours."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from handlers.family.words import both
from handlers.words import WEEKDAYS, on_day, when
from models.hours import CHINA
from models.places.centres import Closure, OpeningHours
from models.places.days import Days

NO_HOURS = "还没有登记开放时间"
ALL_CENTRES = "全部中心"
STATION_KINDS = {"video_call": "视频座位", "portable_call": "上门用的设备", "desk": "办事窗口"}

# Shutting a centre: what can be done with each call, and what came of it.
CHOICES = {"ask": "问家人改时间", "cancel": "取消", "keep": "先保留，我来处理"}
DAY_CHOICES = {"cancel": "整场取消", "keep": "先保留，我来处理"}
FOR_ALL = {
    "ask": "问家人改时间（家人同意才改；不同意或不答复就取消）", "cancel": "取消，通知家人",
    "keep": "先保留，变成任务由工作人员处理",
}  # fmt: skip
_OUTCOMES = {
    "cancelled": "已取消，家人会收到通知", "kept": "保留，会变成任务",
    "no_time": "没找到合适的时间，或来不及问，会变成任务",
    "meanwhile": "您办理时刚约或刚改的，先保留，会变成任务", "changed": "您办理时已开始、改走或结束，没有变动",
    "reseated": "时间不变，换了座位",
}  # fmt: skip
STATES = {"standing": "关门", "taken_back": "已撤回，照常开门"}
OUTAGE_STATES = {"standing": "停用", "mended": "修好了"}
OF_AN_OUTAGE = ("设备坏了", "停电或断网", "房屋检修")
VERBS = {"begin": "登记关门", "take_back": "撤回关门", "shorten": "提前结束关门"}
OUTAGE_VERBS = {"begin": "登记停用", "mend": "登记修好"}
OPEN_AT_ALL, OPEN_EARLIER = "撤回，照常开门", "{day}起照常开门"
NOBODY = "这些日子没有约好的视频，也没有到中心办的服务。"
DONE = {
    "outage": "停用已登记。每个视频怎么办的，看下面。", "mended": "好的，这个座位又能约了。",
    "shut": "关门已登记。每个视频怎么办的，看下面。", "closure_back": "好的，这些日子照常开门。",
    "closure_shorter": "好的，明天起照常开门。",
}  # fmt: skip
REFUSALS: dict[str, str] = {
    "bad_days": "日子没填对。请填今天以后、一年以内的日子，最后一天不能早于第一天。",
    "bad_outage": "时间没填对。结束要在现在以后、开始以后，最长一年。",
    "out_already": "这段时间已经登记过停用了，不用再登记。",
    "bad_choice": "请从列表里选怎么办。",
    "shut_already": "这些日子已经登记过关门了，不用再登记。",
    "closure_over": "这次关门已经结束了，不用再改。",
}


def week(hours: Sequence[OpeningHours]) -> list[str]:
    """A usual week in as few lines as it needs: "周一至周五 08:30–17:00"."""
    days: dict[int, list[str]] = {}
    for row in hours:
        days.setdefault(row.weekday, []).append(f"{row.opens:%H:%M}–{row.closes:%H:%M}")
    spans = [(day, "、".join(times)) for day, times in sorted(days.items())]
    lines = []
    # Days in a row with the same times: their number less their place is the same.
    for (_, times), group in groupby(enumerate(spans), lambda item: (item[1][0] - item[0], item[1][1])):
        found = [day for _, (day, _) in group]
        first, last = WEEKDAYS[found[0] - 1], WEEKDAYS[found[-1] - 1]
        lines.append(f"周{first}至周{last} {times}" if len(found) > 1 else f"周{first} {times}")
    return lines or [NO_HOURS]


def on_holidays(hours: Sequence[OpeningHours]) -> str:
    """Whether a centre is open on holidays."""
    if not hours:
        return ""
    marked = [row.on_holidays for row in hours]
    return "节假日照常" if all(marked) else "节假日部分开放" if any(marked) else "节假日休息"


def in_days(days: Days) -> str:
    """From which day to which."""
    return on_day(days.first) + (f"至{on_day(days.last)}" if days.last != days.first else "")


def in_span(begins: datetime, ends: datetime) -> str:
    """From when to when, in China."""
    return f"{when(begins, CHINA)}至{when(ends, CHINA)}"


def closure(row: Closure) -> str:
    """Some days on which a centre is shut, and why."""
    return f"{in_days(Days(row.first_day, row.last_day))} {row.reason}" + (
        f"（{ALL_CENTRES}）" if row.centre_id is None else ""
    )


def opening(closure: Closure, opens: date) -> str:
    """What the button says that has a centre open again."""
    return OPEN_AT_ALL if opens == closure.first_day else OPEN_EARLIER.format(day=on_day(opens))


def became(row: Any) -> str:
    """What was done with a call that a closure shut out, and where it stands now."""
    call, decided = row.FamilyCall, row.ShutOut
    if decided.outcome == "asked" and row.new_at is not None:
        return f"在问家人：改到{both(row.new_at, row.relative_zone)}，请对方{when(row.answer_by, CHINA)}前答复"
    if decided.outcome == "asked" and call.state == "cancelled":
        return "问过家人改时间，最后取消了"
    said = "" if decided.outcome == "asked" else _OUTCOMES[decided.outcome]
    if call.starts_at != decided.starts_at and call.state != "cancelled":
        moved = f"改到{both(call.starts_at, row.relative_zone)}"
        return f"{said}；后来{moved}" if said else f"家人同意了，{moved}" if row.agreed else f"后来{moved}"
    if call.state == "cancelled" and decided.outcome not in ("cancelled", "changed"):
        return f"{said}；后来取消了"
    return said or "照原来的时间"
