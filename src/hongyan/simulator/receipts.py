"""What a receipt looks like: SMPP 3.4 appendix B in the text and the same facts in TLVs."""

import functools
import struct

from hongyan.simulator.handsets import Ending, State
from hongyan.wire.smpp import receipt_text
from hongyan.wire.smpp.pdu import FramedDeliver, SubmitSm
from hongyan.wire.smpp.tlv import Tag, integer

ESM_RECEIPT = 0x04
_QUOTED = 20
_PRINTABLE = bytes(range(0x20, 0x7F))
_REFERENCE = struct.Struct(">HHH").pack
_REFERENCE_TAG = int(Tag.USER_MESSAGE_REFERENCE)
_BODY = (
    b"\0%c%c%b\0%c%c%b\0"  # service_type, source, destination
    b"%c\0\0\0\0\0\0\0\0"  # esm_class; protocol_id to sm_default_msg_id
    b"%c%b%b%b%b"  # sm_length, short_message
    b"\x00\x1e\0%c%b\0"  # receipted_message_id
    b"\x04\x27\x00\x01%c"  # message_state
    b"%b"  # user_message_reference, when there is one
)
"""A deliver_sm's body (section 4.6.1); written by hand because a carrier writes little else."""

WANTS: tuple[frozenset[State], ...] = (
    frozenset(),
    frozenset(State),
    frozenset(State) - {State.DELIVERED},
    frozenset({State.DELIVERED}),
)
"""Which endings are reported, by the two low bits of registered_delivery (section 5.2.17; value 3 comes from version 5.0)."""


def wanted(registered_delivery: int, ending: Ending) -> bool:
    """Whether the sender asked to be told of this ending."""
    return ending.state in WANTS[registered_delivery & 3]


def receipt(submit: SubmitSm, text: bytes, *, message_id: str, ending: Ending, submitted: str, done: str) -> FramedDeliver:
    """The report on `submit`: from the handset, to the number that sent; its user_message_reference comes back (section 5.3.2.17).

    `submitted` and `done` are dates as `date` writes them. The message is quoted only where it is plain ASCII: a quoted UCS-2 text could
    not be told from the keys around it. Addresses of more than 20 characters or beyond ASCII have to be refused before this.
    """
    before, after = _words(ending, submitted, done)
    quoted = text[:_QUOTED] if not submit.data_coding and not text.translate(None, _PRINTABLE) else b""
    reference = integer(submit.tlvs, _REFERENCE_TAG) if submit.tlvs else None
    name = message_id.encode("ascii")
    return FramedDeliver(
        body=_BODY
        % (
            submit.dest_addr_ton,
            submit.dest_addr_npi,
            submit.destination_addr.encode("ascii"),
            submit.source_addr_ton,
            submit.source_addr_npi,
            submit.source_addr.encode("ascii"),
            ESM_RECEIPT,
            len(before) + len(name) + len(after) + len(quoted),
            before,
            name,
            after,
            quoted,
            len(name) + 1,
            name,
            ending.state,
            b"" if reference is None else _REFERENCE(_REFERENCE_TAG, 2, reference),
        )
    )


def date(at: float, utc_offset_s: int) -> str:
    """YYMMDDhhmm in the carrier's own time, to the minute."""
    # Receipts of one minute share their dates; working these out costs more than all the rest.
    return _date(int(at) // 60, utc_offset_s)


@functools.lru_cache(maxsize=64)
def _date(minute: int, utc_offset_s: int) -> str:
    return receipt_text.date(minute * 60, utc_offset_s)


@functools.lru_cache(maxsize=256)
def _words(ending: Ending, submitted: str, done: str) -> tuple[bytes, bytes]:
    """What stands before and after the id."""
    words = receipt_text.ReceiptText(
        id="\0",
        sub="001",
        dlvrd="001" if ending.state is State.DELIVERED else "000",
        submit_date=submitted,
        done_date=done,
        stat=ending.stat,
        err=ending.err,
    )
    before, _, after = receipt_text.write(words).encode("ascii").partition(b"\0")
    return before, after
