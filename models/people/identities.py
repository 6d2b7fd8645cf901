"""WeChat identities: one person may have several, each known by (app_id, openid); the unionid may come late."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row


@dataclass(frozen=True)
class Who:
    """Who is asking, as every floor passes it on: a person behind one WeChat identity. It grants nothing by itself."""

    person_id: int
    identity_id: int
    name: str
    zone: str  # IANA
    app_id: str
    openid: str


class Identity(Row):
    """One follower of one account."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("app_id", "openid"),)

    app_id: Mapped[str] = mapped_column(String(32))
    openid: Mapped[str] = mapped_column(String(64))
    unionid: Mapped[str | None] = mapped_column(String(64), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), default="official_account")  # or "mini_program"
    following: Mapped[bool] = mapped_column(default=True)
    reachable: Mapped[bool] = mapped_column(default=True)  # false after "user block", 43004, 40003
    unreachable_why: Mapped[str] = mapped_column(String(60), default="")
    since: Mapped[datetime]
