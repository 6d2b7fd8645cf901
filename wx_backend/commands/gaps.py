"""`wx-backend gaps`: what people need and nobody offers, as a clerk of a township or the county reads it."""

import click
from sqlalchemy import select

from handlers.ordering.need_words import AUDIENCES, KINDS_OF_SAID
from handlers.ordering.words import UNMET_NAMES
from models.ordering.gaps import Asked, Uncovered, Unmet, gaps
from models.places.areas import Area
from wx_backend.commands.settings import settings
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import make_clock

NOTHING = "没有缺口：清单上的需求都有服务，也没有没人能做的订单。"


@click.command("gaps")
@click.option("--area", "code", default="", metavar="区划代码", help="只看这个区划以内；不写就是全县")
@click.pass_context
def gap_report(context: click.Context, code: str) -> None:
    """缺口报告：清单上还没有服务的需求，没人能做的订单，大家提过什么（按人数）。"""
    config = settings(context.obj)
    engine = make_engine(config.database.url)
    try:
        with session_factory(engine)() as session, session.begin():
            area = session.scalar(select(Area).where(Area.code == code)) if code else None
            if code and area is None:
                raise click.ClickException(f"没有这个区划代码：{code}。代码在导入的县表 [areas] 里。")
            found = gaps(session, make_clock(config)(), area)
    finally:
        engine.dispose()
    lines = [*_uncovered(found.uncovered), *_unmet(found.unmet), *_asked(found.asked)]
    click.echo("\n".join(lines) or NOTHING)


def _uncovered(rows: list[Uncovered]) -> list[str]:
    lines = [
        f"  {row.township} {AUDIENCES[row.audience]} 第{row.position}项 {row.title}"
        f"（{KINDS_OF_SAID[row.category]}，{row.people}人）"
        for row in rows
    ]  # fmt: skip
    return ["清单上还没有服务的需求：", *lines] if lines else []


def _unmet(rows: list[Unmet]) -> list[str]:
    lines = [
        f"  {row.township} {KINDS_OF_SAID[row.category]} {row.people}人{row.orders}单，"
        f"原因：{UNMET_NAMES.get(row.reason, '未说明')}"
        for row in rows
    ]  # fmt: skip
    return ["没有组织能做的订单：", *lines] if lines else []


def _asked(rows: list[Asked]) -> list[str]:
    lines = [f"  {row.township} {KINDS_OF_SAID[row.category]} {row.people}人" for row in rows]
    return ["大家提过的需求（保密的和没有采纳的不在内）：", *lines] if lines else []
