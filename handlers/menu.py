"""The main menu: the article's three doors, as WeChat's menu bar and as the reply to “菜单”."""

from dataclasses import dataclass

from handlers import words
from handlers.room import Ask, Choice, Handler, Reply


@dataclass(frozen=True)
class Door:
    """One of the three menus at the foot of the account, with at most five items.

    An address that begins with a slash is one of our pages: it opens there, and says nothing in the conversation.
    """

    label: str
    items: tuple[Choice, ...]


MENU: tuple[Door, ...] = (
    Door("开展活动", (Choice("亲情连线", "call"), Choice("我的连线", "call/mine"), Choice("定期连线", "call/series"))),
    Door(
        "遇到困难",
        (
            Choice("点单服务", "order"),
            Choice("我的订单", "order/mine"),
            Choice("提需求·请人帮忙", "need"),
            Choice("联系工作人员", "person"),
            Choice("大字网页", "/m/"),
        ),
    ),
    Door(
        "服务奉献",
        (
            Choice("我要接单", "job"),
            Choice("我的任务", "task"),
            Choice("我的家人", "me/people"),
            Choice("我的资料", "me"),
        ),
    ),
)

FIRST: tuple[Choice, ...] = (
    Choice("点单服务", "order"),
    Choice("亲情连线", "call"),
    Choice("我的订单", "order/mine"),
    Choice("我的家人", "me/people"),
    Choice("提需求·请人帮忙", "need"),
    Choice("联系工作人员", "person"),
)


def menu(_: Ask) -> Reply:
    """What most people come for, as choices."""
    return Reply(words.MENU_TEXT, FIRST)


ADDRESSES: dict[str, Handler] = {"menu": menu}
KEYWORDS = {"菜单": "menu", "帮助": "menu", "你好": "menu", "您好": "menu", "人工": "person", "客服": "person"}
