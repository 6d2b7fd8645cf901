"""A cadre's tasks in the official account: seen in one tap, done in two."""

import logging
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Ask, Choice, Reply
from handlers.tasks import words
from handlers.words import TOLD_MEANS, when
from models.errors import Refused
from models.hours import calendar
from models.messages.letters import MEANS
from models.ordering.confided import door
from models.people.contacts import ways_to
from models.tasks.desk import finish, task_for, tasks_for
from models.tasks.holding import hold, put_off, resume
from models.tasks.tasks import DECIDED_ELSEWHERE, TOLD, Task
from models.tasks.telling import next_morning

Inner = Callable[[str, dict[str, Any], ZoneInfo], str]

# What must not be said on a task stands on the matter's own page.
ON_A_PAGE = ("matter_tell", "media_lost", "elder_absent", "wellbeing")

log = logging.getLogger(__name__)

MINE = (Choice("我的任务", "task"),)


def _failed(task: Task) -> tuple[str, ...]:
    return ("wechat",) if "letter_kind" in task.facts else ()


def whole(task: Task, zone: ZoneInfo, inner: Inner) -> str:
    """The task in one paragraph, what it is to tell somebody included; of one that is on hold, what it waits for."""
    facts, said = task.facts, ""
    if "letter_kind" in facts:
        try:
            said = inner(facts["letter_kind"], facts["letter_facts"], zone)
        except (KeyError, ValueError) as error:
            # The cadre still has to hear whom to reach, and by when.
            log.error("task %s: no words for %s: %s", task.id, facts["letter_kind"], type(error).__name__)
            said = words.NO_WORDS
    if task.held_at is None or task.wake_at is None:
        return words.sentence(task.kind, facts, task.due_at, zone, said)
    waiting = words.waiting(task.held_why, task.held_at, task.wake_at, zone)
    return f"{words.sentence(task.kind, facts, None, zone, said)}\n{waiting}"


def _choices(task: Task, behind: str) -> tuple[Choice, ...]:
    """What can be done with a task that is not settled; `behind` is what a cadre finds behind it."""
    hold = Choice("继续办", f"task/{task.id}/resume")
    if task.state != "on_hold":
        hold = Choice(words.HOLD, f"task/{task.id}/hold")
    return (*(_past_a_secret(task, behind) if behind in words.SECRETS else _ways_to_end(task)), hold)


def _past_a_secret(task: Task, behind: str) -> tuple[Choice, ...]:
    """A matter that this cadre may not read is not opened: an administrator gives it to a clerk."""
    thing, _, key = task.subject.partition(":")
    page, over = f"{thing}/desk/{key}", {"need": "to", "help": "over"}[thing]
    others = tuple(choice for choice in _ways_to_end(task) if choice.address != page)
    return (Choice(words.HAND_ON, f"{page}/{over}"), *others) if behind == "confided" else others


def _ways_to_end(task: Task) -> tuple[Choice, ...]:
    """What settles a task: a tap, or the decision about what it is for."""
    done, (thing, _, key) = Choice("已经办好", f"task/{task.id}/done"), task.subject.partition(":")
    if task.kind == "review_listing":
        return (Choice("看内容并审核", f"review/{task.facts['version']}"),)
    if task.kind == "complaint":
        return (Choice("查看投诉", f"complaint/{key}"),)
    if task.kind == "series_helper":
        return (Choice("由我负责", f"call/helper/{task.id}"), *_calls(task))
    if task.kind in DECIDED_ELSEWHERE:
        return (Choice("去办理", f"{thing}/desk/{key}"),)
    if task.kind in ON_A_PAGE:
        return Choice("看这件事", f"{thing}/desk/{key}"), done
    if task.kind == "confirm_link":
        link = task.facts["link"]
        return (
            Choice("情况属实、本人同意，通过", f"link/{link}/confirm"),
            Choice("不通过", f"link/{link}/decline"),
        )
    if task.kind == "call_help":
        return Choice(words.TO_CALL, f"call/{key}"), done
    if task.kind in ("closure", "screen_out"):
        return *_calls(task), done
    if task.kind in TOLD:
        told = tuple(Choice(TOLD_MEANS[one], f"task/{task.id}/told/{n}") for n, one in enumerate(MEANS))
        return (*told, done) if task.kind == "check_delivery" else told  # it may have arrived all the same
    return (done,)


def _calls(task: Task) -> tuple[Choice, ...]:
    return tuple(Choice(words.call_line(one), f"call/{one['call']}") for one in task.facts["calls"])


def ask_hold(ask: Ask, task: int) -> Reply:
    """Asks what the resident is waited for."""
    task_for(ask.session, ask.who, task)
    choices = tuple(Choice(why, f"task/{task}/hold/{n}") for n, why in enumerate(words.HOLD_REASONS))
    return Reply(words.ASK_HOLD, choices, f"task/{task}/hold/text", back=f"task/{task}")


def hold_for(ask: Ask, task: int, reason: int) -> Reply:
    """On hold, for a reason from the list."""
    return _hold(ask, task, words.HOLD_REASONS[reason] if reason < len(words.HOLD_REASONS) else "")


def hold_text(ask: Ask, task: int) -> Reply:
    """On hold, for a reason in words."""
    return _hold(ask, task, ask.text)


def _hold(ask: Ask, task: int, why: str) -> Reply:
    wake_at = hold(ask.session, ask.who, task, why=why, now=ask.now).wake_at
    assert wake_at is not None
    choices = (*(Choice(label, f"task/{task}/wake/{days}") for days, label in words.WAKES.items()), *MINE)
    return Reply(words.HELD.format(wake=when(wake_at, ZoneInfo(ask.who.zone))), choices)


def wake_after(ask: Ask, task: int, days: int) -> Reply:
    """It waits for so many working days."""
    wake_at = next_morning(ask.now, calendar(ask.session), min(days, 100))
    put_off(ask.session, ask.who, task, wake_at=wake_at, now=ask.now)
    return Reply(words.PUT_OFF.format(wake=when(wake_at, ZoneInfo(ask.who.zone))), MINE)


def go_on(ask: Ask, task: int) -> Reply:
    """The wait is over."""
    found = resume(ask.session, ask.who, task, ask.now)
    due = when(found.due_at, ZoneInfo(ask.who.zone))
    return Reply(words.RESUMED.format(due=due), (Choice("查看", f"task/{task}"), *MINE))


HOLDING: dict[str, Callable[..., Reply]] = {
    "task/<int:task>/hold": ask_hold,
    "task/<int:task>/hold/<int:reason>": hold_for,
    "task/<int:task>/hold/text": hold_text,
    "task/<int:task>/wake/<int:days>": wake_after,
    "task/<int:task>/resume": go_on,
}


def room(inner: Inner) -> dict[str, Callable[..., Reply]]:
    """The addresses of this room. `inner` says a letter of any quarter as one paragraph: what a cadre reads out."""

    def mine(ask: Ask) -> Reply:
        """Everything still to do, the soonest first."""
        tasks = tasks_for(ask.session, ask.who)
        if not tasks:
            return Reply(words.NO_TASKS)
        zone = ZoneInfo(ask.who.zone)
        choices = tuple(
            Choice(words.line(t.kind, t.facts, t.due_at, zone, held=t.state == "on_hold"), f"task/{t.id}")
            for t in tasks
        )
        return Reply(words.TASKS.format(count=len(tasks)), choices, back="menu")

    def one(ask: Ask, task: int) -> Reply:
        """One task, and what can be done with it."""
        found = task_for(ask.session, ask.who, task)
        text = whole(found, ZoneInfo(ask.who.zone), inner)
        if found.person_id is not None:
            # What WeChat has just failed to bring is not tried by WeChat.
            text += "\n" + words.reached(ways_to(ask.session, found.person_id, _failed(found)))
        if found.state in ("done", "cancelled"):
            return Reply(text, MINE)
        behind = door(ask.session, ask.who, found.subject)
        text += f"\n{words.SECRETS[behind]}" if behind in words.SECRETS else ""
        return Reply(text, _choices(found, behind), back="task")

    def done(ask: Ask, task: int) -> Reply:
        """It is done."""
        finish(ask.session, ask.who, task, ask.now)
        return Reply(words.DONE, MINE)

    def told(ask: Ask, task: int, means: int) -> Reply:
        """It is done: somebody was told, at the door or by phone."""
        if means >= len(MEANS):
            raise Refused("wrong_state")
        finish(ask.session, ask.who, task, ask.now, MEANS[means])
        return Reply(words.DONE, MINE)

    return {
        "task": mine, "task/<int:task>": one, "task/<int:task>/done": done, "task/<int:task>/told/<int:means>": told,
        **HOLDING,
    }  # fmt: skip


KEYWORDS = {"我的任务": "task", "任务": "task", "待办": "task"}
