"""`wx-backend sheet`, `article` and `export`: the catalogue on paper, as an article, and as a workbook."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.ordering import catalogue_words as words
from handlers.ordering.fitting import area_names
from handlers.ordering.words import CATEGORY_NAMES
from models.errors import Refused
from models.ordering.listings import EMERGENCIES, Offered, offered
from models.ordering.notices import codes_of, current_list, keep_codes
from models.ordering.publications import Publication
from models.places.areas import Area
from models.places.centres import ServiceCentre
from wx_backend.commands.settings import settings
from wx_backend.config import Config
from wx_backend.database import SessionFactory, make_engine, session_factory
from wx_backend.hands import make_clients, make_clock
from wx_backend.load.export import catalogue
from wx_backend.printing.fonts import NoFont, faces
from wx_backend.printing.sheet import PAPERS, Entry, Notice, printed
from wx_backend.wechat.client import FAR_END, Client

CODE_SECONDS = 20.0


@contextmanager
def _database(config: Config) -> Iterator[SessionFactory]:
    engine = make_engine(config.database.url)
    try:
        yield session_factory(engine)
    except Refused as refusal:
        raise click.ClickException(words.REFUSALS[refusal.code]) from refusal
    finally:
        engine.dispose()


def _centre(session: Session, code: str) -> ServiceCentre:
    found = session.scalar(select(ServiceCentre).where(ServiceCentre.code == code))
    if found is None:
        raise click.ClickException(f"没有编码为“{code}”的中心")
    return found


@click.command("sheet")
@click.argument("centre", metavar="中心编码")
@click.option("--format", "paper", type=click.Choice(list(PAPERS)), default="a3", show_default=True, help="纸张")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="写到哪个 PDF 文件")
@click.pass_obj
def sheet(named: str | None, centre: str, paper: str, out: Path) -> None:
    """公开栏的服务清单（PDF，大字，每项一个二维码）。内容没有变就还是上一版。"""
    config = settings(named)
    try:
        regular, bold = faces(config.print.font, config.print.font_bold)
        with _database(config) as open_session:
            notice, edition = _notice(config, open_session, centre)
        out.write_bytes(printed(notice, PAPERS[paper], regular, bold))
    except NoFont as error:
        raise click.ClickException(str(error)) from error
    except FAR_END as error:
        raise click.ClickException(f"the account does not answer, the codes are missing: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from error
    click.echo(f"{out}：第{edition}版，{len(notice.entries)}项服务")


def _notice(config: Config, open_session: SessionFactory, code: str) -> tuple[Notice, int]:
    """The sheet with all its codes; what the account is asked for is asked with no transaction open."""
    now = make_clock(config)()
    with open_session() as session, session.begin():
        made = current_list(session, "sheet", _centre(session, code), by_id=None, now=now)
        key, lacking = made.id, [one for one, held in codes_of(session, made.id).items() if not held]
        quiet = {one.listing.id for one in offered(session, _centre(session, code), now) if _rings(one)}
    client: Client = make_clients(config)[config.wechat.official_account.app_id]
    for listing in lacking:
        if listing not in quiet:
            held = client.lasting_scene(f"sheet/{key}/{listing}", CODE_SECONDS)
            with open_session() as session, session.begin():
                keep_codes(session, key, {listing: held})
    with open_session() as session:
        publication = session.get_one(Publication, key)
        return _said(session, publication, _centre(session, code)), publication.edition


def _rings(offer: Offered) -> bool:
    """Whether one telephones for it and scans nothing."""
    return offer.listing.category in EMERGENCIES


def _said(session: Session, publication: Publication, centre: ServiceCentre) -> Notice:
    codes = codes_of(session, publication.id)
    return Notice(
        centre.name, words.address(centre.name, centre.address), centre.phone, words.SHEET_HEADING, words.SHEET_LEAD,
        words.SCAN, words.RING, words.EMERGENCY_RING, words.sheet_foot(publication.edition, publication.at),
        [_entry(session, one, codes.get(one.listing.id, "")) for one in offered(session, centre, publication.at)],
        publication.at,
    )  # fmt: skip


def _entry(session: Session, offer: Offered, code: str) -> Entry:
    listing = offer.listing
    every = words.facts_of(listing, offer.here, area_names(session, listing.rules))
    facts = [fact for fact in every if fact[0] in words.ON_PAPER]
    if _rings(offer):
        return Entry(CATEGORY_NAMES[listing.category], listing.title, listing.summary,
                     (), ring=offer.phone)  # fmt: skip
    return Entry(CATEGORY_NAMES[listing.category], listing.title, listing.summary, facts, code)


@click.command("article")
@click.argument("centre", metavar="中心编码")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="写到哪个文件；不写就显示出来")
@click.pass_obj
def article(named: str | None, centre: str, out: Path | None) -> None:
    """公众号文章用的服务清单文字。"""
    config = settings(named)
    with _database(config) as open_session, open_session() as session, session.begin():
        place, now = _centre(session, centre), make_clock(config)()
        made = current_list(session, "article", place, by_id=None, now=now)
        services = [
            (one.listing.category, one.listing.title, one.listing.summary,
             words.facts_of(one.listing, one.here, area_names(session, one.listing.rules)))
            for one in offered(session, place, now)
        ]  # fmt: skip
        text = words.article(place.name, place.phone, services, made.edition, made.at)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


@click.command("export")
@click.argument("area", metavar="区域编码")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="写到哪个 xlsx 文件")
@click.pass_obj
def export(named: str | None, area: str, out: Path) -> None:
    """一个区域内各中心的服务清单（xlsx），改好后用 load 导回。"""
    config = settings(named)
    with _database(config) as open_session, open_session() as session:
        found = session.scalar(select(Area).where(Area.code == area))
        if found is None:
            raise click.ClickException(f"没有编码为“{area}”的区域")
        out.write_bytes(catalogue(session, found))
    click.echo(f"已写到 {out}")
