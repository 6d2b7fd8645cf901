"""The typed questions of a listing (Open311 GeoReport v2 attributes) and what counts as an answer."""

from typing import Any

from models.errors import Refused

TEXT_LIMIT = 200


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
