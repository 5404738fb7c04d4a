"""What a group's messages on credit cost, and whether the account may owe that much. Pure."""

import msgspec

from hongyan.model.reject import Reject
from hongyan.model.tariff import Tariff


class CreditLeft(msgspec.Struct, frozen=True):
    """What an account may still owe."""

    milli: int
    messages: int | None
    """How many more today; None for any number."""


class Spending:
    """An account's credit, and what is taken of it meanwhile."""

    def __init__(self, tariff: Tariff, left: CreditLeft | None, now: float) -> None:
        """`left` is what was last seen to be left; None when nobody has looked: then it is supposed to be enough."""
        self._tariff = tariff
        self._left = left
        self._now = now
        self._milli = self._messages = 0

    def payer(self, region: str, segments: int) -> int | Reject:
        """Minus the id of the price that it would be accepted at, or why it cannot be paid for."""
        price = self._tariff.price(region, self._now)
        if price is None:
            return Reject.REGION_NOT_SERVED
        if self._left is not None:
            if self._left.messages is not None and self._messages >= self._left.messages:
                return Reject.ACCOUNT_DAY
            if self._milli + price.milli * segments > self._left.milli:
                return Reject.NO_CREDIT
        return -price.id

    def cost(self, region: str, segments: int) -> int:
        """What it costs, in thousandths of a fen; nothing where there is no price."""
        price = self._tariff.price(region, self._now)
        return 0 if price is None else price.milli * segments

    def take(self, region: str, segments: int) -> None:
        """One more is promised."""
        self._milli += self.cost(region, segments)
        self._messages += 1
