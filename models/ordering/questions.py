"""The typed questions of a listing (Open311 GeoReport v2 attributes) and what counts as an answer."""

import re
from typing import Any

from models.errors import Refused
from models.ordering.listings import DATATYPES

TEXT_LIMIT = 200
QUESTIONS_LIMIT = 10  # nobody answers more in a chat
_CODE = re.compile(r"[a-z][a-z0-9_]{0,23}")


def check_questions(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The questions, when each can be asked and answered; raises Refused("bad_question", question=…)."""
    if len(questions) > QUESTIONS_LIMIT:
        raise Refused("bad_question", question=questions[QUESTIONS_LIMIT].get("description", ""))
    codes = [question.get("code") for question in questions]
    for question in questions:
        if codes.count(question.get("code")) > 1 or not _can_be_asked(question):
            raise Refused("bad_question", question=str(question.get("description") or question.get("code") or ""))
    return questions


def _can_be_asked(question: dict[str, Any]) -> bool:
    kind, said, values = question.get("datatype"), question.get("description"), question.get("values", [])
    sound = _CODE.fullmatch(str(question.get("code"))) is not None and kind in DATATYPES
    sound = sound and isinstance(said, str) and 0 < len(said.strip()) <= TEXT_LIMIT
    if question.get("places") and kind != "number":
        return False
    if not str(kind).endswith("valuelist"):
        return sound
    plain = isinstance(values, list) and all(isinstance(one, str) and one.strip() for one in values)
    return sound and plain and len(values) > 0 and len(set(values)) == len(values)


def places_wanted(questions: list[dict[str, Any]], answers: dict[str, Any]) -> int:
    """How many places an order takes: what the questions that count places were answered, else one."""
    counted = [answers.get(question["code"]) or 1 for question in questions if question.get("places")]
    return sum(counted) if counted else 1


def check_answer(question: dict[str, Any], text: str) -> Any:
    """The answer as it is stored: a number, a text, one value or several.

    Raises Refused("answer_needed"), Refused("answer_number"), Refused("answer_value", values=…) or
    Refused("answer_long", limit=…, length=…).
    """
    plain = text.strip()
    if not plain:
        if question.get("required", False):
            raise Refused("answer_needed")
        return None
    kind = question["datatype"]
    if kind == "number":
        return _number(plain)
    if kind == "singlevaluelist":
        if plain not in question["values"]:
            raise Refused("answer_value", values="、".join(question["values"]))
        return plain
    if kind == "multivaluelist":
        parts = [part for part in plain.replace("，", "、").replace(",", "、").split("、") if part]
        if not parts or any(part not in question["values"] for part in parts):
            raise Refused("answer_value", values="、".join(question["values"]))
        return parts
    if len(plain) > TEXT_LIMIT:
        raise Refused("answer_long", limit=TEXT_LIMIT, length=len(plain))
    return plain


def check_answers(questions: list[dict[str, Any]], answers: dict[str, Any]) -> dict[str, Any]:
    """The answers to all questions of a listing, and nothing else; raises Refused like `check_answer`."""
    return {
        question["code"]: check_answer(question, _as_typed(answers.get(question["code"]))) for question in questions
    }


def _as_typed(value: Any) -> str:
    if value is None:
        return ""
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


_CHINESE_DIGITS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}


def _number(plain: str) -> int:
    """A whole number from 1 to 999: digits or one Chinese numeral, with or without a counter word."""
    body = plain.rstrip("份个次人位斤盒件套小时天")
    value = int(body) if body.isdecimal() and len(body) <= 3 else _CHINESE_DIGITS.get(body)
    if value is None or not 1 <= value <= 999:
        raise Refused("answer_number")
    return value
