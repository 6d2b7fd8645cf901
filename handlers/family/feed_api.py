"""A person's own calendar, for the mini-program: whether it has an address, a new one, and none any more."""

from typing import Any

from apiflask import APIBlueprint
from flask import g

from handlers.envelope import Instant, Shown, said
from handlers.family import feed_words as words
from handlers.family.feed import link
from models.family.feeds import end, feed_of, renew


class CalendarShown(Shown):
    """Whether there is an address, and since when. It stands in `url` once: when it is made, and never again."""

    there: bool
    since: Instant | None
    url: str = ""


def room(public_url: str) -> APIBlueprint:
    """The room; addresses lie below `public_url`."""
    calendar = APIBlueprint("calendar", __name__, tag="calendar")

    def shown(url: str = "") -> CalendarShown:
        found = feed_of(g.session, g.who.person_id)
        return CalendarShown(there=found is not None, since=found.made_at if found else None, url=url)

    @calendar.get("/calendar")
    @calendar.output(CalendarShown)
    def mine() -> Any:
        """Whether my calls stand at an address that my phone's calendar reads."""
        return said(shown())

    @calendar.post("/calendar")
    @calendar.output(CalendarShown)
    def new() -> Any:
        """A new address; the one before shows nothing any more.

        A retry with the same key hears no `url`, for it is kept nowhere: ask again with a new key.
        """
        url = link(public_url, renew(g.session, g.who, g.now))
        g.not_kept = url
        return said(shown(url))

    @calendar.post("/calendar/stop")
    @calendar.output(CalendarShown)
    def stop() -> Any:
        """No address any more; twice is once."""
        end(g.session, g.who, g.now)
        return said(shown(), words.STOPPED)

    return calendar
