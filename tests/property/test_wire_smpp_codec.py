"""The SMPP codec keeps its laws: round trips, the fast path agrees with the table, garbage is refused and nothing else."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.wire.codec import Undecodable
from hongyan.wire.smpp import Smpp, layout, pdu, tlv
from hongyan.wire.smpp.codec import decode_by_table, encode_by_table

CODEC = Smpp()
OCTET = st.integers(0, 255)
ASCII = st.characters(min_codepoint=1, max_codepoint=127)
ADDRESS = st.builds(pdu.SmeAddress, OCTET, OCTET, st.text(ASCII, max_size=20))
KINDS: dict[layout.Kind, st.SearchStrategy[object]] = {
    layout.OCTET: OCTET,
    layout.TIME: st.one_of(st.just(""), st.text(ASCII, min_size=16, max_size=16)),
    layout.MESSAGE: st.binary(max_size=254),
    **{getattr(layout, f"TEXT_{limit}"): st.text(ASCII, max_size=limit - 1) for limit in (6, 9, 13, 16, 21, 41, 65)},
}
LISTS: dict[str, st.SearchStrategy[object]] = {
    "dest_address": st.lists(st.one_of(ADDRESS, st.builds(pdu.DistributionList, st.text(ASCII, max_size=20))), max_size=5).map(tuple),
    "unsuccess_sme": st.lists(
        st.builds(pdu.Unsuccess, OCTET, OCTET, st.text(ASCII, max_size=20), st.integers(0, 0xFFFFFFFF)), max_size=5
    ).map(tuple),
}
UNKNOWN_TAGS = st.integers(0, 0xFFFF).filter(lambda tag: tag not in tlv.INTEGERS and tag not in tlv.TEXTS)
ONE_TLV = st.one_of(
    st.sampled_from(sorted(tlv.INTEGERS)).flatmap(lambda tag: st.tuples(st.just(tag), st.integers(0, (1 << 8 * tlv.INTEGERS[tag]) - 1))),
    st.sampled_from(sorted(tlv.TEXTS)).flatmap(lambda tag: st.tuples(st.just(tag), st.text(ASCII, max_size=tlv.TEXTS[tag] - 1))),
    st.tuples(UNKNOWN_TAGS, st.binary(max_size=40)),
)
TLVS = st.lists(ONE_TLV, max_size=4).map(tuple)
SEQUENCES = st.integers(1, 0x7FFFFFFF)


def pdus(kind: type[pdu.Pdu]) -> st.SearchStrategy[pdu.Pdu]:
    fields = {name: LISTS[name] if name in LISTS else KINDS[field] for name, field in layout.LAYOUTS[kind]}
    if "tlvs" in kind.__struct_fields__:
        fields["tlvs"] = TLVS
    status = st.sampled_from((0, 0, 0x58, 0x0B)) if kind.response else st.just(0)
    return st.builds(kind, sequence=SEQUENCES, status=status, **fields)


ANY = st.one_of([pdus(kind) for kind in layout.LAYOUTS])
FAST = st.one_of([pdus(kind) for kind in (pdu.SubmitSm, pdu.DeliverSm, pdu.SubmitSmResp, pdu.DeliverSmResp)])


@pytest.mark.parametrize("kind", layout.LAYOUTS, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_what_is_written_is_read_back(kind: type[pdu.Pdu], data: st.DataObject) -> None:
    original = data.draw(pdus(kind))
    frame = CODEC.encode(original)
    assert CODEC.decode(frame, 0, len(frame)) == original
    assert int.from_bytes(frame[:4]) == len(frame)


@settings(max_examples=100)
@given(original=FAST, sequence=SEQUENCES)
def test_the_fast_path_writes_and_reads_what_the_table_does(original: pdu.Pdu, sequence: int) -> None:
    frame = encode_by_table(original, sequence)
    assert CODEC.encode(original, sequence) == frame
    assert CODEC.decode(frame, 0, len(frame)) == decode_by_table(frame, 0, len(frame))


def outcome(frame: bytes, decode: Callable[[bytes, int, int], pdu.Pdu]) -> pdu.Pdu | tuple[int, str, bytes]:
    try:
        return decode(frame, 0, len(frame))
    except Undecodable as error:
        return error.sequence, error.reason, error.nack


@settings(max_examples=100)
@given(original=FAST, data=st.data())
def test_the_fast_path_agrees_with_the_table_on_damaged_frames(original: pdu.Pdu, data: st.DataObject) -> None:
    frame = bytearray(CODEC.encode(original))
    for _ in range(data.draw(st.integers(1, 3))):
        if len(frame) > 16:
            frame[data.draw(st.integers(16, len(frame) - 1))] = data.draw(OCTET)
    cut = bytes(frame[: data.draw(st.integers(16, len(frame)))])
    assert outcome(cut, CODEC.decode) == outcome(cut, decode_by_table)


@settings(max_examples=100)
@given(command=st.sampled_from([*layout.COMMANDS, 0x111, 0x80000111]), body=st.binary(max_size=120))
def test_a_garbled_body_is_undecodable_and_nothing_else(command: int, body: bytes) -> None:
    frame = (16 + len(body)).to_bytes(4) + command.to_bytes(4) + bytes(4) + (7).to_bytes(4) + body
    found = outcome(frame, CODEC.decode)
    if isinstance(found, pdu.Pdu):
        assert found.command_id == command
    else:
        sequence, _, nack = found
        assert sequence == 7
        assert len(nack) == (0 if command & 0x80000000 else 16)


@settings(max_examples=50)
@given(original=ANY)
def test_a_frame_is_read_wherever_it_stands(original: pdu.Pdu) -> None:
    frame = CODEC.encode(original)
    assert CODEC.decode(b"\xff" * 5 + frame + b"\xff" * 5, 5, 5 + len(frame)) == original


@settings(max_examples=50)
@given(original=ANY)
def test_values_are_ordinary_frozen_structs(original: pdu.Pdu) -> None:
    assert msgspec.structs.replace(original, sequence=9).sequence == 9
    assert hash(original) == hash(msgspec.structs.replace(original))
