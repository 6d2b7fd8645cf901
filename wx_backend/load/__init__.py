"""Loading a county: one file with sections, CSV or xlsx, all of it or nothing, every bad row named with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from models.people.identities import Who
from wx_backend.load import devices, helping, listings, people, places, reminders, routines
from wx_backend.load.loading import Loading
from wx_backend.load.memory import NOTHING
from wx_backend.load.rows import BadRow, RowIn, rows
from wx_backend.load.workbook import sheet_rows


class NotLoaded(Exception):
    """The file has bad rows; nothing was loaded. `faults` has a line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Section:
    """One section of the file: what takes its rows, the columns that it may have, and by how many of them, the first
    ones, a row is known again. Of a section without such (0) nothing is remembered."""

    take: Callable[[Loading, RowIn], None]
    columns: tuple[str, ...]
    known_by: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns by which a row is known again."""
        return self.columns[: self.known_by]


def _section(take: Callable[[Loading, RowIn], None], columns: str, known_by: int) -> Section:
    return Section(take, tuple(columns.split(",")), known_by)


SECTIONS: dict[str, Section] = {
    "areas": _section(places.areas, "code,name,kind,parent", 1),
    "centres": _section(places.centres, "code,name,area,address,phone", 1),
    "hours": _section(places.hours, "centre,weekdays,opens,closes,on_holidays", 3),
    "closures": _section(places.closures, "centre,first_day,last_day,reason", 2),
    "alliances": _section(places.alliances, "code,centre,name,first_day,last_day", 2),
    "stations": _section(places.stations, "centre,zone,room,name,kind,battery_minutes", 4),
    "devices": _section(devices.devices, "centre,room,station,sn,model,name", 0),
    "organisations": _section(people.organisations, "code,name,kind,area,phone", 1),
    "persons": _section(
        people.persons,
        "code,name,area,phone,time_zone,left_behind,away,born,hardship,household,homebound",
        1,
    ),
    "staff": _section(people.staff, "person,role,area,organisation", 0),
    "identities": _section(people.identities, "openid,app_id,person,following", 2),
    "links": _section(people.links, "relative,cared,kinship,confirmed_by", 2),
    "consents": _section(people.consents, "person,kind,text_version,means,witness", 2),
    "contacts": _section(people.contacts, "person,position,means,through,phone,note", 2),
    "listings": Section(listings.listings, listings.COLUMNS, 1),
    "centre_terms": Section(listings.centre_terms, listings.CENTRE_COLUMNS, 2),
    "teams": _section(helping.teams, "organisation,field,leader,incubation,review_on", 1),
    "skills": _section(helping.skills, "person,skill,certificate,valid_until", 2),
    "requirements": _section(helping.requirements, "listing,skill,certified", 2),
    "coverage": _section(helping.coverage, "organisation,area", 2),
    "roads": _section(helping.roads, "from,to,minutes", 2),
    "equipment": _section(helping.equipment, "centre,kind,name", 3),
    "routines": _section(routines.routines, "person,kind,begins,weekdays,month_ends,ends", 5),
    "reminders": _section(reminders.reminders, "kind,role,name,mode,minutes,days,at,urgency,grace_minutes,active", 3),
    "overrides": _section(places.overrides, "day,is_workday,name", 1),
}

HANDED_IN = ("listings", "centre_terms")  # what somebody may bring in their own name; the rest is the operator's


def load_county(
    session: Session, path: Path, *, app_id: str, now: datetime, author: Who | None = None
) -> dict[str, int]:
    """Load the file, CSV or xlsx, in the caller's transaction; answers how many rows were new, by table.

    What it says of services is in force at once, or, with an `author`, written in that name and given to review. A
    column that it does not have, or that says what it said at the last load, changes nothing of what is there already
    (`Loading.over`). Raises NotLoaded with every fault; the caller then rolls back. A row that names a faulty one is a
    fault too.
    """
    load, faults = Loading(session, app_id, now, author), list[str]()
    read = sheet_rows if path.suffix.lower() == ".xlsx" else rows
    columns = {name: one.columns for name, one in SECTIONS.items() if author is None or name in HANDED_IN}
    for name, row in read(path, columns, faults):
        try:
            _take(load, name, row)
        except BadRow as fault:
            faults.append(f"{path.name}:{row.place(str(fault))}: [{name}] {fault}")
    if faults:
        raise NotLoaded(faults)
    load.prune()
    load.memory.write()
    return load.counts


def _take(load: Loading, name: str, row: RowIn) -> None:
    """Take one row, and note in which columns it says something new. What somebody brings in their own name is reviewed
    as it is."""
    section = SECTIONS[name]
    remembers = load.author is None and bool(section.keys)
    load.before = load.memory.recall(name, section.keys, row) if remembers else NOTHING
    unchanged = load.before.unchanged(row)
    load.absent = frozenset(section.columns) - row.cells.keys() | unchanged
    load.silent = row.cells.keys() <= unchanged
    section.take(load, row)
    if remembers:
        load.memory.keep(name, section.keys, row)
