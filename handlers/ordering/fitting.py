"""Whether a service fits in the conversation: said before the first question, and asked again when a day is named."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.ordering import catalogue_words as words
from handlers.ordering import waiting_words
from handlers.room import Ask, Choice, Reply
from models.errors import Refused
from models.hours import CHINA
from models.ordering.eligibility import findings
from models.ordering.listings import Offered
from models.ordering.orders import Order
from models.ordering.placing import check_fits, offer_for, place
from models.ordering.tallies import places_left
from models.people.persons import Person
from models.people.scope import act_for
from models.places.areas import Area

ANOTHER_DAY = ("full", "too_soon", "closed_already", "out_of_season", "not_then")


def area_names(session: Session, rules: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The names of the areas that rules speak of, by code."""
    codes = [code for rule in rules for code in rule.get("areas", ())]
    if not codes:
        return {}
    rows = session.execute(select(Area.code, Area.name).where(Area.code.in_(codes)))
    return {row.code: row.name for row in rows}


def offer_in(ask: Ask, draft: Mapping[str, Any]) -> tuple[Offered, Person]:
    """The service of a draft and whom it is for; raises Refused as `offer_for` and `act_for` do."""
    beneficiary, _ = act_for(ask.session, ask.who.person_id, draft["person"])
    return offer_for(ask.session, draft["listing"], beneficiary, ask.now), beneficiary


def introduction(ask: Ask, draft: Mapping[str, Any]) -> tuple[str, Reply | None]:
    """What a service is and asks, and the refusal where it is not for this person whatever the day."""
    offer, person = offer_in(ask, draft)
    names = area_names(ask.session, offer.listing.rules)
    today = ask.now.astimezone(offer.centre.tz).date()
    for found in findings(ask.session, offer.listing.rules, person, today):
        if found.bars and found.kind != "age":  # an age may be reached by the day of the service
            return "", _barred(words.barred(offer.listing.title, found, names, offer.phone), person)
    return words.about(offer.listing, offer.here, names), None


def misfit(ask: Ask, draft: Mapping[str, Any]) -> Reply | str | None:
    """What stands against the day that was named: a sentence for another day, a whole answer, or nothing."""
    offer, person = offer_in(ask, draft)
    wished = datetime.fromtimestamp(draft["at"], CHINA)
    try:
        check_fits(ask.session, offer, person, wished, ask.now, draft.get("warned", ()))
    except Refused as refusal:
        if refusal.code not in ("not_eligible", "ask_eligible"):
            return words.time_refused(refusal.code, refusal.facts, CHINA)
    else:
        left = places_left(ask.session, [offer], wished).get(offer.listing.id)
        return _full(draft) if left == 0 else None
    names = area_names(ask.session, offer.listing.rules)
    found = findings(ask.session, offer.listing.rules, person, wished.astimezone(offer.centre.tz).date())
    barring = next((one for one in found if one.bars), None)
    if barring is not None:
        return _barred(words.barred(offer.listing.title, barring, names, offer.phone), person)
    text = words.warned(offer.listing.title, person.name, found, names)
    choices = (Choice(words.STILL, "order/still"), Choice(words.OTHERS, f"order/for/{person.id}"))
    return Reply(text, choices, draft={**draft, "asked": [one.code for one in found]}, back="order/time")


def placed_now(ask: Ask, draft: Mapping[str, Any], key: str) -> Order | Reply | str:
    """The order, placed; or why its day does not do any more, for another day to be asked: nothing else is lost.

    Where it has just become full it is the way into the line.

    Raises Refused for what another day does not mend.
    """
    try:
        return place(
            ask.session, ask.who, listing_id=draft["listing"], beneficiary_id=draft["person"],
            answers=draft["answers"], preferred_at=datetime.fromtimestamp(draft["at"], CHINA), note=draft["note"],
            client_key=key, now=ask.now, warned=draft.get("warned", ()),
        )  # fmt: skip
    except Refused as refusal:
        if refusal.code not in ANOTHER_DAY:
            raise
        if refusal.code == "full":
            return _full(draft)
        return words.time_refused(refusal.code, refusal.facts, CHINA)


def _full(draft: Mapping[str, Any]) -> Reply:
    choices = (Choice(waiting_words.JOIN, f"order/wait/{draft['at']}"), Choice(waiting_words.OTHER_TIME, "order/time"))
    return Reply(waiting_words.FULL, choices, "order/at", draft, "order/time")


def _barred(text: str, person: Person) -> Reply:
    return Reply(text, (Choice(words.OTHERS, f"order/for/{person.id}"), Choice("联系工作人员", "person")))
