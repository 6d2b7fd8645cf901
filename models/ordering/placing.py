"""Placing and ending an order: for oneself, for someone one is linked to, or by a cadre for anyone below."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import calendar
from models.life import BY_RULE, By
from models.messages.outbox import post
from models.ordering.assignments import set_out_for
from models.ordering.deadlines import check_deadline, check_season
from models.ordering.eligibility import Finding, findings
from models.ordering.lending import order_over
from models.ordering.listings import EMERGENCIES, Offered, offered, offered_by
from models.ordering.news import call_back, facts_for, tell
from models.ordering.numbers import number_for
from models.ordering.offers import end_offers, offer_next
from models.ordering.orders import ORDER, UNMET_REASONS, Order, cancel_code, locked, order_for, placed_with
from models.ordering.questions import check_answers, places_wanted
from models.ordering.sla import end_pause
from models.ordering.tallies import TallyHold, claims, take
from models.ordering.versions import in_force, terms_of
from models.ordering.visits import comes_at, end_looking
from models.ordering.waiting import free_places
from models.people.contacts import plan_for
from models.people.identities import Who, is_reachable
from models.people.persons import Person, stay_active
from models.people.scope import act_for
from models.places.areas import Area
from models.places.centres import centre_for
from models.tasks.desk import open_task, settle_for
from models.tasks.holding import wake_for
from models.tasks.undelivered import take_back

NOTE_LIMIT = 200
HORIZON = timedelta(days=60)
LOOK_WITHIN = timedelta(hours=24)


def place(
    session: Session, who: Who, *, listing_id: int, beneficiary_id: int, answers: dict[str, Any],
    preferred_at: datetime, note: str, client_key: str, now: datetime, warned: Collection[str] = (),
    held: tuple[str, int] | None = None,
) -> Order:  # fmt: skip
    """Place an order; the same `client_key` again answers the same order.

    The beneficiary's own data are never touched by what the orderer says of themselves. `warned` are the codes of
    the rules of which the orderer has read that they do not fit, and orders all the same; `held` names the tally in
    which places are kept for this order, and how many. Raises Refused("no_link"), ("not_active"), what `offer_for`
    and the checks raise, ("full") or ("quota_used") when the places or the household's share are used up, or
    ("no_contact"): somebody without any way to be told must first get a contact plan.
    """
    if (known := placed_with(session, who, client_key)) is not None:
        return known
    beneficiary, role = act_for(session, who.person_id, beneficiary_id)
    stay_active(session, beneficiary.id)  # whatever befalls them finds this order, or comes before it
    offer = offer_for(session, listing_id, beneficiary, now)
    given = check_answers(offer.listing.questions, answers)
    check_wished(preferred_at, now)
    check_note(note)
    heeded = check_fits(session, offer, beneficiary, preferred_at, now, warned)
    _check_can_be_told(session, beneficiary, role)
    assert beneficiary.area_id is not None
    version = in_force(session, listing_id)
    order = Order(
        client_key=client_key, listing_id=listing_id, version_id=version.id if version else None,
        centre_id=offer.centre.id, area_id=beneficiary.area_id, requested_by_id=who.person_id,
        beneficiary_id=beneficiary.id, answers=given, preferred_at=preferred_at, note=note, created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(order)
            session.flush()
            hold_places(session, order, offer, held)
    except IntegrityError:
        known = placed_with(session, who, client_key)
        assert known is not None
        return known
    order.number = number_for(order.id)
    by = By(who.person_id, "cadre" if role == "cadre" else "requester")
    ORDER.begin(session, order, by=by, now=now, note="、".join(one.code for one in heeded))
    _announce(session, order, by, now)
    offer_next(session, order, now)
    return order


def hold_places(
    session: Session, order: Order, offer: Offered | None = None, held: tuple[str, int] | None = None
) -> None:  # fmt: skip
    """Take what an order needs of places and of its household's share: when it is placed, and when it lives again.

    Raises Refused("full") or ("quota_used"); the caller's savepoint takes back what was taken before.
    """
    found = offer or offered_by(session, order.listing_id, order.centre_id)
    places = places_wanted(terms_of(session, order).questions, order.answers)
    wanted = claims(found, session.get_one(Person, order.beneficiary_id), order.preferred_at, places)
    if held is not None:
        session.add(TallyHold(order_id=order.id, key=held[0], amount=held[1]))
    take(session, order, [claim for claim in wanted if claim.share or held is None])


def _announce(session: Session, order: Order, by: By, now: datetime) -> None:
    """The cadres' task, and a letter to the beneficiary where another ordered; what waited for them goes on."""
    facts, beneficiary = facts_for(session, order), order.beneficiary_id
    open_task(
        session, key=f"{order.subject}/new", kind="order_new", area_id=order.area_id, subject=order.subject,
        facts=facts, person_id=beneficiary, now=now, due_at=now + LOOK_WITHIN, by=by,
    )  # fmt: skip
    if beneficiary != by.person_id and is_reachable(session, beneficiary):
        post(session, key=f"{order.subject}/placed/{beneficiary}", person_id=beneficiary, kind="ordering.placed",
             facts=facts, subject=order.subject, now=now)  # fmt: skip
    if by.role != "cadre":
        wake_for(session, beneficiary, now)


def cancel(session: Session, who: Who, order_id: int, reason: str, now: datetime) -> Order:
    """Cancel an order; twice, or by two people, is once. The offers end, and everybody else it concerns is told.

    Raises Refused("not_yours"), or Refused("wrong_state") when it is done already.
    """
    return _end(session, who, order_id, "cancel", reason, now)


def give_up(session: Session, who: Who, order_id: int, reason: str, now: datetime, code: str = "other") -> Order:
    """A cadre says that nobody can do it: the order ends unmet, and counts as a need that is not covered.

    `code` is one of UNMET_REASONS, to be counted by; `reason` says it in words. Raises Refused("not_yours"), also for
    those who ordered (they cancel), Refused("wrong_state") when somebody has accepted, or Refused("bad_reason").
    """
    if code not in UNMET_REASONS:
        raise Refused("bad_reason")
    return _end(session, who, order_id, "give_up", reason, now, code)


def _end(session: Session, who: Who, order_id: int, verb: str, reason: str, now: datetime, code: str = "") -> Order:
    order, role = order_for(session, who, order_id)
    order = locked(session, order.id)
    if order.state == ORDER.by_name[verb].target:
        return order
    code = code or cancel_code(comes_at(session, order), now)
    end_order(session, order, verb, By(who.person_id, role), reason.strip()[:NOTE_LIMIT], code, now)
    if role != "cadre":
        wake_for(session, order.beneficiary_id, now)
    return order


def end_order(
    session: Session, order: Order, verb: str, by: By, why: str, code: str, now: datetime,
    facts: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """An order that is held ends by this verb, and with it what hung on it; everybody whom it concerns is told why."""
    ORDER.move(session, order, verb, by=by, now=now, note=why, reason=why, end_code=code)
    take_back(session, order.subject, now)
    end_pause(session, order, now)
    if verb != "cancel":  # that may be taken back: `lapse_loans` looks later
        order_over(session, order, now)
    on_the_way, at = set_out_for(session, order), comes_at(session, order)  # while they stand
    free_places(session, order, now, given_up=verb == "cancel")
    ended = end_offers(session, order, now)
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now)
    if verb == "stop":
        end_looking(session, order.id, now)
    called = call_back(session, order, on_the_way, why, by, now)
    told = {"reason": why, **(facts or {})}
    tell(session, order, verb, by=by, now=now, ended=ended, but=called, facts=told, at=at)


def check_wished(preferred_at: datetime, now: datetime) -> None:
    """Whether a service can be wished for at this time; raises Refused("bad_time") or Refused("too_far", days=…)."""
    if preferred_at <= now:
        raise Refused("bad_time")
    if preferred_at > now + HORIZON:
        raise Refused("too_far", days=HORIZON.days)


def check_note(note: str) -> None:
    """Whether a note is short enough; raises Refused("note_long", limit=…, length=…)."""
    if len(note) > NOTE_LIMIT:
        raise Refused("note_long", limit=NOTE_LIMIT, length=len(note))


def offer_for(session: Session, listing_id: int, beneficiary: Person, now: datetime) -> Offered:
    """The service as the beneficiary's own centre offers it now.

    Raises Refused("not_offered"), or Refused("emergency", phone=…): who is in need telephones, and nothing is created.
    """
    area = session.get(Area, beneficiary.area_id) if beneficiary.area_id else None
    centre = centre_for(session, area.path) if area else None
    found = offered(session, centre, now, listing_id=listing_id) if centre else []
    if not found:
        raise Refused("not_offered")
    if found[0].listing.category in EMERGENCIES:
        raise Refused("emergency", phone=found[0].phone)
    return found[0]


def check_fits(
    session: Session, offer: Offered, beneficiary: Person, preferred_at: datetime, now: datetime,
    warned: Collection[str] = (),
) -> list[Finding]:  # fmt: skip
    """Whether this service can be had by this person at that time; answers the warnings that were read and heeded not.

    The rules are judged for the day of the service, not of the order. Raises what `check_season` and `check_deadline`
    raise, Refused("not_eligible", rule=…) where a rule bars it, Refused("ask_eligible", rules=…) for a warning that
    nobody has read yet.
    """
    check_season(offer, preferred_at)
    check_deadline(offer, preferred_at, calendar(session), now)
    day = preferred_at.astimezone(offer.centre.tz).date()
    found = findings(session, offer.listing.rules, beneficiary, day)
    barring = next((one for one in found if one.bars), None)
    if barring is not None:
        raise Refused("not_eligible", rule=dict(barring.rule), phone=offer.phone)
    if any(one.code not in warned for one in found):
        raise Refused("ask_eligible", rules=[one.code for one in found])
    return found


def _check_can_be_told(session: Session, beneficiary: Person, role: str) -> None:
    if role in ("self", "relative") or beneficiary.phone:
        return
    if not is_reachable(session, beneficiary.id) and not plan_for(session, beneficiary.id):
        raise Refused("no_contact")
