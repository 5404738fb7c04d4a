"""Frequency limits of an application: how often one number may be sent to, in windows of time."""

import functools
import re
from collections.abc import Mapping

import msgspec

from hongyan.model.message import Kind
from hongyan.model.reject import Reject

DAY_S = 86_400
LONGEST_S = DAY_S
"""No window looks back further: one day's messages are in two partitions at most."""
HISTORY_MOST = 1_000
"""Recent messages of a number that are looked at, where no window bounds how many there can be."""


class Window(msgspec.Struct, frozen=True, omit_defaults=True):
    """So many messages to one number, and not one more, from `seconds` ago until now; both ends belong to it."""

    most: int
    seconds: int = 0
    """How far back it looks, to the millisecond; 0 means since midnight in Asia/Shanghai."""
    kind: Kind | None = None
    """Messages of this kind alone are limited and counted; None means all."""
    same_content: bool = False
    """Messages with the same text alone are counted."""


class Limits(msgspec.Struct, frozen=True):
    """How often one number may be sent to; 0 means no limit. The defaults are Tencent's of 2018 (seed 002)."""

    same_content_30s: int = 1
    any_30s: int = 0
    hour: int = 0
    day: int = 10
    """Per calendar day in Asia/Shanghai."""
    same_content_day: int = 0


class Rule(msgspec.Struct, frozen=True):
    """A window in force, and what passing it is called."""

    window: Window
    reject: Reject
    detail: str = ""
    """What the reject alone does not say."""


NAMED: Mapping[str, Rule] = {
    "same_content_30s": Rule(Window(0, 30, same_content=True), Reject.SAME_CONTENT),
    "any_30s": Rule(Window(0, 30), Reject.LIMIT_30_SECONDS),
    "hour": Rule(Window(0, 3_600), Reject.LIMIT_HOUR),
    "day": Rule(Window(0), Reject.LIMIT_DAY),
    "same_content_day": Rule(Window(0, same_content=True), Reject.SAME_CONTENT_DAY),
}
"""The limits that have a name; the order is the one in which they are told."""

REJECTS: tuple[tuple[int, Reject, Reject], ...] = (
    (60, Reject.LIMIT_30_SECONDS, Reject.SAME_CONTENT),
    (3_600, Reject.LIMIT_HOUR, Reject.SAME_CONTENT_DAY),
    (LONGEST_S, Reject.LIMIT_DAY, Reject.SAME_CONTENT_DAY),
)
"""What windows of up to so many seconds are called, any content and the same: customers' programs know these and no others."""


class Preset(msgspec.Struct, frozen=True):
    """What a vendor has for all its applications."""

    limits: Limits
    windows: tuple[Window, ...] = ()
    marketing_hours: bool = False
    """Marketing is sent at its hours only (`model.protection.MARKETING_HOURS`)."""


PRESETS: Mapping[str, Preset] = {
    "seeds": Preset(Limits()),
    "current": Preset(Limits(day=2), marketing_hours=True),
    # The product page of today: sms, sending rules (huawei, section 7.4).
    "huawei": Preset(
        Limits(same_content_30s=0, day=0),
        windows=(
            Window(2, 59, same_content=True),
            Window(5, 3_540, same_content=True),
            Window(2, 60, Kind.VERIFICATION),
            Window(50, DAY_S, Kind.VERIFICATION),
            Window(10, 60, Kind.NOTICE),
            Window(50, DAY_S, Kind.NOTICE),
            Window(4, 3_600, Kind.MARKETING),
            Window(10, DAY_S, Kind.MARKETING),
        ),
        marketing_hours=True,
    ),
}
"""By name: Tencent's of 2018 and of today, and Huawei's."""


@functools.lru_cache(maxsize=1024)
def in_force(limits: Limits, windows: tuple[Window, ...] = ()) -> tuple[Rule, ...]:
    """Every window that limits anything, in the order in which they are told: those with a name, then the others."""
    named = ((rule, getattr(limits, name)) for name, rule in NAMED.items())
    return (
        *(msgspec.structs.replace(rule, window=msgspec.structs.replace(rule.window, most=most)) for rule, most in named if most),
        *(Rule(window, _reject(window), described(window)) for window in windows),
    )


def _reject(window: Window) -> Reject:
    return next(same if window.same_content else any_ for up_to, any_, same in REJECTS if (window.seconds or DAY_S) <= up_to)


def described(window: Window) -> str:
    """The window in words, for developers."""
    what = f"message{'' if window.most == 1 else 's'}{'' if window.kind is None else f' of the kind {window.kind.name.lower()}'}"
    when = f"in {window.seconds} s" if window.seconds else "a day"
    return f"at most {window.most} {what}{' with the same text' if window.same_content else ''} to one number {when}"


def notation(window: Window) -> str:
    """As people write it: `[KIND:][same:]MOST/SECONDS`, or `/day` for a calendar day."""
    kind = "" if window.kind is None else f"{window.kind.name.lower()}:"
    return f"{kind}{'same:' if window.same_content else ''}{window.most}/{window.seconds or 'day'}"


_NOTATION = re.compile(rf"(?:({'|'.join(kind.name for kind in Kind)}):)?(SAME:)?([0-9]{{1,9}})/(?:([0-9]{{1,9}})|DAY)", re.ASCII)


def window_of(text: str) -> Window | None:
    """What `notation` has written; None when it is none."""
    read = _NOTATION.fullmatch(text.strip().upper())
    if read is None:
        return None
    kind, same, most, seconds = read.groups()
    return Window(int(most), int(seconds or 0), None if kind is None else Kind[kind], same_content=same is not None)


@functools.lru_cache(maxsize=1024)
def enough_history(limits: Limits, windows: tuple[Window, ...] = ()) -> int:
    """How many of a number's newest messages decide every window: as many as there can be while the limits are kept, and one more.

    Where limits were looser before, or the number was exempt from them, there may be more; then the newest ones decide.
    """
    every = [rule.window for rule in in_force(limits, windows)]
    reach = max((window.seconds or DAY_S for window in every), default=0)
    of_all = _bound([window for window in every if window.kind is None], reach)
    of_kinds = sum(_bound([window for window in every if window.kind in {None, kind}], reach) for kind in Kind)
    return min(of_all, of_kinds, HISTORY_MOST - 1) + 1


def _bound(windows: list[Window], reach: int) -> int:
    # A stretch of time is covered by so many windows laid side by side; calendar days begin anywhere in it.
    counts = (window.most * (reach // (window.seconds or DAY_S) + 1) for window in windows if not window.same_content)
    return min(counts, default=HISTORY_MOST)
