"""Letters that WeChat accepted, written down in one statement whatever their number: nearly all letters end so."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, String, Table, Text, bindparam, column, func, null, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from models.base import among
from models.messages.letters import Letter
from models.messages.outcomes import OpenLetter, Sent
from models.messages.receipts import Receipt, apply_receipt

_LETTERS = cast(Table, Letter.__table__)


def accept_all(
    session: Session, owner: str, accepted: Mapping[int, tuple[OpenLetter, Sent]], *, now: datetime, real_now: datetime
) -> tuple[list[tuple[str, str, str]], list[Letter]]:
    """Write down letters whose receipt is still to come (id → as carried, accepted), those that `owner` still holds.

    Answers (app_id, channel, kind) of each that was written down, and the letters that a receipt which had come before
    its msgid has settled already.
    """
    rows = [
        {"id": key, "msgid": sent.msgid, "said": sent.said[:600], "app_id": letter.app_id}
        for key, (letter, sent) in accepted.items()
    ]
    session.flush()
    kept = session.execute(
        _statement(session.get_bind().dialect.name),
        {"rows": json.dumps(rows, ensure_ascii=False), "mine": owner, "accepted_at": real_now},
    ).all()
    session.expire_all()
    joined = join_early(session, [accepted[row.id][1].msgid for row in kept], now)
    carried = [accepted[row.id][0] for row in kept]
    return [(letter.app_id, letter.channel, letter.kind) for letter in carried], joined


@cache
def _statement(dialect: str) -> Any:
    """One UPDATE from rows that travel as one JSON text: SQLAlchemy would compile a list of values anew each time."""
    if dialect == "postgresql":
        found = func.json_to_recordset(sql_cast(bindparam("rows", type_=Text), JSON)).table_valued(
            column("id", BigInteger), column("msgid", String), column("said", String), column("app_id", String)
        )
        row: Any = found.render_derived(name="back", with_types=True).c
        source: dict[str, Any] = {name: row[name] for name in ("id", "msgid", "said", "app_id")}
    else:
        value = func.json_each(bindparam("rows", type_=Text)).table_valued("value", name="back").c.value
        source = {name: func.json_extract(value, f"$.{name}") for name in ("id", "msgid", "said", "app_id")}
    return (
        update(_LETTERS)
        .where(
            _LETTERS.c.id == source.pop("id"), _LETTERS.c.state == "sending",
            _LETTERS.c.lease_owner == bindparam("mine"),
        )
        .values(
            state="sent", sent_at=bindparam("accepted_at"), lease_owner=null(), lease_until=null(),
            error_code=null(), error_detail=null(), **source,
        )
        .returning(_LETTERS.c.id)
    )  # fmt: skip


def join_early(session: Session, msgids: Sequence[str | None], now: datetime) -> list[Letter]:
    """Settle the letters whose receipt was here before they knew their msgid; answers those that it changed."""
    if not msgids:
        return []
    early = session.execute(
        _early(session.get_bind().dialect.name), {"msgids": list(msgids)},
        execution_options={"populate_existing": True},
    ).all()  # fmt: skip
    return [letter for receipt, letter in early if apply_receipt(session, receipt, letter, now)]


@cache
def _early(dialect: str) -> Any:
    """The receipts of some `msgids` that wait for their letters, with them, locked: made once."""
    return (
        select(Receipt, Letter).join(Letter, (Letter.msgid == Receipt.msgid) & (Letter.app_id == Receipt.app_id))
        .where(among(dialect, Receipt.msgid, "msgids"), Receipt.letter_id.is_(None)).with_for_update()
    )  # fmt: skip
