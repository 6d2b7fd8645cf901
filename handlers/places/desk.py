"""Centres at the staff desk: where they are, when they are open and when they are shut."""

from flask import Blueprint, render_template

from handlers import desk
from handlers.places import words
from models.people.staff import areas_under
from models.places.overview import look, times_of

ROOM = Blueprint("centres", __name__, url_prefix="/centres", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The centres below this cadre's areas."""
    found = look(desk.session(), areas_under(desk.who().person_id), desk.cursor())
    times = times_of(desk.session(), [row.ServiceCentre.id for row in found.rows], desk.now())
    return render_template("centres/desk_list.html", found=found, times=times, words=words)
