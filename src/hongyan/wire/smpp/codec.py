"""SMPP 3.4 as the session wants it: frames in, PDUs out, and back."""

import struct

from hongyan.wire.codec import Undecodable
from hongyan.wire.smpp import fast, layout
from hongyan.wire.smpp.pdu import (
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    FramedDeliver,
    FramedSubmit,
    GenericNack,
    Pdu,
    SubmitSm,
    SubmitSmResp,
)

_HEADER = struct.Struct(">IIII")
_UNPACK = _HEADER.unpack_from
_PACK = _HEADER.pack
_HEAD = _HEADER.size
_INVALID_COMMAND = 0x03
_RESPONSE = 0x80000000


class Smpp:
    """The SMPP codec; one per session or one for many, it only remembers what repeats."""

    head = _HEADER.size
    last_sequence = 0x7FFFFFFF

    def __init__(self) -> None:
        self._short_messages = fast.ShortMessages()

    def encode(self, pdu: Pdu, sequence: int | None = None) -> bytes:
        """Return the whole frame, under `sequence` instead of the PDU's own when given; raises `Unencodable`."""
        number = pdu.sequence if sequence is None else sequence
        kind = type(pdu)
        if kind is FramedSubmit or kind is FramedDeliver:
            body: bytes = pdu.body  # type: ignore[attr-defined]  # `kind` says it has one
            return _PACK(_HEAD + len(body), kind.command_id, 0, number) + body
        if kind is SubmitSm or kind is DeliverSm:
            return self._short_messages.encode(pdu, number)  # type: ignore[arg-type]  # `kind` says it is one
        if (kind is SubmitSmResp or kind is DeliverSmResp) and not pdu.status and not pdu.tlvs:  # type: ignore[attr-defined]  # as above
            return fast.encode_response(pdu, number)  # type: ignore[arg-type]  # as above
        return encode_by_table(pdu, number)

    def decode(self, data: bytes, start: int, end: int) -> Pdu:
        """Return the PDU in data[start:end]; raises `Undecodable` and nothing else, whatever the bytes are."""
        _, command, status, sequence = _UNPACK(data, start)
        kind = layout.COMMANDS.get(command)
        found: Pdu | None = None
        if kind is SubmitSmResp or kind is DeliverSmResp:
            found = fast.decode_response(kind, (sequence, status), data, start + 16, end)
        elif kind is SubmitSm or kind is DeliverSm:
            found = self._short_messages.decode(kind, (sequence, status), data, start + 16, end)
        return decode_by_table(data, start, end) if found is None else found

    def keepalive(self, sequence: int) -> Pdu:
        return EnquireLink(sequence)

    def answer(self, pdu: Pdu) -> Pdu | None:
        return EnquireLinkResp(pdu.sequence) if type(pdu) is EnquireLink else None

    def refusal(self, data: bytes, start: int) -> bytes:
        """Return generic_nack with RINVCMDLEN (SMPP 3.4 section 4.3.1)."""
        return _nack(_UNPACK(data, start)[3], layout.INVALID_LENGTH)


def encode_by_table(pdu: Pdu, sequence: int) -> bytes:
    """Return the frame as `layout` says; raises `Unencodable`."""
    body = layout.write_body(pdu)
    return _HEADER.pack(_HEADER.size + len(body), pdu.command_id, pdu.status, sequence) + body


def decode_by_table(data: bytes, start: int, end: int) -> Pdu:
    """Return the PDU as `layout` says; raises `Undecodable`."""
    _, command, status, sequence = _UNPACK(data, start)
    kind = layout.COMMANDS.get(command)
    if kind is None:
        # A response to nothing we know is not worth a word; nacking it could start an endless exchange.
        nack = b"" if command & _RESPONSE else _nack(sequence, _INVALID_COMMAND)
        raise Undecodable(sequence, f"unknown command 0x{command:08X}", nack)
    try:
        return layout.read_body(kind, (sequence, status), data, start + _HEADER.size, end)
    except layout.Malformed as error:
        nack = b"" if kind.response else _nack(sequence, error.status)
        raise Undecodable(sequence, f"{kind.__name__}: {error.reason}", nack) from None


def _nack(sequence: int, status: int) -> bytes:
    return _HEADER.pack(_HEADER.size, GenericNack.command_id, status, sequence)
