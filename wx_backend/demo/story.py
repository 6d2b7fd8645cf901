"""The main story, played through real HTTP with encryption: follow, order, accept, family call, reminder, receipt."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from handlers.menu import MENU
from models.family.calls import FamilyCall
from models.messages.letters import LETTER, Letter
from models.tasks.tasks import Task
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.actor import Actor, NotSeen
from wx_backend.demo.cast import LAOXU, LI, XIAOFANG
from wx_backend.demo.stage import Stage
from wx_backend.now import monotonic


@dataclass
class Story:
    """The people of the story on a running stage."""

    stage: Stage
    aloud: bool = True

    def __post_init__(self) -> None:
        url = self.stage.sandbox_url
        self.xiaofang = Actor(url, XIAOFANG, "小芳", self.aloud)
        self.li = Actor(url, LI, "李站长", self.aloud)
        self.laoxu = Actor(url, LAOXU, "老徐", self.aloud)

    def play(self) -> None:
        """The whole story; raises NotSeen where it goes another way."""
        self.stage.push_menu(MENU)
        self.tell("一、小芳在马德里关注公众号，给妈妈点单")
        self.order()
        self.tell("二、老徐接单，李站长看到任务")
        self.accept()
        self.tell("三、小芳约视频")
        starts_at = self.book()
        self.tell("四、时钟进程被强行结束，再启动；提醒照样到，只到一次")
        self.remind(starts_at)
        self.tell("五、回执对上，没有一条丢失")
        self.settle()

    def tell(self, line: str) -> None:
        """A heading."""
        if self.aloud:
            print(f"\n—— {line}", flush=True)

    def order(self) -> None:
        """Follows, taps the menu, orders two meals for her mother."""
        self.expect(self.xiaofang.follows(), "欢迎")
        self.expect(self.xiaofang.menu("order", "点单服务"), "给谁点单")
        self.xiaofang.taps("王秀英")
        self.xiaofang.taps("爱心送餐")
        self.xiaofang.says("2份")
        self.xiaofang.taps("软烂")
        self.xiaofang.taps("月")  # the first time that is offered
        self.xiaofang.taps("没有")
        self.expect(self.xiaofang.taps("确认点单"), "订单号")

    def accept(self) -> None:
        """The organisation takes it in two taps; the daughter is told, the cadre sees the task."""
        self.laoxu.sees_card("服务订单", "请接单")
        self.laoxu.says("接单")
        self.laoxu.taps("待答复")
        self.expect(self.laoxu.taps("接单"), "接单成功")
        self.xiaofang.sees_card("服务订单", "已接单")
        self.li.sees_card("待办任务", "王秀英")
        self.expect(self.li.says("我的任务"), "待办")

    def book(self) -> datetime:
        """A call three open days ahead at four in the afternoon in Lishui."""
        self.xiaofang.menu("call", "亲情连线")
        offered = [link["label"] for link in self.xiaofang.log()[-1]["links"]]
        days = [label for label in offered if ":" not in label]  # the best times of all days come before them
        self.xiaofang.taps(days[3])
        self.xiaofang.taps("16:00")
        self.expect(self.xiaofang.taps("确认预约"), "约好了")
        self.li.sees_card("亲情连线预约", "王秀英")
        engine = make_engine(self.stage.config.database.url)
        with session_factory(engine)() as session:
            starts_at = session.scalars(select(FamilyCall.starts_at).order_by(FamilyCall.id.desc())).first()
        engine.dispose()
        if starts_at is None:
            raise NotSeen("no call was booked")
        return starts_at

    def remind(self, starts_at: datetime) -> None:
        """Every reminder comes to both, once, although the clock process dies in between."""
        for number, before in enumerate((timedelta(hours=24), timedelta(hours=1), timedelta(minutes=10))):
            if number == 0:
                self.stage.kill("clock")
            ahead = (starts_at - before).timestamp() + 30 - self.xiaofang.clock()
            now = self.xiaofang.moves_clock(advance_seconds=ahead)
            self.tell(f"   时钟拨到 {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC")
            if number == 0:
                self.stage.start("clock")
            self.xiaofang.sees_card("亲情连线提醒", "王秀英")
            self.li.sees_card("亲情连线提醒", "王秀英")
        for actor in (self.xiaofang, self.li):
            if actor.cards("亲情连线提醒") != 3:
                raise NotSeen(f"{actor.name} has {actor.cards('亲情连线提醒')} reminders, not three")

    def settle(self, seconds: float = 60.0) -> None:
        """Every letter that was sent has its receipt; nothing is left in the air."""
        engine = make_engine(self.stage.config.database.url)
        ends = monotonic() + seconds
        while True:
            with session_factory(engine)() as session:
                # A task that nobody above has WeChat for stays on the desk's list.
                told = select(Letter.state, func.count()).where(Letter.kind.not_like("tasks.%")).group_by(Letter.state)
                states = dict(session.execute(told).all())
                tasks = session.scalar(select(func.count()).select_from(Task).where(Task.kind == "phone_call"))
            if set(states) <= LETTER.ends | {"withdrawn", "dead"} and states.get("delivered", 0) >= 6:
                break
            if monotonic() > ends:
                raise NotSeen(f"letters are still in the air: {states}")
            time.sleep(0.2)
        engine.dispose()
        if states.get("dead") or tasks:
            raise NotSeen(f"letters died on the way: {states}, {tasks} phone tasks")
        self.tell(f"   信件：{'，'.join(f'{state} {count}' for state, count in sorted(states.items()))}")

    @staticmethod
    def expect(text: str, part: str) -> None:
        """The answer holds what it should."""
        if part not in text:
            raise NotSeen(f"expected {part!r} in {text!r}")
