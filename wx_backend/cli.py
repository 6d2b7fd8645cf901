"""The command line: everything an operator does, each in one word."""

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from handlers.menu import MENU
from models.register import LIVES
from scheduler import clock as timetable
from scheduler.settings import Hands
from wx_backend import migrations
from wx_backend.account import menu, template_group
from wx_backend.app import make_clients, make_clock, make_router
from wx_backend.catalogue import COMMANDS, author_named
from wx_backend.config import EXAMPLE, Config, ConfigError, find_file, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.actor import NotSeen
from wx_backend.demo.cast import accounts, phones, templates
from wx_backend.demo.stage import NotReady, Stage, aside, demo_environ, refuse_outside, stage_aside
from wx_backend.demo.story import Story
from wx_backend.doctor import examine
from wx_backend.gaps import gap_report
from wx_backend.hands import clock_settings, make_allowance, make_fetcher, make_postman
from wx_backend.letters import letters
from wx_backend.load import NotLoaded, load_county
from wx_backend.locks import AlreadyRunning, only_clock
from wx_backend.now import real_now
from wx_backend.report import month_report
from wx_backend.safety import refuse_lonely_workers, refuse_unsafe
from wx_backend.sandbox import server as sandbox_server
from wx_backend.serving import Server, for_video
from wx_backend.staff import audit, staff
from wx_backend.web import assets


class Fault(click.ClickException):
    """Something the operator can mend: one line, no traceback."""


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Its own notes on every tick, and that a tick came while the last one still ran, say nothing.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for chatty in ("alembic", "fontTools", "fpdf"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Main(click.Group):
    """Settings that cannot be used end every command in the same way: the faults, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise Fault(str(error)) from error


@click.group(cls=_Main)
@click.option("--config", "config_file", metavar="FILE", help="The settings (or WX_BACKEND_CONFIG).")
@click.pass_context
def main(context: click.Context, config_file: str | None) -> None:
    """连心桥: community service centres inside WeChat. Begin with `demo`."""
    context.obj = config_file
    _log()


def _config(named: str | None) -> Config:
    return load_config(find_file(named))


def _demo_file(named: str | None) -> Path:
    """The settings of the demo: the file named, else the example that stands beside the code."""
    try:
        return find_file(named)
    except ConfigError:
        if EXAMPLE.exists():
            return EXAMPLE
        raise Fault("config.example.toml is not here: name a settings file with --config") from None


@main.command()
@click.option("--once", is_flag=True, help="Set everything up, see that it answers, and stop.")
@click.pass_obj
def demo(named: str | None, once: bool) -> None:
    """The whole product on this machine: phones, back end and clock in one command."""
    file = _demo_file(named)
    environ = demo_environ(Path("var/demo_clock.json"))
    stage = Stage(load_config(file, environ), file, environ)
    refuse_outside(stage.config)
    try:
        stage.prepare()
        stage.up()
        stage.push_menu(MENU)
        user, password = stage.open_desk()
        web = f"http://{stage.config.app.bind}"
        click.echo(f"\n  手机 (phones)    {stage.sandbox_url}\n  后端 (back end)  {web}/readyz")
        click.echo(f"  服务台 (desk)    {web}/console/  {user}  {password}")
        click.echo(f"  网页 (pages)     手机上点：遇到困难 › 大字网页\n  接口 (API)       {web}/openapi.json\n")
        click.echo("  停止 (stop): Ctrl-C\n")
        if not once:
            stop = threading.Event()
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, lambda *_: stop.set())
            while not stop.wait(1):
                gone = [part for part, process in stage.parts.items() if process.poll() is not None]
                if gone:
                    raise Fault(f"{', '.join(gone)} stopped by itself; what it said stands above")
    except NotReady as error:
        raise Fault(str(error)) from error
    finally:
        stage.down()


@main.command()
@click.option("--quiet", is_flag=True, help="Only say how it ended.")
@click.pass_obj
def story(named: str | None, quiet: bool) -> None:
    """Play the main story through real HTTP, aside from the demo's data; exit 0 when it ends right."""
    with aside() as folder:
        stage = stage_aside(_demo_file(named), folder)
        try:
            stage.prepare()
            stage.up()
            Story(stage, aloud=not quiet).play()
        except (NotReady, NotSeen) as error:
            raise Fault(f"the story went wrong: {error}") from error
        finally:
            stage.down()
    click.echo("\n故事走通了。")


@main.command()
@click.option("--demo", "is_demo", is_flag=True, hidden=True)
@click.pass_obj
def serve(named: str | None, is_demo: bool) -> None:
    """The web process: WeChat's callbacks, health, metrics."""
    _serve(_config(named), is_demo)


@main.command()
@click.option("--demo", "is_demo", is_flag=True, hidden=True)
@click.pass_obj
def video(named: str | None, is_demo: bool) -> None:
    """A web process for the rooms of family calls: the reverse proxy sends it what is under /video/."""
    _serve(for_video(_config(named)), is_demo)


def _serve(config: Config, is_demo: bool) -> None:
    refuse_unsafe(config, demo=is_demo)
    refuse_lonely_workers(config)
    assets.load()  # what is missing is said here, once, and not by each worker
    sys.argv = sys.argv[:1]  # gunicorn would read our words as its own
    Server(config).run()


@main.command()
@click.option("--demo", "is_demo", is_flag=True, hidden=True)
@click.pass_obj
def clock(named: str | None, is_demo: bool) -> None:
    """The clock process: sends what is due."""
    config = _config(named)
    refuse_unsafe(config, demo=is_demo)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    open_session, now = session_factory(make_engine(config.database.url)), make_clock(config)
    clients = make_clients(config)
    carry, fetcher = make_postman(config, now, clients).carry, make_fetcher(config, clients)
    hands = Hands(
        open_session,
        carry,
        now,
        real_now,
        clock_settings(config),
        make_allowance(config),
        fetcher.fetch,
        fetcher.folder.drop,
    )
    try:
        timetable.run(hands, stop, only_clock(config.database.url))
    except AlreadyRunning as error:
        raise Fault(str(error)) from error


@main.command()
@click.pass_obj
def sandbox(named: str | None) -> None:
    """The far end of the wire: WeChat's API, and a page with phones."""
    config = load_config(_demo_file(named))
    refuse_outside(config)
    clock_file = Path(config.sandbox.clock_file) if config.sandbox.clock_file else None
    web = f"http://{config.app.bind}"
    app = sandbox_server.create_sandbox(accounts(config, web), phones(), templates(config), clock_file)
    at = urlsplit(f"//{config.sandbox.bind}")
    try:
        server = sandbox_server.bound(app, at.hostname or "127.0.0.1", at.port or 8001)
    except (OSError, SystemExit) as error:
        raise Fault(f"sandbox.bind: {config.sandbox.bind} is taken by another program") from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


@main.group()
def db() -> None:
    """The database."""


@db.command()
@click.pass_obj
def upgrade(named: str | None) -> None:
    """Bring the database to this version."""
    config = _config(named)
    engine = make_engine(config.database.url)
    migrations.upgrade(engine)
    click.echo(f"the database stands at {migrations.standing(engine)[0]}")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--author", metavar="CODE", help="Give the services in it to review, in this person's name.")
@click.pass_obj
def load(named: str | None, file: Path, author: str | None) -> None:
    """Load a county from FILE, CSV or xlsx: all of it, or nothing and the list of its faults."""
    config = _config(named)
    open_session = session_factory(make_engine(config.database.url))
    try:
        with open_session() as session, session.begin():
            app_id, who = config.wechat.official_account.app_id, author_named(session, author) if author else None
            new = load_county(session, file, app_id=app_id, now=real_now(), author=who)
    except NotLoaded as error:
        raise Fault("没有导入，请先改好这些行：\n" + "\n".join(error.faults)) from error
    click.echo("已导入：" + ("，".join(f"{table} {count}" for table, count in new.items()) or "没有新内容"))


@main.command()
@click.pass_obj
def doctor(named: str | None) -> None:
    """What works, what lacks and what to do; exit 1 when something fails."""
    found = list(examine(load_config(_demo_file(named))))
    for one in found:
        click.echo(f"{one.mark:5} {one.about:10} {one.text}")
    if any(one.mark == "fail" for one in found):
        raise SystemExit(1)


@main.command()
def routes() -> None:
    """Every address of the conversation, who answers it, and the words that lead to it."""
    router = make_router()
    words: dict[str, list[str]] = {}
    for word, address in router.keywords.items():
        words.setdefault(address, []).append(word)
    for address, quarter, summary in router.routes():
        said = f"  “{'” “'.join(words[address])}”" if address in words else ""
        click.echo(f"{quarter:9} {address:42} {summary}{said}")
    click.echo(f"\nevents    {', '.join(sorted(router.events))}")
    click.echo(f"nothing   {', '.join(sorted(router.nothing))}")


@main.command()
def flows() -> None:
    """Every life as a Mermaid state diagram."""
    for life in LIVES:
        click.echo(f"%% {life.name}\n{life.mermaid()}\n")


for command in (letters, gap_report, month_report, staff, audit, menu, template_group, *COMMANDS):
    main.add_command(command)

if __name__ == "__main__":
    main()
