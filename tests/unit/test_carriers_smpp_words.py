"""Our words to SMPP's and back, by table."""

from typing import Any

import msgspec
import pytest

from hongyan.carriers import smpp_words, statusmap
from hongyan.model.carrier import Declined, Lost, Receipt, Reply, Submitted, Throttled, Verdict
from hongyan.model.snapshot import LinkConfig
from hongyan.model.text import Alphabet
from hongyan.pipeline.ports import OutboundSegment
from hongyan.wire.codec import Unencodable
from hongyan.wire.smpp import Smpp, receipt_text, status
from hongyan.wire.smpp.pdu import DataSm, DeliverSm, EnquireLinkResp, GenericNack, Pdu, SubmitSmResp
from hongyan.wire.smpp.tlv import Tag

CONFIG = LinkConfig(id=3, name="a", protocol="smpp", host="h", port=1, system_id="s", password="p", sender_id="1069999", service_type="CMT")
LATIN1 = msgspec.structs.replace(CONFIG, default_alphabet="latin1")
NOW = 1_795_310_000.0
SEGMENT = OutboundSegment(1, 7, 1, 1, 8613800138000, "1069123", Alphabet.GSM7, "Hi @", 0xE1, 513, 300)


def test_a_segment_becomes_a_submit() -> None:
    pdu = smpp_words.submit(SEGMENT, CONFIG)
    assert (pdu.service_type, pdu.source_addr, pdu.destination_addr) == ("CMT", "1069123", "8613800138000")
    assert (pdu.data_coding, pdu.esm_class, pdu.short_message) == (0, 0, b"Hi \0")
    assert (pdu.validity_period, pdu.registered_delivery, pdu.tlvs) == ("000000000500000R", 1, ((Tag.USER_MESSAGE_REFERENCE, 513),))


def test_a_segment_of_many_carries_its_header() -> None:
    pdu = smpp_words.submit(msgspec.structs.replace(SEGMENT, sequence=2, total=3, text="x", validity_s=0), CONFIG)
    assert (pdu.esm_class, pdu.short_message.hex(), pdu.validity_period) == (0x40, "050003e1030278", "")


def test_segments_alike_are_written_as_each_would_be_alone() -> None:
    """Whatever comes after whatever, and whether or not it is written as octets by then."""
    replaced = msgspec.structs.replace
    first = (SEGMENT, replaced(SEGMENT, phone=8613900139000, reference=514), replaced(SEGMENT, phone=15551234567, reference=0))
    coded = tuple(replaced(segment, alphabet=Alphabet.UCS2) for segment in first)
    others = (*(replaced(segment, sender_id="") for segment in first), *(replaced(segment, validity_s=9) for segment in first))
    long = (replaced(SEGMENT, total=2), replaced(SEGMENT, total=2, sequence=2))
    submits = smpp_words.Submits(CONFIG, Smpp())
    for segment in (*first, *coded, *first, *others, *long, *first):
        frame = Smpp().encode(submits.write(segment), 77)
        assert frame == Smpp().encode(smpp_words.submit(segment, CONFIG), 77)


def test_a_text_that_cannot_be_written_stays_so() -> None:
    submits = smpp_words.Submits(LATIN1, Smpp())
    for _ in range(3):
        with pytest.raises(Unencodable):
            submits.write(msgspec.structs.replace(SEGMENT, text="€" * 71))
    assert submits.write(SEGMENT) == smpp_words.submit(SEGMENT, LATIN1)


def test_a_segment_without_a_sender_shows_the_links_own() -> None:
    assert smpp_words.submit(msgspec.structs.replace(SEGMENT, sender_id=""), CONFIG).source_addr == "1069999"


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("", (0, 0, "")),
        ("95588", (3, 0, "95588")),
        ("106912345678", (0, 1, "106912345678")),
        ("+8613800138000", (1, 1, "8613800138000")),
        ("Hongyan", (5, 0, "Hongyan")),
        ("+plus", (5, 0, "+plus")),
    ],
)
def test_senders_have_types(sender: str, expected: tuple[int, int, str]) -> None:
    assert smpp_words.source_address(sender) == expected


@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [("é€", CONFIG, (0, b"\x05\x1b\x65")), ("é", LATIN1, (0, b"\xe9")), ("€", LATIN1, (8, b"\x20\xac")), ("Δ", LATIN1, (8, b"\x03\x94"))],
    ids=["GSM-7", "Latin-1", "euro over Latin-1", "Greek over Latin-1"],
)
def test_the_default_alphabet_is_the_links(text: str, config: LinkConfig, expected: tuple[int, bytes]) -> None:
    pdu = smpp_words.submit(msgspec.structs.replace(SEGMENT, text=text), config)
    assert (pdu.data_coding, pdu.short_message) == expected


def test_what_a_links_alphabet_lacks_and_ucs2_cannot_hold_is_refused() -> None:
    with pytest.raises(Unencodable):
        smpp_words.submit(msgspec.structs.replace(SEGMENT, text="€" * 71), LATIN1)
    with pytest.raises(Unencodable):
        smpp_words.submit(msgspec.structs.replace(SEGMENT, text="€" * 68, total=2), LATIN1)


@pytest.mark.parametrize(
    ("pdu", "expected"),
    [
        (SubmitSmResp(1, 0, "a"), Submitted("a")),
        (SubmitSmResp(1, 0x58), Throttled(1.0, "RTHROTTLED")),
        (SubmitSmResp(1, 0x04), Throttled(10.0, "RINVBNDSTS")),
        (SubmitSmResp(1, 0x45), Throttled(10.0, "RSUBMITFAIL")),
        (SubmitSmResp(1, 0x499), Declined("0x00000499")),
        (GenericNack(1, 0x58), Throttled(1.0, "RTHROTTLED")),
        (GenericNack(1, 0), Declined("ROK")),
        (EnquireLinkResp(1), Lost("answered with EnquireLinkResp")),
    ],
    ids=repr,
)
def test_answers_are_outcomes(pdu: Pdu, expected: object) -> None:
    assert smpp_words.outcome(pdu) == expected


def receipt(**facts: Any) -> Receipt:
    found = smpp_words.received(DeliverSm(**{"esm_class": 4, "source_addr": "+8613800138000", **facts}), CONFIG, NOW)
    assert isinstance(found, Receipt)
    return found


@pytest.mark.parametrize(
    ("done_at", "expected"),
    [
        (receipt_text.date(NOW - 120), NOW - 120 - (NOW - 120) % 60 + 59),
        (receipt_text.date(NOW), NOW),
        (receipt_text.date(NOW - 120, with_seconds=True), NOW - 120),
        (receipt_text.date(NOW + 8 * 3600), NOW),
        (receipt_text.date(NOW - 80 * 3600), NOW),
        ("", NOW),
        ("soon", NOW),
    ],
    ids=["a minute", "this minute", "a second", "the future", "long ago", "none", "no date"],
)
def test_the_time_of_a_receipt_is_the_carriers_where_it_can_be_true(done_at: str, expected: float) -> None:
    assert receipt(short_message=f"id:1 done date:{done_at} stat:DELIVRD".encode()).done_at == expected


@pytest.mark.parametrize(
    ("stat", "state", "expected"),
    [
        ("UNDELIV", None, ("UNDELIV", Verdict.FAILED)),
        ("MK:0001", 5, ("MK:0001", Verdict.FAILED)),
        ("DELIVRD", 3, ("EXPIRED", Verdict.EXPIRED)),
        ("", 2, ("DELIVRD", Verdict.DELIVERED)),
        ("", None, ("", Verdict.PENDING)),
        ("delivrd", None, ("delivrd", Verdict.DELIVERED)),
        ("DELIVRD", 77, ("DELIVRD", Verdict.DELIVERED)),
    ],
    ids=repr,
)
def test_parameters_win_over_the_text(stat: str, state: int | None, expected: tuple[str, Verdict]) -> None:
    tlvs = () if state is None else ((Tag.MESSAGE_STATE, state),)
    found = receipt(short_message=f"id:1 stat:{stat}".encode(), tlvs=tlvs)
    assert (found.code, found.verdict) == expected


def test_a_receipt_whose_type_was_forgotten_is_known_by_its_parameters_but_not_by_its_text() -> None:
    by_parameters = DeliverSm(tlvs=((Tag.RECEIPTED_MESSAGE_ID, "1"), (Tag.MESSAGE_STATE, 2)))
    assert isinstance(smpp_words.received(by_parameters, CONFIG, NOW), Receipt)
    by_text = DeliverSm(source_addr="138", short_message=b"id:1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:")
    assert isinstance(smpp_words.received(by_text, CONFIG, NOW), Reply)


@pytest.mark.parametrize(
    ("address", "phone"), [("+86 138-0013 8000", 8613800138000), ("Bank", 0), ("", 0), ("1" * 16, 0), ("1" * 15, 111111111111111)]
)
def test_phones_are_digits_or_nothing(address: str, phone: int) -> None:
    assert receipt(source_addr=address).phone == phone


def test_replies_hold_nothing_that_a_database_refuses() -> None:
    pdu = DataSm(source_addr="138", tlvs=((Tag.MESSAGE_PAYLOAD, b"a\0b"),), data_coding=3)
    assert smpp_words.received(pdu, CONFIG, NOW) == Reply(link_id=3, phone=138, to="", text="ab", received_at=NOW)


def test_every_state_has_a_word_and_every_word_a_verdict() -> None:
    assert set(statusmap.STATES.values()) <= statusmap.WORDS.keys()
    final = {state for state, word in statusmap.STATES.items() if statusmap.verdict(word) is not Verdict.PENDING}
    assert final == {2, 3, 4, 5, 8, 9}


@pytest.mark.parametrize(("word", "verdict"), [("MK:0001", Verdict.FAILED), ("012", Verdict.FAILED), ("QUEUED", Verdict.PENDING)])
def test_words_nobody_lists(word: str, verdict: Verdict) -> None:
    assert statusmap.verdict(word) is verdict


def test_every_meaning_but_two_has_a_time_to_try_again() -> None:
    assert smpp_words.RETRY_IN_S.keys() == set(status.Meaning) - {status.Meaning.ACCEPTED, status.Meaning.PERMANENT}


@pytest.mark.parametrize("id_", ["0a1B", "", "1 2", "1:2", "\u00e9", "a-b", "1\t"], ids=repr)
@pytest.mark.parametrize("rest", ["", "ends\0 here", "id:9 stat:EXPIRED", "\u00e9"], ids=repr)
def test_a_receipt_says_the_same_whatever_was_read_before(id_: str, rest: str) -> None:
    """The fields behind the id are remembered; the reader of texts is the reference."""
    text = f"id:{id_} sub:001 dlvrd:001 submit date:2611220800 done date:2611220801 stat:DELIVRD err:000 text:{rest}"
    content = text.encode("latin-1")
    expected = receipt_text.parse(text.replace("\0", ""))
    for _ in range(2):
        found = receipt(short_message=content)
        assert (found.carrier_id, found.code, found.verdict) == (expected.id, expected.stat, Verdict.DELIVERED)


def test_of_a_repeated_parameter_the_first_counts() -> None:
    tlvs = ((Tag.RECEIPTED_MESSAGE_ID, "1"), (Tag.RECEIPTED_MESSAGE_ID, "2"), (Tag.MESSAGE_STATE, b""), (Tag.MESSAGE_STATE, 2))
    found = receipt(short_message=b"", tlvs=tlvs)
    assert (found.carrier_id, found.verdict) == ("1", Verdict.PENDING)
