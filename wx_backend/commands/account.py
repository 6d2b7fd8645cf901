"""What an operator does with the WeChat account: its menu bar and its templates, compared and set."""

from typing import Any

import click

from handlers.menu import MENU
from wx_backend.commands.settings import settings
from wx_backend.config import Config
from wx_backend.hands import make_clients, make_templates
from wx_backend.wechat import menu as account_menu
from wx_backend.wechat.client import FAR_END
from wx_backend.wechat.templates import drift, pulled


@click.group()
def menu() -> None:
    """The account's menu bar."""


def _client(named: str | None) -> tuple[Config, Any]:
    config = settings(named)
    return config, make_clients(config)[config.wechat.official_account.app_id]


@menu.command("diff")
@click.pass_obj
def menu_diff(named: str | None) -> None:
    """What `push` would change."""
    config, client = _client(named)
    try:
        ours = account_menu.built(MENU, config.app.public_url)
        lines = account_menu.difference(account_menu.shown(client), ours)
    except FAR_END as error:
        raise click.ClickException(f"the account does not answer: {error}") from error
    click.echo("\n".join(lines) or "the account shows this menu already")


@menu.command("push")
@click.pass_obj
def menu_push(named: str | None) -> None:
    """Put our menu on the account."""
    config, client = _client(named)
    try:
        account_menu.push(client, account_menu.built(MENU, config.app.public_url))
    except (*FAR_END, account_menu.AnotherMenu) as error:
        raise click.ClickException(f"the account did not take it: {error}") from error
    click.echo("the account shows the menu now (phones may take five minutes)")


@click.group("templates")
def template_group() -> None:
    """The account's template messages."""


@template_group.command("check")
@click.pass_obj
def templates_check(named: str | None) -> None:
    """Compare the settings with the account; exit 1 where they differ."""
    config, client = _client(named)
    try:
        lines = drift(make_templates(config), client)
    except FAR_END as error:
        raise click.ClickException(f"the account does not answer: {error}") from error
    if lines:
        raise click.ClickException("\n".join(lines))
    click.echo(f"{len(config.wechat.templates)} templates agree with the account")


@template_group.command("pull")
@click.pass_obj
def templates_pull(named: str | None) -> None:
    """Print the account's templates as they would stand in the settings."""
    _, client = _client(named)
    try:
        click.echo("\n".join(pulled(client)) or "the account has no templates yet")
    except FAR_END as error:
        raise click.ClickException(f"the account does not answer: {error}") from error
