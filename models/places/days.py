"""Some days in a row at a centre, which are days of its own clock."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from models.hours import CHINA, instant
from models.places.centres import ServiceCentre

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Days:
    """From a first to a last day, both of them included."""

    first: date
    last: date

    def hold(self, moment: datetime, centre: ServiceCentre) -> bool:
        """Whether an instant lies in these days at a centre."""
        return self.first <= moment.astimezone(centre.tz).date() <= self.last

    def span(self) -> tuple[datetime, datetime]:
        """Two instants between which these days lie wherever a centre stands, for a first look in the database."""
        return instant(self.first - DAY, time(0), CHINA), instant(self.last + 2 * DAY, time(0), CHINA)
