"""The short form of `make chaos`: at least forty kills under mixed load, every fault point once, then the account."""

import os

import pytest

from chaos.campaign import Campaign, draw
from chaos.checker import Verdict
from chaos.rig import rig
from hongyan.kit.faults import POINTS, Action

pytestmark = [pytest.mark.slow, pytest.mark.alone]

TARGETS = (*["engine"] * 5, *["api"] * 4, *["office"] * 4, *["database"] * 3, "workers", "parent", "everything", "checkpoint", "backup")
HARMLESS = ("backends", "backends", "freeze", "drop")


async def test_forty_kills_and_a_death_at_every_point_lose_nothing_and_send_no_code_twice() -> None:
    seed = 20261122 if os.environ.get("CI") else int.from_bytes(os.urandom(3), "big")
    async with rig(seed=seed, rate=0.8) as built:
        chaos = Campaign(built, seed)
        await chaos.every_point(Action.KILL)
        await chaos.every_point()
        await chaos.cycles([*TARGETS, *HARMLESS], pauses=(0.05, 1.0))
        await chaos.account()
    result = chaos.result
    assert result.verdict == Verdict(), seed
    assert set(result.points) == set(POINTS)
    assert result.killed >= 40
    assert result.counts.messages > 2000
    # The service came back by itself each time.
    assert result.counts.longest_outage_s < 60


def test_strikes_are_the_same_for_the_same_seed_and_none_is_left_out() -> None:
    assert draw(7, 50, carrier=True) == draw(7, 50, carrier=True) != draw(8, 50, carrier=True)
    assert set(draw(1, 20, carrier=False)) == set(draw(1, 20, carrier=True)) - {"carrier"}
