"""What the mini-program may write to people about: which reminders there are, and what the phone says of its asking."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import NO_NUL, Asked, Shown, refusing, said
from handlers.messages import words
from handlers.messages.topics import by_template, for_me, refused
from models.errors import Refused
from models.messages.subscriptions import Topic, agree_unasked, agreed_to

TemplateId = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
MOST = 20


class AnswersAsked(Asked):
    """What wx.requestSubscribeMessage answered, template by template.

    `always` names those whose choice the phone held already before it asked (wx.getSetting with withSubscriptions): of
    them nothing was shown, and WeChat sends no event.
    """

    answers: dict[
        TemplateId, Literal["accept", "acceptWithAudio", "acceptWithAlert", "reject", "ban", "filter"]
    ] = Field(min_length=1, max_length=MOST)  # fmt: skip
    always: list[TemplateId] = Field([], max_length=MOST)


class TopicShown(Shown):
    """One reminder. `text` is what it is for. `agreed`: one can be sent now; `balance`: how many consents are left;
    `always`: the person is not asked any more; `refused`: the last answer was no.

    Ask for at most three at once, and for those that are `long_term` apart from the others: WeChat allows no more.
    """

    template_id: str
    key: str
    text: str
    long_term: bool
    agreed: bool
    balance: int
    always: bool
    refused: bool


class Topics(Shown):
    """A list of reminders."""

    items: list[TopicShown]
    next: int | None = None


def room(topics: Iterable[Topic]) -> APIBlueprint:
    """The room. `topics` are what people can agree to; those of the mini-program are asked for here."""
    subscriptions = APIBlueprint("subscriptions", __name__, tag="messages")
    ours = by_template(topics, "mini_subscription")

    def shown() -> Topics:
        held = agreed_to(g.session, g.who.identity_id, ours)
        items = [
            TopicShown(
                template_id=one.template_id, key=one.key, text=words.TOPICS[one.key], long_term=one.long_term,
                agreed=(found := held[one.template_id]).balance > 0 or found.long_term, balance=found.balance,
                always=found.always, refused=found.refused,
            )
            for one in for_me(ours.values())
        ]  # fmt: skip
        return Topics(items=items)

    @subscriptions.get("/subscriptions")
    @subscriptions.output(Topics)
    def every_one() -> Any:
        """What I can be reminded of by the mini-program, with the template ids for wx.requestSubscribeMessage."""
        return said(shown())

    @subscriptions.post("/subscriptions")
    @subscriptions.input(AnswersAsked)
    @subscriptions.output(Topics)
    @subscriptions.doc(responses=refusing("no_topic"))
    def answered(json_data: AnswersAsked) -> Any:
        """Say what I answered.

        A yes to a question counts by WeChat's own event and not by this; a yes that was kept (`always`) brings no event
        and counts here; a no counts whoever says it first.
        """
        if not ours.keys() >= {*json_data.answers, *json_data.always}:
            raise Refused("no_topic")
        for template_id, answer in sorted(json_data.answers.items()):
            _note(ours[template_id], answer, unasked=template_id in json_data.always)
        return said(shown(), words.NOTED)

    return subscriptions


def _note(topic: Topic, answer: str, *, unasked: bool) -> None:
    """Nothing joins the phone's report to WeChat's event of the same tap, and a phone may say anything: a yes that was
    asked for is believed from WeChat only. What was filtered was not asked."""
    if not refused(topic, answer) and unasked and answer != "filter":
        agree_unasked(g.session, g.who.identity_id, topic.template_id, g.now, long_term=topic.long_term)
