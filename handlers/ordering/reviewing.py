"""Review in the official account: what waits, one version whole, and a decision with its reason."""

from handlers.ordering import catalogue_words as words
from handlers.ordering.fitting import area_names
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.ordering.catalogue import publish
from models.ordering.listings import Listing
from models.ordering.review import decide, submit, waiting_for, writers_of
from models.ordering.versions import ListingVersion, differences, version_for, written_by
from models.people.staff import Organisation
from models.places.centres import ServiceCentre


def waiting(ask: Ask) -> Reply:
    """What waits for my review, and what of my own has not been published yet."""
    rows = [(version, centre.name) for version, centre in waiting_for(ask.session, ask.who)]
    mine = [(version, words.VERSION_STATES[version.state]) for version in written_by(ask.session, ask.who)]
    choices = tuple(Choice(f"{said} {version.title}", f"review/{version.id}") for version, said in [*rows, *mine])
    if not choices:
        return Reply(words.NOTHING_WAITING)
    head = words.WAITING.format(count=len(rows)) if rows else words.NOT_YET_OUT
    return Reply(head, choices, back="menu")


def one(ask: Ask, version: int) -> Reply:
    """One version whole, and what this person can do with it."""
    found, _ = version_for(ask.session, ask.who, version)
    listing = ask.session.get_one(Listing, found.listing_id)
    names = [ask.session.get_one(Organisation, key).name for key in found.providers]
    text = words.version_whole(
        ask.session.get_one(ServiceCentre, listing.centre_id).name, found, found.state,
        differences(ask.session, found), names, area_names(ask.session, found.rules),
    )  # fmt: skip
    return Reply(text, tuple(_doable(ask, found)), back="review")


def _doable(ask: Ask, version: ListingVersion) -> list[Choice]:
    at, own = f"review/{version.id}", ask.who.person_id in writers_of(ask.session, version)
    if version.state == "submitted" and not own:
        return [Choice("通过", f"{at}/approve"), Choice("退回修改", f"{at}/return"), Choice("不通过", f"{at}/reject")]
    if version.state == "approved":
        return [Choice("发布", f"{at}/publish")]
    return [Choice("提交审核", f"{at}/submit")] if version.state in ("draft", "returned") else []


def approve(ask: Ask, version: int) -> Reply:
    """Approved."""
    return _decided(ask, version, "approve", "")


def ask_return(ask: Ask, version: int) -> Reply:
    """Asks what is to be changed."""
    version_for(ask.session, ask.who, version)
    return Reply(words.ASK_RETURN, ask_for=f"review/{version}/returned", back=f"review/{version}")


def ask_reject(ask: Ask, version: int) -> Reply:
    """Asks why not."""
    version_for(ask.session, ask.who, version)
    return Reply(words.ASK_REJECT, ask_for=f"review/{version}/rejected", back=f"review/{version}")


def send_back(ask: Ask, version: int) -> Reply:
    """Returned, for a reason in words."""
    return _decided(ask, version, "return", ask.text)


def reject(ask: Ask, version: int) -> Reply:
    """Rejected, for a reason in words."""
    return _decided(ask, version, "reject", ask.text)


def _decided(ask: Ask, version: int, verb: str, reason: str) -> Reply:
    try:
        decide(ask.session, ask.who, version, verb, reason, ask.now)
    except Refused as refusal:
        if refusal.code != "reason_missing":
            raise
        return ask_return(ask, version) if verb == "return" else ask_reject(ask, version)
    return Reply(words.DECIDED[verb], (Choice("还有哪些要审", "review"), Choice("我的任务", "task")))


def put_out(ask: Ask, version: int) -> Reply:
    """Published."""
    listing = publish(ask.session, ask.who, version, ask.now)
    return Reply(words.PUBLISHED.format(title=listing.title), (Choice("清单审核", "review"),))


def hand_in(ask: Ask, version: int) -> Reply:
    """Given to review."""
    submit(ask.session, ask.who, version, ask.now)
    return one(ask, version)


ADDRESSES: dict[str, Handler] = {
    "review": waiting,
    "review/<int:version>": one,
    "review/<int:version>/approve": approve,
    "review/<int:version>/return": ask_return,
    "review/<int:version>/returned": send_back,
    "review/<int:version>/reject": ask_reject,
    "review/<int:version>/rejected": reject,
    "review/<int:version>/publish": put_out,
    "review/<int:version>/submit": hand_in,
}

KEYWORDS = {"清单审核": "review", "审核清单": "review", "审核": "review"}
