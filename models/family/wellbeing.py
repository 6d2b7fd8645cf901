"""After a call: the cadre who helped says how the elder is, and whoever needs another look gets it by a day."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.calls import FamilyCall, cadres_call, call_for
from models.hours import calendar
from models.life import BY_RULE, By
from models.people.identities import Who
from models.people.persons import Person
from models.places.centres import ServiceCentre, phone_of
from models.tasks.desk import open_task, opened_before, settle_for
from models.tasks.telling import next_morning

VERDICTS = ("ok", "follow_up")
SOON, LATEST = 3, 60  # working days until somebody looks in again, where nobody says another number
NOTE_LIMIT = 200


class WellbeingTick(Row):
    """How an elder was after one call. The note is for the cadres over the village, and goes into no letter or task."""

    __tablename__ = "wellbeing_ticks"

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(12))  # one of VERDICTS
    note: Mapped[str] = mapped_column(String(NOTE_LIMIT), default="")
    due_at: Mapped[datetime | None]  # by when somebody looks in again
    by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime]


def tick(
    session: Session, who: Who, call_id: int, verdict: str, now: datetime, note: str = "", workdays: int = SOON
) -> WellbeingTick:  # fmt: skip
    """Write down how the elder is; "follow_up" says why and opens a task that is due in so many working days.

    Said anew, the last word counts and the task follows it. Raises Refused("not_yours") for anybody but a cadre,
    ("wrong_state") before the two have talked, ("note_needed") for a follow-up without a reason, or ("bad_wake",
    days=…) for a day that is none.
    """
    call, text = cadres_call(session, who, call_id), note.strip()[:NOTE_LIMIT]
    if call.state != "completed" or verdict not in VERDICTS:
        raise Refused("wrong_state", thing="call", state=call.state)
    if verdict == "follow_up" and not text:
        raise Refused("note_needed")
    if not 0 < workdays <= LATEST:
        raise Refused("bad_wake", days=LATEST)
    due = next_morning(now, calendar(session), workdays) if verdict == "follow_up" else None
    known = session.scalar(select(WellbeingTick).where(WellbeingTick.call_id == call.id))
    if known is not None and (known.verdict, known.note, known.due_at) == (verdict, text, due):
        return known
    told = known or WellbeingTick(call_id=call.id, person_id=call.cared_id)
    told.verdict, told.note, told.due_at, told.by_id, told.at = verdict, text, due, who.person_id, now
    session.add(told)
    session.flush()
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now, kinds=("wellbeing",))
    if due is not None:
        _open(session, call, due, who, now)
    return told


def tick_of(session: Session, who: Who, call_id: int) -> WellbeingTick | None:
    """How the elder was after a call, for a cadre; raises Refused("not_yours") for anybody else, relatives too."""
    call, role = call_for(session, who, call_id)
    if role != "cadre":
        raise Refused("not_yours")
    return session.scalar(select(WellbeingTick).where(WellbeingTick.call_id == call.id))


def _open(session: Session, call: FamilyCall, due: datetime, who: Who, now: datetime) -> None:
    cared, centre = session.get_one(Person, call.cared_id), session.get_one(ServiceCentre, call.centre_id)
    before = opened_before(session, call.subject, "wellbeing")
    open_task(
        session, key=f"{call.subject}/wellbeing/{before}", kind="wellbeing", subject=call.subject,
        area_id=cared.area_id or centre.area_id, person_id=cared.id, now=now, due_at=due,
        by=By(who.person_id, "cadre"), facts={"cared": cared.name, "call": call.id, "phone": phone_of(session, centre)},
    )  # fmt: skip
