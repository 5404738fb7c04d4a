"""Replies: which message one answers, the wish to hear no more or to hear again, and what is answered."""

from collections.abc import Callable

import msgspec

from hongyan.kit import ids
from hongyan.kit.db import Connection, Database, Row
from hongyan.model.answering import USUAL, plain
from hongyan.model.carrier import Reply
from hongyan.model.message import Dialect
from hongyan.model.senders import Owner
from hongyan.model.snapshot import App, Snapshot
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.settle import Settler
from hongyan.pipeline.withdrawals import OPTED_OUT, take_back
from hongyan.store import answers, messages, optouts, outbox, replies
from hongyan.store.answers import NewAnswer
from hongyan.store.replies import NewReply

ANSWERS_WITHIN_S = 72 * 3600.0
"""A reply counts for a message of the last 72 hours (seed 002)."""

PARTS_WAIT_S = 60.0
"""How long the parts of a long text are waited for."""
PARTS_KEPT_S = 600.0
"""How long a part that comes again is known."""
AT_ONCE = 100

OLDEST_S = 8 * 86_400.0
"""So far back an application's last words are looked for."""

ANSWERS_MOST: tuple[tuple[float, int], ...] = ((60.0, 3), (86_400.0, 10))
"""Within so many seconds, a number's replies to an application are answered so often: two machines would never stop."""


class ReplyService:
    """Finds the application a reply is for, does what it asks for and owes the application the event."""

    def __init__(self, *, directory: Directory, settler: Settler, new_id: Callable[[], int]) -> None:
        self._directory = directory
        self._settler = settler
        self._new_id = new_id
        self._heeded: tuple[int, frozenset[str]] = (-1, frozenset())
        """The snapshot's version, and every word that any application heeds."""

    def may_ask(self, reply: Reply) -> bool:
        """Whether it may ask for something, as far as its text says: then it needs a transaction of its own."""
        if reply.part is not None:
            return True
        snapshot = self._directory.snapshot
        if snapshot.version != self._heeded[0]:
            own = [app.answering.heeded for app in snapshot.apps.values() if app.answering is not USUAL]
            self._heeded = (snapshot.version, USUAL.heeded.union(*own))
        return plain(reply.text) in self._heeded[1]

    async def apply(self, tx: Connection, reply: Reply, now: float) -> None:
        """Keep the reply, with its message if there is one, and do what it asks for: from the commit on it is done.

        One that asks for something is alone in its transaction, since it may have to wait for those who accept. A part of a long text
        waits for the others.
        """
        if reply.part is not None:
            whole = await replies.add_part(tx, _without_nul(reply), reply.part)
            if whole is None:
                return
            reply = msgspec.structs.replace(reply, text=whole, part=None)
        snapshot = self._directory.snapshot
        row = await self._row(tx, reply)
        app = snapshot.apps.get(row.app_id)
        # Who leaves, comes back and leaves within a minute has left, even if it should be a carrier that says the last of it again.
        leaves = app is not None and app.answering.opts_out(plain(row.text))
        if not await replies.add(tx, row, means_it=leaves) or app is None:
            return
        await self._heed(tx, app, row, now)
        await _owe(tx, app, row, now)

    async def give_up_waiting(self, db: Database, now: float) -> int:
        """Hand out what there is of long texts whose other parts do not come; returns how many."""
        given_up = 0
        while given_up < AT_ONCE:
            async with db.transaction() as tx:
                incomplete = await replies.overdue(tx, before=now - PARTS_WAIT_S, most=1)
                for reply in incomplete:
                    await self.apply(tx, reply, now)
            given_up += len(incomplete)
            if not incomplete:
                break
        async with db.connection() as conn:
            await replies.forget_parts(conn, before=now - PARTS_KEPT_S)
        return given_up

    async def _heed(self, tx: Connection, app: App, reply: NewReply, now: float) -> None:
        word = plain(reply.text)
        answering = app.answering
        if answering.opts_out(word):
            await messages.lock_numbers(tx, app.id, [reply.phone])
            new = await optouts.add(tx, app.id, [reply.phone], now, reply_id=reply.id)
            await take_back(tx, self._settler, app.id, [reply.phone], code=OPTED_OUT, now=now)
            if new:
                await self._answer(tx, reply, answering.out_template, now, after_opt_out=True)
        elif answering.opts_in(word) and await self._opted_in(tx, app.id, reply.phone):
            await self._answer(tx, reply, answering.in_template, now)
        else:
            await self._answer(tx, reply, answering.keywords.get(word), now)

    async def _opted_in(self, tx: Connection, app_id: int, phone: int) -> bool:
        await messages.lock_numbers(tx, app_id, [phone])
        return bool(await optouts.lift(tx, app_id, [phone]))

    async def _answer(self, tx: Connection, reply: NewReply, template_id: int | None, now: float, *, after_opt_out: bool = False) -> None:
        """Have the reply answered with this template, unless its number has been answered too often."""
        if template_id is None:
            return
        await messages.lock_numbers(tx, reply.app_id, [reply.phone])
        for seconds, most in ANSWERS_MOST:
            if await answers.count(tx, reply.app_id, reply.phone, since_id=ids.first_id_at(now - seconds)) >= most:
                return
        answer = NewAnswer(
            app_id=reply.app_id,
            id=self._new_id(),
            phone=reply.phone,
            reply_id=reply.id,
            template_id=template_id,
            sign_name=reply.sign_name,
            extend=reply.extend,
            dialect=reply.dialect,
            after_opt_out=after_opt_out,
        )
        await answers.add(tx, answer, now)

    async def _row(self, tx: Connection, reply: Reply) -> NewReply:
        """The reply with the application it is for: the owner of the number it was sent to, else who last wrote to the handset."""
        snapshot = self._directory.snapshot
        owner = snapshot.senders.owner(reply.to)
        asked = sorted(snapshot.apps) if owner is None else _apps_of(owner, snapshot)
        since_id = ids.first_id_at(reply.received_at - ANSWERS_WITHIN_S)
        answered = _answered(reply, owner, await messages.last_to(tx, asked, reply.phone, since_id=since_id), snapshot)
        row = NewReply(
            app_id=0,
            id=self._new_id(),
            phone=reply.phone,
            sender_id=reply.to,
            extend="" if owner is None else owner.rest,
            text=_without_nul(reply).text,
            sign_name="" if owner is None else _name_of(owner.signature_id, snapshot),
            message_id=None,
            dialect=Dialect.NATIVE,
            link_id=reply.link_id,
            received_at=reply.received_at,
        )
        if answered is not None:
            extend: str = answered["extend"]
            return msgspec.structs.replace(
                row,
                app_id=answered["app_id"],
                extend=row.extend if owner is not None else extend if reply.to.endswith(extend) else "",
                sign_name=row.sign_name or _name_of(answered["signature_id"], snapshot),
                message_id=answered["id"],
                dialect=Dialect(answered["dialect"]),
            )
        return row if owner is None else await self._late(tx, row, reply, owner, asked)

    async def _late(self, tx: Connection, row: NewReply, reply: Reply, owner: Owner, asked: list[int]) -> NewReply:
        """Nobody has written to it lately, but the number is theirs: of several the one that wrote last, in the words it last used."""
        since_id = ids.first_id_at(reply.received_at - OLDEST_S)
        if len(asked) > 1:
            rows = await messages.last_to(tx, asked, reply.phone, since_id=since_id)
            older = _answered(reply, owner, rows, self._directory.snapshot)
            asked = [] if older is None else [older["app_id"]]
        if not asked:
            return row
        dialect = await messages.last_dialect(tx, asked[0], since_id=since_id)
        return msgspec.structs.replace(row, app_id=asked[0], dialect=Dialect(dialect or Dialect.NATIVE))


def _apps_of(owner: Owner, snapshot: Snapshot) -> list[int]:
    """Applications whose the number may be."""
    if owner.app_id is not None:
        return [owner.app_id] if owner.app_id in snapshot.apps else []
    return sorted(app.id for app in snapshot.apps.values() if app.account_id == owner.account_id)


def _name_of(signature_id: int | None, snapshot: Snapshot) -> str:
    signature = None if signature_id is None else snapshot.signatures_by_id.get(signature_id)
    return "" if signature is None else signature.name


def _without_nul(reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, text=reply.text.replace("\x00", ""))


def _answered(reply: Reply, owner: Owner | None, candidates: list[Row], snapshot: Snapshot) -> Row | None:
    """The newest of those that fit the number it was sent to best: of its signature or with that very number, then by the extension."""
    of_link = next((link.sender_id for link in snapshot.links if link.id == reply.link_id), "")

    def fits(row: Row) -> tuple[bool, bool]:
        if owner is not None:
            return row["signature_id"] == owner.signature_id, row["extend"] == owner.rest
        extend: str = row["extend"]
        shown = snapshot.senders.shown(row["sender_id"] or of_link, row["signature_id"], extend)
        return bool(shown) and reply.to.endswith(shown), bool(extend) and reply.to.endswith(extend)

    # Of equals the first is kept, and they come with the newest in front.
    return max(candidates, key=fits, default=None)


async def _owe(tx: Connection, app: App, reply: NewReply, now: float) -> None:
    if app.reply_url or app.pull:
        await outbox.put_reply(tx, app.id, reply.id, reply.dialect, callback=bool(app.reply_url), pull=app.pull, now=now)
