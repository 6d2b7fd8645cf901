"""The templates that our letters use, what each can say, and an example of it: what `templates check` shows."""

from collections.abc import Mapping

# Business key → business field → what a letter may say there. An account's template may leave fields out.
BUSINESS: Mapping[str, Mapping[str, str]] = {
    "call_booked": {
        "subject": "与王奶奶视频", "time": "2026-11-29 16:00", "place": "葛山村党群服务中心", "contact": "0578-5550101",
    },
    "call_reminder": {
        "subject": "与王奶奶视频", "time": "2026-11-29 16:00", "place": "葛山村党群服务中心", "contact": "0578-5550101",
    },
    "call_changed": {
        "subject": "与王奶奶视频", "time": "2026-11-29 17:00", "place": "葛山村党群服务中心", "contact": "0578-5550101",
    },
    "call_cancelled": {
        "subject": "与王奶奶视频", "time": "2026-11-29 16:00", "reason": "时间不合适", "contact": "0578-5550101",
    },
    "order_update": {
        "service": "上门理发·王秀英", "number": "63464576", "state": "已接单", "time": "2026-11-25 12:00",
    },
    "task_assigned": {
        "task": "打电话告知", "who": "王秀英", "time": "2026-11-25 17:00", "contact": "0578-5550101",
    },
    "link_update": {"subject": "家人关联", "state": "已通过", "time": "2026-11-24 10:00"},
    "matter_update": {"subject": "需求答复", "state": "已列入清单", "time": "2026-11-24 10:00"},
}  # fmt: skip
