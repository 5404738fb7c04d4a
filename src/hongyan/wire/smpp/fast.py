"""The four PDUs of the hot path, by hand: submit_sm, deliver_sm and their responses.

`layout` stays the reference; a property test shows that both agree. What repeats from one message to the next (everything but the
two addresses and the text) is remembered as octets, in a memory that is emptied when it grows.
"""

import struct

from hongyan.wire.codec import Unencodable
from hongyan.wire.smpp import layout, tlv
from hongyan.wire.smpp.pdu import DeliverSm, DeliverSmResp, ShortMessage, SubmitSm, SubmitSmResp

_HEADER = struct.Struct(">IIII").pack
_MEMORY = 1_000
_ADDRESS = 20
_MESSAGE_ID = 64
_SERVICE = layout.TEXT_6.write
_HOW_FIELDS = (
    layout.OCTET,
    layout.OCTET,
    layout.OCTET,
    layout.TIME,
    layout.TIME,
    layout.OCTET,
    layout.OCTET,
    layout.OCTET,
    layout.OCTET,
)
_LONGEST_HOW = 64
_HEAD = 16

Numbers = tuple[int, int]
"""sequence_number and command_status."""

How = tuple[int, int, int, str, str, int, int, int, int]
"""esm_class to sm_default_msg_id, in order."""


class ShortMessages:
    """Writes and reads submit_sm and deliver_sm."""

    def __init__(self) -> None:
        self._written: dict[How, bytes] = {}
        self._read: dict[bytes, How] = {}

    def encode(self, pdu: ShortMessage, sequence: int) -> bytes:
        """Return the whole frame; raises `Unencodable`."""
        how = (
            pdu.esm_class,
            pdu.protocol_id,
            pdu.priority_flag,
            pdu.schedule_delivery_time,
            pdu.validity_period,
            pdu.registered_delivery,
            pdu.replace_if_present_flag,
            pdu.data_coding,
            pdu.sm_default_msg_id,
        )
        written = self._written.get(how)
        if written is None:
            written = self._remember_written(how)
        source, destination, message = pdu.source_addr, pdu.destination_addr, pdu.short_message
        if len(source) > _ADDRESS or len(destination) > _ADDRESS or "\0" in source or "\0" in destination or len(message) > 254:  # noqa: PLR2004 - the limit of sm_length
            raise Unencodable("an address is longer than 20 characters or contains NUL, or short_message is longer than 254 octets")
        service = pdu.service_type
        try:
            body = b"%b%c%c%b\0%c%c%b\0%b%c%b" % (
                _SERVICE(service) if service else b"\0",
                pdu.source_addr_ton,
                pdu.source_addr_npi,
                source.encode("ascii"),
                pdu.dest_addr_ton,
                pdu.dest_addr_npi,
                destination.encode("ascii"),
                written,
                len(message),
                message,
            )
        except (UnicodeEncodeError, OverflowError) as error:
            raise Unencodable(f"an address is not ASCII, or its type no octet: {error.__class__.__name__}") from None
        if pdu.tlvs:
            body += tlv.encode(pdu.tlvs)
        return _HEADER(_HEAD + len(body), pdu.command_id, pdu.status, sequence) + body

    def decode(self, kind: type[SubmitSm | DeliverSm], numbers: Numbers, data: bytes, at: int, end: int) -> ShortMessage | None:
        """Return the PDU; None when the body is unusual in any way and `layout` should read it."""
        find = data.find
        service_end = find(0, at, end)
        source_end = find(0, service_end + 3, end)
        destination_end = find(0, source_end + 3, end)
        schedule_end = find(0, destination_end + 4, end)
        validity_end = find(0, schedule_end + 1, end)
        # A find that failed gives -1 and would let the next ones start anew: in order means that none did.
        if not at <= service_end < source_end < destination_end < schedule_end < validity_end <= end - 6:
            return None
        message_at = validity_end + 6
        message_end = message_at + data[message_at - 1]
        if message_end > end:
            return None
        tlvs: tlv.Tlvs = ()
        if message_end < end:
            found = tlv.decode(data, message_end, end)
            if found is None:
                return None
            tlvs = found
        octets = data[destination_end + 1 : message_at - 1]
        how = self._read.get(octets)
        if how is None:
            how = self._remember_read(octets)
        # Named one by one: a star in the middle of the call would hide the fields from the type checker.
        (
            esm_class,
            protocol_id,
            priority_flag,
            schedule,
            validity,
            registered_delivery,
            replace_if_present_flag,
            data_coding,
            sm_default_msg_id,
        ) = how
        return kind(
            *numbers,
            "" if service_end == at else data[at:service_end].decode("latin-1"),
            data[service_end + 1],
            data[service_end + 2],
            data[service_end + 3 : source_end].decode("latin-1"),
            data[source_end + 1],
            data[source_end + 2],
            data[source_end + 3 : destination_end].decode("latin-1"),
            esm_class,
            protocol_id,
            priority_flag,
            schedule,
            validity,
            registered_delivery,
            replace_if_present_flag,
            data_coding,
            sm_default_msg_id,
            data[message_at:message_end],
            tlvs,
        )

    def _remember_written(self, how: How) -> bytes:
        written = b"".join(field.write(value) for field, value in zip(_HOW_FIELDS, how, strict=True))
        if len(self._written) >= _MEMORY:
            self._written.clear()
        self._written[how] = written
        return written

    def _remember_read(self, octets: bytes) -> How:
        schedule, validity, _ = octets[3:-4].decode("latin-1").split("\0")
        how = (*octets[:3], schedule, validity, *octets[-4:])
        if len(octets) <= _LONGEST_HOW:
            if len(self._read) >= _MEMORY:
                self._read.clear()
            self._read[octets] = how
        return how


def encode_response(pdu: SubmitSmResp | DeliverSmResp, sequence: int) -> bytes:
    """Return the whole frame of a response without optional parameters; raises `Unencodable`."""
    message_id = pdu.message_id
    if len(message_id) > _MESSAGE_ID or not message_id.isascii() or "\0" in message_id:
        raise Unencodable(f"message_id takes {_MESSAGE_ID} ASCII characters, not these {len(message_id)}")
    body = message_id.encode("ascii") + b"\0"
    return _HEADER(_HEAD + len(body), pdu.command_id, pdu.status, sequence) + body


def decode_response(
    kind: type[SubmitSmResp | DeliverSmResp], numbers: Numbers, data: bytes, at: int, end: int
) -> SubmitSmResp | DeliverSmResp | None:
    """Return the PDU; None when something follows the message_id or its NUL is missing."""
    if at == end:
        return kind(*numbers)
    if data.find(0, at, end) != end - 1:
        return None
    return kind(*numbers, data[at : end - 1].decode("latin-1"))
