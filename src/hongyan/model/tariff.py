"""What a segment costs by country: the price in force at a time, the account's own before everybody's."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

ELSEWHERE = "*"
"""The region of a price for every country without one of its own."""


class NewPrice(msgspec.Struct, frozen=True):
    """In thousandths of a fen a segment, from 00:00 of a day in Asia/Shanghai on."""

    region: str
    milli: int
    effective_on: dt.date


class Price(msgspec.Struct, frozen=True):
    """Of a segment, in thousandths of a fen."""

    id: int
    milli: int
    effective_at: float


Prices = Mapping[str, Sequence[Price]]
"""By region; of each the newest in front."""


class Tariff(msgspec.Struct, frozen=True):
    """The prices of an account that pays later."""

    own: Prices
    general: Prices

    def price(self, region: str, now: float) -> Price | None:
        """The price in force: the account's own for the country or elsewhere, else everybody's; None where it does not send to."""
        for prices in (self.own, self.general):
            for place in (region, ELSEWHERE):
                for price in prices.get(place, ()):
                    if price.effective_at <= now:
                        return price
        return None
