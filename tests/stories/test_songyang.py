"""需求 → 清单 → 点单 → 接单 → 评单, whole: from what two villagers want to what the month's report says of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner
from sqlalchemy import select

from handlers.ordering import words
from models.hours import CHINA
from models.ordering.assignments import Assignment
from models.ordering.complaints import Complaint
from models.ordering.demands import DemandItem
from models.ordering.orders import Order
from models.ordering.ratings import Rating
from models.ordering.versions import ListingVersion
from models.ordering.visits import Visit
from models.people.identities import Identity
from tests.cast import APP_ID
from tests.desk import Clerk, give_account
from tests.gate import Wire, close_app, config_for
from tests.stories.conftest import Talk
from tests.stories.test_needs import said_to, tells
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.cli import main
from wx_backend.config import EXAMPLE
from wx_backend.demo.cast import accounts, templates
from wx_backend.load import load_county
from wx_backend.printing.fonts import NoFont, faces
from wx_backend.sandbox.server import create_sandbox, start_in_thread

SERVICE = """[listings]
code,centre,category,title,summary,mode,questions,providers,capacity,price
L9,C1,助餐,食堂送餐上门,老年食堂的饭送到家,送到家,portions*:number:要几份？,O1,3,免费
"""


@dataclass
class County:
    """The county on one day after the other: its wire, its far end, its time."""

    wire: Wire
    far: object
    url: str
    now: datetime = NOW

    def talk(self, person):
        """Somebody's phone."""
        return Talk(self.wire, f"o-{person.id}")

    def desk(self, username):
        """Somebody's browser at the desk, signed in."""
        clerk = Clerk(self.wire.app)
        clerk.signs_in(username)
        return clerk

    def wx_backend(self, *said):
        """A command of the operator."""
        environ = {"WX_BACKEND_DATABASE__URL": self.url, "WX_BACKEND_WECHAT__API_BASE_URL": self.far.url}
        return CliRunner().invoke(main, ["--config", str(EXAMPLE), *said], env=environ, catch_exceptions=False)


@pytest.fixture
def county(database_url, open_session, cast):
    config = config_for(database_url)
    with open_session() as session, session.begin():
        for identity in session.scalars(select(Identity).where(Identity.app_id == APP_ID)):
            identity.app_id = config.wechat.official_account.app_id
        give_account(session, cast.li.id, "li")
        give_account(session, cast.chen.id, "chen")
    far = start_in_thread(create_sandbox(accounts(config, "http://127.0.0.1:9"), [], templates(config)))
    made = County(None, far, database_url)
    app = create_app(config, now=lambda: made.now)
    made.wire = Wire(app, config.wechat.official_account, now=lambda: made.now)
    yield made
    close_app(app)
    far.stop()


@pytest.fixture
def chinese():
    """The machine's Chinese font."""
    try:
        return faces("", "")
    except NoFont as missing:
        pytest.skip(str(missing))


def one(open_session, table, *where):
    with open_session() as session:
        return session.scalars(select(table).where(*where)).one()


def demanded(county, cast, open_session):
    """Two say the same, the township hears one demand with two voices and puts it on its list."""
    tells(county.talk, cast, cast.aming)
    tells(county.talk, cast, cast.xiaofang, "食堂什么时候办？老年食堂", whose="王秀英")
    chen = county.talk(cast.chen)
    chen.says("处理需求")
    chen.taps("食堂什么时候办")
    assert "一共2人提过" in chen.taps("合并到：村里想要一个老年食堂（1人）")
    chen.taps("下一件")
    chen.taps("村里想要")
    chen.taps("分类")
    chen.taps("助餐")
    chen.taps("列入清单")
    chen.taps("新的一项（留守群体")
    chen.taps("村里想要一个老年食堂")
    chen.says("需求清单")
    chen.taps("留守群体")
    assert "村里想要一个老年食堂（2人）【缺服务】" in chen.heard
    chen.taps("发布")
    assert "共1项" in chen.taps("确认发布")
    for person in (cast.aming, cast.xiaofang):
        assert "您的需求成了2026年第4季度清单第1项" in said_to(open_session, person, cast.centre.tz)[-1]


def offered(county, cast, open_session, tmp_path):
    """The station writes the service, another person approves it at the desk, and the demand has its answer."""
    file = tmp_path / "service.csv"
    file.write_text(SERVICE, encoding="utf-8")
    with open_session() as session, session.begin():
        load_county(session, file, app_id="wx", now=county.now, author=cast.who(cast.li))
    version = one(open_session, ListingVersion, ListingVersion.title == "食堂送餐上门")
    assert version.state == "submitted"
    li = county.talk(cast.li)
    li.at(f"review/{version.id}")
    assert not any("通过" in link["label"] for link in li.links)  # four eyes
    desk = county.desk("chen")
    desk.opens("/console/review/")
    assert "食堂送餐上门" in desk.text()
    desk.opens(f"/console/review/{version.id}")
    assert desk.posts(f"/console/review/{version.id}/decide", seen=desk.seen(), verb="approve").status_code == 303
    assert "已经发布" in li.at(f"review/{version.id}/publish")
    item = one(open_session, DemandItem)
    chen = county.talk(cast.chen)
    chen.at(f"need/item/{item.id}")
    assert "已有服务" in chen.taps("食堂送餐上门")
    assert "【缺服务】" not in chen.at(f"need/list/{item.list_id}")
    return version.listing_id


def printed(county, tmp_path):
    """The sheet for the notice board, read as a phone reads it: the text behind each code on the paper."""
    out = tmp_path / "sheet.pdf"
    result = county.wx_backend("sheet", "C1", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "3项服务" in result.output
    with pypdfium2.PdfDocument(out) as paper:
        pages = [page.render(scale=2).to_pil() for page in paper]
    return {code.text for page in pages for code in zxingcpp.read_barcodes(page)}


def ordered(county, cast, open_session, listing, codes):
    """阿明 holds his phone over the sheet; 李站长 orders for 王奶奶, who has none."""
    scene = next(made.scene for made in county.far.world.qr_codes.values() if made.scene.endswith(f"/{listing}"))
    assert {made.url for made in county.far.world.qr_codes.values()} == codes
    me = county.talk(cast.aming)
    assert "食堂送餐上门" in me.event("SCAN", EventKey=scene)
    if any("我自己" in link["label"] for link in me.links):
        me.taps("我自己")
    me.says("1")
    me.says("明天上午11点")
    me.says("无")
    assert "点单成功" in me.taps("确认点单")
    li = county.talk(cast.li)
    li.says("居民")
    li.says("王秀英")
    li.taps("王秀英")
    li.taps("替王秀英点单")
    li.taps("食堂送餐上门")
    li.says("1")
    li.says("明天上午11点半")
    li.says("放在门口")
    assert "点单成功" in li.taps("确认点单")
    for person, requester in ((cast.aming, cast.aming), (cast.wangnainai, cast.li)):
        order = one(open_session, Order, Order.beneficiary_id == person.id)
        assert (order.requested_by_id, order.state) == (requester.id, "open")


def visited(county, cast, open_session):
    """老徐's organisation accepts both, 阿妈 goes: the sheet has her day, the tablet does not hold her up."""
    for person in (cast.aming, cast.wangnainai):
        order = one(open_session, Order, Order.beneficiary_id == person.id)
        offer = one(open_session, Assignment, Assignment.order_id == order.id)
        laoxu = county.talk(cast.laoxu)
        laoxu.at(f"job/{offer.id}")
        assert "接单成功" in laoxu.taps("接单")
        laoxu.at(f"job/{offer.id}")
        laoxu.taps("定上门的人")
        assert "由阿妈上门" in laoxu.taps("阿妈")
    desk = county.desk("li")
    tomorrow = (county.now + timedelta(days=1)).astimezone(CHINA).date()
    desk.opens("/console/sheet/", day=tomorrow.isoformat())
    assert "王*" in desk.text()
    assert "王秀英" not in desk.page
    desk.posts("/console/sheet/reveal", day=tomorrow.isoformat(), reason="visit")
    assert "王秀英" in desk.page
    assert "放在门口" in desk.page
    county.now += timedelta(days=1)
    ama = county.talk(cast.ama)
    assert "王秀英" in ama.says("今天的上门")
    for offer in (1, 2):
        ama.at(f"job/{offer}/start")
        visit = one(open_session, Visit, Visit.assignment_id == offer)
        ama.at(f"visit/{visit.id}/arrived")
        ama.at(f"job/{offer}")
        ama.taps("已经做完")
        assert "已经完成" in ama.taps("确认做完")
        with open_session() as session:
            assert session.get_one(Visit, visit.id).arrived_at == county.now


def rated(county, cast, open_session):
    """阿明 is pleased; for 王奶奶 the station's cadre taps what she said, and a complaint reaches the township."""
    mine, hers = (one(open_session, Order, Order.beneficiary_id == who.id) for who in (cast.aming, cast.wangnainai))
    assert words.RATED in county.talk(cast.aming).at(f"order/{mine.id}/rate/5")
    li = county.talk(cast.li)
    assert words.RATED in li.at(f"order/{hers.id}/rate/3")
    li.at(f"order/{hers.id}/complain")
    assert words.COMPLAINED in li.says("老人说饭是凉的")
    with open_session() as session:
        found = {rating.order_id: rating.score for rating in session.scalars(select(Rating))}
    assert found == {mine.id: 5, hers.id: 3}
    assert one(open_session, Complaint).order_id == hers.id


def thought_better_of(county, cast, open_session, listing):
    """阿明 orders once more and cancels it the next minute."""
    me = county.talk(cast.aming)
    me.at(f"order/new/{listing}/{cast.aming.id}")
    me.says("1")
    me.says("后天上午11点")
    me.says("无")
    assert "点单成功" in me.taps("确认点单")
    again = one(open_session, Order, Order.beneficiary_id == cast.aming.id, Order.state == "open")
    me.at(f"order/{again.id}/cancel/0")
    assert one(open_session, Order, Order.id == again.id).state == "cancelled"


def reported(county):
    """The month's report says what was ordered and served, for how many people, and names nobody."""
    desk = county.desk("li")
    desk.opens("/console/report/", month=f"{NOW:%Y-%m}")
    said = desk.text()
    assert "食堂送餐上门" in said
    row = said[said.index("食堂送餐上门") :][:80].split()
    assert row[1:6] == ["3", "2", "0", "1", "2"]  # ordered, served, unmet, cancelled, people
    assert "王秀英" not in desk.page


def test_from_what_two_villagers_want_to_a_rated_visit(county, cast, open_session, chinese, tmp_path):
    demanded(county, cast, open_session)
    listing = offered(county, cast, open_session, tmp_path)
    ordered(county, cast, open_session, listing, printed(county, tmp_path))
    visited(county, cast, open_session)
    rated(county, cast, open_session)
    thought_better_of(county, cast, open_session, listing)
    reported(county)
    me = county.talk(cast.aming)
    me.says("我的需求")
    assert "您的需求成了2026年第4季度清单第1项" in me.taps("食堂")
