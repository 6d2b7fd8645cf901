"""Waiting for a place in the official account: into the line, where one stands, and the answer to an offer."""

from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.ordering import waiting_words as words
from handlers.ordering.mine import both, one
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.hours import CHINA
from models.ordering.joining import decline, entry_for, in_line_of, join, leave, take
from models.ordering.listings import Listing
from models.ordering.waiting import WaitlistEntry, ahead_of, service, why_not
from models.people.persons import Person


def stand_in_line(ask: Ask, stamp: int) -> Reply:
    """Into the line for what was being filled in, at the time that was full."""
    draft = ask.draft
    if "person" not in draft or draft.get("at") != stamp:
        raise Refused("not_offered")
    entry = join(
        ask.session, ask.who, listing_id=draft["listing"], beneficiary_id=draft["person"], answers=draft["answers"],
        preferred_at=datetime.fromtimestamp(stamp, CHINA), note=draft.get("note", ""), now=ask.now,
        warned=draft.get("warned", ()),
    )  # fmt: skip
    return _shown(ask, entry, f"{words.JOINED}\n")


def mine(ask: Ask) -> Reply:
    """Where I and mine stand in line."""
    entries = in_line_of(ask.session, ask.who, ask.now)
    if not entries:
        return Reply(words.NOBODY, (Choice("去点单", "order"),), back="menu")
    choices = tuple(Choice(_line(ask, entry), f"waiting/{entry.id}") for entry in entries)
    return Reply(words.MINE, choices, back="menu")


def shown(ask: Ask, entry: int) -> Reply:
    """One place in line, and what can be done with it."""
    return _shown(ask, entry_for(ask.session, ask.who, entry)[0], "")


def _shown(ask: Ask, entry: WaitlistEntry, head: str) -> Reply:
    listing = ask.session.get_one(Listing, entry.listing_id)
    name = ask.session.get_one(Person, entry.beneficiary_id).name
    text = head + words.whole(listing.title, name, both(ask, entry.preferred_at), entry.places)
    if entry.state == "offered" and entry.answer_by is not None and entry.answer_by > ask.now:
        choices = (
            Choice(words.TAKE, f"waiting/{entry.id}/take"),
            Choice(words.DECLINE, f"waiting/{entry.id}/decline"),
        )
        return Reply(f"{text}\n{words.answer(entry.answer_by, ZoneInfo(ask.who.zone))}", choices, back="waiting")
    if entry.state != "waiting":
        return Reply(f"{text}\n{words.OVER}", back="waiting")
    offer = service(ask.session, entry, ask.now)
    why = why_not(ask.session, entry, offer) if offer is not None else "not_offered"
    said = words.waits(ahead_of(ask.session, entry), entry.held, entry.places, why)
    return Reply(f"{text}\n{said}", (Choice(words.LEAVE, f"waiting/{entry.id}/leave"),), back="waiting")


def taken(ask: Ask, entry: int) -> Reply:
    """The place is wanted: the order that it has become."""
    return one(ask, take(ask.session, ask.who, entry, ask.now).id)


def declined(ask: Ask, entry: int) -> Reply:
    """The place is not wanted."""
    decline(ask.session, ask.who, entry, ask.now)
    return Reply(words.DECLINED, back="waiting")


def left(ask: Ask, entry: int) -> Reply:
    """Out of the line."""
    leave(ask.session, ask.who, entry, ask.now)
    return Reply(words.LEFT, back="waiting")


def _line(ask: Ask, entry: WaitlistEntry) -> str:
    listing, person = ask.session.get_one(Listing, entry.listing_id), ask.session.get_one(Person, entry.beneficiary_id)
    return words.line(listing.title, person.name, entry.preferred_at, entry.state)


ADDRESSES: dict[str, Handler] = {
    "order/wait/<int:stamp>": stand_in_line,
    "waiting": mine,
    "waiting/<int:entry>": shown,
    "waiting/<int:entry>/take": taken,
    "waiting/<int:entry>/decline": declined,
    "waiting/<int:entry>/leave": left,
}

KEYWORDS = {"排队": "waiting", "候补": "waiting"}
