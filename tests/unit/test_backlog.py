"""Which kinds are still accepted while the queue fills."""

import pytest

from hongyan.model.message import Kind
from hongyan.pipeline.backlog import KEPT_S, refused
from hongyan.store.backlog import Depth


def depth(codes: int = 0, notices: int = 0, marketing: int = 0, age_s: float = 0.0) -> Depth:
    return Depth({Kind.VERIFICATION: codes, Kind.NOTICE: notices, Kind.MARKETING: marketing}, age_s, 1.0)


@pytest.mark.parametrize(
    ("total", "kinds"),
    [
        (799, set()),
        (800, {Kind.MARKETING}),
        (899, {Kind.MARKETING}),
        (900, {Kind.MARKETING, Kind.NOTICE}),
        (999, {Kind.MARKETING, Kind.NOTICE}),
        (1000, set(Kind)),
    ],
)
def test_advertisements_give_way_first_and_codes_last(total: int, kinds: set[Kind]) -> None:
    assert refused(depth(marketing=total), 1000) == kinds


def test_what_counts_is_all_that_waits() -> None:
    assert refused(depth(codes=500, notices=200, marketing=100), 1000) == {Kind.MARKETING}


def test_a_figure_that_is_not_renewed_refuses_nobody_for_ever() -> None:
    assert refused(depth(marketing=5000, age_s=KEPT_S), 1000) == set(Kind)
    assert refused(depth(marketing=5000, age_s=KEPT_S + 3), 1000) == set()
    assert refused(None, 1000) == set()
