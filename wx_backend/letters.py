"""`wx-backend letters`: what was sent to whom and what became of it, as a clerk reads it; sending once more."""

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import click
from sqlalchemy.orm import Session

from handlers.messages import words
from handlers.words import when
from models.errors import Refused
from models.history import history_of
from models.hours import CHINA
from models.life import By
from models.messages.letters import LETTER, Letter
from models.messages.looking import Question, Seen, look, one, resend
from wx_backend.config import find_file, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now

DESK = By(None, "desk")
WIDTHS = (7, 9, 16, 22)


@click.group("letters", invoke_without_command=True)
@click.option("--name", default="", help="收信人姓名，或其中几个字")
@click.option("--state", "states", multiple=True, type=click.Choice(LETTER.states), help="只看某种状态，可以写几个")
@click.option("--about", "subject", default="", help="只看某件事的，例如 call:3、order:17")
@click.option("--kind", default="", help="只看某一类，例如 family、ordering.offered")
@click.option("--days", default=7, show_default=True, help="最近几天")
@click.option("--limit", default=30, show_default=True, help="最多几条")
@click.option("--before", type=int, help="接着看：编号小于它的")
@click.pass_context
def letters(
    context: click.Context, name: str, states: tuple[str, ...], subject: str, kind: str, days: int, limit: int,
    before: int | None,
) -> None:  # fmt: skip
    """发出的通知：给谁、什么事、到了没有、下次什么时候再发。"""
    if context.invoked_subcommand is not None:
        return
    question = Question(name, states, subject, kind, real_now() - timedelta(days=days))
    with _open(context.obj) as session:
        found = look(session, question, limit=limit, before=before)
    if not found:
        click.echo("没有找到符合的通知。")
        return
    click.echo(_row(("编号", "收信人", "什么事", "时间", "怎么样了")))
    for seen in found:
        click.echo(_line(seen))
    if len(found) == limit:
        click.echo(f"\n还有更早的：加上 --before {found[-1].letter.id}")


@letters.command()
@click.argument("letter_id", type=int, metavar="编号")
@click.pass_obj
def show(named: str | None, letter_id: int) -> None:
    """一封通知的全部经过。"""
    with _open(named) as session:
        try:
            seen = one(session, letter_id)
        except Refused as refusal:
            raise click.ClickException(words.REFUSALS[refusal.code]) from refusal
        for line in _whole(seen):
            click.echo(line)
        for row in history_of(session, LETTER.subject(seen.letter)):
            click.echo(f"经过    {when(row.at, CHINA)} {row.verb} {row.note}")


@letters.command()
@click.argument("letter_id", type=int, metavar="编号")
@click.option("--reason", required=True, help="为什么重发")
@click.pass_obj
def again(named: str | None, letter_id: int, reason: str) -> None:
    """把同一件事作为一封新的通知再发一次。"""
    with _open(named) as session, session.begin():
        try:
            new = resend(session, letter_id, by=DESK, reason=reason, now=real_now())
        except Refused as refusal:
            raise click.ClickException(words.REFUSALS[refusal.code]) from refusal
        click.echo(f"已重新排队，新编号 {new.id}。")


def _open(named: str | None) -> Session:
    return session_factory(make_engine(load_config(find_file(named)).database.url))()


def _line(seen: Seen) -> str:
    letter = seen.letter
    return _row((str(letter.id), seen.person or "（未填姓名）", _what(letter), _moment(letter.due_at), _state(letter)))


def _what(letter: Letter) -> str:
    return words.KINDS.get(letter.kind, letter.kind)


def _moment(at: datetime | None) -> str:
    return when(at, CHINA) if at else ""


def _state(letter: Letter) -> str:
    said = words.STATES[letter.state]
    if letter.state == "retry":
        said += f"（{_moment(letter.next_at)}，已试{letter.tries}次）"
    return f"{said}：{letter.error_code}" if letter.error_code else said


def _whole(seen: Seen) -> Iterator[str]:
    letter = seen.letter
    rows = (
        ("编号", str(letter.id)), ("收信人", seen.person), ("什么事", f"{_what(letter)}（{letter.subject}）"),
        ("内容", letter.said or "还没有说出来"),
        ("应发", _moment(letter.due_at)), ("过期", _moment(letter.useful_until)),
        ("渠道", words.CHANNELS[letter.channel]), ("现在", _state(letter)), ("试过", f"{letter.tries}次"),
        ("微信", _moment(letter.sent_at) and f"{_moment(letter.sent_at)}收下，消息号{letter.msgid or '无'}"),
        ("原因", letter.error_detail or ""), ("结束", _moment(letter.settled_at)),
    )  # fmt: skip
    yield from (_padded(name, 8) + value for name, value in rows if value)


def _row(cells: Sequence[str]) -> str:
    return "".join(_padded(cell, width) for cell, width in zip(cells, WIDTHS, strict=False)) + cells[-1]


def _padded(text: str, width: int) -> str:
    """The text in so many columns; a Chinese character takes two."""
    taken = sum(2 if unicodedata.east_asian_width(ch) in "WF" else 1 for ch in text)
    return text + " " * max(width - taken, 1)
