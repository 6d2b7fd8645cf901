"""报表 at the staff desk: a month in figures, and the same as a workbook in which nobody can be recognised."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, g, render_template
from werkzeug.wrappers import Response

from handlers import desk, masking
from handlers.ordering import desk_words, words
from handlers.ordering.report_words import FIGURES, ROWS, figures_row, in_words
from models.hours import CHINA
from models.ordering.numbers import spoken
from models.ordering.reports import month_of, read_month, report_for, rows_for

ROOM = Blueprint("report", __name__, url_prefix="/report", template_folder="templates")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@ROOM.get("/")
def listed() -> str:
    """The figures of this month, or of the month that is asked for, below this cadre's areas."""
    month = _month(desk.asked("month"))
    rows, whole = report_for(desk.session(), desk.who(), month, desk.now())
    return render_template(
        "report/desk_list.html", rows=[in_words(row) for row in rows], whole=in_words(whole), month=month,
        headings=FIGURES, many=whole.orders, desk_words=desk_words, this=month_of(desk.now()),
        before=_month_before(month),
    )  # fmt: skip


@ROOM.post("/export")
def export() -> Response:
    """The figures and the orders behind them as a workbook; names, phones and identity cards are masked in it."""
    month = _month(desk.typed("month"))
    rows, whole = report_for(desk.session(), desk.who(), month, desk.now())
    orders = [_row(row) for row in rows_for(desk.session(), desk.who(), month)]
    to_book: Callable[..., bytes] = g.to_book
    body = to_book(
        [("汇总", FIGURES, [figures_row(row) for row in (*rows, whole)]), ("订单", ROWS, orders)]
    )  # fmt: skip
    desk.note("report_export", f"report:{month:%Y-%m}", rows=len(orders))
    name = f"report-{month:%Y-%m}.xlsx"
    return Response(body, mimetype=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _row(row: Any) -> dict[str, Any]:
    """One order as it may leave the house."""
    order = row.Order
    return {
        "number": spoken(row.number or ""), "centre": row.centre, "area": row.area,
        "service": words.offered(row.category, row.service), "beneficiary": masking.name(row.beneficiary),
        "phone": masking.phone(row.phone), "created": f"{order.created_at.astimezone(CHINA):%Y-%m-%d %H:%M}",
        "wished": f"{order.preferred_at.astimezone(CHINA):%Y-%m-%d %H:%M}", "state": words.STATE_NAMES[order.state],
        "organisation": row.organisation or "", "reason": masking.typed(row.reason, row.beneficiary),
        "score": "" if row.score is None else row.score,
    }  # fmt: skip


def _month(text: str) -> date:
    """The month that was asked for ("2026-11"); this one for whatever is none."""
    return read_month(text) or month_of(desk.now())


def _month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)
