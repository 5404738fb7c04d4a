"""Payments that were told of: each reference once, by whichever way it came."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.money import PaymentSubject
from hongyan.store import rows
from hongyan.store.times import at, epoch


class PaymentRow(msgspec.Struct, frozen=True):
    """No word of cards or accounts at banks: only what was paid for, how much, and the provider's reference."""

    id: int
    reference: str
    subject: PaymentSubject
    subject_id: int
    account_id: int | None
    """None when what was paid for is not there."""
    amount_milli: int
    event_id: str
    """Of the provider's web hook; empty when the operator said it."""
    fits: bool
    """It paid for something. Otherwise somebody has to look why not, and pay it back."""
    why: str
    """Why it did not fit."""
    at: float


COLUMNS = f"id, reference, subject, subject_id, account_id, amount_milli, event_id, fits, why, {epoch('at')}"


async def add(conn: Connection, payment: PaymentRow) -> PaymentRow:
    """With an id of its own. Raises `UniqueViolation` when the reference is known."""
    row = await conn.fetchrow(
        "insert into payments (reference, subject, subject_id, account_id, amount_milli, event_id, fits, why, at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning {COLUMNS}",
        payment.reference, payment.subject.value, payment.subject_id, payment.account_id, payment.amount_milli, payment.event_id,
        payment.fits, payment.why, at(payment.at),
    )  # fmt: skip
    return msgspec.convert(dict(row), PaymentRow)


async def by_reference(conn: Connection, reference: str) -> PaymentRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from payments where reference = $1", reference), PaymentRow)


async def page(conn: Connection, *, account_id: int | None, only_unfit: bool, before_id: int, most: int) -> list[PaymentRow]:
    """The newest first."""
    found = await conn.fetch(
        f"select {COLUMNS} from payments where ($1::bigint is null or account_id = $1) and not ($2 and fits) and id < $3 "
        "order by id desc limit $4",
        account_id, only_unfit, before_id, most,
    )  # fmt: skip
    return rows.many(found, PaymentRow)
