"""What we say about call days (集中连线) to the cadre who holds them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.words import city, clock_span, on_day, when, when_two
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
LEFT_OUT = {"no_time": "没有双方都方便的时间", "full": "方便的时间都坐满了"}

# The desk.
TITLE = "集中连线"
VIEWS = {"coming": "要办的", "past": "以前的"}
STATES = {"open": "要办的", "called_off": "不办了", "closed": "办过了"}
VERBS = {"begin": "开了这一天", "resize": "改了设备台数", "call_off": "取消了这一天", "close": "到时间结束了"}
NO_DAYS = "没有集中连线。"
OTHER_DAY = {-1: "前一天", 1: "后一天"}
EMPTY, RESERVED = "空着", "备用"
PLAN = "{seats}台设备，可以这样安排{count}家"
NOT_ASKED = "前后七天里已有视频的、要上门视频的、没有关联家人或没有同意的，不在这里。"
RESERVE_KEPT = "各家都会收到通知，最后半小时留作备用。点两下也只开一次。"
FEWER_FIRST = "减少台数时，没有设备用的家庭要先同意换时段。"
HOW_MANY = "{count}家都会收到取消通知，请写明原因。"
CHANGED = "您打开页面之后，这一天有了变化：{what}。请看过最新情况再办。"
DONE = {
    "day_made": "开好了，各家都会收到通知。", "day_resized": "设备台数改好了。",
    "day_off": "已经取消，各家都会收到通知。", "day_seated": "座位改好了，家人会收到通知。",
}  # fmt: skip

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


def whole_time(starts_at: datetime, ends_at: datetime) -> str:
    """From when to when a day goes on, by the centre's clock."""
    return on_day(starts_at.astimezone(CHINA).date()) + clock_span(starts_at, ends_at, CHINA)


def there(moment: datetime, zone: ZoneInfo) -> str:
    """The same moment where a relative lives, with its day where that is another; "" where the clocks agree."""
    away, home = moment.astimezone(zone), moment.astimezone(CHINA)
    if away.utcoffset() == home.utcoffset():
        return ""
    days = (away.date() - home.date()).days
    return f"{city(zone)}{OTHER_DAY.get(days, '')}{away:%H:%M}"


def half(number: int, starts_at: datetime, ends_at: datetime) -> str:
    """A morning or an afternoon to choose."""
    return HALVES[number] + clock_span(starts_at, ends_at, CHINA)


def seat(starts_at: datetime, relative: Person, cared: Person) -> str:
    """Who talks with whom, when, by both clocks."""
    return f"{when_two(starts_at, CHINA, relative.tz)} {cared.name}与{relative.name}"


def plan(seats: int, lines: Sequence[str], left_out: Sequence[tuple[str, str]]) -> str:
    """Who would sit when, and who is left out and why."""
    out = [
        f"排不上的（{said}）：{'、'.join(names)}"
        for why, said in LEFT_OUT.items() if (names := [name for name, reason in left_out if reason == why])
    ]  # fmt: skip
    return "\n".join([f"用{seats}台设备，可以这样安排，最后半小时留作备用：", *lines, *out])


def whole(starts_at: datetime, centre: str, seats: int, count: int) -> str:
    """One day as its cadre sees it."""
    local = starts_at.astimezone(CHINA)
    return f"{on_day(local.date())}{local:%H:%M}起，{centre}，{seats}台设备，{count}家。点一家可以更改："
