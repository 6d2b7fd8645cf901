"""A person's calls as their own calendar shows them (iCalendar, RFC 5545), and how they get and renew its address."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar
from icalendar import Event as Entry
from sqlalchemy.orm import Session

from handlers.family import feed_words as words
from handlers.family import words as said
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when_two
from models.family.feeds import Event, end, events_of, feed_of, renew
from models.hours import CHINA
from models.people.persons import Person

REFRESHED = "PT1H"  # how often a calendar may ask again


def written(session: Session, reader: Person, host: str, now: datetime) -> bytes:
    """The reader's calendar: the same bytes as long as nothing has changed. `host` makes its keys the county's own."""
    body: bytes = _calendar(events_of(session, reader, now), host, reader.tz).to_ical()
    return body


def _calendar(events: Sequence[Event], host: str, reads: ZoneInfo) -> Calendar:
    """Times stand in the centre's zone with its VTIMEZONE: who reads them elsewhere sees their own clock."""
    made = Calendar()
    made.add("prodid", "-//lianxinqiao//family calls//ZH")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("x-wr-calname", words.NAME)
    made.add("x-published-ttl", REFRESHED)
    for event in events:
        made.add_component(_entry(event, host, reads))
    made.add_missing_timezones()
    return made


def _entry(event: Event, host: str, reads: ZoneInfo) -> Entry:
    zone, entry = ZoneInfo(event.zone), Entry()
    entry.add("uid", f"{event.uid}@{host}")
    entry.add("sequence", event.sequence)
    entry.add("dtstamp", event.changed_at)  # without a METHOD: when it changed last (RFC 5545, 3.8.7.2)
    entry.add("last-modified", event.changed_at)
    entry.add("status", event.status)
    entry.add("dtstart", event.starts_at.astimezone(zone))
    entry.add("dtend", event.ends_at.astimezone(zone))
    relatives = "、".join((event.relative, *event.guests))
    entry.add("summary", words.summary(event.status, event.cared, relatives, helps=event.helps))
    if event.place:
        entry.add("location", said.where(event.place, event.cared, at_home=event.at_home))
    entry.add("description", words.description(when_two(event.starts_at, CHINA, reads), event.phone, event.status))
    return entry


def address(public_url: str, token: str) -> str:
    """Where the calendar of this key lies."""
    return f"{public_url}/calendar/{token}.ics"


def room(public_url: str) -> dict[str, Handler]:
    """The addresses of a person's own calendar; its link lies below `public_url`."""

    def mine(ask: Ask) -> Reply:
        """Whether there is a link, and what can be done with it."""
        found = feed_of(ask.session, ask.who.person_id)
        if found is None:
            return Reply(words.NONE, (Choice(words.GET, "me/calendar/new"),), back="me")
        text = words.THERE.format(since=words.since(found.made_at, ask.who.zone))
        return Reply(text, (Choice(words.RENEW, "me/calendar/new"), Choice(words.STOP, "me/calendar/stop")), back="me")

    def new(ask: Ask) -> Reply:
        """A new link; the old one shows nothing any more."""
        url = address(public_url, renew(ask.session, ask.who, ask.now))
        return Reply(words.LINK.format(url=url), (Choice(words.STOP, "me/calendar/stop"),))

    def stop(ask: Ask) -> Reply:
        """No link any more."""
        end(ask.session, ask.who, ask.now)
        return Reply(words.STOPPED, (Choice(words.GET, "me/calendar/new"),))

    return {"me/calendar": mine, "me/calendar/new": new, "me/calendar/stop": stop}


KEYWORDS = {"我的日历": "me/calendar", "日历": "me/calendar", "手机日历": "me/calendar"}
