"""What we say of a person's own calendar, and in it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.words import when

NAME = "亲情连线"
NONE = "可以把约好的视频放进手机自带的日历，改了时间会自动跟着变。"
GET, RENEW, STOP = "要一个日历链接", "换一个新链接", "停用链接"
THERE = "您有一个日历链接（{since}开的）。旧链接不再显示；找不到了，或怕别人看到，就换一个新的。"
LINK = "您的日历链接（只给您自己，别转发）：\n{url}\n在手机日历里选“添加订阅日历”，把它粘贴进去。以前的链接已经失效。"
STOPPED = "好的，日历链接已停用，手机日历里的视频不会再更新。"

# The page.
TITLE = "放进手机日历"
LEAD = "把约好的视频放进手机自带的日历，改了时间会自动跟着变。"
NOW, NOT_YET = "已经有一个链接（{since}开的）", "还没有日历链接"
RENEW_LEAD = "链接找不到了，或怕别人看到，就换一个新的，旧的马上失效。"
HERE, ONLY_YOU = "您的日历链接", "只给您自己用，请别转发：谁有它，谁就能看到您的视频时间。"
COPY, COPIED = "复制链接", "已复制"
STEPS = (
    "点“复制链接”；没有反应的话，长按链接，选“复制”。",
    "打开手机自带的“日历”。",
    "找到“添加日历”里的“订阅日历”（有的手机叫“通过链接添加”），把链接粘贴进去。",
)
ONCE = "离开这一页，链接就不再显示。没记下来的话，换一个新的就行。"
AGAIN = "刚才已经开了一个新链接。没看到的话，请再换一个。"
TOLD = {"again": AGAIN, "stopped": STOPPED}
_STATES = {"CONFIRMED": "", "TENTATIVE": "（到时自动约）", "CANCELLED": "（已取消）"}


def since(moment: datetime, zone: str) -> str:
    """When the link was made."""
    return when(moment, ZoneInfo(zone))


def summary(status: str, cared: str, relatives: str, *, helps: bool) -> str:
    """What stands in the calendar: with whom, nothing else."""
    return f"{f'{cared}·{relatives}' if helps else f'与{cared}'}视频{_STATES[status]}"


def description(time: str, phone: str, status: str) -> str:
    """Below it: both clocks, and whom to phone."""
    ask = f"有问题请打电话{phone}。" if phone else ""
    return f"{time}{_STATES[status]}。{ask}"
