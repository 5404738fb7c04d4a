"""What the simulated carrier writes, read back by the wire's own codec."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.model.text import Alphabet
from hongyan.simulator.accounts import Account, Parcel
from hongyan.simulator.handsets import DELIVRD, EXPIRED, MK_0001, UNDELIV, Ending
from hongyan.simulator.receipts import date, receipt, wanted
from hongyan.simulator.replies import MOST_SEGMENTS, reply
from hongyan.simulator.segments import Segment, segment_of
from hongyan.wire.smpp import Smpp, receipt_text, udh
from hongyan.wire.smpp.alphabet import from_gsm7, from_ucs2
from hongyan.wire.smpp.pdu import DeliverSm, FramedDeliver, SubmitSm
from hongyan.wire.smpp.tlv import Tag

addresses = st.text("0123456789+abcXYZ", max_size=20)
octets = st.integers(0, 255)


@given(
    submit=st.builds(
        SubmitSm,
        source_addr_ton=octets,
        source_addr_npi=octets,
        source_addr=addresses,
        dest_addr_ton=octets,
        dest_addr_npi=octets,
        destination_addr=addresses,
        data_coding=st.sampled_from([0, 8]),
        tlvs=st.one_of(st.just(()), st.integers(0, 0xFFFF).map(lambda reference: ((Tag.USER_MESSAGE_REFERENCE, reference),))),
    ),
    text=st.binary(max_size=140),
    message_id=st.text("0123456789abcdefABCDEF", min_size=1, max_size=20),
    ending=st.sampled_from([DELIVRD, UNDELIV, EXPIRED, MK_0001]),
    sequence=st.integers(1, 0x7FFFFFFF),
)
@settings(max_examples=100)
def test_a_receipt_is_the_deliver_sm_that_the_specification_describes(
    submit: SubmitSm, text: bytes, message_id: str, ending: Ending, sequence: int
) -> None:
    framed = receipt(submit, text, message_id=message_id, ending=ending, submitted="2611220800", done="2611220801")
    frame = Smpp().encode(framed, sequence)
    words = receipt_text.ReceiptText(
        id=message_id,
        sub="001",
        dlvrd="001" if ending is DELIVRD else "000",
        submit_date="2611220800",
        done_date="2611220801",
        stat=ending.stat,
        err=ending.err,
        text=text.decode("ascii") if submit.data_coding == 0 and text.isascii() and text.decode("ascii").isprintable() else "",
    )
    expected = DeliverSm(
        sequence=sequence,
        source_addr_ton=submit.dest_addr_ton,
        source_addr_npi=submit.dest_addr_npi,
        source_addr=submit.destination_addr,
        dest_addr_ton=submit.source_addr_ton,
        dest_addr_npi=submit.source_addr_npi,
        destination_addr=submit.source_addr,
        esm_class=0x04,
        short_message=receipt_text.write(words).encode("ascii"),
        tlvs=((Tag.RECEIPTED_MESSAGE_ID, message_id), (Tag.MESSAGE_STATE, int(ending.state)), *submit.tlvs),
    )
    assert Smpp().decode(frame, 0, len(frame)) == expected
    assert frame == Smpp().encode(expected)


def test_dates_are_in_the_carriers_own_time() -> None:
    assert date(1763775659.9, 8 * 3600) == "2511220940"
    assert date(1763775659.9, 0) == "2511220140"


@pytest.mark.parametrize(
    ("registered_delivery", "ending", "reported"),
    [
        (0x00, DELIVRD, False),
        (0x00, UNDELIV, False),
        (0x01, DELIVRD, True),
        (0x01, EXPIRED, True),
        (0x02, DELIVRD, False),
        (0x02, MK_0001, True),
        (0x03, DELIVRD, True),
        (0x03, UNDELIV, False),
        (0x11, DELIVRD, True),
        (0x10, DELIVRD, False),
    ],
)
def test_receipts_come_only_for_the_endings_that_were_asked_about(registered_delivery: int, ending: Ending, reported: bool) -> None:
    assert wanted(registered_delivery, ending) is reported


NARROW = udh.build(udh.Concatenation(7, 3, 2))
WIDE = udh.build(udh.Concatenation(700, 3, 2, wide=True))
SAR = ((Tag.SAR_MSG_REF_NUM, 7), (Tag.SAR_TOTAL_SEGMENTS, 3), (Tag.SAR_SEGMENT_SEQNUM, 2))


@pytest.mark.parametrize(
    ("submit", "segment"),
    [
        (SubmitSm(short_message=b"text"), Segment(b"text")),
        (SubmitSm(short_message=NARROW + b"text", esm_class=0x40), Segment(b"text", 2, 3)),
        (SubmitSm(short_message=WIDE + b"text", esm_class=0x43), Segment(b"text", 2, 3)),
        (SubmitSm(short_message=NARROW + b"text"), Segment(NARROW + b"text")),
        (SubmitSm(short_message=b"text", tlvs=SAR), Segment(b"text", 2, 3)),
        (SubmitSm(tlvs=((Tag.MESSAGE_PAYLOAD, b"text"),)), Segment(b"text")),
        (SubmitSm(tlvs=((Tag.MESSAGE_PAYLOAD, NARROW + b"text"),), esm_class=0x40), Segment(b"text", 2, 3)),
        (SubmitSm(short_message=b"\x05\x00\x03\x07\x02\x03text", esm_class=0x40), Segment(b"text")),
        (SubmitSm(short_message=b"\x06\x05\x04\x0b\x84\x23\xf0text", esm_class=0x40), Segment(b"text")),
        (SubmitSm(short_message=b"text", tlvs=((Tag.SAR_TOTAL_SEGMENTS, 1), (Tag.SAR_SEGMENT_SEQNUM, 2))), Segment(b"text")),
    ],
    ids=["alone", "udh-8", "udh-16", "no-udhi", "sar", "payload", "payload-udh", "contradiction", "ports", "sar-contradiction"],
)
def test_a_segments_place_is_read_in_every_way_there_is(submit: SubmitSm, segment: Segment) -> None:
    assert segment_of(submit) == segment


@given(st.binary(max_size=20))
@settings(max_examples=100)
def test_a_header_of_any_octets_is_read_without_complaint(octets: bytes) -> None:
    segment = segment_of(SubmitSm(short_message=octets, esm_class=0x40))
    assert 1 <= segment.number <= segment.total


@given(st.text(max_size=400), octets)
@settings(max_examples=100)
def test_a_reply_loses_nothing(text: str, reference: int) -> None:
    pdus = reply("8613800138000", "10690001", text, reference=reference)
    read = {Alphabet.GSM7: from_gsm7, Alphabet.UCS2: from_ucs2}[Alphabet(pdus[0].data_coding)]
    parts = [segment_of(SubmitSm(short_message=pdu.short_message, esm_class=pdu.esm_class)) for pdu in pdus]
    assert [(part.number, part.total) for part in parts] == [(number, len(pdus)) for number in range(1, len(pdus) + 1)]
    assert "".join(read(part.text) for part in parts) == text
    assert all(len(Smpp().encode(pdu, 1)) <= 16 + 40 + 160 for pdu in pdus)


def test_a_reply_longer_than_a_header_can_count_is_cut() -> None:
    assert len(reply("1", "2", "雁" * 70 * 300, reference=0)) == MOST_SEGMENTS


class Shelf:
    """A session with so much room that keeps what it is given."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.parcels: list[Parcel] = []

    @property
    def in_flight(self) -> int:
        return len(self.parcels)

    def give(self, parcel: Parcel) -> None:
        self.room -= 1
        self.parcels.append(parcel)


def parcels(count: int) -> list[Parcel]:
    return [Parcel(FramedDeliver(body=b"%d" % number)) for number in range(count)]


@given(st.lists(st.integers(0, 6), max_size=4), st.integers(0, 20))
@settings(max_examples=100)
def test_parcels_go_out_in_order_evenly_and_never_beyond_the_room(rooms: list[int], count: int) -> None:
    account = Account("hongyan")
    shelves = [Shelf(room) for room in rooms]
    account.receivers.extend(shelves)
    waiting = parcels(count)
    account.waiting.extend(waiting)
    sent = account.hand_out()
    given_out = [parcel for shelf in shelves for parcel in shelf.parcels]
    assert sent == len(given_out) == min(count, sum(rooms))
    assert list(account.waiting) == waiting[sent:]
    assert all(shelf.room >= 0 for shelf in shelves)
    free = [shelf.in_flight for shelf in shelves if shelf.room]
    assert max((shelf.in_flight for shelf in shelves), default=0) <= min(free, default=20) + 1


def test_what_was_not_answered_comes_first_and_what_is_done_never_again() -> None:
    account = Account("hongyan")
    lost, settled, later = parcels(3)
    settled.done = True
    account.waiting.append(later)
    account.take_back([lost, settled])
    later.done = True
    shelf = Shelf(10)
    account.receivers.append(shelf)
    assert account.hand_out() == 1
    assert shelf.parcels == [lost]
    assert not account.waiting
