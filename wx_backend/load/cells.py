"""Questions and rules of a service in one cell each: a short form that clerks write, JSON where that cannot say it."""

import json
import re
from typing import Any

from models.ordering.eligibility import KINDS
from models.ordering.listings import DATATYPES
from wx_backend.load.rows import BadRow

_YEARS = re.compile(r"([0-9]{0,3})-([0-9]{0,3})")


def questions(text: str) -> list[dict[str, Any]]:
    """Questions from their cell: `code:datatype:description`, for lists `:value/value`; several are parted by `|`.

    `code?` is optional, `code*` counts places.
    """
    if text.startswith("["):
        return _json(text, "questions")
    return [_question(part) for part in text.split("|") if part]


def _question(text: str) -> dict[str, Any]:
    parts = text.split(":")
    if len(parts) < 3 or parts[1] not in DATATYPES:
        raise BadRow(f"questions: “{text}”应写成 代码:类型:问题[:选项/选项]，类型是 {'、'.join(DATATYPES)}")
    code, datatype, description, *values = parts
    question: dict[str, Any] = {
        "code": code.rstrip("?*"), "datatype": datatype, "description": description,
        "required": not code.endswith("?"),
    }  # fmt: skip
    if code.endswith("*"):
        question["places"] = True
    if datatype.endswith("valuelist"):
        if not values:
            raise BadRow(f"questions: “{text}”缺少选项")
        question["values"] = values[0].split("/")
    return question


def rules(text: str) -> list[dict[str, Any]]:
    """Rules from their cell: `kind:warn` or `kind:block`, then `60-` for an age, else `value/value`; parted by `|`."""
    if text.startswith("["):
        return _json(text, "rules")
    found = list[dict[str, Any]]()
    for part in (part for part in text.split("|") if part):
        kind, _, rest = part.partition(":")
        effect, _, said = rest.partition(":")
        if kind not in KINDS or not said:
            raise BadRow(
                f"rules: “{part}”应写成 age:block:60- 或 village:warn:区域编码/区域编码（可用 {'、'.join(KINDS)}）"
            )
        again = sum(one["kind"] == kind for one in found)
        code = f"{kind}{again + 1}" if again else kind
        found.append({"code": code, "kind": kind, "effect": effect, **_limits(kind, said)})
    return found


def _limits(kind: str, said: str) -> dict[str, Any]:
    if kind == "village":
        return {"areas": said.split("/")}
    if kind != "age":
        return {"values": said.split("/")}
    years = _YEARS.fullmatch(said)
    if years is None:
        raise BadRow(f"rules: 年龄“{said}”应写成 60-、-13 或 60-80")
    least, most = years.groups()
    return {**({"least": int(least)} if least else {}), **({"most": int(most)} if most else {})}


def _json(text: str, column: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadRow(f"{column}: 以“[”开头时要是 JSON，请对照导出的表格") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadRow(f"{column}: 以“[”开头时要是一列 JSON 对象，请对照导出的表格")
    return found


def questions_cell(asked: list[dict[str, Any]]) -> str:
    """The cell that says these questions."""
    short = "|".join(
        f"{one['code']}{'*' if one.get('places') else '' if one.get('required') else '?'}"
        f":{one['datatype']}:{one['description']}" + (f":{'/'.join(one['values'])}" if one.get("values") else "")
        for one in asked
    )
    return _whole(short, asked, questions)


def rules_cell(said: list[dict[str, Any]]) -> str:
    """The cell that says these rules."""
    short = "|".join(f"{one['kind']}:{one['effect']}:{_said(one)}" for one in said)
    return _whole(short, said, rules)


def _said(rule: dict[str, Any]) -> str:
    if rule["kind"] == "age":
        return f"{rule.get('least', '')}-{rule.get('most', '')}"
    return "/".join(rule.get("areas") or rule.get("values") or ())


def _whole(short: str, meant: list[dict[str, Any]], read: Any) -> str:
    """The short form where it says all that is meant; a question with a colon in it does not fit."""
    try:
        if read(short) == meant:
            return short
    except BadRow:
        pass
    return json.dumps(meant, ensure_ascii=False)
