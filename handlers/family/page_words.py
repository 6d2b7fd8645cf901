"""What the pages of family calls say, where the conversation says nothing or says it otherwise."""

from handlers.words import ON_SCREEN

TITLE = "亲情连线"
LEAD = "到时工作人员会陪着老人，开始前15分钟起可以进入视频。"
OWN_LEAD = "到时工作人员会陪着您，帮您接通。"
OWN_ALONE = "用自己的手机也行：开始前15分钟起，这里会出现“进入视频”。"
OWN_ABSENT = "来不了？请打下面的电话，告诉工作人员。"
NONE = "您没有约好的视频。"
BOOK = "约一次视频"
SERIES = "定期连线"
WITH = "和{name}视频"
WHERE, GUESTS, HOW, WHY = "地点", "一起的家人", "方式", "原因"

# What waits for an answer.
WAITING = "请您答复"
ASKED_LINE = "中心想改个时间"
MAKEUP_LINE = "补约：和{cared}再约一次"
ASKED = "中心想把和{cared}的视频改个时间"
OLD, NEW, BY_WHEN = "原来", "改到", "请在这之前答复"
YES, NO = "同意改时间", "不同意"
MAKEUP, NONE_SUITS = "和{cared}再约一次", "都不合适"
MAKEUP_LEAD = "上次没有接上，没关系。这几个时间替您先留着，留到{until}。"

# A time.
FOR_WHOM, FOR_WHOM_LEAD = "想和谁视频？", "选一位家人。"
NOBODY = "您还没有关联家人。请在公众号里点“我的家人”，用亲情码关联；也可以打下面的电话，请工作人员帮您。"
PICK = "和{name}视频，选个时间"
MOVE_PICK = "改到什么时间？"
MOVE_LEAD = "现在约的是：{time}\n选好新的时间以前，原来的时间一直留着。"
BEST, BEST_LEAD = "双方都方便的时间", "这几个时间没有人在睡觉、吃饭或上班。"
DAYS, ANOTHER_DAY = "选一天", "换一天"
ON_DAY = "{day}的空位"
OTHERS, OTHERS_LEAD = "别的空位", "这些时间有人在睡觉、吃饭或上班。"
NO_BEST = "近几天没有双方都方便的时间。请选一天，看看别的时间。"
GONE_HEAD = "最近的空位"
GONE = "刚才的时间不能约了，请另选一个。原来约好的不受影响。"
CHECK = "请核对"
CHECK_LEAD = "这个时间为您保留{minutes}分钟。到时工作人员会陪着老人。"
CONFIRM = "确认预约"
WHOM, TIME = "和谁", "时间"

# One call.
TOLD = {
    "way": "改好了，到时按新的方式视频。",
    "booked": "约好了！到时会提前提醒您。", "moved": "改好了！会按新的时间提醒您。", "undone": "取消撤回了，照常视频。",
    "asked": "好的，已经请这位家人一起视频。", "off": "好的，这位家人不参加了，其他人照常。",
    "kept": "好的，照原来的时间。", "declined": "好的。原来的时间中心办不了，这次视频取消了，请重新预约。",
    "cancelled": "已经取消，相关的人会收到通知。",
    "begun": "定好了！每次都会提前提醒您。", "rests": "好的，先暂停。约好的都取消了，中间的不补。",
    "goes_on": "好的，恢复了。", "ended": "好的，全部结束了，相关的人会收到通知。", "restored": "好的，都恢复了。",
    "longer": "好的，延长了半年。", "changed": "改好了。", "skipped": "好的，这一次不视频了，其他的照常。",
    "taken_up": "好的，这一次恢复了。", "not_taken_up": "这一次还是约不上。可以过几天再试，或另约一个时间。",
    "news_quiet": "好的，有来信不再告诉您，这里随时可以看。", "news_bell": "好的，有来信就告诉您。",
    "makeup_none": "好的，留的时间放开了。想约的时候随时再约。", "left": "好的，您不参加这次视频了，其他人照常。",
}  # fmt: skip
MOVE, CANCEL, UNDO, ASK_MORE, LEAVE, WEEKLY, OTHER_WAY = (
    "改时间", "取消这次视频", "点错了，撤回取消", "请家人一起", "我不参加了", "以后也定期视频",
    "换种方式",
)  # fmt: skip
UNDO_LEAD = "取消后两分钟内可以撤回。"
CANCEL_HEAD, CANCEL_YES, CANCEL_NO = "要取消这次视频吗？", "确定取消", "不取消了"
ASK_REASON, OTHER_REASON, OPTIONAL = "为什么取消？", "别的原因", "（可以不填）"
WAY_HEAD, WAY_NOW = "到时怎么视频？", "现在选的是：{way}（{media}）"
WAY_NOT = "现在还用不了的"
GUESTS_LEAD = "对方会收到通知，时间会替对方留好。"
ASK, TAKE_OFF = "请{name}", "{name}不参加了"
BACK, LOOK, ANOTHER_TIME = "返回", "查看或更改", "换个时间"

# Series.
SERIES_LEAD = "约一次，以后自动约好，到时提醒。"
SERIES_NONE = "您还没有定期连线。先约一次视频，再从那一次开始，让它每周都有。"
START_FROM = "从一次视频开始"
RULE_HEAD = "以后怎么重复？"
RULE_LEAD = "从{time}和{cared}的视频开始，都按国内{clock}。"
BIRTHDAY, BIRTHDAY_HINT = "农历生日", "例如：8月15。闰月前面写“闰”，例如：闰6月10。"
PICK_RULE = "请选一种重复的方式。"
HOLIDAYS_HINT = "不选的话：平时遇假期停一次，生日和过节的照常。"
HOLIDAYS, HOW_LONG, SEE = "遇到法定节假日", "到什么时候", "看看是哪些日子"
LONG = {6: "半年", 12: "一年", 0: "一直到我说停"}
DATES, MAKE, CHANGE = "接下来的日子", "确认，就这样定", "再改改"
EVERY, AT, UNTIL_WHEN, WITH_WHOM = "重复", "国内时间", "到什么时候", "谁和谁"
REST, GO_ON, END, LONGER, RESTORE = "暂停", "恢复", "全部结束", "延长半年", "恢复"
END_HEAD = "要结束和{cared}的定期连线吗？"
NOT_END = "不结束"
END_LEAD, OR_REST = "后面约好的{count}次都会取消。", "只想停一阵子，可以先暂停。"
SKIP, TAKE_UP, MOVE_ONE = "这一次不视频", "恢复这一次", "这一次改时间"
OTHER_RULE, OTHER_RULE_SINCE, DAY_HEAD, FROM_DAY = "改日子", "从这一次起改日子", "从哪一天开始？", "从哪天起"
DO_CHANGE = "确认，就这样改"
RETIME, RETIME_HEAD = "改钟点", "改到国内几点？"
RETIME_LEAD = "以后每一次都改，单独改过时间的不变。"
ASK_SKIP = "为什么这一次不视频？"
LATER = "从这一次起改钟点"

# News from home.
NEWS, NEWS_OF, NEWS_WRITTEN, NEWS_CALL = "家乡来信", "{cared}的家乡来信", "写于{at}", "和{cared}约个视频"
NEWS_AGREED_HEAD, NEWS_AGREES = "本人同意吗", {True: "同意写来信", False: "还没有同意"}
NEWS_AGREED_LEAD = "老人本人同意了，工作人员才会写；老人可以随时告诉工作人员，或在自己的手机上改。"
NEWS_BELL_HEAD, NEWS_BELL = "来信通知", {False: "现在有来信会告诉您", True: "现在有来信不告诉您"}
NEWS_BELL_ON, NEWS_BELL_OFF = "有来信告诉我", "不用告诉我"
PHOTO_OF, PHOTO_COMING = "{cared}的照片", "有一张照片，还在路上，过一会儿再打开看。"

# Where a page cannot say what the conversation says.
PAGE_REFUSALS: dict[str, str] = {"series_there": ON_SCREEN["series_there"]}
