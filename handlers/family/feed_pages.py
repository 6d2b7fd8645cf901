"""A person's own calendar on a page: its address, shown once and copied into the phone, renewed, switched off."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import feed_words as words
from handlers.family.feed import link
from models.family.feeds import end, feed_of, renew


def room(public_url: str) -> Blueprint:
    """The pages; the addresses that they give out lie below `public_url`."""
    made = Blueprint("feed", __name__, template_folder="templates")

    @made.get("/family/calendar")
    def mine() -> str:
        """Whether there is an address, and what can be done with it."""
        return _page()

    @made.post("/family/calendar")
    def new() -> str | Answer:
        """A new address, shown here and nowhere else; the old one shows nothing any more.

        The form says which one its reader has seen: sent again, it does not end the one that was just copied.
        """
        if request.form.get("seen", "0") != _standing():
            return redirect(url_for(".mine", told="again"), 303)
        return _page(link(public_url, renew(g.session, g.who, g.now)))

    @made.post("/family/calendar/stop")
    def stop() -> Answer:
        """No address any more; twice is once."""
        end(g.session, g.who, g.now)
        return redirect(url_for(".mine", told="stopped"), 303)

    return made


def _standing() -> str:
    found = feed_of(g.session, g.who.person_id)
    return str(found.id) if found else "0"


def _page(url: str = "") -> str:
    found = feed_of(g.session, g.who.person_id)
    return render_template(
        "family/pages/calendar.html", words=words, url=url, seen=_standing(),
        told=words.TOLD.get(request.args.get("told", ""), ""),
        since=words.since(found.made_at, g.who.zone) if found else "",
    )  # fmt: skip
