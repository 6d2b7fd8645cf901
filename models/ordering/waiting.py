"""The waiting list: who waits for a place of a service on a day, and whose it is when one comes back."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, String, Table, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row, locked_row
from models.hours import CHINA, WorkCalendar, calendar, instant
from models.life import BY_RULE, BY_TIME, TIME, By, Life, Verb
from models.messages.outbox import post
from models.ordering.deadlines import closes_at
from models.ordering.listings import Listing, Offered, offered
from models.ordering.news import family_of, still_concerned
from models.ordering.offers import AWAKE_TO, waking
from models.ordering.orders import Order
from models.ordering.tallies import Tally, TallyHold, claims, give_back
from models.people.identities import is_reachable
from models.people.persons import Person
from models.places.centres import ServiceCentre, phone_of
from models.tasks.desk import open_task, settle_for
from models.tasks.undelivered import take_back

ANSWER_WITHIN = timedelta(hours=2)  # of working time
TELL_WITHIN = timedelta(hours=24)
AT_LEAST = timedelta(minutes=30)  # a place that must be answered faster than this is offered to nobody
IN_LINE = ("waiting", "offered")
FAMILY = ("requester", "beneficiary", "cadre")


class WaitlistEntry(Row):
    """One wish for so many places of a list; the list is the tally of a listing at a centre on a day or in a slot.

    `held` of the tally's places are kept for it. They count as taken, so nobody else can have them.
    """

    __tablename__ = "waitlist_entries"
    __table_args__ = (
        Index("uq_waitlist_entries_in_line", "key", "holder", unique=True,
              sqlite_where=text("state IN ('waiting', 'offered')"),
              postgresql_where=text("state IN ('waiting', 'offered')")),
        Index(None, "state"),
    )  # fmt: skip

    key: Mapped[str] = mapped_column(String(80))
    holder: Mapped[str] = mapped_column(String(48))  # the household, or the person where none is written down
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"))
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    answers: Mapped[dict[str, Any]]
    warned: Mapped[list[Any]]  # the rules of which it was read that they do not fit
    preferred_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(200), default="")
    places: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    answer_by: Mapped[datetime | None]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history and letters know this entry."""
        return f"waiting:{self.id}"


WAITING = Life(
    "waiting",
    cast(Table, WaitlistEntry.__table__),
    "waiting",
    (
        Verb("offer", ("waiting",), "offered", who=("rule",), tells=("requester", "family", "beneficiary")),
        Verb("take", ("offered",), "taken", who=FAMILY),
        Verb("decline", ("offered",), "declined", who=FAMILY),
        Verb("lapse", IN_LINE, "lapsed", who=(TIME,), tells=("requester",)),
        Verb("leave", IN_LINE, "cancelled", who=(*FAMILY, "rule")),
    ),
)


def holder_of(person: Person) -> str:
    """Who stands in line: a household stands once, whoever of it asks."""
    return f"h/{person.household}" if person.household else f"p/{person.id}"


def hold_list(session: Session, key: str) -> Tally:
    """The tally of a list, held until this transaction ends: every rule about its line takes this lock first."""
    session.flush()
    return locked_row(session, Tally, {"key": key}, taken=0)


def free_places(session: Session, order: Order, now: datetime, *, given_up: bool = False) -> None:
    """Give back what an order holds, to the line first.

    `given_up`: the family itself wants the day no more, so it does not stand in line for it either and is not offered
    its own place again.
    """
    query = select(TallyHold.key).where(TallyHold.order_id == order.id, TallyHold.key.startswith("places/"))
    keys = sorted(session.scalars(query))
    give_back(session, order.id)
    for key in keys:
        if given_up:
            own = _line(session, key).where(WaitlistEntry.beneficiary_id == order.beneficiary_id)
            for entry in session.scalars(own).all():
                end(session, entry, "leave", BY_RULE, now)
        serve(session, key, now)


def end(session: Session, entry: WaitlistEntry, verb: str, by: By, now: datetime) -> None:
    """An entry leaves the line; what was kept for it is free. The caller holds the list, and serves it afterwards."""
    kept = entry.held
    WAITING.move(session, entry, verb, by=by, now=now, held=0)
    session.execute(update(Tally).where(Tally.key == entry.key).values(taken=Tally.taken - kept))
    take_back(session, entry.subject, now)
    settle_for(session, entry.subject, "cancel", by=BY_RULE, now=now)


def leave_all(session: Session, person: Person, now: datetime) -> None:
    """A person has died, moved away or is in hospital: they wait for nothing more, and nobody hears of it."""
    query = select(WaitlistEntry).where(WaitlistEntry.beneficiary_id == person.id, WaitlistEntry.state.in_(IN_LINE))
    for entry in session.scalars(query.order_by(WaitlistEntry.key)).all():
        hold_list(session, entry.key)
        session.refresh(entry)
        if entry.state in IN_LINE:
            end(session, entry, "leave", BY_RULE, now)
            serve(session, entry.key, now)


def serve(session: Session, key: str, now: datetime) -> int:
    """Give what is free of a list to those who wait, the first first; answers how many are offered their places.

    Who needs two places keeps the first that comes until the second comes too: nobody behind, and no new order, goes
    before. Passed over is only who could not order at all: whose household has used its share, or who needs more places
    than there are.
    """
    tally = hold_list(session, key)
    waiting = _line(session, key).where(WaitlistEntry.state == "waiting").order_by(WaitlistEntry.id)
    line = list(session.scalars(waiting, execution_options={"populate_existing": True}))
    offer = service(session, line[0], now) if line else None
    if offer is None:
        return 0
    made, book = 0, calendar(session)
    for entry in line:
        until = answer_until(offer, entry.preferred_at, book, now)
        free = entry.places if offer.capacity is None else offer.capacity - tally.taken
        if until is None or why_not(session, entry, offer):
            tally.taken, entry.held = tally.taken - entry.held, 0
            continue
        got = max(min(free, entry.places - entry.held), 0)
        tally.taken += got
        entry.held += got
        if entry.held < entry.places:
            break
        session.flush()
        WAITING.move(session, entry, "offer", by=BY_RULE, now=now, answer_by=until)
        _tell_offer(session, entry, offer, until, now)
        made += 1
    session.flush()
    return made


def serve_listing(session: Session, listing_id: int, now: datetime) -> int:
    """There may be more places of a service than before: those who wait for any day of it come first."""
    keys = select(WaitlistEntry.key).where(WaitlistEntry.listing_id == listing_id, WaitlistEntry.state == "waiting")
    return sum(serve(session, key, now) for key in sorted(set(session.scalars(keys))))


def sweep_waiting(session: Session, now: datetime) -> int:
    """End what nobody answered and what has come too late, and serve every line; answers how many that changed.

    Nothing ends and nothing is offered at night.
    """
    if waking(now) != now:
        return 0
    keys = select(WaitlistEntry.key).where(WaitlistEntry.state.in_(IN_LINE)).distinct().order_by(WaitlistEntry.key)
    return sum(_sweep(session, key, now) for key in session.scalars(keys).all())


def _sweep(session: Session, key: str, now: datetime) -> int:
    hold_list(session, key)
    book, ended = calendar(session), 0
    for entry in session.scalars(_line(session, key), execution_options={"populate_existing": True}).all():
        offer, was = service(session, entry, now), entry.state
        kind = ""
        if offer is None or (was == "waiting" and answer_until(offer, entry.preferred_at, book, now) is None):
            kind = "waiting.closed"
        elif was == "offered" and entry.answer_by is not None and entry.answer_by <= now:
            kind = "waiting.lapsed"
        if kind:
            end(session, entry, "lapse", BY_TIME, now)
            _post(session, entry, kind, _readers(session, entry, all_=was == "offered"), now, {})
            ended += 1
    return ended + serve(session, key, now)


def _line(session: Session, key: str) -> Any:
    return select(WaitlistEntry).where(WaitlistEntry.key == key, WaitlistEntry.state.in_(IN_LINE))


def service(session: Session, entry: WaitlistEntry, now: datetime) -> Offered | None:
    """What an entry waits for as its centre offers it now; None where it does not."""
    centre = session.get_one(ServiceCentre, entry.centre_id)
    return next(iter(offered(session, centre, now, listing_id=entry.listing_id)), None)


def why_not(session: Session, entry: WaitlistEntry, offer: Offered) -> str:
    """Why an entry would be offered nothing even if a place were free: "quota_used", "too_few"; "" where it would."""
    if offer.capacity is not None and entry.places > offer.capacity:
        return "too_few"
    person = session.get_one(Person, entry.beneficiary_id)
    for claim in claims(offer, person, entry.preferred_at, entry.places):
        taken = session.scalar(select(Tally.taken).where(Tally.key == claim.key)) or 0
        if claim.share and not claim.fits(taken):
            return "quota_used"
    return ""


def ahead_of(session: Session, entry: WaitlistEntry) -> int:
    """How many wait before this entry."""
    before = _line(session, entry.key).where(WaitlistEntry.state == "waiting", WaitlistEntry.id < entry.id).subquery()
    return session.scalar(select(func.count()).select_from(before)) or 0


def answer_until(offer: Offered, wished: datetime, book: WorkCalendar, now: datetime) -> datetime | None:
    """Until when a place offered now waits for its answer: some working hours, before orders close, never at night.

    None where no time is left to ask anybody.
    """
    until = min(book.add_working_time(now, ANSWER_WITHIN), _last_moment(offer, wished, book, now))
    if waking(until) != until:
        local = until.astimezone(CHINA)
        evening = instant(local.date(), AWAKE_TO, CHINA)
        until = evening if evening < until else instant(local.date() - timedelta(days=1), AWAKE_TO, CHINA)
        until -= timedelta(minutes=1)
    return until if until - waking(now) >= AT_LEAST else None


def _last_moment(offer: Offered, wished: datetime, book: WorkCalendar, now: datetime) -> datetime:
    """The last instant at which this could still be ordered; `now` where it is past."""
    closed = closes_at(offer.listing, offer.centre, wished.astimezone(offer.centre.tz).date(), book)
    last = wished if closed is None else min(closed, wished)
    lead = timedelta(hours=offer.listing.lead_hours)
    if not lead or last <= now or book.add_working_time(last, lead) <= wished:
        return last
    early, late = now, last
    while late - early > timedelta(minutes=1):
        middle = early + (late - early) / 2
        early, late = (middle, late) if book.add_working_time(middle, lead) <= wished else (early, middle)
    return early


def _tell_offer(session: Session, entry: WaitlistEntry, offer: Offered, until: datetime, now: datetime) -> None:
    readers = _readers(session, entry, all_=True)
    _post(session, entry, "waiting.offered", readers, now, {"until": until.isoformat(), "useful": until})


def _readers(session: Session, entry: WaitlistEntry, *, all_: bool) -> set[int]:
    """Who hears of an entry: who stood in line for it, if they may still hear of the person; with `all_`, and where
    they may not, everybody who may act for the person, and the person self where WeChat reaches them."""
    person = session.get_one(Person, entry.beneficiary_id)
    asked = {entry.requested_by_id} if still_concerned(session, entry.requested_by_id, person) else set[int]()
    if asked and not all_:
        return asked
    own = {person.id} if is_reachable(session, person.id) else set[int]()
    return asked | family_of(session, person.id) | own


def _post(
    session: Session, entry: WaitlistEntry, kind: str, readers: set[int], now: datetime, more: dict[str, Any]
) -> None:
    """One letter to each; where nobody is left to read one, a cadre tells the person."""
    useful = more.pop("useful", None)
    listing, centre = session.get_one(Listing, entry.listing_id), session.get_one(ServiceCentre, entry.centre_id)
    facts = {
        "entry": entry.id, "service": listing.title, "category": listing.category, "mode": listing.mode,
        "beneficiary": session.get_one(Person, entry.beneficiary_id).name, "places": entry.places,
        "preferred_at": entry.preferred_at.isoformat(), "centre": centre.name, "phone": phone_of(session, centre),
        **more,
    }  # fmt: skip
    for reader in sorted(readers):
        post(
            session, key=f"{entry.subject}/{kind}/{reader}", person_id=reader, kind=kind, facts=facts,
            subject=entry.subject, now=now, urgency="same_day", useful_until=useful, about_id=entry.beneficiary_id,
        )  # fmt: skip
    person = session.get_one(Person, entry.beneficiary_id)
    if not readers and person.area_id is not None:
        open_task(
            session, key=f"{entry.subject}/tell/{kind}", kind="tell_in_person", area_id=person.area_id,
            subject=entry.subject, person_id=person.id, now=now, due_at=useful or now + TELL_WITHIN,
            facts={"person": person.name, "letter_kind": kind, "letter_facts": facts, "phone": facts["phone"]},
        )  # fmt: skip
