"""The whole platform on a bad line to its carrier, with a second link beside it."""

import time
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from acting import OPERATOR
from faultline.proxy import (
    SMPP,
    Fault,
    Line,
    Way,
    corrupt,
    cut,
    half_open,
    late,
    reorder,
    repeat,
    reset,
    split,
    stop_reading,
    stray,
    swallow,
)
from hongyan.kit.db import Database
from hongyan.model.message import Status
from hongyan.model.snapshot import LinkConfig
from hongyan.wiring import SIMULATOR_LINK, SIMULATOR_PASSWORD
from journeys.customers import Customer, Sent
from journeys.load import Account, Load, account, settled
from journeys.platform import SOON_S, Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.usefixtures("laws_hold")]

NAME = "line"
WINDOW = 20
KEEPALIVE_S = RESPONSE_S = 1.0
FAIL_OVER_S = 5.0
CAME_OR_WENT = ("link_bound", "link_down")
SLACK_S = 1.5
"""For a busy machine."""

IN_TURN: tuple[list[Fault], ...] = (
    [Fault(Way.BACK, swallow, SMPP.submit_response, every=4)],
    [Fault(Way.BACK, late(RESPONSE_S + 0.5), SMPP.submit_response, every=4)],
    [Fault(Way.BACK, repeat(2), every=3), Fault(Way.OUT, split, every=5)],
    [Fault(Way.BACK, reorder(10, 3, 0.05))],
    [Fault(Way.BACK, corrupt(SMPP.head_fields["command"]), SMPP.submit_response, every=5)],
    [Fault(Way.OUT, stop_reading(0.3), SMPP.submit, every=5, times=2)],
    [Fault(Way.BACK, reset, SMPP.deliver, every=5, times=2)],
    [Fault(Way.OUT, cut(30), SMPP.submit, every=5, times=2)],
    [Fault(Way.BACK, stray(b"\0\0\0\x02"), every=5, times=1)],
    [Fault(Way.OUT, half_open(Way.BACK), SMPP.submit, every=5, times=1)],
)


@pytest.fixture
async def line(platform: Platform, customer: Customer) -> AsyncIterator[Line]:
    """The preferred link, which leads to the same carrier through a proxy; healthy until a test says otherwise."""
    async with platform.control() as control:
        simulator = next(link for link in await control.links.every(OPERATOR) if link.name == SIMULATOR_LINK)
        made = Line(simulator.port)
        config = LinkConfig(
            id=0,
            name=NAME,
            protocol="smpp",
            host="127.0.0.1",
            port=await made.open(),
            system_id=NAME,
            password=SIMULATOR_PASSWORD,
            sender_id="10690001",
            window=WINDOW,
            keepalive_s=KEEPALIVE_S,
            response_s=RESPONSE_S,
            priority=1,
        )
        before = len(platform.log_lines())
        await control.links.ensure(OPERATOR, config)
    await until(lambda: _bound(platform, before), "the link is bound through the line")
    yield made
    made.faults.clear()
    async with platform.control() as control:
        await control.links.change(OPERATOR, NAME, {"enabled": False})
    await customer.known()
    await made.close()


def _notes(platform: Platform, event: str) -> int:
    return sum(1 for line in platform.log_lines() if line.get("event") == event and line.get("link") == NAME)


def _bound(platform: Platform, since: int = 0) -> bool:
    """By the last that the log says of it, from this line on."""
    told = [line["event"] for line in platform.log_lines()[since:] if line.get("link") == NAME and line["event"] in CAME_OR_WENT]
    return bool(told) and told[-1] == "link_bound"


async def test_a_black_hole_is_noticed_and_the_rest_goes_another_way(
    customer: Customer, platform: Platform, database: Database, line: Line
) -> None:
    healthy = [Sent(status) for status in await customer.submit([phone() for _ in range(10)], "verification")]
    await until(lambda: len(_by(platform, healthy, NAME)) == 10, "the line is used")
    before = _notes(platform, "link_down")
    line.faults.append(Fault(Way.OUT, half_open(Way.OUT, Way.BACK), times=1))
    began = time.monotonic()
    sent = [Sent(status) for _ in range(2) for status in await customer.submit([phone() for _ in range(100)], "verification")]
    await until(lambda: _notes(platform, "link_down") > before, "the black hole is noticed", KEEPALIVE_S + RESPONSE_S + SLACK_S)
    await until(lambda: len(_by(platform, sent, "hongyan")) >= len(sent) - WINDOW, "what was not sent goes another way", FAIL_OVER_S)
    assert time.monotonic() - began < FAIL_OVER_S
    line.faults.clear()

    async def all_have_ended() -> bool:
        async with database.connection() as conn:
            rows = await conn.fetch("select status from settlements where id = any($1)", [message.id for message in sent])
        ends = Counter(Status(row["status"]) for row in rows)
        return ends[Status.DELIVERED] + ends[Status.UNKNOWN] == len(sent) and ends[Status.UNKNOWN] <= WINDOW

    await until(all_have_ended, "codes are delivered, or unknown when they fell into the hole")
    taken = Counter(f"+{entry.phone}" for entry in platform.journal.entries() if not entry.status)
    assert max(taken[message.phone] for message in sent) == 1


def _by(platform: Platform, sent: list[Sent], system_id: str) -> set[str]:
    """Numbers of these that the carrier took from that account."""
    mine = {message.phone for message in sent}
    return {f"+{entry.phone}" for entry in platform.journal.entries() if entry.system_id == system_id and not entry.status} & mine


async def test_a_line_that_fails_in_ever_other_ways_loses_and_repeats_nothing(customer: Customer, platform: Platform, line: Line) -> None:
    loads = []
    for faults in IN_TURN:
        line.faults.clear()
        await until(lambda: _bound(platform), "the link is bound through the line")
        line.faults[:] = [msgspec.structs.replace(fault) for fault in faults]
        deadline = time.monotonic() + SOON_S
        while not all(fault.done for fault in line.faults):
            # What was lost a moment ago can fill the window: then the other link is used, and the fault waits.
            assert time.monotonic() < deadline, "the fault has not struck"
            loads.append(Load(customer, messages=120))
            await loads[-1].run()
    line.faults.clear()
    await settled(loads[-1])
    assert line.calls > 3
    for load in loads:
        assert await account(load) == Account()
