"""Who has not talked with their family for long: seen by the cadres below whose areas they live, told once a month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.hours import CHINA, calendar, instant
from models.messages.letters import Letter
from models.messages.outbox import post
from models.paging import Asked
from models.people.care import CareLink
from models.people.consent import Consent
from models.people.identities import Who, reached
from models.people.persons import Person
from models.people.staff import StaffRole, areas_under
from models.places.areas import Area
from models.places.centres import phone_for
from models.tasks.telling import MORNING

QUIET_DAYS = 30
NEAREST = ("station_cadre", "grid_officer")  # who can go there; the desks above look at their lists


@dataclass(frozen=True)
class Quiet:
    """Somebody with family to talk to who has not; `last_at` and `days` are None where they never did."""

    person_id: int
    name: str
    village: str
    last_at: datetime | None
    days: int | None


def quiet(session: Session, who: Who, now: datetime, days: int = QUIET_DAYS, limit: int = 500) -> list[Quiet]:
    """Those below this cadre's areas who have not talked for so many days; who never did first, then the longest ago.

    Elders and children left behind, and whoever has a relative confirmed; whoever has said no to calls is left alone.
    """
    rows = session.execute(_quiet(who.person_id, now - timedelta(days=days)).limit(limit)).all()
    return [
        Quiet(row.id, row.name, row.village, row.last_at, (now - row.last_at).days if row.last_at else None)
        for row in rows
    ]  # fmt: skip


def _quiet(cadre_id: int, since: datetime) -> Asked:
    last = (
        select(FamilyCall.cared_id, func.max(FamilyCall.ends_at, type_=FamilyCall.ends_at.type).label("last_at"))
        .where(FamilyCall.state == "completed").group_by(FamilyCall.cared_id).subquery()
    )  # fmt: skip
    linked = exists().where(CareLink.cared_id == Person.id, CareLink.state == "confirmed")
    asked = exists().where(Consent.person_id == Person.id, Consent.kind == "family_calls")
    agrees = asked.where(Consent.withdrawn_at.is_(None))
    coming = exists().where(FamilyCall.cared_id == Person.id, FamilyCall.state == "booked")
    return (
        select(Person.id, Person.name, Area.name.label("village"), last.c.last_at)
        .join(Area, Person.area_id == Area.id).outerjoin(last, last.c.cared_id == Person.id)
        .where(Person.area_id.in_(areas_under(cadre_id)), Person.state == "active")
        .where(or_(Person.left_behind != "", linked), or_(~asked, agrees), ~coming)
        .where(or_(last.c.last_at.is_(None), last.c.last_at < since))
        .order_by(last.c.last_at.is_not(None), last.c.last_at, Person.id)
    )  # fmt: skip


def tell_quiet(session: Session, now: datetime) -> int:
    """In the morning of a month's first working day each cadre hears how many they are; answers how many letters.

    Once a month for each, however many clocks run, also where the clock was down that day.
    """
    local, book = now.astimezone(CHINA), calendar(session)
    first = local.date().replace(day=1)
    while not book.is_workday(first):
        first += timedelta(days=1)
    if now < instant(first, MORNING, CHINA):
        return 0
    month = f"{local:%Y-%m}"
    return sum(_tell(session, cadre, month, now) for cadre in _cadres(session, month))


def _cadres(session: Session, month: str) -> Sequence[int]:
    """The cadres of villages and grids who have not had this month's letter; who has no WeChat looks at the desk."""
    told = exists().where(Letter.key == literal("quiet:") + cast(StaffRole.person_id, String) + f"/{month}")
    query = (
        select(StaffRole.person_id).join(Person, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), StaffRole.role.in_(NEAREST), Person.state == "active", ~told)
        .where(StaffRole.person_id.in_(reached())).distinct().order_by(StaffRole.person_id)
    )  # fmt: skip
    return session.scalars(query).all()


def _tell(session: Session, cadre_id: int, month: str, now: datetime) -> int:
    rows = session.execute(_quiet(cadre_id, now - timedelta(days=QUIET_DAYS))).all()
    if not rows:
        return 0
    area = session.scalar(select(Area).where(Area.id.in_(areas_under(cadre_id))).order_by(Area.path).limit(1))
    posted = post(
        session, key=f"quiet:{cadre_id}/{month}", person_id=cadre_id, kind="family.quiet", subject=f"digest:{cadre_id}",
        facts={"many": len(rows), "days": QUIET_DAYS, "month": month, "at": now.isoformat(),
               "phone": phone_for(session, area.path) if area else ""},
        now=now, urgency="digest", useful_until=now + timedelta(days=7),
    )  # fmt: skip
    letter = session.get_one(Letter, posted)
    return int(letter.created_at == now)
