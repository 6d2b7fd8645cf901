"""Notices of the account (服务号订阅通知) on a page: what would be sent and why, how it stands, and WeChat's tag."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.messages import notice_words
from handlers.messages.topics import by_template, for_me, refused
from handlers.messages.words import TOPICS
from models.errors import Refused
from models.messages.subscriptions import Topic, agree_unless_told, agreed_to
from models.people.identities import Identity

ROOM = Blueprint("notices", __name__, template_folder="templates")
CHANNEL = "account_subscription"


@ROOM.get("/settings/notices")
def mine() -> str:
    """Each kind of notice that concerns me."""
    ours = _ours()
    held = agreed_to(g.session, g.who.identity_id, ours) if ours else {}
    return render_template(
        "messages/pages/notices.html", words=notice_words, topics=TOPICS,
        rows=[(topic, held[topic.template_id]) for topic in ours.values()],
        following=g.session.get_one(Identity, g.who.identity_id).following,
        told=notice_words.TOLD.get(request.args.get("told", ""), ""),
    )  # fmt: skip


@ROOM.post("/settings/notices")
def answered() -> Answer:
    """What WeChat's tag says of a tap. A no counts; a yes counts by WeChat's own event, which the page waits for before
    it says so, and by this where none came. What was filtered was not asked."""
    topic = _ours().get(request.form.get("template", ""))
    if topic is None:
        raise Refused("not_yours")
    answer = request.form.get("answer", "")
    if refused(topic, answer):
        return redirect(url_for(".mine", told="no"), 303)
    if answer != "accept":
        return redirect(url_for(".mine"), 303)
    agree_unless_told(g.session, g.who.identity_id, topic.template_id, g.now, long_term=topic.long_term)
    return redirect(url_for(".mine", told="yes"), 303)


def _ours() -> dict[str, Topic]:
    """What the one who looks may agree to, by template."""
    return by_template(for_me(g.topics), CHANNEL)
