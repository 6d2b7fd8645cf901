"""评单: one rating of an order, by the beneficiary or somebody who may act for them; changeable for some days."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.life import BY_RULE
from models.ordering.assignments import Assignment
from models.ordering.news import facts_for
from models.ordering.orders import Order, locked, order_for
from models.people.identities import Who
from models.people.staff import is_member
from models.places.areas import Area
from models.tasks.desk import open_task

CHANGEABLE_FOR = timedelta(days=7)
CONTENT, SO_SO, DISCONTENT = 5, 3, 1  # 满意, 一般, 不满意: one tap
WORDS_LIMIT = 200
FOLLOW_WITHIN = timedelta(days=3)


class Rating(Row):
    """What somebody thought of a service, once for each order. `media_id`: said by voice."""

    __tablename__ = "ratings"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), unique=True)
    by_person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    as_role: Mapped[str] = mapped_column(String(12))  # beneficiary, requester (a proxy), cadre (who was told)
    score: Mapped[int]
    words: Mapped[str] = mapped_column(String(200), default="")
    media_id: Mapped[str] = mapped_column(String(128), default="")
    rated_at: Mapped[datetime]
    changed_at: Mapped[datetime]


def rate(
    session: Session, who: Who, order_id: int, score: int, now: datetime, *, words: str = "", media_id: str = ""
) -> Rating:
    """Rate a completed order from 1 to 5; whoever may act for the beneficiary changes the one rating there is.

    A bad one makes the township ask. Raises Refused("not_yours"), ("own_work") for who did it, ("wrong_state") before
    the service was given, ("bad_score"), ("note_long") or ("rating_closed") after a week.
    """
    order, role = order_for(session, who, order_id)
    order = locked(session, order.id)
    if not 1 <= score <= 5:
        raise Refused("bad_score")
    if len(words) > WORDS_LIMIT:
        raise Refused("note_long", limit=WORDS_LIMIT, length=len(words))
    if order.state not in ("completed", "closed"):
        raise Refused("wrong_state", state=order.state)
    _check_not_own(session, who, order)
    said = {"by_person_id": who.person_id, "as_role": role, "score": score, "words": words.strip(), "changed_at": now}
    rating = rating_of(session, order.id)
    if rating is None:
        rating = Rating(order_id=order.id, rated_at=now, media_id=media_id, **said)
        try:
            with session.begin_nested():
                session.add(rating)
        except IntegrityError:  # somebody else of the family was a moment faster
            rating = session.scalars(select(Rating).where(Rating.order_id == order.id)).one()
    elif max(rating.rated_at, order.completed_at or rating.rated_at) + CHANGEABLE_FOR < now:
        raise Refused("rating_closed", days=CHANGEABLE_FOR.days)
    for name, value in said.items():
        setattr(rating, name, value)
    rating.media_id = media_id or rating.media_id
    session.flush()
    if score < SO_SO:
        follow_up(session, order, "bad_rating", _above(session, order), now)
    return rating


def rating_of(session: Session, order_id: int) -> Rating | None:
    """The rating of an order."""
    return session.scalar(select(Rating).where(Rating.order_id == order_id))


def follow_up(session: Session, order: Order, why: str, area_id: int, now: datetime) -> None:
    """Somebody asks the beneficiary how it was, once for each reason; and of a second service once more."""
    again = "/again" if order.reopened else ""
    open_task(
        session, key=f"{order.subject}/follow_up/{why}{again}", kind="follow_up", area_id=area_id,
        subject=order.subject, facts={**facts_for(session, order), "why": why}, person_id=order.beneficiary_id, now=now,
        due_at=now + FOLLOW_WITHIN, by=BY_RULE,
    )  # fmt: skip


def _above(session: Session, order: Order) -> int:
    """The area above the village: who did it may sit in the village itself."""
    area = session.get_one(Area, order.area_id)
    return area.parent_id or area.id


def _check_not_own(session: Session, who: Who, order: Order) -> None:
    done = select(Assignment.organisation_id).where(Assignment.order_id == order.id, Assignment.state == "done")
    if any(is_member(session, who.person_id, organisation) for organisation in session.scalars(done)):
        raise Refused("own_work")
