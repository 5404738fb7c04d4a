"""Phone numbers: what customers write, what we keep (E.164 digits as one integer), what may be shown."""

import functools
import re

import msgspec
import phonenumbers

UNKNOWN_REGION = "DEF"
"""What Tencent answers for a country it cannot name."""


class Phone(msgspec.Struct, frozen=True):
    """A number that can be sent to."""

    number: int
    """E.164 digits without the plus."""
    region: str
    """ISO 3166 alpha-2, or "DEF" when the country cannot be told."""
    country_code: int
    national: str
    """The national significant number: without country code and trunk prefix, leading zeros kept."""
    mainland: bool
    """In mainland China; Hong Kong, Macao and Taiwan are abroad."""


MAINLAND_CODE = 86
_CHINA = 86 * 10**11
_MAINLAND = re.compile(r"(?:\+?86)?0?(1[3-9][0-9]{9})")
# What people put between digits, and the direction marks that come along when a number is copied from a contact card.
_ORNAMENT = re.compile("[\\s().\u00a0\u200b-\u200f\u202a-\u202e\u2010-\u2015\u2060\ufeff/-]+")
_FULL_WIDTH = {0xFF0B: "+", **{0xFF10 + digit: str(digit) for digit in range(10)}}
_COUNTRY_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
_SHORTEST, _LONGEST = 5, 15
_LONGEST_INPUT = 40


def parse(raw: str) -> Phone | None:
    """The number a customer means, or None when it cannot be sent to.

    Taken are "+<country code><number>" and "00<country code><number>" for the whole world, and for mainland China also "86138…", "138…",
    "0138…", and a trunk 0 after the country code ("+86018845720123", as Tencent's DescribePhoneNumberInfo takes it); blanks, dashes, dots
    and brackets between digits do not matter. Mainland numbers are mobile numbers of 11 digits from 13… to 19…; anything abroad must be
    of a known country code and a possible length.
    """
    if (usual := _MAINLAND.fullmatch(raw)) is not None:
        return _mainland(usual[1])
    return _parse_unusual(raw)


def _parse_unusual(raw: str) -> Phone | None:
    if len(raw) > _LONGEST_INPUT:
        return None
    plain = _ORNAMENT.sub("", raw.translate(_FULL_WIDTH))
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return None
    international = plain.startswith("+")
    if not international and digits.startswith("00"):
        international, digits = True, digits[2:]
    if international and not digits.startswith("86"):
        return _abroad(digits)
    found = _MAINLAND.fullmatch(digits)
    return None if found is None else _mainland(found[1])


def _mainland(national: str) -> Phone:
    return Phone(_CHINA + int(national), "CN", MAINLAND_CODE, national, True)  # noqa: FBT003 - by position: this runs for every recipient


@functools.lru_cache(maxsize=65_536)
def _abroad(digits: str) -> Phone | None:
    """The library takes some 50 microseconds, hence the (bounded) memory."""
    if not _SHORTEST <= len(digits) <= _LONGEST:
        return None
    try:
        found = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(found) or found.country_code is None:
        return None
    national = phonenumbers.national_significant_number(found)
    # Of a country code that several countries share only a number in use tells the country; the code's main country stands in.
    region = phonenumbers.region_code_for_number(found) or phonenumbers.region_code_for_country_code(found.country_code)
    return Phone(
        number=int(f"{found.country_code}{national}"),
        region=region if region.isalpha() and region != "ZZ" else UNKNOWN_REGION,
        country_code=found.country_code,
        national=national,
        mainland=False,
    )


def is_mainland(number: int) -> bool:
    """Whether an E.164 number that `parse` returned is in mainland China."""
    return number // 10**11 == MAINLAND_CODE


def e164(number: int) -> str:
    """With the plus in front."""
    return f"+{number}"


def country(number: int) -> tuple[int, str]:
    """Country code and national number of an E.164 number; (0, all digits) when no country has such a code."""
    if number // 10**11 == MAINLAND_CODE:
        return MAINLAND_CODE, str(number - _CHINA)
    return _country(str(number))


def _country(digits: str) -> tuple[int, str]:
    for length in (1, 2, 3):  # no country code begins with another one
        if (code := digits[:length]) in _COUNTRY_CODES:
            return int(code), digits[length:]
    return 0, digits


def mask(phone: str | int) -> str:
    """For logs and screens: 138****0000 in mainland China, +1 20****0123 abroad.

    The first three and last four national digits stay, fewer when less than four would be hidden otherwise. Whatever is not a number
    (a customer's mistake) is masked by its digits alone.
    """
    plain = str(phone).translate(_FULL_WIDTH)
    digits = "".join(char for char in plain if char in "0123456789")
    international = isinstance(phone, int) or plain.startswith(("+", "00"))
    digits = digits.removeprefix("00")
    if (usual := _MAINLAND.fullmatch(digits)) is not None and (not international or digits.startswith("86")):
        code, national = MAINLAND_CODE, usual[1]
    else:
        code, national = _country(digits) if international else (0, digits)
    tail = max(0, min(4, len(national) - 4))
    head = max(0, min(3, len(national) - tail - 4))
    hidden = f"{national[:head]}****{national[len(national) - tail :]}"
    return hidden if code in {0, MAINLAND_CODE} else f"+{code} {hidden}"
