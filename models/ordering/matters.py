"""What needs and calls for help have in common: who may see one, who keeps a secret, and the clerks' task about it."""

from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import calendar
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.media import attach, keep
from models.ordering.said import Matter, Words
from models.ordering.townships import clerks_over, may_triage, township_of
from models.people.care import may_act_for
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import ADMINISTRATORS, has_role_over, is_cadre_over
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for
from models.tasks.desk import open_task, settle, settle_for
from models.tasks.escalation import DAY
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import take_back

# Working days a clerk, or whoever was asked to help, has for each kind of task before it goes up the tree.
WORKDAYS = {"need_triage": 5, "help_triage": 1, "help_do": 5, "media_lost": 1, "matter_tell": 2}
# What ends when another has it: not what was said and never came.
DECIDED = (*(kind for kind in WORKDAYS if kind != "media_lost"), "matter_urgent")
HELP_OFF = Letter.kind == "ordering.help_off"  # to who need not help any more: true whatever becomes of it
URGENT_WITHIN = timedelta(minutes=30)

M = TypeVar("M", bound=Matter)


def seen_as(session: Session, who: Who, thing: Matter) -> str | None:
    """As what a person sees a matter: "teller", "clerk" or, who is to help, "helper"; None for anybody else.

    A confidential one is seen by who told it and by who holds it, whatever roles others have. A relative's sight ends
    with the link, a holder's with the role.
    """
    me, area = who.person_id, session.get_one(Area, thing.area_id)
    if thing.holder_id == me and is_cadre_over(session, me, area):
        return "clerk" if may_triage(session, me, area.id) else "helper"
    if thing.teller_id is not None and thing.teller_id == me:
        return "teller" if thing.person_id in (None, me) or may_act_for(session, me, thing.person_id) else None
    if thing.confidential:
        return None
    if may_triage(session, me, area.id):
        return "clerk"
    if thing.person_id == me or (thing.said_by_id == me and is_cadre_over(session, me, area)):
        return "teller"
    # Danger does not wait for the township.
    return "helper" if thing.urgent and is_cadre_over(session, me, area) else None


def hold(session: Session, thing: Matter) -> None:
    """Give a confidential matter to one clerk, the one with the fewest tasks; raises Refused("no_clerk").

    A clerk who wrote it down keeps it, for they know it already. It never goes to who told it, nor to whom it is about.
    """
    if not thing.confidential or thing.holder_id is not None:
        return
    if thing.by_clerk and thing.said_by_id is not None and may_triage(session, thing.said_by_id, thing.area_id):
        thing.holder_id = thing.said_by_id
        return
    concerned = [key for key in (thing.teller_id, thing.person_id) if key is not None]
    clerks = clerks_over(session, township_of(session, session.get_one(Area, thing.area_id)), concerned)
    if not clerks:
        raise Refused("no_clerk")
    held = dict.fromkeys((clerk.id for clerk in clerks), 0)
    query = (
        select(Task.assignee_id, func.count().label("many"))
        .where(Task.assignee_id.in_(held), Task.state.not_in(TASK.ends)).group_by(Task.assignee_id)
    )  # fmt: skip
    held.update({row.assignee_id: row.many for row in session.execute(query) if row.assignee_id is not None})
    thing.holder_id = min(held, key=lambda key: (held[key], key))


def attach_all(session: Session, who: Who, thing: Matter, words: Words, now: datetime) -> None:
    """Note the voice notes and pictures that came with what was said; raises Refused("no_media")."""
    for one in words.attached:
        attach(session, thing.subject, who.app_id, one, now)
    for brought in words.brought:
        keep(session, thing.subject, brought, now)


def check_as_seen(thing: Matter, seen: str) -> None:
    """Whether a matter, held by the caller, stands as the page that was acted from showed it; Refused("stale")."""
    if thing.standing != seen:
        raise Refused("stale", subject=thing.subject)


def handed_over(session: Session, who: Who, thing: M, to_id: int) -> M:
    """A confidential matter that `who` may give to `to_id`: its holder, or a county administrator above.

    Raises Refused("not_yours"), or Refused("no_clerk") for somebody who gathers no needs there or is concerned.
    """
    if not may_hand_on(session, who, thing):
        raise Refused("not_yours")
    if to_id in (thing.teller_id, thing.person_id) or not may_triage(session, to_id, thing.area_id):
        raise Refused("no_clerk")
    return thing


def may_hand_on(session: Session, who: Who, thing: Matter) -> bool:
    """Whether a person may give this confidential matter to a clerk: its holder with a clerk's role, or a county
    administrator above, but for what somebody else told of that administrator."""
    if not thing.confidential:
        return False
    if thing.holder_id == who.person_id and seen_as(session, who, thing) == "clerk":
        return True
    told_of = thing.person_id == who.person_id and thing.teller_id != who.person_id
    area = session.get_one(Area, thing.area_id)
    return not told_of and has_role_over(session, who.person_id, ADMINISTRATORS, area)


def open_desk_task(
    session: Session, thing: Matter, kind: str, *, by: By, now: datetime, mark: str = "", assignee: int | None = None
) -> Task:
    """Open the task of the clerks of the township, or of who holds the matter alone, and one at once where it burns.

    It names a person only where the matter is no secret, and never says what it is about.
    """
    area = session.get_one(Area, thing.area_id)
    open_names = not thing.confidential and thing.person_id is not None
    name = session.get_one(Person, thing.person_id).name if open_names else ""
    facts = {"person": name, "place": area.name, "phone": phone_for(session, area)[1]}
    person_id = thing.person_id if open_names else None
    assigned = assignee or (thing.holder_id if thing.confidential else None)
    if thing.urgent and kind in ("need_triage", "help_triage"):
        open_task(
            session, key=f"{thing.subject}/urgent{mark}", kind="matter_urgent", area_id=area.id, subject=thing.subject,
            facts=facts, person_id=person_id, assignee_id=assigned, now=now, due_at=now + URGENT_WITHIN, by=by,
        )  # fmt: skip
    # What a helper of the village was asked to do stands there; what a clerk decides, in the township.
    place = area if kind in ("help_do", "matter_tell") else township_of(session, area)
    due = calendar(session).add_working_time(now, WORKDAYS[kind] * DAY)
    return open_task(
        session, key=f"{thing.subject}/{kind}{mark}", kind=kind, area_id=place.id,
        subject=thing.subject, facts=facts, person_id=person_id, assignee_id=assigned, now=now, due_at=due, by=by,
    )  # fmt: skip


def phone_for(session: Session, area: Area) -> tuple[str, str]:
    """The name and phone of the centre that serves an area; where none does, of the first that has a phone."""
    centre = centre_for(session, area.path)
    if centre is None or not centre.phone:
        centre = session.scalar(
            select(ServiceCentre).where(ServiceCentre.phone != "").order_by(ServiceCentre.id).limit(1)
        )
    return (centre.name, centre.phone) if centre is not None else ("", "")


def settle_desk(session: Session, thing: Matter, who: Who, now: datetime, *, goes_on: bool = False) -> None:
    """What the clerks had to do about it is done, and letters that nobody has sent say what is no longer so.

    `goes_on`: another does something about it now, and what was said and never came is still to be asked for.
    """
    take_back(session, thing.subject, now, but_not=HELP_OFF)
    by = By(who.person_id, "cadre")
    settle_for(session, thing.subject, "finish", by=by, now=now, kinds=DECIDED if goes_on else None)
    if goes_on:
        _hand_on_lost(session, thing, now)


def drop_desk(session: Session, thing: Matter, now: datetime, *, goes_on: bool = False) -> None:
    """There is nothing to do about it any more; or, when it `goes_on`, not as it was."""
    settle_for(session, thing.subject, "cancel", by=BY_RULE, now=now, kinds=DECIDED if goes_on else None)
    if goes_on:
        _hand_on_lost(session, thing, now)


def _hand_on_lost(session: Session, thing: Matter, now: datetime) -> None:
    """Who reads a confidential matter now asks for what was said and never came: the task that another had names the
    person, or lies with who reads it no more."""
    if not thing.confidential:
        return
    lost = select(Task).where(
        Task.subject == thing.subject, Task.kind == "media_lost", Task.state.not_in(TASK.ends)
    ).order_by(Task.id).with_for_update()  # fmt: skip
    for task in session.scalars(lost, execution_options={"populate_existing": True}).all():
        settle(session, task, "cancel", by=BY_RULE, now=now)
        medium = task.key.rpartition("media_lost:")[2].partition(":")[0]
        open_desk_task(session, thing, "media_lost", by=BY_RULE, now=now, mark=f":{medium}:{thing.revision}")
