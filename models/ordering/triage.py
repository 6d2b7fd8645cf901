"""What a township's clerk does with a need: look, merge it with its like, part it again, list it, decline it."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import By
from models.ordering.demands import DemandItem, DemandList, line_of, open_draft, position_of
from models.ordering.matter_news import tell, unlist
from models.ordering.matters import drop_desk, handed_over, open_desk_task, settle_desk
from models.ordering.needs import NEED, WAITING, NeedSubmission, locked_need, need_for
from models.ordering.said import CONFIDENTIAL, check_category, check_reason
from models.ordering.townships import township_of
from models.ordering.voices import alike, people_behind, voices_of
from models.people.identities import Who
from models.places.areas import Area
from models.tasks.undelivered import take_back

LOOKED_THROUGH = 300  # of a township's newest needs, when likes are looked for
ALIKE = 0.25


def look_at(
    session: Session, who: Who, need_id: int, category: str, now: datetime, *, confidential: bool = False
) -> NeedSubmission:  # fmt: skip
    """A clerk has read it and says what kind it is; a kind that is nobody's business makes it confidential.

    What was said in confidence stays so. Raises Refused("not_yours"), ("no_category"), ("has_voices") when others were
    merged into what would become a secret, or ("wrong_state") when it is decided already.
    """
    need = _clerks(session, who, need_id)
    kind = check_category(category)
    secret = need.confidential or confidential or kind in CONFIDENTIAL
    if secret and not need.confidential and len(voices_of(session, [need.id])) > 1:
        raise Refused("has_voices")
    holder = who.person_id if secret and need.holder_id is None else need.holder_id
    newly = secret and not need.confidential
    NEED.move(session, need, "triage", by=_by(who), now=now, category=kind, confidential=secret, holder_id=holder,
              revision=need.revision + 1)  # fmt: skip
    if newly:
        # The task that named the person is taken back; one that names nobody stands in its place.
        drop_desk(session, need, now, goes_on=True)
        open_desk_task(session, need, "need_triage", by=_by(who), now=now, mark=f":{need.revision}")
    return need


def likes(session: Session, who: Who, need_id: int, limit: int = 3) -> list[tuple[NeedSubmission, int]]:
    """Needs of the same township that this one may repeat, the likest first, each with the people behind it.

    Never a confidential one, whoever asks: a family's trouble is no suggestion.
    """
    need, _ = need_for(session, who, need_id)
    township = township_of(session, session.get_one(Area, need.area_id))
    query = (
        select(NeedSubmission).join(Area, NeedSubmission.area_id == Area.id)
        .where(Area.path.startswith(township.path), NeedSubmission.state.in_((*WAITING, "adopted")))
        .where(NeedSubmission.confidential.is_(False), NeedSubmission.id != need.id)
        .order_by(NeedSubmission.id.desc()).limit(LOOKED_THROUGH)
    )  # fmt: skip
    scored = [(alike(need.text, other.text), other) for other in session.scalars(query)]
    best = sorted((one for one in scored if one[0] >= ALIKE), key=lambda one: (-one[0], one[1].id))[:limit]
    people = people_behind(session, [other.id for _, other in best])
    return [(other, people[other.id]) for _, other in best]


def merge(session: Session, who: Who, need_id: int, into_id: int, now: datetime) -> NeedSubmission:
    """Merge a need into another, with all that was merged into it before; every voice stays a voice. Twice is once.

    Raises Refused("not_yours"), ("same_need"), ("other_township"), ("secret_target") for one that is confidential, or
    ("wrong_state") when either was decided meanwhile: of two clerks who merge the same need one is first.
    """
    need, into = _both(session, who, need_id, into_id)
    if need.state == "merged" and need.merged_into_id == into.id:
        return need
    if into.confidential:
        raise Refused("secret_target")
    if _township(session, need) != _township(session, into):
        raise Refused("other_township")
    if into.state not in (*WAITING, "adopted"):
        raise Refused("wrong_state")
    by = _by(who)
    if need.state == "received":
        NEED.move(session, need, "triage", by=by, now=now, category=need.category or into.category)
    behind = voices_of(session, [need.id]) or [need]  # with those that were merged with it before
    NEED.move(session, need, "merge", by=by, now=now, note=into.subject, merged_into_id=into.id,
              revision=need.revision + 1)  # fmt: skip
    settle_desk(session, need, who, now)
    place = _place_of(session, into)
    facts = {"people": people_behind(session, [into.id])[into.id]}
    if place is not None:
        for voice in behind:
            tell(session, voice, "listed", place, key=f"demand:{into.demand_id}", by=by, now=now)
    else:
        tell(session, need, "merged", facts, key=f"{need.subject}/merged:{need.revision}", by=by, now=now)
    return need


def unmerge(session: Session, who: Who, need_id: int, now: datetime) -> NeedSubmission:
    """Part a need from the one it was merged into: it stands as it stood before, with those merged into it.

    Raises Refused("not_yours"), or Refused("wrong_state") when it is not merged.
    """
    need = _clerks(session, who, need_id)
    into = need.merged_into_id
    by = _by(who)
    NEED.move(session, need, "unmerge", by=by, now=now, note=f"need:{into}" if into else "", merged_into_id=None,
              revision=need.revision + 1)  # fmt: skip
    take_back(session, need.subject, now)
    for voice in voices_of(session, [need.id]):
        if voice.id != need.id:
            unlist(session, voice, now)
    _tell_the_others(session, into, by, now)
    drop_desk(session, need, now)
    open_desk_task(session, need, "need_triage", by=by, now=now, mark=f":{need.revision}")
    return need


def _tell_the_others(session: Session, into_id: int | None, by: By, now: datetime) -> None:
    """Who stands behind a listed need by another voice of theirs too, and had not heard of it before one was parted."""
    into = session.get(NeedSubmission, into_id) if into_id is not None else None
    place = _place_of(session, into) if into is not None else None
    if into is not None and place is not None:
        for voice in voices_of(session, [into.id]):
            if voice.id != into.id:
                tell(session, voice, "listed", place, key=f"demand:{into.demand_id}", by=by, now=now)


def _place_of(session: Session, need: NeedSubmission) -> dict[str, Any] | None:
    """Where a need stands on the list that is out; None where it stands on none."""
    found = position_of(session, need.demand_id) if need.demand_id is not None else None
    if found is None:
        return None
    return {"position": found.item.position, "quarter": found.list.quarter, "title": found.item.title}


def adopt(session: Session, who: Who, need_id: int, item_id: int, now: datetime) -> NeedSubmission:
    """Put a need under an item of a list that is being drawn up; people are told when the list is published.

    Raises Refused("not_yours"), also for an item that was left out meanwhile, ("list_closed") for a list that is out
    already, ("other_township") or ("wrong_state").
    """
    need = _clerks(session, who, need_id)
    item = session.get(DemandItem, item_id)
    if item is None:
        raise Refused("not_yours")
    drawn_up = open_draft(session, who, item.list_id)
    session.refresh(item)  # whoever held the draft until now may have left it out
    if item.dropped_at is not None:
        raise Refused("not_yours")
    if drawn_up.area_id != _township(session, need):
        raise Refused("other_township")
    if need.state == "adopted" and need.demand_id == item.line_id:
        return need
    by = _by(who)
    if need.state == "received":
        NEED.move(session, need, "triage", by=by, now=now, category=need.category or item.category)
    NEED.move(session, need, "adopt", by=by, now=now, note=item.subject, demand_id=item.line_id,
              settled_by_id=who.person_id, settled_at=now)  # fmt: skip
    settle_desk(session, need, who, now)
    return need


def take_off(session: Session, who: Who, need_id: int, now: datetime) -> NeedSubmission:
    """Take a need off a list on which it was put by mistake, before that list is out.

    Raises Refused("not_yours"), Refused("list_closed") or Refused("wrong_state").
    """
    need = _clerks(session, who, need_id)
    if need.demand_id is None:
        raise Refused("wrong_state")
    out = (
        select(DemandItem.id).join(DemandList, DemandItem.list_id == DemandList.id)
        .where(line_of(DemandItem) == need.demand_id, DemandList.state != "draft").limit(1)
    )  # fmt: skip
    if session.scalar(out) is not None:
        raise Refused("list_closed")
    by = _by(who)
    NEED.move(session, need, "take_off", by=by, now=now, demand_id=None, settled_by_id=None, settled_at=None,
              revision=need.revision + 1)  # fmt: skip
    open_desk_task(session, need, "need_triage", by=by, now=now, mark=f":{need.revision}")
    return need


def decline(session: Session, who: Who, need_id: int, reason: str, now: datetime) -> NeedSubmission:
    """Say no, with a reason that people read together with who said it; all voices behind it hear it. Twice is once.

    Raises Refused("not_yours"), ("reason_missing"), ("note_long") or ("wrong_state").
    """
    need = _clerks(session, who, need_id)
    why = check_reason(reason)
    if need.state == "declined":
        return need
    by = _by(who)
    if need.state == "received":
        NEED.move(session, need, "triage", by=by, now=now)
    # Of a secret nothing stands in the history that others read.
    NEED.move(session, need, "decline", by=by, now=now, note="" if need.confidential else why, reason=why,
              settled_by_id=who.person_id, settled_at=now)  # fmt: skip
    settle_desk(session, need, who, now)
    for voice in voices_of(session, [need.id]):
        facts = {"reason": why, "who": who.name}
        tell(session, voice, "declined", facts, key=f"{need.subject}/declined", by=by, now=now)
    return need


def hand_over(session: Session, who: Who, need_id: int, to_id: int, now: datetime) -> NeedSubmission:
    """Give a confidential need to another clerk over the same place: who held it reads it no more.

    The holder may, and a county administrator, who does not read it. Twice is once. Raises Refused("not_yours"),
    ("no_clerk") for somebody who gathers no needs there or told it, or ("wrong_state").
    """
    need = handed_over(session, who, locked_need(session, need_id), to_id)
    if need.state in WAITING and need.holder_id == to_id:
        return need
    NEED.move(session, need, "hand_over", by=_by(who), now=now, holder_id=to_id, revision=need.revision + 1)
    settle_desk(session, need, who, now, goes_on=True)
    open_desk_task(session, need, "need_triage", by=_by(who), now=now, mark=f":{need.revision}")
    return need


def _by(who: Who) -> By:
    return By(who.person_id, "clerk")


def _clerks(session: Session, who: Who, need_id: int) -> NeedSubmission:
    """The need as it stands now, held, for a clerk who may see it; raises Refused("not_yours")."""
    need, role = need_for(session, who, need_id)
    if role != "clerk":
        raise Refused("not_yours")
    return locked_need(session, need.id)


def _both(session: Session, who: Who, one: int, other: int) -> tuple[NeedSubmission, NeedSubmission]:
    """Two needs, held in the order of their ids: clerks who merge them the opposite ways never wait for each other."""
    if one == other:
        raise Refused("same_need")
    held = {key: _clerks(session, who, key) for key in sorted((one, other))}
    return held[one], held[other]


def _township(session: Session, need: NeedSubmission) -> int:
    return township_of(session, session.get_one(Area, need.area_id)).id
