"""What a family answers on pages: whether another time suits, and which of the times kept for a makeup they take."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import after_words, page_words
from handlers.family.moments import stamp_of
from handlers.family.pages import both, name_of, sent_time, to_call
from handlers.words import plain, when
from models.errors import Refused
from models.family import changing, makeup

ROOM = Blueprint("answers", __name__, template_folder="templates")


@ROOM.get("/calls/asked/<int:proposal>")
def asked(proposal: int) -> str:
    """The centre's question, with both times on both clocks."""
    found, call = changing.proposal_for(g.session, g.who, proposal)
    return render_template(
        "family/pages/asked.html", words=page_words, proposal=found, call=call, cared=name_of(call.cared_id),
        old=both(call.starts_at), new=both(found.starts_at), reason=plain(found.reason),
        open=found.state == "asked" and g.now < found.answer_by, by=_until(found.answer_by),
        otherwise=after_words.OTHERWISE[found.otherwise], over=after_words.ANSWERED,
    )  # fmt: skip


@ROOM.post("/calls/asked/<int:proposal>/yes")
def yes(proposal: int) -> Answer:
    """It suits: moved. Where the time is gone meanwhile, the family chooses another."""
    try:
        call = changing.accept(g.session, g.who, proposal, g.now)
    except Refused as refusal:
        if refusal.code not in ("slot_taken", "bad_time"):
            raise
        g.session.rollback()
        _, call = changing.proposal_for(g.session, g.who, proposal)
        return redirect(url_for("pages.booking.other_times", call=call.id, gone=1), 303)
    return to_call(call.id, "moved")


@ROOM.post("/calls/asked/<int:proposal>/no")
def no(proposal: int) -> Answer:
    """It does not suit: the call stays, or is off, as the question said."""
    call = changing.decline(g.session, g.who, proposal, g.now)
    return to_call(call.id, "declined" if call.state == "cancelled" else "kept")


@ROOM.get("/makeups/<int:kept>")
def makeup_times(kept: int) -> str:
    """The times that are kept after a call that was missed."""
    found = makeup.makeup_for(g.session, g.who, kept)
    still = found.state == "offered" and g.now < found.held_until
    return render_template(
        "family/pages/makeup.html", words=page_words, makeup=found, open=still, over=after_words.MAKEUP_OVER,
        cared=name_of(found.cared_id), until=_until(found.held_until),
        slots=[(stamp_of(start), both(start)) for start in found.starts] if still else (),
    )  # fmt: skip


@ROOM.post("/makeups/<int:kept>")
def makeup_taken(kept: int) -> Answer:
    """One of them is booked, and the others are free again."""
    try:
        call = makeup.take(g.session, g.who, kept, sent_time(), g.now)
    except Refused as refusal:
        if refusal.code != "bad_time":
            raise
        g.session.rollback()
        return redirect(url_for(".makeup_times", kept=kept), 303)
    return to_call(call.id, "booked")


@ROOM.post("/makeups/<int:kept>/no")
def makeup_declined(kept: int) -> Answer:
    """None of them suits."""
    makeup.decline(g.session, g.who, kept, g.now)
    return redirect(url_for("pages.family.calls", told="makeup_none"), 303)


def _until(moment: datetime) -> str:
    return when(moment, ZoneInfo(g.who.zone))
