"""The submit_sm of one text to many numbers: written once, but for what differs."""

import struct

from hongyan.wire.smpp.codec import Smpp
from hongyan.wire.smpp.pdu import FramedSubmit, SubmitSm
from hongyan.wire.smpp.tlv import Tag

_HEAD = Smpp.head
_REFERENCE = struct.Struct(">H").pack
_NUL = 1
_TON_AND_NPI = 2


class Series:
    """Like `first` in all but destination_addr and user_message_reference, the last optional parameter, which `first` must have."""

    def __init__(self, first: SubmitSm, codec: Smpp) -> None:
        """Raises `Unencodable`."""
        assert first.tlvs[-1][0] == Tag.USER_MESSAGE_REFERENCE  # noqa: S101 - the caller made it
        body = codec.encode(first)[_HEAD:]
        at = len(first.service_type) + _NUL + _TON_AND_NPI + len(first.source_addr) + _NUL + _TON_AND_NPI
        self._before = body[:at]
        self._after = body[at + len(first.destination_addr) : -len(_REFERENCE(0))]

    def to(self, destination: int, reference: int) -> FramedSubmit:
        """The submit to this number, of at most 20 digits; `reference` has 16 bits."""
        return FramedSubmit(0, 0, b"%b%d%b%b" % (self._before, destination, self._after, _REFERENCE(reference)))
