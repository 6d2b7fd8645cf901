"""In which way a call is held, in the official account: those that can be chosen, and why the others cannot."""

from handlers.family import words
from handlers.room import Ask, Choice, Handler, Reply
from models.family import ways
from models.family.calls import led_by


def room(offered: ways.Offered) -> dict[str, Handler]:
    """The addresses of this room. `offered` is what the county has switched on."""

    def which(ask: Ask, call: int) -> Reply:
        """How it is held, and how else it could be."""
        found, _ = led_by(ask.session, ask.who, call)
        possible, media = ways.possible(ask.session, found, offered, ask.now), ways.other_media(found)
        lines = [words.HELD.format(way=words.WAYS[found.way], media=words.MEDIA[found.media])]
        lines += [f"{words.WAYS[one.way]}：{words.WHY_NOT[one.why_not]}" for one in possible if one.why_not]
        if ways.voice_advised(ask.session, found, offered, possible):
            lines.append(words.VOICE_FIRST)
        here = f"call/{call}/way"
        others = [
            Choice(words.WAYS[one.way], f"{here}/{one.way}.{found.media}")
            for one in possible if not one.why_not and one.way != found.way
        ]  # fmt: skip
        other = Choice(words.INSTEAD_MEDIA[media], f"{here}/{found.way}.{media}")
        return Reply("\n".join(lines), (*others, other), back=f"call/{call}")

    def choose(ask: Ask, call: int, how: str) -> Reply:
        """Chosen: a way and a medium, "by_hand.voice"."""
        way, _, media = how.partition(".")
        found = ways.choose(ask.session, ask.who, call, way, media, offered, ask.now)
        text = words.CHOSEN.format(way=words.WAYS[found.way], media=words.MEDIA[found.media])
        return Reply(text, (Choice("查看", f"call/{call}"), Choice("我的连线", "call/mine")))

    return {"call/<int:call>/way": which, "call/<int:call>/way/<how>": choose}
