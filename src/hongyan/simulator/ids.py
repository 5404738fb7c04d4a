"""Message ids: unique over restarts, and spelt differently in answer and receipt when the script asks for it."""

import enum
from collections.abc import Callable

import msgspec


class Spelling(enum.Enum):
    """How the id in a receipt is written compared with the id in the answer to the submit.

    Each is known of real carriers; a client that compares the two letter by letter loses the receipt.
    """

    SAME = "same"
    UPPER = "upper"
    """The answer in lower-case hexadecimal, the receipt in upper-case."""
    HEX = "hex"
    """The answer decimal, the receipt hexadecimal."""
    DEC = "dec"
    """The answer hexadecimal, the receipt decimal."""
    PADDED = "padded"
    """Both decimal, the receipt with leading zeros up to 20 digits."""


class Forms(msgspec.Struct, frozen=True):
    """How one number is written in the two places."""

    answer: Callable[[int], str]
    receipt: Callable[[int], str]


FORMS: dict[Spelling, Forms] = {
    Spelling.SAME: Forms(str, str),
    Spelling.UPPER: Forms("{:x}".format, "{:X}".format),
    Spelling.HEX: Forms(str, "{:x}".format),
    Spelling.DEC: Forms("{:x}".format, str),
    Spelling.PADDED: Forms(str, "{:020d}".format),
}


def first_id(now: float) -> int:
    """Where a server that starts at Unix second `now` begins to count.

    Microseconds: as long as fewer than a million segments a second are taken on average, no later start gives an id again.
    """
    return int(now * 1_000_000)
