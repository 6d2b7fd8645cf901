"""What we say when a call ends, and after it: to families who answer, to cadres who write down."""

from handlers import words

# Ending.
OVER = "这次视频{state}，不用取消了。"
CANCELLED_BEFORE = "这次视频{name}已经在{at}取消了，不用再取消。"
RESTORED = "好的，取消撤回了，照常视频：{time}"
ASK_OFF = "中心为什么办不成？请选或写一句，家人会看到。"
ASK_INSTEAD = "那还能怎么办？请写一句，例如：周五下午可以再约。"
CALLED_OFF = "已经取消，双方会收到原因和别的办法。"

# Another time, and a makeup.
ASK_DAY = "想请家人改到哪一天？"
ASK_TIME = "改到几点？"
ASK_POLICY = "家人没有答应的话，怎么办？"
POLICY_NAMES = {"keep": "照原来的时间", "cancel": "只能取消"}
ASK_WHY = "为什么要改？家人会看到。"
PROPOSED = "已经去问家人了，请等对方在{by}前答复。"
OTHERWISE = {"keep": "不同意的话，照原来的时间。", "cancel": "原来的时间中心办不了，不同意的话只能取消。"}
ASKED = (
    "中心想把与{cared}的视频改个时间。\n原来：{old}\n改到：{new}\n原因：{reason}\n请在{by}前答复。{otherwise}"
)  # fmt: skip
ANSWERED = "这件事已经有结果了，不用再答复。"
GONE_MEANWHILE = "抱歉，这个时间刚刚被约走了，原来的时间还在。"
DECLINED_KEPT = "好的，照原来的时间：{time}"
DECLINED_OFF = "好的。原来的时间中心办不了，这次视频取消了。需要的话请重新预约。"
MAKEUP = "上次没有接上，没关系。这几个时间替您和{cared}先留着，留到{until}："
MAKEUP_OVER = "留的时间已经过了，您可以重新预约。"
MAKEUP_DECLINED = "好的，留的时间放开了。想约的时候随时再约。"

# What became of a call.
DESK = "{cared}与{relative}视频（{state}）\n{time}\n地点：{place}"
SUGGESTED = "看起来是：{what}。是这样就点一下，不是请选别的。"
WHAT = {
    "completed": "通了，视频顺利", "relative_no_show": "老人到了，家人没接", "resident_no_show": "老人没有来",
    "neither_came": "双方都没来", "technical_failure": "设备或网络没接通", "arrived": "老人到了",
}  # fmt: skip
SURE = "记为“{what}”，对吗？"
SURE_CALM = "只是记下情况，不会影响对方以后预约。"
NOTED = {
    "completed": "记下了。老人今天看起来怎么样？",
    "relative_no_show": "记下了。家人会收到一句暖心话，并优先补约。",
    "resident_no_show": "记下了。请今天去看看老人，任务已经建好；家人会知道。",
    "neither_came": "记下了。请今天去看看老人，任务已经建好；家人可以优先补约。",
    "technical_failure": "记下了，不算任何人的。家人可以优先补约。",
}
KEPT_AS = "记下了。另有更晚的登记：{state}，以那次为准。"
ARRIVED = "好的，老人到了。视频通了或有别的情况，再点一下。"
WELL = {"ok": "都好", "follow_up": "要再去看看"}
ASK_NOTE = "要再看什么？请写一句，只有负责的工作人员能看到。"
WELL_NOTED = "记下了。"
FOLLOW_NOTED = "记下了，请在{due}前再去看看，到时任务会提醒。"
FOLLOW_DAYS = {1: "明天就去", 3: "三个工作日内", 5: "五个工作日内"}
LAST_WELL = "老人：{verdict}{note}"
TOLD_MEANS = words.TOLD_MEANS
TOLD = "记下了：{by}在{at}告诉了老人。"
TOLD_LINE = "已告诉老人：{by}，{at}（{means}）"
NOT_TOLD = "还没告诉老人"

# After calls: who has not talked for long, pairs, news from home.
COMPANY = "想为{cared}做什么？"
QUIET = "这些老人和孩子{days}天以上没和家人视频了，最久的在前："
NO_QUIET = "您负责的范围里，大家最近都和家人视频过，辛苦了。"
QUIET_LINE = "{name}（{village}）{since}"
NEVER, SINCE = "还没视频过", "{days}天"
PAIRS = "您结对的："
NO_PAIRS = "您还没有结对的老人。村里的工作人员可以在“居民”的“陪伴”里为您结对。"
PAIR_LINE = "{cared}（{village}）{state}"
PAIR_LATE, PAIR_DUE = "该联系了", "{due}前联系"
PAIR_WHOLE = "{helper}与{cared}结对，每{days}天联系一次。\n{last}"
PAIR_LAST, PAIR_NEVER = "上次联系：{at}（{means}）", "还没联系过。"
PAIR_MEANS = {"visit": "上门看了", "phone": "打了电话", "wechat": "发了微信", "call": "陪着视频了"}
TOUCHED = "记下了。下次请在{due}前联系。"
PARTED = "好的，结对解除了。"
ASK_HELPER = "请谁和{cared}结对？请回复姓名（干部或志愿者）。"
NO_HELPER_FOUND = "没有找到这位干部或志愿者，请再回复一次姓名，或点取消。"
ASK_RHYTHM = "多久联系一次？"
RHYTHM_NAMES = {7: "每周", 14: "每两周", 30: "每月"}
PAIRED = "好的，{helper}和{cared}结对了。"
NEWS_HOME = "家乡来信："
NO_NEWS = "还没有家乡来信。"
NEWS = "{cared}的家乡来信（{at}）\n{text}"
ASK_NEWS = "给{cared}的家人写几句近况（300字以内），每月一封，家人会收到通知。"
NEWS_QUIET, NEWS_BELL = "有来信不用告诉我", "有来信告诉我"
NEWS_QUIETENED, NEWS_TOLD_AGAIN = "好的，有来信不再告诉您；回复“家乡来信”随时可以看。", "好的，有来信就告诉您。"
ASK_PHOTO = "想附一张照片，请先发照片，再写字。"
NO_PHOTO = "（本人还没有同意拍照，不能附照片。）"
PHOTO_KEPT = "照片收到了。请再写几句近况，一起发给家人。"
PHOTO_SENT = "照片马上发给您；没收到就点这里看：{url}"
SEE_PHOTO = "照片点这里看：{url}"
PHOTO_COMING = "有一张照片，还在路上，过一会儿点这里看：{url}"
NEWS_SENT = "写好了，家人会收到通知。"

# The day sheet.
SHEET_NONE = "{day}没有约好的视频。"
SHEET_HEAD = "{day}视频安排"
SHEET_COLUMNS = ("时间", "老人", "家人（当地时间）", "地点", "谁帮忙", "告知", "结果")
SHEET_BOXES = ("老人到 ____:____", "通了", "家人没接", "老人没来", "没接通", "状态：好 / 要再看")
SHEET_SIGNATURE = "签字："
SHEET_FOOT = "没有信号时先写在纸上，回来后在微信里补记，时间按纸上的填。有变化请打中心电话{phone}。"
AT_HOME = "上门，带{along}，{leave}出发"
SET_OUT = "出发了"
RING = "用设备呼叫微信：{whom}"
RING_STATES = {
    "granted": "", "refused": "（没有允许来电）", "gone": "（允许失效了，要重新允许）", "never": "（还没有允许来电）",
    "no_device": "（座位上没有能呼叫的设备）",
}  # fmt: skip
HAS_SET_OUT = "好的，已经告诉家属：大约{arrives}到{cared}家。"
SET_OUT_TO = "出发了，去{cared}家"
NO_ROUND = "今天没有上门的视频。"
ROUND_HEAD = "{helper}的上门路线，带{along}："
DOOR = "{number}. {leave}，路上{road}，{arrives}到{door}家{battery}"
MINUTES, BACK_AT = "{minutes}分钟", "全部做完大约{at}回到中心。"
LEAVES, HAS_LEFT, LATE_BY = "{at}出发", "{at}已出发", "（晚{minutes}分钟）"
BATTERY = "设备还够用{minutes}分钟"
ROUND_COLUMNS = ("顺序", "出发", "路上", "到", "老人", "视频", "视频之后")
PHONE_HEAD = "要打电话或上门告诉的："
PHONE_NONE = "都已经告诉了。"

# The desk.
PLACES = {"": "按老人平时的", "at_centre": "这次到中心", "at_home": "这次上门"}
VIEWS = {"coming": "要来的", "untold": "还没登记结果", "all": "全部"}
VERBS = {
    "begin": "约好", "change": "改时间", "reseat": "换座位", "relocate": "换地点", "choose": "选了怎么视频",
    "set_out": "出发上门", "check_in": "老人到场", "start": "开始", "close": "时间过了，没人登记",
    "complete": "视频顺利", "cancel": "取消", "call_off": "中心取消", "undo": "撤回取消", "miss_relative": "家人没接",
    "miss_resident": "老人没来", "miss_both": "双方没来", "fail": "没接通",
}  # fmt: skip
END_CODES = {
    "in_time": "提前取消", "late": "一天内取消", "same_day": "当天取消", "centre": "中心取消", "stopped": "自动停止",
}  # fmt: skip
DONE_WORDS = {
    "call_placed": "地点改好了，家人会收到通知。",
    "call_booked": "约好了，家人会收到通知。", "outcome": "情况记下了。", "well": "老人的状态记下了。",
    "call_asked": "已经去问家人了。没有答复以前，原来的时间不变。", "call_moved": "时间改好了，家人会收到通知。",
    "call_cancelled": "已经取消，相关的人会收到通知。两分钟内可以撤回。", "call_undone": "取消撤回了，照常视频。",
    "call_here": "老人到场记下了。", "call_out": "出发记下了，家人会收到通知。",
    "call_way": "改好了，到时按新的方式视频。",
    "call_guest": "已请这位家人一起视频，对方会收到通知。", "call_guest_off": "这位家人不参加了，其他人照常。",
    "off": "已经取消，双方会收到原因和别的办法。", "told_elder": "已记下告诉了老人。", "touched": "联系记下了。",
    "paired": "结对好了，到时没有联系会提醒。", "parted": "结对解除了，不再提醒。",
}  # fmt: skip
WAITS = "正在问家人能不能改到{time}，请等到{by}。"
PAIR_VIEWS = {"paired": "结着对的", "late": "该联系了", "parted": "已解除"}
PAIR_STATES = {"paired": "结着对", "parted": "已解除"}
PAIR_VERBS = {"begin": "请人结对", "rhythm": "改了多久联系一次", "part": "解除结对"}
NO_PAIRS_HERE = "没有这样的结对。"
PAIR_CHANGED = "您打开页面之后，这个结对有了变化：{what}。请看过再办。"
CHANGED = "您打开页面之后，这次视频有了变化：{what}。请看过最新情况再办。"
NO_CALLS = "没有符合的视频。"
NO_SHEET = "这一天没有约好的视频。"

REFUSALS: dict[str, str] = {
    "undo_over": "取消已经过了两分钟，或这个时间用不了了，不能撤回了。请重新预约。",
    "still_waiting": "请再等一等：老人等满{minutes}分钟，才记为家人没接。",
    "note_needed": "请写一句要再看什么。",
    "bad_rhythm": "请从列表里选多久联系一次。",
    "news_consent": "{cared}还没有同意给家人写家乡来信。请先当面问过本人，在“居民”里记下同意。",
    "photo_consent": "{cared}还没有同意拍照，不能附照片。请先当面问过本人，在“居民”里记下同意；也可以只写字。",
    "nobody_to_tell": "{cared}还没有关联的家人，没有人能收到来信。",
    "news_this_month": "{cared}这个月已经写过一封了，下个月再写。",
}


def month(of: str) -> str:
    """A month as people read it: "2026-11" is 2026年11月."""
    year, _, number = of.partition("-")
    return f"{year}年{int(number)}月"
