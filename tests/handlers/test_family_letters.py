"""What families and cadres read of what became of a call: kind, short, in their own zone, and fitting its card."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers.family import after_words, letter_words, words
from handlers.messages.words import KINDS
from handlers.tasks import words as task_words
from models.family.calls import CALL, CANCEL_CODES
from models.family.pairing import MEANS, RHYTHMS
from models.family.reports import OUTCOMES
from models.family.wellbeing import VERDICTS
from models.hours import CHINA
from models.tasks.tasks import TASK_KINDS
from tests.handlers.test_family_words import FACTS, MADRID
from tests.world import NOW
from wx_backend.config import EXAMPLE, load_config
from wx_backend.hands import make_templates
from wx_backend.wechat.templates import fit

MORE = {
    **FACTS, "role": "relative", "makeup": True, "new_at": "2026-11-30T08:00:00+00:00", "otherwise": "cancel",
    "answer_by": NOW.isoformat(), "at": NOW.isoformat(), "many": 12, "days": 30, "news": 1, "pair": 1,
    "reason": "设备坏了",
}  # fmt: skip
OURS = sorted(set(letter_words.TEMPLATES) - set(words.TEMPLATES))


def said(word, zone=MADRID, **more):
    return letter_words.letter(f"family.{word}", {**MORE, **more}, zone)


@pytest.mark.parametrize("kind", [*OURS, "family.restored"])
def test_a_letter_fits_its_template_and_has_a_name_at_the_desk(kind):
    wording = letter_words.letter(kind, MORE, MADRID)
    fitted = fit(make_templates(load_config(EXAMPLE, {}))[wording.template], wording.fields)
    assert not any(value["value"].endswith("…") for value in fitted.values())
    assert KINDS[kind]
    assert "0578-5550101" in wording.text or kind == "family.quiet"


@pytest.mark.parametrize("word", ["on_the_way", "running_late"])
@pytest.mark.parametrize(("zone", "clock"), [(MADRID, "国内16:25"), (CHINA, "大约16:25")])
def test_a_card_about_a_helper_on_the_road_says_when_they_are_at_the_door(word, zone, clock):
    wording = said(word, zone, helper="李站长", arrives_at="2026-11-29T08:25:00+00:00")
    fitted = fit(make_templates(load_config(EXAMPLE, {}))[wording.template], wording.fields)
    assert any(clock in value["value"] for value in fitted.values())
    assert wording.fields["time"] == ("2026-11-29 09:25" if zone == MADRID else "2026-11-29 16:25")
    assert KINDS[f"family.{word}"]


@pytest.mark.case("I1")
@pytest.mark.parametrize("what", [one for one in OUTCOMES if one != "completed"])
@pytest.mark.parametrize(("kept", "next_step"), [(True, "我的连线"), (False, "亲情连线")])
def test_whatever_was_missed_nobody_is_blamed_and_there_is_one_next_step(what, kept, next_step):
    text = said(what, makeup=kept).text
    assert next_step in text
    assert not [word for word in ("爽约", "失约", "缺席", "迟到", "次数", "警告", "没来接") if word in text]
    assert "国内11月29日（周日）16:00 · 马德里09:00" in text


@pytest.mark.case("E4", "E8")
def test_the_question_names_both_times_on_both_clocks_and_what_becomes_of_it():
    text = said("asked_to_move").text
    assert "国内11月29日（周日）16:00 · 马德里09:00" in text
    assert "国内11月30日（周一）16:00 · 马德里09:00" in text
    assert "只能取消" in text
    assert "设备坏了" not in text  # what a cadre gave as a reason stands in the conversation
    assert "照原来" in said("asked_to_move", otherwise="keep").text


@pytest.mark.case("E8")
def test_a_change_reads_in_the_zone_of_its_reader_and_not_of_who_made_it():
    rome = ZoneInfo("America/New_York")
    assert "纽约03:00" in letter_words.letter("family.changed", MORE, rome).text
    helper = letter_words.letter("family.changed", {**MORE, "role": "helper"}, CHINA)
    assert helper.fields["time"] == "2026-11-29 16:00"


@pytest.mark.case("G5")
def test_what_there_is_instead_is_said_and_inert():
    text = said("cancelled", alternative="<a>周一可以</a>").text
    assert "设备坏了" in text
    assert "别的办法：＜a＞周一可以＜/a＞" in text


def test_everything_has_its_word():
    assert set(after_words.VERBS) == {"begin", *CALL.by_name}
    assert set(after_words.END_CODES) == set(CANCEL_CODES)
    assert set(after_words.WHAT) == {*OUTCOMES, "arrived"}
    assert set(after_words.NOTED) == set(OUTCOMES)
    assert set(words.STATE_NAMES) == set(CALL.states)
    assert set(after_words.PAIR_MEANS) == set(MEANS)
    assert set(after_words.RHYTHM_NAMES) == set(RHYTHMS)
    assert set(after_words.WELL) == set(VERDICTS)


@pytest.mark.parametrize("kind", ["call_outcome", "elder_absent", "wellbeing", "pairing_due"])
def test_a_task_says_whom_and_by_when(kind):
    facts = {**FACTS, "helper": "老徐"}
    text = task_words.sentence(kind, facts, NOW + timedelta(hours=1), CHINA)
    assert kind in TASK_KINDS
    assert "王秀英" in text
    assert "请在11月24日（周二）11:00前办好" in text


def test_that_a_call_stays_names_the_family_to_the_cadre_and_asks_nothing_more_of_the_family():
    family, cadre = said("kept"), said("kept", role="helper")
    assert "不用再答复" in family.text
    assert "国内11月29日（周日）16:00 · 马德里09:00" in family.text
    assert "没有答应" not in family.text
    assert f"{FACTS['relative']}没有答应改时间" in cadre.text
