"""Which approved template a whole text is of, and with which values: for requests that send by content.

Exact: every character of the fixed text counts, what nobody sees included. Texts never meet a regular expression made from a template; the
time is bounded by the lengths of both. Building costs milliseconds for thousands of templates, matching microseconds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from ahocorasick_rs import AhoCorasick, MatchKind

from hongyan.model.lookalike import hidden, named
from hongyan.model.message import Kind
from hongyan.model.nearest import Near, Nearest
from hongyan.model.snapshot import App, Scope, Snapshot, Template
from hongyan.model.template import take_apart
from hongyan.model.values import refused_params

KEY = 12
"""Characters of a fixed text by which templates are found; longer keys would find little better and could overlap at length."""
_WAYS = 200
"""So many ways of dividing one text into values are looked at for one that the template allows."""
_STEPS = 5_000
"""So many steps are taken for a template that has a placeholder twice; deciding those is not possible in bounded time for every text."""


class Match(msgspec.Struct, frozen=True):
    """The text is this template's with these values.

    Whether they may be sent is for `model.values.refused_params` to say; a way to read the text for which it is silent goes before others.
    """

    template_id: int
    params: tuple[str, ...]


class Mismatch(msgspec.Struct, frozen=True):
    """The text is none's. The reasons never repeat a value; fixed text of a template they do."""

    reason: str
    """For developers, in English: the nearest template and the first difference, invisible characters by their names."""
    zh: str
    template_id: int | None = None
    """The nearest; None when none is near."""
    at: int | None = None
    """Where the text differs from it, from 0."""


class Pattern(msgspec.Struct, frozen=True):
    """A template made ready for comparing."""

    template: Template
    literals: tuple[str, ...]
    order: tuple[int, ...]
    fixed: int
    """Characters of all literals."""
    places: tuple[int, ...]
    """By the number of a value: where it stands first."""
    natural: bool
    """The values stand in the order of their numbers, each once."""
    repeats: bool
    """A placeholder occurs twice."""

    @property
    def id(self) -> int:
        return self.template.id


def pattern(template: Template) -> Pattern:
    shape = take_apart(template.content)
    literals = tuple(literal.text for literal in shape.literals)
    return Pattern(
        template=template,
        literals=literals,
        order=shape.order,
        fixed=sum(map(len, literals)),
        places=tuple(shape.order.index(which) for which in range(len(set(shape.order)))),
        natural=shape.order == tuple(range(len(shape.order))),
        repeats=len(set(shape.order)) < len(shape.order),
    )


class Index:
    """Patterns by the rarest piece of their fixed text, then by how they begin and end: few are left to be compared with a text."""

    def __init__(self, literals: Sequence[tuple[str, ...]]) -> None:
        """By number: the fixed texts of each pattern in order."""
        self._whole: dict[str, list[int]] = {}
        self._anything: list[int] = []
        windows = [_windows(of) for of in literals]
        common = Counter(window for found in windows for window in found)
        buckets: dict[str, dict[str, dict[str, list[int]]]] = {}
        for number, of in enumerate(literals):
            if len(of) == 1:
                self._whole.setdefault(of[0], []).append(number)
            elif not windows[number]:
                self._anything.append(number)
            else:
                key = min(windows[number], key=lambda window: (common[window], -len(window), window))
                buckets.setdefault(key, {}).setdefault(of[0], {}).setdefault(of[-1], []).append(number)
        self._buckets = list(buckets.values())
        self._keys = AhoCorasick(list(buckets), matchkind=MatchKind.Standard, store_patterns=False) if buckets else None

    def candidates(self, text: str) -> Iterator[int]:
        """The numbers of patterns that begin and end as the text does and have their key in it."""
        yield from self._whole.get(text, ())
        yield from self._anything
        if self._keys is None:
            return
        for which in {found[0] for found in self._keys.find_matches_as_indexes(text, overlapping=True)}:
            for head, tails in self._buckets[which].items():
                if text.startswith(head):
                    for tail, numbers in tails.items():
                        if text.endswith(tail):
                            yield from numbers


def _windows(literals: tuple[str, ...]) -> set[str]:
    return {window for literal in literals if literal for window in (literal[:KEY], literal[-KEY:])}


class Matcher:
    """The approved templates of one application, made ready."""

    def __init__(self, templates: Iterable[Template]) -> None:
        # Of templates that are the same but for their number only the oldest can be told.
        oldest: dict[tuple[object, ...], Template] = {}
        for template in sorted(templates, key=lambda template: template.id):
            oldest.setdefault((template.content, template.kind, template.scope, template.values), template)
        self._patterns = [pattern(template) for template in oldest.values()]
        self._index = Index([pattern.literals for pattern in self._patterns])
        self._nearest: Nearest | None = None

    def match(self, text: str, *, kinds: frozenset[Kind] | None = None, scope: Scope | None = None) -> Match | Mismatch:
        """The template of these kinds and this scope (None: of any) that the body `text`, without a signature in front, was made from.

        Of several the one whose values are allowed and that has most fixed text, then the oldest. A value that is refused for what nobody
        sees in it, or for a blank at its edge, makes a mismatch: the character was meant for nothing.
        """
        best: tuple[tuple[int, int, int], tuple[Pattern, Match]] | None = None
        other: Pattern | None = None
        for number in self._index.candidates(text):
            found = self._patterns[number]
            if (way := _best_way(found, text)) is None:
                continue
            template = found.template
            if (kinds is not None and template.kind not in kinds) or (scope is not None and template.scope is not scope):
                other = found
                continue
            quality, params = way
            rank = (quality, found.fixed, -template.id)
            if best is None or rank > best[0]:
                best = rank, (found, Match(template.id, params))
        if best is not None:
            (quality, *_), (found, match) = best
            return match if quality else _unseen(found, match, text) or match
        return _of_another_sort(other.template) if other is not None else self._explain(text)

    def _explain(self, text: str) -> Mismatch:
        if self._nearest is None:
            self._nearest = Nearest([(pattern.id, pattern.literals) for pattern in self._patterns], Index)
        near = self._nearest.to(text)
        return _unlike_all() if near is None else _told(near)


_BEST = 2


def _best_way(found: Pattern, text: str) -> tuple[int, tuple[str, ...]] | None:
    """Values that make the text of the template, and how good they are: 2 allowed and none empty, 1 allowed, 0 neither; or None."""
    if not found.repeats:
        # Each literal at its first place leaves most room for the rest: when that is no way, there is none.
        first = _first_way(found, text)
        if first is None:
            return None
        if (quality := _quality(found, first)) == _BEST:
            return _BEST, first
        best: tuple[int, tuple[str, ...]] | None = (quality, first)
    else:
        best = None
    for params in _ways(found, text):
        quality = _quality(found, params)
        if best is None or quality > best[0]:
            best = quality, params
        if quality == _BEST:
            break
    return best


def _quality(found: Pattern, params: tuple[str, ...]) -> int:
    if refused_params(found.template.kind, params, found.template.values) is not None:
        return 0
    return _BEST if all(params) else 1


def _first_way(found: Pattern, text: str) -> tuple[str, ...] | None:
    literals = found.literals
    head, tail = literals[0], literals[-1]
    if len(text) < found.fixed or not text.startswith(head) or not text.endswith(tail):
        return None
    if len(literals) == 1:
        return () if len(text) == len(head) else None
    at, end = len(head), len(text) - len(tail)
    values: list[str] = []
    for literal in literals[1:-1]:
        stop = text.find(literal, at, end)
        if stop < 0:
            return None
        values.append(text[at:stop])
        at = stop + len(literal)
    values.append(text[at:end])
    return tuple(values) if found.natural else tuple(values[place] for place in found.places)


def _ways(found: Pattern, text: str) -> Iterator[tuple[str, ...]]:
    """Ways of reading the text as the template's, shorter values first; at most `_WAYS`."""
    literals, last = found.literals, len(found.literals) - 1
    if len(text) < found.fixed or not text.startswith(literals[0]) or not text.endswith(literals[last]):
        return
    end = len(text) - len(literals[last])
    steps, ways = _STEPS, 0
    # Depth first: where each value begins, and where to look next for the literal behind it.
    begins = [len(literals[0])]
    looks = [len(literals[0])]
    while begins and steps and ways < _WAYS:
        steps -= 1
        place = len(begins) - 1
        at = text.find(literals[place + 1], looks[place], end) if place < last - 1 else -1
        if at >= 0:
            looks[place] = at + 1
            begins.append(at + len(literals[place + 1]))
            looks.append(begins[-1])
            continue
        if place == last - 1 and (params := _params(found, text, begins, end)) is not None:
            ways += 1
            yield params
        begins.pop()
        looks.pop()


def _params(found: Pattern, text: str, begins: list[int], end: int) -> tuple[str, ...] | None:
    """The values by number; None when a placeholder would have two."""
    values: dict[int, str] = {}
    for place, which in enumerate(found.order):
        stop = begins[place + 1] - len(found.literals[place + 1]) if place + 1 < len(begins) else end
        value = text[begins[place] : stop]
        if values.setdefault(which, value) != value:
            return None
    return tuple(values[which] for which in range(len(values)))


def _unseen(found: Pattern, match: Match, text: str) -> Mismatch | None:
    """The first character of a value that nobody sees, as what keeps the text from being the template's; None when there is none."""
    at = 0
    for literal, which in zip(found.literals, found.order, strict=False):
        at += len(literal)
        value = match.params[which]
        places = [*hidden(value), *(place for place in (0, len(value) - 1) if value and value[place].isspace())]
        if places:
            place = at + min(places)
            shown = named(text[place])
            return Mismatch(
                f"the text is that of template {found.id} but for {shown} at character {place + 1}, beside or in a value",
                f"内容与模板 {found.id} 一致，但第 {place + 1} 个字符（变量处）是 {shown}。",
                found.id,
                place,
            )
        at += len(value)
    return None


KINDS: dict[Kind, tuple[str, str]] = {
    Kind.VERIFICATION: ("验证码", "verification"),
    Kind.NOTICE: ("通知", "notices"),
    Kind.MARKETING: ("营销", "marketing"),
}
SCOPES: dict[Scope, tuple[str, str]] = {
    Scope.MAINLAND: ("国内", "mainland numbers"),
    Scope.INTERNATIONAL: ("国际/港澳台", "numbers abroad"),
}


def _of_another_sort(template: Template) -> Mismatch:
    (kind_zh, kind), (scope_zh, scope) = KINDS[template.kind], SCOPES[template.scope]
    return Mismatch(
        f"the text is that of template {template.id}, which is for {kind} to {scope}, not for what the request says",
        f"内容与模板 {template.id} 一致，但它是{scope_zh}{kind_zh}模板，与请求的类型或号码不符。",
        template.id,
    )


def _unlike_all() -> Mismatch:
    return Mismatch(
        "the text is like no approved template of this application",
        "内容与本应用已通过的模板都不相似：请先申请模板并等待审核通过。",
    )


def _told(near: Near) -> Mismatch:
    return Mismatch(
        f"the text differs from template {near.template_id}, the nearest, at character {near.at + 1}: {near.en}",
        f"内容与最接近的模板 {near.template_id} 在第 {near.at + 1} 个字符处不同：{near.zh}。",
        near.template_id,
        near.at,
    )


class Matchers:
    """Matchers by application, made when they are first asked for and again when its approved templates have changed."""

    def __init__(self, most: int = 100_000) -> None:
        """Those of at most so many templates are remembered, the newest of them in any case: 2,000 templates take a few megabytes."""
        self._most = most
        self._version = -1
        self._by_account: dict[int, list[Template]] = {}
        self._made: dict[int, tuple[list[Template], Matcher]] = {}
        self._fresh: set[int] = set()
        self._templates = 0

    def of(self, snapshot: Snapshot, app: App) -> Matcher:
        """The matcher of all templates that the application may send with."""
        if snapshot.version != self._version:
            self._version = snapshot.version
            self._fresh.clear()
            self._by_account = {}
            for template in snapshot.templates.values():
                self._by_account.setdefault(template.account_id, []).append(template)
        if app.id not in self._fresh:
            templates = [template for template in self._by_account.get(app.account_id, ()) if template.app_id in {None, app.id}]
            if app.id not in self._made or self._made[app.id][0] != templates:
                self._forget(app.id)
                self._made[app.id] = templates, Matcher(templates)
                self._templates += len(templates)
                while self._templates > self._most and len(self._made) > 1:
                    self._forget(next(iter(self._made)))
            self._fresh.add(app.id)
        return self._made[app.id][1]

    def _forget(self, app_id: int) -> None:
        templates, _ = self._made.pop(app_id, ((), None))
        self._templates -= len(templates)
        self._fresh.discard(app_id)
