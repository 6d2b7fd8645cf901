"""A letter that WeChat could not bring becomes a cadre's: phone, or walk over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, false, func, not_, or_, select, update
from sqlalchemy.orm import Session

from models.hours import CHINA
from models.life import BY_RULE, BY_TIME
from models.messages.allowance import Allowance
from models.messages.letters import LETTER, Letter
from models.messages.outbox import withdraw
from models.messages.passage import ENDED_UNDELIVERED
from models.messages.reach import Reach
from models.messages.reminders import Occasion, Recipient, carried_over, plan
from models.messages.rules import AWAKE, out_of_the_night
from models.people.persons import Person
from models.places.areas import root
from models.tasks.desk import arrived, open_task, settle_for
from models.tasks.tasks import TASK, Task

PHONE_WITHIN = timedelta(hours=4)
OWN_TO_ASK_FOR = ("people.invitation_qr", "family.quiet", "family.photo")
OF_LINKS = Letter.kind.startswith("people.link_", autoescape=True)  # what was decided of a link


def hand_over(session: Session, letter: Letter, now: datetime) -> Task | None:
    """Open the task to tell a person what `letter` could not.

    None where nobody is to be told: who wants no such letters, has died, or mourns whom it is about. None for letters
    about tasks and lists, which stay where they are, and for answers in a conversation: they are that person's own, and
    whoever asked asks again; of an invitation they hold the code, and a photo has its page.
    """
    if letter.kind.startswith(("tasks.", "messages.")) or letter.kind in OWN_TO_ASK_FOR:
        return None
    people = {letter.person_id} | ({letter.about_id} if letter.about_id is not None else set())
    reach = Reach(session, people, Allowance(), now)
    if not reach.is_to_be_told(letter.person_id, letter.kind, letter.about_id):
        return None
    person = session.get_one(Person, letter.person_id)
    area_id = _where(session, letter, person)
    if area_id is None:
        return None
    # Only where an attempt may have arrived is there anything to check; what was missed was never sent.
    kind = "check_delivery" if letter.state == "needs_check" else "phone_call"
    tell_at = _awake(letter, now)
    ended = select(func.count()).where(
        Task.subject == LETTER.subject(letter), Task.kind == kind, Task.state == "cancelled"
    )
    again = f":{many}" if (many := session.scalar(ended)) else ""  # it was taken back, and is to be told after all
    return open_task(
        session, key=f"letter:{letter.id}/{kind}/{letter.tries}{again}", kind=kind, area_id=area_id,
        person_id=person.id, subject=LETTER.subject(letter), now=now, tell_at=tell_at,
        due_at=min(max(letter.useful_until, tell_at), tell_at + PHONE_WITHIN),
        facts={
            "person": person.name, "letter_kind": letter.kind,
            "letter_facts": letter.facts, "state": letter.state, "why": letter.error_code or letter.state,
        },
        by=BY_TIME,
    )  # fmt: skip


def _where(session: Session, letter: Letter, reader: Person) -> int | None:
    """The area whose cadres tell the reader; None in a county without areas.

    What goes past the village says where it is settled (`area_id` among its facts). Else it is theirs who may see the
    letter: where the person lives of whom it speaks, however far from the reader.
    """
    settled_in: int | None = letter.facts.get("area_id")
    if settled_in is not None:
        return settled_in
    about = session.get(Person, letter.about_id) if letter.about_id is not None else None
    return (about.area_id if about else None) or reader.area_id or root(session)


def _awake(letter: Letter, now: datetime) -> datetime:
    """When a cadre hears of it: what would have woken no reader wakes no cadre either, unless the morning is too late
    for it. What is too late already has time until then."""
    if letter.urgency in AWAKE:
        return now
    until = letter.useful_until if letter.useful_until > now else now + timedelta(days=1)
    return max(now, out_of_the_night(now, until, CHINA))


def receipt_came(session: Session, letter: Letter, now: datetime) -> Task | None:
    """A receipt has said what became of `letter`: nobody need check it any more. Where it failed: the task to tell
    the person, as `hand_over` answers it; where it goes again, another way, that is seen when it has."""
    settle_for(session, LETTER.subject(letter), "cancel", by=BY_RULE, now=now, kinds=("check_delivery",))
    if letter.state == "delivered":
        arrived(session, letter, now)
    return hand_over(session, letter, now) if letter.state in ENDED_UNDELIVERED else None


def take_back(
    session: Session, subject: str, now: datetime, *, person_id: int | None = None,
    but_not: ColumnElement[bool] | None = None,
) -> None:  # fmt: skip
    """What was to be said about `subject` (to this reader, with `person_id`) is not true any more: neither a letter nor
    a cadre is to say it. `but_not`: letters that stay true."""
    withdraw(session, subject, now, person_id=person_id, but_not=but_not)
    end_telling(session, subject, now, person_id=person_id, but_not=but_not)


def end_telling(
    session: Session, subject: str, now: datetime, *, before_revision: int | None = None, person_id: int | None = None,
    but_not: ColumnElement[bool] | None = None,
) -> None:  # fmt: skip
    """End the tasks of cadres who were to say what letters about `subject` could not; narrowed as by `withdraw`. Nobody
    says it again by hand either."""
    if before_revision == 0:
        return  # what has never changed has nothing older
    letters = select(Letter).where(Letter.subject == subject, Letter.state.in_(ENDED_UNDELIVERED))
    if before_revision is not None:
        letters = letters.where(Letter.revision < before_revision)
    if person_id is not None:
        letters = letters.where(Letter.person_id == person_id)
    if but_not is not None:
        letters = letters.where(not_(but_not))
    keys = session.scalars(letters.with_only_columns(Letter.id).order_by(Letter.id)).all()
    for key in keys:
        settle_for(session, f"{LETTER.name}:{key}", "cancel", by=BY_RULE, now=now)
    # The tasks first: who finishes one at this moment holds it, and then its letter.
    if keys:
        session.execute(update(Letter).where(Letter.id.in_(keys)).values(unwanted=True))


def plan_reminders(
    session: Session, occasion: Occasion, recipients: Sequence[Recipient], now: datetime,
    stands: ColumnElement[bool] | None = None,
) -> None:  # fmt: skip
    """Bring the reminders of an occasion in line (`plan`), and with them what cadres were to tell of older ones."""
    plan(session, occasion, recipients, now, stands)
    carried = carried_over(session, occasion, recipients, now)
    but_not = carried if stands is None else stands | carried
    end_telling(session, occasion.subject, now, before_revision=occasion.revision, but_not=but_not)
    _tell_after_all(session, carried, now)


def _tell_after_all(session: Session, which: ColumnElement[bool], now: datetime) -> None:
    """Letters that stand again: what a cadre was to tell of them, until it was taken back, is to be told after all."""
    unheard = select(Letter).where(which, Letter.state.in_(ENDED_UNDELIVERED)).order_by(Letter.id)
    for letter in session.scalars(unheard).all():
        waits = select(Task.id).where(Task.subject == LETTER.subject(letter), Task.state.not_in(TASK.ends)).limit(1)
        if session.scalar(waits) is None:
            hand_over(session, letter, now)


def say_instead(session: Session, which: ColumnElement[bool], facts: dict[str, Any]) -> None:
    """Letters that have reached nobody, and cadres who have still to tell what a letter could not, say these facts.

    What may have arrived stays as it was written.
    """
    session.flush()
    keys = session.scalars(select(Letter.id).where(which, Letter.state.in_(ENDED_UNDELIVERED))).all()
    tasks = select(Task).where(Task.subject.in_([f"{LETTER.name}:{key}" for key in keys]), Task.state.not_in(TASK.ends))
    for task in session.scalars(tasks.order_by(Task.id).with_for_update()).all():
        task.facts = {**task.facts, "letter_facts": {**task.facts["letter_facts"], **facts}}
    unheard = select(Letter).where(
        which, Letter.state.in_(("planned", "retry", "dead", "missed")), Letter.in_doubt.is_(False)
    ).order_by(Letter.id).with_for_update()  # fmt: skip
    for letter in session.scalars(unheard, execution_options={"populate_existing": True}).all():
        letter.facts = {**letter.facts, **facts}
    session.flush()


def let_go(session: Session, person: Person, now: datetime) -> None:
    """Nobody need be told any more what was to be said about this person: the letters and their tasks end.

    While they live, what was decided of their links stands: it is so in hospital too, and nobody would say it later.
    """
    say_no_more(session, person.id, now, but_not=false() if person.state == "deceased" else OF_LINKS)


def say_no_more(
    session: Session, about_id: int, now: datetime, *, but_not: ColumnElement[bool], person_id: int | None = None
) -> None:  # fmt: skip
    """Of this person nobody (with `person_id`, not this reader) need be told any more: the letters and their tasks end.
    `but_not`: letters that stay true."""
    about = select(Letter.subject).where(Letter.about_id == about_id, Letter.state.not_in(LETTER.ends))
    if person_id is not None:
        about = about.where(Letter.person_id == person_id)
    # Who was to come for this person still hears that they need not: that letter is about nobody.
    stands = or_(Letter.about_id.is_distinct_from(about_id), but_not)
    for subject in sorted(set(session.scalars(about))):
        take_back(session, subject, now, person_id=person_id, but_not=stands)


def in_hand(session: Session) -> dict[int, Task]:
    """The letters that somebody has still to tell in person or to ask about, each with its task."""
    open_tasks = select(Task).where(Task.subject.startswith(f"{LETTER.name}:"), Task.state.not_in(TASK.ends))
    return {int(task.subject.partition(":")[2]): task for task in session.scalars(open_tasks)}
