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
HAS_SET_OUT = "好的，已经告诉家属：大约{arrives}到{cared}家。"
PHONE_HEAD = "要打电话或上门告诉的："
PHONE_NONE = "都已经告诉了。"

# The desk.
VIEWS = {"coming": "要来的", "untold": "还没登记结果", "all": "全部"}
VERBS = {
    "begin": "约好", "change": "改时间", "reseat": "换座位", "choose": "选了怎么视频",
    "set_out": "出发上门", "check_in": "老人到场", "start": "开始", "close": "时间过了，没人登记",
    "complete": "视频顺利", "cancel": "取消", "call_off": "中心取消", "undo": "撤回取消", "miss_relative": "家人没接",
    "miss_resident": "老人没来", "miss_both": "双方没来", "fail": "没接通",
}  # fmt: skip
END_CODES = {
    "in_time": "提前取消", "late": "一天内取消", "same_day": "当天取消", "centre": "中心取消", "stopped": "自动停止",
}  # fmt: skip
DONE_WORDS = {
    "call_booked": "约好了，家人会收到通知。", "outcome": "情况记下了。", "well": "老人的状态记下了。",
    "off": "已经取消，双方会收到原因和别的办法。", "told_elder": "已记下告诉了老人。", "touched": "联系记下了。",
}  # fmt: skip
CHANGED = "您打开页面之后，这次视频有了变化：{what}。请看过最新情况再办。"
NO_CALLS = "没有符合的视频。"
NO_SHEET = "这一天没有约好的视频。"

REFUSALS: dict[str, str] = {
    "undo_over": "取消已经过了两分钟，或时间已到，不能撤回了。请重新预约。",
    "still_waiting": "请再等一等：老人等满{minutes}分钟，才记为家人没接。",
    "note_needed": "请写一句要再看什么。",
    "bad_rhythm": "请从列表里选多久联系一次。",
    "news_consent": "{cared}还没有同意给家人写家乡来信。请先当面问过本人，在“居民”里记下同意。",
    "nobody_to_tell": "{cared}还没有关联的家人，没有人能收到来信。",
    "news_this_month": "{cared}这个月已经写过一封了，下个月再写。",
}
