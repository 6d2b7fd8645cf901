"""`wx-backend doctor`, `routes` and `flows`: what works, and what there is."""

import click

from models.register import LIVES
from wx_backend.app import make_router
from wx_backend.commands.settings import demo_file
from wx_backend.config import load_config
from wx_backend.doctor import examine


@click.command()
@click.pass_obj
def doctor(named: str | None) -> None:
    """What works, what lacks and what to do; exit 1 when something fails."""
    found = list(examine(load_config(demo_file(named))))
    for one in found:
        click.echo(f"{one.mark:5} {one.about:10} {one.text}")
    if any(one.mark == "fail" for one in found):
        raise SystemExit(1)


@click.command()
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


@click.command()
def flows() -> None:
    """Every life as a Mermaid state diagram."""
    for life in LIVES:
        click.echo(f"%% {life.name}\n{life.mermaid()}\n")
