"""Sending what may have been sent before: only what was not promised then is promised now."""

import asyncio
from collections.abc import Sequence

import msgspec

from hongyan.kit import ids
from hongyan.kit.db import Database
from hongyan.model import phone as phones
from hongyan.model.message import Accepted, Caller, Outcome, Refused, SendCommand
from hongyan.model.reject import Refusal
from hongyan.pipeline.refusals import Sends
from hongyan.store import schedules

APART_S = 5.0
"""Clocks of processes may differ so much."""

Answers = list[list[Outcome] | Refusal]


class SendOnce:
    """Accepts the commands of a request, and the rest of them when the first try was interrupted.

    Each command has a request id of its own, the same in every try.
    """

    def __init__(self, db: Database, send: Sends) -> None:
        self._db = db
        self._send = send

    async def first(self, caller: Caller, commands: Sequence[SendCommand]) -> Answers:
        """All of them, side by side: they share commits."""
        return list(await asyncio.gather(*(self._send.accept(caller, command) for command in commands)))

    async def again(self, caller: Caller, commands: Sequence[SendCommand], *, since: float, until: float) -> Answers:
        """As `first`, for a request that was tried from `since` on (Unix seconds) and not finished by `until`: each number once."""
        known: dict[tuple[int, str], Accepted] = {}
        for app_id in {command.app_id for command in commands}:
            asked = [command.request_id for command in commands if command.app_id == app_id]
            async with self._db.connection() as conn:
                found = await schedules.promised(
                    conn, app_id, asked, from_id=ids.first_id_at(since - APART_S), to_id=ids.first_id_at(until + APART_S)
                )
            known |= {
                (row.phone, row.request_id): Accepted(message_id=row.id, phone=row.phone, region=row.region, segments=row.segments)
                for row in found
            }
        return list(await asyncio.gather(*(self._rest(caller, command, known) for command in commands)))

    async def _rest(self, caller: Caller, command: SendCommand, known: dict[tuple[int, str], Accepted]) -> list[Outcome] | Refusal:
        had: dict[int, Outcome] = {}
        for place, written in enumerate(command.phones):
            phone = phones.parse(written)
            before = known.get((phone.number, command.request_id)) if phone is not None else None
            if before is not None:
                had[place] = before
        left = [place for place in range(len(command.phones)) if place not in had]
        if not left:
            return [had[place] for place in range(len(command.phones))]
        answer = await self._send.accept(caller, msgspec.structs.replace(command, phones=tuple(command.phones[place] for place in left)))
        if isinstance(answer, Refusal):
            if not had:
                return answer
            answer = [Refused(command.phones[place], "", answer.reason, answer.detail) for place in left]
        whole = had | dict(zip(left, answer, strict=True))
        return [whole[place] for place in range(len(command.phones))]
