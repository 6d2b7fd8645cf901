"""`[video]`: how family calls may be held, and what each way needs to know."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from wx_backend.keys import Bind, IceUrls, MaybeSecret, Section

SECRET_LEAST = 32  # what HS256 wants

Way = Literal["room", "mini_voip", "mini_1v1", "device_voip", "link", "by_hand"]


def _parts(value: Any) -> Any:
    """A list, or one that the environment gives as "a, b"."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class LinkSection(Section):
    """`[video.link]`: a Jitsi or LiveKit of the county's own; empty where there is none."""

    kind: Literal["", "jitsi", "livekit"]
    origin: Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9.:-]+)?$")]
    key: str
    secret: Annotated[str, Field(repr=False)]


class VideoSection(Section):
    """`[video]`: how a family call is carried, and the built-in room with its relay."""

    stun: IceUrls
    turn: IceUrls
    turn_secret: MaybeSecret
    turn_seconds: int = Field(ge=60, le=3600)
    relay_only: bool
    waiting: int = Field(ge=1, le=192)
    bind: Bind
    threads: int = Field(ge=8, le=256)
    ways: Annotated[tuple[Way, ...], BeforeValidator(_parts), Field(min_length=1)]
    minutes_per_month: int = Field(ge=0)
    low_minutes: int = Field(ge=0)
    link: LinkSection

    @model_validator(mode="after")
    def _link_leads_somewhere(self) -> "VideoSection":
        link = self.link
        if "link" in self.ways and not (link.kind and link.origin and link.key and len(link.secret) >= SECRET_LEAST):
            raise ValueError(f'"link" needs link.kind, origin, key and a secret of at least {SECRET_LEAST} characters')
        return self

    @model_validator(mode="after")
    def _relay_has_its_secret(self) -> "VideoSection":
        if bool(self.turn) != bool(self.turn_secret):
            raise ValueError("turn and turn_secret: both, or neither")
        if self.relay_only and not self.turn:
            raise ValueError("relay_only needs a server in turn")
        return self
