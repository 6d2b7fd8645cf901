"""The organisation's side in the official account: an offer, two taps, an answer."""

from handlers.ordering import words
from handlers.ordering.chat import asked
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when
from models.hours import CHINA
from models.ordering.dispatch import accept, decline, jobs_of, offered_to
from models.ordering.listings import Listing
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre


def jobs(ask: Ask) -> Reply:
    """The offers and accepted orders of my organisations."""
    rows = jobs_of(ask.session, ask.who)
    if not rows:
        return Reply(words.NO_JOBS)
    choices = tuple(
        Choice(f"{listing.title} {when(order.preferred_at, CHINA)} {words.JOB_STATES[offer.state]}", f"job/{offer.id}")
        for offer, order, listing in rows
    )
    return Reply(words.JOBS, choices, back="menu")


def job(ask: Ask, assignment: int) -> Reply:
    """One offer, whole, and the two answers."""
    offer, order = offered_to(ask.session, ask.who, assignment)
    listing = ask.session.get_one(Listing, order.listing_id)
    text = words.job_whole(
        listing.title, ask.session.get_one(Area, order.area_id).name,
        ask.session.get_one(Person, order.beneficiary_id).name, when(order.preferred_at, CHINA),
        asked(listing, order.answers), order.note, ask.session.get_one(ServiceCentre, order.centre_id).phone,
    )  # fmt: skip
    answers = (Choice("接单", f"job/{assignment}/accept"), Choice("不方便接", f"job/{assignment}/decline"))
    return Reply(text, answers if offer.state == "offered" else (), back="job")


def take(ask: Ask, assignment: int) -> Reply:
    """Accepted."""
    order = accept(ask.session, ask.who, assignment, ask.now)
    phone = ask.session.get_one(ServiceCentre, order.centre_id).phone
    return Reply(words.TAKEN.format(phone=phone), (Choice("我的接单", "job"),))


def ask_why(ask: Ask, assignment: int) -> Reply:
    """Asks why not."""
    offered_to(ask.session, ask.who, assignment)
    choices = tuple(Choice(why, f"job/{assignment}/decline/{n}") for n, why in enumerate(words.DECLINE_REASONS))
    return Reply(words.ASK_DECLINE, choices, back=f"job/{assignment}")


def refuse(ask: Ask, assignment: int, reason: int) -> Reply:
    """Declined, for a reason from the list."""
    why = words.DECLINE_REASONS[reason] if reason < len(words.DECLINE_REASONS) else ""
    decline(ask.session, ask.who, assignment, why, ask.now)
    return Reply(words.DECLINED, (Choice("我的接单", "job"),))


ADDRESSES: dict[str, Handler] = {
    "job": jobs,
    "job/<int:assignment>": job,
    "job/<int:assignment>/accept": take,
    "job/<int:assignment>/decline": ask_why,
    "job/<int:assignment>/decline/<int:reason>": refuse,
}

KEYWORDS = {"接单": "job", "抢单": "job", "我要接单": "job"}
