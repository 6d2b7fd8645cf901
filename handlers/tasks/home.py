"""The first page of the desk: what is due today, what is late, what waits, and whether WeChat is in order."""

from datetime import datetime, timedelta

from flask import Blueprint, render_template

from handlers import desk
from handlers.messages.seen import within
from handlers.tasks import words
from models.hours import midnight
from models.messages.breakers import standing
from models.messages.looking import waiting
from models.tasks.looking import load_of, soonest

ROOM = Blueprint("home", __name__, template_folder="templates")
FIRST = 8


@ROOM.get("/")
def today() -> str:
    """What is due today."""
    session, who, now = desk.session(), desk.who(), desk.now()
    loads = load_of(session, who, now, _midnight(now))
    many, stuck = waiting(session, within(who.person_id), now)
    return render_template(
        "tasks/desk_home.html", words=words, loads=loads, soonest=soonest(session, who, FIRST), waiting=many,
        stuck=stuck, stopped=standing(session, now).open, late=sum(one.late for one in loads),
        today=sum(one.today for one in loads), later=sum(one.later for one in loads),
    )  # fmt: skip


def _midnight(now: datetime) -> datetime:
    """The end of this day in China."""
    return midnight(now) + timedelta(days=1)
