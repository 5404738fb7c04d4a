"""Letters to people: written in the transaction of what they tell of, handed to the mail server by a job."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog

from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.store import letters

log = structlog.get_logger()

CONTEXT = "letter"
AT_ONCE = 20
LEASE_S = 120.0
"""A process that ends with a letter in its hands leaves it for so long."""
AGAIN_S = (30.0, 120.0, 600.0, 1800.0)
"""Pauses after failures, the last one for all that follow."""

SendLetter = Callable[[str, str, str], Awaitable[str | None]]
"""Address, subject, text; None when the mail server has it, otherwise why not."""


Link = Callable[[str, str], str]
"""The address of a page ("password", "invitation") for a ticket; empty where there is no console."""


def link_to(console: str) -> Link:
    """Links into the console at this address; a ticket stands behind the #, which no server and no log gets to see."""
    return lambda page, ticket: f"{console.rstrip('/')}/{page}#{ticket}" if console else ""


class Letter(msgspec.Struct, frozen=True):
    subject: str
    text: str


class Letters:
    """Sealed while they wait: they hold tickets."""

    def __init__(self, db: Database, box: SecretBox, clock: Callable[[], float]) -> None:
        self._db = db
        self._box = box
        self._clock = clock

    async def write(self, tx: Connection, email: str, letter: Letter, *, expires_at: float) -> None:
        """It is not sent any more when it is too late to be of use."""
        sealed = self._box.seal(msgspec.json.encode(letter).decode(), CONTEXT)
        await letters.add(tx, email=email, sealed=sealed, now=self._clock(), expires_at=expires_at)

    async def send_due(self, send: SendLetter) -> int:
        """Hand over what is due; how many the mail server has taken."""
        now, taken = self._clock(), 0
        async with self._db.transaction() as tx:
            await letters.sweep(tx, now)
            due = await letters.take(tx, now=now, again_at=now + LEASE_S, most=AT_ONCE)
        for row in due:
            letter = msgspec.json.decode(self._box.open(row.sealed, CONTEXT), type=Letter)
            failed = await send(row.email, letter.subject, letter.text)
            async with self._db.transaction() as tx:
                if failed is None:
                    await letters.remove(tx, row.id)
                    taken += 1
                else:
                    await letters.again(tx, row.id, self._clock() + AGAIN_S[min(row.tries, len(AGAIN_S)) - 1])
            if failed is not None:
                log.warning("letter_not_sent", letter=row.id, tries=row.tries, why=failed)
        return taken
