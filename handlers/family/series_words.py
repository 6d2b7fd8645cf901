"""What we say about series of calls: the rule in words, each date with why it is so, and letters."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Said, Wording
from handlers.words import WEEKDAYS, city, on_card, on_day, when, when_two
from models.family.lunar import DAY_NAMES, MONTH_NAMES, festival_on
from models.family.recurring import Rule, read
from models.family.repeating import Glance
from models.hours import CHINA, instant

HEAD = "定期连线：约一次，以后自动约好，到时提醒。"
NONE = "您还没有定期连线。先约一次视频，再从那一次开始，让它每周都有。"
PICK_RULE = "{time}与{cared}的视频，以后怎么重复？（都按国内{clock}）"
ASK_BIRTHDAY = "请回复农历生日，例如：8月15。闰月前面写“闰”，例如：闰6月10。"
BAD_BIRTHDAY = "没认出这个农历日子，请照这样写：8月15，或：闰6月10。"
CHECK = "请核对：{rule}，国内{clock}与{cared}视频，{span}。{holidays}\n接下来的日子：\n{dates}"
BEGUN = "定好了！{rule}，国内{clock}与{cared}视频。\n{dates}\n每次都会提前提醒您。"
SKIPPED_ONE = "好的，{time}这一次不视频了，其他的照常。"
TAKEN_UP = "好的，{time}这一次恢复了。"
STILL_NOT = "{time}这一次还是约不上：{why}。可以过几天再试，或另约一个时间。"
RESTS = "好的，先暂停。约好的都取消了，想恢复时点“恢复”，中间的不补。"
GOES_ON = "好的，恢复了。\n{dates}"
ASK_END = "要结束与{cared}的定期连线吗？后面约好的{count}次都会取消。"
ENDED = "好的，全部结束了，相关的人会收到通知。改主意了，可以点“恢复”。"
RESTORED = "好的，都恢复了。\n{dates}"
PROLONGED = "好的，延长到{until}。"
PICK_TIME = "改到几点？（{whose}；前面是国内时间）"
ALL_TO_COME, FROM_THEN = "以后每一次都改，单独改过时间的不变", "从{day}那一次起改，前面的不变"
NO_TIMES = "中心这一天不开门，请打电话给工作人员。"
RETIMED = "改好了，{count}次改到新时间。{kept}\n{dates}"
KEPT = "有{kept}次新时间没有空位，仍按原来的时间。"
PICK_DAY = "现在是{rule}。新的安排从哪一天开始？"
PICK_OTHER_RULE = "从{day}起，怎么重复？（还是国内{clock}）"
CHECK_RULE = "请核对：从{day}起，改为{rule}，国内{clock}。{off}\n改好后的日子：\n{dates}"
DO_CHANGE, OTHER_RULE, OTHER_RULE_SINCE = "确认，就这样改", "改日子", "从这一次起改日子"
RULE_CHANGED = "改好了：{rule}，国内{clock}。{off}\n{dates}"
OFF = "原来约好的有{off}次会取消。"
DATES_HEAD = "点一个日子，可以单独改它："
NO_DATES = "近期没有安排的日子。"
HOLIDAYS_SET = "好的。\n{dates}"
TAKEN_OVER = "好的，{count}次视频由您负责，到时会提醒您。"
LEFT_OVER = "有{count}次与您别的安排冲突，还要请别的同事负责，已留在任务里。"
UNKNOWN = "（带*的日子，国家还没有公布那一年的放假安排，公布后会再核对。）"

ON_HOLIDAYS = {
    "skip": "遇到法定节假日就停一次。",
    "shift": "遇到法定节假日就顺延到放假后。",
    "keep": "节假日也照常，中心开门就视频。",
}
CHANGE_HOLIDAYS = {"skip": "遇假期停一次", "shift": "遇假期顺延", "keep": "假期也照常"}
OPEN_END = "一直到您说停"
UNTIL = "到{day}为止"
STATES = {"active": "进行中", "suspended": "暂停中", "cancelled": "已结束", "ended": "已到期"}

FESTIVALS = {
    "spring": "春节", "lantern": "元宵", "she": "三月三", "qingming": "清明", "dragon": "端午", "qixi": "七夕",
    "moon": "中秋", "ninth": "重阳",
}  # fmt: skip
_NTH = ("", "第一", "第二", "第三", "第四", "最后一")
_NUMBERS = ("", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")

REASONS: Mapping[str, str] = {
    "conflict": "这个时间已有别的安排", "closed": "中心不开门", "holiday": "法定节假日", "asked": "这一次说好不视频",
    "suspended": "暂停中", "missed": "时间已过", "no_place": "中心暂时没有设备", "unlinked": "家人关联已解除",
    "stopped": "对方暂时不方便", "consent_withdrawn": "家里暂时不参加视频", "edited": "改了日子", "series": "已结束",
    "call_cancelled": "这一次取消了",
}  # fmt: skip
_NOTES: Mapping[str, str] = {
    "workday": "调休上班日", "shifted": "放假顺延", "on_holiday": "法定节假日", "may_clash": "可能与别的连线重叠",
    "kept": "新时间没有空位，按原来的",
}  # fmt: skip
OTHER_REASON = "暂时约不上"
_MARKS = {"booked": "已约好", "moved": "已约好，单独改过", "planned": "到时自动约"}

# The desk.
DEEDS = {"suspend": "暂停", "resume": "恢复", "cancel": "全部结束", "restore": "恢复"}
VERBS = {
    "begin": "定好", "edit": "更改", "suspend": "暂停", "resume": "恢复", "cancel": "全部结束", "restore": "恢复",
    "run_out": "到期", "prolong": "延长",
}  # fmt: skip
DONE = {
    "series_suspend": "已经暂停，约好的都取消了，家人会收到通知。", "series_resume": "已经恢复，家人会收到通知。",
    "series_cancel": "已经全部结束，家人会收到通知。", "series_restore": "已经恢复，家人会收到通知。",
    "series_skip": "这一次不视频了，家人会收到通知。", "series_again": "这一次恢复了。",
    "series_edit": "改好了，家人会收到通知。",
    "series_kept": "改好了，家人会收到通知；有的日子新时间没有空位，仍按原来的，见下面。",
    "series_not": "这一次还是约不上，原因见下面。",
}  # fmt: skip
# How a series repeats from a day on, in the order of `wishing.rules_from`: that day says the weekday or the number.
HOWS = {
    "week": "每周的这一天", "fortnight": "每两周的这一天", "month": "每月的这一号", "nth": "每月的这个周几",
    "lunar": "每逢农历初一、十五", "feasts": "逢年过节",
}  # fmt: skip
SAME_RULE, BIRTHDAY = "重复不变", "农历生日"
CHANGED = "您打开页面之后，这个定期连线有了变化：{what}。请看过再改。"
NO_SERIES = "没有这样的定期连线。"

REFUSALS: dict[str, str] = {
    "bad_repeat": "这样的重复不行，请从列表里重新选。",
    "overlaps_itself": "两次之间隔得太近，前一次还没完下一次就开始了，请选隔得久一点的。",
    "series_there": "你们已经有一个同样的定期连线了，请回复“定期连线”查看。",
}


def from_one(cared: str, moment: datetime) -> str:
    """A call from which a series may begin."""
    return f"从这一次开始定期：{cared} {when(moment, CHINA)}"


def clock(at: time) -> str:
    """A time of the day."""
    return f"{at:%H:%M}"


def repeats(rule: Rule) -> str:
    """A rule in words: "每两周的周日"."""
    return _SAID[rule.kind](rule)


def _every(number: int, one: str, many: str) -> str:
    return one if number == 1 else many.format(_NUMBERS[number] if number <= 10 else number).replace("二", "两")


def _birthday(rule: Rule) -> str:
    month, day = rule.parts
    leap = "闰" if month.endswith("L") else ""
    return f"农历{leap}{MONTH_NAMES[int(month.rstrip('L'))]}月{DAY_NAMES[int(day)]}生日那天"


def _feasts(rule: Rule) -> str:
    return "逢年过节" if "all" in rule.parts else "、".join(FESTIVALS[name] for name in rule.parts) + "那天"


def feast(rule: Rule) -> str:
    """The name of the festival of a rule that has one."""
    return FESTIVALS[rule.parts[0]]


_SAID = {
    "week": lambda rule: f"{_every(rule.numbers[0], '每周', '每{}周的周')}{WEEKDAYS[rule.numbers[1] - 1]}",
    "day": lambda rule: _every(rule.numbers[0], "每天", "每{}天"),
    "month": lambda rule: f"{_every(rule.numbers[0], '每月', '每{}个月的')}{rule.numbers[1]}日",
    "nth": lambda rule: f"每月{_NTH[rule.numbers[0]]}个周{WEEKDAYS[rule.numbers[1] - 1]}",
    "lunar": lambda rule: "每逢农历" + "、".join(DAY_NAMES[number] for number in rule.numbers),
    "birthday": _birthday,
    "feast": _feasts,
}


def span(last_day: date | None) -> str:
    """Until when."""
    return UNTIL.format(day=on_day(last_day)) if last_day is not None else OPEN_END


def off(count: int) -> str:
    """How many that were booked are off; nothing where none is."""
    return OFF.format(off=count) if count else ""


def dated(glances: Sequence[Glance], zone: str) -> str:
    """Each date on both clocks, with what is not as usual; below them what a star means."""
    if not glances:
        return NO_DATES
    lines = [line(one, zone) for one in glances]
    return "\n".join([*lines, *filter(None, [unknown(glances)])])


def unknown(glances: Sequence[Glance]) -> str:
    """What a star behind a date means, where one has it: a year whose holidays are not published; else ""."""
    return UNKNOWN if any(not one.calendar_known for one in glances) else ""


def line(one: Glance, zone: str) -> str:
    """One date."""
    star, said = "" if one.calendar_known else "*", notes(one)
    mark = "·" if takes_place(one) else "×"
    return f"{mark} {when_two(one.starts_at, CHINA, ZoneInfo(zone))}{star}{f'（{said}）' if said else ''}"


def takes_place(one: Glance) -> bool:
    """Whether there is a call on that date, as things stand."""
    return one.state in _MARKS


def notes(one: Glance) -> str:
    """What is not as usual on a date: a festival, a working day in its place, why there is no call."""
    feast_day = FESTIVALS.get(festival_on(one.starts_at.astimezone(CHINA).date()), "")
    return "，".join(part for part in (feast_day, _note(one)) if part)


def _note(one: Glance) -> str:
    if one.state in _MARKS:
        return _NOTES.get(one.reason, "")
    return why(one.reason)


def why(reason: str) -> str:
    """Why a date does not take place."""
    return REASONS.get(reason, OTHER_REASON)


def state_of(one: Glance) -> str:
    """What becomes of one date, in a word."""
    return _MARKS.get(one.state) or f"不视频：{why(one.reason)}"


def head(cared: str, relative: str, rule: Rule, at: time, state: str, until: str, holidays: str) -> str:
    """What a series is."""
    return (
        f"{cared}与{relative}的定期连线（{STATES[state]}）\n{repeats(rule)}，国内{clock(at)}，{until}。"
        f"{ON_HOLIDAYS[holidays]}"
    )


# Letters: who, when, what to do. The subject of a card is about the series, its time the next thing to know.
TEMPLATES = {
    "series.skipped": "call_cancelled", "series.takes_place": "call_booked",
    "series.ending": "call_changed", "series.clock": "call_changed",
    "series.begun": "call_booked", "series.edited": "call_changed", "series.rests": "call_cancelled",
    "series.goes_on": "call_booked", "series.cancelled": "call_cancelled", "series.restored": "call_booked",
}  # fmt: skip
_CHANGED = {
    "begun": "工作人员帮您定好了", "edited": "工作人员改了", "rests": "工作人员暂停了", "goes_on": "工作人员恢复了",
    "cancelled": "工作人员结束了", "restored": "工作人员重新恢复了",
}  # fmt: skip
_OFF = ("rests", "cancelled")
_LOOK = "回复“定期连线”查看。"


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a series: the reader's own clock beside the centre's."""
    word, at, home = kind.partition(".")[2], time.fromisoformat(facts["at"]), ZoneInfo(facts["zone"])
    subject: Said = (f"与{facts['cared']}的定期连线", "定期连线")
    fields: dict[str, Said] = {
        "subject": subject, "place": repeats(read(facts["rule"])), "contact": facts["phone"], "reason": "",
    }  # fmt: skip
    if word == "skipped":
        start = datetime.fromisoformat(facts["starts_at"])
        fields |= {"time": on_card(start, zone), "reason": why(facts["reason"])}
        text = (
            f"{when_two(start, CHINA, zone)}与{facts['cared']}的视频这一次不能办：{why(facts['reason'])}。"
            f"其他的照常。要另约，{_LOOK}"
        )
    elif word == "takes_place":
        start = datetime.fromisoformat(facts["starts_at"])
        fields["time"] = on_card(start, zone)
        text = (
            f"与{facts['cared']}的视频，这一次照办：{when_two(start, CHINA, zone)}。以前的通知如有不同，以这条为准。"
            f"不合适的话，{_LOOK}"
        )
    elif word == "ending":
        last = date.fromisoformat(facts["last_day"])
        fields["time"] = on_card(instant(last, at, home), zone)
        text = f"与{facts['cared']}的定期连线到{on_day(last)}为止。想继续，回复“定期连线”，点“延长”。"
    elif word == "clock":
        text, fields["time"] = _clock(facts, at, home, zone)
    else:
        rule, last_day = repeats(read(facts["rule"])), facts.get("last_day")
        until = f"，{span(date.fromisoformat(last_day))}" if last_day is not None and word not in _OFF else ""
        text = f"与{facts['cared']}的定期连线（{rule}，国内{clock(at)}{until}），{_CHANGED[word]}。{_LOOK}"
        fields |= {
            "subject": (f"与{facts['cared']}的定期连线（国内时间）", "定期连线（国内时间）"), "time": clock(at),
            "reason": _CHANGED[word],
        }  # fmt: skip
    return Wording(TEMPLATES[kind], fields, f"{text}有问题请打电话{facts['phone']}。")


def _clock(facts: dict[str, Any], at: time, home: ZoneInfo, zone: ZoneInfo) -> tuple[str, str]:
    """What the centre's hour becomes where the reader lives, before and after the clocks change there."""
    day = date.fromisoformat(facts["changes"])
    before, after = (
        instant(one, at, home).astimezone(zone) for one in (day - timedelta(days=1), day + timedelta(days=1))
    )
    text = (
        f"{on_day(day)}{city(zone)}的钟要调了。与{facts['cared']}的定期连线仍是国内{clock(at)}，"
        f"您那边由{before:%H:%M}变为{after:%H:%M}。"
    )
    return text, f"{after:%Y-%m-%d %H:%M}"


def at_both(moment: datetime, zone: str) -> str:
    """A time for both ends."""
    return when_two(moment, CHINA, ZoneInfo(zone))


def on_the(moment: datetime) -> str:
    """A time at home."""
    return when(moment, CHINA)


def on_the_day(moment: datetime) -> str:
    """Its day at home."""
    return on_day(moment.astimezone(CHINA).date())


def day_of(day: date) -> str:
    """A day at home."""
    return on_day(day)
