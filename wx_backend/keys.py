"""What one key of the settings may hold, in types that say what was expected; and what every section is."""

import base64
import binascii
import re
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from wx_backend.wechat.fields import TYPES, kind_of


class Section(BaseModel):
    """A section: unknown keys are refused, and nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_off(info: ValidationInfo) -> bool:
    """Whether the section says `enabled = false`: then its other keys may stay empty."""
    return info.data.get("enabled") is False


def _filled(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and not value.strip() and not _is_off(info):
        raise ValueError("must not be empty")
    return value


def _token(value: str, info: ValidationInfo) -> str:
    if _is_off(info) or re.fullmatch(r"[A-Za-z0-9]{3,32}", value):
        return value
    raise ValueError("must be 3 to 32 letters and digits, the same as in WeChat's console")


def _aes_key(value: str, info: ValidationInfo) -> str:
    if not value and (_is_off(info) or info.field_name == "previous_encoding_aes_key"):
        return value
    try:
        if len(value) == 43 and len(base64.b64decode(value + "=", validate=True)) == 32:
            return value
    except binascii.Error:
        pass
    raise ValueError("must be the 43 letters and digits that WeChat shows as EncodingAESKey")


def _field_key(value: str) -> str:
    if not re.fullmatch(r"[a-z_]+[0-9]+", value):
        raise ValueError("must be a key of WeChat's, a type and a number, as in thing1")
    if kind_of(value) not in TYPES:
        raise ValueError(f"no such type of field as {kind_of(value)}; there are {', '.join(sorted(TYPES))}")
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if host and port.isdecimal() and 1 <= int(port) <= 65535:
        return value
    raise ValueError("must be an address and a port, as in 127.0.0.1:8000")


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment:
        return value.rstrip("/")
    raise ValueError("must be a URL, as in https://centre.example.gov.cn")


def _ice_urls(value: str) -> str:
    if all(re.fullmatch(r"(?:stun|turn)s?:[^\s,/]+", one) for one in split_urls(value)):
        return value
    raise ValueError("must be URLs as in turn:turn.example.org:3478?transport=udp, several with commas")


def split_urls(value: str) -> list[str]:
    """Several URLs in one key, with commas between them."""
    return [one.strip() for one in value.split(",") if one.strip()]


def scheme(*allowed: str) -> AfterValidator:
    """A URL that begins with one of these."""

    def check(value: str) -> str:
        if value.startswith(allowed):
            return value
        raise ValueError(f"must begin with {' or '.join(allowed)}")

    return AfterValidator(check)


Filled = Annotated[str, BeforeValidator(_filled)]
# Kept out of every repr, and so out of logs and tracebacks.
Secret = Annotated[Filled, Field(repr=False)]
MaybeSecret = Annotated[str, Field(repr=False)]
IceUrls = Annotated[str, AfterValidator(_ice_urls)]
FieldKey = Annotated[str, AfterValidator(_field_key)]
Token = Annotated[Secret, AfterValidator(_token)]
AesKey = Annotated[str, AfterValidator(_aes_key), Field(repr=False)]
Bind = Annotated[str, AfterValidator(_address)]
Origin = Annotated[str, AfterValidator(_origin)]
Mode = Literal["plain", "compatible", "safe"]


def stays_here(url: str) -> bool:
    """Whether the host of the URL is this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
