"""The organisation's side in the official account: an offer, two taps, an answer; and the end of the work."""

from handlers.ordering import words
from handlers.ordering.sheets import as_text
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import called, when
from models.hours import CHINA, calendar
from models.ordering.assignments import STANDING, Assignment, assigned_to, jobs_of
from models.ordering.dispatch import accept, complete, decline, hand_back, set_out
from models.ordering.listings import Listing
from models.ordering.matching import able_members, free_members
from models.ordering.offers import answer_by
from models.ordering.orders import Order
from models.ordering.runsheet import run_sheet
from models.ordering.versions import terms_of
from models.ordering.visiting import arrive, find_nobody, name_person, visit_for
from models.ordering.visits import live_visit
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre, phone_of


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
    """One offer or accepted order, whole, and what can be done with it; one that is over says nothing of anybody."""
    offer, order = assigned_to(ask.session, ask.who, assignment)
    listing = terms_of(ask.session, order)
    if offer.state not in STANDING:
        return Reply(words.job_over(listing.title, offer.state), (Choice("我的接单", "job"),))
    text = words.job_whole(
        listing.title, ask.session.get_one(Area, order.area_id).name,
        ask.session.get_one(Person, order.beneficiary_id).name, when(order.preferred_at, CHINA),
        words.asked(listing.questions, order.answers), order.note,
        phone_of(ask.session, ask.session.get_one(ServiceCentre, order.centre_id)),
    )  # fmt: skip
    if offer.state == "offered":
        return _offered(ask, offer, order, text)
    visit = live_visit(ask.session, offer.id)
    goes = Choice("定上门的人", f"job/{assignment}/who") if visit is None else Choice("换人", f"job/{assignment}/who")
    there = () if visit is None else (
        Choice("到了", f"visit/{visit.id}/arrived"), Choice("家里没人", f"visit/{visit.id}/nobody")
    )  # fmt: skip
    ends: tuple[Choice, ...] = (
        Choice("已经做完", f"job/{assignment}/done"), Choice("做不了，交回", f"job/{assignment}/back")
    )  # fmt: skip
    if offer.state == "accepted" and listing.mode != "at_centre":
        ends = (Choice("出发了", f"job/{assignment}/start"), *ends)
    return Reply(text, (*there, *ends, goes), back="job")


def _offered(ask: Ask, offer: Assignment, order: Order, text: str) -> Reply:
    until = when(answer_by(offer, order, calendar(ask.session)), CHINA)
    answers = (Choice("接单", f"job/{offer.id}/accept"), Choice("不方便接", f"job/{offer.id}/decline"))
    return Reply(f"{text}\n{words.ANSWER_BY.format(until=until)}", answers, back="job")


def take(ask: Ask, assignment: int) -> Reply:
    """Accepted."""
    order = accept(ask.session, ask.who, assignment, ask.now)
    phone = phone_of(ask.session, ask.session.get_one(ServiceCentre, order.centre_id))
    return Reply(words.TAKEN.format(phone=phone), (Choice("查看", f"job/{assignment}"), Choice("我的接单", "job")))


def leave(ask: Ask, assignment: int) -> Reply:
    """On the way."""
    set_out(ask.session, ask.who, assignment, ask.now)
    return Reply(words.SET_OUT, (Choice("查看", f"job/{assignment}"), Choice("我的接单", "job")))


def ask_why(ask: Ask, assignment: int) -> Reply:
    """Asks why not."""
    return _reasons(ask, assignment, "decline", words.ASK_DECLINE, words.DECLINE_REASONS)


def refuse(ask: Ask, assignment: int, reason: int) -> Reply:
    """Declined, for a reason from the list."""
    decline(ask.session, ask.who, assignment, _named(words.DECLINE_REASONS, reason), ask.now)
    return Reply(words.DECLINED, (Choice("我的接单", "job"),))


def ask_why_back(ask: Ask, assignment: int) -> Reply:
    """Asks why the order is given back."""
    return _reasons(ask, assignment, "back", words.ASK_HAND_BACK, words.HAND_BACK_REASONS)


def give_back(ask: Ask, assignment: int, reason: int) -> Reply:
    """Given back, for a reason from the list."""
    hand_back(ask.session, ask.who, assignment, _named(words.HAND_BACK_REASONS, reason), ask.now)
    return Reply(words.HANDED_BACK, (Choice("我的接单", "job"),))


def ask_done(ask: Ask, assignment: int) -> Reply:
    """Asks whether it is really done: there is no way back."""
    assigned_to(ask.session, ask.who, assignment)
    return Reply(words.ASK_DONE, (Choice("确认做完", f"job/{assignment}/done/yes"),), back=f"job/{assignment}")


def done(ask: Ask, assignment: int) -> Reply:
    """The service was given."""
    complete(ask.session, ask.who, assignment, ask.now)
    return Reply(words.COMPLETED, (Choice("我的接单", "job"),))


def ask_who(ask: Ask, assignment: int) -> Reply:
    """Asks who goes: those who can and are there, and get there in time from whatever else they do."""
    offer, order = assigned_to(ask.session, ask.who, assignment)
    listing, visit = ask.session.get_one(Listing, order.listing_id), live_visit(ask.session, offer.id)
    standing = visit.subject if visit is not None else ""
    able = free_members(ask.session, offer.organisation_id, order, listing, standing)
    if not able:
        any_able = able_members(ask.session, offer.organisation_id, order, listing)
        return Reply(words.NO_ONE_FREE if any_able else words.NO_ONE_ABLE, back=f"job/{assignment}")
    listed = tuple(Choice(called(person.name), f"job/{assignment}/who/{person.id}") for person in able)
    return Reply(words.ASK_WHO, listed, back=f"job/{assignment}")


def send(ask: Ask, assignment: int, person: int) -> Reply:
    """This one goes, at the wished time."""
    visit = name_person(ask.session, ask.who, assignment, person, now=ask.now)
    visitor = ask.session.get_one(Person, visit.person_id).name
    text = words.NAMED.format(visitor=visitor, when=when(visit.starts_at, CHINA))
    return Reply(text, (Choice("查看", f"job/{assignment}"), Choice("今天的上门", "job/sheet")))


def arrived(ask: Ask, visit: int) -> Reply:
    """Arrived, now."""
    there = arrive(ask.session, ask.who, visit, ask.now, ask.now)
    return Reply(words.ARRIVED, (Choice("已经做完", f"job/{there.assignment_id}/done"),))


def ask_nobody(ask: Ask, visit: int) -> Reply:
    """Asks once more whether nobody is home."""
    visit_for(ask.session, ask.who, visit)
    return Reply(words.ASK_NOBODY, (Choice("确认没人", f"visit/{visit}/nobody/yes"),), back="job")


def nobody(ask: Ask, visit: int) -> Reply:
    """Nobody is home: family and village hear of it."""
    found = find_nobody(ask.session, ask.who, visit, ask.now, ask.now)
    return Reply(words.NOBODY_HOME, (Choice("查看", f"job/{found.assignment_id}"),))


def sheet(ask: Ask) -> Reply:
    """Today's visits in their order."""
    day = ask.now.astimezone(CHINA).date()
    return Reply(as_text(day, run_sheet(ask.session, ask.who, day)), (Choice("我的接单", "job"),))


def _reasons(ask: Ask, assignment: int, word: str, head: str, reasons: tuple[str, ...]) -> Reply:
    assigned_to(ask.session, ask.who, assignment)
    choices = tuple(Choice(why, f"job/{assignment}/{word}/{n}") for n, why in enumerate(reasons))
    return Reply(head, choices, back=f"job/{assignment}")


def _named(reasons: tuple[str, ...], number: int) -> str:
    return reasons[number] if number < len(reasons) else ""


ADDRESSES: dict[str, Handler] = {
    "job": jobs,
    "job/<int:assignment>": job,
    "job/<int:assignment>/accept": take,
    "job/<int:assignment>/start": leave,
    "job/<int:assignment>/decline": ask_why,
    "job/<int:assignment>/decline/<int:reason>": refuse,
    "job/<int:assignment>/back": ask_why_back,
    "job/<int:assignment>/back/<int:reason>": give_back,
    "job/<int:assignment>/done": ask_done,
    "job/<int:assignment>/done/yes": done,
    "job/<int:assignment>/who": ask_who,
    "job/<int:assignment>/who/<int:person>": send,
    "job/sheet": sheet,
    "visit/<int:visit>/arrived": arrived,
    "visit/<int:visit>/nobody": ask_nobody,
    "visit/<int:visit>/nobody/yes": nobody,
}

KEYWORDS = {"接单": "job", "抢单": "job", "我要接单": "job", "今天的上门": "job/sheet", "上门安排": "job/sheet"}
