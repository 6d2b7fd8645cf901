"""What the desk says when it has dispatched an order or reviewed a service."""

DONE_WORDS = {
    "dispatched": "已经派出，对方会收到通知。",
    "recalled": "已经撤回，这张单子由您来安排。",
    "pooled": "已经重新征集，合适的组织会收到通知。",
    "called_off": "已经取消，相关的人会收到原因和别的办法。",
    "unmet": "已经记为没有组织能做，点单的人会收到通知。",
    "paused": "已经暂停计时，等本人答复。",
    "resumed": "继续计时。",
    "named": "人已经定好，本人和家属会收到通知。",
    "approved": "已经通过，写的人会收到通知。",
    "returned": "已经退回修改，写的人会收到原因。",
    "rejected": "没有通过，写的人会收到原因。",
}
NONE_WAITING = "现在没有等待接单的订单。"
NO_VISITS = "这一天没有排好的上门。"
NOTHING_TO_REVIEW = "现在没有要您审核的服务清单。"
NO_FIGURES = "这个月没有订单。"
CHANGED_VERSION = "这一版刚刚有了变化：{what}。请看过最新情况再办。"
VERSION_VERBS = {
    "begin": "写好", "revise": "修改", "submit": "提交审核", "approve": "审核通过", "return": "退回修改",
    "reject": "不通过", "publish": "发布", "correct": "更正", "replace": "被新的一版替换", "drop": "放弃",
}  # fmt: skip
