"""Golden bytes: each capture is read as its JSON says and written as its hex says."""

import json
from pathlib import Path
from typing import Any

import pytest

from hongyan.wire.smpp import Smpp, pdu

FOLDER = Path(__file__).parents[2] / "captures" / "smpp"
CASES = sorted(path.stem for path in FOLDER.glob("*.hex"))
SMPP = Smpp()
ITEMS = {"dest_address": (pdu.SmeAddress, pdu.DistributionList), "unsuccess_sme": (pdu.Unsuccess,)}


def item(name: str, fields: dict[str, Any]) -> object:
    return next(kind(**fields) for kind in ITEMS[name] if set(kind.__struct_fields__) == set(fields))


def expected(capture: dict[str, Any]) -> pdu.Pdu:
    fields = dict(capture["fields"])
    if "short_message" in fields:
        fields["short_message"] = bytes.fromhex(fields["short_message"])
    if "tlvs" in fields:
        fields["tlvs"] = tuple((tag, bytes.fromhex(value["hex"]) if isinstance(value, dict) else value) for tag, value in fields["tlvs"])
    for name in ITEMS.keys() & fields.keys():
        fields[name] = tuple(item(name, one) for one in fields[name])
    found: pdu.Pdu = getattr(pdu, capture["pdu"])(**fields)
    return found


def test_there_are_captures() -> None:
    assert len(CASES) >= 20


@pytest.mark.parametrize("case", CASES)
def test_captures_are_read_and_written_to_the_octet(case: str) -> None:
    octets = bytes.fromhex((FOLDER / f"{case}.hex").read_text())
    value = expected(json.loads((FOLDER / f"{case}.json").read_text()))
    assert SMPP.decode(octets, 0, len(octets)) == value
    assert SMPP.encode(value) == octets
