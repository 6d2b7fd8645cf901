"""Agreements to be written to: subscription templates one by one (订阅消息), and the customer-service window."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row, locked_row
from models.messages.inbox import Dialogue

WINDOW = timedelta(hours=48)  # a message of the person opens it (客服消息: 用户发送消息, 48 小时)


class Subscription(Row):
    """What one identity has agreed to receive by one template: `balance` messages, or for long ("long_term")."""

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("identity_id", "template_id"),)

    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"))
    template_id: Mapped[str] = mapped_column(String(64))
    long_term: Mapped[bool] = mapped_column(default=False)
    balance: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime]


class SubscriptionEntry(Row):
    """One line of the ledger: what changed a balance, in the order in which it happened."""

    __tablename__ = "subscription_entries"

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    change: Mapped[int]
    why: Mapped[str] = mapped_column(String(24))  # "accept", "reject", "sent", "43101"
    at: Mapped[datetime]


def agree(session: Session, identity_id: int, template_id: str, now: datetime, *, long_term: bool = False) -> None:
    """A person accepted once more: one message (several accepts add up), or any number when `long_term`."""
    held = _held(session, identity_id, template_id, now)
    held.long_term = held.long_term or long_term
    _change(session, held, held.balance + 1, "accept", now)


def refuse(session: Session, identity_id: int, template_id: str, now: datetime, why: str = "reject") -> None:
    """A person refused, or switched it off in the settings, or WeChat says there is nothing left (43101)."""
    held = _held(session, identity_id, template_id, now)
    held.long_term = False
    _change(session, held, 0, why, now)


def use(session: Session, identity_id: int, template_id: str, now: datetime) -> None:
    """A message was accepted by WeChat: one agreement less, unless it is for long."""
    held = _held(session, identity_id, template_id, now)
    _change(session, held, held.balance if held.long_term else max(held.balance - 1, 0), "sent", now)


def count_reply(session: Session, identity_id: int) -> None:
    """One customer-service message more has gone out since the person last wrote."""
    session.execute(
        update(Dialogue).where(Dialogue.identity_id == identity_id).values(served=Dialogue.served + 1),
        execution_options={"synchronize_session": False},
    )


def close_window(session: Session, identity_id: int) -> None:
    """WeChat says that the window is closed (45015) or used up (45047), whatever we thought."""
    session.execute(
        update(Dialogue).where(Dialogue.identity_id == identity_id).values(heard_at=None),
        execution_options={"synchronize_session": False},
    )


def _held(session: Session, identity_id: int, template_id: str, now: datetime) -> Subscription:
    """What the identity holds of a template, locked; of two first answers at once the second finds the first's."""
    key = {"identity_id": identity_id, "template_id": template_id}
    return locked_row(session, Subscription, key, long_term=False, balance=0, changed_at=now)


def _change(session: Session, held: Subscription, balance: int, why: str, now: datetime) -> None:
    session.add(SubscriptionEntry(subscription_id=held.id, change=balance - held.balance, why=why[:24], at=now))
    held.balance, held.changed_at = balance, now
    session.flush()
