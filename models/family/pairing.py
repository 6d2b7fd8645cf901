"""结对: a cadre or volunteer looks in on one elder every so often; what is overdue becomes a task."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.base import Row
from models.errors import Refused
from models.history import steps_of
from models.hours import calendar
from models.life import BY_RULE, BY_TIME, By, Life, Verb
from models.messages.letters import Letter
from models.messages.outbox import post
from models.messages.passage import ENDED_UNDELIVERED
from models.people.homes import centre_of
from models.people.identities import Who
from models.people.persons import Person, held_to_change
from models.people.scope import in_charge_of, resident_of
from models.people.staff import areas_under, is_cadre_over, roles_of
from models.places.areas import Area
from models.places.centres import phone_of
from models.tasks.desk import open_task, settle_for
from models.tasks.tasks import TASK, Task
from models.tasks.telling import next_morning
from models.tasks.undelivered import say_instead, take_back

MEANS = ("visit", "phone", "wechat", "call")  # came by, phoned, wrote, helped with a video call
RHYTHMS = (7, 14, 30)  # days
NOTE_LIMIT = 200
AT_ONCE = 200
PAIRED = "family.paired"
DUE = "family.pairing_due"  # that a volunteer should look in


class Pairing(Row):
    """One helper for one elder or child. `last_at` is when they were last in touch; empty: not yet."""

    __tablename__ = "pairings"
    __table_args__ = (
        Index(
            "uq_pairings_paired", "helper_id", "cared_id", unique=True,
            postgresql_where=text("state = 'paired'"), sqlite_where=text("state = 'paired'"),
        ),
    )  # fmt: skip

    helper_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    every_days: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default="paired")
    since: Mapped[datetime]
    last_at: Mapped[datetime | None]
    asked_since: Mapped[datetime | None]  # the last contact after which a task was opened: once for each silence

    @property
    def subject(self) -> str:
        """The name under which history, tasks and letters know this pair."""
        return f"pair:{self.id}"

    @property
    def due_at(self) -> datetime:
        """By when they should be in touch again."""
        return (self.last_at or self.since) + timedelta(days=self.every_days)


class PairingContact(Row):
    """Once that a helper was in touch: when it was, and when it was written down."""

    __tablename__ = "pairing_contacts"

    pairing_id: Mapped[int] = mapped_column(ForeignKey("pairings.id"), index=True)
    means: Mapped[str] = mapped_column(String(8))  # one of MEANS
    happened_at: Mapped[datetime]
    reported_at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    note: Mapped[str] = mapped_column(String(NOTE_LIMIT), default="")


PAIRING = Life(
    "pair",
    cast(Table, Pairing.__table__),
    "paired",
    (
        Verb("rhythm", ("paired",), "paired", who=("cadre",)),
        Verb("part", ("paired",), "parted", who=("cadre", "helper", "rule"), tells=("helper",)),
    ),
)


def pair(session: Session, who: Who, helper_id: int, cared_id: int, every_days: int, now: datetime) -> Pairing:
    """A cadre over the village pairs a cadre or volunteer with a resident; again it is the rhythm that changes.

    Raises Refused("not_yours"), ("not_active"), ("bad_rhythm"), ("own_link") for somebody with themselves, or
    ("no_helper") for who holds no role: only whom the county knows goes into homes.
    """
    cared = resident_of(session, who.person_id, cared_id)
    held_to_change(session, cared.id, helper_id)
    if cared.state != "active":
        raise Refused("not_active")
    if every_days not in RHYTHMS:
        raise Refused("bad_rhythm")
    if helper_id == cared.id:
        raise Refused("own_link")
    helper = session.get(Person, helper_id)
    if helper is None or helper.state != "active" or not roles_of(session, helper.id):
        raise Refused("no_helper")
    query = select(Pairing).where(
        Pairing.helper_id == helper.id, Pairing.cared_id == cared.id, Pairing.state == "paired"
    )
    found = session.scalar(query.with_for_update())
    if found is not None:
        if found.every_days != every_days:
            by = By(who.person_id, "cadre")
            PAIRING.move(session, found, "rhythm", by=by, now=now, every_days=every_days, note=str(every_days))
            welcome = (Letter.subject == found.subject) & (Letter.kind == PAIRED)
            say_instead(session, welcome, {"days": every_days})
            if found.due_at > now:  # what was overdue is not any more; when it is again, it is asked for again
                _ask_no_more(session, found, "cancel", BY_RULE, now)
                found.asked_since = None
                session.flush()
        return found
    made = Pairing(helper_id=helper.id, cared_id=cared.id, every_days=every_days, since=now)
    session.add(made)
    PAIRING.begin(session, made, by=By(who.person_id, "cadre"), now=now, note=str(every_days))
    if helper.id != who.person_id:
        _write_to(session, made, "paired", now)
    return made


def pair_for(session: Session, who: Who, pairing_id: int) -> tuple[Pairing, str]:
    """A pair, held, and as what this person sees it: "helper" or "cadre"; raises Refused("not_yours") for others."""
    found = session.get(Pairing, pairing_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise Refused("not_yours")
    if found.helper_id == who.person_id and roles_of(session, who.person_id):
        return found, "helper"
    if in_charge_of(session, who.person_id, session.get_one(Person, found.cared_id)):
        return found, "cadre"
    raise Refused("not_yours")


def touch(
    session: Session, who: Who, pairing_id: int, means: str, happened_at: datetime, now: datetime, note: str = ""
) -> PairingContact:  # fmt: skip
    """They were in touch; also told later: the latest moment counts, not the latest telling. Its task is done.

    Raises Refused("not_yours"), ("wrong_state") when the pair has parted, or ("bad_time").
    """
    found, _ = pair_for(session, who, pairing_id)
    if found.state != "paired" or means not in MEANS:
        raise Refused("wrong_state", thing=PAIRING.name, state=found.state)
    if not found.since - timedelta(days=1) <= happened_at <= now:
        raise Refused("bad_time")
    line = PairingContact(pairing_id=found.id, means=means, happened_at=happened_at, reported_at=now,
                          by_id=who.person_id, note=note.strip()[:NOTE_LIMIT])  # fmt: skip
    session.add(line)
    found.last_at = max(found.last_at or happened_at, happened_at)
    session.flush()
    # A contact after the one since which it was asked ends that silence; one that is overdue itself is asked anew.
    if found.due_at > now or found.asked_since is None or found.last_at > found.asked_since:
        _ask_no_more(session, found, "finish", By(who.person_id, "cadre"), now)
    return line


def contacts_of(session: Session, pairing_id: int, limit: int = 10) -> list[PairingContact]:
    """When they were in touch, the latest first."""
    query = select(PairingContact).where(PairingContact.pairing_id == pairing_id)
    return list(
        session.scalars(query.order_by(PairingContact.happened_at.desc(), PairingContact.id.desc()).limit(limit))
    )


def part(session: Session, who: Who, pairing_id: int, now: datetime) -> Pairing:
    """The pair ends: the helper stops, or a cadre ends it. Twice is once; raises Refused("not_yours")."""
    found, role = pair_for(session, who, pairing_id)
    if found.state != "parted":
        _part(session, found, By(who.person_id, role), now)
        if found.helper_id != who.person_id:
            _write_to(session, found, "parted", now)
    return found


def part_all(session: Session, person_id: int, now: datetime) -> None:
    """A resident has died or moved away: nobody is asked to look in on them any more."""
    query = select(Pairing).where(Pairing.cared_id == person_id, Pairing.state == "paired").with_for_update()
    for found in session.scalars(query).all():
        _part(session, found, BY_RULE, now)


def ask_again(session: Session, person_id: int, now: datetime) -> None:
    """A resident is back home: what was taken back meanwhile before their helpers heard of it is said to them."""
    query = select(Pairing).where(Pairing.cared_id == person_id, Pairing.state == "paired").with_for_update()
    for found in session.scalars(query.order_by(Pairing.id)).all():
        if not roles_of(session, found.helper_id):
            continue
        waits = select(Task.id).where(Task.subject == found.subject, Task.state.not_in(TASK.ends)).limit(1)
        still_so = [PAIRED, *([DUE] if session.scalar(waits) is not None else [])]
        said = select(Letter).where(Letter.subject == found.subject, Letter.kind.in_(still_so)).order_by(Letter.id)
        for kind, letter in {one.kind: one for one in session.scalars(said)}.items():
            if letter.state == "withdrawn" or (letter.unwanted and letter.state in ENDED_UNDELIVERED):
                _write_to(session, found, kind.partition(".")[2], now, f":again:{letter.id}")


def _part(session: Session, found: Pairing, by: By, now: datetime) -> None:
    PAIRING.move(session, found, "part", by=by, now=now)
    settle_for(session, found.subject, "cancel", by=BY_RULE, now=now)
    take_back(session, found.subject, now)


def _ask_no_more(session: Session, found: Pairing, verb: str, by: By, now: datetime) -> None:
    """Nobody is asked any more to look in: the task ends, and so does what was to ask the volunteer."""
    settle_for(session, found.subject, verb, by=by, now=now)
    take_back(session, found.subject, now, but_not=Letter.kind != DUE)


@dataclass(frozen=True)
class Pair:
    """One pair in a list."""

    pairing: Pairing
    helper: str
    cared: str
    village: str

    def late(self, now: datetime) -> bool:
        """Whether they should have been in touch by now."""
        return self.pairing.due_at < now


def pairs_of(session: Session, who: Who, *, below: bool = False) -> list[Pair]:
    """The pairs in which this person is the helper, or all below a cadre's areas; the longest out of touch first."""
    if not roles_of(session, who.person_id):
        return []  # who holds no office any more looks in on nobody
    helper, cared = aliased(Person), aliased(Person)
    which = Pairing.helper_id == who.person_id
    if below:
        which = cared.area_id.in_(areas_under(who.person_id))
    query = (
        select(Pairing, helper.name.label("helper"), cared.name.label("cared"), Area.name.label("village"))
        .join(helper, Pairing.helper_id == helper.id).join(cared, Pairing.cared_id == cared.id)
        .join(Area, cared.area_id == Area.id).where(Pairing.state == "paired", which)
        .order_by(func.coalesce(Pairing.last_at, Pairing.since), Pairing.id)
    )  # fmt: skip
    return [Pair(row.Pairing, row.helper, row.cared, row.village) for row in session.execute(query)]


def ask_overdue(session: Session, now: datetime) -> int:
    """Open a task for each pair that should have been in touch; answers how many. Once for each time it is due.

    The helper's own where they are a cadre over the village; else it is the village's cadres', and the helper hears
    of it in a letter.
    """
    since = func.coalesce(Pairing.last_at, Pairing.since)
    opened = 0
    for days in session.scalars(select(Pairing.every_days).where(Pairing.state == "paired").distinct()).all():
        query = (
            select(Pairing).join(Person, Pairing.cared_id == Person.id)
            .where(Pairing.state == "paired", Pairing.every_days == days, since < now - timedelta(days=days))
            .where(or_(Pairing.asked_since.is_(None), Pairing.asked_since < since))
            .where(Person.state == "active", Person.area_id.is_not(None))
            .order_by(Pairing.id).limit(AT_ONCE).with_for_update(of=Pairing, skip_locked=True)
        )  # fmt: skip
        late = session.scalars(query, execution_options={"populate_existing": True}).all()
        for found in late:
            _ask(session, found, now)
        opened += len(late)
    return opened


def _ask(session: Session, found: Pairing, now: datetime) -> None:
    cared, helper = session.get_one(Person, found.cared_id), session.get_one(Person, found.helper_id)
    area = session.get_one(Area, cared.area_id)
    own = is_cadre_over(session, helper.id, area)
    task = open_task(
        session, key=f"{found.subject}/due/{found.due_at.timestamp():.0f}{_rhythms(session, found)}",
        kind="pairing_due", area_id=area.id, subject=found.subject, person_id=cared.id, now=now, by=BY_TIME,
        assignee_id=helper.id if own else None, due_at=next_morning(now, calendar(session), 2),
        facts={"cared": cared.name, "helper": helper.name},
    )  # fmt: skip
    found.asked_since = found.last_at or found.since
    if not own and roles_of(session, helper.id):
        _write_to(session, found, "pairing_due", now, f":{task.id}")


def _rhythms(session: Session, found: Pairing) -> str:
    """What tells the same day by the same rhythm a second time from the first: another lay in between."""
    changes = steps_of(session, [found.subject], "rhythm")[found.subject]
    return f"/{changes}" if changes else ""


def _write_to(session: Session, found: Pairing, word: str, now: datetime, mark: str = "") -> None:
    cared = session.get_one(Person, found.cared_id)
    centre = centre_of(session, cared)
    post(
        session, key=f"{found.subject}/{word}{mark}", person_id=found.helper_id, kind=f"family.{word}", now=now,
        facts={"pair": found.id, "cared": cared.name, "days": found.every_days, "at": now.isoformat(),
               "phone": phone_of(session, centre) if centre else ""},
        subject=found.subject, about_id=cared.id,
    )  # fmt: skip
