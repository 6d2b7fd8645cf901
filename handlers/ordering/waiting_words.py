"""What we say to those who wait for a place: in line, offered, too late."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.ordering.letter_words import on_lock_screen
from handlers.room import Wording
from handlers.words import on_card, plain, when_two
from models.hours import CHINA

REFUSALS: dict[str, str] = {
    "not_full": "现在有名额，不用排队，请直接点单。",
    "on_list": "您家里已经有人在排这一天的名额了，不用再排。",
}

JOIN = "排队等名额"
OTHER_TIME = "换一个时间"
TAKE, DECLINE, LEAVE = "要这个名额", "不要了", "不排了"
FULL = "这一天的名额已经满了。可以排队等，有人退出就按先后留给您；也可以换一天。"
MANY = "{many}项在等名额"
NOBODY = "您现在没有在排队的服务。"
MINE = "您正在排队的服务："
JOINED = "已经排上了。有名额时会留给您，并发消息问您要不要。"
DECLINED = "好的，名额已经让给下一位。"
LEFT = "好的，不再排队了。"
OVER = "这次排队已经结束了。"

STATES = {
    "waiting": "排队中", "offered": "有名额，请答复", "taken": "已点单", "declined": "没有要", "lapsed": "已过时",
    "cancelled": "不排了",
}  # fmt: skip
ENDS = {"taken": "名额已经给您，变成订单了。", "declined": DECLINED, "cancelled": LEFT}

# What the desk and the pages call things.
LABELS = {
    "waiting": "排队", "waiting_head": "正在排队的", "wanted": "想要的时间", "service": "服务", "centre": "中心",
    "in_line": "几家在等", "asked_places": "要几个名额", "offered": "等答复", "awaits": "{many}家有名额，等答复",
    "do": "操作", "look": "查看", "none": "现在没有人排队。", "taken": "名额{capacity}个，已占{taken}个",
    "lead": "有名额空出来，系统按先后自动留给第一家，并发消息问要不要。没有手机的，请打电话问好以后代点。",
    "position": "第几", "whom": "给谁", "since": "什么时候排的", "stands": "现在怎样", "held": "已留{held}个",
    "until": "名额留着，{until}前答复", "take": "要，代点单", "decline": "不要了", "leave": "不排了",
    "over": "这里已经没有人排队了。", "mine": "我在排队的", "joined_head": "已经排上了",
    "joined_lead": "有名额时会留给您，并发消息问您要不要。", "to_order": "看订单", "full_head": "这个时间满了",
}  # fmt: skip
DESK_WHY = {
    "": "还没轮到，等名额空出来", "ahead": "前面一家要的名额还没凑齐", "not_offered": "中心现在没有开这项服务",
    "no_time": "时间太近，已经来不及问", "too_few": "要的名额比总数还多", "quota_used": "这一家这一期的次数用完了",
}  # fmt: skip
DONE = {
    "waiting_taken": "已经代点好单。", "waiting_declined": "名额已经让给下一家。", "waiting_left": "已经退出排队。",
}  # fmt: skip
_WHY = {
    "quota_used": "您家这一期的次数已经用完，有名额也先给后面的人；退掉一次后就会轮到您。",
    "too_few": "现在的名额总数少于您要的份数，请换一天，或打中心电话。",
    "not_offered": "中心现在暂停办这项服务，恢复后接着排。",
}


def line(service: str, name: str, wanted: datetime, state: str) -> str:
    """One place in line, to be tapped."""
    mark = "有名额，请答复" if state == "offered" else "排队中"
    return f"{plain(service)}·{plain(name)}·{wanted.astimezone(CHINA):%m-%d %H:%M}·{mark}"


def whole(service: str, name: str, wanted: str, places: int) -> str:
    """What somebody waits for."""
    return f"{plain(service)}（{places}个名额）\n给：{plain(name)}\n时间：{wanted}"


def waits(ahead: int, held: int, places: int, why: str) -> str:
    """How far one has come in line, and why nothing is offered."""
    if why:
        return _WHY[why]
    kept = f"已经给您留了{held}个，还差{places - held}个。" if held else ""
    return f"您前面还有{ahead}家。{kept}" if ahead else f"下一个就轮到您。{kept}"


def answer(until: datetime, zone: ZoneInfo) -> str:
    """Until when a place is kept."""
    return f"名额已经给您留着，请在{when_two(until, CHINA, zone)}前答复，过时会让给下一位。"


_LETTERS = {
    "offered": ("有名额了", "{beneficiary}排队的“{service}”（{wanted}）有名额了，给您留到{until}。回复“排队”答复。"),
    "lapsed": (
        "名额已过",
        "{beneficiary}排队的“{service}”（{wanted}）没有等到答复，名额让给了下一位。可以再排。",
    ),
    "closed": ("没有名额", "抱歉，{beneficiary}排队的“{service}”（{wanted}）没有等到名额，请换一天再点。"),
}
TEMPLATES = {f"waiting.{word}": "order_update" for word in _LETTERS}


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a place in line."""
    state, text = _LETTERS[kind.partition(".")[2]]
    wanted = datetime.fromisoformat(facts["preferred_at"])
    until = when_two(datetime.fromisoformat(facts["until"]), CHINA, zone) if "until" in facts else ""
    fields = {
        "service": f"{on_lock_screen(facts)}·{facts['beneficiary']}", "number": str(facts["entry"]), "state": state,
        "time": on_card(wanted, zone),
    }  # fmt: skip
    told = text.format(**{**facts, "wanted": when_two(wanted, CHINA, zone), "until": until})
    return Wording(TEMPLATES[kind], fields, f"{told}有问题请打{facts['centre']}电话{facts['phone']}。")
