"""What we say about family calls."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Said, Wording
from handlers.words import WEEKDAYS, as_sentence, city, kept, on_card, plain, when, when_two
from models.hours import CHINA

FOR_WHOM = "想和哪位家人视频？"
NO_FAMILY = "您还没有关联家人，关联后就能约视频。"
# Short: with three times for both ends and a week of days, this fills a page.
PICK_DAY = "想在哪一天和{cared}视频？"
BEST_FIRST = "前{count}个双方都方便。"
OR_TYPE = "也可以回复您那边的时间，如11月29日9点。\n"
TIME_UNCLEAR = "没看懂这个时间，请写上日期和几点，按您那边的钟，例如：11月29日9点。"
NO_SUCH_HOUR = "那一天改夏令时，{city}的钟会跳过{clock}这一刻。最近的空位有："
HOUR_TWICE = "那一天夏令时结束，{city}的钟会走两次{clock}，请看清后面的UTC再选："
AT_HOME = "（上门）"
HOME = "{cared}家里（工作人员带设备上门）"
THIS_TIME = {"at_centre": "这次到中心视频", "at_home": "这次上门视频"}
ASK_WHY_AT_HOME = "这次为什么上门？请选或写一句。"
WHY_AT_HOME = ("老人这几天身体不舒服", "路不好走，来不了", "家里没人送")
NOT_THERE = {
    "at_centre": "这个时间中心没有空的设备或人手，原来的安排还在。可以换个时间再试。",
    "at_home": "这个时间排不出上门的人和设备，或路上来不及，原来的安排还在。可以换个时间再试。",
}  # fmt: skip
PLACED = "好的，这次在{place}，时间不变，相关的人会收到通知。"
NEAR_IT = "离这个时间最近的空位有："
PICK_SLOT = "请选一个时间（前面是国内时间）："
NO_SLOTS = "这一天没有空位了，请换一天。"
CHECK = (
    "请核对：与{cared}视频\n{time}\n地点：{centre}\n"
    "到时工作人员会陪着老人，回复“进入视频”就能进来。\n这个时间为您保留{minutes}分钟。"
)
BOOKED = "约好了！\n与{cared}视频：{time}\n到时会提前提醒您。"
MOVED = "改好了！\n与{cared}视频：{time}\n旧的提醒已取消，会按新时间提醒您。"
CANCELLED = "这次视频已经取消，相关的人会收到通知。"
ASK_REASON = "为什么取消？"
REASONS = ("临时有事", "老人不方便", "时间不合适")
OF_A_CADRE = ("家人来电话取消", "老人自己说不来")  # what a cadre was told
OF_THE_CENTRE = ("设备坏了", "停电或断网", "工作人员有急事", "天气不好，路不通")
OF_A_CLOSURE = ("台风", "节假日调休", "停电停水", "房屋检修", "集中培训")
_BY_RULE = {"unlinked": "家人关联已解除", "consent_withdrawn": "家里暂时不参加视频",
            "series_off": "定期连线有变", "holiday": "法定节假日",
            "guardian_withdrew": "孩子的监护人现在不同意"}  # fmt: skip
UNSAID = "未说明"
ASK_GUESTS = "想请哪位家人一起视频？对方会收到通知，时间会替对方留好。"
NO_WECHAT = "（收不到微信，会打电话告诉）"
NO_GUESTS = "没有别的家人可以请了。要请的人先用亲情码关联老人。"
INVITED = "好的，已经请{guest}一起视频。"
TAKEN_OFF = "好的，{guest}不参加这次视频了，其他人照常。"
LEFT = "好的，您不参加这次视频了，其他人照常。"
NO_CALLS = "您没有约好的视频。"
CALLS = "约好的视频："
GONE = "这个时间刚刚被约走了。最近的空位有："
GONE_ALL = "这个时间刚刚被约走了，近几天也没有空位，请换一天。"

# What a time falls into: whose it is, and what; said behind the time, so that people choose with open eyes.
CLASHES: dict[tuple[str, str], str] = {
    ("relative", "sleep"): "夜里", ("relative", "work"): "上班", ("cared", "sleep"): "家里已休息",
    ("cared", "nap"): "家里午休", ("cared", "meal"): "家里吃饭", ("cared", "market"): "家里赶集",
    ("cared", "school"): "孩子上课", ("cared", "work"): "家里干活", ("guest", "sleep"): "有家人夜里",
    ("guest", "work"): "有家人上班",
}  # fmt: skip

# How a call is held, why a way cannot be, and what to do then.
WAYS = {
    "room": "在网页里视频", "mini_voip": "小程序多人通话", "mini_1v1": "小程序一对一通话",
    "device_voip": "中心的设备呼叫您的手机", "link": "打开链接视频", "by_hand": "工作人员用微信呼叫您",
}  # fmt: skip
WHY_NOT = {
    "seats": "网页里最多四个画面，请先让一位家人退出。",
    "mini_program": "有家人还没打开过小程序，请先打开一次。",
    "helper": "陪老人的工作人员还没打开过小程序，请换一种方式，或打中心电话请他们打开一次。",
    "alone": "这种方式只能两个人，请先让其他家人退出。",
    "minutes": "这个月的通话分钟不够了，改成语音会省很多。", "device": "这个座位上没有能呼叫的设备。",
    "authorised": "您还没有允许设备来电。请打开小程序，进这次视频，点“允许来电”。",
    "wechat": "现在用微信联系不上您，请先关注公众号。",
}  # fmt: skip
MEDIA = {"video": "视频", "voice": "语音"}
VOICE_FIRST = "这个月的视频分钟快用完了，建议改成语音。"
HELD = "到时{way}（{media}）。想换一种，请选："
INSTEAD_MEDIA = {"voice": "改成语音（不开画面）", "video": "改成视频"}
CHOSEN = "改好了，到时{way}（{media}）。"
SAID_GRANT = {
    "granted": "好的，到时设备会呼叫您的手机。",
    "refused": "没有允许来电，到时设备呼叫不了您。要改的话，请点右上角“…”，在“设置”里打开。",
    "gone": "允许过的来电失效了，请再点一次“允许来电”。",
}  # fmt: skip
ENDED = "记下了。"

# The family's yes to another time, as a cadre writes it down.
WITH_WHOM_HEAD = "和谁说好的？"
WITH_WHOM = WITH_WHOM_HEAD + "改到{time}："
AGREED_BY = {"phone": "打电话", "wechat": "发微信", "visit": "当面"}
AGREED = "和{name}{means}说好"
TO_TIME, AT_TIME = "改到{time}", "当时{time}"

REFUSALS: dict[str, str] = {
    "agreement_missing": "请先和家人说好，再写明是和谁、怎么说好的（电话、微信或当面）。",
    "guardian_missing": "{cared}还不满14岁，要监护人先同意才能约视频。请监护人联系村里的工作人员登记。",
    "no_guardian": "这位家人还没有登记为孩子的监护人，请先核对证件再登记。",
    "bad_place": "视频的地点没有选对，请重新选。",
    "not_homebound": "{cared}没有登记行动不便，请到中心视频。需要上门的话，请联系村里的工作人员。",
    "no_way": "这里没有开通这种视频方式，请换一种。",
    "way_not_possible": "这种方式现在还用不了，请看看原因，或换一种。",
    "call_not_open": "还没到时间。开始前15分钟可以进入，请到时再来。",
    "call_over": "这次视频已经结束或取消了。想再见面，请重新约一个时间。",
    "with_cadre": "这次视频由工作人员帮您接通，到时请听工作人员安排。",
    "no_minutes": "这个月的通话分钟用完了，请改用别的方式，或请工作人员打微信视频。",
    "no_device": "这次视频的座位上没有可以呼叫的设备，请换一种方式。",
    "guest_busy": "{name}这个时间已经有别的视频了，可以换个时间再请。",
    "call_full": "一次视频最多请{most}位家人，已经满了。",
    "slot_taken": "这个时间刚刚被约走了，请换一个时间。",
    "no_centre": "还没有登记这位家人所在的村，请联系工作人员。",
    "consent_withdrawn": "{cared}现在不参加视频连线了。想重新开始，请联系村里的工作人员。",
    "not_together": "{relative}和{cared}现在不能视频：家人关联已解除，或有一位暂时不方便。请先和家里联系。",
    "no_station": "{centre}还没有视频设备，请打电话{phone}问问工作人员。",
}

STATE_NAMES = {
    "booked": "已约好", "checked_in": "老人已到场", "in_call": "正在视频", "completed": "已结束", "cancelled": "已取消",
    "relative_no_show": "家人没有接到", "resident_no_show": "老人没有到场", "technical_failure": "设备故障没有接通",
    "neither_came": "双方都没有到", "unreported": "还没登记结果",
}  # fmt: skip


def whole(cared: str, relative: str, guests: Sequence[str], centre: str, time: str, state: str, reason: str) -> str:
    """One call, who is on it, and what became of it; here a reason stands as it was typed."""
    lines = [f"{cared}与{relative}视频（{STATE_NAMES[state]}）", time, f"地点：{centre}"]
    lines += [f"一起的家人：{'、'.join(guests)}"] if guests else []
    return "\n".join([*lines, *([f"原因：{plain(_BY_RULE.get(reason, reason))}"] if reason else [])])


# What who is called reads of a call of their own.
YOU = "您"
OWN_HELP = "到时工作人员会陪着您，帮您接通。"
OWN_PHONE = "用自己的手机也行：开始前15分钟起，回复“进入视频”。"
OWN_ABSENT = "来不了，请打电话{phone}告诉工作人员。"


def own(relatives: Sequence[str], place: str, time: str, state: str, reason: str, *, coming: Sequence[str]) -> str:
    """One call as who is called reads it: with whom, when, where, and what comes (`coming`) as long as it is to be."""
    lines = [f"和{'、'.join(relatives)}视频（{STATE_NAMES[state]}）", time, f"地点：{place}"]
    return "\n".join([*lines, *([f"原因：{listed(reason)}"] if reason else []), *coming])


def place(facts: dict[str, Any]) -> str:
    """Where a letter says that a call is held."""
    return where(str(facts["centre"]), str(facts["cared"]), at_home=facts.get("at_home", False))


def where(centre: str, cared: str, *, at_home: bool) -> str:
    """Where a call is held: at the centre, or at home, where the helper takes the screen."""
    return HOME.format(cared=cared) if at_home else centre


def listed(reason: str) -> str:
    """A reason as a letter may say it: what somebody typed stays in the conversation, a lock screen shows letters."""
    of_the_list = (*REASONS, *OF_A_CADRE, *OF_THE_CENTRE, *OF_A_CLOSURE)
    return _BY_RULE.get(reason) or (reason if reason in of_the_list else UNSAID)


def best_first(count: int) -> str:
    """What the first choices are; nothing where there are none."""
    return BEST_FIRST.format(count=count) if count else ""


def by_ones_clock(clock: time, zone: ZoneInfo, times: int) -> str:
    """What comes of an hour by the reader's own clock, which shows it once, twice or not at all on that day."""
    sentence = {0: NO_SUCH_HOUR, 1: NEAR_IT}.get(times, HOUR_TWICE)
    return sentence.format(city=city(zone), clock=f"{clock:%H:%M}")


def offered(moment: datetime, relative_zone: str, clashes: Sequence[tuple[str, str]]) -> str:
    """A time to choose, for both ends, and what it would fall into."""
    said = next((CLASHES[one] for one in CLASHES if one in clashes), "")
    return both(moment, relative_zone) + (f"（{said}）" if said else "")


def both(moment: datetime, relative_zone: str) -> str:
    """A time for both ends."""
    return when_two(moment, CHINA, ZoneInfo(relative_zone))


# Nobody knows on which day, or how late, a letter is read: the time itself stands in it, and what to do.
_SOON = ((15, "请准备好视频，"), (90, "视频时间快到了，"))  # by how many minutes before it is meant to be read
_TEXTS = {
    "booked": "{relative}约了与{cared}视频：{time}，地点{centre}。",
    "booked_for": "工作人员帮您约了与{cared}视频：{time}，地点{centre}。不合适的话，请回复“我的连线”改时间。",
    "seated": "{centre}集中连线，为您安排了与{cared}视频：{time}。时间不合适的话，请回复“我的连线”改时间。",
    "changed": "与{other}的视频改到：{time}，地点{centre}。",
    "cancelled": "与{other}的视频（{time}）取消了，原因：{reason}。",
    "invited": "{by}请您一起与{cared}视频：{time}，地点{centre}。不方便的话，请回复“我的连线”退出。",
    "left": "{guest}不参加与{cared}的视频（{time}）了，其他人照常。",
    "uninvited": "与{cared}的视频（{time}）您不用参加了。",
    "restored": "与{other}的视频（{time}）照常进行，刚才的取消撤回了。",
    "arrived": "{cared}已经到了{centre}，可以视频了（约的是{time}）。请回复“进入视频”。",
    "ready_at_home": "{cared}那边准备好了，可以视频了（约的是{time}）。请回复“进入视频”。",
    "on_the_way": "{helper}已经出发去{cared}家，大约{arrives}到。视频时间：{time}。",
    "on_time_again": "{helper}赶上来了，{cared}家的视频照约好的时间：{time}。",
    "running_late": "{helper}要晚一点，大约{arrives}到{cared}家，请多等一会儿。视频约的是{time}。",
}
A_LITTLE = timedelta(minutes=5)  # nobody calls that late
_INSTEAD = "别的办法：{instead}"
TEMPLATES = {
    "family.booked": "call_booked", "family.changed": "call_changed", "family.cancelled": "call_cancelled",
    "family.reminder": "call_reminder", "family.invited": "call_booked", "family.left": "call_changed",
    "family.uninvited": "call_cancelled", "family.restored": "call_booked", "family.arrived": "call_reminder",
    "family.seated": "call_booked", "family.booked_for": "call_booked", "family.on_the_way": "call_reminder",
    "family.running_late": "call_changed",
}  # fmt: skip


def _subject(facts: dict[str, Any], start: datetime, zone: ZoneInfo, *, helper: bool) -> tuple[str, ...]:
    """What a card is about, the fullest first: its time field can hold neither a weekday nor a second clock."""
    weekday, there, clock = _beside_the_time(start, zone)
    many = f"等{len(facts.get('guests', ())) + 1}人" if facts.get("guests") else ""
    with_ = facts["relative"] if facts["role"] == "cared" else facts["cared"]
    whom = f"{facts['cared']}·{facts['relative']}{many}" if helper else f"与{with_}视频"
    if not there:
        return (f"{weekday}{whom}", whom)
    return (f"{weekday}{whom}（{there}）", f"{whom}（{there}）", f"{whom}（{clock}）", whom)


@kept
def _beside_the_time(start: datetime, zone: ZoneInfo) -> tuple[str, str, str]:
    """The reader's weekday; and where the clocks differ, weekday and clock in China, and the clock alone."""
    local, home = start.astimezone(zone), start.astimezone(CHINA)
    weekday = f"周{WEEKDAYS[local.weekday()]}"
    if home.utcoffset() == local.utcoffset():
        return weekday, "", ""
    clock = f"{home:%H:%M}"
    return weekday, f"国内周{WEEKDAYS[home.weekday()]}{clock}", f"国内{clock}"


def _at_the_door(facts: dict[str, Any], arrives: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """What a card about a helper on the road is about: when they are at the door."""
    home = arrives.astimezone(CHINA)
    clock = f"{home:%H:%M}" if home.utcoffset() == arrives.astimezone(zone).utcoffset() else f"国内{home:%H:%M}"
    return (f"上门大约{clock}到{facts['cared']}家", f"上门大约{clock}到")


def letter(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
    """A letter about a call: who and when and where, the centre's phone, nothing else."""
    word = kind.partition(".")[2]
    start = datetime.fromisoformat(facts["starts_at"])
    helper, home = facts["role"] == "helper", facts["role"] == "cared"
    relatives = "、".join([facts["relative"], *facts.get("guests", ())])
    other = f"{facts['cared']}和{relatives}" if helper else relatives if home else facts["cared"]
    where_ = place({**facts, "cared": YOU} if home else facts)
    # A relative reads it where they live now, which may not be where they lived when it was written.
    time = both(start, facts["relative_zone"] if helper else zone.key)
    reason = "您不用参加了" if word == "uninvited" else listed(facts.get("reason", ""))
    fields: dict[str, Said] = {
        "subject": _subject(facts, start, zone, helper=helper), "time": on_card(start, zone),
        "place": where_, "contact": facts["phone"], "reason": reason,
    }  # fmt: skip
    if word == "reminder":
        ahead = facts.get("ahead", 0)
        soon = "" if helper else next((said for most, said in _SOON if 0 < ahead <= most), "")
        what = f"为{other}准备视频" if helper else f"与{other}视频"
        how = "" if helper else "到时工作人员会帮您接通。" if home else "到时回复“进入视频”就能进来。"
        text = f"提醒：{soon}{time}{what}，地点{where_}。{how}"
    else:
        words = {**facts, "reason": reason, "other": other, "time": time, "centre": where_}
        if home:
            words["cared"] = "您" if word == "booked" else relatives
        if "arrives_at" in facts:
            arrives = datetime.fromisoformat(facts["arrives_at"])
            words["arrives"] = when(arrives, zone)
            fields |= {"subject": _at_the_door(facts, arrives, zone)}
            fields |= {"time": on_card(arrives, zone)}
            word = "on_time_again" if word == "running_late" and arrives - start < A_LITTLE else word
        text = _TEXTS["ready_at_home" if word == "arrived" and facts.get("at_home") else word].format(**words)
        text += _INSTEAD.format(instead=as_sentence(plain(facts["alternative"]))) if facts.get("alternative") else ""
    return Wording(TEMPLATES[kind], fields, f"{text}有问题请打电话{facts['phone']}。")
