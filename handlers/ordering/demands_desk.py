"""需求清单 at the staff desk: the lists of a township version by version, what stands in a draft, and publishing."""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, masking
from handlers.ordering import need_desk_words as said
from handlers.ordering import need_words
from models.errors import Refused
from models.ordering import hearing
from models.ordering.demands import (
    TITLE_LIMIT,
    DemandItem,
    DemandList,
    add_item,
    arrange,
    items_of,
    list_for,
)
from models.ordering.publishing import cover, drop, publish, uncover
from models.ordering.said import SAID_CATEGORIES
from models.ordering.voices import people_of_demands
from models.places.areas import Area

ROOM = Blueprint("demands", __name__, url_prefix="/demands", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """Every version that this clerk looks after."""
    found = hearing.demand_lists(desk.session(), desk.who(), desk.cursor())
    return render_template("demands/desk_list.html", found=found, labels=said.LABELS, said=said, name=name)


@ROOM.get("/<int:number>")
def one(number: int) -> str:
    """One version: its items, how many people stand behind each, which services answer them."""
    session = desk.session()
    whole = list_for(session, desk.who(), number)
    lines = hearing.lines_of(session, whole, desk.now())
    keys = [line.item.line_id for line in lines]
    return render_template(
        "demands/desk_one.html", whole=whole, lines=lines, people=people_of_demands(session, keys), said=said,
        labels=said.LABELS, name=name(whole), place=session.get_one(Area, whole.area_id).name, kinds=SAID_CATEGORIES,
        needs=hearing.needs_under(session, keys), need_words=need_words, limit=TITLE_LIMIT, told=masking.digits,
    )  # fmt: skip


@ROOM.post("/<int:number>/add")
def add(number: int) -> Response:
    """One more item."""
    item = add_item(
        desk.session(), desk.who(), number, desk.typed("title"), desk.typed("kind"), desk.now()
    )  # fmt: skip
    return _done("list_add", number, "item_added", to=item.id)


@ROOM.post("/<int:number>/up")
def up(number: int) -> Response:
    """One item one place forward."""
    item = _item(number)
    order = [one.id for one in items_of(desk.session(), number)]
    at = order.index(item.id)
    if at:
        order[at - 1], order[at] = order[at], order[at - 1]
        arrange(desk.session(), desk.who(), number, order)
    return _done("list_order", number, "item_moved", to=item.id)


@ROOM.post("/<int:number>/drop")
def dropped(number: int) -> Response:
    """One item left out of this draft."""
    item = drop(desk.session(), desk.who(), _item(number).id, desk.now())
    return _done("list_drop", number, "item_dropped", to=item.id)


@ROOM.post("/<int:number>/cover")
def covered(number: int) -> Response:
    """A service answers an item."""
    item = _item(number)
    cover(desk.session(), desk.who(), item.id, desk.number("listing", form=True) or 0, desk.now())
    return _done("list_cover", number, "covered", to=item.id)


@ROOM.post("/<int:number>/uncover")
def uncovered(number: int) -> Response:
    """It does not, after all."""
    item = _item(number)
    uncover(desk.session(), desk.who(), item.id, desk.number("listing", form=True) or 0)
    return _done("list_uncover", number, "uncovered", to=item.id)


@ROOM.post("/<int:number>/publish")
def out(number: int) -> Response:
    """Published: what stands on the page that was acted from, and nothing that has come in since."""
    session = desk.session()
    whole = list_for(session, desk.who(), number)
    session.refresh(whole, with_for_update=True)
    if whole.state == "draft" and desk.typed("seen") != "-".join(str(one.id) for one in items_of(session, number)):
        raise Refused("list_changed")
    publish(session, desk.who(), number, desk.now())
    return _done("list_publish", number, "list_published")


def _done(verb: str, number: int, word: str, **detail: Any) -> Response:
    desk.note(verb, f"list:{number}", **detail)
    return desk.back_to("console.demands.one", word, number=number)


def _item(number: int) -> DemandItem:
    """The item of the form, which stands in this list."""
    list_for(desk.session(), desk.who(), number)
    found = desk.session().get(DemandItem, desk.number("item", form=True) or 0)
    if found is None or found.list_id != number or found.dropped_at is not None:
        raise Refused("not_yours")
    return found


def name(whole: DemandList) -> str:
    """What a list is called."""
    return need_words.list_name(whole.audience, whole.quarter, whole.version)
