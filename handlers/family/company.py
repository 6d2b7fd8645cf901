"""Between calls, in the official account: who has not talked for long, pairs (结对), the day sheet."""

from handlers.family import after_words, daysheets
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when
from models.errors import Refused
from models.family import pairing
from models.family.daysheet import day_sheet
from models.family.quiet import QUIET_DAYS, quiet
from models.hours import CHINA
from models.people.persons import Person
from models.people.scope import resident_of
from models.people.staff import helpers_named

TASKS = (Choice("我的任务", "task"),)


def company(ask: Ask, person: int) -> Reply:
    """What a cadre can do so that a resident is not alone."""
    name = resident_of(ask.session, ask.who.person_id, person).name
    choices = (Choice("写家乡来信", f"news/for/{person}"), Choice("请人结对", f"pair/for/{person}"))
    return Reply(after_words.COMPANY.format(cared=name), choices, back=f"staff/resident/{person}")


def who_is_quiet(ask: Ask) -> Reply:
    """Who has not talked with their family for long, the longest first."""
    found = quiet(ask.session, ask.who, ask.now, limit=30)
    if not found:
        return Reply(after_words.NO_QUIET, TASKS)
    choices = tuple(
        Choice(
            after_words.QUIET_LINE.format(
                name=one.name, village=one.village,
                since=after_words.NEVER if one.days is None else after_words.SINCE.format(days=one.days),
            ),
            f"staff/resident/{one.person_id}",
        )
        for one in found
    )  # fmt: skip
    return Reply(after_words.QUIET.format(days=QUIET_DAYS), choices, back="task")


def sheet(ask: Ask) -> Reply:
    """Today's calls in the order of the day, and whom somebody has still to tell; phones stand here only."""
    today = ask.now.astimezone(CHINA).date()
    lines = day_sheet(ask.session, ask.who, today)
    choices = tuple(Choice(f"{line.starts_at.astimezone(CHINA):%H:%M} {line.cared}", f"call/desk/{line.call_id}")
                    for line in lines)  # fmt: skip
    rounds = (Choice("上门路线", "call/round"),) if any(line.stop is not None for line in lines) else ()
    return Reply(daysheets.as_text(today, lines), (*rounds, *choices, *TASKS))


def pairs(ask: Ask) -> Reply:
    """With whom I am paired, and when we should be in touch."""
    found = pairing.pairs_of(ask.session, ask.who)
    if not found:
        return Reply(after_words.NO_PAIRS, TASKS)
    choices = tuple(Choice(_pair_line(ask, one), f"pair/desk/{one.pairing.id}") for one in found)
    return Reply(after_words.PAIRS, choices, back="menu")


def _pair_line(ask: Ask, one: pairing.Pair) -> str:
    due = when(one.pairing.due_at, CHINA)
    state = after_words.PAIR_LATE if one.late(ask.now) else after_words.PAIR_DUE.format(due=due)
    return after_words.PAIR_LINE.format(cared=one.cared, village=one.village, state=state)


def pair(ask: Ask, pair_id: int) -> Reply:
    """One pair: the last contact, and writing down another."""
    found, _ = pairing.pair_for(ask.session, ask.who, pair_id)
    helper, cared = (ask.session.get_one(Person, key) for key in (found.helper_id, found.cared_id))
    lines = pairing.contacts_of(ask.session, found.id, 1)
    last = after_words.PAIR_NEVER
    if lines:
        means = after_words.PAIR_MEANS[lines[0].means]
        last = after_words.PAIR_LAST.format(at=when(lines[0].happened_at, CHINA), means=means)
    text = after_words.PAIR_WHOLE.format(helper=helper.name, cared=cared.name, days=found.every_days, last=last)
    if found.state != "paired":
        return Reply(text, TASKS)
    choices = tuple(
        Choice(after_words.PAIR_MEANS[means], f"pair/{pair_id}/did/{n}") for n, means in enumerate(pairing.MEANS)
    )
    return Reply(text, (*choices, Choice("解除结对", f"pair/{pair_id}/part")), back="pair")


def did(ask: Ask, pair_id: int, means: int) -> Reply:
    """They were in touch, just now."""
    if means >= len(pairing.MEANS):
        raise Refused("wrong_state")
    pairing.touch(ask.session, ask.who, pair_id, pairing.MEANS[means], ask.now, ask.now)
    found, _ = pairing.pair_for(ask.session, ask.who, pair_id)
    return Reply(after_words.TOUCHED.format(due=when(found.due_at, CHINA)), (Choice("我的结对", "pair"), *TASKS))


def part(ask: Ask, pair_id: int) -> Reply:
    """The pair ends."""
    pairing.part(ask.session, ask.who, pair_id, ask.now)
    return Reply(after_words.PARTED, TASKS)


def ask_helper(ask: Ask, person: int) -> Reply:
    """A cadre pairs a resident with somebody: asks with whom."""
    cared = resident_of(ask.session, ask.who.person_id, person)
    return Reply(after_words.ASK_HELPER.format(cared=cared.name), ask_for=f"pair/for/{person}/name",
                 back=f"staff/resident/{person}")  # fmt: skip


def find_helper(ask: Ask, person: int) -> Reply:
    """Finds cadres and members of organisations by name."""
    cared = resident_of(ask.session, ask.who.person_id, person)
    found = helpers_named(ask.session, ask.text)
    if not found:
        return Reply(after_words.NO_HELPER_FOUND, ask_for=f"pair/for/{person}/name", back=f"staff/resident/{person}")
    choices = tuple(Choice(one.name, f"pair/for/{person}/{one.id}") for one in found)
    return Reply(after_words.ASK_HELPER.format(cared=cared.name), choices, back=f"staff/resident/{person}")


def ask_rhythm(ask: Ask, person: int, helper: int) -> Reply:
    """Asks how often."""
    resident_of(ask.session, ask.who.person_id, person)
    choices = tuple(
        Choice(after_words.RHYTHM_NAMES[days], f"pair/for/{person}/{helper}/{days}") for days in pairing.RHYTHMS
    )
    return Reply(after_words.ASK_RHYTHM, choices, back=f"pair/for/{person}")


def paired(ask: Ask, person: int, helper: int, days: int) -> Reply:
    """Paired."""
    made = pairing.pair(ask.session, ask.who, helper, person, days, ask.now)
    names = [ask.session.get_one(Person, key).name for key in (made.helper_id, made.cared_id)]
    said = after_words.PAIRED.format(helper=names[0], cared=names[1])
    return Reply(said, (Choice("查看", f"pair/desk/{made.id}"), *TASKS))


ADDRESSES: dict[str, Handler] = {
    "company/<int:person>": company,
    "call/quiet": who_is_quiet,
    "call/sheet": sheet,
    "pair": pairs,
    "pair/desk/<int:pair_id>": pair,
    "pair/<int:pair_id>/did/<int:means>": did,
    "pair/<int:pair_id>/part": part,
    "pair/for/<int:person>": ask_helper,
    "pair/for/<int:person>/name": find_helper,
    "pair/for/<int:person>/<int:helper>": ask_rhythm,
    "pair/for/<int:person>/<int:helper>/<int:days>": paired,
}

KEYWORDS = {
    "好久没视频": "call/quiet", "今天的视频": "call/sheet", "视频安排": "call/sheet",
    "我的结对": "pair", "结对": "pair",
}  # fmt: skip
