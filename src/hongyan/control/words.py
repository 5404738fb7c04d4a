"""The operator's words: a message with one is refused, or held until a person has looked at it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.protection import WordAction
from hongyan.model.rules.words import built_in
from hongyan.model.words import SEPARATORS, Severity, Word, Words, compiled
from hongyan.store import words
from hongyan.store.snapshots import publish
from hongyan.store.words import WordRow

MOST = 20_000
LONGEST = 50
PAGE_MOST = 1_000


class WordList:
    """One list for the whole platform; the operator's alone."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(self, actor: Actor, written: Sequence[str], action: WordAction, reason: str = "") -> int:
        """Put words on the list, or change what they do; how many were not on it. They are found however they are spaced or disguised."""
        demand(actor, Permission.OPERATE)
        plain = [_word(text) for text in dict.fromkeys(written) if text.strip()]
        why = rules.reason(reason)
        now = self._clock()
        async with self._db.transaction() as tx:
            added = await words.add(tx, list(dict.fromkeys(plain)), action, why, now)
            if await words.count(tx) > MOST:
                raise ControlError(
                    Fault.TOO_MANY, f"词表最多 {MOST} 个词：请先移除一些。", f"The list has at most {MOST} words: remove some first."
                )
            await self._audit.record(tx, actor, "words.add", action.value, detail={"words": len(plain), "new": added})
            await publish(tx, "words changed", now)
        return added

    async def remove(self, actor: Actor, written: Sequence[str]) -> int:
        """How many were on it."""
        demand(actor, Permission.OPERATE)
        now = self._clock()
        async with self._db.transaction() as tx:
            removed = await words.remove(tx, [text.strip() for text in written])
            await self._audit.record(tx, actor, "words.remove", removed, detail={"words": removed})
            await publish(tx, "words changed", now)
        return removed

    async def page(self, actor: Actor, *, after: str = "", most: int = PAGE_MOST) -> list[WordRow]:
        """In their order, at most 1,000."""
        demand(actor, Permission.OPERATE)
        async with self._db.connection() as conn:
            return await words.page(conn, after=after, most=max(1, min(most, PAGE_MOST)))


SEVERITIES: Mapping[WordAction, Severity] = {WordAction.HOLD: Severity.SUSPICIOUS, WordAction.REFUSE: Severity.FORBIDDEN}


async def for_review(conn: Connection) -> Words:
    """What signatures and templates are looked through for: the operator's words, and the platform's own where it says nothing of them."""
    own = [Word(row.word, SEVERITIES[row.action], row.reason) for row in await words.every(conn)]
    said = {word.text for word in own}
    return await asyncio.to_thread(compiled, (*own, *(word for word in built_in() if word.text not in said)))


def _word(text: str) -> str:
    plain = text.strip()
    if len(plain) > LONGEST or not plain.isprintable() or not any(char not in SEPARATORS for char in plain):
        raise ControlError(
            Fault.INVALID,
            f"词需为 1 到 {LONGEST} 个可见字符，不能只有符号。",
            f"A word has 1 to {LONGEST} printable characters, not only symbols.",
        )
    return plain
