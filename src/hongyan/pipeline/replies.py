"""Replies: which message one answers, and the wish to hear no more."""

import unicodedata
from collections.abc import Callable

import msgspec

from hongyan.kit import ids
from hongyan.kit.db import Connection, Row
from hongyan.model.carrier import Reply
from hongyan.model.message import Dialect
from hongyan.model.snapshot import App
from hongyan.pipeline.directory import Directory
from hongyan.store import messages, outbox, replies
from hongyan.store.replies import NewReply

ANSWERS_WITHIN_S = 72 * 3600.0
"""A reply counts for a message of the last 72 hours (seed 002)."""

PARTS_WAIT_S = 60.0
"""How long the parts of a long text are waited for."""
PARTS_KEPT_S = 600.0
"""How long a part that comes again is known."""
AT_ONCE = 100

OPT_OUT_WORDS = frozenset({"T", "TD", "R", "退订", "T退订", "TD退订", "R退订", "QX"})


def opts_out(text: str) -> bool:
    """Whether a reply asks for no more messages, in any width and case, with or without stops around it."""
    word = unicodedata.normalize("NFKC", text).strip().strip(".。!！,，\"'“”").strip().upper()
    return word in OPT_OUT_WORDS


class ReplyService:
    """Finds the application a reply is for and owes it the event."""

    def __init__(self, *, directory: Directory, new_id: Callable[[], int]) -> None:
        self._directory = directory
        self._new_id = new_id

    async def apply(self, tx: Connection, reply: Reply, now: float) -> None:
        """Keep the reply, with its message if there is one; on an opt-out word, the number is opted out at once.

        A part of a long text waits for the others.
        """
        if reply.part is not None:
            whole = await replies.add_part(tx, _without_nul(reply), reply.part)
            if whole is None:
                return
            reply = msgspec.structs.replace(reply, text=whole, part=None)
        snapshot = self._directory.snapshot
        since_id = ids.first_id_at(reply.received_at - ANSWERS_WITHIN_S)
        candidates = await messages.last_to(tx, sorted(snapshot.apps), reply.phone, since_id=since_id)
        answered = _answered(reply, candidates)
        row = self._row(reply, answered)
        if not await replies.add(tx, row):
            return
        app = None if answered is None else snapshot.apps.get(answered["app_id"])
        if app is None:
            return
        if opts_out(reply.text):
            await replies.opt_out(tx, app.id, reply.phone, row.id, now)
        await _owe(tx, app, row, now)

    async def give_up_waiting(self, tx: Connection, now: float) -> int:
        """Hand out what there is of long texts whose other parts do not come; returns how many."""
        incomplete = await replies.overdue(tx, before=now - PARTS_WAIT_S, most=AT_ONCE)
        for reply in incomplete:
            await self.apply(tx, reply, now)
        await replies.forget_parts(tx, before=now - PARTS_KEPT_S)
        return len(incomplete)

    def _row(self, reply: Reply, answered: Row | None) -> NewReply:
        text = _without_nul(reply).text
        if answered is None:
            return NewReply(0, self._new_id(), reply.phone, reply.to, "", text, "", None, Dialect.NATIVE, reply.link_id, reply.received_at)
        signature = next((s for s in self._directory.snapshot.signatures.values() if s.id == answered["signature_id"]), None)
        return NewReply(
            app_id=answered["app_id"],
            id=self._new_id(),
            phone=reply.phone,
            sender_id=reply.to,
            extend=answered["extend"] if reply.to.endswith(answered["extend"]) else "",
            text=text,
            sign_name="" if signature is None else signature.name,
            message_id=answered["id"],
            dialect=Dialect(answered["dialect"]),
            link_id=reply.link_id,
            received_at=reply.received_at,
        )


def _without_nul(reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, text=reply.text.replace("\x00", ""))


def _answered(reply: Reply, candidates: list[Row]) -> Row | None:
    """The newest message whose extension the reply was sent to, else the newest of all."""
    extended = [row for row in candidates if row["extend"] and reply.to.endswith(row["extend"])]
    return next(iter(extended or candidates), None)


async def _owe(tx: Connection, app: App, reply: NewReply, now: float) -> None:
    if app.reply_url or app.pull:
        await outbox.put_reply(tx, app.id, reply.id, reply.dialect, callback=bool(app.reply_url), pull=app.pull, now=now)
