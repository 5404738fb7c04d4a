"""Payments: the operator says that money has come, or a payment provider's signed web hook does. Each counts once."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
import structlog

from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.model.actor import Actor, Permission, system
from hongyan.model.money import PaymentSubject
from hongyan.store import payments
from hongyan.store.payments import PaymentRow

log = structlog.get_logger()

REFERENCE_MOST = 100
AMOUNT_MOST_MILLI = 10**15
PAGE_MOST = 500
NEWEST = 2**62
PROVIDER = system("payment provider")


class Due(msgspec.Struct, frozen=True):
    """What somebody may pay."""

    account_id: int
    amount_milli: int
    open: bool
    """Nobody has paid yet, and it can still be."""
    state: str


class Payable(Protocol):
    """What can be paid: it is locked, looked at and paid in one transaction, which `Payments` holds."""

    async def due(self, tx: Connection, subject_id: int) -> Due | None:
        """What is to be paid, kept from changing until the transaction ends; None when there is no such thing."""

    async def settle(self, tx: Connection, actor: Actor, subject_id: int, now: float) -> None:
        """It is paid: do what follows, and note it in the audit log."""


class Told(msgspec.Struct, frozen=True):
    """A payment as somebody tells of it."""

    subject: PaymentSubject
    subject_id: int
    amount_milli: int
    reference: str
    """The provider's or the bank's: the same payment has the same, however often it is told of."""
    event_id: str = ""
    currency: str = "CNY"


class Payments:
    """A reference counts once, however often and by whichever way it is told of."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float], subjects: Mapping[PaymentSubject, Payable]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock
        self._subjects = subjects

    async def confirm(
        self, actor: Actor, subject: PaymentSubject, subject_id: int, reference: str, *, amount_milli: int | None = None
    ) -> PaymentRow:
        """The operator has seen the money; without an amount it is what was due. Told again, it is the same payment.

        What does not fit is refused and noted nowhere.
        """
        demand(actor, Permission.MONEY)
        if actor.account_id is not None:
            raise ControlError(
                Fault.NOT_ALLOWED,
                "到账由平台运营方确认：请把付款凭证发给运营方。",
                "That money has come is confirmed by the operator of this platform: show them your receipt.",
            )
        told = Told(subject, subject_id, amount_milli or 0, _reference(reference))
        payment = await self._take(actor, told, whole=amount_milli is None)
        if not payment.fits:
            raise ControlError(
                Fault.WRONG_STATE, f"付款对不上：{_zh(payment.why)}", f"The payment does not fit: {payment.why}.", why=payment.why
            )
        return payment

    async def hear(self, told: Told) -> PaymentRow:
        """What a provider's signed event says. What does not fit is kept, for somebody to look at and pay back: the money has come."""
        payment = await self._take(PROVIDER, msgspec.structs.replace(told, reference=_reference(told.reference)), keep=True)
        if not payment.fits:
            log.error("payment_does_not_fit", reference=payment.reference, subject=payment.subject, id=payment.subject_id, why=payment.why)
        return payment

    async def every(
        self, actor: Actor, *, account_id: int | None = None, only_unfit: bool = False, before_id: int = NEWEST, most: int = PAGE_MOST
    ) -> list[PaymentRow]:
        """The newest first, at most 500; `only_unfit` are those that paid for nothing."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            return await payments.page(
                conn,
                account_id=within(actor, account_id),
                only_unfit=only_unfit,
                before_id=before_id,
                most=max(1, min(most, PAGE_MOST)),
            )

    async def _take(self, actor: Actor, told: Told, *, whole: bool = False, keep: bool = False) -> PaymentRow:
        """`whole`: what was due was paid. `keep`: note it even when it does not fit."""
        try:
            async with self._db.transaction() as tx:
                return await self._take_in(tx, actor, told, whole=whole, keep=keep)
        except UniqueViolation:
            # The same reference at the same moment for something else: that one was first.
            async with self._db.transaction() as tx:
                return await self._take_in(tx, actor, told, whole=whole, keep=keep)

    async def _take_in(self, tx: Connection, actor: Actor, told: Told, *, whole: bool, keep: bool) -> PaymentRow:
        now = self._clock()
        subject = self._subjects.get(told.subject)
        due = None if subject is None else await subject.due(tx, told.subject_id)
        known = await payments.by_reference(tx, told.reference)
        if known is not None:
            return _again(known, told)
        amount = due.amount_milli if whole and due is not None else told.amount_milli
        why = _misfit(due, amount, told.currency)
        payment = PaymentRow(
            id=0,
            reference=told.reference,
            subject=told.subject,
            subject_id=told.subject_id,
            account_id=None if due is None else due.account_id,
            amount_milli=amount,
            event_id=told.event_id,
            fits=not why,
            why=why,
            at=now,
        )
        if why and not keep:
            return payment
        noted = await payments.add(tx, payment)
        detail: Detail = {
            "subject": told.subject.value,
            "id": told.subject_id,
            "amount_milli": amount,
            "reference": told.reference,
            "why": why,
        }
        # First whatever has to be locked, then the audit log: so does everybody.
        if not why and subject is not None:
            await subject.settle(tx, actor, told.subject_id, now)
        await self._audit.record(tx, actor, "payment.take", noted.id, account_id=noted.account_id, detail=detail)
        return noted


def _again(known: PaymentRow, told: Told) -> PaymentRow:
    """Told once more, by whichever way; a reference that paid for something else pays for nothing now."""
    if (known.subject, known.subject_id) == (told.subject, told.subject_id):
        return known
    return msgspec.structs.replace(known, fits=False, why="reference_used")


def _misfit(due: Due | None, amount_milli: int, currency: str) -> str:
    """Why it pays for nothing; empty when it fits."""
    if due is None:
        return "not_there"
    if currency != "CNY":
        return "other_currency"
    if not due.open:
        return f"is_{due.state}"
    return "" if amount_milli == due.amount_milli else "other_amount"


WHY_ZH: Mapping[str, str] = {
    "not_there": "没有这个购买单或账单。",
    "other_currency": "币种不是人民币。",
    "other_amount": "金额与应付金额不同。",
    "reference_used": "这个流水号已用于另一笔付款。",
}


def _zh(why: str) -> str:
    return WHY_ZH.get(why, f"它的状态是 {why.removeprefix('is_')}，不能再付款。")


def _reference(reference: str) -> str:
    plain = reference.strip()
    if not 1 <= len(plain) <= REFERENCE_MOST or not plain.isprintable():
        raise ControlError(
            Fault.INVALID,
            f"付款流水号需为 1 到 {REFERENCE_MOST} 个可见字符。",
            f"The reference of a payment has 1 to {REFERENCE_MOST} printable characters.",
        )
    return plain
