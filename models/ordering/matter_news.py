"""What people hear of what they told us: a letter, or a cadre who says it; of a secret only that there is news."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.life import BY_RULE, By
from models.messages.letters import LETTER, Letter
from models.messages.optouts import opted_out
from models.messages.outbox import USEFUL_FOR, post
from models.messages.passage import ENDED_UNDELIVERED
from models.ordering.matters import open_desk_task, phone_for
from models.ordering.said import Matter
from models.people.care import may_act_for
from models.people.identities import is_reachable
from models.people.persons import Person
from models.people.staff import is_cadre_over
from models.places.areas import Area
from models.tasks.desk import open_task, settle
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import take_back

MATTER_NEWS = "ordering.matter"  # how the kinds of these letters begin: a person may do without all of them
TELL_WITHIN = timedelta(days=2)


def tell(
    session: Session, thing: Matter, word: str, facts: dict[str, Any], *, key: str, by: By, now: datetime
) -> None:  # fmt: skip
    """Tell whoever told us of `thing`: the person, and a relative who spoke for the person and still may.

    `key` makes it once for each reader. Whom no WeChat reaches hears it from a cadre; an anonymous voice hears
    nothing. Nothing of a confidential matter is in the letter: not what it was, nor what became of it.
    """
    kind = f"{MATTER_NEWS}_{word}"
    centre, phone = phone_for(session, session.get_one(Area, thing.area_id))
    known: dict[str, Any] = {"matter": thing.subject, "at": now.isoformat(), "centre": centre, "phone": phone}
    known |= {"secret": True} if thing.confidential else {"secret": False, **facts}
    readers = _readers(session, thing)
    reached = [reader for reader in readers if is_reachable(session, reader)]
    for reader in reached:
        if reader != by.person_id:
            _write(session, thing, f"{key}/{reader}", reader, kind, known, now)
    if readers and not reached and not _all_want_none(session, readers, kind):
        _in_person(session, thing, kind, known, key, by, now)


def unlist(session: Session, thing: Matter, now: datetime) -> None:
    """What `thing` was counted with is on no list any more: who has still to hear that it is hears it no more."""
    take_back(session, thing.subject, now, but_not=Letter.kind != f"{MATTER_NEWS}_listed")
    told = select(Task).where(
        Task.subject == thing.subject, Task.kind.in_(("tell_in_person", "matter_tell")),
        Task.key.contains("demand:"), Task.state.not_in(TASK.ends),
    ).order_by(Task.id).with_for_update()  # fmt: skip
    for task in session.scalars(told, execution_options={"populate_existing": True}).all():
        settle(session, task, "cancel", by=BY_RULE, now=now)


def tell_off(session: Session, thing: Matter, helper_id: int | None, by: By, now: datetime) -> None:
    """Who was asked to help need not go: it is off, or another does it. Of a secret nothing is said, and to who is no
    cadre there any more nothing at all."""
    area = session.get_one(Area, thing.area_id)
    if helper_id is None or helper_id == by.person_id or not is_cadre_over(session, helper_id, area):
        return
    centre, phone = phone_for(session, area)
    named = thing.person_id is not None and not thing.confidential
    post(
        session, key=f"{thing.subject}/off:{thing.revision}/{helper_id}", person_id=helper_id, now=now,
        kind="ordering.help_off",
        facts={"person": session.get_one(Person, thing.person_id).name if named else "", "place": area.name,
               "at": now.isoformat(), "centre": centre, "phone": phone, "area_id": area.id},
        subject=thing.subject, urgency="same_day",
    )  # fmt: skip


def _write(
    session: Session, thing: Matter, key: str, reader: int, kind: str, known: dict[str, Any], now: datetime
) -> None:  # fmt: skip
    """One letter, once; what was taken back before the reader had heard it, when a need was parted again, is said when
    it is true after all."""
    times = 0
    while True:
        posted = post(
            session, key=f"{key}/{times}" if times else key, person_id=reader, kind=kind, facts=known,
            subject=thing.subject, now=now, about_id=thing.person_id,
        )  # fmt: skip
        letter = session.get_one(Letter, posted)
        if not (letter.state in ENDED_UNDELIVERED and letter.unwanted):
            break
        times += 1  # this one reached nobody before it was taken back
    if letter.state == "withdrawn":
        LETTER.move(session, letter, "plan_again", by=BY_RULE, now=now, facts=known, subject=thing.subject,
                    about_id=thing.person_id, settled_at=None, due_at=now, next_at=now, useful_until=now + USEFUL_FOR,
                    unwanted=False)  # fmt: skip


def _readers(session: Session, thing: Matter) -> list[int]:
    """Who hears of it: of a confidential matter only who told it."""
    teller, person = thing.teller_id, thing.person_id
    if teller is None:
        return []
    if teller != person and person is not None and not may_act_for(session, teller, person):
        return [] if thing.confidential else [person]
    return [teller] if thing.confidential or person is None or teller == person else [teller, person]


def _all_want_none(session: Session, readers: Collection[int], kind: str) -> bool:
    """Whether everybody said that they do without letters of this kind."""
    refused = opted_out(session, readers)
    return all(any(kind.startswith(word) for word in refused.get(reader, ())) for reader in readers)


def _in_person(
    session: Session, thing: Matter, kind: str, facts: dict[str, Any], key: str, by: By, now: datetime
) -> None:  # fmt: skip
    """A cadre of the village says it; a secret's holder does, who reads on the matter's own page whom to tell what."""
    if thing.confidential:
        open_desk_task(session, thing, "matter_tell", by=by, now=now, mark=f":{thing.revision}/{key}")
        return
    told = f"{key}/in_person/{thing.person_id}:"
    before = session.scalars(select(Task).where(Task.key.startswith(told))).all()
    if any(task.state != "cancelled" for task in before):
        return
    open_task(
        session, key=f"{told}{len(before)}", kind="tell_in_person", area_id=thing.area_id, subject=thing.subject,
        person_id=thing.person_id, now=now, due_at=now + TELL_WITHIN, by=by,
        facts={
            "person": session.get_one(Person, thing.person_id).name, "letter_kind": kind,
            "letter_facts": {**facts, "aloud": True}, "phone": facts["phone"],
        },
    )  # fmt: skip
