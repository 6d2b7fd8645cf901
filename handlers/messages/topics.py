"""What people can be asked to agree to: which of it is for whom, by which channel; a no is one, whoever says it."""

from collections.abc import Iterable

from flask import g

from models.messages.subscriptions import Topic, refuse
from models.people.staff import is_cadre

OF_CADRES = frozenset({"task_assigned"})
NO = frozenset({"reject", "ban", "cancel"})


def by_template(topics: Iterable[Topic], channel: str) -> dict[str, Topic]:
    """The topics of one channel, by their template."""
    return {topic.template_id: topic for topic in topics if topic.channel == channel}


def for_me(topics: Iterable[Topic]) -> list[Topic]:
    """Those of which the one who asks can ever be told: of tasks only cadres are."""
    cadre = is_cadre(g.session, g.who.person_id)
    return [topic for topic in topics if cadre or topic.key not in OF_CADRES]


def refused(topic: Topic, answer: str) -> bool:
    """Whether the answer is a no, which is taken down."""
    if answer in NO:
        refuse(g.session, g.who.identity_id, topic.template_id, g.now, "ban" if answer == "ban" else "reject")
    return answer in NO
