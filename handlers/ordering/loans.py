"""Loans between centres in the official account: what one's centre lends and borrows, and the answer in two taps."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from handlers.ordering import loan_words as words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import plain
from models.ordering import lending
from models.ordering.borrowing import loan_for, look, may
from models.ordering.loans import is_overdue
from models.people.identities import Who
from models.people.staff import is_cadre

MINE = (Choice("借用", "loan"), Choice("我的任务", "task"))
# What a tap does, by the word of its address.
DEEDS: dict[str, Callable[[Session, Who, int, datetime], object]] = {
    "approve": lending.approve, "hand_over": lending.hand_over, "return": lending.give_back, "cancel": lending.cancel,
}  # fmt: skip


def home(ask: Ask) -> Reply:
    """What one's centres lend and borrow now."""
    if not is_cadre(ask.session, ask.who.person_id):
        return Reply(words.RESIDENT, (Choice("提一个需求", "need/new"), Choice("联系工作人员", "person")), back="menu")
    found = look(ask.session, ask.who, None)
    rows = found.rows
    choices = tuple(
        Choice(f"{row.borrower}向{row.lender}借{row.lent}（{words.STATES[row.ResourceLoan.state]}）",
               f"loan/desk/{row.ResourceLoan.id}")
        for row in rows
    )  # fmt: skip
    text = words.HOME if rows else words.NOBODY
    more = [words.MORE] if found.after else []
    return Reply("\n".join([text, *more, words.AT_DESK]), choices, back="menu")


def one(ask: Ask, loan: int) -> Reply:
    """One loan, and what this cadre can do with it."""
    row = loan_for(ask.session, ask.who, loan)
    found = row.ResourceLoan
    text = words.WHOLE.format(
        borrower=row.borrower, lender=row.lender, lent=row.lent, kind=words.KINDS[found.kind],
        span=words.span(found.starts_at, found.ends_at), state=words.STATES[found.state],
        late=words.LATE if is_overdue(found, ask.now) else "",
        why=words.WHY.format(why=plain(found.reason)) if found.reason else "",
    )  # fmt: skip
    choices = tuple(
        Choice(words.DEEDS[deed], f"loan/{loan}/{deed.replace('_', '-')}") for deed in may(ask.session, ask.who, found)
    )
    return Reply(text, choices, back="loan")


def ask_why(ask: Ask, loan: int) -> Reply:
    """Asks why it is not lent."""
    loan_for(ask.session, ask.who, loan)
    choices = tuple(Choice(why, f"loan/{loan}/refuse/{n}") for n, why in enumerate(words.REASONS))
    return Reply(words.ASK_WHY, choices, f"loan/{loan}/refuse/text", back=f"loan/desk/{loan}")


def refuse_for(ask: Ask, loan: int, reason: int) -> Reply:
    """Refused, for a reason from the list."""
    return _refuse(ask, loan, words.REASONS[reason] if reason < len(words.REASONS) else "")


def refuse_text(ask: Ask, loan: int) -> Reply:
    """Refused, for a reason in words."""
    return _refuse(ask, loan, ask.text)


def _refuse(ask: Ask, loan: int, why: str) -> Reply:
    lending.refuse(ask.session, ask.who, loan, why, ask.now)
    return Reply(words.DONE["loan_refuse"], MINE)


def _deed(name: str) -> Handler:
    def done(ask: Ask, loan: int) -> Reply:
        DEEDS[name](ask.session, ask.who, loan, ask.now)
        return Reply(words.DONE[f"loan_{name}"], (Choice("查看", f"loan/desk/{loan}"), *MINE))

    done.__doc__ = f"{words.DEEDS[name]}."
    return done


ADDRESSES: dict[str, Handler] = {
    "loan": home,
    "loan/desk/<int:loan>": one,
    "loan/<int:loan>/refuse": ask_why,
    "loan/<int:loan>/refuse/<int:reason>": refuse_for,
    "loan/<int:loan>/refuse/text": refuse_text,
    **{f"loan/<int:loan>/{name.replace('_', '-')}": _deed(name) for name in DEEDS},
}

KEYWORDS = {"借用": "loan", "借调": "loan"}
