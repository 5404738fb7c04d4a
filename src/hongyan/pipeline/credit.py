"""What a group's messages on credit cost, and whether the account may owe that much. Pure."""

import msgspec

from hongyan.model.reject import Reject
from hongyan.model.tariff import Tariff


class CreditLeft(msgspec.Struct, frozen=True):
    """What an account may still owe."""

    milli: int
    messages: int | None
    """How many more today; None for any number."""


class Payer(msgspec.Struct, frozen=True):
    """What pays for a message."""

    package_id: int
    """The package; of a message on credit minus the id of its price, which is so kept with the message."""
    cost_milli: int = 0
    """On credit."""

    @property
    def on_credit(self) -> bool:
        return self.package_id < 0


class Spending:
    """An account's credit, and what is taken of it meanwhile."""

    def __init__(self, tariff: Tariff, left: CreditLeft | None, now: float) -> None:
        """`left` is what was last seen to be left; None when nobody has looked: then it is supposed to be enough."""
        self._tariff = tariff
        self._left = left
        self._now = now
        self._milli = self._messages = 0

    def payer(self, region: str, segments: int) -> Payer | Reject:
        """The price that it would be accepted at, or why it cannot be paid for."""
        price = self._tariff.price(region, self._now)
        if price is None:
            return Reject.REGION_NOT_SERVED
        cost = price.milli * segments
        if self._left is not None:
            if self._left.messages is not None and self._messages >= self._left.messages:
                return Reject.ACCOUNT_DAY
            if self._milli + cost > self._left.milli:
                return Reject.NO_CREDIT
        return Payer(-price.id, cost)

    def take(self, payer: Payer) -> None:
        """One more is promised."""
        self._milli += payer.cost_milli
        self._messages += 1
