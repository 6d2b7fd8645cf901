"""The figures of a month in words: headings, and each figure as people read it."""

from datetime import timedelta
from typing import Any

from handlers.ordering.words import offered
from models.ordering.reports import Figures

FIGURES = {
    "centre": "中心", "service": "服务", "orders": "点单", "served": "完成", "unmet": "没有组织能做",
    "cancelled": "取消", "people": "受益人数", "wait": "接单用时（中位）", "kept": "按时接单", "rating": "评分",
}  # fmt: skip
ROWS = {
    "number": "订单号", "centre": "中心", "area": "地方", "service": "服务", "beneficiary": "给谁", "phone": "电话",
    "created": "点单时间", "wished": "希望时间", "state": "状态", "organisation": "组织",
    "reason": "原因", "score": "评分",
}  # fmt: skip
ALL = "合计"


def in_words(one: Figures) -> dict[str, str]:
    """One line of the report as it is read; the line of the sum says so."""
    return {key: str(value) for key, value in figures_row(one).items()}


def figures_row(one: Figures) -> dict[str, Any]:
    """The same for a workbook: what can be counted stays a number."""
    return {
        "centre": one.centre or ALL, "service": offered(one.category, one.service) if one.category else "",
        "orders": one.orders, "served": one.served, "unmet": one.unmet, "cancelled": one.cancelled,
        "people": one.people, "wait": lasting(one.wait),
        "kept": f"{one.kept}/{one.promised}（{one.kept * 100 // one.promised}%）" if one.promised else "—",
        "rating": f"{one.rating:.1f}（{one.rated}人评）" if one.rating is not None else "—",
    }  # fmt: skip


def lasting(wait: timedelta | None) -> str:
    """How long it took, in the largest units: "1天4小时", "3小时20分", "5分"."""
    if wait is None:
        return "—"
    minutes = int(wait.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days}天{hours}小时"
    return f"{hours}小时{rest}分" if hours else f"{rest}分"
