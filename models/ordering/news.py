"""What people hear of an order: the letters that a verb's `tells` names, and the task to tell somebody in person."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.history import steps_of
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.ordering.assignments import Assignment
from models.ordering.orders import ORDER, Order
from models.ordering.versions import terms_of
from models.ordering.visits import Visit, goers_of
from models.people.care import links_to, may_act_for
from models.people.identities import is_reachable
from models.people.persons import Person
from models.people.scope import in_charge_of
from models.people.staff import Organisation, cadres_over, members_of
from models.places.areas import Area
from models.places.centres import ServiceCentre, phone_of
from models.tasks.desk import open_task, settle_for
from models.tasks.tasks import Task

TELL_WITHIN = timedelta(hours=24)
ARRIVES_WITHIN = timedelta(hours=12)
CALL_BACK_WITHIN = timedelta(minutes=15)
SOON = timedelta(hours=24)  # a change this close to the service is urgent

# Whether it is still wanted is to be answered whoever does it.
STILL_ASKED = Letter.kind == "ordering.still_wanted"
# verb of ORDER → the letter's kind
LETTER_KINDS = {
    "accept": "ordering.accepted", "hand_back": "ordering.handed_back", "complete": "ordering.completed",
    "cancel": "ordering.cancelled", "give_up": "ordering.unmet", "recall": "ordering.handed_back",
    "reopen": "ordering.reopened", "undo": "ordering.restored", "call_off": "ordering.called_off",
    "stop": "ordering.stopped",
}  # fmt: skip


def facts_for(session: Session, order: Order) -> dict[str, Any]:
    """What a letter about an order needs to know; no phone of a resident and no address."""
    listing = terms_of(session, order)
    centre = session.get_one(ServiceCentre, order.centre_id)
    return {
        "order": order.id, "number": order.number, "service": listing.title, "category": listing.category,
        "mode": listing.mode, "beneficiary": session.get_one(Person, order.beneficiary_id).name,
        "requester": session.get_one(Person, order.requested_by_id).name,
        "preferred_at": order.preferred_at.isoformat(), "centre": centre.name, "phone": phone_of(session, centre),
    }  # fmt: skip


def facts_for_provider(session: Session, order: Order) -> dict[str, Any]:
    """The same for who serves it: such a letter is about nobody, and what WeChat cannot bring of it is told where the
    beneficiary lives."""
    return {**facts_for(session, order), "area_id": order.area_id}


def tell(
    session: Session, order: Order, verb: str, *, by: By, now: datetime, mark: str = "",
    ended: Iterable[Assignment] = (), but: Collection[int] = (), facts: Mapping[str, str],
    at: datetime | None = None,
) -> None:  # fmt: skip
    """Post what `verb` did to everybody whom the order's Life names, but for the one who did it.

    A beneficiary whom WeChat does not reach hears it from a cadre: that task stands in the place of the cadres' letter.
    `mark`, or else the order's revision, tells a second accept of the same order from the first; `ended` are the
    assignments whose people it concerns, those in `but` have heard it already. `at`: when somebody was to come, where
    that is not the wished time.
    """
    say(
        session, order, LETTER_KINDS[verb], ORDER.by_name[verb].tells, word=verb + (mark or f":{order.revision}"),
        by=by, now=now, ended=ended, but=but, facts=facts, at=at,
    )  # fmt: skip


def say(
    session: Session, order: Order, kind: str, roles: Collection[str], *, word: str, by: By, now: datetime,
    ended: Iterable[Assignment] = (), but: Collection[int] = (), facts: Mapping[str, Any], urgent: str = "",
    subject: str = "", at: datetime | None = None,
) -> None:  # fmt: skip
    """Post one letter about an order to everybody in these roles; `word` makes its key: said twice is said once.

    Who was to come (by an assignment of `ended`) must hear that they need not whatever becomes of the order afterwards,
    also where the family must hear nothing any more: theirs is about the assignment, and what WeChat cannot bring is
    told where the beneficiary lives. `subject`: what it is about, where that is not the order.
    """
    known = {**facts_for(session, order), **facts}
    beneficiary = session.get_one(Person, order.beneficiary_id)
    in_person = "beneficiary" in roles and not is_reachable(session, beneficiary.id)
    off = {key: one for one in ended for key in concerned(session, one)} if "provider" in roles else {}
    readers = family_of(session, beneficiary.id) if "family" in roles else set[int]()
    if "requester" in roles and still_concerned(session, order.requested_by_id, beneficiary):
        readers.add(order.requested_by_id)
    if in_person:
        _tell_in_person(session, order, beneficiary, kind, known, word, by, now, at or order.preferred_at)
    elif "beneficiary" in roles:
        readers.add(beneficiary.id)
    if "cadre" in roles and not in_person:
        readers |= {cadre.id for cadre in cadres_over(session, session.get_one(Area, order.area_id))}
    for reader in sorted((readers | off.keys()) - {by.person_id, *but}):
        post(
            session, key=f"{order.subject}/{word}/{reader}", person_id=reader, kind=kind,
            facts={**known, "area_id": order.area_id} if reader in off else known,
            subject=off[reader].subject if reader in off else subject or order.subject, now=now,
            urgency=urgent or urgency(order, now, at), about_id=None if reader in off else beneficiary.id,
        )  # fmt: skip


def tell_on_the_way(session: Session, order: Order, assignment: Assignment, by: By, now: datetime) -> None:
    """Those who wait for the service hear that somebody is on the way, as far as WeChat reaches them now."""
    name = session.get_one(Organisation, assignment.organisation_id).name
    beneficiary = session.get_one(Person, order.beneficiary_id)
    readers = {beneficiary.id}
    if still_concerned(session, order.requested_by_id, beneficiary):
        readers.add(order.requested_by_id)
    times = steps_of(session, [assignment.subject], "start")[assignment.subject]
    for reader in sorted(reader for reader in readers - {by.person_id} if is_reachable(session, reader)):
        post(
            session, key=f"{order.subject}/start:{assignment.id}:{times}/{reader}", person_id=reader,
            kind="ordering.on_the_way", facts={**facts_for(session, order), "organisation": name},
            subject=order.subject, now=now, urgency="same_day", useful_until=now + ARRIVES_WITHIN,
        )  # fmt: skip


def call_back(
    session: Session, order: Order, on_the_way: Iterable[Assignment], reason: str, by: By, now: datetime
) -> set[int]:
    """The order ended while the organisations of these assignments were on the way: their people hear of it at once,
    at night too.

    A message may lie unread on the road, so a cadre phones them as well. Both are about the assignment: they are still
    to be done when the order is taken up again with another organisation. Answers who was written to.
    """
    called = set[int]()
    for assignment in on_the_way:
        organisation = session.get_one(Organisation, assignment.organisation_id)
        facts = {**facts_for_provider(session, order), "reason": reason, "organisation": organisation.name}
        people = concerned(session, assignment) - {by.person_id}
        for reader in sorted(people):
            post(
                session, key=f"{assignment.subject}/stop/{reader}", person_id=reader, kind="ordering.stop", facts=facts,
                subject=assignment.subject, now=now, urgency="safety", useful_until=now + ARRIVES_WITHIN,
            )  # fmt: skip
        open_task(
            session, key=f"{assignment.subject}/stop", kind="stop_provider", area_id=order.area_id,
            subject=assignment.subject, now=now, due_at=now + CALL_BACK_WITHIN, by=by,
            facts={**facts, "organisation_phone": organisation.phone},
        )  # fmt: skip
        called |= people
    return called


def concerned(session: Session, assignment: Assignment) -> set[int]:
    """Who answers for an assignment's organisation, and whoever it had named to go, who may be lent by another."""
    members = {member.id for member in members_of(session, assignment.organisation_id)}
    return members | goers_of(session, assignment.id)


def spare(session: Session, visit: Visit, order: Order, by: By, now: datetime) -> None:
    """Who was named for a visit need not go: they hear it, unless they said so themselves."""
    if visit.person_id != by.person_id:
        post(
            session, key=f"{visit.subject}/stood_down", person_id=visit.person_id, kind="ordering.stood_down",
            facts={**facts_for_provider(session, order), "preferred_at": visit.starts_at.isoformat()},
            subject=visit.subject, now=now, urgency="same_day",
        )  # fmt: skip


def family_of(session: Session, beneficiary_id: int) -> set[int]:
    """All who may act for a person by a confirmed link."""
    return {relative.id for _, relative in links_to(session, beneficiary_id)}


def urgency(order: Order, now: datetime, comes_at: datetime | None = None) -> str:
    """How urgent a change is: "same_day" shortly before the service, at the wished time or when somebody comes."""
    return "same_day" if (comes_at or order.preferred_at) - now < SOON else "routine"


def still_concerned(session: Session, person_id: int, beneficiary: Person) -> bool:
    """Whether this person may still act for the beneficiary: news ends with the link."""
    return may_act_for(session, person_id, beneficiary.id) or in_charge_of(session, person_id, beneficiary)


def _tell_in_person(
    session: Session, order: Order, beneficiary: Person, kind: str, facts: dict[str, Any], word: str, by: By,
    now: datetime, at: datetime,
) -> None:  # fmt: skip
    """A cadre tells the beneficiary, once; what an older task of this order would have told no longer holds."""
    key = f"{order.subject}/tell/{word}"
    if session.scalar(select(Task.id).where(Task.key == key)) is not None:
        return
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now, kinds=("tell_in_person",))
    open_task(
        session, key=key, kind="tell_in_person", area_id=order.area_id,
        subject=order.subject, person_id=beneficiary.id, now=now, by=by,
        due_at=min(now + TELL_WITHIN, max(at, now + timedelta(hours=1))),
        facts={"person": beneficiary.name, "letter_kind": kind, "letter_facts": facts},
    )  # fmt: skip
