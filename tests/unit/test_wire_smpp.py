"""What lives inside SMPP fields, and how liberally frames are read."""

import pytest

from hongyan.model import text as model_text
from hongyan.wire.codec import Undecodable, Unencodable
from hongyan.wire.smpp import Smpp, alphabet, layout, pdu, receipt_text, status, times, tlv, udh
from hongyan.wire.smpp.receipt_text import ReceiptText
from hongyan.wire.smpp.status import Meaning
from hongyan.wire.smpp.tlv import Tag
from hongyan.wire.smpp.udh import Concatenation

SMPP = Smpp()


def read(frame: bytes) -> pdu.Pdu:
    return SMPP.decode(frame, 0, len(frame))


def frame(command: int, body: bytes, status: int = 0) -> bytes:
    return (16 + len(body)).to_bytes(4) + command.to_bytes(4) + status.to_bytes(4) + (1).to_bytes(4) + body


@pytest.mark.parametrize(
    ("command", "body", "expected"),
    [
        (0x80000004, b"", pdu.SubmitSmResp(1, 0)),
        (0x80000004, b"abc", pdu.SubmitSmResp(1, 0, "abc")),
        (0x80000004, b"abc\0\x04\x28\x00\x01\x50", pdu.SubmitSmResp(1, 0, "abc", ((Tag.CONGESTION_STATE, 80),))),
        (0x80000004, b"abc\0\x04\x28", pdu.SubmitSmResp(1, 0, "abc")),
        (0x80000009, b"SMSC", pdu.BindTransceiverResp(1, 0, "SMSC")),
        (0x80000005, b"", pdu.DeliverSmResp(1)),
        (0x80000003, b"id\0\0", pdu.QuerySmResp(1, 0, "id")),
        (0x80000015, b"surplus", pdu.EnquireLinkResp(1)),
    ],
    ids=["no body", "no NUL", "a 5.0 TLV", "half a TLV", "bind without NUL", "deliver without body", "query cut short", "surplus"],
)
def test_responses_are_read_liberally(command: int, body: bytes, expected: pdu.Pdu) -> None:
    assert read(frame(command, body)) == expected


def test_a_refused_submit_has_no_body() -> None:
    assert SMPP.encode(pdu.SubmitSmResp(1, 0x58)) == frame(0x80000004, b"", 0x58)
    assert SMPP.encode(pdu.DeliverSmResp(1, 0x64)) == frame(0x80000005, b"\0", 0x64)


RECEIPTED = b"\0\1\1861380\0\0\0001069\0\4\0\0\0\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b"\0\x1e\0\x03abc", ((Tag.RECEIPTED_MESSAGE_ID, "abc"),)),
        (b"\0\x1e\0\x04abc\0", ((Tag.RECEIPTED_MESSAGE_ID, "abc"),)),
        (b"\x04\x27\0\x01\x02", ((Tag.MESSAGE_STATE, 2),)),
        (b"\x04\x27\0\x02\0\x02", ((Tag.MESSAGE_STATE, b"\0\2"),)),
        (b"\x14\0\0\x02hi", ((0x1400, b"hi"),)),
    ],
    ids=["id without NUL", "id", "state", "state in two octets", "a carrier's own"],
)
def test_optional_parameters_of_receipts_are_read_liberally(tail: bytes, expected: tlv.Tlvs) -> None:
    found = read(frame(0x05, RECEIPTED + tail))
    assert isinstance(found, pdu.DeliverSm)
    assert found.tlvs == expected


def test_a_receipt_with_a_broken_end_is_kept_but_a_submit_is_refused() -> None:
    assert isinstance(read(frame(0x05, RECEIPTED + b"\0\x1e\0\xffabc")), pdu.DeliverSm)
    with pytest.raises(Undecodable):
        read(frame(0x04, RECEIPTED + b"\0\x1e\0\xffabc"))


@pytest.mark.parametrize(
    "bad",
    [
        pdu.SubmitSm(source_addr="1" * 21),
        pdu.SubmitSm(destination_addr="138\0"),
        pdu.SubmitSm(destination_addr="鸿雁"),
        pdu.SubmitSm(dest_addr_ton=256),
        pdu.SubmitSm(short_message=b"x" * 255),
        pdu.SubmitSm(validity_period="3 days"),
        pdu.SubmitSm(service_type="toolong"),
        pdu.SubmitSm(tlvs=((Tag.USER_MESSAGE_REFERENCE, 65_536),)),
        pdu.SubmitSm(tlvs=((0x1400, 1),)),
        pdu.BindTransceiver(password="nine chars"),
        pdu.SubmitMulti(dest_address=(pdu.DistributionList("x"),) * 255),
        pdu.SubmitSmResp(message_id="x" * 65),
        pdu.DataSm(tlvs=((Tag.MESSAGE_PAYLOAD, b"x" * 65_536),)),
        pdu.DataSm(tlvs=((Tag.RECEIPTED_MESSAGE_ID, "é"),)),
    ],
    ids=lambda bad: type(bad).__name__,
)
def test_what_the_specification_forbids_is_not_written(bad: pdu.Pdu) -> None:
    with pytest.raises(Unencodable):
        SMPP.encode(bad)


def test_passwords_are_not_shown() -> None:
    assert "hunter2" not in repr(pdu.BindTransceiver(password="hunter2")) + repr(pdu.Outbind(password="hunter2"))


def test_every_command_has_a_response_of_its_own_number() -> None:
    without = {pdu.Outbind.command_id, pdu.AlertNotification.command_id, pdu.GenericNack.command_id}
    requests = {number for number in layout.COMMANDS if not number & 0x80000000} - without
    assert {number | 0x80000000 for number in requests} == {kind.command_id for kind in layout.LAYOUTS if kind.response} - without


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (0, Meaning.ACCEPTED),
        (0x58, Meaning.THROTTLED),
        (0x14, Meaning.FULL),
        (8, Meaning.TEMPORARY),
        (0x0B, Meaning.PERMANENT),
        (0x499, Meaning.PERMANENT),
    ],
)
def test_statuses_have_meanings(code: int, meaning: Meaning) -> None:
    assert status.meaning(code) is meaning


def test_statuses_have_names() -> None:
    assert status.name(0x58) == "RTHROTTLED"
    assert status.name(0x499) == "0x00000499"


@pytest.mark.parametrize(
    ("part", "octets"),
    [(Concatenation(0xE1, 2, 1), "050003e10201"), (Concatenation(0xABCD, 3, 2, wide=True), "060804abcd0302")],
)
def test_headers_of_segments(part: Concatenation, octets: str) -> None:
    assert udh.build(part).hex() == octets
    assert udh.parse(udh.build(part) + b"text") == (part, b"text")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", (None, b"")),
        ("ff00", (None, b"")),
        ("00" + "41", (None, b"A")),
        ("0605041581158241", (None, b"A")),
        ("0b0504158115820003e1020141", (Concatenation(0xE1, 2, 1), b"A")),
        ("0500030102", (None, b"")),
    ],
    ids=["empty", "too long", "no elements", "ports", "ports and concatenation", "cut"],
)
def test_other_headers_are_stepped_over(content: str, expected: tuple[Concatenation | None, bytes]) -> None:
    assert udh.parse(bytes.fromhex(content)) == expected


def test_the_alphabet_is_the_one_texts_are_counted_in() -> None:
    every = [*model_text.GSM7_BASIC.replace("\x1b", ""), *model_text.GSM7_ESCAPED]
    for character in every:
        octets = alphabet.to_gsm7(character)
        assert octets is not None
        assert alphabet.from_gsm7(octets) == character
        assert len(octets) == model_text.units(character, model_text.Alphabet.GSM7)
    assert alphabet.to_gsm7("鸿") is None
    assert len(alphabet._SEPTETS) == len(every)


@pytest.mark.parametrize(
    ("octets", "text"), [(b"\x1b", ""), (b"\x1b\x00", "@"), (b"\xff", "?"), (b"\x1b\xff", "?"), (b"\x1b\x1b\x65", "?e")]
)
def test_septets_that_mean_nothing_do_no_harm(octets: bytes, text: str) -> None:
    assert alphabet.from_gsm7(octets) == text


def test_ucs2_takes_emoji_and_survives_halves() -> None:
    assert alphabet.from_ucs2(alphabet.to_ucs2("鸿😀")) == "鸿😀"
    assert alphabet.to_ucs2("\ud800") == b"\0?"
    assert alphabet.from_ucs2(b"\x9e\x3f\x00") == "鸿�"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "000000000001000R"), (90, "000000000130000R"), (259_200, "000003000000000R"), (40 * 86_400, "000110000000000R")],
)
def test_relative_times(seconds: float, text: str) -> None:
    assert times.relative(seconds) == text
    assert times.parse(text, 100.0) == 100.0 + max(1, seconds)


def test_absolute_times() -> None:
    assert times.absolute(1_700_000_000) == "231115061320032+"
    assert times.parse("231115061320032+", 0.0) == 1_700_000_000
    assert times.parse("231114201320008-", 0.0) == 1_700_000_000
    assert times.parse("231315061320032+", 0.0) is None
    assert times.parse("tomorrow", 0.0) is None


RECEIPT = ReceiptText("0e999F", "001", "001", "2611220101", "2611220102", "DELIVRD", "000", "hello")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (receipt_text.write(RECEIPT), RECEIPT),
        ("err:000 STAT:DELIVRD Done Date:2611220102 Submit_Date:2611220101 DLVRD:001 Sub:001 ID:0e999F Text:hello", RECEIPT),
        ("id:5 stat:UNDELIV", ReceiptText(id="5", stat="UNDELIV")),
        ("id:5 stat:DELIVRD text:id:6 stat:EXPIRED", ReceiptText(id="5", stat="DELIVRD", text="id:6 stat:EXPIRED")),
        ("id: 5  stat: DELIVRD ", ReceiptText(id="5", stat="DELIVRD")),
        ("id:5 id:6", ReceiptText(id="5")),
        ("smscid:5", ReceiptText()),
        ("", ReceiptText()),
    ],
    ids=["as written", "any order and case", "missing", "text is the rest", "spaces", "twice", "inside a word", "empty"],
)
def test_receipt_texts_are_read_as_carriers_write_them(text: str, expected: ReceiptText) -> None:
    assert receipt_text.parse(text) == expected


def test_receipt_dates_have_ten_or_twelve_digits() -> None:
    assert receipt_text.date_at("2311150613") == 1_699_999_980
    assert receipt_text.date_at("231115061320") == 1_700_000_000
    assert receipt_text.date(1_700_000_000) == "2311150613"
    assert receipt_text.date(1_700_000_000, with_seconds=True) == "231115061320"
    assert receipt_text.date_at("000000000000") is None
    assert receipt_text.date_at("23111506132") is None
