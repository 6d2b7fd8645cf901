"""What each errcode means for a letter: one table, read nowhere else.

Sources: 全局返回码, the sendTemplateMessage page and the errcodes of subscription messages (43107, 43108, 40038 and
45168 as Tencent Cloud lists them).
"""

from datetime import datetime, timedelta

from models.hours import midnight
from models.messages.outcomes import Action, Failed, Scope

UNTIL_TOMORROW = -1
Line = tuple[Action, Scope, int, str]

# errcode → (what to do, what is concerned, how long to hold off in seconds (0: as usual), why)
TABLE: dict[int, Line] = {
    -1: ("again", "letter", 0, "WeChat is busy"),
    40001: ("again", "account", 60, "token refused, after one renewal"),
    40014: ("again", "account", 60, "token refused, after one renewal"),
    42001: ("again", "account", 60, "token expired, after one renewal"),
    45011: ("again", "account", 60, "too many calls this minute"),
    45009: ("broken", "account", UNTIL_TOMORROW, "today's quota is used up"),
    40003: ("person", "letter", 0, "no such openid in this account"),
    43004: ("person", "letter", 0, "does not follow"),
    43019: ("person", "letter", 0, "on the account's blacklist"),
    43101: ("window", "letter", 0, "has not agreed to this message"),
    45015: ("window", "letter", 0, "the customer-service window is closed"),
    45047: ("window", "letter", 0, "the customer-service window is used up"),
    40038: ("unfit", "letter", 0, "this person has had as many by this template today as they may"),
    43108: ("again", "letter", 0, "two messages to the same person at once"),
    45168: ("unfit", "letter", 0, "a word that WeChat does not let through"),
    40036: ("broken", "template", 0, "template id malformed"),
    40037: ("broken", "template", 0, "no such template in this account"),
    41030: ("broken", "template", 0, "the page is not in the released mini-program"),
    43107: ("broken", "template", 0, "this template, or the account, may not send subscription messages"),
    47003: ("unfit", "template", 0, "a field does not fit the template"),
    45002: ("unfit", "template", 0, "the message is too long"),
    40013: ("broken", "account", 0, "app_id wrong"),
    40125: ("broken", "account", 0, "app_secret wrong"),
    40164: ("broken", "account", 0, "this server's address is not on the account's list"),
    41001: ("broken", "account", 0, "no token in the call"),
    48001: ("broken", "account", 0, "the account may not call this"),
    48004: ("broken", "account", 0, "the API is blocked for the account"),
    50002: ("broken", "account", 0, "the account is limited"),
    61004: ("broken", "account", 0, "this server's address is not on the list"),
    89503: ("broken", "account", 0, "this server's address awaits the administrator's consent"),
}
# The same where a token was asked for, with our own words for who else is asking and for one that WeChat refuses.
_WITHOUT_TOKEN: dict[str, Line] = {
    **{str(code): line for code, line in TABLE.items() if line[1] == "account"},
    **dict.fromkeys(("busy", "stuck", "-1"), ("again", "account", 60, "no token")),
}
_NO_TOKEN: Line = ("broken", "account", 0, "no token")


def failed(code: int, detail: str, now: datetime, said: str = "") -> Failed:
    """What to do about an errcode. Unknown ones of the 431xx family say that this message does not go this way, and
    nothing of what the person has agreed to: 43101 alone does; others are tried again. WeChat's own words with their
    rid are kept as they came."""
    known = TABLE.get(code)
    if known is None:
        action: Action = "unfit" if 43100 <= code < 43200 else "again"
        return Failed(action, str(code), _told("", detail), said=said)
    action, scope, pause, why = known
    return Failed(action, str(code), _told(why, detail), _seconds(pause, now), said, scope)


def without_token(code: str, detail: str, now: datetime, said: str = "") -> Failed:
    """What to do where no token was to be had, so that nothing was sent: ours to wait for, or the owner's to mend.

    `code` is WeChat's errcode, or our own word ("busy", "stuck"). Whatever it is, it holds for the whole account.
    """
    action, _, pause, why = _WITHOUT_TOKEN.get(code, _NO_TOKEN)
    return Failed(action, f"token {code}", _told(why, detail), _seconds(pause, now), said, "account")


def _told(why: str, detail: str) -> str:
    """Ours and WeChat's own words; PostgreSQL takes no NUL."""
    return (f"{why}: {detail}" if why else detail).replace("\0", "")


def _seconds(pause: int, now: datetime) -> int:
    """How long to hold off; until the next midnight in China, when WeChat's quotas begin anew, where it says so."""
    if pause != UNTIL_TOMORROW:
        return pause
    return int((midnight(now) + timedelta(days=1, seconds=30) - now).total_seconds())
