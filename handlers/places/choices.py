"""What a clerk has chosen for each call on a page that shows whom a closure or a broken screen reaches."""

from collections.abc import Sequence
from typing import Any

from flask import request

from handlers import desk
from handlers.typed import key_in
from models.family.deciding import Choice, Decided

MOST = 200  # calls with a choice of their own on one page; those beyond go as all go


def page_of(calls: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The calls with a choice of their own on the page, and those that are left over."""
    return calls[:MOST], calls[MOST:]


def decided() -> Decided:
    """The choices of the form: what was chosen for one call goes before what was chosen for all.

    A call is named by the revision of it that the page showed; with nothing chosen it is kept.
    """
    for_all = desk.typed("all") or "keep"
    calls = {
        key: Choice(desk.typed(f"do-{key}") or for_all, seen) for key in _keys("seen")
        if (seen := desk.number(f"seen-{key}", form=True)) is not None
    }  # fmt: skip
    days = {key: desk.typed(f"day-{key}") or ("cancel" if for_all == "cancel" else "keep") for key in _keys("held")}
    return Decided(calls, days, desk.typed("instead"))


def _keys(field: str) -> list[int]:
    """The keys of the things that the form names in fields of this kind ("seen-17")."""
    found = (name.partition("-") for name in request.form)
    return [key for kind, _, text in found if kind == field and (key := key_in(text)) is not None]
