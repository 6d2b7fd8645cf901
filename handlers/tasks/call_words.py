"""What we say to cadres about the tasks that a family call brings, before it and after it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.words import when


def call_help(facts: dict[str, Any], zone: ZoneInfo) -> str:
    """Whom to bring before the screen, when and how."""
    start = when(datetime.fromisoformat(facts["starts_at"]), zone)
    relatives = "、".join([facts["relative"], *facts.get("guests", ())])
    how = _PREPARES[facts.get("way", "by_hand")]
    if facts.get("at_home"):
        return f"{start} 到{facts['cared']}家里，帮{facts['cared']}与{relatives}视频连线。请带上设备，{how}"
    return f"{start} {facts['cared']}与{relatives}视频连线，地点{facts['centre']}。请提前请老人到场，{how}"


# What a helper prepares, by how the call is held.
_PREPARES = {
    "room": "在设备上打开这次视频的网页。", "mini_voip": "用小程序进入多人通话。",
    "mini_1v1": "用小程序呼叫家属。", "device_voip": "用座位上的设备呼叫家属。", "link": "在小程序里打开视频链接。",
    "by_hand": "用微信呼叫家属。",
}  # fmt: skip


# Why a device may not ring the relative's phone, and what to press there.
_GRANTS = {
    "never": "还没有允许设备来电。请对方打开小程序，进“亲情连线”里这次视频，点“允许来电”，再点“允许”。",
    "refused": "以前点过“拒绝”。请对方打开小程序，点右上角“…”，再点“设置”，打开“设备来电”。",
    "gone": "允许过的来电失效了，多半是删过小程序。请对方重新打开小程序，进这次视频，再点一次“允许来电”。",
    "no_device": "但这个座位上没有登记设备。请换个座位，或在小程序里给这次视频换一种方式。",
}


def device_grant(facts: dict[str, Any], zone: ZoneInfo) -> str:
    """A phone that no device may ring yet, and what its owner presses."""
    start = when(datetime.fromisoformat(facts["starts_at"]), zone)
    return f"{start} {facts['cared']}用设备呼叫{facts['relative']}，{_GRANTS[facts['why']]}"


def call_outcome(facts: dict[str, Any], zone: ZoneInfo) -> str:
    """A call of which nobody has said what became of it."""
    start = when(datetime.fromisoformat(facts["starts_at"]), zone)
    return f"{start} {facts['cared']}与{facts['relative']}的视频过了，还没人说情况。请登记：通了、谁没来，还是没接通。"


def elder_absent(facts: dict[str, Any], zone: ZoneInfo) -> str:
    """An elder who did not come."""
    start = when(datetime.fromisoformat(facts["starts_at"]), zone)
    return f"{start}的视频，{facts['cared']}没有到场。请当天上门或打电话看看是否平安，再告诉家人{facts['relative']}。"


def wellbeing(facts: dict[str, Any], zone: ZoneInfo) -> str:
    """A visit after a call."""
    return f"和家人视频之后，{facts['cared']}需要再去看看，记录见“看这件事”。"
