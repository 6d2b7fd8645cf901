"""What we say about family calls."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording
from handlers.words import when, when_two
from models.hours import CHINA

FOR_WHOM = "想和哪位家人视频？"
NO_FAMILY = "您还没有关联家人，关联后就能约视频。"
PICK_DAY = "想在哪一天和{cared}视频？（每次30分钟，在{centre}）"
PICK_SLOT = "请选一个时间（前面是国内时间）："
NO_SLOTS = "这一天没有空位了，请换一天。"
CHECK = "请核对：与{cared}视频\n{time}\n地点：{centre}\n到时工作人员会请老人到场，并在微信上呼叫您。"
BOOKED = "约好了！\n与{cared}视频：{time}\n前一天、前一小时和前十分钟都会提醒您。"
MOVED = "改好了！\n与{cared}视频：{time}\n旧的提醒已取消，会按新时间提醒您。"
CANCELLED = "这次视频已经取消，相关的人会收到通知。"
ASK_REASON = "为什么取消？"
REASONS = ("临时有事", "老人不方便", "时间不合适")
NO_CALLS = "您没有约好的视频。"
CALLS = "约好的视频："
GONE = "这个时间刚刚被约走了。最近的空位有："
GONE_ALL = "这个时间刚刚被约走了，近几天也没有空位，请换一天。"

REFUSALS: dict[str, str] = {
    "slot_taken": "这个时间刚刚被约走了，请换一个时间。",
    "no_centre": "还没有登记这位家人所在的村，请联系工作人员。",
    "no_station": "{centre}还没有视频设备，请打电话{phone}问问工作人员。",
}


def whole(cared: str, relative: str, centre: str, time: str) -> str:
    """One call."""
    return f"{cared}与{relative}视频\n{time}\n地点：{centre}"


def both(moment: datetime, relative_zone: str) -> str:
    """A time for both ends."""
    return when_two(moment, CHINA, ZoneInfo(relative_zone))


_RULES = {"t-24h": "明天", "t-1h": "1小时后", "t-10min": "10分钟后"}
_TEXTS = {
    "booked": "{relative}约了与{cared}视频：{time}，地点{centre}。",
    "changed": "与{other}的视频改到：{time}，地点{centre}。",
    "cancelled": "与{other}的视频（{time}）取消了，原因：{reason}。",
}
_TEMPLATES = {
    "booked": "call_booked", "changed": "call_changed", "cancelled": "call_cancelled", "reminder": "call_reminder",
}  # fmt: skip


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a call: who and when and where, the centre's phone, nothing else."""
    word = kind.partition(".")[2]
    start = datetime.fromisoformat(facts["starts_at"])
    helper = facts["role"] == "helper"
    other = facts["cared"] if not helper else f"{facts['cared']}和{facts['relative']}"
    time = when(start, zone) if helper else both(start, facts["relative_zone"])
    fields = {
        "subject": f"与{facts['cared']}视频" if not helper else f"{facts['cared']}·{facts['relative']}",
        "time": f"{start.astimezone(zone):%Y-%m-%d %H:%M}", "place": facts["centre"], "contact": facts["phone"],
        "reason": str(facts.get("reason") or "未说明"),
    }  # fmt: skip
    if word == "reminder":
        soon = _RULES[facts["rule"]]
        text = f"提醒：{soon}（{time}）{'为' + other + '准备' if helper else '与' + other}视频，地点{facts['centre']}。"
    else:
        text = _TEXTS[word].format(**{"reason": "未说明", **facts, "other": other, "time": time})
    return Wording(_TEMPLATES[word], fields, f"{text}有问题请打电话{facts['phone']}。")
