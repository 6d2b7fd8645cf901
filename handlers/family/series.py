"""Series of calls in the official account: begun from one call in three taps, seen on both clocks, ended in two."""

from handlers.family import series_words as words
from handlers.family.wishing import (
    MONTHS,
    birthday,
    feasts,
    half_year_more,
    local_start,
    months_for,
    rules_from,
    wish_from,
)
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.calls import FamilyCall, calls_led, led_by
from models.family.recurring import read
from models.family.repeating import Wish, begin, glances, try_out
from models.family.resting import cancel_all, prolong, restore, resume, suspend
from models.family.series import ON_HOLIDAYS, Series, series_for, series_of
from models.people.persons import Person


def home(ask: Ask) -> Reply:
    """The series that go on, and the coming calls from which one can begin."""
    mine = series_of(ask.session, ask.who)
    shown = tuple(Choice(_label(ask, one), f"call/series/{one.id}") for one in mine)
    calls = calls_led(ask.session, ask.who, ask.now)[:5]
    starts = tuple(
        Choice(words.from_one(_name(ask, call.cared_id), call.starts_at), f"call/series/of/{call.id}") for call in calls
    )
    return Reply(words.HEAD if mine else words.NONE, (*shown, *starts, Choice("去预约", "call")), back="menu")


def _label(ask: Ask, one: Series) -> str:
    what = f"{_name(ask, one.cared_id)} {words.repeats(one.recurs)}{words.clock(one.at)}"
    return what if one.state == "active" else f"{what}（{words.STATES[one.state]}）"


def rules(ask: Ask, call: int) -> Reply:
    """How the call is to come again."""
    found, _ = led_by(ask.session, ask.who, call)
    local = local_start(ask.session, found)
    choices = [
        Choice(words.repeats(rule), f"call/series/see/{call}/{rule.code}.s") for rule in rules_from(local)
    ]  # fmt: skip
    choices.append(Choice("农历生日", f"call/series/birthday/{call}"))
    choices += [Choice(words.feast(rule), f"call/series/see/{call}/{rule.code}.s") for rule in feasts()]
    text = words.PICK_RULE.format(
        time=words.at_both(found.starts_at, _zone(ask, found.relative_id)), cared=_name(ask, found.cared_id),
        clock=words.clock(local.time()),
    )  # fmt: skip
    return Reply(text, tuple(choices), back=f"call/{call}")


def ask_birthday(ask: Ask, call: int) -> Reply:
    """Asks on which day of the lunar year."""
    led_by(ask.session, ask.who, call)
    return Reply(words.ASK_BIRTHDAY, ask_for=f"call/series/birthday/{call}/day", back=f"call/series/of/{call}")


def birthday_day(ask: Ask, call: int) -> Reply:
    """A lunar birthday as people write it: 8月15, 八月十五, 闰6月10."""
    led_by(ask.session, ask.who, call)
    try:
        rule = birthday(ask.text)
    except Refused:
        return Reply(words.BAD_BIRTHDAY, ask_for=f"call/series/birthday/{call}/day", back=f"call/series/of/{call}")
    return check(ask, call, f"{rule.code}.s")


def check(ask: Ask, call: int, plan: str) -> Reply:
    """The series as it would be, each date on both clocks with its conflicts, before anything is booked."""
    found, wish, months = _wish(ask, call, plan)
    seen = try_out(ask.session, ask.who, wish, client_key=_key(call, plan), now=ask.now, call=found)
    text = words.CHECK.format(
        rule=words.repeats(wish.rule), clock=words.clock(wish.at), cared=_name(ask, wish.cared_id),
        span=words.span(wish.last_day), holidays=words.ON_HOLIDAYS[wish.on_holidays],
        dates=words.dated(seen, _zone(ask, wish.relative_id)),
    )  # fmt: skip
    code = wish.rule.code
    others = [
        Choice(words.CHANGE_HOLIDAYS[one], f"call/series/see/{call}/{code}.{one[:2]}{months}")
        for one in ON_HOLIDAYS if one != wish.on_holidays
    ]  # fmt: skip
    if not wish.rule.is_yearly:
        other = MONTHS[(MONTHS.index(months) + 1) % len(MONTHS)]
        others.append(Choice(_how_long(other), f"call/series/see/{call}/{code}.{wish.on_holidays[:2]}{other}"))
    make = Choice("确认，就这样定", f"call/series/make/{call}/{code}.{wish.on_holidays[:2]}{months}")
    return Reply(text, (make, *others), back=f"call/series/of/{call}")


def _how_long(months: int) -> str:
    return words.OPEN_END if months == 0 else f"改为{months}个月"


def make(ask: Ask, call: int, plan: str) -> Reply:
    """Begun; the same tap again shows the same series."""
    found, wish, _ = _wish(ask, call, plan)
    series = begin(ask.session, ask.who, wish, client_key=_key(call, plan), now=ask.now, call=found)
    if series.state != "active":
        return one(ask, series.id)
    text = words.BEGUN.format(
        rule=words.repeats(wish.rule), clock=words.clock(wish.at), cared=_name(ask, wish.cared_id),
        dates=_dates(ask, series),
    )  # fmt: skip
    return Reply(text, (Choice("查看或更改", f"call/series/{series.id}"), Choice("放进手机日历", "me/calendar")))


def _wish(ask: Ask, call: int, plan: str) -> tuple[FamilyCall, Wish, int]:
    """What an address asks for: a rule, how holidays are kept (two letters), for how many months."""
    found, _ = led_by(ask.session, ask.who, call)
    code, _, how = plan.partition(".")
    rule = read(code)
    months = months_for(rule, how[2:])
    return found, wish_from(ask.session, found, rule, how[:2], months, ask.now), months


def _key(call: int, plan: str) -> str:
    return f"call:{call}/{plan}"


def one(ask: Ask, series: int) -> Reply:
    """One series: its rule, its next dates, and what can be done with it."""
    found, _ = series_for(ask.session, ask.who, series)
    text = words.head(
        _name(ask, found.cared_id), _name(ask, found.relative_id), found.recurs, found.at, found.state,
        words.span(found.last_day), found.on_holidays,
    )  # fmt: skip
    here = f"call/series/{series}"
    choices: dict[str, tuple[Choice, ...]] = {
        "active": (
            Choice("单独改某一次", f"{here}/dates"), Choice("改钟点", f"{here}/time/0"),
            Choice(words.OTHER_RULE, f"call/turn/{series}/0"),
            Choice("节假日怎么办", f"{here}/holidays"), Choice("暂停", f"{here}/rest"),
            *((Choice("延长半年", f"{here}/longer"),) if found.last_day else ()),
            Choice("全部结束", f"{here}/end"),
        ),
        "suspended": (Choice("恢复", f"{here}/go"), Choice("全部结束", f"{here}/end")),
        "cancelled": (Choice("恢复", f"{here}/back"),),
        "ended": (Choice("延长半年", f"{here}/longer"),),
    }  # fmt: skip
    if found.state == "active":
        text += f"\n{_dates(ask, found)}"
    return Reply(text, choices[found.state], back="call/series")


def ask_holidays(ask: Ask, series: int) -> Reply:
    """What is to become of a call on a holiday."""
    found, _ = series_for(ask.session, ask.who, series)
    others = [kept for kept in ON_HOLIDAYS if kept != found.on_holidays]
    choices = tuple(Choice(words.CHANGE_HOLIDAYS[one], f"call/series/{series}/holidays/{one}") for one in others)
    return Reply(words.ON_HOLIDAYS[found.on_holidays], choices, back=f"call/series/{series}")


def rest(ask: Ask, series: int) -> Reply:
    """It rests."""
    suspend(ask.session, ask.who, series, ask.now)
    return Reply(words.RESTS, (Choice("恢复", f"call/series/{series}/go"), _back(series)))


def go_on(ask: Ask, series: int) -> Reply:
    """It goes on."""
    found = resume(ask.session, ask.who, series, ask.now)
    return Reply(words.GOES_ON.format(dates=_dates(ask, found)), (_back(series),))


def ask_end(ask: Ask, series: int) -> Reply:
    """Asks once more, and says how many calls are off then."""
    found, _ = series_for(ask.session, ask.who, series)
    booked = [one for one in glances(ask.session, found, ask.now, 20) if one.state in ("booked", "moved")]
    text = words.ASK_END.format(cared=_name(ask, found.cared_id), count=len(booked))
    sure = (Choice("全部结束", f"call/series/{series}/end/yes"), Choice("只是先暂停", f"call/series/{series}/rest"))
    return Reply(text, sure, back=f"call/series/{series}")


def end_all(ask: Ask, series: int) -> Reply:
    """It is over."""
    cancel_all(ask.session, ask.who, series, ask.now)
    return Reply(words.ENDED, (Choice("恢复", f"call/series/{series}/back"), Choice("定期连线", "call/series")))


def bring_back(ask: Ask, series: int) -> Reply:
    """It is back."""
    found = restore(ask.session, ask.who, series, ask.now)
    return Reply(words.RESTORED.format(dates=_dates(ask, found)), (_back(series),))


def longer(ask: Ask, series: int) -> Reply:
    """Half a year longer."""
    found, _ = series_for(ask.session, ask.who, series)
    last = half_year_more(found, ask.now)
    prolong(ask.session, ask.who, series, last, ask.now)
    return Reply(words.PROLONGED.format(until=words.span(last)), (_back(series),))


def _back(series: int) -> Choice:
    return Choice("查看", f"call/series/{series}")


def _dates(ask: Ask, series: Series) -> str:
    return words.dated(glances(ask.session, series, ask.now), _zone(ask, series.relative_id))


def _name(ask: Ask, person: int) -> str:
    return ask.session.get_one(Person, person).name


def _zone(ask: Ask, relative: int) -> str:
    """The zone beside the centre's: the reader's own where they are the relative, else the relative's."""
    return ask.session.get_one(Person, relative).time_zone


ADDRESSES: dict[str, Handler] = {
    "call/series": home,
    "call/series/of/<int:call>": rules,
    "call/series/birthday/<int:call>": ask_birthday,
    "call/series/birthday/<int:call>/day": birthday_day,
    "call/series/see/<int:call>/<plan>": check,
    "call/series/make/<int:call>/<plan>": make,
    "call/series/<int:series>": one,
    "call/series/<int:series>/holidays": ask_holidays,
    "call/series/<int:series>/rest": rest,
    "call/series/<int:series>/go": go_on,
    "call/series/<int:series>/end": ask_end,
    "call/series/<int:series>/end/yes": end_all,
    "call/series/<int:series>/back": bring_back,
    "call/series/<int:series>/longer": longer,
}

KEYWORDS = {"定期连线": "call/series", "定期视频": "call/series", "每周视频": "call/series"}
