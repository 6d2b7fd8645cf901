"""The channels of WeChat and the order in which a letter tries them: data, read by whoever sends."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One way to reach a person.

    `through` is the kind of identity it needs; `needs` is what must hold for that identity: "following" (follows, and
    has not blocked us), "consent" (has agreed to this very template), "window" (has written lately: 客服消息).
    `repeatable`: WeChat itself recognises a second copy with the same client_msg_id. `receipt`: WeChat says later what
    became of it; where it does not, acceptance is all there is.
    """

    name: str
    through: str
    needs: str
    repeatable: bool
    receipt: bool


CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel("template", "official_account", "following", repeatable=True, receipt=True),
        Channel("mini_subscription", "mini_program", "consent", repeatable=False, receipt=True),
        Channel("account_subscription", "official_account", "consent", repeatable=False, receipt=True),
        Channel("customer_service", "official_account", "window", repeatable=False, receipt=False),
    )
}

# The last rung is always a person: what no channel brings becomes a cadre's task (`models.tasks.undelivered`).
LADDER: tuple[str, ...] = ("template", "mini_subscription", "account_subscription", "customer_service")

# Kinds that go their own way: an answer in a conversation belongs into that conversation, a picture needs it.
LADDERS: dict[str, tuple[str, ...]] = {
    "messages.reply": ("customer_service",),
    "people.invitation_qr": ("customer_service",),
    "family.photo": ("customer_service",),
}

# The order in which letters go, and the share of an account's budget that each lane may use up.
LANES: dict[str, float] = {"safety": 1.0, "same_day": 1.0, "routine": 0.9, "digest": 0.7}


def ladder_of(kind: str) -> tuple[str, ...]:
    """The channels that letters of this kind try, the first first."""
    return LADDERS.get(kind, LADDER)


def rungs_from(kind: str, channel: str) -> tuple[str, ...]:
    """The channels from this one down."""
    ladder = ladder_of(kind)
    return ladder[ladder.index(channel) :] if channel in ladder else (channel,)
