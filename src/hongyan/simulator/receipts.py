"""What a receipt looks like: SMPP 3.4 appendix B in the text and the same facts in TLVs."""

import functools

import msgspec

from hongyan.simulator.handsets import Ending, State
from hongyan.wire.smpp import receipt_text
from hongyan.wire.smpp.pdu import DeliverSm, SubmitSm
from hongyan.wire.smpp.tlv import Tag, integer

ESM_RECEIPT = 0x04
_PRINTABLE = bytes(range(0x20, 0x7F))

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


class Times(msgspec.Struct, frozen=True, gc=False):
    """Unix seconds of the two dates in a receipt, and the time zone they are written in."""

    submitted_at: float
    done_at: float
    utc_offset_s: int


def receipt(submit: SubmitSm, text: bytes, *, message_id: str, ending: Ending, times: Times) -> DeliverSm:
    """The report on `submit`: from the handset, to the number that sent; its user_message_reference comes back (section 5.3.2.17).

    The receipt's text quotes the message only where it is plain ASCII: a quoted UCS-2 text could not be told from the keys around it.
    """
    quotable = not submit.data_coding and not text.translate(None, _PRINTABLE)
    body = receipt_text.ReceiptText(
        id=message_id,
        sub="001",
        dlvrd="001" if ending.state is State.DELIVERED else "000",
        submit_date=_minute(times.submitted_at, times.utc_offset_s),
        done_date=_minute(times.done_at, times.utc_offset_s),
        stat=ending.stat,
        err=ending.err,
        text=text.decode("ascii") if quotable else "",
    )
    reference = integer(submit.tlvs, Tag.USER_MESSAGE_REFERENCE) if submit.tlvs else None
    facts = ((Tag.RECEIPTED_MESSAGE_ID, message_id), (Tag.MESSAGE_STATE, int(ending.state)))
    return DeliverSm(
        source_addr_ton=submit.dest_addr_ton,
        source_addr_npi=submit.dest_addr_npi,
        source_addr=submit.destination_addr,
        dest_addr_ton=submit.source_addr_ton,
        dest_addr_npi=submit.source_addr_npi,
        destination_addr=submit.source_addr,
        esm_class=ESM_RECEIPT,
        short_message=receipt_text.write(body).encode("ascii"),
        tlvs=facts if reference is None else (*facts, (Tag.USER_MESSAGE_REFERENCE, reference)),
    )


def _minute(at: float, utc_offset_s: int) -> str:
    # Receipts of one minute share their dates; working them out costs more than all the rest.
    return _date(int(at) // 60, utc_offset_s)


@functools.lru_cache(maxsize=64)
def _date(minute: int, utc_offset_s: int) -> str:
    return receipt_text.date(minute * 60, utc_offset_s)
