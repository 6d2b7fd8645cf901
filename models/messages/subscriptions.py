"""Agreements to be written to: subscription templates one by one (订阅消息), and the customer-service window."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, exists, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row, locked_row
from models.messages.inbox import Dialogue

SAME_TAP = timedelta(minutes=2)  # WeChat's event and the phone's own report of one tap lie no further apart
AT_ONCE = timedelta(seconds=10)  # nor does a report that says nothing was asked lie later than that after an event
LOOK_BACK = 30 * SAME_TAP  # nobody taps on and on for so long, so that what lies before it leaves nothing open
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
    """One line of the ledger: what changed a balance, in the order in which it happened.

    A yes comes by WeChat's event ("accept"), by the report of a kept choice ("always"), or by a page's report of what
    an event has counted before it ("told"). The second half of one tap changes a balance by 0, and is a line too.
    """

    __tablename__ = "subscription_entries"

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    change: Mapped[int]
    why: Mapped[str] = mapped_column(String(24))  # "accept", "always", "told", "reject", "ban", "sent", "43101"
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
        .where(SubscriptionEntry.why.not_in(("sent", "told"))).group_by(SubscriptionEntry.subscription_id)
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
    held = _held(session, identity_id, template_id, now)
    _agree(session, held, "accept", now, long_term, counts=not _echoes(session, held, "accept", now))


def agree_unasked(
    session: Session, identity_id: int, template_id: str, now: datetime, *, long_term: bool = False
) -> None:  # fmt: skip
    """A person accepted once more without a question, says the phone: WeChat keeps their choice (总是保持以上选择),
    shows nothing and sends no event; should it send one after all, the same tap counts once. An event from longer ago
    than AT_ONCE was the answer to another tap, which WeChat did ask about."""
    held = _held(session, identity_id, template_id, now)
    _agree(session, held, "always", now, long_term, counts=not _echoes(session, held, "always", now))


def agree_unless_told(
    session: Session, identity_id: int, template_id: str, now: datetime, *, long_term: bool = False
) -> None:  # fmt: skip
    """A page's tag says that a person accepted, and cannot say whether WeChat asked: where it did, its event counts;
    where none came, a choice was kept. Should the event come after all, the same tap counts once."""
    held = _held(session, identity_id, template_id, now)
    told = _echoes(session, held, "told", now)
    _agree(session, held, "told" if told else "always", now, long_term, counts=not told)


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


def _agree(session: Session, held: Subscription, why: str, now: datetime, long_term: bool, *, counts: bool) -> None:
    """A yes more in the ledger; one that does not count gives nothing back that a no has taken since."""
    held.long_term = held.long_term or (long_term and counts)
    _change(session, held, held.balance + counts, why, now)


def _echoes(session: Session, held: Subscription, why: str, now: datetime) -> bool:
    """Whether this is the second half of a tap that counts already; the row is locked, so whoever comes second sees
    the first. An event and a report belong together one to one, the oldest first, so that of two taps neither is lost
    nor counted twice, in whatever order the four come. After a no, an event is of a new tap, since WeChat tells in
    order; a report may still be of the old one."""
    alone: list[SubscriptionEntry] = []  # those that count, and of whose tap the other half was not heard
    for line in session.scalars(
        select(SubscriptionEntry).where(SubscriptionEntry.subscription_id == held.id)
        .where(SubscriptionEntry.why != "sent", SubscriptionEntry.at > now - LOOK_BACK).order_by(SubscriptionEntry.id)
    ):  # fmt: skip
        if line.why not in ("accept", "always", "told"):
            alone = [one for one in alone if one.why == "accept"]
        elif line.change:
            alone.append(line)
        elif half := _other_half(alone, line.why, line.at):
            alone.remove(half)
    return _other_half(alone, why, now) is not None


def _other_half(alone: list[SubscriptionEntry], why: str, at: datetime) -> SubscriptionEntry | None:
    """The oldest of these that can be of the same tap as what was heard then."""
    other = "always" if why == "accept" else "accept"
    apart = AT_ONCE if why == "always" else SAME_TAP
    return next((one for one in alone if one.why == other and at - one.at < apart), None)


def _just_heard(session: Session, held: Subscription, why: str, now: datetime) -> bool:
    """Whether that was said a moment ago; the row is locked, so whoever comes second sees it."""
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
