"""What an application is protected with against floods of its own or of others: daily caps, countries, hours."""

import datetime as dt
import enum
from collections.abc import Mapping

import msgspec

from hongyan.model.reject import Reject

HOME = "CN"
ALL, ABROAD = "", "+"
"""Places of counts that are no country: all messages, and all to anywhere but mainland China."""
Hours = tuple[int, int]
"""From the first hour until before the second, in Asia/Shanghai."""
MARKETING_HOURS: Hours = (8, 22)
"""When marketing may be sent where that is switched on (Tencent's error 1029)."""
SHANGHAI = dt.timezone(dt.timedelta(hours=8))


class WordAction(enum.StrEnum):
    """What a word of the operator's list does to a message."""

    HOLD = "hold"
    """It waits until a person has looked at it."""
    REFUSE = "refuse"


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages of a calendar day in Asia/Shanghai; 0 means none."""

    alarm: int = 0
    """From so many on, contacts are told."""
    most: int = 0
    """Not one more than this."""


NO_CAP = Cap()


class Protection(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is set for an application; the defaults switch everything off."""

    day: Cap = NO_CAP
    mainland: Cap = NO_CAP
    abroad: Cap = NO_CAP
    countries: dict[str, Cap] = {}
    """By ISO 3166 alpha-2, on top of the others."""
    only: tuple[str, ...] = ()
    """Countries abroad it sends to; empty means all that are not closed."""
    closed: tuple[str, ...] = ()
    """Countries it does not send to."""
    marketing_hours: bool = False
    marketing_deferred: bool = False
    """What is asked for outside the hours is accepted and sent when they begin; otherwise it is refused."""
    balance_alarm: int = 0
    """With fewer segments left than this contacts are told; 0 means never."""

    @property
    def counts(self) -> bool:
        """Whether the messages of a day have to be counted."""
        return any(cap != NO_CAP for cap in (self.day, self.mainland, self.abroad, *self.countries.values()))

    def hours_or(self, otherwise: Hours | None) -> Hours | None:
        """When marketing may be sent; None means at any time."""
        return MARKETING_HOURS if self.marketing_hours else otherwise

    def open_to(self, region: str) -> bool:
        """Whether it sends to this country."""
        return region not in self.closed and (not self.only or region == HOME or region in self.only)

    def caps_of(self, region: str) -> tuple[tuple[str, Cap, Reject], ...]:
        """What a message to this country counts for: the place of its count, the cap, and what passing it is called."""
        at_home = region == HOME
        place, cap, reject = (HOME, self.mainland, Reject.MAINLAND_DAY) if at_home else (ABROAD, self.abroad, Reject.ABROAD_DAY)
        own = () if at_home else ((region, self.countries.get(region, NO_CAP), Reject.COUNTRY_DAY),)
        return ((ALL, self.day, Reject.APP_DAY), (place, cap, reject), *own)

    def passed(self, counts: Mapping[str, int], region: str) -> Reject | None:
        """The first cap that one more message to this country would pass, given what was sent today by place."""
        return next(
            (reject for place, cap, reject in self.caps_of(region) if 0 < cap.most <= counts.get(place, 0)),
            None,
        )

    def places(self, region: str) -> tuple[str, ...]:
        """Where a message to this country is counted."""
        return (ALL, HOME) if region == HOME else (ALL, ABROAD, region)


def within_hours(hours: Hours, now: float) -> bool:
    return hours[0] <= dt.datetime.fromtimestamp(now, SHANGHAI).hour < hours[1]


def hours_begin(hours: Hours, now: float) -> float:
    """When they begin next, or now within them; Unix seconds."""
    moment = dt.datetime.fromtimestamp(now, SHANGHAI)
    if hours[0] <= moment.hour < hours[1]:
        return now
    day = moment.replace(hour=hours[0], minute=0, second=0, microsecond=0)
    return (day if moment < day else day + dt.timedelta(days=1)).timestamp()


def rests_until(hours: Hours | None, now: float) -> float | None:
    """Until when they keep marketing from being sent; None while it may be."""
    return None if hours is None or within_hours(hours, now) else hours_begin(hours, now)


def hours_began(hours: Hours, now: float) -> float:
    """When they began last; Unix seconds."""
    moment = dt.datetime.fromtimestamp(now, SHANGHAI)
    day = moment.replace(hour=hours[0], minute=0, second=0, microsecond=0)
    return (day if moment >= day else day - dt.timedelta(days=1)).timestamp()
