"""`wx-backend letters`: what was sent to whom and what became of it, as a clerk reads it; sending once more."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click
from sqlalchemy.orm import Session

from handlers.masking import digits
from handlers.messages import words
from handlers.tasks.words import title
from handlers.words import TOLD_MEANS, near, when
from models.errors import Refused
from models.history import history_of
from models.hours import CHINA
from models.life import By
from models.messages.letters import LETTER, Letter
from models.messages.looking import PRIVATE_KINDS, Question, Seen, counts, is_stuck, look, one, resend
from models.people.persons import Person
from models.register import LIVES
from models.tasks.tasks import Task
from models.tasks.undelivered import in_hand
from wx_backend.commands.settings import settings
from wx_backend.config import Config
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import make_clock

DESK = By(None, "desk")
WIDTHS = (7, 12, 17, 15, 10)
HEADINGS = ("编号", "收信人", "什么事", "应发", "状态", "说明")
NAMED = {word: state for state, word in words.STATES.items()}


@dataclass(frozen=True)
class Desk:
    """What a clerk looks through: the database, the time, and which letters somebody has in hand."""

    session: Session
    now: datetime
    tasks: Mapping[int, Task]


@click.group("letters", invoke_without_command=True)
@click.option("--todo", is_flag=True, help="只看要人管的：没送到、不确定，还没有人告知本人")
@click.option("--name", default="", help="收信人姓名，或其中几个字")
@click.option("--state", "states", multiple=True, metavar="状态", help=f"只看某种状态，可以写几个：{'、'.join(NAMED)}")
@click.option("--about", "subject", default="", help="只看某件事的，例如 call:3、order:17")
@click.option("--kind", default="", help="只看某一类，例如 family、ordering.offered")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3660), help="最近几天写下的，到明天该发的")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000), help="最多几条")
@click.option("--before", type=int, help="接着看：编号小于它的")
@click.pass_context
def letters(
    context: click.Context, todo: bool, name: str, states: tuple[str, ...], subject: str, kind: str, days: int,
    limit: int, before: int | None,
) -> None:  # fmt: skip
    """发出的通知：给谁、什么事、到了没有、下次什么时候再发。"""
    if context.invoked_subcommand is not None:
        return

    def read(desk: Desk) -> None:
        span = desk.now - timedelta(days=days), desk.now + timedelta(days=1)
        plain = not (name or states or subject or kind or before)
        if plain:
            _sum_up(desk)
        # What waits for somebody is shown first, and however old it is.
        if plain and desk.tasks:
            _list(desk, look(desk.session, Question(only=frozenset(desk.tasks)), limit=len(desk.tasks)))
        if plain and todo:
            return
        if plain:
            _count(desk, span, days)
        asked = frozenset(desk.tasks) if todo else None
        question = Question(name, tuple(map(_state_named, states)), subject, kind, None if todo else span, asked)
        found = look(desk.session, question, limit=limit, before=before)
        _list(desk, [seen for seen in found if not plain or seen.letter.id not in desk.tasks])
        if len(found) == limit:
            click.echo(f"\n还有更早的：加上 --before {found[-1].letter.id}")

    _at_desk(context.obj, read)


@letters.command()
@click.argument("letter_id", type=int, metavar="编号")
@click.pass_obj
def show(named: str | None, letter_id: int) -> None:
    """一封通知的全部经过。"""

    def read(desk: Desk) -> None:
        for name, value in _whole(desk, one(desk.session, letter_id)):
            click.echo(_padded(name, 10) + digits(value))

    _at_desk(named, read)


@letters.command()
@click.argument("letter_id", type=int, metavar="编号")
@click.option("--reason", required=True, metavar="原因", help="为什么重发")
@click.pass_obj
def again(named: str | None, letter_id: int, reason: str) -> None:
    """把同一件事作为一封新的通知再发一次。"""

    def send(desk: Desk) -> None:
        new = resend(desk.session, letter_id, lives=LIVES, by=DESK, reason=reason, now=desk.now)
        name = one(desk.session, new.id).person
        click.echo(f"已重新排队：给{name or '收信人'}的“{_what(new)}”，新编号 {new.id}。看结果：letters show {new.id}")

    _at_desk(named, send)


def _at_desk(named: str | None, work: Callable[[Desk], None]) -> None:
    """Do it in one transaction; what is refused is said in one polite line and changes nothing."""
    config: Config = settings(named)
    engine = make_engine(config.database.url)
    try:
        with session_factory(engine)() as session, session.begin():
            work(Desk(session, make_clock(config)(), in_hand(session)))
    except Refused as refusal:
        raise click.ClickException(words.REFUSALS[refusal.code]) from refusal
    finally:
        engine.dispose()


def _state_named(word: str) -> str:
    if word in NAMED:
        return NAMED[word]
    if word in LETTER.states:
        return word
    raise click.BadParameter(f"没有“{word}”这种状态，请写：{'、'.join(NAMED)}", param_hint="--state")


def _sum_up(desk: Desk) -> None:
    """What a clerk wants to know first: is there anything for me."""
    click.echo(f"现在是{when(desk.now, CHINA)}")
    if not desk.tasks:
        click.echo("要人管的：没有。")
        return
    soonest = min(task.due_at for task in desk.tasks.values())
    late = sum(task.due_at < desk.now for task in desk.tasks.values())
    more = f"其中{late}封已过期限" if late else f"最早的请在{near(soonest, desk.now)}前办好"
    click.echo(f"要人管的：{len(desk.tasks)}封，{more}。\n")


def _count(desk: Desk, span: tuple[datetime, datetime], days: int) -> None:
    """How it stands with the letters of these days."""
    found = counts(desk.session, span)
    said = "，".join(f"{word}{found[state]}" for state, word in words.STATES.items() if state in found)
    click.echo(f"\n最近{days}天：{said or '没有通知'}。\n")


def _list(desk: Desk, found: Sequence[Seen]) -> None:
    if not found:
        click.echo("没有找到符合的通知。")
        return
    click.echo(_row(HEADINGS))
    for seen in found:
        letter = seen.letter
        click.echo(digits(_row((
            str(letter.id), seen.person or "（未填姓名）", _what(letter), near(letter.due_at, desk.now),
            words.STATES[letter.state], _remark(desk, letter),
        ))))  # fmt: skip


def _what(letter: Letter) -> str:
    return words.KINDS.get(letter.kind, letter.kind)


def _remark(desk: Desk, letter: Letter) -> str:
    """What a clerk has to know beyond the state: who must do what by when, when it is tried next, and why."""
    task, why = desk.tasks.get(letter.id), words.reason(letter.error_code)
    parts = []
    if task is not None:
        parts.append(f"★{title(task.kind)}（{near(task.due_at, desk.now)}前）")
    if is_stuck(letter, desk.now):
        parts.append(words.STUCK)
    elif letter.state == "retry":
        tried = f"，已试{letter.tries}次" if letter.tries else ""
        parts.append(f"{near(letter.next_at, desk.now)}再发{tried}")
    if letter.state == "delivered" and letter.settled_at:
        parts.append(near(letter.settled_at, desk.now))
    elif why:
        parts.append(why)
    return "；".join(parts)


def _whole(desk: Desk, seen: Seen) -> Iterator[tuple[str, str]]:
    letter = seen.letter
    waits = letter.state in ("planned", "retry")
    meaning = words.STUCK if is_stuck(letter, desk.now) else words.MEANINGS[letter.state]
    task = desk.tasks.get(letter.id)
    rows = (
        ("编号", str(letter.id)), ("收信人", seen.person or "（未填姓名）"),
        ("什么事", f"{_what(letter)}（{letter.subject}）"),
        ("内容", words.NOT_SHOWN if letter.kind in PRIVATE_KINDS else letter.said or words.NOT_SAID_YET),
        ("现在", f"{words.STATES[letter.state]}（{meaning}）"),
        ("要办的", f"{title(task.kind)}，请在{when(task.due_at, CHINA)}前办好，{words.HOW_DONE}" if task else ""),
        ("原因", "" if letter.state == "delivered" else words.reason(letter.error_code)),
        ("写下", when(letter.created_at, CHINA)), ("应发", when(letter.due_at, CHINA)),
        ("过时", f"{when(letter.useful_until, CHINA)}以后不再发" if waits else ""),
        ("试过", f"{letter.tries}次，{words.CHANNELS[letter.channel]}" if letter.tries else ""),
        ("下次", when(letter.next_at, CHINA) if waits else ""),
        ("微信收下", when(letter.sent_at, CHINA) if letter.sent_at else ""),
        ("消息号", letter.msgid or ""), ("微信原话", letter.error_detail or ""),
        ("了结", when(letter.settled_at, CHINA) if letter.settled_at else ""),
    )  # fmt: skip
    yield from ((name, value) for name, value in rows if value)
    for row in history_of(desk.session, LETTER.subject(letter)):
        nobody = "服务台" if row.as_role == DESK.role else "系统"
        who = desk.session.get_one(Person, row.by_person_id).name if row.by_person_id else nobody
        note = f"：{TOLD_MEANS.get(row.note, row.note)}" if row.note else ""
        yield "经过", f"{when(row.at, CHINA)} {who}，{words.VERBS.get(row.verb, row.verb)}{note}"


def _row(cells: Sequence[str]) -> str:
    return ("".join(_padded(cell, width) for cell, width in zip(cells, WIDTHS, strict=False)) + cells[-1]).rstrip()


def _padded(text: str, width: int) -> str:
    """The text in so many columns, shortened where it is too long; a Chinese character takes two."""
    if _width(text) >= width:
        while _width(text) > width - 2:
            text = text[:-1]
        text += "…"
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(ch) in "WF" else 1 for ch in text)
