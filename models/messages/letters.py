"""The outbox: a row for whatever must be said later or elsewhere, until a receipt or a cadre has it."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import BindParameter, ColumnElement, ForeignKey, Index, String, Table, bindparam, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb

HEARD = ("delivered", "told_in_person")  # its reader knows what it says
MEANS = ("visit", "phone")  # by which somebody is told what WeChat does not bring
REPEATABLE_FOR = timedelta(minutes=10)  # WeChat keeps a client_msg_id for ten minutes, no longer


class Letter(Row):
    """One thing to be said to one person. It stores facts; words are made when it is carried."""

    __tablename__ = "letters"
    __table_args__ = (
        # What the sender looks for: only the living, in order of time.
        Index(
            "ix_letters_due", "urgency", "next_at",
            postgresql_where=text("state IN ('planned', 'retry')"), sqlite_where=text("state IN ('planned', 'retry')"),
        ),
        Index(
            "ix_letters_doubtful", "next_at",
            postgresql_where=text("in_doubt IS true AND state IN ('planned', 'retry')"),
            sqlite_where=text("in_doubt IS 1 AND state IN ('planned', 'retry')"),
        ),
        Index(
            "ix_letters_leased", "lease_until",
            postgresql_where=text("state = 'sending'"), sqlite_where=text("state = 'sending'"),
        ),
        # What waits for its receipt.
        Index(
            "ix_letters_unconfirmed", "sent_at",
            postgresql_where=text("state = 'sent'"), sqlite_where=text("state = 'sent'"),
        ),
        Index(None, "subject", "revision"),
        Index(None, "msgid"),
    )  # fmt: skip

    key: Mapped[str] = mapped_column(String(120), unique=True)  # "call:3/1/t-24h/relative:7": posting twice is once
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    about_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))  # of whom it speaks, where that matters
    kind: Mapped[str] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]]
    subject: Mapped[str] = mapped_column(String(40))  # "call:3"
    revision: Mapped[int] = mapped_column(default=0)
    urgency: Mapped[str] = mapped_column(String(12), default="routine")  # safety, same_day, routine, digest
    channel: Mapped[str] = mapped_column(String(20), default="template")
    due_at: Mapped[datetime]
    useful_until: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default="planned")
    next_at: Mapped[datetime]  # when the sender looks at it next: due_at first, later the back-off
    tries: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    client_msg_id: Mapped[str] = mapped_column(String(32))
    app_id: Mapped[str | None] = mapped_column(String(32))  # the account through which it went
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id"))  # whom one in doubt was tried on
    first_attempt_at: Mapped[datetime | None]  # real time, of the first attempt that may have reached WeChat
    in_doubt: Mapped[bool] = mapped_column(default=False)  # an attempt of which nobody knows whether it arrived
    unwanted: Mapped[bool] = mapped_column(default=False)  # taken back when it had gone: not to be tried again
    msgid: Mapped[str | None] = mapped_column(String(24))
    said: Mapped[str | None] = mapped_column(String(600))
    error_code: Mapped[str | None] = mapped_column(String(24))
    error_detail: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]  # when WeChat accepted it: real time, for its receipt is waited for
    settled_at: Mapped[datetime | None]


def in_states(*states: str) -> ColumnElement[bool]:
    """Whether a letter is in one of these states, as words of the statement itself.

    PostgreSQL uses a partial index only where it can see that its condition holds; a bound value would hide that.
    """
    written_out: BindParameter[Any] = bindparam(
        "states", list(states), expanding=True, literal_execute=True, unique=True
    )
    return Letter.state.in_(written_out)


LETTER = Life(
    "letter",
    cast(Table, Letter.__table__),
    "planned",
    (
        Verb("claim", ("planned", "retry"), "sending", who=(TIME,)),
        Verb("sent", ("sending",), "sent", who=(TIME,)),
        Verb("again", ("sending",), "retry", who=(TIME,)),
        Verb("step_down", ("sending", "sent", "retry", "needs_check", "unconfirmed"), "retry", who=(TIME,)),
        Verb("doubt", ("sending", "retry", "sent"), "needs_check", who=(TIME,), tells=("cadre",)),
        Verb("deliver", ("sending", "retry", "sent", "needs_check", "unconfirmed"), "delivered", who=(TIME,)),
        Verb("forget", ("sent",), "unconfirmed", who=(TIME,)),
        Verb("miss", ("planned", "retry"), "missed", who=(TIME,), tells=("cadre",)),
        Verb(
            "give_up",
            ("planned", "sending", "retry", "sent", "needs_check", "unconfirmed"),
            "dead",
            who=(TIME,),
            tells=("cadre",),
        ),
        Verb("withdraw", ("planned", "retry", "sending", "sent"), "withdrawn", who=(TIME, "rule")),
        Verb("plan_again", ("withdrawn",), "planned", who=("rule",)),
        Verb("suppress", ("sending",), "suppressed", who=(TIME,)),
        Verb("tell", ("dead", "needs_check", "missed"), "told_in_person", who=("cadre",)),
        # It had arrived all the same: the person knows, and nobody had to tell them.
        Verb("confirm", ("dead", "needs_check"), "told_in_person", who=("cadre",)),
    ),
)
