"""Agreements to be written to: subscription templates one by one (订阅消息), and the customer-service window."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, exists, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row, locked_row
from models.messages.inbox import Dialogue

SAME_TAP = timedelta(minutes=2)  # WeChat's event and the phone's own report of one tap lie no further apart
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
    why: Mapped[str] = mapped_column(String(24))  # "accept", "always", "reject", "ban", "sent", "43101"
    at: Mapped[datetime]


@dataclass(frozen=True)
class Topic:
    """One template of one channel that people agree to; `key` is its name in the settings."""

    key: str
    channel: str
    template_id: str
    long_term: bool = False


@dataclass(frozen=True)
class Agreed:
    """How it stands with one template: messages left, or for long; `always`: accepted without being asked any more;
    `refused`: the last that was heard was a no."""

    balance: int = 0
    long_term: bool = False
    always: bool = False
    refused: bool = False


def agreed_to(session: Session, identity_id: int, templates: Collection[str]) -> dict[str, Agreed]:
    """What the ledger says of these templates; one of which nothing was ever heard is agreed to by nobody."""
    of_these = select(Subscription.id).where(
        Subscription.identity_id == identity_id, Subscription.template_id.in_(templates)
    )
    last = (
        select(func.max(SubscriptionEntry.id)).where(SubscriptionEntry.subscription_id.in_(of_these))
        .where(SubscriptionEntry.why != "sent").group_by(SubscriptionEntry.subscription_id)
    )  # fmt: skip
    heard = (
        select(Subscription, SubscriptionEntry.why)
        .join(SubscriptionEntry, SubscriptionEntry.subscription_id == Subscription.id)
        .where(SubscriptionEntry.id.in_(last.correlate(None).scalar_subquery()))
    )
    found = dict.fromkeys(templates, Agreed())
    for held, why in session.execute(heard):
        found[held.template_id] = Agreed(held.balance, held.long_term, why == "always", why in ("reject", "ban"))
    return found


def agree(session: Session, identity_id: int, template_id: str, now: datetime, *, long_term: bool = False) -> None:
    """A person accepted once more, says WeChat: one message (several accepts add up), or any when `long_term`."""
    _agree(session, identity_id, template_id, now, "accept", "always", long_term)


def agree_unasked(
    session: Session, identity_id: int, template_id: str, now: datetime, *, long_term: bool = False
) -> None:  # fmt: skip
    """A person accepted once more without a question, says the phone: WeChat keeps their choice (总是保持以上选择),
    shows nothing and sends no event; should it send one after all, the same tap counts once."""
    _agree(session, identity_id, template_id, now, "always", "accept", long_term)


def agree_unless_told(
    session: Session, identity_id: int, template_id: str, now: datetime, *, long_term: bool = False
) -> None:  # fmt: skip
    """A page's tag says that a person accepted, and cannot say whether WeChat asked: where it did, its event counts;
    where none came, a choice was kept. Should the event come after all, the same tap counts once."""
    if not _just_heard(session, _held(session, identity_id, template_id, now), "accept", now):
        agree_unasked(session, identity_id, template_id, now, long_term=long_term)


def refuse(
    session: Session, identity_id: int, template_id: str, now: datetime, why: str = "reject",
    asked_at: datetime | None = None,
) -> None:  # fmt: skip
    """A person refused, or switched it off in the settings, or WeChat says there is nothing left (43101); the same
    said twice, by the phone and by WeChat, is one line of the ledger. `asked_at`: when the send began that WeChat
    refused; what the person has accepted since then it may not have known, and that stands."""
    held = _held(session, identity_id, template_id, now)
    if asked_at is not None and _heard_since(session, held, asked_at, "accept", "always"):
        return
    if _just_heard(session, held, why, now) and not (held.balance or held.long_term):
        return
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


def close_window(session: Session, identity_id: int, asked_at: datetime) -> None:
    """WeChat says that the window is closed (45015) or used up (45047), whatever we thought; not what the person has
    written since `asked_at`, when the send began."""
    session.execute(
        update(Dialogue)
        .where(Dialogue.identity_id == identity_id, Dialogue.heard_at <= asked_at)
        .values(heard_at=None),
        execution_options={"synchronize_session": False},
    )


def _agree(
    session: Session, identity_id: int, template_id: str, now: datetime, why: str, same_as: str, long_term: bool
) -> None:  # fmt: skip
    held = _held(session, identity_id, template_id, now)
    held.long_term = held.long_term or long_term
    counts = not _just_heard(session, held, same_as, now)
    _change(session, held, held.balance + counts, why, now)


def _just_heard(session: Session, held: Subscription, why: str, now: datetime) -> bool:
    """Whether that was said of the same tap a moment ago; the row is locked, so whoever comes second sees it."""
    return _heard_since(session, held, now - SAME_TAP, why)


def _heard_since(session: Session, held: Subscription, since: datetime, *whys: str) -> bool:
    """Whether one of these was said of this template after an instant."""
    session.flush()
    said = exists().where(
        SubscriptionEntry.subscription_id == held.id, SubscriptionEntry.why.in_(whys), SubscriptionEntry.at > since
    )
    return bool(session.scalar(select(said)))


def _held(session: Session, identity_id: int, template_id: str, now: datetime) -> Subscription:
    """What the identity holds of a template, locked; of two first answers at once the second finds the first's."""
    key = {"identity_id": identity_id, "template_id": template_id}
    return locked_row(session, Subscription, key, long_term=False, balance=0, changed_at=now)


def _change(session: Session, held: Subscription, balance: int, why: str, now: datetime) -> None:
    session.add(SubscriptionEntry(subscription_id=held.id, change=balance - held.balance, why=why[:24], at=now))
    held.balance, held.changed_at = balance, now
    session.flush()
