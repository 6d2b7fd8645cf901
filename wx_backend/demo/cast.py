"""Whose phones the demo shows, and what WeChat knows of the account: the same openids as in county.csv."""

from dataclasses import replace
from pathlib import Path

from models.messages.ladder import CHANNELS
from wx_backend.config import Config, SubscriptionSection
from wx_backend.sandbox.world import Account, Phone, Place, Template
from wx_backend.wechat.business import BUSINESS

COUNTY = Path(__file__).parent / "county.csv"

DESK_USER, DESK_PERSON = "lizhanzhang", "P-LZ"  # who has an account at the staff desk
XIAOFANG, LI, LAOXU, CHEN = "o-demo-xiaofang", "o-demo-lizhanzhang", "o-demo-laoxu", "o-demo-chenganshi"

_TITLES = {
    "call_booked": "亲情连线预约通知", "call_reminder": "亲情连线提醒", "call_changed": "亲情连线改期通知",
    "call_cancelled": "亲情连线取消通知", "order_update": "服务订单通知", "task_assigned": "待办任务提醒",
    "link_update": "家人关联通知", "matter_update": "事项进展通知",
}  # fmt: skip
_FIELDS = {
    "subject": "事项", "time": "时间", "place": "地点", "contact": "联系电话", "reason": "原因", "service": "服务",
    "number": "订单号", "state": "状态", "task": "任务", "who": "对象",
}  # fmt: skip


def phones() -> list[Phone]:
    """The demo's people, each one person in both accounts (unionid); 小芳 has yet to follow."""
    village, county = Place("景宁县鸬鹚乡葛山村", 27.8206, 119.6632), Place("景宁县城", 27.9733, 119.6356)
    people = [
        Phone(XIAOFANG, "小芳", zone="Europe/Madrid", caption="王奶奶的女儿 · 马德里",
              places=(Place("马德里太阳门广场", 40.4169, -3.7035), village)),
        Phone(LI, "李站长", caption="葛山村站点干部", following=True, places=(village, county)),
        Phone(LAOXU, "老徐", caption="社会组织“老徐好帮手”", following=True, places=(county, village)),
        Phone("o-demo-xiaohong", "小红", caption="乐都社工中心", following=True),
        Phone("o-demo-aming", "阿明", caption="没有关联的表弟", places=(county, village)),
        Phone(CHEN, "陈干事", caption="鸬鹚乡干事，管需求和审核", following=True),
    ]  # fmt: skip
    return [replace(phone, unionid=phone.openid.replace("o-", "u-", 1)) for phone in people]


def accounts(config: Config, web: str) -> list[Account]:
    """The accounts as WeChat's console would hold them; `web` is where the back end listens."""
    official, mini = config.wechat.official_account, config.wechat.mini_program
    rows = [("official_account", official, "/wechat/callback", "xml")]
    if mini.enabled:
        rows.append(("mini_program", mini, "/wechat/mini/callback", "json"))
    return [
        Account(kind, section.app_id, section.app_secret, section.token, section.encoding_aes_key, section.mode,
                web.rstrip("/") + path, data_format, name="党群服务中心")
        for kind, section, path, data_format in rows
    ]  # fmt: skip


def templates(config: Config) -> list[Template]:
    """The templates that the settings name, as the account would hold them."""
    return [
        Template(
            one.id,
            _TITLES.get(key, key),
            {wechat: _FIELDS.get(ours, ours) for ours, wechat in one.fields.items()},
            subscription=channel != "template",
            of=CHANNELS[channel].through,
            long_term=isinstance(one, SubscriptionSection) and one.long_term,
            examples={wechat: BUSINESS[key][ours] for ours, wechat in one.fields.items()},
        )
        for key, section in config.wechat.templates.items()
        for channel, one in section.by_channel().items()
    ]
