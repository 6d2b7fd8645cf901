"""What I have told: my needs and calls for help, where they stand, and what came of them."""

from zoneinfo import ZoneInfo

from handlers.ordering import need_words
from handlers.ordering.telling import became
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import plain, when
from models.messages.media import media_of
from models.messages.optouts import opt_in, opt_out, wants_none
from models.ordering.help import LIVE_HELP, HelpRequest, help_for
from models.ordering.helping import help_of, withdraw
from models.ordering.matter_news import MATTER_NEWS
from models.ordering.needs import NeedSubmission, need_for, needs_of
from models.ordering.voices import root_of
from models.people.persons import Person


def home(ask: Ask) -> Reply:
    """Everything I told, with its state, the newest first."""
    told: list[tuple[NeedSubmission | HelpRequest, str, str]] = [
        (need, f"need/{need.id}", need_words.NEED_STATES[root_of(ask.session, need).state])
        for need in needs_of(ask.session, ask.who)
    ]
    told += [
        (one, f"help/{one.id}", need_words.HELP_STATES[one.state]) for one in help_of(ask.session, ask.who)
    ]  # fmt: skip
    if not told:
        return Reply(need_words.NO_MATTERS, (Choice("提一个需求", "need/new"), Choice("请人帮忙", "help/new")))
    told.sort(key=lambda row: row[0].created_at, reverse=True)
    lines = tuple(Choice(need_words.matter_line(one.text, _kinds(ask, one), state), at) for one, at, state in told[:12])
    quiet = wants_none(ask.session, ask.who.person_id, MATTER_NEWS)
    bell = Choice("照常通知我进展", "need/news") if quiet else Choice("不用通知我进展", "need/quiet")
    return Reply(need_words.MATTERS, (*lines, bell), back="need")


def one_need(ask: Ask, need: int) -> Reply:
    """One need, and what became of it."""
    found, role = need_for(ask.session, ask.who, need)
    if role != "teller":
        return Reply(need_words.MATTERS, (Choice("处理这件需求", f"need/desk/{need}"),), back="need")
    at = when(found.created_at, ZoneInfo(ask.who.zone))
    said = became(ask.session, found) or need_words.NEED_STATES[root_of(ask.session, found).state]
    text = need_words.need_whole(found.text, _kinds(ask, found), at, said)
    return Reply(text, (Choice("我提过的", "need/mine"),), back="need/mine")


def one_help(ask: Ask, call: int) -> Reply:
    """One call for help, and what became of it."""
    found, role = help_for(ask.session, ask.who, call)
    if role != "teller":
        return Reply(need_words.MATTERS, (Choice("处理这件求助", f"help/desk/{call}"),), back="need")
    lines = [need_words.HELP_STATES[found.state]]
    if found.state == "assigned" and found.holder_id is not None:
        lines.append(f"经办人：{ask.session.get_one(Person, found.holder_id).name}")
    if found.settled_by_id is not None:
        lines.append(f"{found.outcome or found.reason}（{ask.session.get_one(Person, found.settled_by_id).name}）")
    at = when(found.created_at, ZoneInfo(ask.who.zone))
    text = need_words.help_whole(found.text, _kinds(ask, found), at, [plain(line) for line in lines])
    return Reply(text, (*after_help(found), Choice("我提过的", "need/mine")), back="need/mine")


def after_help(found: HelpRequest) -> tuple[Choice, ...]:
    """What can be done with one's own call: while it lives, take it back. What is done may be rated from here."""
    return (Choice("不用帮了", f"help/{found.id}/withdraw"),) if found.state in LIVE_HELP else ()


def no_more_help(ask: Ask, call: int) -> Reply:
    """The help is not needed any more."""
    withdraw(ask.session, ask.who, call, ask.now)
    return Reply(need_words.WITHDRAWN, (Choice("我提过的", "need/mine"),))


def quiet(ask: Ask) -> Reply:
    """No letters about needs and calls any more."""
    opt_out(ask.session, ask.who.person_id, MATTER_NEWS, ask.now)
    return Reply(need_words.QUIET, (Choice("我提过的", "need/mine"),))


def news(ask: Ask) -> Reply:
    """Letters about them again."""
    opt_in(ask.session, ask.who.person_id, MATTER_NEWS)
    return Reply(need_words.NEWS_AGAIN, (Choice("我提过的", "need/mine"),))


def _kinds(ask: Ask, thing: NeedSubmission | HelpRequest) -> list[str]:
    return [] if thing.text else [media.kind for media in media_of(ask.session, thing.subject)]


ADDRESSES: dict[str, Handler] = {
    "need/mine": home,
    "need/<int:need>": one_need,
    "need/quiet": quiet,
    "need/news": news,
    "help/<int:call>": one_help,
    "help/<int:call>/withdraw": no_more_help,
}
