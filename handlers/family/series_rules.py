"""Another rule for a series, in the official account: from which day on, by which rule, seen before it changes."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.orm import Session

from handlers.family import series_words as words
from handlers.family.moments import day_of
from handlers.family.wishing import birthday, feasts, rules_from
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import on_day
from models.errors import Refused
from models.family.editing import Edit, edit, try_edit
from models.family.occurrences import occurrence_for
from models.family.recurring import Rule, read
from models.family.repeating import glances
from models.family.series import Series, series_for
from models.family.venues import venue_for
from models.hours import calendar
from models.people.identities import Who
from models.people.persons import Person
from models.places.centres import open_spans

DAYS_SHOWN, DAYS_LOOKED = 14, 30


def first_days(session: Session, series: Series, since: date) -> list[date]:
    """The days from one on, on which the centre is open: on which a series by another rule can begin."""
    relative, cared = (session.get_one(Person, key) for key in (series.relative_id, series.cared_id))
    centre = venue_for(session, relative, cared).centre
    spans = open_spans(session, centre, since, calendar(session), DAYS_LOOKED)
    return list(dict.fromkeys(opens.astimezone(series.tz).date() for opens, _ in spans))[:DAYS_SHOWN]


def from_when(session: Session, who: Who, series: int, since: int, today: date) -> tuple[Series, date | None, date]:
    """The series, the day of the date `since` from which it changes (None: that is the first by the new rule), and the
    earliest day on which the new rule may begin. Raises Refused("not_yours") also for a date of another series."""
    found, _ = series_for(session, who, series)
    if not since:
        return found, None, today + timedelta(days=1)
    first, of, _ = occurrence_for(session, who, since)
    if of.id != series:
        raise Refused("not_yours")
    return found, first.day, max(first.day, today + timedelta(days=1))


def wanted(rule: Rule, first: date, since: date | None) -> tuple[Edit, date]:
    """What is to be changed, and from which day on."""
    return Edit(rule=rule, anchor=first), min(since or first, first)


def pick_day(ask: Ask, series: int, since: int) -> Reply:
    """On which day the new rule begins: it says which day of the week or month it is."""
    found, _, earliest = _from(ask, series, since)
    days = first_days(ask.session, found, earliest)
    choices = tuple(Choice(on_day(day), f"call/turn/{series}/{since}/{day:%Y%m%d}") for day in days)
    text = words.PICK_DAY.format(rule=words.repeats(found.recurs)) if days else words.NO_TIMES
    return Reply(text, choices, back=f"call/series/{series}")


def pick_rule(ask: Ask, series: int, since: int, how: str) -> Reply:
    """By which rule from that day on, "20261202"; with a rule behind it, "20261202.week-1-3", what it would become."""
    found, _, _ = _from(ask, series, since)
    first, rule = _read(how)
    if rule is not None:
        return _check(ask, series, since, how)
    here = f"call/turn/{series}/{since}/{how}"
    choices = [Choice(words.repeats(one), f"{here}.{one.code}") for one in rules_from(first)]
    choices.append(Choice("农历生日", f"{here}/lunar"))
    choices += [Choice(words.feast(one), f"{here}.{one.code}") for one in feasts()]
    text = words.PICK_OTHER_RULE.format(day=on_day(first), clock=words.clock(found.at))
    return Reply(text, tuple(choices), back=f"call/turn/{series}/{since}")


def ask_birthday(ask: Ask, series: int, since: int, how: str) -> Reply:
    """Asks on which day of the lunar year."""
    _from(ask, series, since)
    here = f"call/turn/{series}/{since}/{how}"
    return Reply(words.ASK_BIRTHDAY, ask_for=f"{here}/said", back=here)


def birthday_said(ask: Ask, series: int, since: int, how: str) -> Reply:
    """A lunar birthday as people write it."""
    again = ask_birthday(ask, series, since, how)
    try:
        rule = birthday(ask.text)
    except Refused:
        return replace(again, text=words.BAD_BIRTHDAY)
    return _check(ask, series, since, f"{how.partition('.')[0]}.{rule.code}")


def _check(ask: Ask, series: int, since: int, how: str) -> Reply:
    """The dates as they would be, and what is off then, before anything changes."""
    found, change, begins = _asked(ask, series, since, how)
    seen, outcome = try_edit(ask.session, ask.who, series, change, ask.now, begins)
    here = f"call/turn/{series}/{since}/{how}"
    text = words.CHECK_RULE.format(
        day=on_day(begins), rule=words.repeats(change.rule or found.recurs), clock=words.clock(found.at),
        off=words.off(outcome.off), dates=words.dated(seen, _zone(ask, found)),
    )  # fmt: skip
    return Reply(text, (Choice(words.DO_CHANGE, f"{here}/yes"),), back=here.partition(".")[0])


def turn(ask: Ask, series: int, since: int, how: str) -> Reply:
    """The rule is another from that day on."""
    found, change, begins = _asked(ask, series, since, how)
    outcome = edit(ask.session, ask.who, series, change, ask.now, begins)
    text = words.RULE_CHANGED.format(
        rule=words.repeats(found.recurs), clock=words.clock(found.at), off=words.off(outcome.off),
        dates=words.dated(glances(ask.session, found, ask.now), _zone(ask, found)),
    )  # fmt: skip
    return Reply(text, (Choice("查看", f"call/series/{series}"),))


def _asked(ask: Ask, series: int, since: int, how: str) -> tuple[Series, Edit, date]:
    """What an address asks for: the series, what is to be otherwise, from which day on."""
    found, start, _ = _from(ask, series, since)
    first, rule = _read(how)
    if rule is None:
        raise Refused("bad_repeat")
    return found, *wanted(rule, first, start)


def _read(how: str) -> tuple[date, Rule | None]:
    day, _, code = how.partition(".")
    return day_of(day), read(code) if code else None


def _from(ask: Ask, series: int, since: int) -> tuple[Series, date | None, date]:
    found, _ = series_for(ask.session, ask.who, series)
    return from_when(ask.session, ask.who, series, since, ask.now.astimezone(found.tz).date())


def _zone(ask: Ask, series: Series) -> str:
    return ask.session.get_one(Person, series.relative_id).time_zone


ADDRESSES: dict[str, Handler] = {
    "call/turn/<int:series>/<int:since>": pick_day,
    "call/turn/<int:series>/<int:since>/<how>": pick_rule,
    "call/turn/<int:series>/<int:since>/<how>/lunar": ask_birthday,
    "call/turn/<int:series>/<int:since>/<how>/said": birthday_said,
    "call/turn/<int:series>/<int:since>/<how>/yes": turn,
}
