"""The run sheet in words: a few lines for the phone, and what stands in the columns of the printed one."""

from collections.abc import Sequence
from datetime import date

from handlers.ordering import words
from handlers.words import WEEKDAYS, clock_span
from models.hours import CHINA
from models.ordering.numbers import spoken
from models.ordering.runsheet import Stop

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
    return clock_span(stop.starts_at, stop.ends_at, CHINA)


def _wishes(stop: Stop) -> str:
    asked = words.asked(stop.questions, stop.answers)
    return "；".join(
        [*(f"{question}{words.answer(value)}" for question, value in asked), *([stop.note] * bool(stop.note))]
    )
