"""An organisation's side on pages: its offers, whole, answered; who goes; on the way, arrived, nobody home, done."""

from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.ordering import page_words, words
from handlers.ordering.standing import SHOWN
from handlers.typed import key_in
from handlers.words import clock_span, on_day, when
from models.errors import Refused
from models.hours import CHINA, calendar, instant
from models.ordering.assignments import STANDING, Assignment, assigned_to, jobs_of
from models.ordering.dispatch import accept, complete, decline, hand_back, set_out
from models.ordering.listings import Listing
from models.ordering.matching import able_members
from models.ordering.offers import answer_by
from models.ordering.orders import Order
from models.ordering.placing import check_note
from models.ordering.runsheet import run_sheet
from models.ordering.versions import terms_of
from models.ordering.visiting import arrive, find_nobody, name_person
from models.ordering.visits import Visit, live_visit
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre, phone_of

ROOM = Blueprint("jobs", __name__, template_folder="templates")


@ROOM.get("/jobs")
def jobs() -> str:
    """What my organisation is offered or has taken on; what a stranger may do instead."""
    rows = [_row(assignment, order) for assignment, order, _ in jobs_of(g.session, g.who)]
    told = page_words.JOB_TOLD.get(request.args.get("told", ""), "")
    return render_template("ordering/pages/jobs.html", words=words, more=page_words, rows=rows, told=told)


@ROOM.get("/jobs/today")
def today() -> str:
    """Today's visits, in the order of the day."""
    day = g.now.astimezone(CHINA).date()
    stops = [(stop, clock_span(stop.starts_at, stop.ends_at, CHINA), words.asked(stop.questions, stop.answers))
             for stop in run_sheet(g.session, g.who, day)]  # fmt: skip
    return render_template(
        "ordering/pages/today.html", words=words, more=page_words, stops=stops, day=on_day(day), answer=words.answer
    )


@ROOM.get("/jobs/<int:job>")
def job(job: int) -> str:
    """One job, whole, and what can be done with it; one that is over says nothing of anybody."""
    offer, order = assigned_to(g.session, g.who, job)
    terms, told = terms_of(g.session, order), page_words.JOB_TOLD.get(request.args.get("told", ""), "")
    if offer.state not in STANDING:
        return render_template("ordering/pages/job_over.html", words=words, more=page_words, told=told,
                               said=words.job_over(terms.title, offer.state))  # fmt: skip
    visit = live_visit(g.session, offer.id)
    return render_template(
        "ordering/pages/job.html", words=words, more=page_words, row=_row(offer, order), offer=offer, visit=visit,
        told=told, goes=g.session.get_one(Person, visit.person_id).name if visit else "", note=order.note,
        comes_at=when(visit.starts_at, CHINA) if visit else "", far=terms.mode != "at_centre",
        answers=[(asked, words.answer(value)) for asked, value in words.asked(terms.questions, order.answers)],
        phone=phone_of(g.session, g.session.get_one(ServiceCentre, order.centre_id)),
    )  # fmt: skip


@ROOM.post("/jobs/<int:job>/accept")
def take(job: int) -> Answer:
    """Accepted; the first has it."""
    accept(g.session, g.who, job, g.now)
    return _told("accept", job)


@ROOM.get("/jobs/<int:job>/decline")
def ask_why(job: int) -> str:
    """Asks why not."""
    return _why(job, words.ASK_DECLINE, page_words.DECLINE_YES, words.DECLINE_REASONS)


@ROOM.post("/jobs/<int:job>/decline")
def refuse(job: int) -> Answer | tuple[str, int]:
    """Declined; the next organisation is asked."""
    reason, error = _reason()
    if error:
        return _why(job, words.ASK_DECLINE, page_words.DECLINE_YES, words.DECLINE_REASONS, reason, error), 422
    decline(g.session, g.who, job, reason, g.now)
    return _told("decline")


@ROOM.get("/jobs/<int:job>/back")
def ask_why_back(job: int) -> str:
    """Asks why it is given back."""
    return _why(job, words.ASK_HAND_BACK, page_words.BACK_YES, words.HAND_BACK_REASONS)


@ROOM.post("/jobs/<int:job>/back")
def give_back(job: int) -> Answer | tuple[str, int]:
    """Given back; the next organisation is asked, and who waits is told."""
    reason, error = _reason()
    if error:
        return _why(job, words.ASK_HAND_BACK, page_words.BACK_YES, words.HAND_BACK_REASONS, reason, error), 422
    hand_back(g.session, g.who, job, reason, g.now)
    return _told("back")


@ROOM.post("/jobs/<int:job>/start")
def leave(job: int) -> Answer:
    """On the way; those who wait are told."""
    set_out(g.session, g.who, job, g.now)
    return _told("start", job)


@ROOM.get("/jobs/<int:job>/done")
def ask_done(job: int) -> str:
    """Asks whether it is really done: there is no way back."""
    offer, order = assigned_to(g.session, g.who, job)
    return _sure(offer, order, page_words.DONE_HEAD, page_words.DONE_LEAD, page_words.DONE_YES)


@ROOM.post("/jobs/<int:job>/done")
def done(job: int) -> Answer:
    """The service was given."""
    complete(g.session, g.who, job, g.now)
    return _told("done")


@ROOM.get("/jobs/<int:job>/who")
def ask_who(job: int) -> str:
    """Asks who goes: those who can and are there, one tap each."""
    return _who_form(job)


@ROOM.post("/jobs/<int:job>/who")
def send(job: int) -> Answer | tuple[str, int]:
    """This one goes, at the wished time or the one that was typed."""
    assigned_to(g.session, g.who, job)
    try:
        at = _typed_time()
    except (ValueError, OverflowError):
        return _who_form(job, words.PAGE_REFUSALS["bad_time"]), 422
    try:
        person = key_in(request.form.get("person", "")) or 0
        name_person(g.session, g.who, job, person, now=g.now, starts_at=at)
    except Refused as refusal:
        if refusal.code in ("not_yours", "wrong_state"):
            raise
        known = {**words.REFUSALS, **words.PAGE_REFUSALS, **page_words.SLOT}
        return _who_form(job, known[refusal.code].format(**refusal.facts)), 422
    return _told("named", job)


@ROOM.post("/visits/<int:visit>/arrived")
def arrived(visit: int) -> Answer:
    """Arrived, now."""
    return _told("arrived", arrive(g.session, g.who, visit, g.now, g.now).assignment_id)


@ROOM.get("/visits/<int:visit>/nobody")
def ask_nobody(visit: int) -> str:
    """Asks once more whether nobody is home: family and village will hear of it."""
    found = g.session.get(Visit, visit)
    if found is None or found.state not in SHOWN:
        raise Refused("not_yours")
    offer, order = assigned_to(g.session, g.who, found.assignment_id)
    return _sure(offer, order, page_words.NOBODY_HEAD, page_words.NOBODY_LEAD, page_words.NOBODY_YES)


@ROOM.post("/visits/<int:visit>/nobody")
def nobody(visit: int) -> Answer:
    """Nobody is home: family and village hear of it."""
    return _told("nobody", find_nobody(g.session, g.who, visit, g.now, g.now).assignment_id)


def _row(offer: Assignment, order: Order) -> dict[str, Any]:
    until = when(answer_by(offer, order, calendar(g.session)), CHINA) if offer.state == "offered" else ""
    return {
        "id": offer.id, "title": terms_of(g.session, order).title, "mark": offer.state, "until": until,
        "village": g.session.get_one(Area, order.area_id).name, "wished": when(order.preferred_at, CHINA),
        "whom": g.session.get_one(Person, order.beneficiary_id).name, "state": words.JOB_STATES.get(offer.state, ""),
    }  # fmt: skip


def _why(job: int, head: str, yes: str, reasons: tuple[str, ...], typed: str = "", error: str = "") -> str:
    offer, order = assigned_to(g.session, g.who, job)
    return _sure(offer, order, head, "", yes, reasons=reasons, typed=typed, error=error)


def _sure(offer: Assignment, order: Order, head: str, lead: str, yes: str, **more: Any) -> str:
    """Asks once more, perhaps with reasons; of what is over it says nothing. Raises Refused("wrong_state")."""
    if offer.state not in STANDING:
        raise Refused("wrong_state", state=offer.state)
    return render_template(
        "ordering/pages/sure.html", words=words, more=page_words, row=_row(offer, order), head=head, lead=lead,
        yes=yes, **more,
    )  # fmt: skip


def _reason() -> tuple[str, str]:
    """The reason, from the list or in words, and what is wrong with it."""
    reason = request.form.get("other", "").strip() or request.form.get("reason", "")
    try:
        check_note(reason)
    except Refused as refusal:
        return reason, words.PAGE_REFUSALS["note_long"].format(**refusal.facts)
    return reason, ""


def _typed_time() -> datetime | None:
    day, clock = request.form.get("day", ""), request.form.get("clock", "")
    if not day and not clock:
        return None
    return instant(date.fromisoformat(day), time.fromisoformat(clock), CHINA)


def _who_form(job: int, error: str = "") -> str:
    offer, order = assigned_to(g.session, g.who, job)
    if offer.state != "accepted":
        raise Refused("wrong_state", state=offer.state)
    listing = g.session.get_one(Listing, order.listing_id)
    return render_template(
        "ordering/pages/who.html", words=words, more=page_words, row=_row(offer, order), error=error,
        people=able_members(g.session, offer.organisation_id, order, listing), today=g.now.astimezone(CHINA).date(),
        day=request.form.get("day", ""), clock=request.form.get("clock", ""),
    )  # fmt: skip


def _told(what: str, job: int | None = None) -> Answer:
    if job is None:
        return redirect(url_for(".jobs", told=what), 303)
    return redirect(url_for(".job", job=job, told=what), 303)
