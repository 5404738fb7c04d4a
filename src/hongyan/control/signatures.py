"""Signatures: the sender names in brackets."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules
from hongyan.control.apps import owned
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.review import decided
from hongyan.kit.db import Database
from hongyan.model.rules.sets import RuleSet
from hongyan.model.snapshot import Scope
from hongyan.store import accounts, signatures
from hongyan.store.signatures import ReviewStatus, SignatureRow
from hongyan.store.snapshots import publish


class Signatures:
    """Applied for by an account, usable once approved."""

    def __init__(self, db: Database, clock: Callable[[], float], in_force: RuleSet) -> None:
        self._db = db
        self._clock = clock
        self._in_force = in_force

    async def add(self, account_id: int, name: str, scope: Scope, app_id: int | None = None) -> SignatureRow:
        """Apply for one, for all of the account's applications or for one; a rejected or inactive one is applied for again."""
        plain = rules.signature(name, scope, self._in_force)
        now = self._clock()
        async with self._db.transaction() as tx:
            if await accounts.get(tx, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await owned(tx, app_id, account_id)
            applied = await signatures.apply(
                tx, account_id=account_id, app_id=app_id, name=plain, scope=scope, status=ReviewStatus.PENDING, now=now
            )
            if applied is None:
                raise ControlError(
                    Fault.TAKEN,
                    f"签名“{plain}”已在审核中或已通过，不用再申请。",
                    f"The signature “{plain}” is pending or approved already: there is nothing to apply for.",
                )
            await publish(tx, f"signature {applied.id} applied for", now)
        return applied

    async def every(self, account_id: int | None = None, status: ReviewStatus | None = None) -> list[SignatureRow]:
        """Those of an account and in a status; None means any."""
        async with self._db.connection() as conn:
            return await signatures.find(conn, account_id=account_id, status=status)

    async def approve(self, signature_id: int) -> SignatureRow:
        return await self._decide(signature_id, ReviewStatus.APPROVED)

    async def reject(self, signature_id: int) -> SignatureRow:
        return await self._decide(signature_id, ReviewStatus.REJECTED)

    async def deactivate(self, signature_id: int) -> SignatureRow:
        return await self._decide(signature_id, ReviewStatus.INACTIVE)

    async def _decide(self, signature_id: int, decision: ReviewStatus) -> SignatureRow:
        now = self._clock()
        async with self._db.transaction() as tx:
            signature = await signatures.lock(tx, signature_id)
            if signature is None:
                raise not_found(Noun.SIGNATURE, signature_id)
            if decided(Noun.SIGNATURE, signature_id, signature.status, decision):
                await signatures.set_status(tx, signature_id, decision)
                await publish(tx, f"signature {signature_id} {decision}", now)
        return msgspec.structs.replace(signature, status=decision)
