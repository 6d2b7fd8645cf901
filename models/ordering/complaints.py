"""A complaint about a service goes past the village to the township, which settles it; its words stay between them."""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.hours import CHINA, WORK_ENDS, calendar, instant
from models.life import BY_RULE, By, Life, Verb
from models.messages.outbox import post
from models.ordering.news import facts_for
from models.ordering.orders import Order, locked, order_for
from models.people.identities import Who
from models.people.staff import is_cadre_over
from models.places.areas import Area
from models.tasks.desk import open_task, settle_for

WORDS_LIMIT = 500
ANSWER_WORKDAYS = 5


class Complaint(Row):
    """What somebody says went wrong, in words or by voice."""

    __tablename__ = "complaints"
    __table_args__ = (
        Index(
            "uq_complaints_open", "order_id", "by_person_id", unique=True,
            postgresql_where=text("state = 'open'"), sqlite_where=text("state = 'open'"),
        ),
    )  # fmt: skip

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    by_person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)  # whose cadres settle it
    words: Mapped[str] = mapped_column(String(500), default="")
    media_id: Mapped[str] = mapped_column(String(128), default="")
    state: Mapped[str] = mapped_column(String(12), default="open")
    outcome: Mapped[str] = mapped_column(String(200), default="")
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history and tasks know this complaint."""
        return f"complaint:{self.id}"


COMPLAINT = Life(
    "complaint",
    cast(Table, Complaint.__table__),
    "open",
    (
        Verb("add", ("open",), "open", who=("complainant",)),
        Verb("settle", ("open",), "settled", who=("cadre",), tells=("complainant",)),
        Verb("take_back", ("open",), "taken_back", who=("complainant",)),
    ),
)


def complain(session: Session, who: Who, order_id: int, words: str, now: datetime, media_id: str = "") -> Complaint:
    """Complain of an order, whatever its state; what the same person says while it is open is added to it.

    Raises Refused("not_yours"), ("answer_needed") when nothing is said, or ("note_long").
    """
    order, role = order_for(session, who, order_id)
    said = words.strip()
    if not said and not media_id:
        raise Refused("answer_needed")
    if len(said) > WORDS_LIMIT:
        raise Refused("note_long", limit=WORDS_LIMIT, length=len(said))
    order = locked(session, order.id)
    village = session.get_one(Area, order.area_id)
    made = Complaint(
        order_id=order.id, by_person_id=who.person_id, area_id=village.parent_id or village.id, words=said,
        media_id=media_id, created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        return _add(session, who, order, said, media_id, now)
    COMPLAINT.begin(session, made, by=By(who.person_id, "complainant"), now=now, note=role)
    due = calendar(session).add_workdays(now.astimezone(CHINA).date(), ANSWER_WORKDAYS)
    open_task(
        session, key=f"{made.subject}/settle", kind="complaint", area_id=made.area_id, subject=made.subject,
        facts=facts_for(session, order), person_id=who.person_id, now=now, due_at=instant(due, WORK_ENDS, CHINA),
        by=By(who.person_id, "complainant"),
    )  # fmt: skip
    return made


def _add(session: Session, who: Who, order: Order, said: str, media_id: str, now: datetime) -> Complaint:
    """What else somebody says while their complaint is open stands with it; the same again is once."""
    standing = select(Complaint).where(
        Complaint.order_id == order.id, Complaint.by_person_id == who.person_id, Complaint.state == "open"
    )
    found = session.scalars(standing.with_for_update()).one()
    whole = f"{found.words}\n{said}".strip()
    if said and said not in found.words:
        if len(whole) > WORDS_LIMIT:
            raise Refused("note_long", limit=WORDS_LIMIT, length=len(whole))
        COMPLAINT.move(session, found, "add", by=By(who.person_id, "complainant"), now=now, words=whole)
    if media_id and not found.media_id:
        found.media_id = media_id
        session.flush()
    return found


def complaint_for(session: Session, who: Who, complaint_id: int) -> Complaint:
    """A complaint, for a cadre of the area that settles it or above; raises Refused("not_yours") for others.

    The village's own station, of which it may speak, does not read it.
    """
    found = session.get(Complaint, complaint_id)
    if found is None or not is_cadre_over(session, who.person_id, session.get_one(Area, found.area_id)):
        raise Refused("not_yours")
    return found


def settle(session: Session, who: Who, complaint_id: int, outcome: str, now: datetime) -> Complaint:
    """A cadre above the village says what came of it, and whoever complained hears that. Twice is once.

    Raises Refused("not_yours") (also for one's own complaint), or ("answer_needed").
    """
    found = complaint_for(session, who, complaint_id)
    if found.by_person_id == who.person_id:
        raise Refused("not_yours")
    if found.state == "settled":
        return found
    said = outcome.strip()[:200]
    if not said:
        raise Refused("answer_needed")
    COMPLAINT.move(
        session, found, "settle", by=By(who.person_id, "cadre"), now=now, outcome=said, settled_by_id=who.person_id
    )
    settle_for(session, found.subject, "cancel", by=BY_RULE, now=now)
    order = session.get_one(Order, found.order_id)
    post(
        session, key=f"{found.subject}/settled", person_id=found.by_person_id, kind="ordering.complaint_settled",
        facts={**facts_for(session, order), "reason": said, "area_id": found.area_id}, subject=found.subject, now=now,
        about_id=order.beneficiary_id, useful_until=now + timedelta(days=7),
    )  # fmt: skip
    return found


def has_open(session: Session, order_id: int) -> bool:
    """Whether somebody waits for an answer about this order."""
    query = select(Complaint.id).where(Complaint.order_id == order_id, Complaint.state == "open")
    return session.scalar(query.limit(1)) is not None
