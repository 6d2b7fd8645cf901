"""What we say about call days (集中连线) to the cadre who holds them."""

from collections.abc import Sequence
from datetime import datetime

from handlers.words import clock_span, on_day, when, when_two
from models.hours import CHINA
from models.people.persons import Person

NO_STAFF = "这里是工作人员用的。如果您需要帮助，请回复“人工”。"
DAYS = "集中连线：一次请多位老人到中心，挨个和家人视频。"
NEW_DAY = "新开一天"
WHICH_CENTRE = "在哪个中心办？"
WHICH_DAY = "哪一天办集中连线？"
HALVES = ("上午", "下午")
NO_ROOM = "这一天没有能用的时间，请换一天。"
SURE = "确认，通知各家"
MADE = "开好了，已经安排{count}家，家人都会收到通知。最后半小时留作备用。"
RESERVE = "（备用时段）"
TO_RESERVE = "没接上，改到备用时段"
OTHER_TIME = "家人同意，换个时段"
LOOK = "查看或更改"
PICK_SEAT = "已经和家人说好了吗？请选新的时段："
NO_SEAT = "没有空的时段了。"
MOVED = "好的，改到{time}，家人会收到通知。"
FEWER = "设备不够，减一台"
RESIZED = "好的，现在用{seats}台。"
OFF = "这一天不办了"
SURE_OFF = "确定不办了吗？{count}家都会收到取消通知。原因是："
REASONS = ("停电或网络不通", "恶劣天气", "中心临时关门")
CALLED_OFF = "已经取消，各家都会收到通知。"

REFUSALS: dict[str, str] = {
    "nobody_fits": "这段时间没有合适的家庭：要么已经约过，要么家人那边是休息时间。请换一段时间。",
    "no_reserve": "备用时段已经开始，请另外约时间。",
    "day_full": "这个时段没有空的设备了，请换一个时段。",
    "seats_taken": "减少之后{names}没有设备用了。请先和家人商量换个时段，再来减少。",
    "bad_seats": "设备台数不对，请重新选择。",
}


def day(starts_at: datetime, centre: str) -> str:
    """One day in a list."""
    return f"{when(starts_at, CHINA)} {centre}"


def half(number: int, starts_at: datetime, ends_at: datetime) -> str:
    """A morning or an afternoon to choose."""
    return HALVES[number] + clock_span(starts_at, ends_at, CHINA)


def seat(starts_at: datetime, relative: Person, cared: Person) -> str:
    """Who talks with whom, when, by both clocks."""
    return f"{when_two(starts_at, CHINA, relative.tz)} {cared.name}与{relative.name}"


def plan(seats: int, lines: Sequence[str], left_out: Sequence[str]) -> str:
    """Who would sit when, and who is left out."""
    out = [f"排不上的（没有双方都方便的时间）：{'、'.join(left_out)}"] if left_out else []
    return "\n".join([f"用{seats}台设备，可以这样安排，最后半小时留作备用：", *lines, *out])


def whole(starts_at: datetime, centre: str, seats: int, count: int) -> str:
    """One day as its cadre sees it."""
    local = starts_at.astimezone(CHINA)
    return f"{on_day(local.date())}{local:%H:%M}起，{centre}，{seats}台设备，{count}家。点一家可以更改："
