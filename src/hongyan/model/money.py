"""What packages are, what becomes of purchases, and how their books add up. Pure; money is in thousandths of a fen, `*_milli`."""

import datetime as dt
import enum
from collections.abc import Mapping

import msgspec

from hongyan.model.billing import day_of, midnight, whole_fen
from hongyan.model.message import Kind

REFUND_DAYS = 5
"""A purchase may be refunded on the day it was paid and for so many days after it (seed 002)."""


class PackageScope(enum.IntEnum):
    """What a package is good for; the first two are `model.snapshot.Scope`."""

    MAINLAND = 0
    INTERNATIONAL = 1
    VOICE = 2
    """Its units are calls. Nothing draws on it as long as the platform makes none."""


class PackageKind(enum.IntEnum):
    """Which kinds of messages a package pays for."""

    GENERAL = 0
    REGULAR = 1
    MARKETING = 2


CARRIES: Mapping[PackageKind, frozenset[Kind]] = {
    PackageKind.GENERAL: frozenset(Kind),
    PackageKind.REGULAR: frozenset({Kind.VERIFICATION, Kind.NOTICE}),
    PackageKind.MARKETING: frozenset({Kind.MARKETING}),
}


class ChargeRule(enum.StrEnum):
    """When a message costs something."""

    SUBMIT = "submit"
    """When a carrier takes it."""
    DELIVERED = "delivered"
    """The same, and its segments are refunded when it was not delivered."""


class PurchaseState(enum.StrEnum):
    PENDING = "pending"
    """Nobody has paid yet."""
    PAID = "paid"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    """Given back: nothing draws on its package any more, and messages that have drawn on it are still on their way."""
    REFUNDED = "refunded"
    """The package is closed, and what is to be paid back is known."""


class PaymentSubject(enum.StrEnum):
    """What can be paid."""

    PURCHASE = "purchase"
    BILL = "bill"


def refundable_until(paid_at: float) -> float:
    """The midnight in Asia/Shanghai at which a purchase can no longer be refunded."""
    return midnight(day_of(paid_at) + dt.timedelta(days=REFUND_DAYS + 1))


def refund_milli(price_milli: int, segments: int, unused: int) -> int:
    """What is paid back: all of it for a package nobody has drawn on, else the unused segments' share of the price in whole fen."""
    if not 0 <= unused <= segments:
        raise ValueError(unused)
    return price_milli if unused == segments else whole_fen(price_milli * unused // segments)


class Sums(msgspec.Struct, frozen=True):
    """What the entries of a package's journal add up to, by kind."""

    bought: int = 0
    held: int = 0
    posted: int = 0
    voided: int = 0
    refunded: int = 0
    withdrawn: int = 0


class Balance(msgspec.Struct, frozen=True):
    """What a package has: bought = available + held + used + withdrawn."""

    bought: int
    available: int
    held: int
    used: int
    withdrawn: int


def balance_of(sums: Sums) -> Balance:
    """What a package has when its journal is right."""
    return Balance(
        bought=sums.bought,
        available=sums.bought - sums.held + sums.voided + sums.refunded - sums.withdrawn,
        held=sums.held - sums.posted - sums.voided,
        used=sums.posted - sums.refunded,
        withdrawn=sums.withdrawn,
    )


def corrections(journal: Balance, found: Balance) -> list[tuple[str, int]] | None:
    """Entries (kind, segments) after which the journal says what is there; None when no entries could."""
    if journal.bought != found.bought or found.withdrawn < journal.withdrawn:
        return None
    used, held = found.used - journal.used, found.held - journal.held
    withdrawn = found.withdrawn - journal.withdrawn
    # Whatever was used came out of what was held; the rest of what is held came from what was available.
    moves = [("post", used), ("refund", -used), ("hold", held + max(used, 0)), ("void", -held - max(used, 0)), ("withdraw", withdrawn)]
    return [(kind, segments) for kind, segments in moves if segments > 0]
