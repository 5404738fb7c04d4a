"""Every SMPP 3.4 PDU as a value. Fields carry the names of the specification (SMPP 3.4 issue 1.2, chapter 4).

Lengths and counts (sm_length, number_of_dests, no_unsuccess) are not fields: they follow from what they count. Times are the text
of `times`. `tlvs` keeps the optional parameters in order; see `tlv` for their values.
"""

from typing import ClassVar

import msgspec

from hongyan.wire.smpp.tlv import Tlvs


class Pdu(msgspec.Struct, frozen=True, gc=False):
    """What all PDUs have; `sequence` of a request is given by the session."""

    command_id: ClassVar[int]
    response: ClassVar[bool] = False

    sequence: int = 0
    status: int = 0
    """command_status: 0 in requests."""


class GenericNack(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000000
    response: ClassVar[bool] = True


class Bind(Pdu, frozen=True, gc=False):
    """What the three binds have in common; its representation hides the password."""

    system_id: str = ""
    password: str = ""
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sequence={self.sequence}, system_id={self.system_id!r}, password=***)"


class BindReceiver(Bind, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x01


class BindTransmitter(Bind, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x02


class BindTransceiver(Bind, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x09


class BindResp(Pdu, frozen=True, gc=False):
    """What the three bind responses have in common."""

    response: ClassVar[bool] = True

    system_id: str = ""
    tlvs: Tlvs = ()


class BindReceiverResp(BindResp, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000001


class BindTransmitterResp(BindResp, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000002


class BindTransceiverResp(BindResp, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000009


class Outbind(Pdu, frozen=True, gc=False):
    """The carrier asks to be called; it has no response."""

    command_id: ClassVar[int] = 0x0B

    system_id: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Outbind(sequence={self.sequence}, system_id={self.system_id!r}, password=***)"


class Unbind(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x06


class UnbindResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000006
    response: ClassVar[bool] = True


class EnquireLink(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x15


class EnquireLinkResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000015
    response: ClassVar[bool] = True


class ShortMessage(Pdu, frozen=True, gc=False):
    """The common body of submit_sm and deliver_sm."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


class SubmitSm(ShortMessage, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x04


class Framed(Pdu, frozen=True, gc=False):
    """A PDU whose body is octets already: written once, it waits in little memory and is sent as often as it takes."""

    body: bytes = b""
    """Everything behind the header."""


class FramedSubmit(Framed, frozen=True, gc=False):
    """A submit_sm."""

    command_id: ClassVar[int] = SubmitSm.command_id


class SubmitSmResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000004
    response: ClassVar[bool] = True

    message_id: str = ""
    tlvs: Tlvs = ()
    """None in 3.4; 5.0 adds congestion_state."""


class DeliverSm(ShortMessage, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x05


class FramedDeliver(Framed, frozen=True, gc=False):
    """A deliver_sm."""

    command_id: ClassVar[int] = DeliverSm.command_id


class DeliverSmResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000005
    response: ClassVar[bool] = True

    message_id: str = ""
    tlvs: Tlvs = ()


class DataSm(Pdu, frozen=True, gc=False):
    """The text travels in the TLV message_payload."""

    command_id: ClassVar[int] = 0x103

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()


class DataSmResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000103
    response: ClassVar[bool] = True

    message_id: str = ""
    tlvs: Tlvs = ()


class QuerySm(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x03

    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""


class QuerySmResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000003
    response: ClassVar[bool] = True

    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0


class CancelSm(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x08

    service_type: str = ""
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


class CancelSmResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000008
    response: ClassVar[bool] = True


class ReplaceSm(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x07

    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


class ReplaceSmResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000007
    response: ClassVar[bool] = True


class SmeAddress(msgspec.Struct, frozen=True, gc=False):
    """One number among the destinations of a submit_multi (dest_flag 1)."""

    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: str


class DistributionList(msgspec.Struct, frozen=True, gc=False):
    """A list kept by the carrier (dest_flag 2)."""

    dl_name: str


class Unsuccess(msgspec.Struct, frozen=True, gc=False):
    """A destination of a submit_multi that was refused."""

    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: str
    error_status_code: int


class SubmitMulti(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x21

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_address: tuple[SmeAddress | DistributionList, ...] = ()
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


class SubmitMultiResp(Pdu, frozen=True, gc=False):
    command_id: ClassVar[int] = 0x80000021
    response: ClassVar[bool] = True

    message_id: str = ""
    unsuccess_sme: tuple[Unsuccess, ...] = ()


class AlertNotification(Pdu, frozen=True, gc=False):
    """A handset became reachable; it has no response."""

    command_id: ClassVar[int] = 0x102

    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""
    tlvs: Tlvs = ()
