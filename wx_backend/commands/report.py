"""`wx-backend report`: a month in figures, as an operator reads it."""

import click
from sqlalchemy import select

from handlers.ordering.report_words import FIGURES, in_words
from models.ordering.reports import month_of, read_month, report
from models.places.areas import Area
from wx_backend.commands.settings import settings
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import make_clock

NOTHING = "这个月没有订单。"


@click.command("report")
@click.option("--month", default="", metavar="YYYY-MM", help="哪个月；不写就是本月")
@click.option("--area", "code", default="", metavar="区划代码", help="只看这个区划以内；不写就是全县")
@click.pass_context
def month_report(context: click.Context, month: str, code: str) -> None:
    """一个月的点单：多少人点、完成多少、多久接单、评价如何（只有数字，没有姓名）。"""
    config = settings(context.obj)
    engine, now = make_engine(config.database.url), make_clock(config)()
    begins = read_month(month) if month else month_of(now)
    if begins is None:
        raise click.ClickException(f"看不懂的月份：{month}。请写成 2026-11 这样。")
    try:
        with session_factory(engine)() as session, session.begin():
            area = session.scalar(select(Area).where(Area.code == code)) if code else None
            if code and area is None:
                raise click.ClickException(f"没有这个区划代码：{code}。代码在导入的县表 [areas] 里。")
            below = select(Area.id).where(Area.path.startswith(area.path)) if area is not None else None
            rows, whole = report(session, below, begins, now)
    finally:
        engine.dispose()
    if not whole.orders:
        click.echo(NOTHING)
        return
    click.echo("\t".join(FIGURES.values()))
    for row in (*rows, whole):
        click.echo("\t".join(in_words(row)[key] for key in FIGURES))
