"""Letters of the family: what becomes of calls, and what comes after; those about a call's time stand in `words`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.family import words
from handlers.room import Wording
from handlers.words import on_card, plain, when

_KEPT = "已为您先留了几个时间，请在一天内回复“我的连线”挑一个。"
_BOOK = "想再约的话，请回复“亲情连线”。"
# What did not take place, the state on the card and the whole sentence. Nobody is blamed, whatever happened.
_MISSED = {
    "relative_no_show": ("没有接上，没关系", "与{cared}的视频（{time}）这次没有接上，没关系，家里知道您忙。"),
    "resident_no_show": (
        "老人没有到场",
        "与{cared}的视频（{time}），老人没有到场。工作人员当天会去看看，有情况就告诉您。",
    ),
    "neither_came": ("这次没有连上", "与{cared}的视频（{time}）这次没有连上。工作人员会去看看老人。"),
    "technical_failure": ("设备或网络没有接通", "与{cared}的视频（{time}）因为设备或网络没有接通，很抱歉。"),
}
_TIMES_LOST = "与{cared}的视频，先前为您留的几个时间中心办不了了，很抱歉。"
_WITHOUT_A_YES = {
    "keep": "没有答复就照原来的时间。", "cancel": "原来的时间中心办不了，没有答复就只能取消。",
}  # fmt: skip
_PAIRS = {
    "paired": ("已经结对", "您和{cared}结对了，请每{days}天联系一次，回复“我的结对”查看。"),
    "parted": ("结对已解除", "您和{cared}的结对解除了，谢谢您这段时间的照看。"),
    "pairing_due": ("该联系了", "您和结对的{cared}有{days}天没有联系了，联系后请回复“我的结对”记一笔。"),
}

TEMPLATES = {
    **words.TEMPLATES,
    **dict.fromkeys([f"family.{word}" for word in (*_MISSED, *_PAIRS, "kept", "news", "times_lost")], "matter_update"),
    "family.asked_to_move": "call_changed", "family.quiet": "task_assigned",
}  # fmt: skip


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter of the family: who and when, the centre's phone, nothing that was typed and nothing of health."""
    say = _SAYS.get(kind.partition(".")[2])
    return words.letter(kind, facts, zone) if say is None else say(kind, facts, zone)


def _missed(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    state, text = _MISSED[kind.partition(".")[2]]
    start = datetime.fromisoformat(facts["starts_at"])
    said = text.format(cared=plain(facts["cared"]), time=words.both(start, zone.key))
    return _card(
        kind, f"与{facts['cared']}视频", state, start, zone, said + (_KEPT if facts["makeup"] else _BOOK), facts
    )


def _times_lost(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    text = _TIMES_LOST.format(cared=plain(facts["cared"])) + _BOOK
    start = datetime.fromisoformat(facts["starts_at"])
    return _card(kind, f"与{facts['cared']}视频", "留的时间没有了", start, zone, text, facts)


def _kept(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    start = datetime.fromisoformat(facts["starts_at"])
    if facts["role"] == "relative":
        text = f"不用改时间了，也不用再答复。与{facts['cared']}的视频照原来的时间：{words.both(start, zone.key)}。"
        return _card(kind, f"与{facts['cared']}视频", "照原来的时间", start, zone, text, facts)
    text = f"{facts['relative']}没有答应改时间，与{facts['cared']}的视频照原来的时间：{when(start, zone)}。"
    return _card(kind, f"{facts['cared']}·{facts['relative']}", "照原来的时间", start, zone, text, facts)


def _asked(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    start, new, by = (datetime.fromisoformat(facts[key]) for key in ("starts_at", "new_at", "answer_by"))
    text = (
        f"中心想把与{facts['cared']}的视频从{words.both(start, zone.key)}改到{words.both(new, zone.key)}。"
        f"请在{when(by, zone)}前回复“我的连线”答复。{_WITHOUT_A_YES[facts['otherwise']]}"
    )
    fields = {
        "subject": (f"请答复：与{facts['cared']}视频改时间", f"请答复：{facts['cared']}改时间", "请答复：视频改时间"),
        "time": on_card(new, zone), "place": words.place(facts), "contact": facts["phone"],
    }  # fmt: skip
    return Wording(TEMPLATES[kind], fields, text + _ask(facts))


def _news(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    text = f"{facts['cared']}的家乡来信到了，回复“家乡来信”查看。"
    at = datetime.fromisoformat(facts["at"])
    return _card(kind, f"{facts['cared']}的家乡来信", "回复“家乡来信”查看", at, zone, text, facts)


def _photo(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A photo into the window that is open; its words are only for where it cannot be sent."""
    return Wording("", {}, f"{facts['cared']}的照片点这里看：{facts['page']}", picture=facts["file"])


def _quiet(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    text = f"您负责的范围里有{facts['many']}位超过{facts['days']}天没和家人视频了，回复“好久没视频”查看。"
    fields = {
        "task": "好久没和家人视频的", "who": f"{facts['many']}位，回复“好久没视频”",
        "time": on_card(datetime.fromisoformat(facts["at"]), zone), "contact": facts["phone"],
    }  # fmt: skip
    return Wording(TEMPLATES[kind], fields, text)


def _pair(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    state, text = _PAIRS[kind.partition(".")[2]]
    at = datetime.fromisoformat(facts["at"])
    return _card(kind, f"结对：{facts['cared']}", state, at, zone, text.format(**facts), facts)


def _card(
    kind: str, subject: str, state: str, at: datetime, zone: ZoneInfo, text: str, facts: dict[str, Any]
) -> Wording:  # fmt: skip
    fields = {"subject": subject, "state": state, "time": on_card(at, zone)}
    return Wording(TEMPLATES[kind], fields, text + _ask(facts))


def _ask(facts: dict[str, Any]) -> str:
    return f"有问题请打电话{facts['phone']}。" if facts["phone"] else ""


_SAYS: dict[str, Callable[[str, dict[str, Any], ZoneInfo], Wording]] = {
    **dict.fromkeys(_MISSED, _missed), **dict.fromkeys(_PAIRS, _pair), "kept": _kept, "asked_to_move": _asked,
    "times_lost": _times_lost, "news": _news, "photo": _photo, "quiet": _quiet,
}  # fmt: skip
