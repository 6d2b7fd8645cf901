"""What pages and the mini-program say of an order's way, of jobs, needs and calls for help, where chat says nothing."""

EMERGENCY = "这是急事，请马上打电话"
EMERGENCY_LEAD = "这里不用点单。有生命危险先打120，着火打119，报警打110。"
FIRST_AID, FIRE, POLICE = ("120", "急救"), ("119", "火警"), ("110", "报警")
SERVICE_DESK = "服务电话"
BARRED = "这项服务给不了"
WARNED = "请再看一下"
GOOD_TO_KNOW = "点单前请看看"
ON_THE_ORDER = ("请您带好", "费用", "大约")  # of the terms, what still matters once it is ordered
LEFT_AT = "还剩{left}个名额"
LEFT_TOMORROW = "明天还剩{left}个名额"
FULL_TOMORROW = "明天已满"
NOT_LISTED = "清单里没有您要的？"

# Who comes, and how far they are.
VISIT_STATES = {
    "scheduled": "已定好人", "on_the_way": "正在路上", "arrived": "已经到了", "nobody_home": "来过，家里没人",
}  # fmt: skip
VISIT_LEADS = {
    "scheduled": "{visitor}会按时来。", "on_the_way": "{visitor}已经出发，请留意开门。",
    "arrived": "{visitor}已经到了。",
    "nobody_home": "{visitor}来过，没有人应门，会和您重新约时间。",
}  # fmt: skip
SOMEBODY = "{organisation}的人"
WHO_COMES, BY_WHOM, WHEN_COMES = "谁来", "承接", "上门时间"

# After an order.
RATE, COMPLAIN, UNDO, REOPEN = "评价", "投诉", "点错了，撤回取消", "没做好，重新办一次"
UNDO_LEAD = "取消后10分钟内可以撤回。"
RATE_HEAD = "这次服务怎么样？"
SCORES = {5: "很满意", 4: "满意", 3: "一般", 2: "不太满意", 1: "不满意"}
RATE_WORDS = "还想说什么？"
RATE_SEND = "提交评价"
RATED_AS = "您的评价"
COMPLAIN_HEAD = "哪里没有做好？"
COMPLAIN_LEAD = "写在这里，只有乡镇的工作人员能看到，五个工作日内答复您。"
COMPLAIN_SAY = "请写一下"
COMPLAIN_SEND = "提交投诉"
REOPEN_HEAD = "重新办一次"
REOPEN_LEAD = "上次没有做好，我们再安排一次，不用重新点单。"
REOPEN_WHY = "哪里没有做好？"
REOPEN_SEND = "请重新安排"
BACK = "返回"
TOLD = {
    "rated": "谢谢您的评价！七天内可以再改。", "complained": "收到了。乡镇的工作人员会在五个工作日内答复您。",
    "undone": "好的，没有取消，继续办理。", "reopened": "好的，已经重新安排。有组织接单后会通知您。",
}  # fmt: skip

# Jobs.
JOBS_LEAD = "您的组织有这些单子，点开就能办。"
TODAY = "今天的上门"
NO_VISITS = "今天没有要上门的。"
JOB_NOTES = "要做什么"
ACCEPT, DECLINE, START, ARRIVED, NOBODY, DONE, HAND_BACK = (
    "接单", "不方便接", "出发了", "到了", "家里没人", "已经做完", "做不了，交回",
)  # fmt: skip
NAME, RENAME = "定上门的人", "换人或改时间"
GOES = "上门的人"
ASK_WHO_LEAD = "点一下名字就定好了，本人和家属会收到通知。"
OTHER_TIME_HEAD = "要换时间吗？（可以不填）"
CENTRE_PHONE = "中心电话"
DECLINE_YES, BACK_YES, DONE_YES, NOBODY_YES = "确认不接", "确认交回", "确认做完", "确认没人"
DONE_HEAD = "服务做完了吗？"
DONE_LEAD = "确认后订单就结束了。"
NOBODY_HEAD = "家里没人吗？"
NOBODY_LEAD = "确认后会马上通知家属和村里。"
JOB_TOLD = {
    "accept": "接单成功。请按时上门。", "start": "好的，已经告诉等您的人。路上请注意安全！",
    "named": "好的，已经定好，本人和家属会收到通知。", "arrived": "好的，记下到了。做完后请点“已经做完”。",
    "nobody": "已经通知家属和村里。可以重新定时间，或交回。", "decline": "好的，已经转给下一个组织。",
    "back": "好的，已经交回，会另找组织。", "done": "辛苦了！这张单子已经完成。",
}  # fmt: skip
OTHER_WHY = "其他原因（可以不写）"

# Needs and calls for help.
SAY_SOMETHING = "提需求、请人帮忙"
SAY_LEAD = "清单里没有的，也可以告诉我们"
NEW = {"needs": "提一个需求", "help": "请人帮忙"}
NEW_LEADS = {
    "needs": "希望村里有什么服务？大家的需求会汇总成清单。", "help": "说一件具体的事，工作人员会尽快看。",
}  # fmt: skip
WHOSE = {"needs": "这是谁的需求？", "help": "是谁需要帮忙？"}
SAY = "请用您自己的话说说"
SAY_HINT = {"needs": "例如：想学做豆腐，想有人陪着去医院", "help": "例如：家里水管漏了，没人会修"}
HOW = "谁能看？"
_HOW = (("open", "工作人员都能看"), ("secret", "保密：只有一位经办人能看"))
HOWS = {"needs": (*_HOW, ("nameless", "不留姓名（也收不到答复）")), "help": _HOW}
ADD_PHOTO, ADD_VOICE = "拍一张照片（可以不拍）", "选一段录音（可以不选）"
CAME_WITH, SEE_PHOTO, HEAR_VOICE = "照片、录音", "看照片", "听录音"
MEDIA_STATES = {"waiting": "正在接收", "lost": "没有收到"}
SEND = "提交"
MINE = "我提过的"
MINE_EMPTY = "您还没有提过需求，也没有请过人帮忙。"
KIND_NAMES = {"need": "需求", "help": "求助"}
CONFIDED = "保密"
YOU_SAID = "您说的"
WITHDRAW = "不用帮了，撤回"
SAID_ON, HANDLED_BY = "什么时候提的", "经办人"
PICK_PERSON = "请选一位。"
TAKEN = {"open": "收到，谢谢您！有结果会告诉您。", "secret": "收到，谢谢您！只有经办人能看到，通知里也不会写内容。",
         "nameless": "收到，谢谢您！没有记下您的姓名，您的声音会算进去，但我们没法答复您。"}  # fmt: skip
DANGER_HEAD = "请马上打电话"
DANGER_NUMBERS = {
    "fire": (FIRE,), "gas": (FIRE,), "medical": (FIRST_AID,), "police": (POLICE,), "flood": (FIRE,),
    "despair": (("12356", "心理援助"), FIRST_AID, POLICE), "violence": (POLICE,),
}  # fmt: skip

# Beside their field, where the sentence of the conversation speaks of replying.
PAGE_REFUSALS: dict[str, str] = {
    "said_nothing": "还没有内容，请写一下。",
    "said_long": "请在{limit}个字以内（您写了{length}个字），短一点。",
    "no_media": "这个文件收不了，请选照片或录音。",
    "media_long": "文件太大了，请在{megabytes}兆以内。",
    "no_area": "我们还不知道住在哪个村，请打电话给工作人员登记。",
    "no_clerk": "保密的事现在没有专人可以接，请直接打下面的电话。",
    "own_work": "自己组织做的服务不能自己评价，谢谢您。",
}
# Beside the names of those who could go.
SLOT = {"slot_taken": "这个时间已经排了别的事，请换一个人或换个时间。"}
