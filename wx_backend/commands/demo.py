"""`wx-backend demo` and `story`: the whole product on this machine, to look at and to see it go right."""

import signal
import threading
from pathlib import Path

import click

from handlers.menu import MENU
from wx_backend.commands.settings import Fault, demo_file
from wx_backend.config import load_config
from wx_backend.demo.actor import NotSeen
from wx_backend.demo.stage import NotReady, Stage, aside, demo_environ, stage_aside
from wx_backend.demo.story import Story
from wx_backend.safety import refuse_outside


@click.command()
@click.option("--once", is_flag=True, help="Set everything up, see that it answers, and stop.")
@click.pass_obj
def demo(named: str | None, once: bool) -> None:
    """The whole product on this machine: phones, back end and clock in one command."""
    file = demo_file(named)
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


@click.command()
@click.option("--quiet", is_flag=True, help="Only say how it ended.")
@click.pass_obj
def story(named: str | None, quiet: bool) -> None:
    """Play the main story through real HTTP, aside from the demo's data; exit 0 when it ends right."""
    with aside() as folder:
        stage = stage_aside(demo_file(named), folder)
        try:
            stage.prepare()
            stage.up()
            Story(stage, aloud=not quiet).play()
        except (NotReady, NotSeen) as error:
            raise Fault(f"the story went wrong: {error}") from error
        finally:
            stage.down()
    click.echo("\n故事走通了。")
