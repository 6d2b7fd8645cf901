"""Delivery receipts as WeChat reported them, kept even when they come before the letter knows its msgid."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row


class Receipt(Row):
    """One TEMPLATESENDJOBFINISH: `status` is kept raw ("success", "failed:user block", "failed: system failed", …)."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("app_id", "msgid"),)

    app_id: Mapped[str] = mapped_column(String(32))
    msgid: Mapped[str] = mapped_column(String(24))
    status: Mapped[str] = mapped_column(String(60))
    received_at: Mapped[datetime]
    letter_id: Mapped[int | None]  # empty until it is joined
