"""The access token: what a phone shows for half an hour after it has signed in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ISSUER, AUDIENCE, ALGORITHM = "wx-backend", "wx-backend/api/v1", "HS256"
LASTS = timedelta(minutes=30)
_OPTIONS: jwt.types.Options = {
    "require": ["iss", "aud", "sub", "sid", "exp"], "verify_exp": False, "verify_iat": False,
}  # fmt: skip


@dataclass(frozen=True)
class Claims:
    """What a token says, once its signature has been checked: whose it is, and of which sign-in."""

    identity_id: int
    sign_in_id: int


def key_from(secret_key: str) -> bytes:
    """The key of the tokens, of the settings' `app.secret_key` but of no other use (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=b"wx-backend access token").derive(secret_key.encode())


def issue(key: bytes, claims: Claims, now: datetime) -> str:
    """A token that is good from now for `LASTS`."""
    said = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(claims.identity_id), "sid": claims.sign_in_id,
        "iat": int(now.timestamp()), "exp": int((now + LASTS).timestamp()),
    }  # fmt: skip
    return jwt.encode(said, key, algorithm=ALGORITHM)


def read(key: bytes, token: str, now: datetime) -> Claims | None:
    """What a token says; None when it is not one of ours, meant for another, or over.

    The algorithm is pinned (RFC 8725 §3.1). The time is the caller's: the library would read the wall clock.
    """
    try:
        said = jwt.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_OPTIONS)
        if datetime.fromtimestamp(said["exp"], UTC) <= now:
            return None
        return Claims(int(said["sub"]), int(said["sid"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError):
        return None
