"""What a template's fields take: the types and limits of 类目模板 and 订阅消息 (参数类别说明)."""

import re

# What may be shortened, to how many characters.
SHORTENED = {"thing": 20, "short_thing": 8, "name": 10, "phrase": 5}
# What must fit as it is: a cut phone number or status is worse than none.
EXACT: dict[str, re.Pattern[str]] = {
    "character_string": re.compile(r"[\x21-\x7e ]{1,32}"),
    "number": re.compile(r"[0-9.]{1,32}"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"(?:[^\w\s]|_){1,5}"),
    "phone_number": re.compile(r"[0-9+\- ]{1,17}"),
    "car_number": re.compile(r".{1,8}"),
    "amount": re.compile(r"[^\d]?\d{1,10}(\.\d{1,2})?元?"),
    "time": re.compile(r"(\d{4}年\d{1,2}月\d{1,2}日 ?|\d{4}-\d{1,2}-\d{1,2} )?\d{1,2}:\d{2}(:\d{2})?"),
    "date": re.compile(r"\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d{1,2}-\d{1,2}( \d{1,2}:\d{2})?"),
    "const": re.compile(r".{1,20}"),  # one of the values approved beforehand, as is the next
    "enum_string": re.compile(r".{1,20}"),
}
TYPES = SHORTENED.keys() | EXACT.keys()


def kind_of(wechat_key: str) -> str:
    """The type of "thing1" is "thing": it is the key's name without its number."""
    return wechat_key.rstrip("0123456789")
