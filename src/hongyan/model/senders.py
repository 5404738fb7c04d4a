"""Sender numbers: what a handset shows, and whose a number is that a handset writes to. Pure.

An access code (106…) is a carrier's number with room behind it: digits that tell signatures apart, then those of the customer.
"""

from typing import NamedTuple

import msgspec

LONGEST = 20
"""Digits of a sender number in all; the shortest with an extension have 13 (seed 002)."""
SHORTEST = 13
COUNTRY = "86"
"""Some carriers write it before the number."""


class Extension(msgspec.Struct, frozen=True):
    """Digits behind an access code that are a signature's."""

    number: str
    extension: str
    signature_id: int
    account_id: int
    app_id: int | None
    """The signature's application; None for any of the account's."""


class Owner(NamedTuple):
    """Whose a number is that somebody wrote to."""

    account_id: int | None
    app_id: int | None
    signature_id: int | None
    rest: str
    """The digits behind it: the customer's extension."""

    def includes(self, account_id: int, app_id: int, signature_id: int | None) -> bool:
        """Whether the number is for messages of this application with this signature."""
        mine = self.account_id in {None, account_id} and self.app_id in {None, app_id}
        return mine and self.signature_id in {None, signature_id}


class SenderNumbers(msgspec.Struct, frozen=True):
    """All that is known of sender numbers."""

    digits: dict[str, int] = {}
    """By access code: how long its extensions are."""
    extensions: dict[str, Extension] = {}
    """By the number in full, access code and extension; those lately released among them."""
    of_signatures: dict[tuple[str, int], str] = {}
    """By access code and signature: its extension."""
    dedicated: dict[str, int] = {}
    """By number, the only application that may show it."""
    lengths: tuple[int, ...] = ()
    """Of access codes and dedicated numbers, the longest in front."""

    def shown(self, number: str, signature_id: int | None, extend: str) -> str:
        """What a handset shows: a name as it is, behind a number the extensions of the signature and of the customer.

        The customer's is left out where it does not fit, which accepting refuses before.
        """
        if not number.isdigit():
            return number
        if self.digits and number in self.digits:
            own = None if signature_id is None else self.of_signatures.get((number, signature_id))
            if own is None:
                # Whatever stood behind it would be taken for somebody's extension.
                return number
            number += own
        return number + extend if len(number) + len(extend) <= LONGEST else number

    def owner(self, to: str) -> Owner | None:
        """Whose the number is; None when it is nobody's in particular."""
        written = to.removeprefix("+")
        if not written.isdigit():
            return None
        for digits in (written, written.removeprefix(COUNTRY)):
            for length in self.lengths:
                found = self._owner(digits, length)
                if found is not None:
                    return found
        return None

    def _owner(self, digits: str, length: int) -> Owner | None:
        number = digits[:length]
        if number in self.digits:
            end = length + self.digits[number]
            extension = self.extensions.get(digits[:end])
            if extension is not None and len(digits) >= end:
                return Owner(extension.account_id, extension.app_id, extension.signature_id, digits[end:])
        if number in self.dedicated and len(digits) >= length:
            return Owner(None, self.dedicated[number], None, digits[length:])
        return None


NO_SENDERS = SenderNumbers()
