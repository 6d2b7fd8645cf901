"""The catalogue as a workbook: read again it changes nothing, changed and read again it changes just that."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.ordering import catalogue_words as words
from handlers.ordering.words import CATEGORY_NAMES
from models.ordering.listings import TERMS, CentreTerms, Listing, providers_of
from models.people.staff import Organisation
from models.places.areas import Area
from models.places.centres import ServiceCentre
from wx_backend.load import cells
from wx_backend.load.listings import CENTRE_COLUMNS, COLUMNS
from wx_backend.load.workbook import Sheet, written

_NAMED = {
    "category": CATEGORY_NAMES, "audience": words.AUDIENCES, "mode": words.MODES,
    "capacity_per": words.CAPACITY_PER, "quota_per": words.QUOTA_PER,
}  # fmt: skip


def catalogue(session: Session, area: Area) -> bytes:
    """What the centres of an area and below it offer, and their own terms, as xlsx; drafts and what has ended are not.

    Their own terms for listings of centres elsewhere are in it too.
    """
    below = select(ServiceCentre.id).join(Area, ServiceCentre.area_id == Area.id).where(Area.path.startswith(area.path))
    centres = {row.id: row.code for row in session.execute(select(ServiceCentre.id, ServiceCentre.code))}
    codes = {row.id: row.code for row in session.execute(select(Organisation.id, Organisation.code))}
    services = Sheet("listings", _headings(COLUMNS), {name: list(names.values()) for name, names in _NAMED.items()})
    query = select(Listing).where(Listing.centre_id.in_(below), Listing.state.in_(("published", "suspended")))
    for listing in session.scalars(query.order_by(Listing.code)):
        row = {name: getattr(listing, name) for name in TERMS}
        row |= {name: names[row[name]] for name, names in _NAMED.items()}
        row |= {"questions": cells.questions_cell(listing.questions), "rules": cells.rules_cell(listing.rules)}
        providers = "/".join(codes[one] for one in providers_of(session, listing.id))
        services.rows.append(
            {"code": listing.code, "centre": centres[listing.centre_id], "providers": providers, **row}
        )
    return written([services, _own_terms(session, below, centres)])


def _own_terms(session: Session, below: object, centres: dict[int, str]) -> Sheet:
    sheet = Sheet("centre_terms", _headings(CENTRE_COLUMNS), {"active": ["yes", "no"]})
    query = (
        select(CentreTerms, Listing.code).join(Listing, CentreTerms.listing_id == Listing.id)
        .where(CentreTerms.centre_id.in_(below), Listing.state.in_(("published", "suspended")))  # type: ignore[arg-type]
        .order_by(Listing.code, CentreTerms.centre_id)
    )  # fmt: skip
    for row in session.execute(query):
        own = row.CentreTerms
        sheet.rows.append({
            "listing": row.code, "centre": centres[own.centre_id], "active": "yes" if own.active else "no",
            "phone": own.phone, "capacity": own.capacity, "weekdays": own.weekdays, "opens": own.opens,
            "closes": own.closes,
        })  # fmt: skip
    return sheet


def _headings(columns: tuple[str, ...]) -> dict[str, str]:
    return {name: words.COLUMNS[name] for name in columns}
