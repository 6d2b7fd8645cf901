"""Sentences and ways of saying things that all quarters share."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from models.hours import CHINA

P = ParamSpec("P")
T = TypeVar("T")

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

# What stands around every page, and what a page says when it cannot be shown.
SITE = "党群服务中心"
SKIP = "跳到正文"
NAV_LABEL, NAV_HOME, NAV_ORDERS, NAV_CALLS, NAV_SETTINGS = "导航", "首页", "订单", "连线", "设置"
MY_FAMILY = "我的家人"
LARGE_SIZE, STANDARD_SIZE = "长辈版", "标准版"
PHONE_HEAD = "有不明白的，打电话问"
CALL_THEM = "拨打"
NO_PHONE = "请到就近的党群服务中心，工作人员会帮您办。"
TO_HOME = "回到首页"
TRY_AGAIN = "再打开一次"
TOLD_TITLE = "请看这里"
ELSEWHERE_TITLE = "请用微信打开"
ELSEWHERE = "这里的内容要在微信里看。请打开微信，点“扫一扫”，扫下面的图。"
ELSEWHERE_OR = "也可以在微信里找到公众号“党群服务中心”，点下面的菜单进来。"
SNAPSHOT = "现在看到的是预览，还不能办事。请点页面右上角或底部的“使用完整服务”，再打开一次。"
ENTRY_OVER = "这个入口已经用过，或者放得太久了。请点下面的按钮，再打开一次。"
SESSION_OVER = "打开的时间太久了，刚才填的没有提交。请点下面的按钮，再填一次。"
FORM_OVER = "这一页放得太久了，刚才的没有提交。请回到首页再来一次。"
WECHAT_AWAY = "微信暂时没有回应。请过一会儿，再打开一次。"
OFFLINE = "网络不通，刚才没有提交。请再点一次。"
TOO_OFTEN = "刚才点得太多了，请过一会儿再来。急的话，请打电话。"
BUSY = "现在办事的人多，请过几秒钟再来一次。"
NO_SUCH_PAGE = "没有这一页，或者它放得太久了。请回到首页。"
PAGE_APOLOGY = "抱歉，系统出了点小问题，这件事没有办成。请稍后再试，或者打电话问工作人员。"
# Where a page cannot say what the conversation says.
PAGE_REFUSALS: dict[str, str] = {
    "not_yours": "没有找到这一页，可能不是由您办理的。如有疑问，请打电话问工作人员。",
    "no_link": "没有找到这一页，可能不是由您办理的。如有疑问，请打电话问工作人员。",
    "not_active": "这位居民现在不能办理。如有疑问，请打电话问工作人员。",
}

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

OK = "好的"
SIGNED_OUT = "已退出登录。"

# What the door of the mini-program says when it cannot even ask a rule.
DOOR_REFUSALS: dict[str, str] = {
    "bad_json": "没有看懂这次提交的内容，请关闭小程序再打开试试。",
    "idempotency_key_missing": "这次提交不完整，请关闭小程序再打开试试。",
    "idempotency_mismatch": "这次提交和上一次的不一样，请返回上一页重新提交。",
    "idempotency_busy": "上一次提交还在处理，请稍等几秒再看结果。",
    "signed_out": "登录已过期，请重新打开小程序。",
    "code_used": "登录没有成功，请关闭小程序再打开一次。",
    "login_blocked": "微信暂时不让这个账号登录，请联系微信客服，或打电话给党群服务中心。",
    "no_such_page": "没有找到这一页，请返回首页。",
    "wrong_method": "没有找到这一页，请返回首页。",
    "too_long": "提交的内容太长了，请分几次提交。",
    "not_json": "没有看懂这次提交的内容，请关闭小程序再打开试试。",
    "invalid": "有的内容没有填对，请检查后再提交。",
    "too_many": "点得太快了，请稍等一会儿再试。",
    "internal": "抱歉，系统出了点小问题，这件事没有办成。请稍后再试，或打电话给党群服务中心。",
    "busy": "系统有点忙，请过几秒钟再试。",
    "wechat_away": "微信那边没有回应，请过一会儿再打开。",
}

# On a screen nobody replies to a message: the same refusals, said for where there is a form.
ON_SCREEN: dict[str, str] = {
    "series_there": "你们已经有一个同样的定期连线了，在“定期连线”里可以看到。",
    "not_yours": "没有找到这件事，可能不是由您办理的。如有疑问，请打电话给党群服务中心。",
    "unknown_zone": "没有认出这个城市，请从列表里选。",
    "no_link": "您还不能为这位家人办理，请先在“我的家人”里关联。",
    "not_active": "这位居民现在不能办理。如有疑问，请打电话给党群服务中心。",
    "code_mistyped": "亲情码好像输错了一位，请对照再填一次。",
    "name_long": "姓名请在{limit}个字以内。",
    "note_long": "留言请在{limit}个字以内（您写了{length}个字）。",
    "answer_needed": "有一项必须填写，请补上。",
    "answer_number": "请填一个数字，例如：2。",
    "answer_long": "请在{limit}个字以内（您写了{length}个字）。",
    "number_mistyped": "订单号好像输错了一位，请对照再填一次。",
    "no_area": "我们还不知道住在哪个村，请打电话给党群服务中心登记。",
    "no_clerk": "保密的事现在没有专人可以接，请直接打电话给党群服务中心。",
    "said_nothing": "还没有内容，请写一下。",
    "said_long": "请在{limit}个字以内（您写了{length}个字）。",
}


def kept(say: Callable[Concatenate[datetime, P], T]) -> Callable[Concatenate[datetime, P], T]:
    """The same, put into words once for each instant: letters that are due together speak of the same times."""
    known = lru_cache(maxsize=2048)(say)

    @wraps(say)
    def said(moment: datetime, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # In UTC: two hours of one zone that its clock shows alike, when summer ends, are equal and not the same.
        return known(moment.astimezone(UTC), *args, **kwargs)  # type: ignore[arg-type]

    return said


@kept
def when(moment: datetime, zone: ZoneInfo) -> str:
    """A time as people read it in their zone: "11月29日（周日）16:00"."""
    local = moment.astimezone(zone)
    return f"{local.month}月{local.day}日（周{WEEKDAYS[local.weekday()]}）{_clock(local)}"


@kept
def on_card(moment: datetime, zone: ZoneInfo) -> str:
    """A time as a card's time field takes it, in the reader's zone: "2026-11-29 16:00"."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _clock(local: datetime) -> str:
    """What the clock shows; with its offset in the hour that it shows twice, when summer ends."""
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        return f"{local:%H:%M}"
    offset = f"{local:%z}"
    return f"{local:%H:%M}（UTC{offset[:3]}:{offset[3:]}）"


def clock_span(begins: datetime, ends: datetime, zone: ZoneInfo) -> str:
    """From when to when, within a day: "08:30–17:00"."""
    return f"{begins.astimezone(zone):%H:%M}–{ends.astimezone(zone):%H:%M}"


def near(moment: datetime, now: datetime, zone: ZoneInfo = CHINA) -> str:
    """A time in one look: "今天16:00", "明天08:00", else "11月29日16:00"; of another year with the year."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    day = {-1: "昨天", 0: "今天", 1: "明天"}.get((local.date() - today).days)
    year = "" if local.year == today.year else f"{local.year}年"
    return f"{day or f'{year}{local.month}月{local.day}日'}{local:%H:%M}"


def city(zone: ZoneInfo) -> str:
    """What people call the place of a zone."""
    return CITIES.get(zone.key, zone.key.rsplit("/", 1)[-1].replace("_", " "))


@kept
def when_two(moment: datetime, here: ZoneInfo, there: ZoneInfo) -> str:
    """A time for two zones: "国内11月29日（周日）16:00 · 马德里09:00"; the date again where it differs."""
    first = when(moment, here)
    if moment.astimezone(here).utcoffset() == moment.astimezone(there).utcoffset():
        return first
    local, other = moment.astimezone(here), moment.astimezone(there)
    second = _clock(other) if local.date() == other.date() else when(moment, there)
    name = "国内" if here == CHINA else city(here)
    return f"{name}{first} · {city(there)}{second}"


UNREACHED = "{names}现在收不到微信消息，有变化由工作人员打电话或上门告诉。"
YOU_UNREACHED = (
    "您现在收不到公众号的消息，到时由工作人员打电话提醒您。在公众号设置里打开“接收消息”，再回复“接收消息”就能恢复。"
)
ASIDE = "（{said}）"


def unreached(people: Mapping[int, str], reader: int) -> str:
    """What happens instead where WeChat does not reach somebody (id → name), a line each for the reader and for the
    others; "" where it reaches all."""
    names = [called(name) for key, name in people.items() if key != reader]
    lines = [YOU_UNREACHED] if reader in people else []
    return "\n".join([*lines, *([UNREACHED.format(names="、".join(names))] if names else [])])


# How somebody was told what WeChat did not bring, as who told them says it.
TOLD_MEANS = {"visit": "当面说了", "phone": "电话说了"}


def two_lines(both: str) -> str:
    """A time for two zones as a page shows it, one below the other."""
    return both.replace(" · ", "\n")


def plain(text: str) -> str:
    """What somebody typed, made inert: a text bubble turns <a> into a link. Saying it twice changes nothing more.

    Full-width brackets and not entities: nobody promises that a bubble turns `&lt;` back.
    """
    return text.replace("<", "＜").replace(">", "＞")


def as_sentence(text: str) -> str:
    """What somebody typed as a sentence among ours: with one end, and nothing where it is empty."""
    bare = text.rstrip(" 　。．.，,；;、")
    return bare if bare.endswith((*"！？!?",)) else f"{bare}。" if bare else ""


def called(name: str) -> str:
    """How a person is addressed where a name may be missing."""
    return name or "您"


def on_day(day: date) -> str:
    """A day as people read it: "11月29日（周日）"."""
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"
