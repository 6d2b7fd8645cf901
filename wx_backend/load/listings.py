"""The section of services: what each centre offers, with its questions and the organisations that do it."""

from typing import Any

from sqlalchemy import select

from models.life import By
from models.ordering.listings import CATEGORIES, DATATYPES, LISTING, MODES, Listing, ListingProvider, providers_of
from models.people.staff import Organisation
from models.places.centres import ServiceCentre
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn

# A county's file is a list that was reviewed and approved on paper.
_APPROVED = (("submit", "publisher"), ("approve", "reviewer"), ("publish", "publisher"))


def listings(load: Loading, row: RowIn) -> None:
    """A service. A new one is published at once; one that was suspended or retired since stays so."""
    listing, new = load.put(
        Listing, {"code": row("code")}, first={"state": LISTING.start}, title=row("title"),
        centre_id=load.find(ServiceCentre, row("centre"), "centre").id, category=row.one_of("category", CATEGORIES),
        summary=row("summary", ""), mode=row.one_of("mode", MODES),
        questions=[_question(part) for part in row("questions", "").split("|") if part],
        valid_from=row.day_or_none("valid_from"), valid_to=row.day_or_none("valid_to"), created_at=load.now,
    )  # fmt: skip
    if new:
        LISTING.begin(load.session, listing, by=By(None, "publisher"), now=load.now)
        for verb, role in _APPROVED:
            LISTING.move(load.session, listing, verb, by=By(None, role), now=load.now)
    _providers(load, listing, row("providers").split("/"))


def _providers(load: Loading, listing: Listing, codes: list[str]) -> None:
    """The organisations in their order: the whole list, replaced where it differs."""
    wanted = [load.find(Organisation, code.strip(), "providers").id for code in codes]
    if len(set(wanted)) < len(wanted):
        raise BadRow("providers: 有一个组织写了两次")
    if wanted == providers_of(load.session, listing.id):
        return
    for old in load.session.scalars(select(ListingProvider).where(ListingProvider.listing_id == listing.id)).all():
        load.session.delete(old)
    load.session.flush()
    for position, organisation in enumerate(wanted, start=1):
        load.session.add(ListingProvider(listing_id=listing.id, position=position, organisation_id=organisation))
        load.count(ListingProvider)
    load.session.flush()


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
