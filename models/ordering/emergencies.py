"""Words that cannot wait for a clerk: what somebody writes of a fire, a collapse, gas or violence."""

import re

# What it is → how people say it. The numbers to call are words (handlers/ordering/need_words.py).
_SAID: dict[str, tuple[str, ...]] = {
    "fire": ("着火", "起火", "失火", "火灾", "烧起来", "冒浓烟"),
    "gas": ("煤气", "燃气泄漏", "液化气漏", "瓦斯", "一氧化碳"),
    "medical": (
        "晕倒",
        "昏倒",
        "昏迷",
        "叫不醒",
        "没有呼吸",
        "不省人事",
        "吐血",
        "大出血",
        "心梗",
        "中风",
        "摔倒起不来",
        "喝农药",
        "自杀",
        "想死",
        "不想活",
    ),
    "police": ("家暴", "打人", "砍人", "抢劫", "失踪", "走失", "走丢", "被骗钱", "救命"),
    "flood": ("山洪", "塌方", "滑坡", "泥石流", "房子塌", "溺水", "落水"),
}
_WORDS = {kind: re.compile("|".join(words)) for kind, words in _SAID.items()}
KINDS = tuple(_SAID)


def emergency_in(text: str) -> str | None:
    """The kind of danger that a text speaks of ("fire", "gas", "medical", "police", "flood"); None for none.

    Once too often costs a phone number that nobody needed; once too seldom may cost a life.
    """
    bare = "".join(text.split())
    return next((kind for kind, words in _WORDS.items() if words.search(bare)), None)
