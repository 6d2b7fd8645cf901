"""A visit: who goes to carry out an accepted order, when, with what; and what became of it."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, Select, String, Table, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.life import BY_RULE, TIME, Life, Verb
from models.messages.letters import Letter
from models.ordering.orders import Order
from models.places.cells import release
from models.tasks.desk import settle_for
from models.tasks.undelivered import take_back

LIVE_VISITS = ("scheduled", "on_the_way", "arrived")
PROOF_KINDS = ("photo", "signature", "voice")
# Who goes is to be said, or said anew: tasks of the cadres (about the order) and letters to the organisation (about its
# assignment), until that has been done or is another's.
PRESSING = ("name_person", "visit_recheck", "visit_silent")


class Visit(Row):
    """One visit. An assignment has one live visit; times of what happened are event times, `reported_at` is not."""

    __tablename__ = "visits"
    __table_args__ = (
        Index(
            "uq_visits_live", "assignment_id", unique=True,
            postgresql_where=text("state IN ('scheduled', 'on_the_way', 'arrived')"),
            sqlite_where=text("state IN ('scheduled', 'on_the_way', 'arrived')"),
        ),
    )  # fmt: skip

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), index=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    stands_in_for_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    vehicle_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("rooms.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="scheduled")
    arrived_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]  # when the last of it reached us: a day later where there is no signal
    revision: Mapped[int] = mapped_column(default=0)  # how often its time was changed: reminders know theirs
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history, cells, reminders and tasks know this visit."""
        return f"visit:{self.id}"


class VisitProof(Row):
    """A photo, a signature or a spoken word that shows what was done, kept with the consent it was taken by."""

    __tablename__ = "visit_proofs"
    __table_args__ = (UniqueConstraint("visit_id", "media_id"),)

    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    media_id: Mapped[str] = mapped_column(String(128))  # WeChat's, or the store's own
    taken_at: Mapped[datetime]
    by_person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))


# Who goes reports for themselves or a member of the organisation for them: both are "provider".
VISIT = Life(
    "visit",
    cast(Table, Visit.__table__),
    "scheduled",
    (
        Verb("move", ("scheduled",), "scheduled", who=("provider", "cadre")),
        Verb("set_out", ("scheduled",), "on_the_way", who=("provider",)),
        Verb("arrive", ("scheduled", "on_the_way"), "arrived", who=("provider",)),
        Verb("finish", LIVE_VISITS, "done", who=("provider", "cadre")),
        Verb("find_nobody", LIVE_VISITS, "nobody_home", who=("provider",), tells=("family", "cadre")),
        Verb("replace", ("scheduled",), "replaced", who=("provider", "cadre")),  # a stand-in goes: no no-show
        Verb("stand_down", LIVE_VISITS, "stood_down", who=("rule", TIME)),
    ),
)


def live_visit(session: Session, assignment_id: int) -> Visit | None:
    """The visit that is still to come or under way."""
    return session.scalar(
        select(Visit).where(Visit.assignment_id == assignment_id, Visit.state.in_(LIVE_VISITS)),
        execution_options={"populate_existing": True},
    )


def comes_at(session: Session, order: Order) -> datetime:
    """When somebody comes for an order: as agreed, and where nobody is named as it was wished."""
    agreed = select(Visit.starts_at).where(Visit.order_id == order.id, Visit.state.in_(LIVE_VISITS)).limit(1)
    return session.scalar(agreed) or order.preferred_at


def visits_before(visit: Visit) -> Select[Visit]:
    """The other visits of the same order for which the same person was named."""
    return select(Visit).where(
        Visit.order_id == visit.order_id, Visit.person_id == visit.person_id, Visit.id != visit.id
    ).order_by(Visit.id)  # fmt: skip


def goers_of(session: Session, assignment_id: int) -> set[int]:
    """Who goes by an assignment, or was to go when it ended."""
    to_go = Visit.state.in_((*LIVE_VISITS, "stood_down"))
    return set(session.scalars(select(Visit.person_id).where(Visit.assignment_id == assignment_id, to_go)))


def end_pressing(session: Session, order: str, assignment: str, now: datetime) -> None:
    """Nobody need say any more who goes: the cadres' tasks (about `order`) and the organisation's letters (about
    `assignment`, both subjects) end."""
    settle_for(session, order, "cancel", by=BY_RULE, now=now, kinds=PRESSING)
    take_back(session, assignment, now, but_not=Letter.kind.not_in([f"ordering.{word}" for word in PRESSING]))


def end_looking(session: Session, order_id: int, now: datetime) -> None:
    """Somebody has seen the person who did not open the door, or nobody can any more."""
    query = select(Visit).where(Visit.order_id == order_id, Visit.state == "nobody_home").order_by(Visit.id)
    for visit in session.scalars(query).all():
        take_back(session, visit.subject, now)
        settle_for(session, visit.subject, "cancel", by=BY_RULE, now=now)


def stand_down(session: Session, assignment_id: int, now: datetime) -> Visit | None:
    """Nobody need go any more: the live visit ends and everybody's time is free again."""
    visit = live_visit(session, assignment_id)
    if visit is not None:
        VISIT.move(session, visit, "stand_down", by=BY_RULE, now=now)
        let_go(session, visit, now)
    return visit


def let_go(session: Session, visit: Visit, now: datetime) -> None:
    """A visit is over or will not be: everybody's time is free again, and nobody is reminded of it."""
    release(session, visit.subject)
    take_back(session, visit.subject, now)
