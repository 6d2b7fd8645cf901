"""Whether two may hold calls: both are here, their link holds, and nobody has taken back what was agreed."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from models.errors import Refused
from models.people import guardians
from models.people.care import may_act_for
from models.people.consent import has_taken_back
from models.people.persons import Person, states_of, stay_as_they_are

_THERE = ("active", "moved")  # a relative calls from wherever they live


def check_pair(session: Session, relative: Person, cared: Person, role: str, now: datetime) -> None:
    """These two may hold calls, and until this transaction is over nobody ends that: see `parting`.

    To be asked before the call itself is held. For a relative who acts (`role`) raises Refused("no_link") or
    ("not_active"); for a cadre, who acts for both, ("not_together", cared=…, relative=…) in place of these; and for
    either ("consent_withdrawn", cared=…) and ("guardian_missing", cared=…).
    """
    _check(session, relative, cared, role, now, stay_as_they_are(session, relative.id, cared.id))


def _check(
    session: Session, relative: Person, cared: Person, role: str, now: datetime, states: Mapping[int, str]
) -> None:  # fmt: skip
    linked, here = may_act_for(session, relative.id, cared.id), states[cared.id] == "active"
    if role == "cadre" and not (linked and here and states[relative.id] in _THERE):
        raise Refused("not_together", cared=cared.name, relative=relative.name)
    if not linked:
        raise Refused("no_link")
    if not here:
        raise Refused("not_active")
    check_consent(session, cared)
    guardians.check(session, cared, now)


def check_consent(session: Session, cared: Person) -> None:
    """Raises Refused("consent_withdrawn", cared=…) for who agreed to calls once and does not any more."""
    if has_taken_back(session, cared.id, "family_calls"):
        raise Refused("consent_withdrawn", cared=cared.name)


def may_call(session: Session, relative: Person, cared: Person, now: datetime) -> bool:
    """Whether a cadre may seat these two; until this transaction is over that stays so."""
    try:
        check_pair(session, relative, cared, "cadre", now)
    except Refused:
        return False
    return True


def may_call_now(session: Session, relative: Person, cared: Person, now: datetime) -> bool:
    """The same where a call is held already: then nobody is waited for, and it may end at this very moment."""
    try:
        _check(session, relative, cared, "cadre", now, states_of(session, relative.id, cared.id))
    except Refused:
        return False
    return True
