"""The run sheet in words: a few lines for the phone, and a page with boxes to tick for the printer."""

from collections.abc import Sequence
from datetime import date

from jinja2 import Environment

from handlers.ordering import words
from handlers.words import WEEKDAYS
from models.hours import CHINA
from models.ordering.numbers import spoken
from models.ordering.runsheet import Stop

_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>{{ head }}</title>
<style>
@page { size: A4 landscape; margin: 12mm }
body { font: 14pt/1.4 sans-serif } table { width: 100%; border-collapse: collapse }
th, td { border: 1px solid #000; padding: 2mm; text-align: left; vertical-align: top }
tr { break-inside: avoid } td.boxes { white-space: nowrap }
</style></head><body>
<h1>{{ head }}</h1>
<table><thead><tr>{% for name in columns %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}
<td class="boxes">{% for box in boxes %}☐ {{ box }}<br>{% endfor %}{{ row.signature }}</td></tr>
{% endfor %}</tbody></table>
<p>{{ foot }}</p></body></html>
""")
COLUMNS = ("时间", "上门的人", "服务对象", "服务", "要求", "车", "订单", "结果")
BOXES = ("到达 ____:____", "做完 ____:____", "没人在家")
SIGNATURE = "签字："
FOOT = "没有信号时先写在纸上，回来后在微信里补报，时间按纸上的填。有变化请打中心电话{phone}。"
NOTHING = "{day}没有排好的上门。"


def head(day: date) -> str:
    """What the sheet is for."""
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）上门安排"


def as_text(day: date, stops: Sequence[Stop]) -> str:
    """The sheet in a bubble."""
    if not stops:
        return NOTHING.format(day=head(day).removesuffix("上门安排"))
    return "\n".join([head(day), *(f"{n}. {_line(stop)}" for n, stop in enumerate(stops, start=1))])


def as_page(day: date, stops: Sequence[Stop]) -> str:
    """The sheet as a page to print, with boxes and room for a signature; what people typed is inert on it."""
    rows = [{"cells": cells(stop), "signature": SIGNATURE} for stop in stops]
    phones = "、".join(dict.fromkeys(stop.phone for stop in stops))
    return _PAGE.render(head=head(day), columns=COLUMNS, rows=rows, boxes=BOXES, foot=FOOT.format(phone=phones))


def cells(stop: Stop) -> tuple[str, ...]:
    """One visit as the columns of a sheet have it, all but the last."""
    return (_span(stop), stop.visitor, f"{stop.village} {stop.beneficiary}", stop.service, _wishes(stop), stop.vehicle,
            spoken(stop.number))  # fmt: skip


def _line(stop: Stop) -> str:
    wishes = _wishes(stop)
    return f"{_span(stop)} {stop.village}{stop.beneficiary} {stop.service}（{stop.visitor}）" + (
        f" {wishes}" if wishes else ""
    )


def _span(stop: Stop) -> str:
    return f"{stop.starts_at.astimezone(CHINA):%H:%M}–{stop.ends_at.astimezone(CHINA):%H:%M}"


def _wishes(stop: Stop) -> str:
    asked = words.asked(stop.questions, stop.answers)
    return "；".join(
        [*(f"{question}{words.answer(value)}" for question, value in asked), *([stop.note] * bool(stop.note))]
    )
