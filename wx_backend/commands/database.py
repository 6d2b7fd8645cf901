"""`wx-backend db` and `load`: the tables, and the county that goes into them."""

from pathlib import Path

import click
from sqlalchemy import make_url, select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from models.people.identities import Who
from models.people.persons import Person
from wx_backend import migrations
from wx_backend.commands.settings import Fault, settings
from wx_backend.database import make_engine, session_factory
from wx_backend.load import NotLoaded, load_county
from wx_backend.now import real_now


@click.group()
def db() -> None:
    """The database."""


@db.command()
@click.pass_obj
def upgrade(named: str | None) -> None:
    """Bring the database to this version; a new SQLite file is made, with its folder."""
    config = settings(named)
    url = make_url(config.database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = make_engine(config.database.url)
    migrations.upgrade(engine)
    click.echo(f"the database stands at {migrations.standing(engine)[0]}")


def author_named(session: Session, code: str) -> Who:
    """The person of the county's list in whose name services are handed in."""
    person = session.scalar(select(Person).where(Person.code == code))
    if person is None:
        raise click.ClickException(f"没有编码为“{code}”的人")
    return Who(person.id, 0, person.name, person.time_zone, "", "")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--author", metavar="CODE", help="Give the services in it to review, in this person's name.")
@click.pass_obj
def load(named: str | None, file: Path, author: str | None) -> None:
    """Load a county from FILE, CSV or xlsx: all of it, or nothing and the list of its faults."""
    config = settings(named)
    open_session = session_factory(make_engine(config.database.url))
    try:
        with open_session() as session, session.begin():
            app_id, who = config.wechat.official_account.app_id, author_named(session, author) if author else None
            new = load_county(session, file, app_id=app_id, now=real_now(), author=who)
    except NotLoaded as error:
        raise Fault("没有导入，请先改好这些行：\n" + "\n".join(error.faults)) from error
    except (OperationalError, ProgrammingError) as error:
        why = str(error).splitlines()[0]
        raise Fault(f"the database does not take it ({why}); wx-backend db upgrade makes its tables") from error
    click.echo("已导入：" + ("，".join(f"{table} {count}" for table, count in new.items()) or "没有新内容"))
