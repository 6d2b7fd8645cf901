"""Sentences and ways of saying things that all quarters share."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from models.hours import CHINA

WEEKDAYS = "一二三四五六日"

# Cities people live in, by zone: what a time is called beside the county's own.
CITIES: dict[str, str] = {
    "Asia/Shanghai": "国内",
    "Europe/Madrid": "马德里",
    "Europe/Rome": "罗马",
    "Europe/Paris": "巴黎",
    "Europe/Berlin": "柏林",
    "Europe/London": "伦敦",
    "America/New_York": "纽约",
    "America/Sao_Paulo": "圣保罗",
    "Asia/Tokyo": "东京",
    "Australia/Sydney": "悉尼",
}

NOT_UNDERSTOOD = "抱歉，没听懂您的意思。您可以点下面的选项，或回复“人工”找工作人员。"
EXPIRED = "这个选项已经过期了，请从菜单重新选择。"
LAPSED = "上次没办完的事已经过了一天，先为您收起来了。需要的话请重新选择。"
CANCELLED = "好的，已经停下，什么都没有提交。"
NOTHING_TO_CANCEL = "现在没有正在办的事。"
APOLOGY = "抱歉，系统出了点小问题，这件事没有办成。请稍后再试，或回复“人工”找工作人员。"
WORDLESS = "服务中心有一件事要告诉您，请和我们联系。"  # in the place of a letter that cannot be said
MEDIA = "收到了，谢谢您。现在还不能看图片、视频和位置，请用文字告诉我，或点下面的选项。"
UNSUPPORTED = "【收到不支持的消息类型"  # how WeChat begins what it sends in the place of a sticker or a card
MORE = "更多"
NO_MORE = "已经是最后一页了。回复数字选择，回复“菜单”回到开头。"
FOOTER = "（回复0返回，回复“取消”停下）"
MENU_TEXT = "您好，这里是党群服务中心。请问要办什么？点下面的蓝字，或回复数字。"

# What the desk says when a page cannot be shown.
DESK_HEADINGS = {
    400: "请再提交一次", 401: "请重新登录", 404: "没有找到", 409: "情况有变化", 422: "还差一点", 429: "请过一会儿再试",
    500: "系统出了点问题", 503: "请稍等几秒",
}  # fmt: skip
DESK_FORM_OVER = "这一页放得太久了，刚才的没有提交。请回到上一页刷新，再提交一次。"
DESK_BUSY = "现在办事的人多，请过几秒钟再来一次。"
DESK_APOLOGY = "抱歉，系统出了点小问题，这件事没有办成。请稍后再试，或告诉系统管理员。"
DESK_REFUSALS: dict[str, str] = {
    "not_yours": "没有这一页，或者它不在您负责的范围里。",
}

# Who did something, where it was no named person.
DOERS = {"time": "系统", "rule": "系统", "desk": "服务台", "unnamed": "（未填姓名）"}

REFUSALS: dict[str, str] = {
    "wrong_state": "这件事已经有了新的进展，不能再这样办了。请查看最新情况。",
    "not_yours": "没有找到这件事，可能不是由您办理的。如有疑问，请回复“人工”找工作人员。",
    "unknown_zone": "没有认出这个城市。请从列表里选，或回复“人工”找工作人员。",
}


def when(moment: datetime, zone: ZoneInfo) -> str:
    """A time as people read it in their zone: "11月29日（周日）16:00"."""
    local = moment.astimezone(zone)
    return f"{local.month}月{local.day}日（周{WEEKDAYS[local.weekday()]}）{local:%H:%M}"


def near(moment: datetime, now: datetime, zone: ZoneInfo = CHINA) -> str:
    """A time in one look: "今天16:00", "明天08:00", else "11月29日16:00"; of another year with the year."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    day = {-1: "昨天", 0: "今天", 1: "明天"}.get((local.date() - today).days)
    year = "" if local.year == today.year else f"{local.year}年"
    return f"{day or f'{year}{local.month}月{local.day}日'}{local:%H:%M}"


def city(zone: ZoneInfo) -> str:
    """What people call the place of a zone."""
    return CITIES.get(zone.key, zone.key.rsplit("/", 1)[-1].replace("_", " "))


def when_two(moment: datetime, here: ZoneInfo, there: ZoneInfo) -> str:
    """A time for two zones: "国内11月29日（周日）16:00 · 马德里09:00"; the date again where it differs."""
    first = when(moment, here)
    if moment.astimezone(here).utcoffset() == moment.astimezone(there).utcoffset():
        return first
    local, other = moment.astimezone(here), moment.astimezone(there)
    second = f"{other:%H:%M}" if local.date() == other.date() else when(moment, there)
    name = "国内" if here == CHINA else city(here)
    return f"{name}{first} · {city(there)}{second}"


def plain(text: str) -> str:
    """What somebody typed, made inert: a text bubble turns <a> into a link. Saying it twice changes nothing more.

    Full-width brackets and not entities: nobody promises that a bubble turns `&lt;` back.
    """
    return text.replace("<", "＜").replace(">", "＞")


def called(name: str) -> str:
    """How a person is addressed where a name may be missing."""
    return name or "您"


def on_day(day: date) -> str:
    """A day as people read it: "11月29日（周日）"."""
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"
