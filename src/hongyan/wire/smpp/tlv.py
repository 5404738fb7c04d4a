"""Optional parameters (SMPP 3.4 section 5.3, and those of 5.0 that carriers send to 3.4 peers).

They travel as pairs (tag, value) in their order on the wire. A value is an int or str where the table below knows the tag and the
peer kept to its format, otherwise the raw bytes.
"""

import enum
import struct

from hongyan.wire.codec import Unencodable

Value = int | str | bytes
Tlvs = tuple[tuple[int, Value], ...]


class Tag(enum.IntEnum):
    """The tags by their names in the specification."""

    DEST_ADDR_SUBUNIT = 0x0005
    DEST_NETWORK_TYPE = 0x0006
    DEST_BEARER_TYPE = 0x0007
    DEST_TELEMATICS_ID = 0x0008
    SOURCE_ADDR_SUBUNIT = 0x000D
    SOURCE_NETWORK_TYPE = 0x000E
    SOURCE_BEARER_TYPE = 0x000F
    SOURCE_TELEMATICS_ID = 0x0010
    QOS_TIME_TO_LIVE = 0x0017
    PAYLOAD_TYPE = 0x0019
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D
    RECEIPTED_MESSAGE_ID = 0x001E
    MS_MSG_WAIT_FACILITIES = 0x0030
    PRIVACY_INDICATOR = 0x0201
    SOURCE_SUBADDRESS = 0x0202
    DEST_SUBADDRESS = 0x0203
    USER_MESSAGE_REFERENCE = 0x0204
    USER_RESPONSE_CODE = 0x0205
    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    SAR_MSG_REF_NUM = 0x020C
    LANGUAGE_INDICATOR = 0x020D
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    CALLBACK_NUM_PRES_IND = 0x0302
    CALLBACK_NUM_ATAG = 0x0303
    NUMBER_OF_MESSAGES = 0x0304
    CALLBACK_NUM = 0x0381
    DPF_RESULT = 0x0420
    SET_DPF = 0x0421
    MS_AVAILABILITY_STATUS = 0x0422
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    DELIVERY_FAILURE_REASON = 0x0425
    MORE_MESSAGES_TO_SEND = 0x0426
    MESSAGE_STATE = 0x0427
    CONGESTION_STATE = 0x0428
    USSD_SERVICE_OP = 0x0501
    DISPLAY_TIME = 0x1201
    SMS_SIGNAL = 0x1203
    MS_VALIDITY = 0x1204
    ALERT_ON_MESSAGE_DELIVERY = 0x130C
    ITS_REPLY_TYPE = 0x1380
    ITS_SESSION_INFO = 0x1383


INTEGERS: dict[int, int] = {
    Tag.DEST_ADDR_SUBUNIT: 1,
    Tag.DEST_NETWORK_TYPE: 1,
    Tag.DEST_BEARER_TYPE: 1,
    Tag.DEST_TELEMATICS_ID: 2,
    Tag.SOURCE_ADDR_SUBUNIT: 1,
    Tag.SOURCE_NETWORK_TYPE: 1,
    Tag.SOURCE_BEARER_TYPE: 1,
    Tag.SOURCE_TELEMATICS_ID: 1,
    Tag.QOS_TIME_TO_LIVE: 4,
    Tag.PAYLOAD_TYPE: 1,
    Tag.MS_MSG_WAIT_FACILITIES: 1,
    Tag.PRIVACY_INDICATOR: 1,
    Tag.USER_MESSAGE_REFERENCE: 2,
    Tag.USER_RESPONSE_CODE: 1,
    Tag.SOURCE_PORT: 2,
    Tag.DESTINATION_PORT: 2,
    Tag.SAR_MSG_REF_NUM: 2,
    Tag.LANGUAGE_INDICATOR: 1,
    Tag.SAR_TOTAL_SEGMENTS: 1,
    Tag.SAR_SEGMENT_SEQNUM: 1,
    Tag.SC_INTERFACE_VERSION: 1,
    Tag.CALLBACK_NUM_PRES_IND: 1,
    Tag.NUMBER_OF_MESSAGES: 1,
    Tag.DPF_RESULT: 1,
    Tag.SET_DPF: 1,
    Tag.MS_AVAILABILITY_STATUS: 1,
    Tag.DELIVERY_FAILURE_REASON: 1,
    Tag.MORE_MESSAGES_TO_SEND: 1,
    Tag.MESSAGE_STATE: 1,
    Tag.CONGESTION_STATE: 1,
    Tag.USSD_SERVICE_OP: 1,
    Tag.DISPLAY_TIME: 1,
    Tag.SMS_SIGNAL: 2,
    Tag.MS_VALIDITY: 1,
    Tag.ITS_REPLY_TYPE: 1,
}
"""Tags whose value is an integer of so many octets."""

TEXTS: dict[int, int] = {Tag.ADDITIONAL_STATUS_INFO_TEXT: 256, Tag.RECEIPTED_MESSAGE_ID: 65}
"""Tags whose value is a C-octet string of at most so many octets with its NUL."""

_HEAD = 4
_MAX = 0xFFFF
_PREFIX = struct.Struct(">HH")
_UNPACK = _PREFIX.unpack_from
_BY_SIZE = {1: struct.Struct(">HHB").pack, 2: struct.Struct(">HHH").pack, 4: struct.Struct(">HHI").pack}
# Plain integers as keys: a member of an enumeration is compared with what comes from the wire the long way.
_PACK = {int(tag): (size, _BY_SIZE[size]) for tag, size in INTEGERS.items()}
_TEXT = 0
_SIZES = {int(tag): size for tag, size in INTEGERS.items()} | {int(tag): _TEXT for tag in TEXTS}
"""Octets of an integer, or `_TEXT`."""


def find(tlvs: Tlvs, tag: int) -> Value | None:
    """Return the first value under `tag`."""
    for known, value in tlvs:
        if known == tag:
            return value
    return None


def integer(tlvs: Tlvs, tag: int) -> int | None:
    """Return the number under `tag`; None when it is missing or not in its format."""
    value = find(tlvs, tag)
    return value if isinstance(value, int) else None


def text(tlvs: Tlvs, tag: int) -> str | None:
    """Return the text under `tag`; None when it is missing."""
    value = find(tlvs, tag)
    return value if isinstance(value, str) else None


def octets(tlvs: Tlvs, tag: int) -> bytes | None:
    """Return the octets under `tag`; None when it is missing."""
    value = find(tlvs, tag)
    return value if isinstance(value, bytes) else None


def _text(tag: int, value: str) -> bytes:
    limit = TEXTS.get(tag, 0)
    if len(value) >= limit or not value.isascii() or "\0" in value:
        raise Unencodable(f"TLV 0x{tag:04X} cannot be this text of {len(value)} characters")
    return _PREFIX.pack(tag, len(value) + 1) + value.encode("ascii") + b"\0"


def _octets(tag: int, value: bytes) -> bytes:
    if len(value) > _MAX or not 0 <= tag <= _MAX:
        raise Unencodable(f"TLV 0x{tag:04X} cannot be {len(value)} octets")
    return _PREFIX.pack(tag, len(value)) + value


def _encode_one(tag: int, value: Value) -> bytes:
    if isinstance(value, bytes):
        return _octets(tag, value)
    if isinstance(value, str):
        return _text(tag, value)
    try:
        size, pack = _PACK[tag]
        return pack(tag, size, value)
    except (KeyError, struct.error):
        raise Unencodable(f"TLV 0x{tag:04X} cannot be the number {value}") from None


def encode(tlvs: Tlvs) -> bytes:
    """Return the octets of all; raises `Unencodable` when a value does not fit its tag."""
    return b"".join([_encode_one(tag, value) for tag, value in tlvs])


def decode(data: bytes, start: int, end: int) -> Tlvs | None:
    """Return what data[start:end] holds; None when it does not end with a whole TLV.

    A text without its NUL is taken, as some carriers write receipted_message_id; an integer of another size stays bytes.
    """
    found: list[tuple[int, Value]] = []
    at = start
    while end - at >= _HEAD:
        tag, size = _UNPACK(data, at)
        begin = at + _HEAD
        at = begin + size
        if at > end:
            return None
        raw = data[begin:at]
        known = _SIZES.get(tag)
        if known is None:
            found.append((tag, raw))
        elif known == _TEXT:
            found.append((tag, raw.partition(b"\0")[0].decode("latin-1")))
        else:
            found.append((tag, int.from_bytes(raw, "big") if size == known else raw))
    return tuple(found) if at == end else None
