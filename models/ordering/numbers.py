"""Order numbers: short enough to say on the phone, with a check digit that catches a slip of the tongue."""

from stdnum import damm

from models.errors import Refused

# A fixed walk through all seven-digit numbers: neighbours in time are not neighbours in number, and none comes twice.
_SPACE, _STEP, _SHIFT = 9_000_000, 5_346_457, 1_000_000


def number_for(key: int) -> str:
    """The number of the order with this key: seven digits and a Damm check digit ("40213975")."""
    body = str(_SHIFT + key * _STEP % _SPACE)
    lap = key // _SPACE  # after nine million orders a digit more
    digits = f"{lap}{body}" if lap else body
    return digits + str(damm.calc_check_digit(digits))


def spoken(number: str) -> str:
    """The number in groups, as people read it out: "4021 3975"."""
    return f"{number[:-4]} {number[-4:]}"


def heard(text: str) -> str:
    """The number as somebody typed or said it, blanks and dashes removed.

    Raises Refused("number_mistyped") when the check digit does not fit: one wrong digit or two swapped ones never lead
    to somebody else's order.
    """
    digits = "".join(ch for ch in text if ch.isdigit())
    if len(digits) < 8 or not damm.is_valid(digits):
        raise Refused("number_mistyped")
    return digits
