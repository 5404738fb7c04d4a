"""What a customer gives with a message to have back with its report: a text of their own, and where the report goes.

Both are one column of the message, since a message has the second only where a vendor's API knows it.
"""

from typing import NamedTuple

SEPARATOR = "\x1f"
"""Between the two; in neither of them (ASCII's unit separator)."""
LONGEST_URL = 1000
"""Characters of an address that reports of single messages go to."""


class Context(NamedTuple):
    text: str = ""
    """Tencent's SessionContext and ext, Huawei's extend."""
    url: str = ""
    """Huawei's statusCallback; empty means the application's address."""


def pack(context: Context) -> str:
    """The column's text. Neither part may have `SEPARATOR` in it."""
    return f"{context.text}{SEPARATOR}{context.url}" if context.url else context.text


def unpack(column: str) -> Context:
    """What `pack` was given."""
    text, _, url = column.partition(SEPARATOR)
    return Context(text, url)
