"""Loans between centres, as cadres live them: asked for at the desk, answered in two taps, handed over, given back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.ordering.lending import request
from models.ordering.loans import LoanDay, ResourceLoan
from models.places.equipment import Equipment
from models.tasks.tasks import Task
from tests.world import NOW


@pytest.fixture
def loan(cast, open_session):
    """李站长 asks 赵站长's centre for its van."""
    with open_session() as session, session.begin():
        van = Equipment(centre_id=cast.other_centre.id, kind="vehicle", name="面包车")
        session.add(van)
        session.flush()
        return request(
            session, cast.who(cast.li), kind="equipment", resource_id=van.id, to_centre_id=cast.centre.id,
            starts_at=NOW + timedelta(days=1), ends_at=NOW + timedelta(days=3), now=NOW,
        ).id  # fmt: skip


def state(open_session, loan):
    with open_session() as session:
        return session.get_one(ResourceLoan, loan).state


def open_tasks(open_session):
    with open_session() as session:
        return session.scalars(select(Task.kind).where(Task.kind.startswith("loan_"), Task.state == "open")).all()


def test_the_lender_agrees_in_two_taps_hands_it_over_and_it_comes_back(talk, cast, open_session, loan):
    zhao, li = talk(cast.zhao), talk(cast.li)
    zhao.says("我的任务")
    assert "面包车" in zhao.taps("请答复借调申请")
    assert "已经办好" not in zhao.heard  # it ends where it is decided
    shown = zhao.taps("去办理")
    assert all(part in shown for part in ("面包车（设备）", "11月25日", "等答复"))
    assert "同意了" in zhao.taps("同意借出")
    assert (state(open_session, loan), open_tasks(open_session)) == ("approved", [])
    assert "同意了" in li.at(f"loan/desk/{loan}")
    assert "交给对方了" not in li.heard  # only who has it can hand it over
    zhao.at(f"loan/desk/{loan}")
    assert "已经交给对方" in zhao.taps("交给对方了")
    assert "借出中" in li.says("借用")
    li.taps("面包车")
    assert "已经归还" in li.taps("已经归还")
    assert state(open_session, loan) == "returned"


def test_who_does_not_lend_says_why_and_the_borrower_reads_it(talk, cast, open_session, loan):
    zhao, li = talk(cast.zhao), talk(cast.li)
    zhao.at(f"loan/desk/{loan}")
    assert "为什么不借" in zhao.taps("不同意")
    assert "对方会看到原因" in zhao.taps("坏了，在修")
    assert "坏了，在修" in li.at(f"loan/desk/{loan}")
    with open_session() as session:
        assert session.scalars(select(Letter.person_id).where(Letter.kind == "ordering.loan_refused")).all() == [
            cast.li.id
        ]
        assert session.scalars(select(LoanDay)).all() == []


def test_the_borrower_lets_it_be_and_nobody_else_sees_or_moves_it(talk, cast, open_session, loan):
    for person in (cast.aming, cast.laoxu, cast.xiaofang):
        stranger = talk(person)
        for address in (f"loan/desk/{loan}", f"loan/{loan}/approve", f"loan/{loan}/cancel", f"loan/{loan}/refuse",
                        f"loan/{loan}/refuse/0", f"loan/{loan}/hand-over", f"loan/{loan}/return"):  # fmt: skip
            assert "没有找到这件事" in stranger.at(address), address
    assert state(open_session, loan) == "requested"
    li = talk(cast.li)
    assert "没有找到这件事" in li.at(f"loan/{loan}/approve")  # not the borrower's to say
    li.at(f"loan/desk/{loan}")
    assert "不借了" in li.taps("不借了")
    assert (state(open_session, loan), open_tasks(open_session)) == ("cancelled", [])
    assert "没有借进或借出的" in li.says("借用")
