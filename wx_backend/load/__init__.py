"""Loading a county: one file with sections, CSV or xlsx, all of it or nothing, every bad row named with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from models.people.identities import Who
from wx_backend.load import devices, helping, listings, people, places, reminders, routines
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn, rows
from wx_backend.load.workbook import sheet_rows


class NotLoaded(Exception):
    """The file has bad rows; nothing was loaded. `faults` has a line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Section:
    """One section of the file: what takes its rows, and the columns that it may have."""

    take: Callable[[Loading, RowIn], None]
    columns: tuple[str, ...]


def _section(take: Callable[[Loading, RowIn], None], columns: str) -> Section:
    return Section(take, tuple(columns.split(",")))


SECTIONS: dict[str, Section] = {
    "areas": _section(places.areas, "code,name,kind,parent"),
    "centres": _section(places.centres, "code,name,area,address,phone"),
    "hours": _section(places.hours, "centre,weekdays,opens,closes,on_holidays"),
    "closures": _section(places.closures, "centre,first_day,last_day,reason"),
    "alliances": _section(places.alliances, "code,name,first_day,last_day,centre"),
    "stations": _section(places.stations, "centre,zone,room,name,kind,battery_minutes"),
    "devices": _section(devices.devices, "centre,room,station,sn,model,name"),
    "organisations": _section(people.organisations, "code,name,kind,area,phone"),
    "persons": _section(
        people.persons, "code,name,area,phone,time_zone,left_behind,away,born,hardship,household,homebound"
    ),
    "staff": _section(people.staff, "person,role,area,organisation"),
    "identities": _section(people.identities, "person,app_id,openid,following"),
    "links": _section(people.links, "relative,cared,kinship,confirmed_by"),
    "consents": _section(people.consents, "person,kind,text_version,means,witness"),
    "contacts": _section(people.contacts, "person,position,means,through,phone,note"),
    "listings": Section(listings.listings, listings.COLUMNS),
    "centre_terms": Section(listings.centre_terms, listings.CENTRE_COLUMNS),
    "teams": _section(helping.teams, "organisation,field,leader,incubation,review_on"),
    "skills": _section(helping.skills, "person,skill,certificate,valid_until"),
    "requirements": _section(helping.requirements, "listing,skill,certified"),
    "coverage": _section(helping.coverage, "organisation,area"),
    "roads": _section(helping.roads, "from,to,minutes"),
    "equipment": _section(helping.equipment, "centre,kind,name"),
    "routines": _section(routines.routines, "person,kind,begins,ends,weekdays,month_ends"),
    "reminders": _section(reminders.reminders, "kind,role,name,mode,minutes,days,at,urgency,grace_minutes,active"),
    "overrides": _section(places.overrides, "day,is_workday,name"),
}

HANDED_IN = ("listings", "centre_terms")  # what somebody may bring in their own name; the rest is the operator's


def load_county(
    session: Session, path: Path, *, app_id: str, now: datetime, author: Who | None = None
) -> dict[str, int]:
    """Load the file, CSV or xlsx, in the caller's transaction; answers how many rows were new, by table.

    What it says of services is in force at once, or, with an `author`, written in that name and given to review. A
    column that it does not have changes nothing of what is there already (`Loading.over`). Raises NotLoaded with every
    fault; the caller then rolls back. A row that names a faulty one is a fault too.
    """
    load, faults = Loading(session, app_id, now, author), list[str]()
    read = sheet_rows if path.suffix.lower() == ".xlsx" else rows
    columns = {name: one.columns for name, one in SECTIONS.items() if author is None or name in HANDED_IN}
    for name, row in read(path, columns, faults):
        load.absent = frozenset(columns[name]) - row.cells.keys()
        try:
            SECTIONS[name].take(load, row)
        except BadRow as fault:
            faults.append(f"{path.name}:{row.place(str(fault))}: [{name}] {fault}")
    if faults:
        raise NotLoaded(faults)
    load.prune()
    return load.counts
