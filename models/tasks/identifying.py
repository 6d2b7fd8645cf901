"""Who stands behind a WeChat identity, and whether they are there: what WeChat tells of both, and what comes of it."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.people.identities import Identity, follows
from models.people.joining import learn_unionid
from models.people.persons import Person
from models.places.areas import root
from models.tasks.desk import open_task
from models.tasks.holding import wake_for

CLEAR_WITHIN = timedelta(days=3)


def recognise(session: Session, identity: Identity, unionid: str, now: datetime) -> None:
    """Learn an identity's unionid; where that joins two people, `identity.person_id` is another one afterwards.

    Two people who both have a name stay two, and the cadres of where either is registered are asked, once.
    """
    try:
        learn_unionid(session, identity, unionid)
    except Refused:
        _ask_cadres(session, identity, unionid, now)


def come_back(session: Session, identity: Identity, now: datetime) -> None:
    """The person follows (again), as WeChat says or as their own doing shows: we may write to them there, and what
    waited for them to do something goes on."""
    follows(session, identity)
    wake_for(session, identity.person_id, now)


def _ask_cadres(session: Session, identity: Identity, unionid: str, now: datetime) -> None:
    twin = session.execute(
        select(Identity).where(Identity.unionid == unionid, Identity.person_id != identity.person_id)
    ).scalars().first()  # fmt: skip
    if twin is None:
        return
    here, there = (session.get_one(Person, one.person_id) for one in (identity, twin))
    area_id = there.area_id or here.area_id or root(session)
    if area_id is None:
        return
    open_task(
        session, key=f"identity:{identity.id}/conflict", kind="identity_conflict", area_id=area_id,
        subject=f"identity:{identity.id}", person_id=here.id, now=now, due_at=now + CLEAR_WITHIN,
        facts={"person": here.name, "other": there.name},
    )  # fmt: skip
