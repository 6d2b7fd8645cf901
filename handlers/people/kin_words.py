"""What the pages about one's family say: who is linked, who may act for me, where I live, a child's calls."""

# Mine.
LEAD = "您可以为他们点单、约视频。"
THEIRS = "他们可以替您点单、约视频"
NOBODY = "您还没有关联家人。请向村里的工作人员要一个“亲情码”，再点下面的按钮。"
I_AM, UNTIL, ALWAYS = "您是{kinship}", "有效到{day}", "一直有效"
ASKED_LINE, WAITS = "申请关联一位家人", "等村里工作人员核实"
LINK = "关联一位家人"
NEWS, NEWS_LEAD = "家乡来信", "工作人员每月写几句家里的近况，有时有照片"
CALENDAR, CALENDAR_LEAD = "放进手机日历", "改了时间会自动跟着变"
HELPERS, HELPERS_LEAD = "谁能替我办", "还有您同意过的事，随时可以改"
CHILDREN, CHILDREN_LEAD = "孩子的视频要您同意", "不满14岁的孩子，监护人同意才能约"
ZONE, ZONE_LEAD = "我住在哪里", "现在是{city}"
MY_DAYS, MY_DAYS_LEAD = "我的作息", "约视频时会避开"

# Asking for a link.
CODE, CODE_HINT = "亲情码", "7位字母数字，村里的工作人员给您的。"
NAME, NAME_HINT = "您的姓名", "工作人员要知道是谁在申请。"
KINSHIP = "您是这位家人的"
SEND = "申请关联"
AFTER = "工作人员会先问过家人，同意后通知您。"
MISTAKES = {
    "code": "请填写亲情码。", "name": "请填写您的姓名。", "kinship": "请选一项。",
}  # fmt: skip

# One link.
TITLE_ASKED, TITLE_THEIRS = "申请关联一位家人", "{name}能替您办"
AS, SINCE, HOLDS = "关系", "申请时间", "有效期"
YOUR_KIN = "您的{kinship}"
CALL_THEM, ORDER_THEM, DAYS = "约一次视频", "替{name}点单", "{name}的作息"
END, WITHDRAW, END_SURE = "解除关联", "撤回申请", "确定解除"
END_HEAD = "要解除和{name}的关联吗？"
END_LEAD = "您以后不能再为{name}点单、约视频。约好的视频会一并取消。想再关联，要重新要亲情码。"
END_HEAD_THEIRS = "不再让{name}替您办吗？"
END_LEAD_THEIRS = "{name}以后不能再替您点单、约视频。你们约好的视频会一并取消。"
END_HEAD_ASKED = "要撤回这个申请吗？"
END_LEAD_ASKED = "想再关联，要再填一次亲情码。"
NOT_END, NOT_WITHDRAW = "不解除", "不撤回"

# Who may act for me, and to what I agreed.
MAY_ACT, NONE_ACTS = "可以替您办的家人", "还没有家人可以替您点单、约视频。"
CONSENTS_HEAD = "您同意了什么"
CONSENT_MEANS = {
    "service_records": "您得到的服务记在村里的台账上。",
    "family_calls": "家人可以和您约视频。",
    "photos": "办活动时可以拍到您；照片也会随家乡来信发给您的家人。",
    "home_news": "工作人员每月给您的家人写几句您的近况。",
}  # fmt: skip
AGREED, NOT_AGREED, WITNESSED = "{at}同意了", "没有同意", "（{name}见证）"
AGREE, TAKE_BACK = "同意", "撤回同意"
NO_CALLS_THEN = "撤回后，约好的视频都会取消。"

# A child's calls.
CHILDREN_TEXT = "孩子不满14岁，监护人同意了，才能约视频。您随时可以撤回。"
NO_CHILDREN = "您还没有登记为哪个孩子的监护人。要登记，请带证件联系村里的工作人员。"
CHILD_YES, CHILD_NOT_YET, CHILD_OTHER = "您已同意", "您还没有同意", "另一位监护人已经同意"
SAY_YES, SAY_NO = "同意{name}参加视频", "撤回同意"
NO_HEAD = "不同意{name}视频了吗？"
NO_LEAD = "{name}约好的视频都会取消，相关的人会收到通知。以后可以再同意。"
NO_LEAD_OTHER = "另一位监护人也同意了，{name}的视频照常。"
NO_SURE, NOT_NO = "确定撤回", "不撤回"

# Where I live.
ZONE_TEXT = "我们按您当地的钟说时间、发提醒。"
ZONE_THEN = "改了以后：视频的时间不变，还没发的提醒会按新地方的钟重新安排；已经发出的不变。"
ZONE_PICK, ZONE_SAVE = "您现在住在", "就住这里"
PICK_CITY = "请选一个城市。"

TOLD = {
    "asked": "好的，已经告诉村里的工作人员，确认后会通知您。", "linked": "您已经和这位家人关联好了。",
    "ended": "已经解除关联。约好的视频也一并取消了。", "withdrawn": "申请撤回了。",
    "agreed": "好的，已记下同意。随时可以撤回。", "taken_back": "好的，已撤回。需要时可以再同意。",
    "child_yes": "好的，已记下您的同意，可以给孩子约视频了。", "child_no": "好的，已撤回。",
    "moved": "改好了，以后按{city}的钟提醒您。",
}  # fmt: skip
