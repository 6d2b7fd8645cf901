"""Delivery receipts as WeChat reported them, kept even when they come before the letter knows its msgid."""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.messages.inbox import has_acted_since
from models.messages.ladder import CHANNELS
from models.messages.letters import LETTER, Letter
from models.messages.looking import is_heard_otherwise
from models.messages.passage import again_to_another, give_up, next_rung
from models.people.identities import is_reachable, mark_unreachable

MAX_SENDS = 3  # how often WeChat may take one letter and then report that it failed
JUST_NOW = timedelta(minutes=1)  # a receipt comes within seconds
TOO_OFTEN = timedelta(minutes=1)  # after "failed:freq limit": the next one at once would meet the same limit


class Receipt(Row):
    """One TEMPLATESENDJOBFINISH: `status` is kept raw ("success", "failed:user block", "failed: system failed", …)."""

    __tablename__ = "receipts"
    __table_args__ = (
        UniqueConstraint("app_id", "msgid"),
        # Few among all that ever came.
        Index(
            "ix_receipts_waiting", "app_id", "msgid",
            postgresql_where=text("letter_id IS NULL"), sqlite_where=text("letter_id IS NULL"),
        ),
    )  # fmt: skip

    app_id: Mapped[str] = mapped_column(String(32))
    msgid: Mapped[str] = mapped_column(String(24))
    status: Mapped[str] = mapped_column(String(60))
    received_at: Mapped[datetime] = mapped_column(index=True)
    letter_id: Mapped[int | None] = mapped_column(index=True)  # empty until it is joined
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id"))  # whose it is, where that is known


def record_receipt(
    session: Session, app_id: str, msgid: str, status: str, now: datetime, identity_id: int | None = None
) -> Letter | None:  # fmt: skip
    """Keep a receipt and settle the letter it belongs to; answers the letter when the receipt changed it.
    `identity_id`: whose receipt it is.

    The same receipt twice changes nothing; one that comes before its msgid is stored waits for it. Where the sender
    that stores the msgid and this receipt run at the very same moment, neither sees the other: `join_waiting` does,
    at the next sweep.
    """
    receipt = Receipt(app_id=app_id, msgid=msgid, status=status[:60], received_at=now, identity_id=identity_id)
    try:
        with session.begin_nested():
            session.add(receipt)
    except IntegrityError:
        return None
    letter = session.scalar(
        select(Letter).where(Letter.msgid == msgid, Letter.app_id == app_id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    if letter is None:
        return None
    return letter if apply_receipt(session, receipt, letter, now) else None


def join_waiting(session: Session, now: datetime, limit: int = 500) -> list[Letter]:
    """Join receipts that still wait with letters that have learnt their msgid since; answers the changed letters."""
    pairs = session.execute(
        select(Receipt, Letter)
        .join(Letter, (Letter.msgid == Receipt.msgid) & (Letter.app_id == Receipt.app_id))
        .where(Receipt.letter_id.is_(None)).limit(limit).with_for_update(skip_locked=True),
        execution_options={"populate_existing": True},
    ).all()  # fmt: skip
    return [letter for receipt, letter in pairs if apply_receipt(session, receipt, letter, now)]


def apply_receipt(session: Session, receipt: Receipt, letter: Letter, now: datetime) -> bool:
    """Settle `letter` by what WeChat says became of it; answers whether the letter changed.

    "failed:user block" marks the person unreachable and sends the letter down the ladder; any other failure delivered
    nothing, so it goes again under a new client_msg_id while it is useful ("freq limit" a minute later). Where a
    message uses up an agreement (subscriptions) it is gone with the failed one: there the next rung is tried.
    """
    receipt.letter_id = letter.id
    status = receipt.status.lower().replace(" ", "")
    if letter.state not in LETTER.by_name["deliver"].sources:
        session.flush()
        return False
    # WeChat knows this very message: whatever was doubtful about it is not any more.
    letter.in_doubt = False
    if status != "success" and is_heard_otherwise(session, letter):
        letter.unwanted = True
    if status == "success":
        letter.state, letter.settled_at = "delivered", receipt.received_at
    elif status.startswith("failed:userblock"):
        letter.error_code = "user block"
        if not _has_let_us_in_since(session, receipt, letter):
            mark_unreachable(session, letter.person_id, receipt.app_id, "user block", receipt.identity_id)
        if not (is_reachable(session, letter.person_id) and again_to_another(letter, now)):
            next_rung(letter, now)
    elif CHANNELS[letter.channel].needs == "consent":
        letter.error_code = receipt.status[:24]
        next_rung(letter, now)
    elif (
        letter.useful_until > now and letter.state == "sent" and not letter.unwanted
        and not _failed_too_often(session, letter)
    ):  # fmt: skip
        letter.error_code = receipt.status[:24]
        pause = TOO_OFTEN if status.startswith("failed:freqlimit") else timedelta()
        letter.state, letter.next_at, letter.client_msg_id = "retry", now + pause, uuid4().hex
        letter.first_attempt_at, letter.msgid, letter.sent_at = None, None, None
    elif letter.state == "sent":
        letter.error_code = receipt.status[:24]
        next_rung(letter, now)
    else:
        letter.error_code = receipt.status[:24]
        give_up(letter, now)
    session.flush()
    return True


def forget_receipts(session: Session, before: datetime) -> int:
    """Delete the receipts that came before an instant: their letters have had them long since; answers how many."""
    return len(session.execute(delete(Receipt).where(Receipt.received_at < before).returning(Receipt.id)).all())


def _failed_too_often(session: Session, letter: Letter) -> bool:
    """Whether WeChat has reported often enough that this letter failed. Tries that it never took are none of these."""
    if letter.tries < MAX_SENDS:
        return False
    failures = select(func.count()).where(Receipt.letter_id == letter.id, func.lower(Receipt.status) != "success")
    return (session.scalar(failures) or 0) >= MAX_SENDS


def _has_let_us_in_since(session: Session, receipt: Receipt, letter: Letter) -> bool:
    """Whether this person has just spoken to us: what was refused before may be welcome now; if not, the next receipt
    says so. So much is believed of a few sends, and of no more."""
    return (
        receipt.identity_id is not None and letter.tries < MAX_SENDS
        and has_acted_since(session, receipt.identity_id, receipt.received_at - JUST_NOW)
    )  # fmt: skip
