"""The ways in which a call is held: what each needs, which are possible for this call and why the others are not."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family import devices, minutes
from models.family.calls import CALL, FamilyCall, call_for, led_by, relatives_on
from models.family.guests import guests_of
from models.family.minutes import COSTS, Budget, left
from models.family.presence import MOST_SEATS
from models.life import BY_RULE, By
from models.people.identities import Identity, Who, is_reachable
from models.tasks.desk import settle_for
from models.tasks.tasks import TASK, Task

OPENS, GRACE = timedelta(minutes=15), timedelta(minutes=10)
LIVE = ("booked", "checked_in", "in_call")
OWN_PHONE = ("page", "signature", "link")  # what who is called may be given; elsewhere a cadre or a device is between


@dataclass(frozen=True)
class Way:
    """One way. `needs` names the checks of `_CHECKS` that it has to pass, `joins` what who joins is given."""

    needs: tuple[str, ...]
    joins: str


# joinVoIPChat holds ten people and its signature is made here; join1v1Chat wants both inside the same mini-program and
# costs minutes (1 of video counts 15); wmpf-voip rings the family's phone from a device that each has authorised once.
WAYS: Mapping[str, Way] = {
    "room": Way(("seats",), "page"),
    "mini_voip": Way(("mini_program",), "signature"),
    "mini_1v1": Way(("mini_program", "helper", "alone", "minutes"), "openids"),
    "device_voip": Way(("mini_program", "device", "authorised"), "device"),
    "link": Way((), "link"),
    "by_hand": Way(("wechat",), "wait"),
}
MEDIA = tuple(COSTS)


@dataclass(frozen=True)
class Offered:
    """What this county has switched on, and the minutes of its mini-program."""

    ways: tuple[str, ...]
    app_id: str = ""  # the mini-program's
    budget: Budget = Budget(0)  # noqa: RUF009 - frozen itself


@dataclass(frozen=True)
class Choice:
    """One way for one call: whether it can be, else why not ("" where it can); `left` is minutes of its kind."""

    way: str
    why_not: str
    left: int | None = None


def possible(session: Session, call: FamilyCall, offered: Offered, now: datetime) -> list[Choice]:
    """Every way that is switched on, in the order of the table, with the first reason that stands against it."""
    still = left(session, offered.app_id, offered.budget, call.starts_at, call.media)
    return [
        Choice(
            name, next((need for need in way.needs if not _CHECKS[need](session, call, offered, now)), ""),
            still if "minutes" in way.needs else None,
        )
        for name, way in WAYS.items() if name in offered.ways
    ]  # fmt: skip


def voice_advised(session: Session, call: FamilyCall, offered: Offered, found: Sequence[Choice]) -> bool:
    """Whether the month's minutes, where any of these ways counts them, run so low that voice is the better choice."""
    metered = any(one.left is not None for one in found)
    return metered and minutes.voice_advised(session, offered.app_id, offered.budget, call.starts_at)


def other_media(call: FamilyCall) -> str:
    """Voice where it is video, and the other way round."""
    return next(one for one in MEDIA if one != call.media)


def choose(
    session: Session, who: Who, call_id: int, way: str, media: str, offered: Offered, now: datetime
) -> FamilyCall:
    """Who booked, or a cadre, chooses how a call is held; the same again is once.

    Raises Refused("not_yours"), ("no_way") for one that is not offered, ("way_not_possible", why=…) or ("wrong_state").
    """
    call, role = led_by(session, who, call_id)
    if way not in offered.ways or media not in MEDIA:
        raise Refused("no_way")
    if (call.way, call.media) == (way, media) and call.state in LIVE:
        return call
    seen = call.revision
    with session.begin_nested():
        CALL.move(
            session, call, "choose", by=By(who.person_id, role), now=now, note=f"{way} {media}",
            where={"revision": seen}, way=way, media=media,
        )  # fmt: skip
        why = next(one.why_not for one in possible(session, call, offered, now) if one.way == way)
        if why:
            raise Refused("way_not_possible", why=why)
        if way != "device_voip":
            settle_for(session, call.subject, "cancel", by=BY_RULE, now=now, kinds=(devices.KIND,))
        _tell_helper(session, call)
    return call


def _tell_helper(session: Session, call: FamilyCall) -> None:
    """The helper's task says how the call is held now: who prepares it reads that there."""
    query = select(Task).where(Task.subject == call.subject, Task.kind == "call_help", Task.state.not_in(TASK.ends))
    for task in session.scalars(query.with_for_update(), execution_options={"populate_existing": True}).all():
        task.facts = {**task.facts, "way": call.way}
    session.flush()


def joining(session: Session, who: Who, call_id: int, now: datetime) -> tuple[FamilyCall, str]:
    """The call, for one who is on it and within its time: from 15 minutes before to 10 after its end.

    On it are who booked, the guests, who is called and the helper: a cadre who only sees it is not. Raises
    Refused("not_yours"), ("with_cadre") to who is called where the way lets only a cadre join for them,
    ("call_not_open", opens_at=…), or ("call_over") when it is past, cancelled or done.
    """
    call, role = call_for(session, who, call_id)
    if role == "cadre" and call.helper_id != who.person_id:
        raise Refused("not_yours")
    if role == "cared" and WAYS[call.way].joins not in OWN_PHONE:
        raise Refused("with_cadre")
    if call.state not in LIVE or call.ends_at + GRACE <= now:
        raise Refused("call_over")
    if now < call.starts_at - OPENS:
        raise Refused("call_not_open", opens_at=call.starts_at - OPENS)
    return call, role


def group_of(session: Session, call: FamilyCall) -> str:
    """The name of the call's voice room at WeChat: nobody can guess it, each call has its own; two who ask get one."""
    if call.group_key is None:
        session.execute(
            update(FamilyCall).where(FamilyCall.id == call.id, FamilyCall.group_key.is_(None))
            .values(group_key=secrets.token_hex(16)).execution_options(synchronize_session=False)
        )  # fmt: skip
        session.refresh(call)
    assert call.group_key is not None
    return call.group_key


def identity_in(session: Session, person_id: int, app_id: str) -> Identity | None:
    """How a person is known to the mini-program; None for who never opened it."""
    query = select(Identity).where(Identity.person_id == person_id, Identity.app_id == app_id).order_by(Identity.id)
    return session.scalar(query.limit(1))


Check = Callable[[Session, FamilyCall, Offered, datetime], bool]


def _in_mini_program(session: Session, call: FamilyCall, offered: Offered, _: datetime) -> bool:
    return all(identity_in(session, person, offered.app_id) is not None for person in relatives_on(session, call))


def _helper_in_mini_program(session: Session, call: FamilyCall, offered: Offered, _: datetime) -> bool:
    return identity_in(session, call.helper_id, offered.app_id) is not None


def _alone(session: Session, call: FamilyCall, _: Offered, __: datetime) -> bool:
    return not guests_of(session, call.id)


def _has_minutes(session: Session, call: FamilyCall, offered: Offered, _: datetime) -> bool:
    wanted = (call.ends_at - call.starts_at) // timedelta(minutes=1)
    return left(session, offered.app_id, offered.budget, call.starts_at, call.media) >= wanted


def _has_device(session: Session, call: FamilyCall, _: Offered, __: datetime) -> bool:
    return devices.device_of(session, call.station_id) is not None


def _authorised(session: Session, call: FamilyCall, _: Offered, __: datetime) -> bool:
    device = devices.device_of(session, call.station_id)
    grant = devices.grant_for(session, call.relative_id, device.id) if device is not None else None
    return grant is not None and grant.state == "granted"


def _on_wechat(session: Session, call: FamilyCall, _: Offered, __: datetime) -> bool:
    return is_reachable(session, call.relative_id)


def _has_seats(session: Session, call: FamilyCall, _: Offered, __: datetime) -> bool:
    return len(guests_of(session, call.id)) <= MOST_SEATS - 2


_CHECKS: Mapping[str, Check] = {
    "seats": _has_seats,
    "mini_program": _in_mini_program, "helper": _helper_in_mini_program,
    "alone": _alone, "minutes": _has_minutes, "device": _has_device,
    "authorised": _authorised, "wechat": _on_wechat,
}  # fmt: skip
