"""缺口 at the staff desk: what people need and nobody offers, below one place."""

from flask import Blueprint, render_template

from handlers import desk
from handlers.ordering import need_desk_words as said
from handlers.ordering import need_words, words
from models.ordering.gaps import gaps
from models.ordering.hearing import gathered_areas

ROOM = Blueprint("gaps", __name__, url_prefix="/gaps", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """Demands without a service, orders that nobody could do, and who asked for what; by people, not by rows."""
    session, places = desk.session(), gathered_areas(desk.session(), desk.who())
    wished = desk.number("place")
    chosen = next((area for area in places if area.id == wished), places[0] if places else None)
    return render_template(
        "gaps/desk_list.html", places=[(area.id, area.name) for area in places], chosen=chosen, labels=said.LABELS,
        said=said, need_words=need_words, words=words, found=gaps(session, desk.now(), chosen) if chosen else None,
    )  # fmt: skip
