"""Frequency limits: windows, their presets, and what passing them is called."""

import pytest

from hongyan.model.limits import DAY_S, NAMED, PRESETS, Limits, Window, described, enough_history, in_force, notation, window_of
from hongyan.model.message import Kind
from hongyan.model.reject import Reject
from hongyan.model.rules.sets import RULE_SETS
from hongyan.pipeline.checks import Horizon, passed

HUAWEI = PRESETS["huawei"]
NONE = Limits(0, 0, 0, 0, 0)


def test_every_named_limit_is_a_window_and_they_are_told_in_the_order_of_their_fields() -> None:
    assert tuple(NAMED) == Limits.__struct_fields__
    rules = in_force(Limits(1, 2, 3, 4, 5))
    assert [(rule.window.most, rule.reject, rule.detail) for rule in rules] == [
        (1, Reject.SAME_CONTENT, ""),
        (2, Reject.LIMIT_30_SECONDS, ""),
        (3, Reject.LIMIT_HOUR, ""),
        (4, Reject.LIMIT_DAY, ""),
        (5, Reject.SAME_CONTENT_DAY, ""),
    ]


def test_a_limit_of_nothing_is_no_limit() -> None:
    assert in_force(NONE) == ()
    assert [rule.window for rule in in_force(Limits())] == [Window(1, 30, same_content=True), Window(10)]


@pytest.mark.parametrize(
    ("window", "reject"),
    [
        (Window(1, 59), Reject.LIMIT_30_SECONDS),
        (Window(1, 60), Reject.LIMIT_30_SECONDS),
        (Window(1, 61), Reject.LIMIT_HOUR),
        (Window(1, 3_600), Reject.LIMIT_HOUR),
        (Window(1, DAY_S), Reject.LIMIT_DAY),
        (Window(1), Reject.LIMIT_DAY),
        (Window(1, 59, same_content=True), Reject.SAME_CONTENT),
        (Window(1, 3_540, same_content=True), Reject.SAME_CONTENT_DAY),
        (Window(1, same_content=True), Reject.SAME_CONTENT_DAY),
    ],
    ids=str,
)
def test_a_window_without_a_name_is_told_by_the_nearest_name_with_its_rule(window: Window, reject: Reject) -> None:
    [rule] = in_force(NONE, (window,))
    assert (rule.reject, rule.detail) == (reject, described(window))


def test_a_rule_is_told_in_words() -> None:
    assert described(Window(2, 60, Kind.VERIFICATION)) == "at most 2 messages of the kind verification to one number in 60 s"
    assert described(Window(5, 3_540, same_content=True)) == "at most 5 messages with the same text to one number in 3540 s"
    assert described(Window(1)) == "at most 1 message to one number a day"


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("20/day", Window(20)),
        (" Marketing:4/3600 ", Window(4, 3_600, Kind.MARKETING)),
        ("same:5/3540", Window(5, 3_540, same_content=True)),
        ("notice:same:1/day", Window(1, 0, Kind.NOTICE, same_content=True)),
        ("5", None),
        ("5/", None),
        ("-5/60", None),
        ("5/week", None),
        ("same:notice:5/60", None),
        ("voice:5/60", None),
        ("\u0665/60", None),
    ],
)
def test_a_window_is_read_as_people_write_it(text: str, window: Window | None) -> None:
    assert window_of(text) == window
    assert window is None or window_of(notation(window)) == window


def test_the_presets_are_those_of_the_vendors() -> None:
    assert {name: rules.limits for name, rules in RULE_SETS.items()} == {
        "seeds": PRESETS["seeds"].limits,
        "current": PRESETS["current"].limits,
        "guide2016": PRESETS["seeds"].limits,
    }
    rules = in_force(HUAWEI.limits, HUAWEI.windows)
    of_kinds = {kind: [(rule.window.most, rule.window.seconds) for rule in rules if rule.window.kind is kind] for kind in (None, *Kind)}
    assert of_kinds == {
        None: [(2, 59), (5, 3_540)],
        Kind.VERIFICATION: [(2, 60), (50, 86_400)],
        Kind.NOTICE: [(10, 60), (50, 86_400)],
        Kind.MARKETING: [(4, 3_600), (10, 86_400)],
    }
    assert PRESETS["huawei"].marketing_hours


@pytest.mark.parametrize(
    ("limits", "windows", "enough"),
    [
        # Ten of yesterday may lie within 30 seconds of the first of today.
        (Limits(), (), 21),
        (Limits(day=0), (), 1_000),
        (NONE, (), 1_000),
        (Limits(day=0, hour=5), (), 11),
        (HUAWEI.limits, HUAWEI.windows, 2 * (50 + 50 + 10) + 1),
        (NONE, (Window(5, 60, Kind.NOTICE), Window(7, 3_600)), 15),
        (NONE, (Window(5, 60, Kind.NOTICE),), 1_000),
    ],
)
def test_no_more_history_is_asked_(limits: Limits, windows: tuple[Window, ...], enough: int) -> None:
    assert enough_history(limits, windows) == enough


def test_a_number_without_history_has_passed_nothing() -> None:
    horizon = Horizon(rules=[(rule, 0) for rule in in_force(Limits())], repeats=7)
    assert passed([], Kind.NOTICE, 1, horizon) is None
    assert horizon.since == 0
    assert Horizon(rules=[], repeats=7).since == 7
