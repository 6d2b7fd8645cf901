"""The sections of services: what is offered, on which terms and by whom, and each centre's own word on it."""

from typing import Any

from sqlalchemy import select

from handlers.ordering import catalogue_words as words
from handlers.ordering.words import CATEGORY_NAMES
from models.errors import Refused
from models.life import By
from models.ordering.catalogue import put_centre_terms
from models.ordering.listings import LISTING, TERMS, CentreTerms, Listing, ListingProvider, Terms, providers_of
from models.ordering.review import submit
from models.ordering.versions import VERSION, check_publisher, draft_listing, edit, put_in_force, unsettled, write
from models.ordering.wording import check_terms
from models.people.staff import Organisation
from models.places.centres import ServiceCentre
from wx_backend.load import cells
from wx_backend.load.loading import Loading, check_lengths
from wx_backend.load.rows import BadRow, RowIn

COLUMNS = ("code", "centre", "providers", *TERMS)
CENTRE_COLUMNS = ("listing", "centre", "active", "phone", "capacity", "weekdays", "opens", "closes")
# A county's file is a list that was reviewed and approved on paper.
_APPROVED = (("submit", "publisher"), ("approve", "reviewer"))


def listings(load: Loading, row: RowIn) -> None:
    """A service. A new one is published at once; one that was suspended or retired since stays so.

    What differs from the terms in force becomes a version of its own. In an author's name it goes to review.
    """
    code, centre = row("code"), load.find(ServiceCentre, row("centre"), "centre")
    check_lengths(Listing, {"code": code, **{name: row(name, "") for name in ("title", "summary", "bring", "price")}})
    found = load.session.scalar(select(Listing).where(Listing.code == code))
    said, providers = load.over(_stands(load, found), _terms(row)), _providers(load, row, found)
    if found is not None and found.centre_id != centre.id:
        raise BadRow("centre: 已有的服务不能换到别的中心，请用新的编码")
    try:
        terms = check_terms(said)
        if load.author is not None:
            _for_review(load, found, code, centre, terms, providers)
        elif found is None or _differs(load, found, terms, providers):
            _in_force(load, found, code, centre, terms, providers)
    except Refused as refusal:
        column = str(refusal.facts.get("term") or _COLUMN_OF.get(refusal.code, "code"))
        beside = f"。{words.CHANGED_SINCE}" if column in load.absent and column in row.cells else ""
        raise BadRow(f"{column}: {words.file_fault(refusal.code, refusal.facts)}{beside}") from refusal


_COLUMN_OF = {"bad_rule": "rules", "bad_question": "questions", "not_yours": "centre"}


def _terms(row: RowIn) -> dict[str, Any]:
    return {
        "title": row("title"), "category": row.named("category", CATEGORY_NAMES), "summary": row("summary", ""),
        "audience": row.named("audience", words.AUDIENCES, "everyone"), "mode": row.named("mode", words.MODES),
        "questions": cells.questions(row("questions", "")), "rules": cells.rules(row("rules", "")),
        "minutes": row.number("minutes", "0"), "capacity": row.number_or_none("capacity"),
        "capacity_per": row.named("capacity_per", words.CAPACITY_PER, "day"), "quota": row.number_or_none("quota"),
        "quota_per": row.named("quota_per", words.QUOTA_PER, "month"), "lead_hours": row.number("lead_hours", "0"),
        "cutoff_days": row.number("cutoff_days", "0"), "cutoff_at": row.time_or_none("cutoff_at"),
        "valid_from": row.day_or_none("valid_from"), "valid_to": row.day_or_none("valid_to"),
        "bring": row("bring", ""), "price": row("price", ""), "phone": row.phone("phone"),
    }  # fmt: skip


def _stands(load: Loading, found: Listing | None) -> Terms | None:
    """The terms that a row corrects: those in force, or what is being written where the file is an author's."""
    written = unsettled(load.session, found.id) if found is not None and load.author is not None else None
    return written or found


def _differs(load: Loading, listing: Listing, terms: dict[str, Any], providers: list[int]) -> bool:
    same = all(getattr(listing, name) == value for name, value in terms.items())
    return not same or providers != providers_of(load.session, listing.id)


def _in_force(
    load: Loading, found: Listing | None, code: str, centre: ServiceCentre, terms: dict[str, Any], providers: list[int]
) -> None:
    publisher = By(None, "publisher")
    listing = found or Listing(code=code, centre_id=centre.id, created_at=load.now, **terms)
    if found is None:
        load.session.add(listing)
        LISTING.begin(load.session, listing, by=publisher, now=load.now)
    load.count(Listing)
    version = write(load.session, listing, terms, providers, publisher, load.now)
    for verb, role in _APPROVED:
        VERSION.move(load.session, version, verb, by=By(None, role), now=load.now)
    before = providers_of(load.session, listing.id)
    put_in_force(load.session, version, "publish", by=publisher, now=load.now)
    for _ in set(providers) - set(before):
        load.count(ListingProvider)


def _for_review(
    load: Loading, found: Listing | None, code: str, centre: ServiceCentre, terms: dict[str, Any], providers: list[int]
) -> None:
    assert load.author is not None
    session, who, now = load.session, load.author, load.now
    if found is None:
        version = draft_listing(session, who, code=code, centre_id=centre.id, terms=terms, providers=providers, now=now)
    elif unsettled(session, found.id) is None and not _differs(load, found, terms, providers):
        return
    else:
        version = edit(session, who, found.id, terms, providers=providers, now=now)
    load.count(Listing)
    if version.state in ("draft", "returned"):
        submit(session, who, version.id, now)


def _providers(load: Loading, row: RowIn, found: Listing | None) -> list[int]:
    """The organisations of a row in their order; those that stand where the file says nothing new of them."""
    if found is not None and load.author is None and "providers" in load.absent:
        return providers_of(load.session, found.id)
    codes = row("providers").split("/")
    wanted = [load.find(Organisation, code.strip(), "providers").id for code in codes]
    if len(set(wanted)) < len(wanted):
        raise BadRow("providers: 有一个组织写了两次")
    return wanted


def centre_terms(load: Loading, row: RowIn) -> None:
    """A centre's own word on a service: that it offers another's, on what terms, or not at all."""
    listing = load.find(Listing, row("listing"), "listing")
    centre = load.find(ServiceCentre, row("centre"), "centre")
    own = load.over(load.session.get(CentreTerms, (centre.id, listing.id)), _own_terms(row))
    opens, closes = own["opens"], own["closes"]
    if (opens is None) != (closes is None) or (opens and closes and closes <= opens):
        raise BadRow("closes: opens 和 closes 要一起写，closes 要晚一些")
    if load.author is not None:
        try:
            check_publisher(load.session, load.author, centre.id)
        except Refused as refusal:
            raise BadRow(f"centre: {words.file_fault(refusal.code, refusal.facts)}") from refusal
    _, new = put_centre_terms(load.session, listing.id, centre.id, **own)
    if new:
        load.count(CentreTerms)


def _own_terms(row: RowIn) -> dict[str, Any]:
    weekdays = row("weekdays", "")
    if set(weekdays) - set("1234567") or len(set(weekdays)) < len(weekdays):
        raise BadRow(f"weekdays: “{weekdays}”应写成 25（周二和周五），空着就是每天")
    return {
        "active": row.yes("active", "yes"), "phone": row.phone("phone"), "capacity": row.number_or_none("capacity"),
        "weekdays": "".join(sorted(weekdays)), "opens": row.time_or_none("opens"),
        "closes": row.time_or_none("closes"),
    }  # fmt: skip
