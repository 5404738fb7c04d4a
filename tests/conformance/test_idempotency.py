"""A key under which nobody knows what happened is kept, so that asking again finds it; one whose request was refused is free again."""

import itertools
from collections.abc import Sequence

import pytest
from fastapi import Request, Response

from hongyan.control.errors import ControlError, Fault
from hongyan.control.idempotency import SETTLED_S, IdempotencyKeys
from hongyan.doors.rest.messages import Messages, Send
from hongyan.doors.rest.problems import Refused
from hongyan.kit.db import Database
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.message import Accepted, Caller, SendCommand
from hongyan.model.reject import Refusal, Reject
from hongyan.products.once import Answers

keys = (f"key {n}".replace(" ", "-") for n in itertools.count(1))
WANTED = Send(app_id=1, template_id=2, to=["+8613800000000"])
PROGRAM = Actor(kind=ActorKind.KEY, id="AKID", name="AKID", permissions=GRANTS[Role.DEVELOPER], account_id=1)


class Wire:
    """Whoever sends: the first answer is given, asked again it has the message of the first request."""

    def __init__(self, first: Reject) -> None:
        self.asked: list[tuple[str, str]] = []
        self._first = first

    async def first(self, _caller: Caller, commands: Sequence[SendCommand]) -> Answers:
        self.asked.append(("first", commands[0].request_id))
        return [Refusal(self._first)]

    async def again(self, _caller: Caller, commands: Sequence[SendCommand], *, since: float, until: float) -> Answers:
        assert since < until
        self.asked.append(("again", commands[0].request_id))
        return [[Accepted(message_id=7, phone=8613800000000, region="CN", segments=1)]]


class Desk:
    """The endpoint with a clock that the test turns."""

    def __init__(self, database: Database, wire: Wire) -> None:
        self.now = 1_800_000_000.0
        self._numbers = itertools.count(1)
        self._door = Messages(
            send=wire,  # type: ignore[arg-type]  # what it asks of one
            preview=None,  # type: ignore[arg-type]  # nobody asks
            keys=IdempotencyKeys(database, lambda: self.now),
            records=None,  # type: ignore[arg-type]  # as above
            clock=lambda: self.now,
        )

    async def send(self, key: str) -> list[str | None]:
        request = Request({"type": "http", "method": "POST", "headers": [], "state": {"request_id": f"request-{next(self._numbers)}"}})
        sent = await self._door.send(PROGRAM, WANTED, request, Response(), key)
        return [result.message_id for result in sent.results]


async def test_after_a_commit_that_nobody_knows_of_the_same_key_finds_what_was_promised(database: Database) -> None:
    wire = Wire(Reject.INTERNAL)
    desk, key = Desk(database, wire), next(keys)
    with pytest.raises(Refused, match="look the message up"):
        await desk.send(key)
    with pytest.raises(ControlError) as early:
        await desk.send(key)
    assert early.value.code is Fault.IN_USE
    desk.now += SETTLED_S
    assert await desk.send(key) == ["7"]
    assert wire.asked == [("first", "request-1"), ("again", "request-1")]
    assert await desk.send(key) == ["7"]


async def test_after_a_refusal_the_same_key_is_a_new_request(database: Database) -> None:
    wire = Wire(Reject.TOO_BUSY)
    desk, key = Desk(database, wire), next(keys)
    for _ in range(2):
        with pytest.raises(Refused, match="busy"):
            await desk.send(key)
    assert wire.asked == [("first", "request-1"), ("first", "request-2")]
