"""Passwords of staff: which are good enough, how they are kept, and how one is checked in the same time for anybody."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.errors import Refused

SHORTEST, LONGEST = 12, 128
FEWEST_SIGNS = 5  # different ones
# Long enough and still the first that anybody tries; a keyboard's rows and what people put behind a short word.
COMMON = frozenset((
    "123456789012", "1234567890123", "123456123456", "1234567812345678", "0123456789ab", "1qaz2wsx3edc",
    "1q2w3e4r5t6y", "qwertyuiop123", "qwertyuiop[]", "qwerty123456", "asdfghjkl123", "zxcvbnm12345", "abcdef123456",
    "abcd12345678", "abc123456789", "a1234567890b", "password1234", "password12345", "password123456", "passw0rd1234",
    "p@ssw0rd1234", "p@ssword1234", "admin1234567", "admin12345678", "administrator", "administrator1", "admin@123456",
    "root12345678", "welcome12345", "letmein12345", "iloveyou1234", "woaini123456", "woaini1314520", "woaini5201314",
    "5201314woaini", "zhongguo1234", "zhongguo123456", "lishui123456", "lishui12345678", "dangqun12345",
    "dangqun123456", "jingning1234", "songyang1234", "qingtian1234", "liandu123456", "changeme1234", "changeme12345",
    "test12345678", "user12345678", "guest1234567", "88888888abcd", "66668888abcd", "qazwsxedcrfv", "1qaz@wsx3edc",
    "qwer1234asdf", "asdf1234qwer", "aa123456789", "aa1234567890", "woaizhongguo", "woaizuguo123", "nihao1234567",
))  # fmt: skip
# OWASP's parameters for Argon2id; eight at once need 150 MB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
ALPHABET = "34679ACDEFGHJKMNPQRTUVWXYacdefghjkmnpqrtuvwxy"  # nothing that is mistaken when it is read out


def check_good(password: str, username: str) -> None:
    """Whether a password may be chosen.

    Raises Refused("password_short", least=…), ("password_long", limit=…) or ("password_common").
    """
    if len(password) < SHORTEST:
        raise Refused("password_short", least=SHORTEST)
    if len(password) > LONGEST:
        raise Refused("password_long", limit=LONGEST)
    plain = password.casefold()
    holds_name = len(username) > 3 and username.casefold() in plain  # a shorter one stands in many a word
    if plain in COMMON or len(set(plain)) < FEWEST_SIGNS or holds_name:
        raise Refused("password_common")


def made_up() -> str:
    """A password for the first time, four groups that can be read out on the phone."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether this is the password that was kept; with nothing kept it takes as long, and is not."""
    try:
        _HASHER.verify(kept or _nobodys(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_dated(kept: str) -> bool:
    """Whether it was kept with older parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_hex())
