"""A centre's whole list on paper or in an article: its edition, and what has changed since it was printed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.ordering.listings import Listing, Offered, offered
from models.ordering.publications import Publication, PublishedItem, record
from models.ordering.versions import ListingVersion, in_force
from models.places.centres import ServiceCentre


@dataclass(frozen=True)
class Since:
    """What has happened since a sheet was printed: listings by id with their title on paper, and those that are new."""

    changed: dict[int, str]
    ended: dict[int, str]
    added: dict[int, str]

    @property
    def nothing(self) -> bool:
        """Whether the sheet is still right."""
        return not (self.changed or self.ended or self.added)


def record_list(
    session: Session, channel: str, centre: ServiceCentre, *, by_id: int | None, now: datetime
) -> Publication:
    """Write down that all a centre offers today was published together: a sheet, an article.

    Raises Refused("nothing_offered") for a centre without a list.
    """
    # Who prints at the same moment waits here: two sheets never bear the same edition.
    session.get_one(ServiceCentre, centre.id, with_for_update={"key_share": True})
    last = select(func.max(Publication.edition)).where(
        Publication.centre_id == centre.id, Publication.channel == channel
    )
    edition = (session.scalar(last) or 0) + 1
    items = [(one.listing.id, _version_id(session, one.listing.id), _own(one)) for one in offered(session, centre, now)]
    if not items:
        raise Refused("nothing_offered")
    return record(session, channel, centre.id, items, by_id=by_id, now=now, edition=edition)


def current_list(
    session: Session, channel: str, centre: ServiceCentre, *, by_id: int | None, now: datetime
) -> Publication:
    """The last edition where nothing has changed since, else a new one: printing again uses up no codes.

    Raises Refused("nothing_offered").
    """
    query = select(Publication).where(Publication.centre_id == centre.id, Publication.channel == channel)
    last = session.scalar(query.order_by(Publication.id.desc()).limit(1))
    if last is not None and since(session, last, now).nothing:
        return last
    return record_list(session, channel, centre, by_id=by_id, now=now)


def codes_of(session: Session, publication_id: int) -> dict[int, str]:
    """What the QR code of each listing on a sheet holds, by listing; an empty text where none was made yet."""
    query = select(PublishedItem).where(PublishedItem.publication_id == publication_id)
    return {item.listing_id: item.code for item in session.scalars(query)}


def keep_codes(session: Session, publication_id: int, codes: dict[int, str]) -> None:
    """Write down what the codes of a sheet hold."""
    for listing_id, code in codes.items():
        session.get_one(PublishedItem, (publication_id, listing_id)).code = code
    session.flush()


def since(session: Session, publication: Publication, now: datetime) -> Since:
    """What differs between a sheet and what its centre offers today."""
    centre = session.get_one(ServiceCentre, publication.centre_id)
    today = {one.listing.id: one for one in offered(session, centre, now)}
    items = select(PublishedItem).where(PublishedItem.publication_id == publication.id)
    printed = {item.listing_id: item for item in session.scalars(items)}
    changed, ended = dict[int, str](), dict[int, str]()
    for key, item in printed.items():
        if key not in today:
            ended[key] = _title(session, key, item.version_id)
        elif item.version_id != _version_id(session, key) or item.own != _own(today[key]):
            changed[key] = today[key].listing.title
    return Since(changed, ended, {key: one.listing.title for key, one in today.items() if key not in printed})


def sheet_with(session: Session, publication_id: int, listing_id: int) -> Publication:
    """The sheet on which a code was printed; raises Refused("not_offered") for a code that no sheet bears."""
    item = session.get(PublishedItem, (publication_id, listing_id))
    if item is None:
        raise Refused("not_offered")
    return session.get_one(Publication, publication_id)


def _own(offer: Offered) -> str:
    """What a centre's own terms put on paper beside the version's: days, hours and the number to ring."""
    here = offer.here
    hours = f"{here.weekdays} {here.opens or ''}-{here.closes or ''}" if here else ""
    return f"{hours} {offer.phone}".strip()


def _version_id(session: Session, listing_id: int) -> int | None:
    version = in_force(session, listing_id)
    return version.id if version else None


def _title(session: Session, listing_id: int, version_id: int | None) -> str:
    if version_id is not None:
        return session.get_one(ListingVersion, version_id).title
    return session.get_one(Listing, listing_id).title
