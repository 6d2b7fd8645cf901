"""Words that cannot wait for a clerk: what somebody writes of a fire, a collapse, gas or violence."""

import re

# What it is → how people say it. The numbers to call are words (handlers/ordering/need_words.py).
_SAID = {
    "fire": "着火 起火 失火 火灾 烧起来 冒浓烟",
    "gas": "煤气 燃气泄漏 液化气漏 瓦斯 一氧化碳",
    "medical": "晕倒 昏倒 昏迷 叫不醒 没有呼吸 不省人事 吐血 大出血 心梗 中风 摔倒起不来 喝农药",
    "despair": "自杀 想死 不想活 活不下去",
    "violence": "家暴 打老婆 打老人 打孩子 虐待",
    "police": "打人 砍人 抢劫 失踪 走失 走丢 救命",
    "flood": "山洪 塌方 滑坡 泥石流 房子塌 溺水 落水",
}
_WORDS = {kind: re.compile("|".join(said.split())) for kind, said in _SAID.items()}
DANGERS = tuple(_SAID)
# Whoever lives under the same roof or next door must not hear of these.
IN_CONFIDENCE = ("despair", "violence")


def emergency_in(text: str) -> str | None:
    """The kind of danger of DANGERS that a text speaks of; None for none.

    Once too often costs a phone number that nobody needed; once too seldom may cost a life.
    """
    bare = "".join(text.split())
    return next((kind for kind, words in _WORDS.items() if words.search(bare)), None)
