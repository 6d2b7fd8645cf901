"""Loading a county: one CSV file with sections, all of it or nothing, every bad row named with its line and reason."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Base
from models.errors import Refused
from models.hours import CalendarOverride, zone_named
from models.ordering.listings import CATEGORIES, DATATYPES, MODES, Listing, ListingProvider
from models.people.care import CareLink
from models.people.consent import CONSENT_KINDS, Consent
from models.people.contacts import MEANS, ContactStep
from models.people.identities import Identity
from models.people.persons import Person
from models.people.staff import ORGANISATION_KINDS, ROLES, Organisation, StaffRole
from models.places.areas import AREA_KINDS, Area, add_area
from models.places.centres import STATION_KINDS, ZONE_KINDS, OpeningHours, Room, ServiceCentre, Station, Zone


class BadRow(Exception):
    """A row cannot be loaded; the message says why, for the clerk who wrote it."""


class NotLoaded(Exception):
    """The file has bad rows; nothing was loaded. `faults` has a line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class RowIn:
    """One row of the file: its line, and its cells by column name."""

    line: int
    cells: dict[str, str]

    def __call__(self, column: str, default: str | None = None) -> str:
        """A cell's text; a missing one is a fault unless a default is given."""
        value = self.cells.get(column, "").strip()
        if value:
            return value
        if default is None:
            raise BadRow(f"{column}: 不能为空")
        return default

    def one_of(self, column: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """A cell that must be one of a few words."""
        value = self(column, default)
        if value and value not in allowed:
            raise BadRow(f"{column}: “{value}”不在可选值里（{'、'.join(allowed)}）")
        return value

    def phone(self, column: str) -> str:
        """A phone number, or nothing."""
        value = self(column, "")
        if value and not re.fullmatch(r"\+?[0-9][0-9 -]{4,18}", value):
            raise BadRow(f"{column}: “{value}”不像电话号码")
        return value


@dataclass
class Loading:
    """One load: the session, what it writes for, and how many rows of each section were new."""

    session: Session
    app_id: str
    now: datetime
    counts: dict[str, int] = field(default_factory=dict)

    def find(self, table: type[Any], code: str, what: str) -> Any:
        """The row with this code; a fault when there is none."""
        found = self.session.scalar(select(table).where(table.code == code))
        if found is None:
            raise BadRow(f"{what}: 没有编码为“{code}”的记录（要写在它前面）")
        return found

    def put(self, table: type[Base], keys: dict[str, Any], **values: Any) -> Any:
        """The row with these keys, made or brought up to date: loading a file twice is loading it once."""
        found = self.session.scalar(select(table).filter_by(**keys))
        if found is None:
            found = table(**keys, **values)
            self.session.add(found)
            self.counts[table.__tablename__] = self.counts.get(table.__tablename__, 0) + 1
        else:
            for name, value in values.items():
                if name not in ("created_at", "since", "asked_at", "settled_at", "given_at"):
                    setattr(found, name, value)
        self.session.flush()
        return found


def _areas(load: Loading, row: RowIn) -> None:
    code = row("code")
    if load.session.scalar(select(Area).where(Area.code == code)) is not None:
        return
    parent = load.find(Area, row("parent"), "parent") if row("parent", "") else None
    add_area(load.session, code=code, name=row("name"), kind=row.one_of("kind", AREA_KINDS), parent=parent)
    load.counts["areas"] = load.counts.get("areas", 0) + 1


def _centres(load: Loading, row: RowIn) -> None:
    load.put(
        ServiceCentre, {"code": row("code")}, name=row("name"), area_id=load.find(Area, row("area"), "area").id,
        address=row("address", ""), phone=row.phone("phone"),
    )  # fmt: skip


def _hours(load: Loading, row: RowIn) -> None:
    centre = load.find(ServiceCentre, row("centre"), "centre")
    for weekday in _weekdays(row("weekdays")):
        load.put(
            OpeningHours, {"centre_id": centre.id, "weekday": weekday, "opens": _time(row, "opens")},
            closes=_time(row, "closes"), on_holidays=row("on_holidays", "no") == "yes",
        )  # fmt: skip


def _weekdays(text: str) -> Iterator[int]:
    found = re.fullmatch(r"([1-7])(?:-([1-7]))?", text)
    if not found:
        raise BadRow(f"weekdays: “{text}”应写成 1-5 或 6（1 是周一）")
    yield from range(int(found.group(1)), int(found.group(2) or found.group(1)) + 1)


def _time(row: RowIn, column: str) -> time:
    try:
        return time.fromisoformat(row(column))
    except ValueError as error:
        raise BadRow(f"{column}: “{row(column)}”应写成 08:30") from error


def _stations(load: Loading, row: RowIn) -> None:
    centre = load.find(ServiceCentre, row("centre"), "centre")
    zone = load.put(Zone, {"centre_id": centre.id, "kind": row.one_of("zone", ZONE_KINDS)})
    room = load.put(Room, {"zone_id": zone.id, "name": row("room")})
    load.put(Station, {"room_id": room.id, "name": row("name")}, kind=row.one_of("kind", STATION_KINDS))


def _organisations(load: Loading, row: RowIn) -> None:
    load.put(
        Organisation, {"code": row("code")}, name=row("name"), kind=row.one_of("kind", ORGANISATION_KINDS),
        area_id=load.find(Area, row("area"), "area").id, phone=row.phone("phone"),
    )  # fmt: skip


def _persons(load: Loading, row: RowIn) -> None:
    area = load.find(Area, row("area"), "area").id if row("area", "") else None
    try:
        zone = zone_named(row("time_zone", "Asia/Shanghai")).key
    except Refused as refusal:
        raise BadRow(f"time_zone: “{row('time_zone')}”不是时区名，例如 Europe/Madrid") from refusal
    load.put(
        Person, {"code": row("code")}, name=row("name"), area_id=area, phone=row.phone("phone"), time_zone=zone,
        left_behind=row.one_of("left_behind", ("", "elder", "child"), ""), away=row("away", "no") == "yes",
        created_at=load.now,
    )  # fmt: skip


def _staff(load: Loading, row: RowIn) -> None:
    area = load.find(Area, row("area"), "area").id if row("area", "") else None
    organisation = load.find(Organisation, row("organisation"), "organisation").id if row("organisation", "") else None
    if (area is None) == (organisation is None):
        raise BadRow("area / organisation: 两个里面填一个")
    load.put(
        StaffRole, {
            "person_id": load.find(Person, row("person"), "person").id, "role": row.one_of("role", ROLES),
            "area_id": area, "organisation_id": organisation,
        }, since=load.now,
    )  # fmt: skip


def _identities(load: Loading, row: RowIn) -> None:
    person = load.find(Person, row("person"), "person")
    load.put(
        Identity, {"app_id": row("app_id", load.app_id), "openid": row("openid")}, person_id=person.id,
        following=row("following", "yes") == "yes", since=load.now,
    )  # fmt: skip


def _links(load: Loading, row: RowIn) -> None:
    people = {
        "relative_id": load.find(Person, row("relative"), "relative").id,
        "cared_id": load.find(Person, row("cared"), "cared").id,
    }
    cadre = load.find(Person, row("confirmed_by"), "confirmed_by")
    load.put(
        CareLink, people, kinship=row("kinship"), state="confirmed", asked_at=load.now, settled_by_id=cadre.id,
        settled_at=load.now,
    )  # fmt: skip


def _consents(load: Loading, row: RowIn) -> None:
    person = load.find(Person, row("person"), "person")
    load.put(
        Consent, {"person_id": person.id, "kind": row.one_of("kind", CONSENT_KINDS)}, text_version=row("text_version"),
        means=row("means"), given_by_id=person.id, given_at=load.now,
        witness_id=load.find(Person, row("witness"), "witness").id if row("witness", "") else None,
    )  # fmt: skip


def _contacts(load: Loading, row: RowIn) -> None:
    load.put(
        ContactStep,
        {"person_id": load.find(Person, row("person"), "person").id, "position": _number(row, "position")},
        means=row.one_of("means", MEANS), through_id=load.find(Person, row("through"), "through").id,
        phone=row.phone("phone"), note=row("note", ""),
    )  # fmt: skip


def _number(row: RowIn, column: str) -> int:
    if not row(column).isdigit():
        raise BadRow(f"{column}: “{row(column)}”应是数字")
    return int(row(column))


def _listings(load: Loading, row: RowIn) -> None:
    title = row("title")
    if len(title) > 20:
        raise BadRow(f"title: 最多20个字（现在{len(title)}个）")
    listing = load.put(
        Listing, {"code": row("code")}, centre_id=load.find(ServiceCentre, row("centre"), "centre").id, title=title,
        category=row.one_of("category", CATEGORIES), summary=row("summary", ""), mode=row.one_of("mode", MODES),
        questions=[_question(part) for part in row("questions", "").split("|") if part], state="published",
        valid_from=_date(row, "valid_from"), valid_to=_date(row, "valid_to"), created_at=load.now,
    )  # fmt: skip
    for position, code in enumerate(row("providers").split("/"), start=1):
        organisation = load.find(Organisation, code, "providers")
        load.put(ListingProvider, {"listing_id": listing.id, "position": position}, organisation_id=organisation.id)


def _question(text: str) -> dict[str, Any]:
    """A question in one cell: `code:datatype:description`, for lists `:value/value`; `code?` is optional."""
    parts = text.split(":")
    if len(parts) < 3 or parts[1] not in DATATYPES:
        raise BadRow(f"questions: “{text}”应写成 代码:类型:问题[:选项/选项]，类型是 {'、'.join(DATATYPES)}")
    code, datatype, description, *values = parts
    question: dict[str, Any] = {
        "code": code.rstrip("?"), "datatype": datatype, "description": description, "required": not code.endswith("?"),
    }  # fmt: skip
    if datatype.endswith("valuelist"):
        if not values:
            raise BadRow(f"questions: “{text}”缺少选项")
        question["values"] = values[0].split("/")
    return question


def _date(row: RowIn, column: str) -> date | None:
    text = row(column, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadRow(f"{column}: “{text}”应写成 2026-12-31") from error


def _overrides(load: Loading, row: RowIn) -> None:
    day = _date(row, "day")
    load.put(CalendarOverride, {"day": day}, is_workday=row("is_workday") == "yes", name=row("name"))


SECTIONS: dict[str, Callable[[Loading, RowIn], None]] = {
    "areas": _areas, "centres": _centres, "hours": _hours, "stations": _stations, "organisations": _organisations,
    "persons": _persons, "staff": _staff, "identities": _identities, "links": _links, "consents": _consents,
    "contacts": _contacts, "listings": _listings, "overrides": _overrides,
}  # fmt: skip


def load_county(session: Session, path: Path, *, app_id: str, now: datetime) -> dict[str, int]:
    """Load the file in the caller's transaction; answers how many rows were new, by table.

    Raises NotLoaded with every fault; the caller then rolls back. A row that names a faulty one is a fault too.
    """
    load, faults = Loading(session, app_id, now), list[str]()
    for section, row in _rows(path, faults):
        try:
            SECTIONS[section](load, row)
        except BadRow as fault:
            faults.append(f"{path.name}:{row.line}: [{section}] {fault}")
    if faults:
        raise NotLoaded(faults)
    return load.counts


def _rows(path: Path, faults: list[str]) -> Iterator[tuple[str, RowIn]]:
    """The rows of all sections, with their lines."""
    section, header = "", list[str]()
    reader = csv.reader(io.StringIO(_text(path)))
    for cells in reader:
        line, head = reader.line_num, cells[0].strip() if cells else ""
        if not any(cell.strip() for cell in cells) or head.startswith("#"):
            continue
        if re.fullmatch(r"\[\w+\]", head):
            section, header = head.strip("[]"), []
            if section not in SECTIONS:
                faults.append(f"{path.name}:{line}: 没有叫[{section}]的部分（有：{'、'.join(SECTIONS)}）")
        elif section in SECTIONS and not header:
            header = [cell.strip() for cell in cells]
        elif section in SECTIONS:
            if len([cell for cell in cells if cell.strip()]) > len(header):
                faults.append(f"{path.name}:{line}: [{section}] 比表头多了列")
                continue
            yield section, RowIn(line, dict(zip(header, cells, strict=False)))


def _text(path: Path) -> str:
    """The file's text: UTF-8 with or without a mark, or what Excel writes in China (GB18030)."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")
