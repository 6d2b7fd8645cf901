"""Template messages: from business fields to WeChat's, fitted to the limits of their types.

The types and limits are those of 类目模板 (参数类别说明); the type is the key's name without its number.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from handlers.room import Said

# What may be shortened, to how many characters.
SHORTENED = {"thing": 20, "short_thing": 8, "name": 10, "phrase": 5}
# What must fit as it is: a cut phone number or status is worse than none.
EXACT: dict[str, re.Pattern[str]] = {
    "character_string": re.compile(r"[\x21-\x7e ]{1,32}"),
    "number": re.compile(r"[0-9.]{1,32}"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "phone_number": re.compile(r"[0-9+\- ]{1,17}"),
    "car_number": re.compile(r".{1,8}"),
    "amount": re.compile(r"[^\d]?\d{1,10}(\.\d{1,2})?元?"),
    "time": re.compile(r"(\d{4}年\d{1,2}月\d{1,2}日 ?|\d{4}-\d{1,2}-\d{1,2} )?\d{1,2}:\d{2}(:\d{2})?"),
    "date": re.compile(r"\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d{1,2}-\d{1,2}( \d{1,2}:\d{2})?"),
    "const": re.compile(r".{1,20}"),
}
EMPTY = "无"


class BadField(Exception):
    """A field cannot be made to fit; the message names the template, the field and what its type takes."""


class Unfit(BadField):
    """What one letter says does not fit a field's type; other letters of the template may."""


@dataclass(frozen=True)
class Template:
    """One template of the account: its id, and which of WeChat's keys each business field fills."""

    key: str
    id: str
    fields: Mapping[str, str]


def kind_of(wechat_key: str) -> str:
    """The type of "thing1" is "thing"."""
    return wechat_key.rstrip("0123456789")


def fit(template: Template, values: Mapping[str, Said]) -> dict[str, dict[str, str]]:
    """The `data` of a send: every field of the template, in words that WeChat takes.

    Of several wordings the first that fits is said. Names and places are shortened with "…" where even the last is too
    long; numbers, phones and times must fit as they are. Raises BadField, and Unfit where it is this letter's doing.
    """
    return {
        wechat_key: {"value": _fitted(template, field, wechat_key, values.get(field, ""))}
        for field, wechat_key in template.fields.items()
    }


def _fitted(template: Template, field: str, wechat_key: str, said: Said) -> str:
    kind = kind_of(wechat_key)
    wordings = [one_line(wording) for wording in ((said,) if isinstance(said, str) else said)]
    if kind in SHORTENED:
        limit = SHORTENED[kind]
        found = next((text or EMPTY for text in wordings if len(text) <= limit), "")
        return found or wordings[-1][: limit - 1] + "…"
    pattern = EXACT.get(kind)
    if pattern is None:
        raise BadField(f"template {template.key}: {field} → {wechat_key}: no such type of field")
    fitting = next((text for text in wordings if pattern.fullmatch(text)), None)
    if fitting is None:
        raise Unfit(f"template {template.key}: {field} → {wechat_key}: does not fit {kind}")
    return fitting


@lru_cache(maxsize=2048)  # places, phones and titles are said again and again
def one_line(value: str) -> str:
    """The text as a template field can hold it: one line, no control characters, no emoji (WeChat cuts at them)."""
    kept = "".join(" " if ch in "\r\n\t" else ch for ch in value if _speakable(ch))
    return " ".join(kept.split())


def _speakable(ch: str) -> bool:
    return ch in "\r\n\t" or (unicodedata.category(ch) not in ("Cc", "Cf", "Cs", "Co", "So") and ord(ch) < 0x1F000)


def drift(templates: Mapping[str, Template], client: Any) -> list[str]:
    """How our templates differ from the account's, a line each; empty when they agree.

    Raises WeChatClientException when the account does not answer.
    """
    owned = {row["template_id"]: row for row in client.template.get_all_private_template()["template_list"]}
    lines = []
    for template in templates.values():
        row = owned.get(template.id)
        if row is None:
            lines.append(f"{template.key}: the account has no template {template.id}")
            continue
        theirs = set(re.findall(r"\{\{(\w+)\.DATA\}\}", row.get("content", "")))
        ours = set(template.fields.values())
        lines += [f"{template.key}: {name} is not in the account's template" for name in sorted(ours - theirs)]
        lines += [f"{template.key}: {name} of the account's template stays empty" for name in sorted(theirs - ours)]
    return lines


def pulled(client: Any) -> list[str]:
    """The account's templates as they would stand in the settings: a title, the id, each key with what it is called.

    Raises WeChatClientException when the account does not answer.
    """
    lines = []
    for row in client.template.get_all_private_template()["template_list"]:
        lines.append(f"# {row['title']}")
        lines.append(f'id = "{row["template_id"]}"')
        named = re.findall(r"([^\n：:]*)[：:]?\s*\{\{(\w+)\.DATA\}\}", row.get("content", ""))
        lines.append("fields = { " + ", ".join(f'"{name.strip() or key}" = "{key}"' for name, key in named) + " }")
        lines.append("")
    return lines
