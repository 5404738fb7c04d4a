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

    def carrier(self, number: int) -> str:
        """One of "cmcc", "cucc", "ctcc", "cbn"; empty for a number abroad or of no known range."""
        if number // 10**11 != MAINLAND_CODE:
            return ""
        national = str(number)[2:]
        networks = self.networks
        for length in self.lengths:
            if (found := networks.get(national[:length])) is not None:
                return found
        return ""


def build(overlay: Mapping[str, str] | None = None) -> Numbering:
    """The plan from the library's metadata, the resellers' ranges, and the operator's own `overlay` on top (national prefix to network)."""
    plan = dict(RESELLERS)
    for prefix, names in CARRIER_DATA.items():
        if prefix.startswith(str(MAINLAND_CODE)) and (network := NETWORKS.get(names.get("en", ""))) is not None:
            plan[prefix.removeprefix(str(MAINLAND_CODE))] = network
    plan |= overlay or {}
    return Numbering(networks=plan, lengths=tuple(sorted({len(prefix) for prefix in plan}, reverse=True)))


def country_name(phone: Phone) -> str:
    """The country in English, as DescribePhoneNumberInfo names it; empty when it is not known."""
    return COUNTRY_NAMES.get(phone.region, "")
