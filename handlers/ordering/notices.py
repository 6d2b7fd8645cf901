"""Where the code on a printed sheet leads: to the service, and past what the sheet no longer says rightly."""

from handlers.ordering import catalogue_words as words
from handlers.ordering import chat
from handlers.room import Ask, Choice, Handler, Reply
from models.ordering.notices import sheet_with, since


def scanned(ask: Ask, publication: int, listing: int) -> Reply:
    """The service behind the code; on an old sheet first what has changed since it was printed."""
    sheet = sheet_with(ask.session, publication, listing)
    news = since(ask.session, sheet, ask.now)
    if news.nothing:
        return chat.for_listing(ask, listing)
    text = words.sheet_news(sheet.at, list(news.changed.values()), list(news.ended.values()), list(news.added.values()))
    if listing in news.ended:
        return Reply(
            f"{text}\n{words.ENDED.format(title=news.ended[listing])}", (Choice(words.SEE_LIST, "order"),), back="menu"
        )
    on = chat.for_listing(ask, listing)
    return Reply(f"{text}\n\n{on.text}", on.choices, on.ask_for, on.draft, on.back)


ADDRESSES: dict[str, Handler] = {"sheet/<int:publication>/<int:listing>": scanned}
