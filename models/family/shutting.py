"""A centre shuts for some days: who is affected, what becomes of each call, and that it stays open after all."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.affected import Affected, affected
from models.family.call_days import centre_of
from models.family.deciding import Cause, Decided, carry_out, let_stay
from models.family.makeup import drop_lost_times
from models.hours import CHINA
from models.life import By
from models.people.identities import Who
from models.people.staff import areas_under
from models.places.centres import CLOSURE, Closure, ServiceCentre, held_to_shut
from models.places.days import DAY, Days

FURTHEST = timedelta(days=366)
REASON_LIMIT = 60


@dataclass(frozen=True)
class Wish:
    """A closure as it is asked for; without a centre, of every one."""

    centre_id: int | None
    days: Days
    reason: str


def may_shut_all(session: Session, who: Who) -> bool:
    """Whether this person administers the county, with every centre in it."""
    mine = areas_under(who.person_id, ("county_admin",))
    return session.scalar(select(ServiceCentre.id).where(ServiceCentre.area_id.not_in(mine)).limit(1)) is None


def preview(session: Session, who: Who, wish: Wish, now: datetime) -> Affected:
    """Whom a closure would reach; nothing is changed.

    Raises Refused("not_yours") but for a cadre over the centre, or one who administers all of them; ("reason_missing");
    ("bad_days") for days that are past, too far off or the wrong way round; ("shut_already").
    """
    _check(session, who, wish, now)
    _check_open(session, wish)
    query = select(ServiceCentre.id).order_by(ServiceCentre.id)
    query = query if wish.centre_id is None else query.where(ServiceCentre.id == wish.centre_id)
    return affected(session, session.scalars(query).all(), wish.days, now)


def shut(session: Session, who: Who, wish: Wish, decided: Decided, client_key: str, now: datetime) -> Closure:
    """The centre is shut on these days, and each call that lay in them goes the way that was decided; no time in them
    is kept to make up for another.

    The same `client_key` again answers the same closure. Raises as `preview`, and what `Decided.check` raises.
    """
    _check(session, who, wish, now)
    decided.check()
    centres = held_to_shut(session, wish.centre_id)
    known = _by_key(session, wish, client_key)
    if known is not None:
        return known
    _check_open(session, wish)
    made = Closure(
        client_key=client_key, centre_id=wish.centre_id, first_day=wish.days.first, last_day=wish.days.last,
        reason=wish.reason.strip()[:REASON_LIMIT],
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        # The same key at the same moment, for another centre: that is nobody's second tap.
        raise Refused("not_yours") from None
    CLOSURE.begin(session, made, by=By(who.person_id, "cadre"), now=now, note=made.reason)
    found = affected(session, [centre.id for centre in centres], wish.days, now)
    carry_out(session, who, Cause(made.subject, made.reason, wish.days.last + DAY), found, decided, now)
    drop_lost_times(session, *wish.days.span(), now)
    return made


def closure_for(session: Session, who: Who, closure_id: int) -> Closure:
    """A closure, for a cadre over its centre, one of every centre for any; raises Refused("not_yours") for others."""
    found = session.get(Closure, closure_id)
    if found is None:
        raise Refused("not_yours")
    if found.centre_id is not None:
        centre_of(session, who, found.centre_id)
    return found


def opens_again(session: Session, who: Who, closure: Closure, now: datetime) -> date | None:
    """From which day on this person could have it open again: the first, or tomorrow; None where they could not."""
    today = _today(now)
    if closure.state != "standing" or closure.last_day <= today or not _may(session, who, closure.centre_id):
        return None
    return max(closure.first_day, today + DAY)


def open_again(session: Session, who: Who, closure_id: int, now: datetime) -> Closure:
    """The centre is open after all: on all its days, or from tomorrow on where they have begun. Twice is once.

    What was cancelled stays so; a family that has not answered yet keeps its time without a yes, and
    hears so. Raises Refused("not_yours"), or ("closure_over") when the last day is past.
    """
    found = closure_for(session, who, closure_id)
    if not _may(session, who, found.centre_id):
        raise Refused("not_yours")
    session.refresh(found, with_for_update=True)
    by, today = By(who.person_id, "cadre"), _today(now)
    if found.state == "taken_back" or found.last_day == today:
        return found
    if found.last_day < today:
        raise Refused("closure_over")
    if found.first_day > today:
        CLOSURE.move(session, found, "take_back", by=by, now=now)
    else:
        note = f"{found.last_day:%m-%d} → {today:%m-%d}"
        CLOSURE.move(session, found, "shorten", by=by, now=now, note=note, last_day=today)
    let_stay(session, found.subject, now)
    return found


def _check(session: Session, who: Who, wish: Wish, now: datetime) -> None:
    if not _may(session, who, wish.centre_id):
        raise Refused("not_yours")
    if not wish.reason.strip():
        raise Refused("reason_missing")
    today = _today(now)
    if not today <= wish.days.first <= wish.days.last <= today + FURTHEST:
        raise Refused("bad_days")


def _may(session: Session, who: Who, centre_id: int | None) -> bool:
    """Whether this person may shut it; raises Refused("not_yours") for a centre of which they may not even know."""
    return may_shut_all(session, who) if centre_id is None else bool(centre_of(session, who, centre_id))


def _check_open(session: Session, wish: Wish) -> None:
    """Raises Refused("shut_already") where a closure that stands covers these days as it is."""
    query = select(Closure).where(
        or_(Closure.centre_id.is_(None), Closure.centre_id == wish.centre_id), Closure.state == "standing",
        Closure.first_day <= wish.days.first, Closure.last_day >= wish.days.last,
    )  # fmt: skip
    if session.scalar(query.limit(1)) is not None:
        raise Refused("shut_already")


def _by_key(session: Session, wish: Wish, client_key: str) -> Closure | None:
    known = session.scalar(select(Closure).where(Closure.client_key == client_key))
    if known is not None and known.centre_id != wish.centre_id:
        raise Refused("not_yours")
    return known


def _today(now: datetime) -> date:
    return now.astimezone(CHINA).date()
