"""Sender numbers: what handsets may show."""

from collections.abc import Callable

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand
from hongyan.kit.db import Database, UniqueViolation
from hongyan.model.actor import Actor, Permission
from hongyan.model.senders import LONGEST, SHORTEST
from hongyan.store import apps, extensions, links, senders
from hongyan.store.extensions import ExtensionRow
from hongyan.store.senders import SenderRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500
DIGITS_MOST = 9


class Senders:
    """Numbers that carriers gave us; an application can only show one that is here and free for it."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(
        self, actor: Actor, number: str, link: str | None = None, app_id: int | None = None, *, extension_digits: int = 0
    ) -> SenderRow:
        """For one link (by name) or all, for one application or all.

        With `extension_digits` it is an access code: every approved signature gets so many digits behind it, by which replies are told
        apart; 13 to 20 digits in all.
        """
        demand(actor, Permission.OPERATE)
        plain = rules.sender(number)
        if extension_digits:
            _may_be_extended(plain, extension_digits)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                found = None if link is None else await links.named(tx, link)
                if link is not None and found is None:
                    raise not_found(Noun.LINK, link)
                if app_id is not None and await apps.get(tx, app_id) is None:
                    raise not_found(Noun.APP, app_id)
                sender = await senders.add(
                    tx,
                    number=plain,
                    link_id=None if found is None else found.config.id,
                    app_id=app_id,
                    extension_digits=extension_digits,
                    now=now,
                )
                given = await extensions.add_lacking(tx, None, now) if extension_digits else 0
                detail = {"link": link, "app": app_id, "extension_digits": extension_digits, "given": given}
                await self._audit.record(tx, actor, "sender.add", plain, detail=detail)
                await publish(tx, f"sender {plain} added", now)
        except UniqueViolation as fault:
            raise ControlError(
                Fault.TAKEN,
                f"号码 {plain} 已登记：要改归属请先移除它。",
                f"The number {plain} is there already: remove it first to give it to someone else.",
            ) from fault
        return sender

    async def every(self, actor: Actor, *, after: str = "", most: int = PAGE_MOST) -> list[SenderRow]:
        """In the order of the numbers, at most 500, behind the number `after`."""
        demand(actor, Permission.OPERATE)
        async with self._db.connection() as conn:
            return await senders.page(conn, after=after, most=max(1, min(most, PAGE_MOST)))

    async def extend(self, actor: Actor, number: str, extension_digits: int) -> SenderRow:
        """Make a number that is shown as it is an access code, and give every approved signature digits behind it."""
        demand(actor, Permission.OPERATE)
        now = self._clock()
        async with self._db.transaction() as tx:
            before = await senders.lock(tx, number)
            if before is None:
                raise not_found(Noun.SENDER, number)
            _may_be_extended(number, extension_digits)
            if before.extension_digits not in {0, extension_digits}:
                raise ControlError(
                    Fault.IN_USE,
                    f"接入码 {number} 的扩展码已是 {before.extension_digits} 位，签名正在使用：请登记另一个接入码。",
                    f"The extensions of {number} have {before.extension_digits} digits, which signatures use: register another one.",
                )
            after = await senders.extend(tx, number, extension_digits) or before
            given = await extensions.add_lacking(tx, None, now)
            await self._audit.record(tx, actor, "sender.extend", number, detail={"extension_digits": extension_digits, "given": given})
            await publish(tx, f"sender {number} extended", now)
        return after

    async def extensions(self, actor: Actor, number: str, *, after: str = "", most: int = PAGE_MOST) -> list[ExtensionRow]:
        """Which signature has which digits behind an access code, at most 500, behind the extension `after`."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            if await senders.get(conn, number) is None:
                raise not_found(Noun.SENDER, number)
            return await extensions.page(conn, number, account_id=actor.account_id, after=after, most=max(1, min(most, PAGE_MOST)))

    async def remove(self, actor: Actor, number: str) -> None:
        """Refused while an application shows it."""
        demand(actor, Permission.OPERATE)
        now = self._clock()
        async with self._db.transaction() as tx:
            if await senders.lock(tx, number) is None:
                raise not_found(Noun.SENDER, number)
            if shown_by := await senders.shown_by(tx, number):
                shown = ", ".join(map(str, shown_by))
                raise ControlError(
                    Fault.IN_USE,
                    f"应用 {shown} 正在使用号码 {number}：先用 `hongyan app set` 改掉。",
                    f"The number {number} is shown by application {shown}: change that first with `hongyan app set`.",
                )
            await extensions.forget(tx, number)
            await senders.remove(tx, number)
            await self._audit.record(tx, actor, "sender.remove", number)
            await publish(tx, f"sender {number} removed", now)


def _may_be_extended(number: str, digits: int) -> None:
    if not number.isdigit() or not 1 <= digits <= DIGITS_MOST or not SHORTEST <= len(number) + digits <= LONGEST:
        raise ControlError(
            Fault.INVALID,
            f"接入码和扩展码合计需为 {SHORTEST} 到 {LONGEST} 位数字，扩展码 1 到 {DIGITS_MOST} 位：{number} 加 {digits} 位不行。",
            f"An access code and its extension have {SHORTEST} to {LONGEST} digits in all, the extension 1 to {DIGITS_MOST}: {number} with "
            f"{digits} has not.",
        )
