"""The way from the conversation into a call's room: a link for a relative, and for a cadre the elder's screen."""

from datetime import datetime

from handlers.family import room_words as words
from handlers.room import Ask, Choice, Handler, Reply
from models.family.calls import OVER, FamilyCall, call_for, other_end
from models.family.passes import give_pass, open_calls, open_screen
from models.family.rooms import EARLY, joins_alone
from models.people.persons import Person


def ways_in(call: FamilyCall, role: str, now: datetime) -> tuple[Choice, ...]:
    """What can be tapped on a call whose room may be open: the elder may come late, and so may the relative."""
    if call.state in OVER or now < call.starts_at - EARLY or (role == "cared" and not joins_alone(call)):
        return ()
    if role == "cadre":
        return (Choice(words.OPEN_SCREEN, f"call/{call.id}/screen"),)
    return (Choice(words.JOIN, f"call/{call.id}/join"),)


def room(door: str) -> dict[str, Handler]:
    """The addresses of this room; `door` is where a pass is handed in, as a URL."""

    def join(ask: Ask, call: int) -> Reply:
        """A link into the room, for oneself."""
        _, role = call_for(ask.session, ask.who, call)
        if role == "cadre":
            return screen(ask, call)
        secret = give_pass(ask.session, ask.who, call, ask.now)
        return Reply(f"{words.LINK.format(link=door + secret)}\n{words.LINK_LOST}", back=f"call/{call}")

    def screen(ask: Ask, call: int) -> Reply:
        """The elder is here: a link for the centre's screen."""
        secret = open_screen(ask.session, ask.who, call, ask.now)
        return Reply(words.SCREEN_LINK.format(link=door + secret), back=f"call/{call}")

    def any_open(ask: Ask) -> Reply:
        """The room that is open; which, where there are several."""
        calls = open_calls(ask.session, ask.who, ask.now)
        if not calls:
            return Reply(words.NONE_OPEN, (Choice("我的连线", "call/mine"),))
        if len(calls) == 1:
            return join(ask, calls[0].id)
        me = ask.who.person_id
        names = {call.id: ask.session.get_one(Person, other_end(call, me)).name for call in calls}
        return Reply(words.WHICH, tuple(Choice(names[call.id], f"call/{call.id}/join") for call in calls))

    return {"call/join": any_open, "call/<int:call>/join": join, "call/<int:call>/screen": screen}


KEYWORDS = {"进入视频": "call/join", "开始视频": "call/join"}
