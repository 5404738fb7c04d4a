"""What the sandbox and the platform's own application always have: put back when it was used up or taken away."""

from hongyan.control.packages import VALID_S
from hongyan.kit.db import Connection
from hongyan.model.billing import day_of
from hongyan.model.papers import ReviewStatus, SignatureDraft
from hongyan.model.snapshot import Scope
from hongyan.model.tariff import ELSEWHERE, NewPrice
from hongyan.store import extensions, from_numbers, packages, prices, signatures
from hongyan.store.packages import PackageRow

EXAMPLE_MILLI = {"HK": 30_000, "SG": 40_000, "US": 20_000, "JP": 50_000, ELSEWHERE: 90_000}
"""Made up: thousandths of a fen a segment."""


async def signature(tx: Connection, account_id: int, name: str, *, made: list[str], now: float) -> None:
    """An approved mainland signature; what had to be done is added to `made`."""
    mine = await signatures.of_name(tx, account_id, name, Scope.MAINLAND)
    if mine is not None and mine.status is ReviewStatus.APPROVED:
        return
    made.append("signature")
    if mine is not None:
        await signatures.set_status(tx, mine.id, ReviewStatus.APPROVED)
    else:
        await signatures.apply(tx, account_id, SignatureDraft(name=name, scope=Scope.MAINLAND), ReviewStatus.APPROVED, now)
    await from_numbers.add_lacking(tx, account_id, now)
    await extensions.add_lacking(tx, account_id, now)


async def segments(tx: Connection, app_id: int, full: int, *, note: str, made: list[str], now: float) -> None:
    """Of each scope a package of `full` segments more, where less than a tenth of that is left; what had to be done is added to `made`."""
    owned = await packages.every(tx, app_id)
    for scope in Scope:
        left = sum(p.available for p in owned if int(p.scope) == scope and _drawable(p, now))
        if left >= full // 10:
            continue
        made.append(f"{scope.name.lower()} package")
        await packages.buy(
            tx,
            app_id=app_id,
            scope=scope,
            segments=full,
            gift=True,
            effective_at=now,
            expires_at=now + VALID_S[scope],
            note=note,
            now=now,
        )


def _drawable(package: PackageRow, now: float) -> bool:
    return package.effective_at <= now < package.expires_at and package.closed_at is None and package.frozen_at is None


async def own_prices(tx: Connection, account_id: int, *, made: list[str], now: float) -> None:
    """Prices abroad of its own, made up, so that credit can be tried out; what had to be done is added to `made`."""
    if await prices.page(tx, account_id, after_id=0, most=1):
        return
    made.append("prices")
    new = [NewPrice(region, milli, day_of(now)) for region, milli in EXAMPLE_MILLI.items()]
    await prices.add(tx, account_id, new, note="sandbox", now=now)
