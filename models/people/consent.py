"""Consent: to what a person agreed, in which words, given how and witnessed by whom."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row

CONSENT_KINDS = ("service_records", "family_calls", "photos")
CONSENT_MEANS = ("wechat", "signature", "spoken")  # a spoken consent needs a witness


class Consent(Row):
    """One agreement, and its end when it was withdrawn."""

    __tablename__ = "consents"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    text_version: Mapped[str] = mapped_column(String(16))
    means: Mapped[str] = mapped_column(String(12))
    given_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))  # the person, or a guardian
    witness_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
