"""What is said about needs and calls for help: fits WeChat, and of a secret says nothing."""

import pytest

from handlers.messages.words import KINDS
from handlers.ordering import need_words
from handlers.ordering.words import CATEGORY_NAMES
from handlers.tasks import words as task_words
from models.hours import CHINA
from models.ordering.demands import AUDIENCES
from models.ordering.emergencies import DANGERS
from models.ordering.help import HELP
from models.ordering.needs import NEED
from models.ordering.said import SAID_CATEGORIES
from models.tasks.tasks import TASK_KINDS
from tests.world import NOW
from wx_backend.config import EXAMPLE, load_config
from wx_backend.hands import make_templates
from wx_backend.wechat.templates import fit

OPEN = {
    "secret": False, "matter": "need:1", "at": NOW.isoformat(), "centre": "葛山村党群服务中心", "phone": "0578-5550101",
    "people": 12, "quarter": "2026-Q4", "position": 7, "title": "老年食堂<b>", "reason": "没有场地", "who": "陈干事",
    "outcome": "办好了", "person": "王秀英", "place": "葛山村",
}  # fmt: skip
SECRET = {name: OPEN[name] for name in ("matter", "at", "centre", "phone", "place")} | {"secret": True, "person": ""}


@pytest.mark.parametrize("kind", sorted(need_words.TEMPLATES))
@pytest.mark.parametrize("facts", [OPEN, SECRET], ids=["open", "secret"])
def test_a_letter_fits_its_template_and_has_a_name_at_the_desk(kind, facts):
    wording = need_words.letter(kind, facts, CHINA)
    template = make_templates(load_config(EXAMPLE, {}))[wording.template]
    said = fit(template, wording.fields)
    assert not any(value["value"].endswith("…") for value in said.values())
    assert "老年食堂" not in str(said)
    assert KINDS[kind]
    assert "<" not in wording.text


@pytest.mark.case("L3")
def test_all_letters_about_secrets_are_one_and_the_same():
    news = [kind for kind in need_words.TEMPLATES if kind != "ordering.help_off"]  # to who was to help
    said = [need_words.letter(kind, SECRET, CHINA) for kind in news]
    assert {(one.text, str(one.fields)) for one in said} == {(said[0].text, str(said[0].fields))}
    assert said[0].text.startswith("您反映的事项有了新进展。")


def test_the_voice_reads_its_place_in_the_list():
    text = need_words.letter("ordering.matter_listed", OPEN, CHINA).text
    assert text.startswith("您的需求成了2026年第4季度清单第7项：“老年食堂＜b＞”。")


@pytest.mark.case("A9", "L3")
def test_what_a_clerk_typed_is_read_out_but_never_pushed_and_a_listed_reason_is_said():
    typed = need_words.letter("ordering.matter_declined", OPEN, CHINA).text
    aloud = need_words.letter("ordering.matter_declined", OPEN | {"aloud": True}, CHINA).text
    listed = need_words.letter("ordering.matter_closed", OPEN | {"reason": need_words.CLOSE_REASONS[0]}, CHINA).text
    assert "没有场地" not in typed
    assert "没有采纳：没有场地（答复人：陈干事）。有问题请打" in aloud
    assert need_words.CLOSE_REASONS[0] in listed
    assert all("陈干事" in text for text in (typed, aloud, listed))


def test_where_no_phone_is_known_none_is_named():
    assert "电话" not in need_words.letter("ordering.matter_done", OPEN | {"phone": "", "centre": ""}, CHINA).text


def test_every_kind_state_audience_danger_and_task_has_its_words():
    assert set(need_words.KINDS_OF_SAID) == {*SAID_CATEGORIES, ""}
    assert {kind: need_words.KINDS_OF_SAID[kind] for kind in CATEGORY_NAMES} == CATEGORY_NAMES
    assert set(need_words.NEED_STATES) == set(NEED.states)
    assert set(need_words.HELP_STATES) == set(HELP.states)
    assert set(need_words.AUDIENCES) == set(AUDIENCES)
    assert set(need_words.DANGER) == set(DANGERS)
    assert set(task_words.TITLES) == set(TASK_KINDS)
    assert all(len(title) <= 17 for title in task_words.TITLES.values())  # with “逾期：” before it, a thing holds 20


@pytest.mark.parametrize(
    "kind", ["need_triage", "help_triage", "help_do", "matter_urgent", "matter_tell", "media_lost"]
)
def test_a_task_about_a_secret_names_nobody(kind):
    text = task_words.sentence(kind, {"person": "", "place": "葛山村", "phone": "1"}, NOW, CHINA)
    assert "请在11月24日（周二）10:00前办好" in text
    assert "{" not in text
