"""Ordering a service in the official account: for whom, what, when, and then the number."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from handlers.ordering import mine, words
from handlers.ordering.fitting import introduction, misfit, offer_in, placed_now
from handlers.ordering.mine import both
from handlers.ordering.times import understood
from handlers.reach import warned
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when
from models.errors import Refused
from models.hours import CHINA
from models.ordering.listings import Listing, published
from models.ordering.numbers import spoken
from models.ordering.orders import placed_with, same_day
from models.ordering.placing import check_note, check_wished
from models.ordering.questions import check_answer
from models.ordering.times import next_times
from models.people.care import cared_for_by
from models.people.persons import Person
from models.people.scope import act_for
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for

LISTED_AT_ONCE = 8  # more services than this are asked for by the kind of help first


def home(ask: Ask) -> Reply:
    """For whom; straight to the list when there is only one answer."""
    return _for_whom(ask, "order/for", lambda person: for_person(ask, person))


def for_person(ask: Ask, person: int) -> Reply:
    """The list of the centre that serves this person; with many services, the kinds of help first."""
    beneficiary, _ = act_for(ask.session, ask.who.person_id, person)
    centre = _centre(ask, beneficiary)
    offered = published(ask.session, centre, ask.now)
    if not offered:
        return Reply(words.NO_LISTINGS, (Choice("联系工作人员", "person"),))
    kinds = list(dict.fromkeys(row.category for row in offered))
    if len(offered) <= LISTED_AT_ONCE or len(kinds) == 1:
        return _services(centre, offered, person, "order")
    counted = [(kind, sum(row.category == kind for row in offered)) for kind in kinds]
    choices = tuple(Choice(words.kind_of_help(kind, many), f"order/for/{person}/{kind}") for kind, many in counted)
    return Reply(words.kinds(centre.name), choices, back="order")


def of_kind(ask: Ask, person: int, kind: str) -> Reply:
    """The services of one kind of help."""
    beneficiary, _ = act_for(ask.session, ask.who.person_id, person)
    centre = _centre(ask, beneficiary)
    offered = published(ask.session, centre, ask.now, kind)
    if not offered:
        raise Refused("not_offered")
    return _services(centre, offered, person, f"order/for/{person}")


def _services(centre: ServiceCentre, offered: list[Listing], person: int, back: str) -> Reply:
    choices = tuple(Choice(words.offered(row.category, row.title), f"order/new/{row.id}/{person}") for row in offered)
    return Reply(words.listings(centre.name), choices, back=back)


def for_listing(ask: Ask, listing: int) -> Reply:
    """One service, as the code on a sheet names it: for whom, then its questions."""
    return _for_whom(ask, f"order/new/{listing}", lambda person: new(ask, listing, person))


def _for_whom(ask: Ask, address: str, go_on: Callable[[int], Reply]) -> Reply:
    """Asks for whom, where there is more than one answer; each choice leads to the address of that person."""
    me = ask.session.get_one(Person, ask.who.person_id)
    people = [(person.name, person.id) for person, _ in cared_for_by(ask.session, me.id)]
    if me.area_id is not None:
        people.append((words.MYSELF, me.id))
    if not people:
        return Reply(words.NO_ONE_YET, (Choice("我的家人", "me/people"), Choice("联系工作人员", "person")))
    if len(people) == 1:
        return go_on(people[0][1])
    return Reply(words.FOR_WHOM, tuple(Choice(name, f"{address}/{key}") for name, key in people), back="menu")


def new(ask: Ask, listing: int, person: int) -> Reply:
    """A new order: what the service is and asks, then its questions one by one."""
    draft = {"listing": listing, "person": person, "answers": {}}
    return _introduced(ask, draft, lambda: _next(ask, draft))


def _introduced(ask: Ask, draft: dict[str, Any], question: Callable[[], Reply]) -> Reply:
    """The first question, after what the service is; where it is for others, that in its place."""
    about, barred = introduction(ask, draft)
    if barred is not None:
        return barred
    first = question()
    return Reply(f"{about}\n\n{first.text}", first.choices, first.ask_for, first.draft, first.back)


def again(ask: Ask, number: int) -> Reply:
    """Back to the n-th question; all that has been said stays until it is said anew."""
    draft, question = _draft(ask), _question(ask, number)
    return _introduced(ask, draft, lambda: _ask(draft, 0, question)) if not number else _ask(draft, number, question)


def answered(ask: Ask, number: int) -> Reply:
    """The answer to the n-th question, typed."""
    return _take(ask, number, ask.text)


def picked(ask: Ask, number: int, value: int) -> Reply:
    """The answer to the n-th question, picked from its values."""
    values = _question(ask, number).get("values", [])
    return _take(ask, number, values[value] if value < len(values) else "")


def _take(ask: Ask, number: int, text: str) -> Reply:
    draft, question = _draft(ask), _question(ask, number)
    return _next(ask, draft | {"answers": draft["answers"] | {question["code"]: check_answer(question, text)}})


def _question(ask: Ask, number: int) -> dict[str, Any]:
    questions = _listing(ask, _draft(ask)).questions
    if number >= len(questions):
        raise Refused("not_offered")
    question: dict[str, Any] = questions[number]
    return question


def _next(ask: Ask, draft: dict[str, Any]) -> Reply:
    """The first thing that is still to be said: an answer, the time, the note; then everything once more."""
    for number, question in enumerate(_listing(ask, draft).questions):
        if question["code"] not in draft["answers"]:
            return _ask(draft, number, question)
    if "at" not in draft:
        return _ask_time(ask, draft)
    return _summary(ask, draft) if "note" in draft else _ask_note(draft)


def _ask(draft: dict[str, Any], number: int, question: dict[str, Any]) -> Reply:
    choices = tuple(Choice(value, f"order/pick/{number}/{n}") for n, value in enumerate(question.get("values", [])))
    back = f"order/ask/{number - 1}" if number else f"order/for/{draft['person']}"
    return Reply(question["description"], choices, f"order/answer/{number}", draft, back)


def _ask_time(ask: Ask, draft: dict[str, Any], head: str = words.PICK_TIME) -> Reply:
    """A few times at which the service can be had, or any time in words."""
    offer, _ = offer_in(ask, draft)
    found = next_times(ask.session, offer, ask.now)
    choices = tuple(Choice(when(moment, offer.centre.tz), f"order/at/{int(moment.timestamp())}") for moment in found)
    asked = len(_listing(ask, draft).questions)
    back = f"order/ask/{asked - 1}" if asked else f"order/for/{draft['person']}"
    return Reply(head, choices, "order/at", draft, back)


def time_again(ask: Ask) -> Reply:
    """Back to the time."""
    return _ask_time(ask, _draft(ask))


def typed_time(ask: Ask) -> Reply:
    """The time in words."""
    moment = understood(ask.text, ask.now, CHINA)
    if moment is None:
        return _ask_time(ask, _draft(ask), words.BAD_TIME)
    return _with_time(ask, int(moment.timestamp()))


def picked_time(ask: Ask, stamp: int) -> Reply:
    """The time that was tapped."""
    return _with_time(ask, stamp)


def _with_time(ask: Ask, stamp: int) -> Reply:
    draft = _draft(ask)
    try:
        check_wished(datetime.fromtimestamp(stamp, CHINA), ask.now)
    except Refused as refusal:
        # An old bubble may name any time: the question is put again with its reason, and nothing else is lost.
        return _ask_time(ask, draft, words.REFUSALS[refusal.code].format(**refusal.facts))
    chosen = draft | {"at": stamp}
    against = misfit(ask, chosen)
    if isinstance(against, str):
        return _ask_time(ask, draft, against)
    return against or _next(ask, chosen)


def still(ask: Ask) -> Reply:
    """The warning was read, and it is wanted all the same."""
    draft = _draft(ask)
    return _next(ask, draft | {"warned": draft.get("asked", [])})


def _ask_note(draft: dict[str, Any]) -> Reply:
    return Reply(words.ASK_NOTE, (Choice(words.NO_NOTE, "order/note/none"),), "order/note", draft, "order/time")


def note_again(ask: Ask) -> Reply:
    """Back to the note."""
    return _ask_note(_draft(ask))


def typed_note(ask: Ask) -> Reply:
    """The note."""
    check_note(ask.text)
    return _next(ask, _draft(ask) | {"note": ask.text})


def no_note(ask: Ask) -> Reply:
    """Nothing to add."""
    return _next(ask, _draft(ask) | {"note": ""})


def _summary(ask: Ask, draft: dict[str, Any]) -> Reply:
    key = secrets.token_hex(12)
    beneficiary, _ = act_for(ask.session, ask.who.person_id, draft["person"])
    listing = _listing(ask, draft)
    wanted = datetime.fromtimestamp(draft["at"], CHINA)
    answers = words.asked(listing.questions, draft["answers"])
    text = words.summary(beneficiary.name, listing.title, answers, both(ask, wanted), draft["note"])
    # The key stands in the address: a second tap, or a stale link, is the same order.
    choices = [Choice("确认点单", f"order/place/{key}")]
    twin = same_day(ask.session, listing.id, beneficiary.id, wanted)
    if twin is not None and twin.number is not None:
        choices.append(Choice("看已经点的那张", f"order/{twin.id}"))
        text += "\n" + words.AGAIN_SAME_DAY.format(
            beneficiary=beneficiary.name, service=listing.title, number=spoken(twin.number)
        )
    text = warned(text, ask.session, [ask.who.person_id, beneficiary.id], ask.who.person_id)
    return Reply(text, tuple(choices), draft=draft | {"key": key}, back="order/note/again")


def confirm(ask: Ask, key: str) -> Reply:
    """The order is placed; the same key again shows the same number, or what has become of the order."""
    draft = ask.draft
    order = placed_with(ask.session, ask.who, key)
    if order is not None and order.state != "open":
        return mine.one(ask, order.id)
    if order is None and draft.get("key") != key:
        # A link from an older conversation must not place what is being filled in now.
        return Reply(words.STALE, (Choice("重新点单", "order"),))
    placed = order or placed_now(ask, draft, key)
    if isinstance(placed, Reply):
        return placed
    if isinstance(placed, str):
        return _ask_time(ask, draft, placed)
    order = placed
    listing = ask.session.get_one(Listing, order.listing_id)
    beneficiary = ask.session.get_one(Person, order.beneficiary_id)
    text = words.PLACED.format(
        number=spoken(order.number or ""), beneficiary=beneficiary.name, service=listing.title,
        wanted=both(ask, order.preferred_at),
    )  # fmt: skip
    return Reply(text, (Choice("查看订单", f"order/{order.id}"), Choice("亲情连线", "call")))


def _draft(ask: Ask) -> dict[str, Any]:
    """What has been filled in so far; raises Refused("not_offered") where nothing has."""
    if "person" not in ask.draft:
        raise Refused("not_offered")
    return ask.draft


def _listing(ask: Ask, draft: dict[str, Any]) -> Listing:
    listing = ask.session.get(Listing, draft["listing"])
    if listing is None:
        raise Refused("not_offered")
    return listing


def _centre(ask: Ask, beneficiary: Person) -> ServiceCentre:
    area = ask.session.get(Area, beneficiary.area_id) if beneficiary.area_id else None
    centre = centre_for(ask.session, area.path) if area else None
    if centre is None:
        raise Refused("not_offered")
    return centre


ADDRESSES: dict[str, Handler] = {
    "order": home,
    "order/for/<int:person>": for_person,
    "order/for/<int:person>/<kind>": of_kind,
    "order/new/<int:listing>/<int:person>": new,
    "order/ask/<int:number>": again,
    "order/answer/<int:number>": answered,
    "order/pick/<int:number>/<int:value>": picked,
    "order/time": time_again,
    "order/at": typed_time,
    "order/at/<int:stamp>": picked_time,
    "order/still": still,
    "order/note": typed_note,
    "order/note/none": no_note,
    "order/note/again": note_again,
    "order/place/<key>": confirm,
    **mine.ADDRESSES,
}

KEYWORDS = {"点单": "order", "服务": "order", "点餐": "order", **mine.KEYWORDS}
