"""The command line: everything an operator does, each in one word."""

import gc
import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from wx_backend.commands.settings import Fault
from wx_backend.config import ConfigError

# Loading makes a quarter of a million things that all stay: with Python's threshold of 700 they are looked at again and
# again, for a quarter of the time that a process takes to start.
gc.set_threshold(10_000, 20, 20)

# Each command by the module that has it: only what is asked for is loaded, so a clock starts without the web's half.
COMMANDS: Mapping[str, str] = {
    "article": "catalogue:article", "audit": "staff:audit", "clock": "clock:clock", "db": "database:db",
    "demo": "demo:demo", "doctor": "looking:doctor", "export": "catalogue:export", "flows": "looking:flows",
    "gaps": "gaps:gap_report", "letters": "letters:letters", "load": "database:load", "menu": "account:menu",
    "report": "report:month_report", "routes": "looking:routes", "sandbox": "sandbox:sandbox", "serve": "web:serve",
    "sheet": "catalogue:sheet", "staff": "staff:staff", "story": "demo:story", "templates": "account:template_group",
    "video": "web:video",
}  # fmt: skip


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Its own notes on every tick, and that a tick came while the last one still ran, say nothing.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for chatty in ("alembic", "fontTools", "fpdf"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Main(click.Group):
    """Finds its commands by name; settings that cannot be used end each in the same way: the faults, no traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; None for a word that is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"wx_backend.commands.{module}"), name)
        return command

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


if __name__ == "__main__":
    main()
