"""Elders type as they speak: width, numerals and politeness make no difference."""

import pytest

from handlers.room import Choice
from handlers.typed import chosen, normalised, synonyms

CHOICES = tuple(Choice(label, f"a/{n}") for n, label in enumerate(("点单服务", "亲情连线", "三", "1号机"), start=1))


@pytest.mark.parametrize(("typed", "same"), [
    ("　菜单　", "菜单"), ("菜单。", "菜单"), ("ＭＥＮＵ", "menu"), ("３", "3"), ("三", "3"), ("十", "10"),
    ("十二", "12"),
    ("二十", "20"), ("九十九", "99"), ("两", "2"), ("零", "0"), ("3、", "3"), ("", ""), ("。", ""), ("一天", "一天"),
    ("十一点", "十一点"),
])  # fmt: skip
def test_what_does_not_matter_is_left_out(typed, same):
    assert normalised(typed) == same


@pytest.mark.parametrize(("typed", "address"), [
    ("1", "a/1"), ("第一个", "a/1"), ("选2", "a/2"), ("第2项", "a/2"), ("亲情连线", "a/2"), ("1号机", "a/4"),
    ("三", "a/3"), ("4", "a/4"), ("5", None), ("0", None), ("1个", None), ("2份", None), ("连线", None), ("", None),
    ("-1", None), ("第", None), ("1.5", None), ("999999", None),
])  # fmt: skip
def test_a_choice_is_picked_by_number_or_label_only(typed, address):
    assert chosen(normalised(typed), CHOICES) == address


def test_polite_words_are_heard_through():
    assert list(synonyms("我想点单")) == ["我想点单", "点单"]
    assert list(synonyms("点单")) == ["点单"]
    assert list(synonyms("谢谢")) == ["谢谢"]
