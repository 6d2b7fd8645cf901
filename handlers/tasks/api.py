"""A cadre's tasks in the mini-program: seen, acknowledged, done."""

from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g

from handlers.envelope import Instant, Shown, refusing, said
from handlers.tasks import words
from handlers.tasks.chat import Inner, whole
from handlers.words import when
from models.tasks.desk import acknowledge, finish, task_for, tasks_for
from models.tasks.tasks import Task


class TaskShown(Shown):
    """One task. `text` is the whole of it in one paragraph; a resident's phone is in the account's chat only."""

    id: int
    kind: str
    title: str
    about: str
    text: str
    state: str
    due_at: Instant
    due_at_text: str
    subject: str


class Tasks(Shown):
    """A list of tasks."""

    items: list[TaskShown]
    next: int | None = None


def room(inner: Inner) -> APIBlueprint:
    """The room. `inner` says a letter of any quarter as one paragraph: what a cadre reads out."""
    tasks = APIBlueprint("tasks", __name__, tag="tasks")

    def shown(task: Task) -> TaskShown:
        zone = ZoneInfo(g.who.zone)
        return TaskShown(
            id=task.id, kind=task.kind, title=words.title(task.kind), about=words.about(task.facts),
            text=whole(task, zone, inner), state=task.state, due_at=task.due_at, due_at_text=when(task.due_at, zone),
            subject=task.subject,
        )  # fmt: skip

    @tasks.get("/tasks")
    @tasks.output(Tasks)
    def mine() -> Any:
        """What I have still to do, the soonest first; empty for who is no cadre."""
        return said(Tasks(items=[shown(task) for task in tasks_for(g.session, g.who)]))

    @tasks.get("/tasks/<key:task>")
    @tasks.output(TaskShown)
    @tasks.doc(responses=refusing("not_yours"))
    def one(task: int) -> Any:
        """One task below my areas."""
        return said(shown(task_for(g.session, g.who, task)))

    @tasks.post("/tasks/<key:task>/acknowledge")
    @tasks.output(TaskShown)
    @tasks.doc(responses=refusing("not_yours", "wrong_state"))
    def seen(task: int) -> Any:
        """I have seen it and will do it."""
        return said(shown(acknowledge(g.session, g.who, task, g.now)))

    @tasks.post("/tasks/<key:task>/done")
    @tasks.output(TaskShown)
    @tasks.doc(responses=refusing("not_yours", "wrong_state", "decided_elsewhere", "answer_first"))
    def done(task: int) -> Any:
        """It is done."""
        return said(shown(finish(g.session, g.who, task, g.now)), words.DONE)

    return tasks
