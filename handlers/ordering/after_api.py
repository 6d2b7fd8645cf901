"""After a service, and after a cancellation, in the mini-program: rated, complained of, taken back, done once more."""

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, refusing, said
from handlers.ordering import page_words, words
from handlers.ordering.api import OrderShown, shown
from models.ordering.aftercare import reopen
from models.ordering.complaints import complain
from models.ordering.ending import undo
from models.ordering.orders import order_for
from models.ordering.ratings import rate

room = APIBlueprint("after", __name__, tag="orders")


class RatingAsked(Asked):
    """From 1 (not content) to 5 (very content), perhaps with words."""

    score: Annotated[int, Field(ge=1, le=5)]
    words: Annotated[str, Field(max_length=2000, pattern=NO_NUL)] = ""


class ComplaintAsked(Asked):
    """What went wrong; read by the township and nobody below."""

    words: Annotated[str, Field(max_length=2000, pattern=NO_NUL)]


class AgainAsked(Asked):
    """When it should be done again, and what was not right."""

    preferred_at: AwareDatetime
    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


@room.post("/orders/<key:order>/rate")
@room.input(RatingAsked)
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "own_work", "wrong_state", "note_long", "rating_closed"))
def tap(order: int, json_data: RatingAsked) -> Any:
    """Rate a completed order; for a week the rating may be changed."""
    rate(g.session, g.who, order, json_data.score, g.now, words=json_data.words)
    return _said(order, page_words.TOLD["rated"])


@room.post("/orders/<key:order>/complain")
@room.input(ComplaintAsked)
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "answer_needed", "note_long"))
def took(order: int, json_data: ComplaintAsked) -> Any:
    """Complain of an order; one open complaint of a person is enough."""
    complain(g.session, g.who, order, json_data.words, g.now)
    return _said(order, words.COMPLAINED)


@room.post("/orders/<key:order>/undo")
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "not_active", "wrong_state", "too_late_to_undo", "full", "quota_used"))
def took_back(order: int) -> Any:
    """Take a cancellation back, within ten minutes."""
    undo(g.session, g.who, order, g.now)
    return _said(order, words.RESTORED)


@room.post("/orders/<key:order>/reopen")
@room.input(AgainAsked)
@room.output(OrderShown)
@room.doc(
    responses=refusing(
        "not_yours", "not_active", "wrong_state", "reopened_already", "too_late", "bad_time", "too_far", "full",
        "quota_used",
    )
)  # fmt: skip
def again(order: int, json_data: AgainAsked) -> Any:
    """It was not right: the same order once more, for another time, once and within a week."""
    reopen(g.session, g.who, order, json_data.reason or words.NOT_RIGHT, json_data.preferred_at, g.now)
    return _said(order, page_words.TOLD["reopened"])


def _said(order: int, sentence: str) -> Any:
    return said(shown(order_for(g.session, g.who, order)[0]), sentence)
