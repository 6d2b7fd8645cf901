"""The lists of demands in chat: what stands in them, which service answers what, and publishing."""

from handlers.ordering import need_words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import plain
from models.errors import Refused
from models.ordering.demands import DemandItem, DemandList, items_of, list_for, lists_seen
from models.ordering.publishing import answering, cover, drop, publish, uncover
from models.ordering.voices import people_of_demands


def lists(ask: Ask) -> Reply:
    """The drafts and the lists that are out."""
    found = lists_seen(ask.session, ask.who)
    if not found:
        return Reply(need_words.NO_LISTS, (Choice("处理需求", "need/desk"),))
    choices = tuple(
        Choice(f"{area.name}{_name(row)}{'（草稿）' if row.state == 'draft' else ''}", f"need/list/{row.id}")
        for row, area in found
    )
    return Reply(need_words.LISTS, choices, back="need")


def one(ask: Ask, number: int) -> Reply:
    """One list: its items, how many people stand behind each, and which are gaps."""
    found = list_for(ask.session, ask.who, number)
    items = items_of(ask.session, found.id)
    people = people_of_demands(ask.session, [item.line_id for item in items])
    lines = [_name(found)]
    for item in items:
        covered = any(stands for _, stands in answering(ask.session, item, ask.now))
        voices = people.get(item.line_id, 0)
        lines.append(f"{item.position}. {plain(item.title)}（{voices}人）{'' if covered else '【缺服务】'}")
    choices = [Choice(f"第{item.position}项", f"need/item/{item.id}") for item in items]
    if found.state == "draft" and items:
        choices.insert(0, Choice("发布", f"need/list/{number}/publish"))
    return Reply("\n".join(lines), tuple(choices), back="need/lists")


def sure(ask: Ask, number: int) -> Reply:
    """Asks once more: people will be told."""
    list_for(ask.session, ask.who, number)
    yes = (Choice("确认发布", f"need/list/{number}/publish/yes"),)
    return Reply(need_words.PUBLISH_SURE, yes, back=f"need/list/{number}")


def out(ask: Ask, number: int) -> Reply:
    """Published."""
    found = publish(ask.session, ask.who, number, ask.now)
    count = len(items_of(ask.session, found.id))
    return Reply(
        need_words.PUBLISHED.format(list=_name(found), count=count), (Choice("看清单", f"need/list/{number}"),)
    )


def item(ask: Ask, number: int) -> Reply:
    """One item: the services that may answer it."""
    found, whole = _item(ask, number)
    candidates = answering(ask.session, found, ask.now, others=True)
    linked = {listing.id for listing, _ in answering(ask.session, found, ask.now)}
    choices = [
        Choice(f"{'✓ ' if listing.id in linked else ''}{listing.title}",
               f"need/item/{number}/{'un' if listing.id in linked else ''}cover/{listing.id}")
        for listing, _ in candidates
    ]  # fmt: skip
    if whole.state == "draft":
        choices.append(Choice("新清单里不要这一项", f"need/item/{number}/drop"))
    head = need_words.COVER if candidates else need_words.NO_COVER
    return Reply(f"{found.position}. {plain(found.title)}\n{head}", tuple(choices), back=f"need/list/{whole.id}")


def covered(ask: Ask, number: int, listing: int) -> Reply:
    """A service answers it."""
    cover(ask.session, ask.who, number, listing, ask.now)
    return Reply(need_words.COVERED, (Choice("看这一项", f"need/item/{number}"),))


def uncovered(ask: Ask, number: int, listing: int) -> Reply:
    """That service does not answer it after all."""
    uncover(ask.session, ask.who, number, listing)
    return Reply(need_words.UNCOVERED, (Choice("看这一项", f"need/item/{number}"),))


def dropped(ask: Ask, number: int) -> Reply:
    """Left out of the next version."""
    gone = drop(ask.session, ask.who, number, ask.now)
    return Reply(need_words.DROPPED, (Choice("看清单", f"need/list/{gone.list_id}"),))


def _item(ask: Ask, number: int) -> tuple[DemandItem, DemandList]:
    found = ask.session.get(DemandItem, number)
    if found is None or found.dropped_at is not None:
        raise Refused("not_yours")
    return found, list_for(ask.session, ask.who, found.list_id)


def _name(found: DemandList) -> str:
    return need_words.list_name(found.audience, found.quarter, found.version)


ADDRESSES: dict[str, Handler] = {
    "need/lists": lists,
    "need/list/<int:number>": one,
    "need/list/<int:number>/publish": sure,
    "need/list/<int:number>/publish/yes": out,
    "need/item/<int:number>": item,
    "need/item/<int:number>/cover/<int:listing>": covered,
    "need/item/<int:number>/uncover/<int:listing>": uncovered,
    "need/item/<int:number>/drop": dropped,
}
