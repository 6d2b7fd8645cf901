"""What the desk says about needs, calls for help, demand lists and gaps: labels, deeds, and what was done."""

from handlers.ordering.need_words import HELP_STATES, KINDS_OF_SAID, NEED_STATES

NEED_VIEWS = {"waiting": "等您处理", **NEED_STATES, "all": "全部"}
HELP_VIEWS = {"waiting": "还没办完的", **HELP_STATES, "all": "全部"}
KINDS = {"unsorted": KINDS_OF_SAID[""], **{key: name for key, name in KINDS_OF_SAID.items() if key}}
LIST_STATES = {"draft": "草稿", "published": "已发布", "superseded": "旧版"}
AUDIENCES = {"away": "在外人员", "left_behind": "留守群体"}
NEED_VERBS = {
    "begin": "收到", "triage": "看过并分类", "merge": "合并", "unmerge": "撤回合并", "adopt": "列入清单",
    "take_off": "从清单取下", "hand_over": "交给别的经办人", "decline": "答复",
}  # fmt: skip
HELP_VERBS = {
    "begin": "收到", "triage": "看过并分类", "assign": "交办", "hand_over": "交给别的经办人", "finish": "办好",
    "close": "答复", "withdraw": "本人撤回",
}  # fmt: skip
CHANGED = "这件事刚刚有了变化：{what}。请看过最新情况再办。"

NO_NEEDS = "没有符合的需求。"
NO_NEEDS_WAITING = "现在没有等您处理的需求。"
NO_CALLS = "没有符合的求助。"
NO_CALLS_WAITING = "现在没有要办的求助，辛苦了。"
NO_LISTS = "还没有清单。处理需求时选“列入清单”，就会开始一份。"
NO_ITEMS = "清单还是空的。处理需求时选“列入清单”。"
NO_GAPS = {
    "uncovered": "已发布的清单里，每一项都有服务。", "unmet": "没有因为没人能做而结束的订单。",
    "asked": "还没有人提过需求。",
}  # fmt: skip
NO_CONFIDED = "现在没有还没办完的保密事项。"
CONFIDED_LEAD = "这里看不到说了什么、是谁说的。经办人离任的排在前面，请交给别的经办人。"
CONFIDED_KINDS = {"need": "需求", "help": "求助"}
GONE = "已离任，没人能看"
NO_TAKER = "这里还没有别的经办人。请先给这个乡镇登记一位经办人，再来交接。"
NOT_OURS = "这件事归{who}管：{why}"
CONFIDED_LINE = "（保密，点开才能看）"

DONE = {
    "need_kind": "分类已经记下。", "merged": "已经合并，提的人都还算在里面。",
    "parted": "已经分开，恢复成合并以前的样子。",
    "adopted": "已经列入需求清单，清单发布时提的人会收到通知。", "taken_off": "已经从清单里取下。",
    "declined": "已经答复，提的人会看到原因和您的姓名。", "handed_over": "已经交给对方，您看不到这件事了。",
    "confided_given": "已经交出，对方会收到任务，从现在起只有对方能看。",
    "given": "已经交办，对方会收到任务。", "noted": "已经记下，只有能看这件事的工作人员看得到。",
    "finished_help": "辛苦了！结果已经告诉对方。", "closed_help": "已经答复，对方会看到原因和您的姓名。",
    "list_published": "已经发布，提出这些需求的人会收到通知。", "item_added": "已经加上一项。",
    "item_dropped": "新清单里没有这一项了。", "item_moved": "次序已经调整。",
    "covered": "记下了：这项需求已有服务。", "uncovered": "记下了：这项服务不算数了。",
}  # fmt: skip

# What stands on the pages themselves.
LABELS = {
    "needs": "需求", "need_number": "需求 {number}", "calls": "求助", "call_number": "求助 {number}",
    "lists": "需求清单", "gaps": "缺口",
    "state": "状态", "kind": "类别", "township": "乡镇", "all": "全部", "only_urgent": "只看紧急的",
    "ask": "查询", "reset": "重置", "do": "操作", "look": "查看", "handle": "处理",
    "said": "说的是什么", "who": "谁提的", "place": "地方", "said_at": "什么时候", "people": "几人提过",
    "urgent": "紧急", "secret": "保密", "nameless": "匿名", "due": "期限", "late": "已过期", "holder": "经办人",
    "nobody_yet": "还没人办", "through": "{name}代说",
    "voices": "一共{many}人提过", "hidden_voice": "（保密，只计人数）", "photo": "看照片", "voice": "听录音",
    "fetching": "正在接收", "lost": "没有收到", "media_logged": "每看一次都记入操作日志。",
    "merged_into": "已并入", "part": "撤回合并", "take_off": "从清单里取下", "on_list": "已列入",
    "ways": "怎么联系本人",
    "ways_teller": "怎么联系提出的人", "reason": "答复", "outcome": "办理结果",
    "sort": "分类", "sort_lead": "选“保密”的类别，以后只有您能看。", "sort_do": "记下分类", "make_secret": "改为保密",
    "alike": "可能是同一件事", "alike_lead": "合并以后，每个人的声音都还算数，随时可以撤回。", "merge": "合并到这一件",
    "list_head": "列入清单", "under_item": "列入已有的一项", "pick_item": "请选一项", "pick_kind": "请选类别",
    "list_do": "列入",
    "new_item": "新的一项", "new_item_hint": "40字以内，清单大家都看得到，请不要写姓名和家事", "audience": "哪一份清单",
    "answer_head": "直接答复", "answer_why": "答复的原因", "answer_hint": "例如：已经有这项服务，可以直接点单",
    "answer_do": "答复",
    "not_ours_head": "不归我们管", "whose": "归谁管", "whose_hint": "例如：县供电公司，电话95598", "why": "为什么",
    "not_ours_do": "答复不归我们管", "to_head": "交给别的经办人", "to_lead": "交出以后您就看不到了。", "to": "交给",
    "pick_person": "请选人", "to_do": "交出",
    "give_head": "交办", "give_lead": "对方会收到任务。保密的事交出以后只有对方能看。", "give_do": "交给这个人办",
    "note_head": "记一笔", "note": "进展", "note_do": "记下", "finish_head": "办好了", "finish": "办得怎么样",
    "finish_hint": "对方会看到", "finish_do": "办好了", "close_head": "办不了", "close_do": "答复办不了",
    "notes": "办理记录",
    "list": "清单", "how_many": "几项", "published": "发布日期", "not_yet": "还没有发布", "item": "第几项",
    "answered_by": "哪项服务能满足", "gap": "缺服务", "stopped": "（现在没有）", "cover_do": "算上",
    "pick_service": "请选服务",
    "uncover": "不算", "no_service": "没有同类的服务，先留作缺口", "up": "往前", "drop": "去掉", "add_head": "加一项",
    "add": "这一项怎么写", "add_do": "加上",
    "publish_head": "发布", "publish_lead": "发布以后，提出这些需求的人都会收到通知，这一版不能再改。",
    "publish": "发布这一版",
    "under_here": "看{many}件需求",
    "gap_place": "哪里", "gap_head": "已发布清单里还没有服务的", "quarter": "季度", "gap_people": "人数",
    "unmet_head": "没有人能做的订单", "unmet_why": "原因", "unmet_orders": "订单数", "asked_head": "大家提得最多的",
    "gap_lead": "按人数算：一个人提几次都算一个人，匿名的一次算一个人。保密的事不在这里。",
    "confided": "保密事项", "which": "哪一件", "matter": "事项", "give_on": "交给谁", "myself": "我自己",
    "not_clerk": "需求由乡镇和县里的工作人员汇总，您这里没有要处理的。",
}  # fmt: skip
