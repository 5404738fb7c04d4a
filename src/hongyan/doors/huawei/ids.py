"""smsMsgId: a message's id in the vendor's form, a UUID and a number behind it (String(1-50) there)."""

import re
import uuid
from hashlib import blake2b

_FILL_BITS = 58
_NUMBERS = 10_000_000
_WRITTEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9]{1,7}")


def sms_msg_id(message_id: int) -> str:
    """The same for good, and another for every message: a UUID of version 8 (RFC 9562 section 5.8) that holds the id."""
    fill = int.from_bytes(blake2b(message_id.to_bytes(8, "big"), digest_size=8).digest(), "big") & ((1 << _FILL_BITS) - 1)
    high, middle, low = message_id >> 16, message_id >> 4 & 0xFFF, message_id & 0xF
    number = high << 80 | 8 << 76 | middle << 64 | 0b10 << 62 | low << _FILL_BITS | fill
    return f"{uuid.UUID(int=number)}_{message_id % _NUMBERS}"


def message_id(written: str) -> int | None:
    """The message of an smsMsgId, or None when it is not one of ours."""
    if _WRITTEN.fullmatch(written) is None:
        return None
    number = uuid.UUID(written.partition("_")[0]).int
    found = (number >> 80) << 16 | (number >> 64 & 0xFFF) << 4 | (number >> _FILL_BITS & 0xF)
    return found if found < 1 << 63 and sms_msg_id(found) == written else None
