"""What a family answers: whether another time suits, and which of the times kept for a makeup they take."""

from zoneinfo import ZoneInfo

from handlers.family import after_words, words
from handlers.family.moments import instant_of, stamp_of
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import plain, when
from models.errors import Refused
from models.family import changing, makeup
from models.family.calls import FamilyCall
from models.family.proposals import CallProposal
from models.people.persons import Person

MINE = (Choice("我的连线", "call/mine"),)


def waiting(ask: Ask) -> tuple[Choice, ...]:
    """What waits for this person's answer, as choices of their list of calls."""
    asked = tuple(
        Choice(f"请答复：改到{words.both(one.starts_at, ask.who.zone)}", f"call/asked/{one.id}")
        for one in changing.asked_of(ask.session, ask.who, ask.now)
    )
    kept = tuple(
        Choice(f"补约：和{_name(ask, one.cared_id)}再约一次", f"makeup/{one.id}")
        for one in makeup.makeups_of(ask.session, ask.who, ask.now)
    )
    return (*asked, *kept)


def asked(ask: Ask, proposal: int) -> Reply:
    """The centre's question, with both times."""
    found, call = changing.proposal_for(ask.session, ask.who, proposal)
    if found.state != "asked" or ask.now >= found.answer_by:
        return Reply(after_words.ANSWERED, (Choice("查看", f"call/{call.id}"), *MINE))
    choices = (Choice("同意改时间", f"call/asked/{proposal}/yes"), Choice("不同意", f"call/asked/{proposal}/no"))
    return Reply(_question(ask, found, call), choices, back="call/mine")


def _question(ask: Ask, found: CallProposal, call: FamilyCall) -> str:
    return after_words.ASKED.format(
        cared=_name(ask, call.cared_id), old=words.both(call.starts_at, ask.who.zone),
        new=words.both(found.starts_at, ask.who.zone), reason=plain(found.reason),
        by=when(found.answer_by, ZoneInfo(ask.who.zone)), otherwise=after_words.OTHERWISE[found.otherwise],
    )  # fmt: skip


def yes(ask: Ask, proposal: int) -> Reply:
    """It suits: moved. Where the time is gone meanwhile, the family chooses another."""
    try:
        call = changing.accept(ask.session, ask.who, proposal, ask.now)
    except Refused as refusal:
        if refusal.code != "slot_taken":
            raise
        ask.undo()
        _, call = changing.proposal_for(ask.session, ask.who, proposal)
        return Reply(after_words.GONE_MEANWHILE, (Choice("自己选个时间", f"call/{call.id}/move"), *MINE))
    text = words.MOVED.format(cared=_name(ask, call.cared_id), time=words.both(call.starts_at, ask.who.zone))
    return Reply(text, (Choice("查看", f"call/{call.id}"), *MINE))


def no(ask: Ask, proposal: int) -> Reply:
    """It does not suit."""
    call = changing.decline(ask.session, ask.who, proposal, ask.now)
    said = after_words.DECLINED_OFF if call.state == "cancelled" else after_words.DECLINED_KEPT
    return Reply(said.format(time=words.both(call.starts_at, ask.who.zone)), MINE)


def makeup_home(ask: Ask, makeup_id: int) -> Reply:
    """The times that are kept."""
    found = makeup.makeup_for(ask.session, ask.who, makeup_id)
    if found.state != "offered" or ask.now >= found.held_until:
        return Reply(after_words.MAKEUP_OVER, (Choice("去预约", "call"), *MINE))
    choices = tuple(
        Choice(words.both(start, ask.who.zone), f"makeup/{makeup_id}/at/{stamp_of(start)}") for start in found.starts
    )
    until = when(found.held_until, ZoneInfo(ask.who.zone))
    text = after_words.MAKEUP.format(cared=_name(ask, found.cared_id), until=until)
    return Reply(text, (*choices, Choice("都不合适", f"makeup/{makeup_id}/no")), back="call/mine")


def makeup_at(ask: Ask, makeup_id: int, stamp: int) -> Reply:
    """Booked."""
    call = makeup.take(ask.session, ask.who, makeup_id, instant_of(stamp), ask.now)
    text = words.BOOKED.format(cared=_name(ask, call.cared_id), time=words.both(call.starts_at, ask.who.zone))
    return Reply(text, (Choice("查看或更改", f"call/{call.id}"), *MINE))


def makeup_no(ask: Ask, makeup_id: int) -> Reply:
    """None of them."""
    makeup.decline(ask.session, ask.who, makeup_id, ask.now)
    return Reply(after_words.MAKEUP_DECLINED, (Choice("去预约", "call"), *MINE))


def _name(ask: Ask, person_id: int) -> str:
    return ask.session.get_one(Person, person_id).name


ADDRESSES: dict[str, Handler] = {
    "call/asked/<int:proposal>": asked,
    "call/asked/<int:proposal>/yes": yes,
    "call/asked/<int:proposal>/no": no,
    "makeup/<int:makeup_id>": makeup_home,
    "makeup/<int:makeup_id>/at/<int:stamp>": makeup_at,
    "makeup/<int:makeup_id>/no": makeup_no,
}
