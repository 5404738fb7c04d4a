"""The template that a text nearly is, and the first difference: what people need when a space that nobody sees is in the way."""

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec

from hongyan.model.lookalike import INVISIBLE, PLAIN, Table, named

_NEIGHBOURS = 8
_MOST_CANDIDATES = 40
_NEAR = 0.4
"""A template is near when this share of its fixed text is in the text."""
_QUOTED = 20


class Near(msgspec.Struct, frozen=True):
    """The nearest template, and where the text leaves it."""

    template_id: int
    at: int
    """The place in the text, from 0; its length when it ends too early."""
    zh: str
    en: str


class Candidates(Protocol):
    def candidates(self, text: str) -> Iterator[int]: ...


class _Loose(Table):
    """What is left when nothing counts that is easily overlooked: width, case, blanks, what nobody sees, the shape of punctuation."""

    def of(self, char: str) -> str:
        return "".join(_PUNCTUATION.get(part, part) for part in PLAIN[ord(char)] if not part.isspace())


_PUNCTUATION = dict(zip("。、“”‘’—–−【】《》", ".,\"\"''---[]<>", strict=True))
_LOOSE = _Loose()


class Nearest:
    """The templates of an application, made ready for comparing loosely."""

    def __init__(self, templates: Sequence[tuple[int, tuple[str, ...]]], index: Callable[[Sequence[tuple[str, ...]]], Candidates]) -> None:
        self._templates = templates
        self._loose = [tuple(literal.translate(_LOOSE) for literal in literals) for _, literals in templates]
        self._index = index(self._loose)
        numbers = range(len(templates))
        self._by_head = sorted((self._loose[number][0], number) for number in numbers)
        self._by_tail = sorted((self._loose[number][-1][::-1], number) for number in numbers)

    def to(self, text: str) -> Near | None:
        """The nearest template, or None when none is near."""
        loose, places = _LOOSE.places(text)
        places.append(len(text))
        alike = [number for number in self._index.candidates(loose) if _spans(self._loose[number], loose) is not None]
        if alike:
            number = max(alike, key=lambda number: sum(map(len, self._loose[number])))
            return self._first_difference(number, text, loose, places)
        return self._first_missing(text, loose)

    def _first_difference(self, number: int, text: str, loose: str, places: list[int]) -> Near | None:
        """Loosely the same: the first character of the fixed text that is not the template's own."""
        template_id, literals = self._templates[number]
        spans = _spans(self._loose[number], loose) or []
        last = len(literals) - 1
        for which, (literal, (at, end)) in enumerate(zip(literals, spans, strict=True)):
            if at == end and 0 < which < last:
                continue
            begin = 0 if which == 0 else _back(text, places[at], _quiet(literal))
            stop = len(text) if which == last else _forward(text, places[end - 1] + 1 if end else 0, _quiet(literal[::-1]))
            if (found := _difference(literal, text, begin, stop)) is not None:
                return Near(template_id, found[0], *_said(literal[found[1] :], text[found[0] : stop]))
        return self._blank_at_a_seam(template_id, literals, text)

    def _blank_at_a_seam(self, template_id: int, literals: tuple[str, ...], text: str) -> Near:
        """The characters all agree: a blank of the fixed text is missing, or one too many, where a value begins or ends."""
        at = _follow(literals, text)[0]
        return Near(
            template_id,
            at,
            "变量旁的空格或不可见字符与模板不一致",
            "a blank or an invisible character beside a value is not as in the template",
        )

    def _first_missing(self, text: str, loose: str) -> Near | None:
        best: tuple[float, int] | None = None
        for number in self._candidates(loose):
            score = _score(self._loose[number], loose)
            if best is None or score > best[0]:
                best = score, number
        if best is None or best[0] < _NEAR:
            return None
        template_id, literals = self._templates[best[1]]
        at, which = _follow(literals, text)
        if which == len(literals):
            return Near(template_id, at, "模板到此为止，内容后面却还有文字", "the template ends here, the text goes on")
        wanted = literals[which]
        if which == 0:
            return Near(
                template_id,
                _common(wanted, text),
                f"模板以“{_quoted(wanted)}”开头",
                f"the template begins with “{_quoted(wanted)}”",
            )
        if (part := _begun(wanted, text, at)) is not None:
            place, length = part
            return Near(template_id, place + length, *_said(wanted[length:], text[place + length :]))
        return Near(
            template_id,
            at,
            f"此后应有“{_quoted(wanted)}”，内容里没有",
            f"after this the template has “{_quoted(wanted)}”, which the text has not",
        )

    def _candidates(self, loose: str) -> list[int]:
        """Those that begin or end most nearly like the text."""
        found: dict[int, None] = {}
        for ordered, key in ((self._by_head, loose), (self._by_tail, loose[::-1])):
            at = bisect.bisect(ordered, (key, len(self._templates)))
            for _, number in ordered[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]:
                found[number] = None
        return list(found)[:_MOST_CANDIDATES]


def _spans(literals: tuple[str, ...], text: str) -> list[tuple[int, int]] | None:
    """Where each literal stands, each as early as it can; None when the text is not of this form."""
    head, tail = literals[0], literals[-1]
    if not text.startswith(head) or not text.endswith(tail) or len(text) < len(head) + (len(tail) if len(literals) > 1 else 0):
        return None
    if len(literals) == 1:
        return [(0, len(head))] if text == head else None
    spans = [(0, len(head))]
    at, end = len(head), len(text) - len(tail)
    for literal in literals[1:-1]:
        at = text.find(literal, at, end)
        if at < 0:
            return None
        spans.append((at, at + len(literal)))
        at += len(literal)
    return [*spans, (end, len(text))] if at <= end else None


def _quiet(literal: str) -> int:
    """How many characters in front count for nothing when comparing loosely."""
    return next((at for at, char in enumerate(literal) if _LOOSE[ord(char)]), len(literal))


def _back(text: str, at: int, most: int) -> int:
    """The place so many characters that count for nothing further in front, at most."""
    return next((place for place in range(at, at - most, -1) if place == 0 or _LOOSE[ord(text[place - 1])]), at - most)


def _forward(text: str, at: int, most: int) -> int:
    """The same to the end."""
    return next((place for place in range(at, at + most) if place == len(text) or _LOOSE[ord(text[place])]), at + most)


def _difference(literal: str, text: str, begin: int, stop: int) -> tuple[int, int] | None:
    """The places in the text and in the literal at which they first differ."""
    actual = text[begin:stop]
    if actual == literal:
        return None
    same = _common(literal, actual)
    return begin + same, same


def _common(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _follow(literals: tuple[str, ...], text: str) -> tuple[int, int]:
    """How far the text goes with the template: the place behind the last literal found, and the number of the one that is not there."""
    if not text.startswith(literals[0]):
        return 0, 0
    at = len(literals[0])
    for which, literal in enumerate(literals[1:], start=1):
        last = which == len(literals) - 1
        if last and text.endswith(literal) and len(text) - len(literal) >= at:
            return len(text), len(literals)
        found = text.find(literal, at)
        if found < 0:
            return at, which
        at = found + len(literal)
    return at, len(literals)


def _begun(literal: str, text: str, after: int) -> tuple[int, int] | None:
    """Where the longest beginning of the literal that is in the text stands, and its length; two characters are the least."""
    for length in range(len(literal) - 1, 1, -1):
        if (found := text.find(literal[:length], after)) >= 0:
            return found, length
    return None


def _score(literals: tuple[str, ...], text: str) -> float:
    """The share of the fixed text that is in the text, in order; the beginning counts as far as it agrees."""
    total = sum(map(len, literals))
    if not total:
        return 0.0
    at = same = _common(literals[0], text)
    if same < len(literals[0]) and (found := text.find(literals[0])) >= 0:
        same, at = len(literals[0]), found + len(literals[0])
    for literal in literals[1:]:
        found = text.find(literal, at) if literal else at
        if found >= 0:
            same += len(literal)
            at = found + len(literal)
        else:
            same += _common(literal[::-1], text[::-1])
    return same / total


def _said(wanted: str, got: str) -> tuple[str, str]:
    """The difference of two texts that differ in the first character, in both languages.

    Letters and digits of the second are not repeated: they may be of a code.
    """
    shown = "" if not got or (got[0].isalnum() and INVISIBLE.match(got) is None) else _shown(got[0])
    missing, surplus, other = _common(wanted[1:], got), _common(wanted, got[1:]), _common(wanted[1:], got[1:])
    if not got or (wanted and missing > max(surplus, other)):
        return f"缺少 {_shown(wanted[0])}", f"{_shown(wanted[0])} is missing"
    if not wanted or surplus > other:
        return f"多出 {shown or '文字'}", f"{shown or 'more text'} is too much"
    if not shown:
        return f"模板此处是 {_shown(wanted[0])}", f"the template has {_shown(wanted[0])} here"
    return f"内容是 {shown}，模板是 {_shown(wanted[0])}", f"it has {shown} where the template has {_shown(wanted[0])}"


def _shown(char: str) -> str:
    visible = char.isprintable() and not char.isspace() and INVISIBLE.match(char) is None
    if not visible:
        return named(char)
    return f"“{char}”" if char.isalnum() else f"“{char}” ({named(char)})"


def _quoted(text: str) -> str:
    shown = text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
    return "".join(char if char.isprintable() else f"<{named(char)}>" for char in shown)
