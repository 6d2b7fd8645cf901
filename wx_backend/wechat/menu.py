"""The account's menu bar: built from our table of doors, compared with what the account shows, pushed."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from wechatpy.exceptions import WeChatClientException

from handlers.menu import Door
from handlers.room import Choice

NO_MENU = 46003
TOP, SUB = 3, 5
TOP_BYTES, SUB_BYTES, KEY_BYTES = 16, 60, 128


class AnotherMenu(Exception):
    """The account shows another menu than the one it has just accepted."""


def built(doors: Sequence[Door], public_url: str) -> dict[str, Any]:
    """The menu as `menu/create` takes it; raises ValueError, naming the item, where WeChat's limits are passed.

    Pages are opened below `public_url`, and by their entrance: whoever taps the menu is who looks from then on.
    """
    if not 1 <= len(doors) <= TOP:
        raise ValueError(f"a menu has one to {TOP} doors, not {len(doors)}")
    buttons = []
    for door in doors:
        if not 1 <= len(door.items) <= SUB:
            raise ValueError(f"{door.label}: one to {SUB} items, not {len(door.items)}")
        _short(door.label, TOP_BYTES)
        for item in door.items:
            _short(item.label, SUB_BYTES)
            _short(item.address, KEY_BYTES)
        buttons.append({"name": door.label, "sub_button": [_item(item, public_url) for item in door.items]})
    return {"button": buttons}


def _item(item: Choice, public_url: str) -> dict[str, str]:
    if item.address.startswith("/"):
        return {"type": "view", "name": item.label, "url": f"{public_url}/m/enter?to={item.address}"}
    return {"type": "click", "name": item.label, "key": item.address}


def _short(text: str, limit: int) -> None:
    if len(text.encode()) > limit:
        raise ValueError(f"{text}: longer than {limit} bytes")


def shown(client: Any) -> dict[str, Any]:
    """The menu that the account shows now, in the same shape; no buttons when it has none."""
    try:
        found = client.get("menu/get")
    except WeChatClientException as error:
        if error.errcode == NO_MENU:
            return {"button": []}
        raise
    buttons = [
        {
            "name": door["name"],
            "sub_button": [
                {"type": item.get("type", ""), "name": item["name"], **_target(item)}
                for item in door.get("sub_button", [])
            ],
        }
        for door in found.get("menu", {}).get("button", [])
    ]
    return {"button": buttons}


def difference(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """What pushing would change, a line each: "+" comes, "-" goes; what only moves does both. Empty: nothing."""
    old, new = _lines(theirs), _lines(ours)
    lines: list[str] = []
    for _, gone, gone_end, come, come_end in (
        part for part in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if part[0] != "equal"
    ):
        lines += [f"- {line}" for line in old[gone:gone_end]] + [f"+ {line}" for line in new[come:come_end]]
    return lines


def _lines(menu: dict[str, Any]) -> list[str]:
    lines = []
    for door in menu["button"]:
        items = [f" › {item['name']} → {_shown(item)}" for item in door["sub_button"]]
        lines += [f"{door['name']}{item}" for item in items or [""]]
    return lines


def _shown(item: dict[str, Any]) -> str:
    kind = "" if item["type"] == "click" else f"{item['type']} "
    return kind + "".join(_target(item).values())


def _target(item: dict[str, Any]) -> dict[str, str]:
    """Where an item leads: a page's address, or the key that is told to us."""
    return {"url": item["url"]} if "url" in item else {"key": item.get("key", "")}


def push(client: Any, ours: dict[str, Any]) -> None:
    """Put our menu on the account and read it back; raises AnotherMenu."""
    client.menu.create(ours)
    if shown(client) != ours:
        raise AnotherMenu("it shows another menu than the one it has just accepted")
