"""Frequency limits against a model that counts by hand: nothing too many in any window, nothing refused without a reason."""

import datetime as dt
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.kit import ids
from hongyan.model.limits import PRESETS, Limits, Preset, Rule, Window, enough_history, in_force
from hongyan.model.message import Kind
from hongyan.model.protection import SHANGHAI, hours_begin, within_hours
from hongyan.pipeline.checks import Horizon, passed
from hongyan.store.partitions import day_start

MIDNIGHT = dt.datetime(2026, 11, 22, tzinfo=SHANGHAI).timestamp()


class Sent(NamedTuple):
    at: float
    kind: Kind
    content: int


def windows() -> st.SearchStrategy[Window]:
    return st.builds(
        Window,
        most=st.integers(1, 4),
        seconds=st.sampled_from([0, 1, 30, 59, 60, 3_540, 3_600, 86_400]),
        kind=st.sampled_from([None, *Kind]),
        same_content=st.booleans(),
    )


def presets() -> st.SearchStrategy[Preset]:
    named = st.builds(
        Limits,
        same_content_30s=st.integers(0, 2),
        any_30s=st.integers(0, 3),
        hour=st.integers(0, 4),
        day=st.integers(0, 5),
        same_content_day=st.integers(0, 3),
    )
    return st.one_of(st.builds(Preset, named, st.lists(windows(), max_size=4).map(tuple)), st.sampled_from(list(PRESETS.values())))


# Steps that end exactly at the edges of windows, just before and just after; in milliseconds, as ids have it.
STEPS = st.one_of(
    st.sampled_from([0, 1, 999, 1_000, 1_001, 29_999, 30_000, 30_001, 58_999, 59_000, 59_001, 60_000, 60_001]),
    st.sampled_from([3_539_999, 3_540_000, 3_540_001, 3_599_999, 3_600_000, 3_600_001, 86_399_999, 86_400_000, 86_400_001]),
    st.integers(0, 10_000_000),
)
STARTS = st.sampled_from([MIDNIGHT - 60, MIDNIGHT - 30, MIDNIGHT - 29.999, MIDNIGHT - 0.001, MIDNIGHT, MIDNIGHT + 0.001, MIDNIGHT + 43_200])


def in_ms(at: float) -> int:
    return round(at * 1000)


def too_many(rules: tuple[Rule, ...], before: list[Sent], new: Sent) -> Window | None:
    """The first window that the new message would overfill, counted by hand."""
    for window in (rule.window for rule in rules):
        if window.kind not in {None, new.kind}:
            continue
        seconds = window.seconds
        began = in_ms(new.at) - 1000 * seconds if seconds else in_ms(day_start(new.at))
        count = sum(
            in_ms(one.at) >= began and window.kind in {None, one.kind} and (one.content == new.content or not window.same_content)
            for one in before
        )
        if count >= window.most:
            return window
    return None


def horizon(rules: tuple[Rule, ...], now: float) -> Horizon:
    begins = [now - rule.window.seconds if rule.window.seconds else day_start(now) for rule in rules]
    # Half a millisecond more: a clock never tells a decimal's last bit, and what is tested are edges between milliseconds.
    counting = [(rule, ids.first_id_at(at + 0.0005)) for rule, at in zip(rules, begins, strict=True)]
    return Horizon(rules=counting, repeats=ids.first_id_at(now))


@settings(max_examples=400, deadline=None)
@given(presets(), STARTS, st.lists(st.tuples(STEPS, st.sampled_from(list(Kind)), st.integers(1, 2)), max_size=40))
def test_windows_are_exact_at_both_edges_with_no_more_history_than_is_asked_for(
    preset: Preset, start: float, steps: list[tuple[int, Kind, int]]
) -> None:
    rules = in_force(preset.limits, preset.windows)
    taken: list[Sent] = []
    history: list[tuple[int, int, int]] = []
    now_ms = in_ms(start)
    for step, kind, content in steps:
        now_ms += step
        now = now_ms / 1000
        new = Sent(now, kind, content)
        edge = horizon(rules, now)
        known = [past for past in history if past[0] >= edge.since][: enough_history(preset.limits, preset.windows)]
        rule = passed(known, kind, content, edge)
        assert (None if rule is None else rule.window) == too_many(rules, taken, new)
        if rule is None:
            taken.append(new)
            history.insert(0, (ids.first_id_at(now + 0.0005) + len(taken), content, kind))


@given(st.floats(MIDNIGHT - 400 * 86_400, MIDNIGHT + 400 * 86_400), st.integers(0, 22), st.integers(1, 24))
def test_hours_begin_at_their_next_full_hour_and_never_later_than_in_a_day(now: float, first: int, length: int) -> None:
    hours = (first, min(24, first + length))
    begin = hours_begin(hours, now)
    assert within_hours(hours, begin)
    if within_hours(hours, now):
        assert begin == now
    else:
        assert now < begin <= now + 86_400
        local = dt.datetime.fromtimestamp(begin, SHANGHAI)
        assert (local.hour, local.minute, local.second, local.microsecond) == (first, 0, 0, 0)
        # Nothing between now and then is within the hours.
        assert not within_hours(hours, begin - 0.001)
