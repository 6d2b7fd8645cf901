"""What becomes of letters after they were carried: written down under the fence, breakers opened and mended."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.messages.accepting import accept_all, join_early
from models.messages.allowance import Allowance
from models.messages.breakers import EVERY, Blown, Mark, mend, standing, suspect, trip
from models.messages.choosing import A_WHILE
from models.messages.inbox import has_acted_since
from models.messages.ladder import CHANNELS, rungs_from
from models.messages.letters import Letter
from models.messages.outcomes import Failed, OpenLetter, Outcome, Sent, Unsure
from models.messages.passage import ENDED_UNDELIVERED, again_to_another, back_off, doubt, next_rung
from models.messages.subscriptions import close_window, count_reply, refuse, use
from models.people.identities import NOT_FOLLOWING, is_reachable, mark_unreachable

MAX_TRIES = 12
NOBODY_THERE = ("unreached", "-1")  # nothing reached WeChat, or it is busy: no letter's own doing
NOT_TRIED = "too_late"  # it waited too long for its turn, and nothing was sent
OUTAGE = 8  # so many sends at once of which none is answered, and the channel rests before it is tried again
OUTAGE_FIRST, OUTAGE_LONGEST = timedelta(seconds=5), timedelta(minutes=1)


@dataclass
class Settled:
    """What one settling brought: letters that are a cadre's now, those that have arrived and may have been said again,
    and breakers that have just opened."""

    ended: list[Letter] = field(default_factory=list)
    arrived: list[Letter] = field(default_factory=list)
    blown: list[Blown] = field(default_factory=list)

    def sort(self, letters: Sequence[Letter]) -> None:
        """Letters as they stand now, each to where it belongs."""
        self.ended += [letter for letter in letters if letter.state in ENDED_UNDELIVERED]
        self.arrived += [letter for letter in letters if letter.state == "delivered"]


@dataclass(frozen=True)
class _Desk:
    """Everything the settling of one letter may need."""

    session: Session
    allowance: Allowance
    now: datetime
    real_now: datetime
    jitter: float
    settled: Settled
    misfitting: set[Mark] = field(default_factory=set)  # templates that several letters do not fit: theirs is the fault


def settle(
    session: Session,
    owner: str,
    outcomes: Mapping[int, tuple[OpenLetter, Outcome]],
    *,
    now: datetime,
    real_now: datetime,
    jitter: float,
    allowance: Allowance,
) -> Settled:
    """Write down what came of each letter (id → as it was carried, outcome) that `owner` still holds.

    A letter whose lease was lost to another owner is left alone. `jitter` in [0, 1) spreads retries.
    """
    quick: dict[int, tuple[OpenLetter, Sent]] = {}
    rest: dict[int, tuple[OpenLetter, Outcome]] = {}
    for key, (carried, outcome) in outcomes.items():
        if isinstance(outcome, Sent) and outcome.msgid is not None and CHANNELS[carried.channel].needs == "following":
            quick[key] = (carried, outcome)
        else:
            rest[key] = (carried, outcome)
    accepted, joined = accept_all(session, owner, quick, now=now, real_now=real_now) if quick else ([], [])
    went = set(accepted)
    desk = _Desk(session, allowance, now, real_now, jitter, Settled())
    held = _held(session, owner, rest) if rest else []
    went |= {_mark(rest[letter.id][0]) for letter in held if isinstance(rest[letter.id][1], Sent)}
    _look_for_misfits(desk, [(letter, *rest[letter.id]) for letter in held], went)
    for letter in held:
        carried, outcome = rest[letter.id]
        letter.lease_owner = letter.lease_until = None
        letter.app_id = carried.app_id
        if isinstance(outcome, Sent):
            _sent(desk, letter, carried, outcome)
        elif isinstance(outcome, Failed):
            _failed(desk, letter, carried, _unless_they_came_back(session, carried, outcome))
        else:
            _unsure(letter, carried, outcome, now, jitter)
    session.flush()
    mend(session, went, now)
    if rest:
        _rest_where_nothing_goes(desk, quick.values(), [rest[letter.id] for letter in held])
    join_early(session, [letter.msgid for letter in held if letter.state == "sent"], now)
    session.flush()
    desk.settled.sort((*held, *joined))
    return desk.settled


def _held(session: Session, owner: str, outcomes: Collection[int]) -> Sequence[Letter]:
    query = select(Letter).where(Letter.id.in_(outcomes), Letter.state == "sending", Letter.lease_owner == owner)
    fresh = {"populate_existing": True}
    return session.scalars(query.order_by(Letter.id).with_for_update(), execution_options=fresh).all()


def _mark(carried: OpenLetter) -> Mark:
    return carried.app_id, carried.channel, carried.kind


def _look_for_misfits(desk: _Desk, held: Sequence[tuple[Letter, OpenLetter, Outcome]], went: Collection[Mark]) -> None:
    """Find the templates that are at fault, and not the one letter that does not fit: several were refused, about
    different people or things, and none of their kind went through.

    Letters that find the fault wait for the template. What tries a half-open one and does not fit goes on its way: it
    must not be the first to try each time.
    """
    misfits: dict[Mark, dict[object, Failed]] = {}
    for letter, carried, outcome in held:
        if isinstance(outcome, Failed) and (outcome.action, outcome.scope) == ("unfit", "template"):
            misfits.setdefault(_mark(carried), {})[letter.about_id or letter.subject] = outcome
    for mark, different in sorted(misfits.items(), key=lambda pair: pair[0]):
        if mark in went:
            continue
        stands = suspect(desk.session, mark, len(different), desk.now)
        if stands == "open":
            desk.misfitting.add(mark)
        elif stands == "half_open":
            _stop(desk, mark, next(iter(different.values())))


def _sent(desk: _Desk, letter: Letter, carried: OpenLetter, outcome: Sent) -> None:
    channel = CHANNELS[letter.channel]
    letter.msgid, letter.said, letter.sent_at = outcome.msgid, outcome.said[:600], desk.real_now
    letter.error_code = letter.error_detail = None
    # Where no receipt ever comes, or could not be joined, WeChat's acceptance is the last that is heard.
    waits = channel.receipt and outcome.msgid is not None
    letter.state = "sent" if waits else "delivered"
    letter.settled_at = None if waits else desk.now
    if channel.needs == "window":
        count_reply(desk.session, carried.identity_id)
    topic = desk.allowance.topics.get(letter.kind, {}).get(letter.channel)
    if channel.needs == "consent" and topic is not None:
        use(desk.session, carried.identity_id, topic, desk.now)


def _unless_they_came_back(session: Session, carried: OpenLetter, outcome: Failed) -> Failed:
    """That somebody does not follow is over when they have followed while the letter was on its way: it goes again."""
    if outcome.code in NOT_FOLLOWING and has_acted_since(session, carried.identity_id, carried.claimed_at):
        return replace(outcome, action="again")
    return outcome


def _failed(desk: _Desk, letter: Letter, carried: OpenLetter, outcome: Failed) -> None:
    letter.error_code, letter.error_detail = outcome.code[:24], outcome.detail[:300]
    letter.said = outcome.said[:600] or letter.said
    if not letter.in_doubt:
        letter.first_attempt_at = None  # it was refused: WeChat holds nothing under this client_msg_id
    if outcome.action in ("person", "window"):
        _cannot_be_reached_so(desk, letter, carried, outcome)
        return
    if outcome.action == "unfit" and (outcome.scope == "letter" or _mark(carried) not in desk.misfitting):
        next_rung(letter, desk.now)
        return
    next_at = desk.now + max(back_off(letter.tries, desk.jitter), timedelta(seconds=outcome.pause_seconds))
    if outcome.scope != "letter":
        mark = _mark(carried) if outcome.scope == "template" else (carried.app_id, carried.channel, EVERY)
        next_at = _stop(desk, mark, outcome)
        lasts = mark in standing(desk.session, desk.now).lasting
        if (lasts or next_at - desk.now > A_WHILE) and not letter.in_doubt and not letter.unwanted:
            # The next claim finds another way, or the hour to wait for.
            letter.state, letter.next_at = "retry", desk.now
            if rungs_from(letter.kind, letter.channel)[1:]:
                letter.app_id = None
            return
    # What says nothing of this letter must not use up its tries: an hour without WeChat is no reason to give it up.
    its_own = outcome.scope == "letter" and outcome.code not in (*NOBODY_THERE, NOT_TRIED)
    tired = outcome.action == "again" and letter.tries >= MAX_TRIES and its_own
    if letter.unwanted or tired or next_at >= letter.useful_until:
        next_rung(letter, desk.now)
        return
    letter.state, letter.next_at = "retry", next_at


def _cannot_be_reached_so(desk: _Desk, letter: Letter, carried: OpenLetter, outcome: Failed) -> None:
    """This way is closed for this person: what is known of it is written down, and the next rung is tried."""
    if outcome.action == "person":
        mark_unreachable(desk.session, letter.person_id, carried.app_id, outcome.code, carried.identity_id)
        if is_reachable(desk.session, letter.person_id) and again_to_another(letter, desk.now):
            return
    topic = desk.allowance.topics.get(letter.kind, {}).get(letter.channel)
    if CHANNELS[letter.channel].needs == "consent" and topic is not None:
        refuse(desk.session, carried.identity_id, topic, desk.now, outcome.code, asked_at=carried.claimed_at)
    if CHANNELS[letter.channel].needs == "window":
        close_window(desk.session, carried.identity_id, carried.claimed_at)
    next_rung(letter, desk.now)


def _stop(desk: _Desk, mark: Mark, outcome: Failed) -> datetime:
    """Open the breaker of a template or of an account's channel; answers until when."""
    app_id, channel, kind = mark
    until, news = trip(
        desk.session, app_id=app_id, channel=channel, kind=kind, code=outcome.code, why=outcome.detail, now=desk.now,
        pause=timedelta(seconds=outcome.pause_seconds) if outcome.pause_seconds else None,
        needs_person=outcome.action != "again",
    )  # fmt: skip
    if news is not None:
        desk.settled.blown.append(news)
    return until


def _unsure(letter: Letter, carried: OpenLetter, outcome: Unsure, now: datetime, jitter: float) -> None:
    letter.error_code, letter.error_detail = "unsure", outcome.detail[:300]
    letter.said = outcome.said[:600] or letter.said
    letter.identity_id = carried.identity_id
    doubt(letter, now, jitter)


def _rest_where_nothing_goes(
    desk: _Desk, went: Collection[tuple[OpenLetter, Sent]], held: Sequence[tuple[OpenLetter, Outcome]]
) -> None:
    """Let a channel rest on which nothing of a whole batch was answered: to try each letter that is due would leave as
    many in doubt, and every one of them would become a cadre's."""
    alive = {(carried.app_id, carried.channel) for carried, _ in went}
    silent: dict[tuple[str, str], int] = {}
    for carried, outcome in held:
        way = carried.app_id, carried.channel
        if isinstance(outcome, Failed) and outcome.code == NOT_TRIED:
            continue
        if isinstance(outcome, Unsure) or (isinstance(outcome, Failed) and outcome.code in NOBODY_THERE):
            silent[way] = silent.get(way, 0) + 1
        else:
            alive.add(way)
    dead = sorted(silent.keys() - alive)
    half_open = standing(desk.session, desk.now).half_open if dead else frozenset()
    for app_id, channel in dead:
        if silent[app_id, channel] < OUTAGE and (app_id, channel, EVERY) not in half_open:
            continue
        _, news = trip(
            desk.session, app_id=app_id, channel=channel, kind=EVERY, code="outage", why="nothing is answered",
            now=desk.now, first=OUTAGE_FIRST, longest=OUTAGE_LONGEST,
        )  # fmt: skip
        if news is not None:
            desk.settled.blown.append(news)
