"""Which home network a mainland number was issued by: a routing hint, since numbers can be ported to another network.

The table is built once at start from the `phonenumbers` metadata (prefixes of 2 to 4 digits) and the ranges it has no name for; a look-up
is a few dictionary accesses. Asking the library for each message would cost 45 microseconds.
"""

from collections.abc import Mapping

import msgspec
from phonenumbers.carrierdata import CARRIER_DATA

from hongyan.model.countries import COUNTRY_NAMES
from hongyan.model.phone import MAINLAND_CODE, Phone

NETWORKS = {"China Mobile": "cmcc", "China Unicom": "cucc", "China Telecom": "ctcc", "China Broadnet": "cbn"}
"""The four networks, as the metadata and as we call them."""

RESELLERS = {"162": "ctcc", "165": "cmcc", "167": "cucc", "170": "", "171": "cucc"}
"""Ranges of virtual operators: the network that carries them. 170 is divided by its fourth digit."""


class Numbering(msgspec.Struct, frozen=True):
    """The numbering plan as a value."""

    networks: dict[str, str]
    """National prefix to network."""
    lengths: tuple[int, ...]
    """Lengths of the prefixes, the longest in front."""
    beginnings: dict[int, str]
    """By country code and four digits: the network of all numbers that begin so, where no longer prefix divides them."""

    def carrier(self, number: int) -> str:
        """One of "cmcc", "cucc", "ctcc", "cbn"; empty for a number abroad or of no known range."""
        found = self.beginnings.get(number // 10**7)
        if found is not None or number // 10**11 != MAINLAND_CODE:
            return found or ""
        return _longest(self.networks, self.lengths, str(number)[2:])


def _longest(networks: Mapping[str, str], lengths: tuple[int, ...], national: str) -> str:
    """The network of the longest prefix of a national number."""
    return next((networks[prefix] for length in lengths if (prefix := national[:length]) in networks), "")


def build(overlay: Mapping[str, str] | None = None) -> Numbering:
    """The plan from the library's metadata, the resellers' ranges, and the operator's own `overlay` on top (national prefix to network)."""
    plan = dict(RESELLERS)
    for prefix, names in CARRIER_DATA.items():
        if prefix.startswith(str(MAINLAND_CODE)) and (network := NETWORKS.get(names.get("en", ""))) is not None:
            plan[prefix.removeprefix(str(MAINLAND_CODE))] = network
    plan |= overlay or {}
    lengths = tuple(sorted({len(prefix) for prefix in plan}, reverse=True))
    divided = {prefix[:4] for prefix in plan if len(prefix) > 4}  # noqa: PLR2004 - as `beginnings` says
    undivided = [national for national in map(str, range(1000, 2000)) if national not in divided]
    return Numbering(
        networks=plan,
        lengths=lengths,
        beginnings={int(f"{MAINLAND_CODE}{national}"): _longest(plan, lengths, national) for national in undivided},
    )


def country_name(phone: Phone) -> str:
    """The country in English, as DescribePhoneNumberInfo names it; empty when it is not known."""
    return COUNTRY_NAMES.get(phone.region, "")
