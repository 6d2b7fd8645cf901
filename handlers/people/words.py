"""What we say about people: following, names, cities, family links."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording
from handlers.words import on_card, when

WELCOME = "您好，欢迎来到党群服务中心！开展活动到中心，遇到困难找中心，服务奉献去中心。"


@dataclass(frozen=True)
class Reminder:
    """Reminders that a person may do without: the kind of letter, and what is said of it."""

    kind: str
    head: str
    now: tuple[str, str]  # they come, they do not
    stop: str
    start: str
    stopped: str
    again: str


# Under these names they stand in addresses and forms.
REMINDERS = {
    "calls": Reminder(
        "family.reminder", "视频提醒", ("现在会提醒您视频时间", "现在不提醒视频时间"), "不要视频提醒", "恢复视频提醒",
        "好的，以后不再提醒您视频时间；改期或取消还是会告诉您。", "好的，视频前会照常提醒您。",
    ),
    "visits": Reminder(
        "ordering.reminder", "上门提醒", ("现在会提醒您上门时间", "现在不提醒上门时间"), "不要上门提醒", "恢复上门提醒",
        "好的，以后不再提醒您上门时间；改期或取消还是会告诉您。", "好的，上门前会照常提醒您。",
    ),
}  # fmt: skip
REACHED_AGAIN = (
    "好的，以后的提醒会再用公众号发给您。要是还收不到，请看看公众号设置里的“接收消息”开了没有，也可以打中心的电话。"
)
ASK_NAME = "请问怎么称呼您？直接回复姓名就可以。"
ASK_ZONE = "您现在住在哪里？我们会按您当地的时间提醒您。"
NO_FAMILY = (
    "您还没有关联家人。请向村里的工作人员要一个“亲情码”，然后回复“亲情码”加上那几个字母数字，例如：亲情码 A3C4K7P。"
)
ASK_CODE = "请回复工作人员给您的亲情码（7位字母数字）。"
ASK_KINSHIP = "您是这位家人的什么人？"
ASKED = "好的，已经告诉村里的工作人员，确认后会通知您。"
ALREADY_LINKED = "您已经和这位家人关联好了，可以直接点单或约视频。"
REVOKED = "已经解除关联。如有约好的视频，也一并取消了。"
CONFIRMED = "已确认，对方会收到通知。本人口头同意登记服务、参加视频，已记下，见证人是您。"
DECLINED = "已回复不通过，对方会收到通知。"
NO_STAFF = "这里是工作人员用的。如果您需要帮助，请回复“人工”。"
ASK_RESIDENT = "给哪位居民开亲情码？请回复姓名。"
ASK_WHOM = "要查看哪位居民？请回复姓名。"
NO_HELPERS = "还没有家人可以替您点单、约视频。"
AGREED = "好的，已记下同意。以后想改随时可以撤回。"
TAKEN_BACK = "好的，已撤回。需要时可以再同意。"
CONSENTS = {
    "service_records": "登记服务记录", "family_calls": "参加亲情视频", "photos": "拍照，也发给家人",
    "home_news": "写家乡来信",
}  # fmt: skip
NO_RESIDENT = "您负责的范围里没有找到这个名字，请再回复一次，或点取消。"

# Until when relatives may act, and guardians of children under fourteen.
SPANS = {3: "三个月", 6: "半年", 12: "一年", 0: "一直有效"}
HOW_LONG, ASK_UNTIL, LIMITED = (
    "有效期：{name}",
    "这位家人的关联，从今天起有效多久？",
    "好的，已改好有效期，到期前会提醒对方。",
)
GUARDIAN_ON, GUARDIAN_OFF = "登记监护人：{name}", "不再是监护人：{name}"
ENTRUSTED, NOT_ENTRUSTED = "已登记为监护人。请再问监护人是否同意孩子视频。", "已改好，不再是监护人。"
GUARDIAN_YES = {"signature": "{name}已签字同意", "spoken": "{name}口头同意，我见证"}
GUARDIAN_NO = "{name}撤回同意"
GUARDIAN_AGREED = "好的，已记下监护人同意，可以给孩子约视频了。"
GUARDIAN_STOPPED = "好的，已撤回。孩子约好的视频都取消了，相关的人会收到通知。"
MY_CHILDREN = "孩子不满14岁，视频要您同意："
NO_CHILDREN = "您还没有登记为哪个孩子的监护人。要登记，请带证件联系村里的工作人员。"
MY_YES, MY_NO = "同意{name}参加视频", "撤回：{name}参加视频"

HELLO, HELLO_NAMED = "您好", "{name}，您好"
HOME_LEAD = "今天想办什么？"
# The three doors: what each is called, and what stands behind it.
DOORS = {
    "activities": ("开展活动", "和家人视频，参加活动"),
    "trouble": ("遇到困难", "送餐、理发、就医、跑腿"),
    "service": ("服务奉献", "接单帮邻居，出份力"),
}
KIN_LEAD = "关联、家乡来信、手机日历"
SAY_SOMETHING, SAY_LEAD = "提需求、请人帮忙", "清单里没有的，也可以告诉我们"
SETTINGS = "设置"
SIZE_HEAD = "字的大小"
SIZE_LEAD = "眼睛吃力的话，请打开长辈版，字和按钮都会变大。"
SIZE_NOW = {False: "现在是标准版", True: "现在是长辈版"}
SIZE_ON, SIZE_OFF = "打开长辈版", "换回标准版"
NOTICES_HEAD, NOTICES = "微信通知", "收不到通知？"
NOTICES_LEAD = "有些通知，微信要您先点一下“同意”才让我们发。"
ME_HEAD = "我的资料"
ME_NAME, ME_CITY, NO_NAME, ME_MOVE = "姓名", "所在地", "还没有填写", "改所在地"
ME_LEAD = "要改姓名，请回公众号，点“服务奉献”里的“我的资料”。"
LEAVE_HEAD = "手机丢了，或者借给别人用过？"
LEAVE_LEAD = "点一下，所有手机上打开的页面都要重新进入。"
LEAVE = "全部退出"
LEFT = "已经全部退出。要再看，请点下面的按钮。"
# How the desk speaks of people.
LEFT_BEHIND = {"elder": "留守老人", "child": "留守儿童"}
ORDER_FOR = "替{name}点单"
PERSON_STATES = {"active": "在册", "paused": "住院中", "moved": "已迁出", "deceased": "已去世"}
MEANS = {"wechat": "微信", "phone": "电话", "visit": "上门"}
ROLE_NAMES = {
    "station_cadre": "站点干部", "grid_officer": "网格员", "township_clerk": "乡镇干事", "county_admin": "县级管理员",
    "organisation_member": "组织成员",
}  # fmt: skip
LINK_STATES = {"asked": "等待核实", "confirmed": "已确认"}
SIGN_IN_FAILED = "用户名或密码不对，请再试一次。"
SIGN_IN_LOCKED = "试的次数太多了，请{minutes}分钟后再来，或联系系统管理员。"
SIGN_IN_FIRST = "登录的时间太久了，请重新登录。刚才填的没有提交。"
SIGNED_OUT = "您已退出。"
SIGN_IN_CHANGED = "密码已改好。其他地方的登录都已退出。"
MUST_CHANGE = "这是第一次登录，请先换一个自己的密码。"
OLD_ONE_WRONG = "现在的密码不对，请再输一次。"
PASSWORDS_DIFFER = "两次输入的新密码不一样，请再输一次。"
# What the audit keeps as a code, as people read it.
AUDIT_VERBS = {
    "login": "登录", "login_failed": "登录失败", "login_locked": "登录被锁", "logout": "退出",
    "password_changed": "改密码", "reveal": "显示信息", "refused": "没有办成", "task_acknowledge": "接手任务",
    "task_done": "任务办好", "task_hand_over": "转交任务", "task_answer": "答复家人关联", "task_resume": "继续办任务",
    "letter_resend": "重发通知",
    "search": "查找居民", "order_dispatch": "派单", "order_recall": "撤回派单", "order_pool": "重新征集",
    "order_call_off": "中心取消", "order_unmet": "记为没有组织能做", "order_pause": "暂停计时",
    "order_resume": "继续计时", "visit_named": "定谁去", "version_approve": "审核通过", "version_return": "退回修改",
    "version_reject": "审核不通过", "report_export": "导出报表", "need_kind": "需求分类", "need_merge": "合并需求",
    "need_unmerge": "撤回合并需求", "need_adopt": "需求列入清单", "need_take_off": "需求从清单取下",
    "need_decline": "答复需求", "need_hand_over": "转交保密需求", "help_kind": "求助分类", "help_assign": "交办求助",
    "help_hand_over": "转交保密求助", "help_note": "求助记一笔", "help_done": "求助办好",
    "help_close": "答复求助", "list_add": "清单加一项",
    "list_order": "清单调次序", "list_drop": "清单去掉一项", "list_cover": "清单记服务", "list_uncover": "清单去服务",
    "list_publish": "发布清单", "secret_read": "看保密事项", "media_seen": "看照片或听录音",
    "waiting_take": "代答要名额", "waiting_decline": "代答不要名额", "waiting_leave": "代退排队",
    "call_outcome": "登记视频结果", "call_wellbeing": "记老人的状态", "call_off": "中心取消视频",
    "series_suspend": "暂停定期连线", "series_resume": "恢复定期连线", "series_cancel": "结束定期连线",
    "series_restore": "恢复结束的定期连线", "series_skip": "去掉定期连线的一次", "series_again": "恢复定期连线的一次",
    "pair_touch": "记结对联系", "loan_ask": "申请借用", "loan_approve": "同意借出", "loan_refuse": "不同意借出",
    "loan_hand_over": "交出借用", "loan_return": "归还借用", "loan_cancel": "取消借用", "call_book": "代约视频",
    "call_told": "记下告诉了老人", "call_screen": "打开中心的屏幕", "homebound": "记能不能到中心",
    "closure_preview": "看关门影响到谁", "closure_shut": "登记关门", "closure_open_again": "撤回或提前结束关门",
    "outage_preview": "看停用影响到谁", "outage_begin": "登记座位停用", "outage_mend": "登记座位修好",
    "series_edit": "改定期连线", "call_arrive": "记老人到场", "call_set_out": "记出发上门",
    "call_ask": "问家人能不能改时间", "call_move": "改视频时间", "call_cancel": "代取消视频",
    "call_undo": "撤回取消视频", "call_place": "改视频地点", "call_way": "改视频方式", "call_guest": "请家人一起视频",
    "call_guest_off": "家人不参加视频", "day_make": "开集中连线", "day_resize": "改集中连线的屏幕数",
    "day_off": "取消集中连线", "day_reseat": "改座位", "day_reserve": "改到备用时段", "pair": "请人结对",
    "pair_part": "解除结对", "routine": "记作息", "rule_change": "改提醒规则", "rule_off": "停用提醒规则",
    "rule_shipped": "恢复原有提醒规则", "account_added": "开通账号", "account_reset": "重置密码",
    "role_ended": "停用岗位", "role_begun": "恢复岗位",
}  # fmt: skip
AUDIT_THINGS = {
    "task": "任务", "call": "视频", "letter": "通知", "person": "居民", "order": "订单", "account": "账号",
    "role": "岗位", "version": "服务清单", "need": "需求", "help": "求助", "list": "需求清单", "waiting": "排队",
    "report": "报表", "sheet": "上门安排", "series": "定期连线", "occurrence": "定期连线的一次", "pair": "结对",
    "loan": "借用", "closure": "关门", "centre": "中心", "outage": "座位停用", "station": "座位",
    "call_day": "集中连线", "rule": "提醒规则",
}  # fmt: skip
AUDIT_FAULTS = {
    "missing": "第{seq}条不见了。", "chain": "第{seq}条和前一条接不上：中间被改过、删过或插过。",
    "changed": "第{seq}条被改过。", "end": "末尾不对：最后几条被删过或加过（应有{seq}条）。",
    "noted": "上次记下的末条指纹不在了：整本日志被重写过。",
}  # fmt: skip
AUDIT_DETAILS = {
    "reason": "原因", "code": "答复", "to": "交给", "answer": "答复", "new": "新编号", "found": "找到", "why": "原因",
    "rows": "行数", "month": "月份", "whom": "提醒谁", "was": "原来", "set": "改成", "what": "结果", "whose": "谁同意",
    "means": "怎么同意的", "proposal": "提议", "guest": "请谁", "way": "方式", "media": "画面", "screens": "屏幕数",
    "homebound": "行动不便",
}  # fmt: skip
BEFALLS = {"pause": "登记：住院", "resume": "登记：出院", "move_away": "登记：搬走", "die": "登记：去世"}
BEFALLEN = "已经登记。"
WRITE_HOMEBOUND, WRITE_MOBILE = "行动不便，视频请上门", "能到中心视频了"
HOMEBOUND = "记下了。{name}以后的视频连线，由工作人员带设备上门；已经约好的不变，改时间后才上门。"
MOBILE = "记下了。{name}以后到中心视频；已经约好的不变。"
DONE_WORDS = {"homebound": "记下了。以后约的视频照这样安排，已经约好的不变。"}


def ask_befall(verb: str, name: str) -> str:
    """Asks once more before it is written down."""
    if verb == "resume":
        return f"{name}出院了吗？确认后可以重新点单和连线。"
    return f"{BEFALLS[verb].removeprefix('登记：')}：{name}。确认后，以后的订单和连线都马上停止，不会再给家属发通知。"


REFUSALS: dict[str, str] = {
    "password_short": "密码至少{least}位，请写长一点，例如四个不相干的词。",
    "password_long": "密码请在{limit}位以内。",
    "password_common": "这个密码太容易猜到（常见、有用户名、或只有几个不同的字），请换一个。",
    "password_same": "新密码和原来的一样，请换一个。",
    "username_bad": "用户名要以小写字母开头，2到32位，只用小写字母、数字、点、横线和下划线。",
    "username_taken": "这个用户名已经有人用了，请换一个。",
    "account_there": "这位干部已经有账号了。",
    "not_staff": "这个人现在没有干部岗位，不能开账号。",
    "reveal_reason": "请先选一个原因，再点“显示”。",
    "no_link": "您还不能为这位家人办理。请先关联家人：回复“我的家人”查看怎么做。",
    "not_active": "这位居民现在不能办理。如有疑问，请回复“人工”找工作人员。",
    "code_mistyped": "亲情码好像输错了一位，请对照再回复一次。",
    "code_unknown": "这个亲情码已经不能用了，请向工作人员再要一个。",
    "own_request": "这是您自己申请的关联，要请另一位工作人员来核实。",
    "name_long": "姓名请在{limit}个字以内，再回复一次好吗？",
    "name_registered": "您在村里登记的姓名是{name}。要改的话，请联系村里的工作人员。",
    "own_link": "这是您自己的亲情码，要请家人来扫。",
    "witness_needed": "口头同意需要一位见证人，请先填写见证人。",
    "identity_conflict": "您的两个微信身份登记的姓名不同，请联系工作人员核对。",
}


def me(name: str, city: str) -> str:
    """What we know of the person who asks."""
    return f"姓名：{name or '还没有填写'}\n所在地：{city}"


def named(name: str) -> str:
    """The name was taken down."""
    return f"好的，{name}，记下了。"


def moved(city: str, now_there: str) -> str:
    """The city was taken down."""
    return f"好的，以后按{city}时间提醒您。您那里现在是{now_there}。"


def family(lines: list[str]) -> str:
    """For whom the person may act."""
    return "您可以为这些家人点单、约视频：\n" + "\n".join(lines)


def invitation(name: str, code: str) -> str:
    """What a cadre hands to the relatives."""
    return (
        f"{name}的亲情码：{code[:4]} {code[4:]}\n30天内有效，最多5位家人使用。"
        "请家人关注本公众号后回复“亲情码”加上这几位；您还要再确认一次。"
    )


def helpers(lines: list[str], consents: list[str]) -> str:
    """Who may act for a person, and to what that person has agreed."""
    return "\n".join([*(["可以替办的家人：", *lines] if lines else [NO_HELPERS]), *consents])


def trusted_line(name: str, kinship: str, ends: datetime | None, zone: str) -> str:
    """One relative, and until when they may act."""
    return f"· {name}（{kinship}）{f'有效到{when(ends, ZoneInfo(zone))}' if ends else SPANS[0]}"


def consent_line(kind: str, given: str, witness: str) -> str:
    """One kind of consent and how it was given; `given` is empty when it does not stand."""
    if not given:
        return f"{CONSENTS[kind]}：没有同意"
    return f"{CONSENTS[kind]}：{given}同意" + (f"（{witness}见证）" if witness else "")


def centre_contact(name: str, phone: str) -> str:
    """The way to a person."""
    return f"{name}电话：{phone}。工作时间打过去，工作人员会帮您办。"


def county_contact(hotline: str) -> str:
    """The way to a person for whom no place near has a number."""
    number = f"电话{hotline}" if hotline else "电话"
    return f"请拨打县党群服务中心{number}，或到就近的党群服务中心，工作人员会帮您办。"


_LINK_STATES = {
    "link_confirmed": ("已通过", "家人关联已通过，您可以为{cared}点单、约视频了。回复“菜单”开始。"),
    "link_declined": ("未通过", "家人关联没有通过。如有疑问，请联系村里的工作人员。"),
    "link_revoked": ("已解除", "家人关联已解除，约好的视频也取消了。如有疑问，请联系村里的工作人员。"),
    "link_lapsed": ("已到期", "家人关联到期了，约好的视频也取消了。还想联系的话，请找村里的工作人员重新登记。"),
    "link_expiring": ("快到期", "您和{cared}的家人关联快到期了。想继续的话，请告诉村里的工作人员，到期时间"),
}
# Lapsed, but never confirmed: there was nothing to end.
_UNANSWERED = ("没有答复", "您申请的家人关联一直没有答复，已经失效。还想关联的话，请联系村里的工作人员，再申请一次。")
TEMPLATES = {f"people.{word}": "link_update" for word in _LINK_STATES}


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a family link, or the QR code of an invitation to one."""
    if kind == "people.invitation_qr":
        return Wording("", {}, invitation(facts["name"], facts["scene"].removeprefix("link/")), facts["scene"])
    state, text = _UNANSWERED if facts.get("unanswered") else _LINK_STATES[kind.partition(".")[2]]
    at = datetime.fromisoformat(facts["at"])
    fields = {"subject": "家人关联", "state": state, "time": on_card(at, zone)}
    return Wording(TEMPLATES[kind], fields, f"{text.format(cared=facts['cared'])}（{when(at, zone)}）")
