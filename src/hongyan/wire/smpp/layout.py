"""The bodies of all PDUs as one table (SMPP 3.4 chapter 4), read and written by walking it.

Strict in what is written, liberal in what is read: text longer than its limit or outside ASCII is taken, a response may stop after
any field, and the last text of a body may lack its NUL.
"""

import struct
from collections.abc import Callable
from typing import Any

import msgspec

from hongyan.wire.codec import Unencodable
from hongyan.wire.smpp import pdu as p
from hongyan.wire.smpp import tlv


class Malformed(Exception):  # noqa: N818 - named for what the body is
    """A body that does not follow its layout; `status` is the command_status that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Kind(msgspec.Struct, frozen=True):
    """How one field is written and read. `read` gets (data, at, end) with at < end and returns (value, the next at)."""

    write: Callable[[Any], bytes]
    read: Callable[[bytes, int, int], tuple[Any, int]]


INVALID_LENGTH = 0x02
INVALID_MESSAGE_LENGTH = 0x01
INVALID_TLVS = 0xC0
LONGEST_SHORT_MESSAGE = 254
_TIME = 16
_OCTET = 0xFF
_U32 = struct.Struct(">I")


def _read_text(data: bytes, at: int, end: int) -> tuple[str, int]:
    stop = data.find(b"\0", at, end)
    if stop < 0:
        return data[at:end].decode("latin-1"), end
    return data[at:stop].decode("latin-1"), stop + 1


def c_octets(limit: int) -> Kind:
    """Return the kind of a C-octet string of at most `limit` octets with its NUL."""

    def write(value: str) -> bytes:
        if len(value) >= limit or not value.isascii() or "\0" in value:
            raise Unencodable(f"at most {limit - 1} ASCII characters fit, not these {len(value)}")
        return value.encode("ascii") + b"\0"

    return Kind(write, _read_text)


def _write_time(value: str) -> bytes:
    if len(value) not in (0, _TIME) or not value.isascii() or "\0" in value:
        raise Unencodable(f"a time has 16 characters or none, not {len(value)}")
    return value.encode("ascii") + b"\0"


def _write_octet(value: int) -> bytes:
    if not 0 <= value <= _OCTET:
        raise Unencodable(f"{value} is no octet")
    return bytes((value,))


def _read_octet(data: bytes, at: int, end: int) -> tuple[int, int]:
    del end
    return data[at], at + 1


def _write_message(value: bytes) -> bytes:
    if len(value) > LONGEST_SHORT_MESSAGE:
        raise Unencodable(f"short_message takes {LONGEST_SHORT_MESSAGE} octets, not {len(value)}")
    return bytes((len(value),)) + value


def _read_message(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    stop = at + 1 + data[at]
    if stop > end:
        raise Malformed(INVALID_MESSAGE_LENGTH, "short_message ends before sm_length")
    return data[at + 1 : stop], stop


TEXT_6, TEXT_9, TEXT_13, TEXT_16, TEXT_21, TEXT_41, TEXT_65 = (c_octets(limit) for limit in (6, 9, 13, 16, 21, 41, 65))
TIME = Kind(_write_time, _read_text)
OCTET = Kind(_write_octet, _read_octet)
MESSAGE = Kind(_write_message, _read_message)
_NUMBER = (OCTET, OCTET, TEXT_21)
_TO_NUMBER, _TO_LIST = 1, 2


def _read_all(kinds: tuple[Kind, ...], data: bytes, at: int, end: int) -> tuple[list[Any], int]:
    values = []
    for kind in kinds:
        if at >= end:
            raise Malformed(INVALID_LENGTH, "the body ends early")
        value, at = kind.read(data, at, end)
        values.append(value)
    return values, at


def _count(items: tuple[Any, ...]) -> bytes:
    if len(items) > LONGEST_SHORT_MESSAGE:
        raise Unencodable(f"at most {LONGEST_SHORT_MESSAGE} destinations, not {len(items)}")
    return bytes((len(items),))


def _write_number(to: p.SmeAddress | p.Unsuccess) -> bytes:
    return OCTET.write(to.dest_addr_ton) + OCTET.write(to.dest_addr_npi) + TEXT_21.write(to.destination_addr)


def _write_destinations(value: tuple[p.SmeAddress | p.DistributionList, ...]) -> bytes:
    parts = [_count(value)]
    for to in value:
        if isinstance(to, p.SmeAddress):
            parts.append(bytes((_TO_NUMBER,)) + _write_number(to))
        else:
            parts.append(bytes((_TO_LIST,)) + TEXT_21.write(to.dl_name))
    return b"".join(parts)


def _read_destinations(data: bytes, at: int, end: int) -> tuple[tuple[p.SmeAddress | p.DistributionList, ...], int]:
    found: list[p.SmeAddress | p.DistributionList] = []
    count, at = data[at], at + 1
    for _ in range(count):
        (flag,), at = _read_all((OCTET,), data, at, end)
        if flag == _TO_NUMBER:
            values, at = _read_all(_NUMBER, data, at, end)
            found.append(p.SmeAddress(*values))
        else:
            (name,), at = _read_all((TEXT_21,), data, at, end)
            found.append(p.DistributionList(name))
    return tuple(found), at


def _write_unsuccess(value: tuple[p.Unsuccess, ...]) -> bytes:
    return _count(value) + b"".join(_write_number(to) + _U32.pack(to.error_status_code) for to in value)


def _read_unsuccess(data: bytes, at: int, end: int) -> tuple[tuple[p.Unsuccess, ...], int]:
    found = []
    count, at = data[at], at + 1
    for _ in range(count):
        values, at = _read_all(_NUMBER, data, at, end)
        if at + _U32.size > end:
            raise Malformed(INVALID_LENGTH, "the body ends early")
        found.append(p.Unsuccess(*values, *_U32.unpack_from(data, at)))
        at += _U32.size
    return tuple(found), at


Layout = tuple[tuple[str, Kind], ...]

_SOURCE: Layout = (("source_addr_ton", OCTET), ("source_addr_npi", OCTET), ("source_addr", TEXT_21))
_DEST: Layout = (("dest_addr_ton", OCTET), ("dest_addr_npi", OCTET), ("destination_addr", TEXT_21))
_HOW: Layout = (
    ("esm_class", OCTET),
    ("protocol_id", OCTET),
    ("priority_flag", OCTET),
    ("schedule_delivery_time", TIME),
    ("validity_period", TIME),
    ("registered_delivery", OCTET),
    ("replace_if_present_flag", OCTET),
    ("data_coding", OCTET),
    ("sm_default_msg_id", OCTET),
    ("short_message", MESSAGE),
)
_SHORT: Layout = (("service_type", TEXT_6), *_SOURCE, *_DEST, *_HOW)
_BIND: Layout = (
    ("system_id", TEXT_16),
    ("password", TEXT_9),
    ("system_type", TEXT_13),
    ("interface_version", OCTET),
    ("addr_ton", OCTET),
    ("addr_npi", OCTET),
    ("address_range", TEXT_41),
)
_ID: Layout = (("message_id", TEXT_65),)

LAYOUTS: dict[type[p.Pdu], Layout] = {
    p.GenericNack: (),
    p.BindReceiver: _BIND,
    p.BindTransmitter: _BIND,
    p.BindTransceiver: _BIND,
    p.BindReceiverResp: (("system_id", TEXT_16),),
    p.BindTransmitterResp: (("system_id", TEXT_16),),
    p.BindTransceiverResp: (("system_id", TEXT_16),),
    p.Outbind: (("system_id", TEXT_16), ("password", TEXT_9)),
    p.Unbind: (),
    p.UnbindResp: (),
    p.EnquireLink: (),
    p.EnquireLinkResp: (),
    p.SubmitSm: _SHORT,
    p.SubmitSmResp: _ID,
    p.DeliverSm: _SHORT,
    p.DeliverSmResp: _ID,
    p.DataSm: (
        ("service_type", TEXT_6),
        ("source_addr_ton", OCTET),
        ("source_addr_npi", OCTET),
        ("source_addr", TEXT_65),
        ("dest_addr_ton", OCTET),
        ("dest_addr_npi", OCTET),
        ("destination_addr", TEXT_65),
        ("esm_class", OCTET),
        ("registered_delivery", OCTET),
        ("data_coding", OCTET),
    ),
    p.DataSmResp: _ID,
    p.QuerySm: (*_ID, *_SOURCE),
    p.QuerySmResp: (*_ID, ("final_date", TIME), ("message_state", OCTET), ("error_code", OCTET)),
    p.CancelSm: (("service_type", TEXT_6), *_ID, *_SOURCE, *_DEST),
    p.CancelSmResp: (),
    p.ReplaceSm: (
        *_ID,
        *_SOURCE,
        ("schedule_delivery_time", TIME),
        ("validity_period", TIME),
        ("registered_delivery", OCTET),
        ("sm_default_msg_id", OCTET),
        ("short_message", MESSAGE),
    ),
    p.ReplaceSmResp: (),
    p.SubmitMulti: (
        ("service_type", TEXT_6),
        *_SOURCE,
        ("dest_address", Kind(_write_destinations, _read_destinations)),
        *_HOW,
    ),
    p.SubmitMultiResp: (*_ID, ("unsuccess_sme", Kind(_write_unsuccess, _read_unsuccess))),
    p.AlertNotification: (
        ("source_addr_ton", OCTET),
        ("source_addr_npi", OCTET),
        ("source_addr", TEXT_65),
        ("esme_addr_ton", OCTET),
        ("esme_addr_npi", OCTET),
        ("esme_addr", TEXT_65),
    ),
}
"""Every PDU and its mandatory fields in order; optional parameters follow where the PDU has `tlvs`."""

COMMANDS: dict[int, type[p.Pdu]] = {kind.command_id: kind for kind in LAYOUTS}

_WITH_TLVS = frozenset(kind for kind in LAYOUTS if "tlvs" in kind.__struct_fields__)
_LENIENT = frozenset({p.DeliverSm, p.DataSm, *(kind for kind in LAYOUTS if kind.response)})
"""What carriers send us is read even when its optional parameters end badly: refusing a receipt would only bring it again."""

_ALWAYS_WITH_BODY = frozenset({p.DeliverSmResp})
"""A response with a status may leave out its body (SMPP 3.4 section 4.4.2); this one's is one NUL in any case (4.6.2)."""


def write_body(pdu: p.Pdu) -> bytes:
    """Return the octets after the header; raises `Unencodable`."""
    kind = type(pdu)
    if pdu.response and pdu.status and kind not in _ALWAYS_WITH_BODY and pdu == kind(pdu.sequence, pdu.status):
        return b""
    parts = []
    for name, field in LAYOUTS[kind]:
        try:
            parts.append(field.write(getattr(pdu, name)))
        except Unencodable as error:
            raise Unencodable(f"{name}: {error}") from None
    if kind in _WITH_TLVS:
        parts.append(tlv.encode(pdu.tlvs))  # type: ignore[attr-defined]  # _WITH_TLVS says it has them
    return b"".join(parts)


def read_body(kind: type[p.Pdu], numbers: tuple[int, int], data: bytes, at: int, end: int) -> p.Pdu:
    """Return the PDU with (sequence, status) `numbers` whose body is data[at:end]; raises `Malformed`."""
    values: dict[str, Any] = {}
    for name, field in LAYOUTS[kind]:
        if at >= end:
            if kind.response:
                break
            raise Malformed(INVALID_LENGTH, f"the body ends before {name}")
        values[name], at = field.read(data, at, end)
    if at < end and kind in _WITH_TLVS:
        tlvs = tlv.decode(data, at, end)
        if tlvs is None and kind not in _LENIENT:
            raise Malformed(INVALID_TLVS, "the optional parameters end early")
        values["tlvs"] = tlvs or ()
    return kind(*numbers, **values)
