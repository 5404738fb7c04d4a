"""From numbers: what programs written for Huawei Cloud name as the sender."""

from collections.abc import Callable

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app, within
from hongyan.kit.db import Database, UniqueViolation
from hongyan.model.actor import Actor, Permission
from hongyan.model.message import Kind
from hongyan.store import accounts, from_numbers, signatures
from hongyan.store.from_numbers import GIVEN_OUT, FromNumberRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500
DIGITS = 13


class FromNumbers:
    """Given out by themselves when a signature of an application with a Huawei key is approved; the operator keeps given ones."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(
        self, actor: Actor, app_id: int, number: str, *, signature_id: int | None = None, kind: Kind | None = None
    ) -> FromNumberRow:
        """One that a program has already: of a signature, or without one for messages abroad; `kind` limits what is sent from it."""
        demand(actor, Permission.OPERATE)
        plain = _free(rules.from_number(number))
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                app = await own_app(tx, actor, app_id)
                await accounts.lock(tx, app.account_id)
                if signature_id is not None:
                    signature = await signatures.get(tx, signature_id, account_id=app.account_id)
                    if signature is None or signature.app_id not in {None, app_id}:
                        raise not_found(Noun.SIGNATURE, signature_id)
                row = await from_numbers.add(
                    tx, number=plain, account_id=app.account_id, app_id=app_id, signature_id=signature_id, kind=kind, now=now
                )
                if row is None:
                    raise not_found(Noun.FROM_NUMBER, plain)
                detail = {"app": app_id, "signature": signature_id, "kind": None if kind is None else kind.name.lower()}
                await self._audit.record(tx, actor, "from_number.add", plain, account_id=app.account_id, detail=detail)
                await publish(tx, f"from number {plain} added", now)
        except UniqueViolation as fault:
            raise ControlError(
                Fault.TAKEN,
                f"通道号 {plain} 已登记：要改归属请先移除它。",
                f"The from number {plain} is there already: remove it first to give it to something else.",
                why="from_number_taken",
            ) from fault
        return row

    async def page(
        self,
        actor: Actor,
        *,
        account_id: int | None = None,
        app_id: int | None = None,
        signature_id: int | None = None,
        after: str = "",
        most: int = PAGE_MOST,
    ) -> list[FromNumberRow]:
        """In the order of the numbers, at most 500, behind the number `after`."""
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            return await from_numbers.page(
                conn, account_id=only, app_id=app_id, signature_id=signature_id, after=after, most=max(1, min(most, PAGE_MOST))
            )

    async def remove(self, actor: Actor, number: str) -> None:
        """Nothing can be sent from it any more."""
        demand(actor, Permission.OPERATE)
        now = self._clock()
        async with self._db.transaction() as tx:
            row = await from_numbers.lock(tx, number)
            if row is None or actor.account_id not in {None, row.account_id}:
                raise not_found(Noun.FROM_NUMBER, number)
            await from_numbers.remove(tx, number)
            await self._audit.record(tx, actor, "from_number.remove", number, account_id=row.account_id, detail={"app": row.app_id})
            await publish(tx, f"from number {number} removed", now)


def _free(number: str) -> str:
    if number.startswith(GIVEN_OUT) and number.isdigit() and len(number) == DIGITS:
        raise ControlError(
            Fault.NOT_ALLOWED,
            f"以 {GIVEN_OUT} 开头的 {DIGITS} 位号码由平台自动分配：请换一个。",
            f"Numbers of {DIGITS} digits that begin with {GIVEN_OUT} are given out by the platform itself: choose another one.",
        )
    return number
