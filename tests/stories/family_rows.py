"""The addresses of family calls in the tenancy matrix of the conversation, and what they are filled with."""

from datetime import time, timedelta

from sqlalchemy import select

from models.family.booking import book
from models.family.changing import propose
from models.family.makeup import Makeup
from models.family.occurrences import Occurrence
from models.family.outcomes import report
from models.family.pairing import pair
from tests.models.family.serial import begun
from tests.world import NOW

SERIES, TRUST, TURN = "call/series/<int:series>", "trust/<int:link>", "call/turn/<int:series>/<int:since>"
MADRID = "xiaofang"

FAMILY = {
    "call/desk/<int:call>": "li", "call/<int:call>/off": "li", "call/<int:call>/ask": "li",
    "call/<int:call>/ask/<day>": "li", "call/<int:call>/ask/at/<int:stamp>": "li",
    "call/<int:call>/ask/at/<int:stamp>/<int:otherwise>": "li", "call/<int:call>/well": "li",
    "call/<int:call>/was/<int:what>": "li", "call/<int:call>/join": MADRID, "call/<int:call>/screen": "li",
    "call/asked/<int:proposal>": MADRID, "makeup/<int:makeup_id>": MADRID, "call/for/<int:person>/time": MADRID,
    "call/series/of/<int:call>": MADRID, "call/series/see/<int:call>/<plan>": MADRID,
    "call/series/birthday/<int:call>": MADRID, "call/series/birthday/<int:call>/day": MADRID,
    SERIES: MADRID, f"{SERIES}/dates": MADRID, f"{SERIES}/time/<int:since>": MADRID, f"{SERIES}/holidays": MADRID,
    TURN: MADRID, f"{TURN}/<how>": MADRID, f"{TURN}/<how>/lunar": MADRID, f"{TURN}/<how>/said": MADRID,
    f"{SERIES}/end": MADRID, "call/series/one/<int:date>": MADRID,
    "company/<int:person>": "li", "pair/desk/<int:pair_id>": "li", "pair/for/<int:person>": "li",
    "pair/for/<int:person>/<int:helper>": "li", "pair/for/<int:person>/name": "li", "news/for/<int:person>": "li",
    "routine/<int:person>": MADRID, "routine/<int:person>/<int:kind>": "li", "trust/of/<int:person>": "li",
    f"{TRUST}/until": "li", "callday/new/<int:centre>": "li", "callday/new/<int:centre>/<day>": "li",
    "callday/new/<int:centre>/<day>/<int:half>": "li",
    # From here on something changes.
    f"{TURN}/<how>/yes": MADRID,
    f"{SERIES}/at/<int:since>/<clock>": MADRID, f"{SERIES}/holidays/<kept>": MADRID, f"{SERIES}/longer": MADRID,
    f"{SERIES}/rest": MADRID, f"{SERIES}/go": MADRID, "call/series/one/<int:date>/skip": MADRID,
    "call/series/one/<int:date>/skip/<int:reason>": MADRID,
    "call/series/one/<int:date>/again": MADRID, f"{SERIES}/end/yes": MADRID, f"{SERIES}/back": MADRID,
    "call/series/make/<int:call>/<plan>": MADRID,
    "makeup/<int:makeup_id>/at/<int:stamp>": MADRID, "makeup/<int:makeup_id>/no": MADRID,
    "call/asked/<int:proposal>/no": MADRID, "call/asked/<int:proposal>/yes": MADRID,
    "call/<int:call>/ask/at/<int:stamp>/<int:otherwise>/<int:reason>": "li", "call/<int:call>/told/<int:means>": "li",
    "call/<int:call>/to/<int:stamp>/<int:yes>": "li", "call/<int:call>/here": "li", "call/<int:call>/out": "li",
    "staff/resident/<int:person>/homebound/<answer>": "li",
    "call/<int:call>/off/<int:reason>": "li", "call/<int:call>/off/why": "li",
    "call/<int:call>/off/instead": "li", "call/<int:call>/was/<int:what>/yes": "li", "call/<int:call>/well/ok": "li",
    "call/<int:call>/well/note": "li", "call/<int:call>/well/in/<int:days>": "li", "call/<int:call>/undo": MADRID,
    "pair/<int:pair_id>/did/<int:means>": "li", "pair/for/<int:person>/<int:helper>/<int:days>": "li",
    "pair/<int:pair_id>/part": "li", "routine/<int:person>/<int:kind>/set": "li",
    f"{TRUST}/until/<int:months>": "li", f"{TRUST}/guardian/<int:yes>": "li", f"{TRUST}/yes/<int:means>": "li",
    f"{TRUST}/no": "li", "child/<int:person>/yes": MADRID, "child/<int:person>/no": MADRID,
    "callday/make/<int:centre>/<int:stamp>/<key>": "li",
    # Of things that this county has none of; whose they are is tested where they are.
    "callday/<int:day>": "li", "callday/<int:day>/off": "li", "callday/<int:day>/off/<int:reason>": "li",
    "callday/<int:day>/seats/<int:seats>": "li", "callday/seat/<int:call>": "li",
    "callday/seat/<int:call>/reserve": "li", "callday/seat/<int:call>/to": "li",
    "callday/seat/<int:call>/to/<int:day>/<int:stamp>": "li",
    "callday/seat/<int:call>/to/<int:day>/<int:stamp>/<int:yes>": "li", "news/<int:news_id>": MADRID,
    "call/helper/<int:task>": "li", "loan/desk/<int:loan>": "li", "loan/<int:loan>/refuse": "li",
    "loan/<int:loan>/refuse/<int:reason>": "li", "loan/<int:loan>/refuse/text": "li", "loan/<int:loan>/approve": "li",
    "loan/<int:loan>/hand-over": "li", "loan/<int:loan>/return": "li", "loan/<int:loan>/cancel": "li",
}  # fmt: skip
THERE_IS_NONE = (
    "callday/<int:day>", "callday/seat/", "news/<int:news_id>", "call/helper/", "loan/", "call/<int:call>/leave",
    "call/<int:call>/guests/<int:person>/off", "child/<int:person>/",
)  # fmt: skip


def family_things(session, cast, call):
    """A question for another time, a missed call with its makeup, a pair, a series: all of 小芳 and 王奶奶."""
    li, daughter = cast.who(cast.li), cast.who(cast.xiaofang)
    asked = propose(session, li, call.id, call.starts_at + timedelta(days=1), "设备坏了", "keep", NOW)
    missed = book(session, daughter, cared_id=cast.wangnainai.id, starts_at=NOW + timedelta(days=1, hours=5),
                  client_key="missed", now=NOW)  # fmt: skip
    report(session, li, missed.id, "relative_no_show", missed.ends_at, missed.ends_at)
    makeup = session.scalars(select(Makeup)).one()
    paired = pair(session, li, cast.li.id, cast.wangnainai.id, 7, NOW)
    series = begun(session, cast, "week-1-3", at=time(9, 30))
    return {
        "proposal": asked.id, "makeup_id": makeup.id, "pair_id": paired.id, "series": series.id,
        "date": session.scalars(select(Occurrence.id).where(Occurrence.series_id == series.id).limit(1)).one(),
        "centre": cast.centre.id, "helper": cast.li.id, "plan": "week-1-7", "how": "by_hand.voice", "clock": "1000",
        "kept": "skip", "answer": "no", "loan": 1,
    }  # fmt: skip
