"""How a message's hops are printed for people."""

import io

from hongyan.cli.output import Terminal
from hongyan.cli.timeline import print_timeline
from hongyan.control.timeline import Entry, Step, Timeline
from hongyan.model.message import Kind, Status

NOON = 1_800_000_000.0
DAY_S = 86_400.0


def printed(*at: float) -> str:
    terminal = Terminal(lang="en", out=io.StringIO())
    entries = tuple(Entry(moment, Step.ACCEPTED, "-", "-") for moment in at)
    print_timeline(terminal, Timeline(7, 1, "+8613800000000", Kind.MARKETING, 1, Status.DELIVERED, "DELIVRD", entries))
    assert isinstance(terminal.out, io.StringIO)
    return terminal.out.getvalue()


def test_hops_of_one_day_have_their_times_and_those_of_several_their_days() -> None:
    assert "2027" not in printed(NOON, NOON + 0.25)
    assert "+250 ms" in printed(NOON, NOON + 0.25)
    several = printed(NOON, NOON + DAY_S)
    assert "2027-01-15" in several
    assert "2027-01-16" in several
    assert "+86400 s" in several
