"""What is for sale."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.packages import VALID_DAYS
from hongyan.control.permissions import demand
from hongyan.kit.db import Database, UniqueViolation
from hongyan.model.actor import Actor, Permission
from hongyan.model.billing import FEN
from hongyan.model.money import PackageKind, PackageScope
from hongyan.store import offers
from hongyan.store.offers import OfferRow

PRICE_MOST_MILLI = 10**15
VALID_DAYS_MOST = 3_650
PAGE_MOST = 500


class OfferChange(msgspec.Struct, frozen=True):
    """What to change of an offer; what is left out stays. Purchases that were made keep what was agreed on."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    price_milli: int | msgspec.UnsetType = msgspec.UNSET
    valid_days: int | msgspec.UnsetType = msgspec.UNSET
    on_sale: bool | msgspec.UnsetType = msgspec.UNSET


class Offers:
    """The operator's list; customers see what is on sale."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(
        self,
        actor: Actor,
        name: str,
        segments: int,
        price_milli: int,
        *,
        scope: PackageScope = PackageScope.MAINLAND,
        kind: PackageKind = PackageKind.GENERAL,
        valid_days: int | None = None,
    ) -> OfferRow:
        """On sale at once. The price is of the whole package, in thousandths of a fen; None: as long as packages usually are good."""
        demand(actor, Permission.ADMINISTER)
        offer = OfferRow(
            id=0,
            name=rules.name(name),
            scope=scope,
            kind=kind,
            segments=rules.segments(segments),
            price_milli=_price(price_milli),
            valid_days=VALID_DAYS[scope] if valid_days is None else _days(valid_days),
            on_sale=True,
            created_at=self._clock(),
        )
        try:
            async with self._db.transaction() as tx:
                added = await offers.add(tx, offer)
                detail: Detail = {
                    "name": added.name,
                    "scope": scope.name.lower(),
                    "kind": kind.name.lower(),
                    "segments": added.segments,
                    "price_milli": added.price_milli,
                    "valid_days": added.valid_days,
                }
                await self._audit.record(tx, actor, "offer.add", added.id, detail=detail)
        except UniqueViolation as fault:
            raise _taken(offer.name) from fault
        return added

    async def every(self, actor: Actor, *, after_id: int = 0, most: int = PAGE_MOST) -> list[OfferRow]:
        """Those on sale, for the operator all; in the order of their ids, at most 500."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            return await offers.page(conn, only_on_sale=actor.account_id is not None, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def change(self, actor: Actor, offer_id: int, change: OfferChange) -> OfferRow:
        """All of it or, when one value is refused, nothing."""
        demand(actor, Permission.ADMINISTER)
        fields = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        checks: dict[str, Callable[..., object]] = {"name": rules.name, "price_milli": _price, "valid_days": _days, "on_sale": bool}
        fields = {name: checks[name](value) for name, value in fields.items()}
        try:
            async with self._db.transaction() as tx:
                changed = await offers.change(tx, offer_id, fields) if fields else await offers.get(tx, offer_id)
                if changed is None:
                    raise not_found(Noun.OFFER, offer_id)
                if fields:
                    await self._audit.record(tx, actor, "offer.change", offer_id, detail=fields)
        except UniqueViolation as fault:
            raise _taken(str(fields["name"])) from fault
        return changed


def _price(price_milli: int) -> int:
    if not 0 < price_milli <= PRICE_MOST_MILLI or price_milli % FEN:
        raise ControlError(
            Fault.INVALID,
            "价格需为整分的正数：以千分之一分计，是 1000 的倍数（100 元写 10000000）。",
            "A price is a positive number of whole fen, in thousandths of a fen: a multiple of 1000 (100 yuan are 10000000).",
        )
    return price_milli


def _days(days: int) -> int:
    if not 1 <= days <= VALID_DAYS_MOST:
        raise ControlError(
            Fault.INVALID,
            f"有效期需为 1 到 {VALID_DAYS_MOST} 天。",
            f"A package is good for 1 to {VALID_DAYS_MOST} days.",
        )
    return days


def _taken(name: str) -> ControlError:
    return ControlError(
        Fault.TAKEN, f"已有名为“{name}”的套餐：请换个名称。", f"There is an offer named “{name}” already: choose another name."
    )
