"""A reply as WeChat shows it: nothing is cut, nothing is too long, nothing people typed becomes a link."""

from urllib.parse import unquote

import pytest

from handlers.rendering import LIMIT, pages
from handlers.room import Choice, Reply


def test_six_slots_in_two_zones_fit_one_page():
    choices = tuple(Choice(f"国内11月29日（周日）1{n}:00 · 马德里09:00", f"call/at/123/2941892{n}") for n in range(6))
    assert len(pages(Reply("请选一个时间。", choices, back="call"))) == 1


@pytest.mark.parametrize("size", [1, 400, 3000])
def test_whatever_the_size_a_page_is_never_over_2000_bytes(size):
    reply = Reply("长" * size, tuple(Choice("签" * min(size, 120), f"order/{n}") for n in range(8)), back="menu")
    found = pages(reply)
    assert all(len(page.encode()) <= LIMIT for page in found)
    assert sum(page.count("长") for page in found) == size
    assert sum(page.count(f"msgmenuid=order/{n}") for page in found for n in range(8)) == 8


def test_the_link_carries_label_and_address():
    (page,) = pages(Reply("选", (Choice("我的订单", "order/mine"),)))
    assert "msgmenuid=order/mine" in page
    assert "msgmenucontent=我的订单" in unquote(page)


def test_what_people_are_called_makes_no_link():
    (page,) = pages(Reply("您好，<a href='x'>点我</a>", (Choice("<a href=y>小芳</a>", "menu"),)))
    assert page.count("<a ") == 1
    assert "＜a href=y＞小芳＜/a＞" in page
