"""Days and instants as they stand in an address or a form: "20261129", and minutes since 1970."""

from datetime import UTC, date, datetime

from models.errors import Refused


def day_of(text: str) -> date:
    """The day in an address; raises Refused("bad_time") for what is none."""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Refused("bad_time") from error


def stamp_of(moment: datetime) -> int:
    """An instant in an address."""
    return int(moment.timestamp()) // 60


def instant_of(stamp: int) -> datetime:
    """The instant in an address; raises Refused("bad_time") for one that no calendar has."""
    try:
        return datetime.fromtimestamp(stamp * 60, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise Refused("bad_time") from error


def instant_in(text: str) -> datetime:
    """The instant in a field of a form; raises Refused("bad_time") for text that is none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise Refused("bad_time")
    return instant_of(int(text))
