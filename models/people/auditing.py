"""What an administrator reads of the audit: what those did who work, or worked, below the administrator's areas."""

from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.paging import Cursor, Page, page
from models.people.persons import Person
from models.people.staff import StaffRole, areas_under
from models.places.areas import Area


def look(session: Session, admin_id: int, verb: str = "", cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (AuditEntry, name), the newest first; lines of nobody we know are for who stands over a whole tree."""
    areas = areas_under(admin_id)
    colleagues = select(StaffRole.person_id).where(StaffRole.area_id.in_(areas))
    over_all = exists().where(Area.parent_id.is_(None), Area.id.in_(areas))
    query = (
        select(AuditEntry, Person.name).outerjoin(Person, AuditEntry.person_id == Person.id)
        .where(or_(AuditEntry.person_id.in_(colleagues), AuditEntry.person_id.is_(None) & over_all))
    )  # fmt: skip
    if verb:
        query = query.where(AuditEntry.verb == verb)
    return page(session, query, (AuditEntry.seq,), lambda row: (row.AuditEntry.seq,), cursor, newest_first=True)
