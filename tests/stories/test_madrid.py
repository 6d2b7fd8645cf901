"""Madrid and the village over the night in which Europe's clocks go back: a move, reminders, a no-show, a makeup."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from handlers.family import after_words
from models.family.calls import FamilyCall
from models.family.makeup import Makeup
from models.family.wellbeing import WellbeingTick
from models.hours import CHINA
from wx_backend.config import EXAMPLE
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.actor import Actor
from wx_backend.demo.cast import LI, XIAOFANG
from wx_backend.demo.stage import stage_aside
from wx_backend.now import real_now

THURSDAY = datetime(2026, 10, 22, 10, 0, tzinfo=CHINA)
# In the night before, at three in the morning, Madrid's summer ends: four in the afternoon is nine there, not ten.
SUNDAY = datetime(2026, 10, 25, 16, 0, tzinfo=CHINA)
MAKEUP = datetime(2026, 10, 26, 14, 0, tzinfo=CHINA)  # the first hour after it in which she is awake
PATIENCE = 60.0  # seconds until a phone shows what was sent: three processes share a machine with other tests
BEFORE = (timedelta(hours=24), timedelta(hours=1), timedelta(minutes=10))


class Story:
    """Two phones on a running stage."""

    def __init__(self, stage):
        self.stage = stage
        self.xiaofang, self.li = (Actor(stage.sandbox_url, who, name, aloud=False) for who, name in
                                  ((XIAOFANG, "小芳"), (LI, "李站长")))  # fmt: skip

    def at(self, moment):
        """It is this moment now."""
        self.xiaofang.moves_clock(offset_seconds=(moment - real_now()).total_seconds())

    def rows(self, table):
        """Everything in a table, the oldest first."""
        engine = make_engine(self.stage.config.database.url)
        with session_factory(engine)() as session:
            found = session.scalars(select(table).order_by(table.id)).all()
        engine.dispose()
        return found

    def books_for_saturday(self):
        """Still summer there: ten in the morning."""
        self.xiaofang.follows()
        self.xiaofang.menu("call", "亲情连线")
        self.xiaofang.taps("10月24日（周六）")
        assert "国内10月24日（周六）16:00 · 马德里10:00" in self.xiaofang.taps("16:00 · ")
        assert "约好了" in self.xiaofang.taps("确认预约")
        assert self.li.sees_card("亲情连线预约", "王秀英", PATIENCE)["时间"] == "2026-10-24 16:00"

    def moves_it_to_sunday(self):
        """The same hour in the village, another in Madrid."""
        self.xiaofang.taps("查看或更改")
        self.xiaofang.taps("改时间")
        self.xiaofang.taps("10月25日（周日）")
        moved = self.xiaofang.taps("16:00 · ")
        assert "改好了" in moved
        assert "国内10月25日（周日）16:00 · 马德里09:00" in moved
        self.at(THURSDAY + timedelta(minutes=3))  # a change is said once it has settled
        assert self.li.sees_card("亲情连线改期", "王秀英", PATIENCE)["时间"] == "2026-10-25 16:00"

    def both_are_reminded(self, start, there, most):
        """Each by their own clock, once for each rule, and never of the time that was left."""
        for before in BEFORE:
            if start - before < datetime.fromtimestamp(self.xiaofang.clock(), UTC):
                continue
            self.at(start - before + timedelta(seconds=20))
            assert self.xiaofang.sees_card("亲情连线提醒", "王秀英", PATIENCE)["时间"] == there
            assert self.li.sees_card("亲情连线提醒", "王秀英", PATIENCE)["时间"] == f"{start:%Y-%m-%d %H:%M}"
        assert (self.xiaofang.cards("亲情连线提醒"), self.li.cards("亲情连线提醒")) == (most, most)

    def nobody_answers_in_madrid(self):
        """The elder came and waited; the cadre says so in two taps, and no sooner than after twenty minutes."""
        self.at(SUNDAY + timedelta(minutes=5))
        self.li.says("我的连线")
        self.li.taps("王秀英")
        assert "老人到了" in self.li.taps(after_words.WHAT["arrived"])
        self.li.taps("家人没接")
        assert "请再等一等" in self.li.taps("是的，记下")
        self.at(SUNDAY + timedelta(minutes=22))
        self.li.says("我的连线")
        self.li.taps("王秀英")
        assert "不会影响对方以后预约" in self.li.taps("家人没接")
        assert after_words.NOTED["relative_no_show"] in self.li.taps("是的，记下")
        assert "没关系" in str(self.xiaofang.sees_card("事项进展", "王秀英", PATIENCE))

    def takes_the_makeup(self):
        """The first hours in which she is awake were kept for her."""
        self.xiaofang.says("我的连线")
        kept = self.xiaofang.taps("补约")
        assert "国内10月26日（周一）14:00 · 马德里07:00" in kept
        assert "约好了" in self.xiaofang.taps("10月26日（周一）14:00")
        assert self.li.sees_card("亲情连线预约", "王秀英", PATIENCE)["时间"] == "2026-10-26 14:00"

    def they_talk(self):
        """This time it works, and the elder is well."""
        self.at(MAKEUP + timedelta(minutes=25))
        self.li.says("我的连线")
        self.li.taps("王秀英")
        self.li.taps("视频顺利")
        assert after_words.NOTED["completed"] in self.li.taps("是的，记下")
        assert after_words.WELL_NOTED in self.li.taps("都好")

    def play(self):
        """The whole story."""
        self.at(THURSDAY)
        self.books_for_saturday()
        self.moves_it_to_sunday()
        self.both_are_reminded(SUNDAY, "2026-10-25 09:00", 3)
        self.nobody_answers_in_madrid()
        self.takes_the_makeup()
        # Booked on the day before, the first of its three reminders was past already.
        self.both_are_reminded(MAKEUP, "2026-10-26 07:00", 5)
        self.they_talk()
        missed, made = self.rows(FamilyCall)
        assert (missed.state, missed.starts_at, missed.revision) == ("relative_no_show", SUNDAY, 1)
        assert (made.state, made.starts_at, made.revision) == ("completed", MAKEUP, 0)
        ((call, came_of_it),) = [(one.call_id, one.made_id) for one in self.rows(Makeup)]
        assert (call, came_of_it) == (missed.id, made.id)
        assert [(one.call_id, one.verdict) for one in self.rows(WellbeingTick)] == [(made.id, "ok")]


@pytest.mark.case("D8", "E8", "I1", "E1")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_madrid_and_the_village_over_the_end_of_summer_time(databases, request, tmp_path: Path, kind: str) -> None:
    if kind == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh_empty(kind) as url:
        stage = stage_aside(EXAMPLE, tmp_path, WX_BACKEND_DATABASE__URL=url)
        try:
            stage.prepare()
            stage.up(PATIENCE)
            Story(stage).play()
        finally:
            stage.down()
