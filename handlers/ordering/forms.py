"""The form of one service on a page: each question a field, what was typed kept, what does not fit beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from handlers.ordering import words
from models.errors import Refused
from models.hours import instant
from models.ordering.listings import Listing
from models.ordering.placing import check_note, check_wished
from models.ordering.questions import check_answer

OTHER = "other"  # the choice of a time that is not among those offered
# What another time, or a smaller share, mends: said beside the time.
OF_THE_TIME = ("full", "quota_used", "too_soon", "closed_already", "out_of_season", "not_then")
# How a question of the listing looks: a line, a larger box, circles or squares to pick from.
LOOKS = {"number": "number", "text": "box", "singlevaluelist": "one", "multivaluelist": "many"}


@dataclass(frozen=True)
class Field:
    """One question with what was typed; `error` is the sentence beside it, empty where all is well."""

    name: str
    label: str
    look: str
    required: bool
    values: tuple[str, ...]
    given: tuple[str, ...]
    error: str


@dataclass
class Form:
    """A whole form. `at` is None until a time was chosen that can be wished for."""

    fields: list[Field]
    answers: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    note: str = ""
    chosen: str = ""
    day: str = ""
    clock: str = ""
    at_error: str = ""
    note_error: str = ""

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """What does not fit: the field's name, what it is called and the sentence, in the order of the page."""
        found = [(one.name, one.label, one.error) for one in self.fields]
        found += [("at", words.TIME_HEAD, self.at_error), ("note", words.NOTE_HEAD, self.note_error)]
        return [one for one in found if one[2]]


def empty(listing: Listing, answers: Mapping[str, Any] | None = None, note: str = "") -> Form:
    """The form of a listing before anything was typed, or with the answers of an order that is wanted again."""
    known = answers or {}
    return Form([_field(n, question, _as_given(known.get(question["code"])), "")
                 for n, question in enumerate(listing.questions)], note=note)  # fmt: skip


def read(listing: Listing, typed: MultiDict[str, str], now: datetime, zone: ZoneInfo) -> Form:
    """What was typed, each part checked by the rule it will have to pass; `zone` is where the service happens."""
    form = Form([], note=typed.get("note", "").strip(), chosen=typed.get("at", ""), day=typed.get("day", ""),
                clock=typed.get("clock", ""))  # fmt: skip
    for number, question in enumerate(listing.questions):
        given = tuple(part for part in typed.getlist(f"q{number}") if part.strip())
        try:
            form.answers[question["code"]] = check_answer(question, "、".join(given))
            error = ""
        except Refused as refusal:
            error = _said(refusal)
        form.fields.append(_field(number, question, given, error))
    read_time(form, now, zone)
    try:
        check_note(form.note)
    except Refused as refusal:
        form.note_error = _said(refusal)
    return form


def read_time(form: Form, now: datetime, zone: ZoneInfo) -> None:
    """The time that was chosen, checked; where it does not do, the sentence beside it."""
    try:
        form.at = _wished(form, zone)
        check_wished(form.at, now)
    except Refused as refusal:
        form.at, form.at_error = None, _said(refusal)


def carried(form: Form) -> Iterable[tuple[str, str]]:
    """All that was typed as names and values, to be sent along from the page on which it is looked over."""
    yield from ((one.name, value) for one in form.fields for value in one.given)
    yield from (("at", form.chosen), ("day", form.day), ("clock", form.clock), ("note", form.note))


def _wished(form: Form, zone: ZoneInfo) -> datetime:
    """The instant that was chosen, or that day and clock name where the service happens; raises Refused("bad_time")."""
    try:
        if form.chosen not in ("", OTHER):
            return datetime.fromtimestamp(int(form.chosen), UTC)
        return instant(date.fromisoformat(form.day), time.fromisoformat(form.clock), zone)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused("bad_time") from error


def _field(number: int, question: dict[str, Any], given: tuple[str, ...], error: str) -> Field:
    return Field(
        f"q{number}", question["description"], LOOKS.get(question["datatype"], "line"),
        bool(question.get("required", False)), tuple(question.get("values", ())), given, error,
    )  # fmt: skip


def _as_given(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _said(refusal: Refused) -> str:
    return (words.PAGE_REFUSALS.get(refusal.code) or words.REFUSALS[refusal.code]).format(**refusal.facts)
