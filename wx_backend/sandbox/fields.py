"""What a template's fields take: types by their names, limits as WeChat's page lists them (类目模板参数)."""

import re

LENGTHS = {"thing": 20, "short_thing": 8, "name": 10, "phrase": 5, "const": 20, "car_number": 8}
PATTERNS = {
    "character_string": r"[\x20-\x7e]{1,32}",
    "number": r"[\d.]{1,32}",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"(?:[^\w\s]|_){1,5}",
    "phone_number": r"[\d+\- ]{1,17}",
    "amount": r"\D?\d{1,12}(\.\d+)?元?",
    "time": r"((\d{4}年)?\d{1,2}月\d{1,2}日 ?|\d{4}-\d{1,2}-\d{1,2} )?\d{1,2}:\d{2}(:\d{2})?(~.+)?",
    "date": r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d{1,2}-\d{1,2})( ?\d{1,2}:\d{2})?",
}
IGNORED = {"first", "remark"}  # filtered without a word since 2023


def fault_in(wanted: dict[str, str], data: object) -> tuple[int, str] | None:
    """The errcode and message for data that does not fit; None when it does."""
    if not isinstance(data, dict):
        return 40036, "invalid template data"
    for key in wanted:
        value = data.get(key)
        text = value.get("value") if isinstance(value, dict) else None
        if not isinstance(text, str) or not text.strip():
            return 47003, f"argument invalid! data.{key}.value is emtpy"
        kind = key.rstrip("0123456789")
        limit, pattern = LENGTHS.get(kind), PATTERNS.get(kind)
        if (limit and len(text) > limit) or (pattern and not re.fullmatch(pattern, text)) or "\n" in text:
            return 47003, f"argument invalid! data.{key}.value invalid"
    strangers = set(data) - set(wanted) - IGNORED
    return (47003, f"argument invalid! data.{min(strangers)} is not in the template") if strangers else None
