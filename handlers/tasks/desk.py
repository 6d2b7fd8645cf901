"""Tasks at the staff desk: the list, one of them, taking it on, handing it over, done."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.messages.seen import within
from handlers.tasks import alarm_words, words
from handlers.words import TOLD_MEANS
from models.errors import Refused
from models.hours import CHINA
from models.messages.looking import one_within
from models.ordering import queue
from models.ordering.assignments import Assignment
from models.ordering.confided import KINDS, door
from models.ordering.visits import Visit
from models.people.contacts import ways_to
from models.people.identities import Who
from models.tasks import taking
from models.tasks.desk import task_for
from models.tasks.holding import resume
from models.tasks.linking import answer
from models.tasks.looking import Question, look
from models.tasks.taking import Seen, takers
from models.tasks.tasks import DECIDED_ELSEWHERE, TASK, TASK_KINDS, TOLD, Task

ROOM = Blueprint("tasks", __name__, url_prefix="/tasks", template_folder="templates")
WHOSE = {"mine": "我的和没人接的", "all": "范围内全部"}
# The pages of what tasks are about.
PAGES: Mapping[str, Callable[[int], str]] = {
    "order": lambda key: url_for("console.orders.one", order=key),
    "assignment": lambda key: PAGES["order"](desk.session().get_one(Assignment, key).order_id),
    "visit": lambda key: PAGES["order"](desk.session().get_one(Visit, key).order_id),
    "letter": lambda key: url_for("console.letters.one", letter=key),
    "need": lambda key: url_for("console.needs.one", need=key),
    "help": lambda key: url_for("console.help.one", call=key),
    "call": lambda key: url_for("console.calls.one", call=key),
    "pair": lambda _: url_for("console.quiet.listed"),
    "loan": lambda key: url_for("console.loans.one", loan=key),
    "series": lambda key: url_for("console.series.one", series=key),
    "breaker": lambda _: url_for("console.letters.listed", state="waiting"),
    "version": lambda key: url_for("console.review.one", version=key),
}
# Those of them that not every cadre over a task's area may open: whether this one may, or Refused.
MAY_OPEN: Mapping[str, Callable[[Session, Who, int], bool]] = {
    "letter": lambda session, who, key: one_within(session, key, within(who.person_id)) is not None,
    "version": lambda session, who, key: queue.one(session, who, key) is not None,
}
GONE_ON = ("acknowledged", None)  # once held before anybody had it: it is anybody's to take on
ANSWERS = {"confirm": "通过", "decline": "不通过"}

log = logging.getLogger(__name__)


@ROOM.get("/")
def listed() -> str:
    """What is to be done below this cadre's areas."""
    view = desk.asked("view", words.VIEWS) or "todo"
    whose = desk.asked("whose", WHOSE) or "mine"
    kind = desk.asked("kind", dict.fromkeys(TASK_KINDS))
    question = Question(whose == "mine", "" if view == "all" else view, kind)
    found = look(desk.session(), desk.who(), question, desk.now(), desk.cursor())
    return render_template("tasks/desk_list.html", found=found, view=view, whose=whose, kind=kind, words=words,
                           WHOSE=WHOSE, kinds=TASK_KINDS)  # fmt: skip


@ROOM.get("/<int:task>")
def one(task: int) -> str:
    """One task, and what can be done with it."""
    return _whole(task_for(desk.session(), desk.who(), task))


@ROOM.post("/<int:task>/reveal")
def reveal(task: int) -> str:
    """The same with names and phones, for a reason."""
    found = task_for(desk.session(), desk.who(), task)
    desk.reveal(TASK.subject(found))
    return _whole(found, shown=True)


@ROOM.post("/<int:task>/acknowledge")
def acknowledge(task: int) -> Response:
    """I do it."""
    taking.acknowledge(desk.session(), desk.who(), task, _seen(), desk.now())
    desk.note("task_acknowledge", f"task:{task}")
    return desk.back_to("console.tasks.one", "took", task=task)


@ROOM.post("/<int:task>/resume")
def resumed(task: int) -> Response:
    """The resident has been waited for long enough."""
    taking.as_seen(desk.session(), desk.who(), task, _seen())
    resume(desk.session(), desk.who(), task, desk.now())
    desk.note("task_resume", f"task:{task}")
    return desk.back_to("console.tasks.one", "gone_on", task=task)


@ROOM.post("/<int:task>/done")
def done(task: int) -> Response:
    """It is done."""
    means = desk.typed("means")
    taking.done(desk.session(), desk.who(), task, _seen(), desk.now(), means)
    desk.note("task_done", f"task:{task}", **({"means": means} if means else {}))
    return redirect(url_for("console.tasks.listed", done="finished"), 303)


@ROOM.post("/<int:task>/hand-over")
def hand_over(task: int) -> Response:
    """A colleague does it."""
    to = desk.number("to", form=True)
    taking.hand_over(desk.session(), desk.who(), task, _seen(), to or 0, desk.now())
    desk.note("task_hand_over", f"task:{task}", to=to)
    return desk.back_to("console.tasks.one", "handed", task=task)


@ROOM.post("/<int:task>/answer")
def answered(task: int) -> Response:
    """The relative is, or is not, what they say."""
    found, verb = taking.as_seen(desk.session(), desk.who(), task, _seen()), request.form.get("answer", "")
    if found.kind != "confirm_link" or verb not in ANSWERS:
        raise Refused("wrong_state")
    answer(desk.session(), desk.who(), found.facts["link"], verb, desk.now())
    desk.note("task_answer", f"task:{task}", answer=verb)
    return redirect(url_for("console.tasks.listed", done="answered"), 303)


def _seen() -> Seen:
    return Seen.read(request.form.get("seen", ""))


def _whole(task: Task, *, shown: bool = False) -> str:
    session = desk.session()
    masked = masking.facts(task.facts)
    facts = task.facts if shown else masked
    failed = ("wechat",) if "letter_kind" in facts else ()
    behind = door(session, desk.who(), task.subject)
    over, link = task.state in TASK.ends, _subject_link(task, behind)
    told = happened.lines(session, TASK.subject(task), words.VERBS, shown=shown, said=partial(_note, task, shown))
    # An alarm is about nobody: where nothing is hidden there is nothing to ask for.
    private = task.person_id is not None or masked != task.facts or any(line.note for line in told)
    colleagues = [] if over else [one for one in takers(session, task) if one.id != task.assignee_id]
    return render_template(
        "tasks/desk_one.html", task=task, shown=shown, words=words, about=words.about(facts), over=over,
        sentence=_sentence(task, facts), ways=ways_to(session, task.person_id, failed) if task.person_id else [],
        happened=told, colleagues=colleagues, private=private, raw=alarm_words.answered(task.facts),
        seen=Seen(task.state, task.assignee_id), link=link, answers=ANSWERS, others=_others(task, link, behind),
        elsewhere=task.kind in DECIDED_ELSEWHERE, means=TOLD_MEANS if task.kind in TOLD else {},
        waiting=_waiting(task, shown), free=task.state == "open" or (task.state, task.assignee_id) == GONE_ON,
    )  # fmt: skip


def _waiting(task: Task, shown: bool) -> str:
    """What a task that is on hold waits for; "" for any other."""
    if task.held_at is None or task.wake_at is None:
        return ""
    return words.waiting(_typed(task, task.held_why, shown), task.held_at, task.wake_at, CHINA)


def _note(task: Task, shown: bool, verb: str, kept: str) -> str:
    return words.note(verb, _typed(task, kept, shown))


def _typed(task: Task, text: str, shown: bool) -> str:
    """What somebody typed about a task: whom it is about is named only where the page says who that is."""
    return text if shown else masking.said(text, task.facts)


def _sentence(task: Task, facts: dict[str, Any]) -> str:
    inner = ""
    if "letter_kind" in facts:
        try:
            inner = desk.in_words(facts["letter_kind"], facts["letter_facts"], CHINA)
        except (KeyError, ValueError) as error:
            # The cadre still has to see whom to reach, and by when.
            log.error("task %s: no words for %s: %s", task.id, facts["letter_kind"], type(error).__name__)
            inner = words.NO_WORDS
    return words.sentence(task.kind, facts, task.due_at if task.held_at is None else None, CHINA, inner)


def _subject_link(task: Task, behind: str) -> str:
    """Where the desk shows what the task is about; "" where it has no page of its own, or one for others alone."""
    kind, _, key = task.subject.partition(":")
    if behind == "confided":
        return url_for("console.confided.one", kind=kind, key=int(key))
    if kind in KINDS and behind != "open":
        return ""
    return PAGES[kind](int(key)) if kind in PAGES and _may_open(kind, int(key)) else ""


def _others(task: Task, link: str, behind: str) -> str:
    """Who does it, where this cadre may not: of a secret who reads it, of what is decided on a page of the desk and
    nowhere else that others do; where there is danger, the task says what to do now."""
    if behind in words.SECRETS:
        return words.SECRETS[behind]
    decided = task.kind in DECIDED_ELSEWHERE and task.kind != "matter_urgent"
    return words.OTHERS_DO if not link and decided and task.subject.partition(":")[0] in PAGES else ""


def _may_open(kind: str, key: int) -> bool:
    try:
        return kind not in MAY_OPEN or MAY_OPEN[kind](desk.session(), desk.who(), key)
    except Refused:
        return False


def changed(subject: str) -> str:
    """What has happened to a task since a page showed it."""
    return words.CHANGED.format(what=happened.last(desk.session(), subject, words.VERBS, desk.now()))
