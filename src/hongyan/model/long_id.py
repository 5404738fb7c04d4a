"""A template's id as programs written for Huawei Cloud carry it: 32 characters (String(1-32) there)."""

import re

LENGTH = 32
MOST = 2**63 - 1
"""No id is larger."""
_DECIMAL_MOST = 19
_WRITTEN = re.compile(r"0{16}[0-9a-f]{16}")


def written(template_id: int) -> str:
    """32 hexadecimal digits, the same ones for good."""
    return f"{template_id:0{LENGTH}x}"


def read(text: str) -> int | None:
    """The id again, also when it was written in decimal digits; None for anything else."""
    found: int | None = None
    if len(text) == LENGTH:
        found = int(text, 16) if _WRITTEN.fullmatch(text.lower()) else None
    elif text.isascii() and text.isdigit() and len(text) <= _DECIMAL_MOST:
        found = int(text)
    return found if found is not None and found <= MOST else None
