"""What an operator does with the WeChat account: its menu bar and its templates, compared and set."""

from typing import Any

import click

from handlers.menu import MENU
from wx_backend.commands.settings import settings
from wx_backend.config import Config
from wx_backend.hands import account_channels, make_clients, make_templates
from wx_backend.wechat import menu as account_menu
from wx_backend.wechat.client import FAR_END, Client, errcode_of
from wx_backend.wechat.owned import Owned, drift, owned, pulled, reading

NOT_ALLOWED = 48001


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
    """The accounts' templates: template messages, and those that people agree to."""


@template_group.command("check")
@click.pass_obj
def templates_check(named: str | None) -> None:
    """Compare the settings with the accounts and show how each template will read; exit 1 where they differ."""
    config = settings(named)
    shown, differing = [], []
    for channel, client in account_channels(config, make_clients(config)).items():
        theirs, ours = _held(channel, client), make_templates(config, channel)
        for template in ours.values():
            if template.id in theirs:
                shown += [f"[{channel}] {line}" for line in reading(template, theirs[template.id])]
        differing += [f"{channel}: {line}" for line in drift(ours, theirs)]
    click.echo("\n".join(shown))
    if differing:
        raise click.ClickException("\n".join(differing))
    click.echo("all templates agree with the accounts")


@template_group.command("pull")
@click.pass_obj
def templates_pull(named: str | None) -> None:
    """Print the accounts' templates as they would stand in the settings."""
    config = settings(named)
    for channel, client in account_channels(config, make_clients(config), all_of_them=True).items():
        click.echo(f"## {channel}")
        try:
            held = list(owned(channel, client).values())
        except FAR_END as error:
            if channel == "template" or errcode_of(error) != NOT_ALLOWED:
                raise click.ClickException(f"{channel}: the account does not answer: {error}") from error
            click.echo("# the account may not ask anybody to be written to (48001)\n")
            continue
        click.echo("\n".join(pulled(channel, held)) or "# there are none yet\n")


def _held(channel: str, client: Client) -> dict[str, Owned]:
    try:
        return owned(channel, client)
    except FAR_END as error:
        raise click.ClickException(f"{channel}: the account does not answer: {error}") from error
