"""Ordering a service in the official account: for whom, what, when, and then the number."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from handlers.ordering import words
from handlers.ordering.times import understood
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when, when_two
from models.errors import Refused
from models.hours import CHINA, calendar
from models.ordering.listings import Listing, published
from models.ordering.numbers import spoken
from models.ordering.orders import Order
from models.ordering.placing import (
    NOTE_LIMIT,
    cancel,
    find_by_number,
    order_for,
    orders_of,
    place,
    placed_with,
    same_day,
)
from models.ordering.questions import check_answer
from models.people.care import cared_for_by
from models.people.persons import Person
from models.people.scope import act_for
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for, open_spans


def home(ask: Ask) -> Reply:
    """For whom; straight to the list when there is only one answer."""
    me = ask.session.get_one(Person, ask.who.person_id)
    people = [Choice(person.name, f"order/for/{person.id}") for person, _ in cared_for_by(ask.session, me.id)]
    if me.area_id is not None:
        people.append(Choice(words.MYSELF, f"order/for/{me.id}"))
    if not people:
        return Reply(words.NO_ONE_YET, (Choice("我的家人", "me/people"), Choice("联系工作人员", "person")))
    if len(people) == 1:
        return for_person(ask, int(people[0].address.rsplit("/", 1)[-1]))
    return Reply(words.FOR_WHOM, tuple(people), back="menu")


def for_person(ask: Ask, person: int) -> Reply:
    """The list of the centre that serves this person."""
    beneficiary, _ = act_for(ask.session, ask.who.person_id, person)
    centre = _centre(ask, beneficiary)
    offered = published(ask.session, centre, ask.now)
    if not offered:
        return Reply(words.NO_LISTINGS, (Choice("联系工作人员", "person"),))
    choices = tuple(Choice(words.offered(row.category, row.title), f"order/new/{row.id}/{person}") for row in offered)
    return Reply(words.listings(centre.name), choices, back="order")


def new(ask: Ask, listing: int, person: int) -> Reply:
    """A new order: its questions one by one."""
    act_for(ask.session, ask.who.person_id, person)
    return _next(ask, {"listing": listing, "person": person, "answers": {}})


def answered(ask: Ask, number: int) -> Reply:
    """The answer to the n-th question, typed."""
    return _take(ask, number, ask.text)


def picked(ask: Ask, number: int, value: int) -> Reply:
    """The answer to the n-th question, picked from its values."""
    question = _question(ask, number)
    return _take(ask, number, question["values"][value] if value < len(question["values"]) else "")


def _take(ask: Ask, number: int, text: str) -> Reply:
    question = _question(ask, number)
    answers = {**ask.draft["answers"], question["code"]: check_answer(question, text)}
    return _next(ask, {**ask.draft, "answers": answers})


def _question(ask: Ask, number: int) -> dict[str, Any]:
    listing = ask.session.get(Listing, ask.draft.get("listing", 0))
    if listing is None or number >= len(listing.questions):
        raise Refused("not_offered")
    question: dict[str, Any] = listing.questions[number]
    return question


def _next(ask: Ask, draft: dict[str, Any]) -> Reply:
    """The first question without an answer, else the time."""
    listing = ask.session.get(Listing, draft["listing"])
    if listing is None:
        raise Refused("not_offered")
    back = f"order/for/{draft['person']}"
    for number, question in enumerate(listing.questions):
        if question["code"] in draft["answers"]:
            continue
        choices = tuple(Choice(value, f"order/pick/{number}/{n}") for n, value in enumerate(question.get("values", [])))
        return Reply(question["description"], choices, f"order/answer/{number}", draft, back)
    return _ask_time(ask, draft, back)


def _ask_time(ask: Ask, draft: dict[str, Any], back: str) -> Reply:
    """A few times within the centre's opening hours of the next days, or any time in words."""
    beneficiary, _ = act_for(ask.session, ask.who.person_id, draft["person"])
    centre, book = _centre(ask, beneficiary), calendar(ask.session)
    day, found = ask.now.astimezone(centre.tz).date(), list[datetime]()
    for ahead in range(1, 8):
        spans = open_spans(ask.session, centre, day + timedelta(days=ahead), book)
        found += [spans[0][0] + timedelta(minutes=30), spans[-1][1] - timedelta(hours=2)] if spans else []
        if len(found) >= 4:
            break
    choices = tuple(Choice(when(moment, centre.tz), f"order/at/{int(moment.timestamp())}") for moment in found[:4])
    return Reply(words.PICK_TIME, choices, "order/at", draft, back)


def typed_time(ask: Ask) -> Reply:
    """The time in words."""
    draft = _draft(ask)
    moment = understood(ask.text, ask.now, CHINA)
    if moment is None:
        return Reply(words.BAD_TIME, ask_for="order/at", draft=draft, back=f"order/for/{draft['person']}")
    if moment <= ask.now:
        raise Refused("bad_time")
    return _with_time(draft, int(moment.timestamp()))


def picked_time(ask: Ask, stamp: int) -> Reply:
    """The time that was tapped."""
    return _with_time(_draft(ask), stamp)


def _with_time(draft: dict[str, Any], stamp: int) -> Reply:
    choices = (Choice(words.NO_NOTE, "order/note/none"),)
    return Reply(words.ASK_NOTE, choices, "order/note", {**draft, "at": stamp}, f"order/for/{draft['person']}")


def typed_note(ask: Ask) -> Reply:
    """The note."""
    if len(ask.text) > NOTE_LIMIT:
        raise Refused("note_long", limit=NOTE_LIMIT, length=len(ask.text))
    return _summary(ask, ask.text)


def no_note(ask: Ask) -> Reply:
    """Nothing to add."""
    return _summary(ask, "")


def _summary(ask: Ask, note: str) -> Reply:
    key = secrets.token_hex(12)
    draft = {**_draft(ask), "note": note, "key": key}
    beneficiary, _ = act_for(ask.session, ask.who.person_id, draft["person"])
    listing = ask.session.get_one(Listing, draft["listing"])
    wanted = datetime.fromtimestamp(draft["at"], CHINA)
    text = words.summary(beneficiary.name, listing.title, asked(listing, draft["answers"]), _both(ask, wanted), note)
    twin = same_day(ask.session, listing.id, beneficiary.id, wanted)
    if twin is not None and twin.number is not None:
        text += "\n" + words.AGAIN_SAME_DAY.format(
            beneficiary=beneficiary.name, service=listing.title, number=spoken(twin.number)
        )
    # The key stands in the address: a second tap, or a stale link, is the same order.
    choices = (Choice("确认点单", f"order/place/{key}"),)
    return Reply(text, choices, draft=draft, back=f"order/for/{draft['person']}")


def confirm(ask: Ask, key: str) -> Reply:
    """The order is placed; the same key again shows the same number."""
    draft = ask.draft
    order = placed_with(ask.session, ask.who, key)
    if order is None and draft.get("key") != key:
        # A link from an older conversation must not place what is being filled in now.
        return Reply(words.STALE, (Choice("重新点单", "order"),))
    if order is None:
        order = place(
            ask.session, ask.who, listing_id=draft["listing"], beneficiary_id=draft["person"],
            answers=draft["answers"], preferred_at=datetime.fromtimestamp(draft["at"], CHINA), note=draft["note"],
            client_key=key, now=ask.now,
        )  # fmt: skip
    listing = ask.session.get_one(Listing, order.listing_id)
    beneficiary = ask.session.get_one(Person, order.beneficiary_id)
    text = words.PLACED.format(
        number=spoken(order.number or ""), beneficiary=beneficiary.name, service=listing.title,
        wanted=_both(ask, order.preferred_at),
    )  # fmt: skip
    return Reply(text, (Choice("查看订单", f"order/{order.id}"), Choice("亲情连线", "call")), draft=ask.draft)


def mine(ask: Ask) -> Reply:
    """My orders, and those for the people I care for."""
    orders = orders_of(ask.session, ask.who)
    if not orders:
        return Reply(words.NO_ORDERS, (Choice("去点单", "order"),))
    choices = tuple(Choice(_line(ask, order), f"order/{order.id}") for order in orders)
    return Reply(words.ORDERS, choices, ask_for="order/number", back="menu")


def by_number(ask: Ask) -> Reply:
    """An order by its number, as somebody typed it."""
    return one(ask, find_by_number(ask.session, ask.who, ask.text).id)


def one(ask: Ask, order: int) -> Reply:
    """One order, and what can be done with it."""
    found, _ = order_for(ask.session, ask.who, order)
    listing, beneficiary = (
        ask.session.get_one(Listing, found.listing_id),
        ask.session.get_one(Person, found.beneficiary_id),
    )
    text = words.order_whole(
        found.number or "", listing.title, beneficiary.name, found.state, _both(ask, found.preferred_at), found.note,
        found.reason,
    )  # fmt: skip
    open_still = found.state in ("open", "accepted")
    return Reply(text, (Choice("取消订单", f"order/{order}/cancel"),) if open_still else (), back="order/mine")


def ask_reason(ask: Ask, order: int) -> Reply:
    """Asks why."""
    order_for(ask.session, ask.who, order)
    choices = tuple(Choice(reason, f"order/{order}/cancel/{n}") for n, reason in enumerate(words.REASONS))
    return Reply(words.ASK_REASON, choices, f"order/{order}/cancel/text", back=f"order/{order}")


def cancel_for(ask: Ask, order: int, reason: int) -> Reply:
    """Cancelled, for a reason from the list."""
    return _cancel(ask, order, words.REASONS[reason] if reason < len(words.REASONS) else "")


def cancel_text(ask: Ask, order: int) -> Reply:
    """Cancelled, for a reason in words."""
    return _cancel(ask, order, ask.text)


def _cancel(ask: Ask, order: int, reason: str) -> Reply:
    gone = cancel(ask.session, ask.who, order, reason, ask.now)
    return Reply(words.CANCELLED.format(number=spoken(gone.number or "")), (Choice("我的订单", "order/mine"),))


def _draft(ask: Ask) -> dict[str, Any]:
    if "person" not in ask.draft:
        raise Refused("not_offered")
    return ask.draft


def _centre(ask: Ask, beneficiary: Person) -> ServiceCentre:
    area = ask.session.get(Area, beneficiary.area_id) if beneficiary.area_id else None
    centre = centre_for(ask.session, area.path) if area else None
    if centre is None:
        raise Refused("not_offered")
    return centre


def asked(listing: Listing, answers: dict[str, Any]) -> list[tuple[str, Any]]:
    """The questions of a listing with what was answered."""
    return [(question["description"], answers.get(question["code"])) for question in listing.questions]


def _both(ask: Ask, moment: datetime) -> str:
    """The time where the service happens, and beside it the reader's own where that differs."""
    return when_two(moment, CHINA, ZoneInfo(ask.who.zone))


def _line(ask: Ask, order: Order) -> str:
    listing, person = ask.session.get_one(Listing, order.listing_id), ask.session.get_one(Person, order.beneficiary_id)
    return words.order_line(order.number or "", listing.title, person.name, order.state)


ADDRESSES: dict[str, Handler] = {
    "order": home,
    "order/for/<int:person>": for_person,
    "order/new/<int:listing>/<int:person>": new,
    "order/answer/<int:number>": answered,
    "order/pick/<int:number>/<int:value>": picked,
    "order/at": typed_time,
    "order/at/<int:stamp>": picked_time,
    "order/note": typed_note,
    "order/note/none": no_note,
    "order/place/<key>": confirm,
    "order/mine": mine,
    "order/number": by_number,
    "order/<int:order>": one,
    "order/<int:order>/cancel": ask_reason,
    "order/<int:order>/cancel/<int:reason>": cancel_for,
    "order/<int:order>/cancel/text": cancel_text,
}

KEYWORDS = {"点单": "order", "服务": "order", "点餐": "order", "订单": "order/mine", "我的订单": "order/mine"}
