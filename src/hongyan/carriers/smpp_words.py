"""Between our words and SMPP's: segments to submit_sm, responses to outcomes, deliver_sm to receipts and replies."""

import functools
import re

from hongyan.carriers import statusmap
from hongyan.model.carrier import Declined, Lost, Part, Receipt, Reply, SubmitOutcome, Submitted, Throttled, Verdict
from hongyan.model.snapshot import LinkConfig
from hongyan.model.text import Alphabet
from hongyan.pipeline.ports import OutboundSegment
from hongyan.wire.codec import Unencodable
from hongyan.wire.smpp import Smpp, alphabet, receipt_text, status, tlv, udh
from hongyan.wire.smpp.pdu import DataSm, DeliverSm, GenericNack, Pdu, SubmitSm, SubmitSmResp
from hongyan.wire.smpp.receipt_text import ReceiptText
from hongyan.wire.smpp.series import Series
from hongyan.wire.smpp.status import Meaning
from hongyan.wire.smpp.times import relative
from hongyan.wire.smpp.tlv import Tag
from hongyan.wire.smpp.udh import Concatenation

UNKNOWN_TON, INTERNATIONAL, NETWORK_SPECIFIC, ALPHANUMERIC = 0, 1, 3, 5
UNKNOWN_NPI, E164 = 0, 1
SHORT_CODE = 6
"""Sender numbers of up to so many digits are the network's own codes."""

GSM7, LATIN1, UCS2 = 0, 3, 8
UDHI = 0x40
MESSAGE_TYPE = 0x3C
RECEIPT, INTERMEDIATE = 0x04, 0x20
ALWAYS = 1
"""registered_delivery: a receipt for success and for failure."""
OCTETS = 140

RETRY_IN_S: dict[Meaning, float] = {Meaning.THROTTLED: 1.0, Meaning.FULL: 5.0, Meaning.TEMPORARY: 10.0}
"""When a segment that was definitely not taken may be offered again."""

_NOT_DIGIT = re.compile(r"\D", re.ASCII)
_LONGEST_PHONE = 15
"""E.164; what is longer is no handset."""
_RECEIPT_AGE_S = 72 * 3600
_CLOCKS_DIFFER_S = 60
_LAST_SECOND = 59
_ID = b"id:"
_USUAL_LENGTH = 254
"""Octets of a short_message; what is longer is no ordinary receipt."""
# Plain integers: members of an enumeration are compared with what came from the wire the long way.
_STATE, _RECEIPTED, _REFERENCE = int(Tag.MESSAGE_STATE), int(Tag.RECEIPTED_MESSAGE_ID), int(Tag.USER_MESSAGE_REFERENCE)


def submit(segment: OutboundSegment, config: LinkConfig) -> SubmitSm:
    """Return the PDU of a segment; raises `Unencodable` when the carrier's alphabet or an address cannot carry it."""
    coding, text = _coded(segment, config)
    sender = segment.sender_id or config.sender_id
    ton, npi, source = source_address(sender)
    esm_class = 0
    if segment.total > 1:
        esm_class = UDHI
        text = udh.build(Concatenation(segment.udh_reference, segment.total, segment.sequence)) + text
    return SubmitSm(
        service_type=config.service_type,
        source_addr_ton=ton,
        source_addr_npi=npi,
        source_addr=source,
        dest_addr_ton=INTERNATIONAL,
        dest_addr_npi=E164,
        destination_addr=str(segment.phone),
        esm_class=esm_class,
        validity_period=_validity(segment.validity_s) if segment.validity_s > 0 else "",
        registered_delivery=ALWAYS,
        data_coding=coding,
        short_message=text,
        tlvs=((Tag.USER_MESSAGE_REFERENCE, segment.reference),),
    )


class Submits:
    """Writes submits for one link; numbers that are sent one text after the other share what is alike in theirs."""

    def __init__(self, config: LinkConfig, codec: Smpp) -> None:
        self._config = config
        self._codec = codec
        self._like: tuple[str, Alphabet, str, int] | None = None
        """Text, its coding, sender and validity of the last short message."""
        self._series: Series | None = None
        """Once a second segment was like the last."""

    def write(self, segment: OutboundSegment) -> Pdu:
        """Return `submit` of it, perhaps as octets; raises `Unencodable`."""
        if segment.total > 1:
            return submit(segment, self._config)
        like = (segment.text, segment.alphabet, segment.sender_id, segment.validity_s)
        if like != self._like:
            self._like, self._series = like, None
            return submit(segment, self._config)
        if self._series is None:
            self._series = Series(submit(segment, self._config), self._codec)
        return self._series.to(segment.phone, segment.reference)


def source_address(sender: str) -> tuple[int, int, str]:
    """Return TON, NPI and address of a sender number or name.

    Names are alphanumeric 5/0; up to six digits are a short code, network specific 3/0; a leading plus says international 1/1; other
    numbers (1069...) leave the type to the carrier, 0/1; no sender at all leaves the carrier its own, 0/0.
    """
    if not sender:
        return UNKNOWN_TON, UNKNOWN_NPI, ""
    if sender.isdecimal():
        return (NETWORK_SPECIFIC, UNKNOWN_NPI, sender) if len(sender) <= SHORT_CODE else (UNKNOWN_TON, E164, sender)
    if sender[0] == "+" and sender[1:].isdecimal():
        return INTERNATIONAL, E164, sender[1:]
    return ALPHANUMERIC, UNKNOWN_NPI, sender


def outcome(pdu: Pdu) -> SubmitOutcome:
    """Return what the answer to a submit says."""
    if isinstance(pdu, SubmitSmResp):
        if pdu.status == status.OK:
            return Submitted(pdu.message_id)
    elif not isinstance(pdu, GenericNack):
        return Lost(f"answered with {type(pdu).__name__}")
    retry_in_s = RETRY_IN_S.get(status.meaning(pdu.status))
    code = status.name(pdu.status)
    return Declined(code) if retry_in_s is None else Throttled(retry_in_s, code)


def received(pdu: DeliverSm | DataSm, config: LinkConfig, now: float) -> Receipt | Reply:
    """Return what the carrier delivers; whatever it wrote, something comes out."""
    kind = pdu.esm_class & MESSAGE_TYPE
    content = pdu.short_message if isinstance(pdu, DeliverSm) else b""
    if not content:
        content = tlv.octets(pdu.tlvs, Tag.MESSAGE_PAYLOAD) or b""
    if kind in (RECEIPT, INTERMEDIATE) or _is_receipt_by_parameters(pdu):
        return _receipt(pdu, content, config, now)
    part = _part_by_parameters(pdu)
    if pdu.esm_class & UDHI:
        concatenation, content = udh.parse(content)
        if concatenation is not None:
            part = _part(concatenation.reference, concatenation.total, concatenation.sequence)
    return Reply(
        link_id=config.id,
        phone=_phone(pdu.source_addr),
        to=pdu.destination_addr,
        text=_decoded(content, pdu.data_coding, config),
        received_at=now,
        part=part,
    )


def _part_by_parameters(pdu: DeliverSm | DataSm) -> Part | None:
    """By the sar_ parameters (SMPP 3.4 sections 5.3.2.22 to 24)."""
    return _part(*(tlv.integer(pdu.tlvs, tag) for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)))


def _part(reference: int | None, total: int | None, sequence: int | None) -> Part | None:
    """None for a whole text, and for numbers that make no sense."""
    if reference is None or total is None or sequence is None or not (total > 1 and 1 <= sequence <= total):
        return None
    return Part(reference, total, sequence)


def _coded(segment: OutboundSegment, config: LinkConfig) -> tuple[int, bytes]:
    if segment.alphabet is Alphabet.UCS2:
        return UCS2, alphabet.to_ucs2(segment.text)
    latin1 = config.default_alphabet == "latin1"
    octets = alphabet.to_latin1(segment.text) if latin1 else alphabet.to_gsm7(segment.text)
    if octets is not None:
        return GSM7, octets
    # What GSM-7 has and Latin-1 lacks (Greek capitals, the euro) can still go as UCS-2 when it is short.
    octets = alphabet.to_ucs2(segment.text)
    if len(octets) > OCTETS - (len(udh.build(Concatenation(0, 1, 1))) if segment.total > 1 else 0):
        raise Unencodable("the link's default alphabet lacks a character of this text")
    return UCS2, octets


def _is_receipt_by_parameters(pdu: DeliverSm | DataSm) -> bool:
    # Some carriers forget esm_class. Parameters cannot be forged by a handset, a text that looks like a receipt can.
    return bool(pdu.tlvs) and tlv.text(pdu.tlvs, Tag.RECEIPTED_MESSAGE_ID) is not None and tlv.find(pdu.tlvs, Tag.MESSAGE_STATE) is not None


def _receipt(pdu: DeliverSm | DataSm, content: bytes, config: LinkConfig, now: float) -> Receipt:
    id_, text = _receipt_text(content, pdu.data_coding or LATIN1, config)
    # Of a repeated parameter the first counts.
    parameters = dict(reversed(pdu.tlvs))
    state, receipted, reference = parameters.get(_STATE), parameters.get(_RECEIPTED), parameters.get(_REFERENCE)
    code, verdict = _verdict(text.stat, state if isinstance(state, int) else None)
    if pdu.esm_class & MESSAGE_TYPE == INTERMEDIATE:
        verdict = Verdict.PENDING
    return Receipt(
        link_id=config.id,
        carrier_id=receipted if receipted and isinstance(receipted, str) else id_,
        verdict=verdict,
        code=code,
        phone=_phone(pdu.source_addr),
        reference=reference if isinstance(reference, int) else None,
        done_at=_done_at(text.done_date, now),
    )


def _receipt_text(content: bytes, coding: int, config: LinkConfig) -> tuple[str, ReceiptText]:
    """Return the id and the fields. Receipts of a minute differ in hardly more than their ids: the rest is read once."""
    id_, _, rest = content.partition(b" ")
    if coding == LATIN1 and id_.startswith(_ID) and id_[len(_ID) :].isalnum() and len(content) <= _USUAL_LENGTH:
        usual = _receipt_text_without_id(rest)
        if usual is not None:
            return id_[len(_ID) :].decode("ascii"), usual
    text = receipt_text.parse(_decoded(content, coding, config))
    return text.id, text


@functools.lru_cache(maxsize=256)
def _receipt_text_without_id(rest: bytes) -> ReceiptText | None:
    return receipt_text.parse_usual("id: " + alphabet.from_latin1(rest).replace("\0", ""))


@functools.lru_cache(maxsize=256)
def _verdict(stat: str, state: int | None) -> tuple[str, Verdict]:
    """Return the code to show and what it means; the parameter wins where the text contradicts it."""
    said = statusmap.verdict(stat) if stat else Verdict.PENDING
    word = statusmap.STATES.get(state) if state is not None else None
    if word is None:
        return stat, said
    meant = statusmap.verdict(word)
    return (stat if stat and said is meant else word), meant


def _done_at(done_date: str, now: float) -> float:
    """Return when the carrier says it ended (China time; no receipt names its zone), else now: also when it cannot be true."""
    said = receipt_text.date_at(done_date) if done_date else None
    if said is None or not now - _RECEIPT_AGE_S <= said <= now + _CLOCKS_DIFFER_S:
        return now
    # Ten digits tell the minute only: within it, the arrival is the better word.
    whole_minute = len(done_date) == 10  # noqa: PLR2004 - YYMMDDhhmm
    return min(now, said + _LAST_SECOND if whole_minute else said)


def _decoded(content: bytes, coding: int, config: LinkConfig) -> str:
    """Return the text without NULs, which mean nothing and which no database keeps."""
    if coding == UCS2:
        text = alphabet.from_ucs2(content)
    elif coding == GSM7 and config.default_alphabet != "latin1":
        text = alphabet.from_gsm7(content)
    else:
        text = alphabet.from_latin1(content)
    return text.replace("\0", "")


def _phone(address: str) -> int:
    digits = address if address.isascii() and address.isdigit() else _NOT_DIGIT.sub("", address)
    return int(digits) if 0 < len(digits) <= _LONGEST_PHONE else 0


@functools.lru_cache(maxsize=1024)
def _validity(seconds: int) -> str:
    return relative(seconds)
