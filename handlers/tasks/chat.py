"""A cadre's tasks in the official account: seen in one tap, done in two."""

import logging
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Ask, Choice, Reply
from handlers.tasks import words
from handlers.words import when
from models.people.contacts import ways_to
from models.tasks.desk import finish, task_for, tasks_for
from models.tasks.tasks import Task

Inner = Callable[[str, dict[str, Any], ZoneInfo], str]

log = logging.getLogger(__name__)


def _failed(task: Task) -> tuple[str, ...]:
    return ("wechat",) if "letter_kind" in task.facts else ()


def _whole(task: Task, zone: ZoneInfo, inner: Inner) -> str:
    facts, said = task.facts, ""
    if "letter_kind" in facts:
        try:
            said = inner(facts["letter_kind"], facts["letter_facts"], zone)
        except (KeyError, ValueError) as error:
            # The cadre still has to hear whom to reach, and by when.
            log.error("task %s: no words for %s: %s", task.id, facts["letter_kind"], type(error).__name__)
            said = words.NO_WORDS
    return words.sentence(task.kind, facts, task.due_at, zone, said)


def room(inner: Inner) -> dict[str, Callable[..., Reply]]:
    """The addresses of this room. `inner` says a letter of any quarter as one paragraph: what a cadre reads out."""

    def mine(ask: Ask) -> Reply:
        """Everything still to do, the soonest first."""
        tasks = tasks_for(ask.session, ask.who)
        if not tasks:
            return Reply(words.NO_TASKS)
        zone = ZoneInfo(ask.who.zone)
        choices = tuple(
            Choice(f"{words.title(t.kind)} {words.about(t.facts)} {when(t.due_at, zone)}", f"task/{t.id}")
            for t in tasks
        )
        return Reply(words.TASKS.format(count=len(tasks)), choices, back="menu")

    def one(ask: Ask, task: int) -> Reply:
        """One task, and what can be done with it."""
        found = task_for(ask.session, ask.who, task)
        text = _whole(found, ZoneInfo(ask.who.zone), inner)
        if found.person_id is not None:
            # What WeChat has just failed to bring is not tried by WeChat.
            text += "\n" + words.reached(ways_to(ask.session, found.person_id, _failed(found)))
        if found.state in ("done", "cancelled"):
            return Reply(text, (Choice("我的任务", "task"),))
        choices: tuple[Choice, ...] = (Choice("已经办好", f"task/{task}/done"),)
        if found.kind == "complaint":
            choices = (Choice("查看投诉", found.subject.replace(":", "/")),)
        if found.kind == "confirm_link":
            link = found.facts["link"]
            choices = (
                Choice("情况属实、本人同意，通过", f"link/{link}/confirm"),
                Choice("不通过", f"link/{link}/decline"),
            )
        return Reply(text, choices, back="task")

    def done(ask: Ask, task: int) -> Reply:
        """It is done."""
        finish(ask.session, ask.who, task, ask.now)
        return Reply(words.DONE, (Choice("我的任务", "task"),))

    return {"task": mine, "task/<int:task>": one, "task/<int:task>/done": done}


KEYWORDS = {"我的任务": "task", "任务": "task", "待办": "task"}
