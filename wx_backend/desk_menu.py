"""The menu of the staff desk: its lines in groups, and the room that each leads to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    """One line of the menu; `room` begins the endpoints at which it is marked."""

    name: str
    endpoint: str
    room: str | tuple[str, ...]
    admins: bool = False  # an administrator's alone


@dataclass(frozen=True)
class Group:
    """Lines of the menu that stand together."""

    name: str
    leaves: tuple[Leaf, ...]


DAILY = Group("工作", (
    Leaf("今天", "console.home.today", "console.home."),
    Leaf("任务", "console.tasks.listed", "console.tasks."),
    Leaf("亲情连线", "console.calls.listed", ("console.calls.", "console.moving.")),
    Leaf("定期连线", "console.series.listed", "console.series."),
    Leaf("集中连线", "console.days.listed", ("console.days.", "console.seats.")),
    Leaf("陪伴", "console.quiet.listed", "console.quiet."),
    Leaf("结对", "console.pairs.listed", "console.pairs."),
    Leaf("需求", "console.needs.listed", "console.needs."),
    Leaf("求助", "console.help.listed", "console.help."),
    Leaf("保密事项", "console.confided.listed", "console.confided.", admins=True),
    Leaf("派单", "console.dispatch.listed", "console.dispatch."),
    Leaf("排队", "console.waiting.listed", "console.waiting."),
    Leaf("借用", "console.loans.listed", "console.loans."),
    Leaf("今天的上门", "console.sheet.listed", "console.sheet."),
    Leaf("今天的视频", "console.screens.listed", "console.screens."),
    Leaf("订单", "console.orders.listed", "console.orders."),
    Leaf("审核", "console.review.listed", "console.review."),
    Leaf("通知", "console.letters.listed", "console.letters."),
))  # fmt: skip
LOOKS_BACK = Group("清单和报表", (
    Leaf("需求清单", "console.demands.listed", "console.demands."),
    Leaf("缺口", "console.gaps.listed", "console.gaps."),
    Leaf("报表", "console.report.listed", "console.report."),
))  # fmt: skip
KNOWN = Group("人和地方", (
    Leaf("居民", "console.residents.listed", "console.residents."),
    Leaf("中心", "console.centres.listed", ("console.centres.", "console.outages.")),
))  # fmt: skip
OFFICE = Group("系统", (
    Leaf("提醒规则", "console.rules.listed", "console.rules.", admins=True),
    Leaf("操作日志", "console.audit.listed", "console.audit.", admins=True),
    Leaf("改密码", "console.sign.password", "console.sign."),
))  # fmt: skip


def menu_of(*, is_admin: bool) -> tuple[Group, ...]:
    """The menu as an administrator, or anybody else, sees it."""
    return tuple(
        Group(group.name, tuple(leaf for leaf in group.leaves if is_admin or not leaf.admins))
        for group in (DAILY, LOOKS_BACK, KNOWN, OFFICE)
    )
