"""What somebody is about to order on a page: for whom, at which centre, what; and what stands against it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, render_template

from handlers.ordering import catalogue_words, forms, page_words, words
from handlers.ordering.fitting import area_names
from handlers.words import two_lines, when_two
from models.errors import Refused
from models.hours import CHINA, calendar, instant
from models.ordering.deadlines import check_deadline, check_season
from models.ordering.eligibility import Finding, findings
from models.ordering.listings import CentreTerms, Listing, Offered, Terms
from models.ordering.placing import check_fits, offer_for
from models.ordering.questions import places_wanted
from models.ordering.tallies import places_left
from models.ordering.times import next_times
from models.people.homes import centre_of
from models.people.persons import Person
from models.people.scope import act_for
from models.places.centres import ServiceCentre


@dataclass(frozen=True)
class Wish:
    """What somebody is about to order, and for whom."""

    person: Person
    offer: Offered

    @property
    def listing(self) -> Listing:
        """The service."""
        return self.offer.listing

    @property
    def centre(self) -> ServiceCentre:
        """The centre that serves the person."""
        return self.offer.centre

    @property
    def whom(self) -> str:
        """How the page names whom it is for."""
        return name_of(self.person)

    def names(self) -> dict[str, str]:
        """The names of the areas of which the service's rules speak."""
        return area_names(g.session, self.listing.rules)

    def could_wait(self, answers: Mapping[str, Any]) -> bool:
        """Whether there are ever as many places as are wanted, so that waiting for them makes sense."""
        most = self.offer.capacity
        return most is None or places_wanted(self.listing.questions, dict(answers)) <= most

    def findings(self, at: datetime) -> list[Finding]:
        """The rules that the person does not meet on the day of the service."""
        return findings(g.session, self.listing.rules, self.person, at.astimezone(self.centre.tz).date())

    def barred(self, at: datetime | None = None) -> str:
        """Why the person cannot have it, or ""; without a day, what no day changes (an age may be reached)."""
        found = [one for one in self.findings(at or g.now) if one.bars and (at is not None or one.kind != "age")]
        if not found:
            return ""
        return catalogue_words.barred(self.listing.title, found[0], self.names(), self.offer.phone)


def beneficiary_of(person: int) -> tuple[Person, ServiceCentre]:
    """Whom it is for and their centre; a cadre orders for others in the conversation, not here.

    Raises Refused("no_link") or ("not_offered").
    """
    beneficiary, role = act_for(g.session, g.who.person_id, person)
    if role == "cadre":
        raise Refused("no_link")
    centre = centre_of(g.session, beneficiary)
    if centre is None:
        raise Refused("not_offered")
    return beneficiary, centre


def wish_for(person: int, listing: int) -> Wish:
    """The wish; raises Refused as `beneficiary_of` and `offer_for` do: ("emergency", phone=…) is answered by phone."""
    beneficiary, _ = beneficiary_of(person)
    return Wish(beneficiary, offer_for(g.session, listing, beneficiary, g.now))


def unfit(wish: Wish, form: forms.Form, warned: Collection[str]) -> Refused | None:
    """What stands against a wish whose form is well filled in, as the rules say it; None where nothing does."""
    assert form.at is not None
    try:
        check_fits(g.session, wish.offer, wish.person, form.at, g.now, warned)
    except Refused as refusal:
        return refusal
    left = places_left(g.session, [wish.offer], form.at).get(wish.listing.id)
    if left is not None and left < places_wanted(wish.listing.questions, form.answers):
        return Refused("full")
    return None


def time_choices(offer: Offered) -> list[tuple[str, str, str]]:
    """The times offered: as they are sent, as they are read, and how many places are left where they are counted."""
    return [
        (str(int(moment.timestamp())), both(moment), _left(places_left(g.session, [offer], moment)))
        for moment in next_times(g.session, offer, g.now)
    ]  # fmt: skip


def _left(places: Mapping[int, int]) -> str:
    return "".join(page_words.LEFT_AT.format(left=left) for left in places.values())


def left_tomorrow(offers: list[Offered]) -> dict[int, str]:
    """How many places are left tomorrow, by listing, of what is given then and counted by the day."""
    by_day = [one for one in offers if one.capacity is not None and one.listing.capacity_per == "day"]
    if not by_day:
        return {}
    day = (g.now.astimezone(by_day[0].centre.tz) + timedelta(days=1)).date()
    noon, book = instant(day, time(12), by_day[0].centre.tz), calendar(g.session)
    given = list[Offered]()
    for one in by_day:
        at = instant(day, one.here.opens, one.centre.tz) if one.here and one.here.opens else noon
        try:
            check_season(one, at)
            check_deadline(one, at, book, g.now)
        except Refused:
            continue
        given.append(one)
    return {
        key: page_words.LEFT_TOMORROW.format(left=left) if left else page_words.FULL_TOMORROW
        for key, left in places_left(g.session, given, noon).items()
    }  # fmt: skip


def facts_of(terms: Terms, here: CentreTerms | None) -> list[tuple[str, str]]:
    """What one must know of a service, each with its name."""
    return catalogue_words.facts_of(terms, here, area_names(g.session, terms.rules))


def phone_page(refusal: Refused, sentence: str = "", back: int | None = None) -> str:
    """Whom to phone in the place of a form: an emergency, or a service that this person cannot have.

    Anything else is refused again, as it was.
    """
    if refusal.code not in ("emergency", "not_eligible"):
        raise refusal
    urgent = refusal.code == "emergency"
    return render_template(
        "ordering/pages/phone.html", words=words, more=page_words, urgent=urgent, back=back,
        head=page_words.EMERGENCY if urgent else page_words.BARRED,
        sentence=page_words.EMERGENCY_LEAD if urgent else sentence, others=catalogue_words.OTHERS,
        numbers=[(refusal.facts["phone"], page_words.SERVICE_DESK)] if refusal.facts.get("phone") else [],
        danger=(page_words.FIRST_AID, page_words.FIRE, page_words.POLICE) if urgent else (),
    )  # fmt: skip


def name_of(person: Person) -> str:
    """How a page names somebody to who reads it."""
    return words.MY_SELF if person.id == g.who.person_id else person.name


def both(moment: datetime) -> str:
    """The time where the service happens, and below it the reader's own where that differs."""
    return two_lines(when_two(moment, CHINA, ZoneInfo(g.who.zone)))
