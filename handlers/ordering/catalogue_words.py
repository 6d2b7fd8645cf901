"""What we say about the catalogue: terms of a service, its review, its sheet, and what is wrong in a file."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from handlers.ordering.words import CATEGORY_NAMES
from handlers.room import Wording
from handlers.words import WEEKDAYS, as_sentence, on_card, plain, when
from models.hours import CHINA
from models.ordering.eligibility import Finding
from models.ordering.listings import CentreTerms, Terms

AUDIENCES = {"everyone": "不限", "elder": "老人", "child": "儿童", "hardship": "困难家庭"}
MODES = {"at_centre": "到中心", "at_home": "上门", "delivery": "送到家"}
CAPACITY_PER = {"day": "每天", "slot": "每个时段"}
QUOTA_PER = {"week": "每周", "month": "每月", "quarter": "每季度", "year": "每年"}
HARDSHIPS = {"low_income": "低保家庭", "extreme_poverty": "特困人员", "disabled": "残疾人"}
LEFT_BEHIND = {"elder": "留守老人", "child": "留守儿童"}
WORKDAY_HOURS = 9
COLUMNS = {
    "code": "编码", "centre": "中心", "providers": "承接组织", "title": "名称", "category": "类别", "summary": "说明",
    "audience": "对象", "mode": "方式", "questions": "要问的", "rules": "谁可以点", "minutes": "时长（分钟）",
    "capacity": "名额", "capacity_per": "名额按", "quota": "每户几次", "quota_per": "次数按",
    "lead_hours": "提前几个工作小时", "cutoff_days": "提前几个工作日", "cutoff_at": "截止几点", "valid_from": "从哪天",
    "valid_to": "到哪天", "bring": "请带", "price": "费用", "phone": "电话", "listing": "服务编码", "active": "开办",
    "weekdays": "周几", "opens": "几点开始", "closes": "几点结束",
}  # fmt: skip

REFUSALS: dict[str, str] = {
    "emergency": "这是急事，请马上打电话：{phone}。\n有生命危险先打120，着火打119，报警打110。这里不用点单。",
    "not_eligible": "抱歉，按规定这项服务不能给这位居民办。想问清楚，请打{phone}。",
    "ask_eligible": "这项服务可能不适合这位居民，请再看一遍条件，确认后再点。",
    "too_soon": "来不及准备了，请换一个晚一点的时间。",
    "closed_already": "这一天的点单已经截止，请换一天。",
    "out_of_season": "这一天不办这项服务，请换一天。",
    "not_then": "中心在这个时间不办这项服务，请换一个时间。",
    "full": "这一天的名额已经满了，请换一天。",
    "quota_used": "这项服务每户最多{limit}次，已经用完了。下一期可以再点。",
    "under_review": "这项服务有一版正在审核或等待发布，请先办完那一版。",
    "no_change": "内容和现在的一样，没有要改的。",
    "own_listing": "自己写的清单要由别人来审，请等其他审核人员处理。",
    "no_reviewer": "上级还没有能审核的人员，请先请管理员登记一位审核人。",
    "nothing_offered": "这个中心现在没有在办的服务，没有内容可以印。",
    "code_taken": "编码{listing}已经用过了，请换一个。",
    "bad_term": "“{term}”这一项填得不对，请检查后再提交。",
    "bad_rule": "“谁可以点”里有一条看不懂，请检查后再提交。",
    "bad_question": "有一个问题写得不完整，请检查后再提交。",
}


def who_may(rules: Sequence[Mapping[str, Any]], areas: Mapping[str, str]) -> str:
    """Who may order, in one phrase; `areas` names the areas by code."""
    return "，".join(for_whom(rule, areas) for rule in rules)


def for_whom(rule: Mapping[str, Any], areas: Mapping[str, str]) -> str:
    """Whom one rule means."""
    if rule["kind"] == "age":
        least, most = rule.get("least"), rule.get("most")
        if least and most:
            return f"{least}到{most}岁"
        return f"{least}岁及以上" if least else f"{most}岁及以下"
    if rule["kind"] == "village":
        return "、".join(areas.get(code, code) for code in rule["areas"]) + "居民"
    names = LEFT_BEHIND if rule["kind"] == "left_behind" else HARDSHIPS
    return "、".join(names[value] for value in rule["values"])


def order_by(terms: Terms) -> str:
    """Until when one orders."""
    if terms.cutoff_at is not None:
        hour = spoken_hour(terms.cutoff_at)
        if not terms.cutoff_days:
            return f"当天{hour}前"
        day = "前一个工作日" if terms.cutoff_days == 1 else f"提前{terms.cutoff_days}个工作日，"
        return f"{day}{hour}前"
    days, hours = divmod(terms.lead_hours, WORKDAY_HOURS)
    if days and not hours:
        return f"至少提前{days}个工作日"
    return f"至少提前{terms.lead_hours}小时（上班时间）" if terms.lead_hours else ""


def spoken_hour(at: time) -> str:
    """An hour as people say it: "下午4点", "上午8点半"."""
    half = {0: "", 30: "半"}.get(at.minute, f"{at.minute:02}分")
    part = "上午" if at.hour < 12 else "中午" if at.hour == 12 else "下午" if at.hour < 18 else "晚上"
    return f"{part}{at.hour if at.hour <= 12 else at.hour - 12}点{half}"


def given(here: CentreTerms | None) -> str:
    """When a centre gives a service: "周二、周五 上午9点到下午4点"."""
    return _days_and_hours(here.weekdays, here.opens, here.closes) if here else ""


def _days_and_hours(weekdays: str, opens: time | None, closes: time | None) -> str:
    days = "、".join(f"周{WEEKDAYS[int(day) - 1]}" for day in weekdays)
    hours = f"{spoken_hour(opens)}到{spoken_hour(closes)}" if opens and closes else ""
    return " ".join(part for part in (days, hours) if part)


def season(terms: Terms) -> str:
    """From which day to which a service is given."""
    first, last = terms.valid_from, terms.valid_to
    if first and last:
        return f"{first.month}月{first.day}日到{last.month}月{last.day}日"
    if last:
        return f"到{last.month}月{last.day}日为止"
    return f"从{first.month}月{first.day}日起" if first else ""


def facts_of(terms: Terms, here: CentreTerms | None, areas: Mapping[str, str]) -> list[tuple[str, str]]:
    """What one must know before ordering, each with its name; what is not said is left out."""
    every = [
        (
            "谁可以点",
            who_may(terms.rules, areas) or ("" if terms.audience == "everyone" else AUDIENCES[terms.audience]),
        ),
        ("什么时候", "，".join(part for part in (season(terms), given(here)) if part)),
        ("点单截止", order_by(terms)),
        ("请您带好", terms.bring),
        ("费用", terms.price),
        ("大约", f"{terms.minutes}分钟" if terms.minutes else ""),
        ("次数", f"每户{QUOTA_PER[terms.quota_per]}最多{terms.quota}次" if terms.quota else ""),
    ]
    return [(name, said) for name, said in every if said]


def about(terms: Terms, here: CentreTerms | None, areas: Mapping[str, str]) -> str:
    """A service in the conversation, before its first question."""
    head = f"{terms.title}：{terms.summary}" if terms.summary else terms.title
    return "\n".join([plain(head), *(f"{name}：{plain(said)}" for name, said in facts_of(terms, here, areas))])


def barred(service: str, found: Finding, areas: Mapping[str, str], phone: str) -> str:
    """A service that this person cannot have."""
    return f"抱歉，“{service}”只给{for_whom(found.rule, areas)}。想问清楚，请打中心电话{phone}，或看看别的服务。"


STILL = "还是要点"
OTHERS = "看看别的服务"


def warned(service: str, name: str, found: Sequence[Finding], areas: Mapping[str, str]) -> str:
    """A service that may not fit, or of which nobody has written down whether it does."""
    who = "，".join(for_whom(one.rule, areas) for one in found)
    if all(one.unknown for one in found):
        return f"“{service}”主要给{who}，我们还没有登记{name}的情况。还是要点吗？工作人员会再核实。"
    return f"提醒一下：“{service}”主要给{who}，{name}可能不太合适。还是要点吗？"


def time_refused(code: str, facts: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Why a time does not do, and what does."""
    if code == "too_soon":
        return f"来不及准备了，最早{when(datetime.fromisoformat(facts['earliest']), zone)}。请再选一个时间。"
    if code == "closed_already":
        return f"这一天的点单{when(datetime.fromisoformat(facts['closed']), zone)}已经截止，请换一天。"
    if code == "not_then":
        opens, closes = (time.fromisoformat(facts[name]) if facts[name] else None for name in ("opens", "closes"))
        return f"这项服务{_days_and_hours(facts['weekdays'], opens, closes)}办，请换一个时间。"
    return REFUSALS[code]


# Review

WAITING = "等您审核的清单，共{count}件："
NOT_YET_OUT = "没有等您审核的。您填写的清单："
NOTHING_WAITING = "现在没有等您审核的清单，辛苦了。"
ASK_RETURN = "请写明要改什么，会原样转给填写人。"
ASK_REJECT = "请写明为什么不通过，会原样转给填写人。"
DECIDED = {
    "approve": "已通过，填写人会收到通知。发布后居民就能看到。", "return": "已退回修改，填写人会收到通知。",
    "reject": "已退回不办，填写人会收到通知。",
}  # fmt: skip
PUBLISHED = "“{title}”已经发布，居民现在就能点。"
VERSION_STATES = {
    "draft": "草稿", "submitted": "审核中", "returned": "退回修改", "approved": "已通过，待发布", "rejected": "未通过",
    "in_force": "已发布", "replaced": "已被新的一版代替", "dropped": "已撤回",
}  # fmt: skip


def version_whole(
    centre: str, terms: Terms, state: str, differs: Iterable[str], providers: Sequence[str], areas: Mapping[str, str]
) -> str:
    """One version as a reviewer reads it: all of it, and what is new in it."""
    lines = [f"{centre} · {CATEGORY_NAMES[terms.category]} · {MODES[terms.mode]} · {VERSION_STATES[state]}"]
    lines += [about(terms, None, areas), f"承接：{'、'.join(providers) or '未写'}"]
    lines += [f"要问：{plain(question['description'])}" for question in terms.questions]
    lines += [f"名额：{CAPACITY_PER[terms.capacity_per]}{terms.capacity}"] if terms.capacity is not None else []
    changed = [COLUMNS[name] for name in differs]
    return "\n".join([*lines, *([f"这一版写的或改的：{'、'.join(changed)}"] if changed else [])])


_DECISIONS = {
    "approved": ("审核通过", "您填写的“{listing}”（{centre}）审核通过了，请发布：回复“清单审核”查看。"),
    "returned": ("退回修改", "您填写的“{listing}”（{centre}）要改一改：{reason}改好后请再提交。"),
    "rejected": ("未通过", "您填写的“{listing}”（{centre}）没有通过：{reason}"),
}
TEMPLATES = {
    **{f"catalogue.{word}": "order_update" for word in _DECISIONS}, "catalogue.review_due": "task_assigned",
}  # fmt: skip


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a listing under review."""
    word, at = kind.partition(".")[2], datetime.fromisoformat(facts["at"])
    stamp = on_card(at, zone)
    if word == "review_due":
        fields = {"task": "请审核服务清单", "who": facts["listing"], "time": stamp, "contact": facts["phone"]}
        text = f"“{facts['listing']}”（{facts['centre']}）还在等审核，请在{when(at, zone)}前办好，回复“清单审核”查看。"
        return Wording(TEMPLATES[kind], fields, text)
    state, text = _DECISIONS[word]
    fields = {"service": facts["listing"], "number": facts["code"], "state": state, "time": stamp}
    return Wording(TEMPLATES[kind], fields, text.format(**{**facts, "reason": as_sentence(facts["reason"])}))


# The sheet and the article

ENDED = "“{title}”现在不办了。"
SEE_LIST = "看现在的清单"


def sheet_news(printed: datetime, changed: Sequence[str], ended: Sequence[str], added: Sequence[str]) -> str:
    """What an old sheet no longer says rightly."""
    day = printed.astimezone(CHINA)
    lines = [f"您扫的这张清单是{day.year}年{day.month}月{day.day}日印的，之后有变化："]
    lines += [f"改了：{'、'.join(changed)}"] if changed else []
    lines += [f"不办了：{'、'.join(ended)}"] if ended else []
    lines += [f"新增：{'、'.join(added)}"] if added else []
    return "\n".join(lines)


SHEET_HEADING = "服务清单"
SHEET_LEAD = (
    "想要哪一项，用微信扫它旁边的码。家里人也可以替您扫。",
    "不会扫码不要紧：打电话或者到中心来，工作人员帮您点。",
)
SCAN, RING, EMERGENCY_RING = "微信扫码点单", "打电话点单", "马上打"
ON_PAPER = ("谁可以点", "什么时候", "点单截止", "请您带好", "费用")  # what one must know before a board
ARTICLE_END = "怎么点：在本公众号点菜单“遇到困难”里的“点单服务”，或直接回复“点单”。"


def sheet_foot(edition: int, day: datetime) -> str:
    """The foot of a sheet: by its number and day an old one is known."""
    local = day.astimezone(CHINA)
    return f"第{edition}版　{local.year}年{local.month}月{local.day}日印。旧清单扫码会告诉您改了什么。"


def address(centre: str, street: str) -> str:
    """Where a centre is."""
    return f"{centre}（{street}）" if street else centre


def article(centre: str, phone: str, services: Sequence[tuple[str, str, str, Sequence[tuple[str, str]]]],
            edition: int, day: datetime) -> str:  # fmt: skip
    """The list as an article of the account, plain text: each service as (category, title, summary, facts)."""
    local = day.astimezone(CHINA)
    lines, kind = [f"{centre}服务清单", f"（第{edition}期，{local.year}年{local.month}月{local.day}日）"], ""
    for category, title, summary, facts in services:
        lines += ["", f"【{CATEGORY_NAMES[category]}】"] if category != kind else []
        kind = category
        lines += [f"■ {title}" + (f"：{summary}" if summary else "")]
        lines += [f"　{name}：{said}" for name, said in facts]
    return "\n".join([*lines, "", ARTICLE_END, *([f"不方便用手机，请打电话{phone}，或到中心来。"] if phone else [])])


CHANGED_SINCE = "这项服务后来在工作台改过，请照现在的样子填写整行"


def file_fault(code: str, facts: Mapping[str, Any]) -> str:
    """What is wrong with a row of a file, for the clerk who wrote it, after the name of the column."""
    if code == "bad_term":
        return f"“{COLUMNS[str(facts['term'])]}”填得不对，请对照说明改"
    if code == "bad_rule":
        return f"“{facts.get('rule', '')}”这一条看不懂，请对照说明改"
    if code == "bad_question":
        return f"“{facts.get('question', '')}”这个问题写得不完整，请对照说明改"
    known = {"not_yours": "您不能为这个中心写清单", "under_review": "这项服务有一版正在审核，请先办完"}
    return known.get(code) or REFUSALS.get(code, "现在不能导入").format_map({"listing": "", **facts})
