"""What a call makes us say: reminders, letters to those who did not do it themselves, the helper's task."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.messages.reminders import CALL_RULES, Recipient, due_time, plan
from models.people.persons import Person
from models.places.centres import ServiceCentre
from models.tasks.desk import open_task, settle_for


def announce(
    session: Session, call: FamilyCall, word: str, *, told_by: int, now: datetime, helped_before: int | None = None
) -> None:
    """Reminders for both, a letter to those who did not do it themselves, and the helper's task for this time.

    Where a change brought another helper, the new one hears of a new call, and `helped_before` that it is off.
    """
    facts = facts_of(session, call)
    plan(
        session, subject=call.subject, revision=call.revision, kind="family.reminder", rules=CALL_RULES,
        recipients=[
            Recipient(key, role, session.get_one(Person, key).tz)
            for key, role in ((call.relative_id, "relative"), (call.helper_id, "helper"))
        ],
        starts_at=call.starts_at, facts=facts, now=now,
    )  # fmt: skip
    words = {call.relative_id: word, call.helper_id: word}
    if helped_before not in (None, call.helper_id):
        words |= {call.helper_id: "booked", helped_before: "cancelled"}
    tell(session, call, {reader: said for reader, said in words.items() if reader != told_by}, facts, now)
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now)
    _open_help(session, call, facts, now)


def tell(session: Session, call: FamilyCall, words: dict[int, str], facts: dict[str, Any], now: datetime) -> None:
    """One letter for each reader; `words` says which ("booked", "changed", "cancelled")."""
    for reader, word in words.items():
        role = "relative" if reader == call.relative_id else "helper"
        post(
            session, key=f"{call.subject}/{call.revision}/{word}/{reader}", person_id=reader, kind=f"family.{word}",
            facts={**facts, "role": role}, subject=call.subject, revision=call.revision, urgency="same_day", now=now,
            useful_until=max(call.starts_at, now + timedelta(hours=1)),
        )  # fmt: skip


def facts_of(session: Session, call: FamilyCall) -> dict[str, Any]:
    """What every letter and task about a call may need."""
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    centre = session.get_one(ServiceCentre, call.centre_id)
    return {
        "call": call.id, "starts_at": call.starts_at.isoformat(), "cared": cared.name, "relative": relative.name,
        "relative_zone": relative.time_zone, "centre": centre.name, "centre_zone": centre.time_zone,
        "phone": centre.phone,
    }  # fmt: skip


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """A relative lives elsewhere now: what is still to be said about their calls says so, and comes at its hour there.

    What was sent stands, and nothing is said again: only letters that nobody has begun to send are touched.
    """
    zone, before = session.get_one(Person, person_id).tz, {rule.name: rule for rule in CALL_RULES}
    coming = select(FamilyCall).where(
        FamilyCall.relative_id == person_id, FamilyCall.state == "booked", FamilyCall.starts_at > now
    )
    for call in session.scalars(coming).all():
        unsent = select(Letter).where(Letter.subject == call.subject, Letter.state == "planned").with_for_update()
        for letter in session.scalars(unsent, execution_options={"populate_existing": True}).all():
            letter.facts = {**letter.facts, "relative_zone": zone.key}
            rule = before.get(str(letter.facts.get("rule")))
            if rule is not None and letter.person_id == person_id:
                # One whose hour there has passed is said at once: whoever tells us of a new city is awake.
                letter.due_at = letter.next_at = max(due_time(rule, call.starts_at, zone), now)
    session.flush()


def _open_help(session: Session, call: FamilyCall, facts: dict[str, Any], now: datetime) -> None:
    cared, centre = session.get_one(Person, call.cared_id), session.get_one(ServiceCentre, call.centre_id)
    open_task(
        session, key=f"{call.subject}/{call.revision}/help", kind="call_help", area_id=cared.area_id or centre.area_id,
        assignee_id=call.helper_id, person_id=cared.id, subject=call.subject, now=now,
        due_at=call.starts_at - timedelta(minutes=30), facts=facts,
        by=By(call.helper_id, "rule"),  # the helper already has the letter about the call itself
    )  # fmt: skip
