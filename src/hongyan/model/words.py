"""Words that must not, or should not, be in a text: thousands of them, found in one pass however they are spaced, widened or varied."""

import enum
import functools
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from ahocorasick_rs import AhoCorasick, MatchKind

from hongyan.model.lookalike import PLAIN, Table
from hongyan.model.template import take_apart
from hongyan.model.variants import SIMPLE


class Severity(enum.IntEnum):
    """What finding a word means."""

    SUSPICIOUS = 1
    """A person should look at the text."""
    FORBIDDEN = 2
    """It is not sent."""


class Word(msgspec.Struct, frozen=True):
    """An entry of a word list."""

    text: str
    severity: Severity = Severity.FORBIDDEN
    topic: str = ""
    """Why it is on the list: gambling, loans."""


class Hit(msgspec.Struct, frozen=True):
    """A word in a text."""

    word: Word
    at: int
    """Where it begins in the text as it was given, from 0."""
    end: int
    """Behind its last character."""


SEPARATORS = frozenset(" \t_-*~^|/\\+=#.·`'\"<>()[]{}&@$%")
"""What can stand between the characters of a word without ending it. Commas and full stops do end it."""

_SHORT = 4
"""Latin words shorter than this are only found when nothing stands between their letters: they are in too many others."""


class _Skeleton(Table):
    """What is left of a character for comparing words: nothing of a separator, the simplified form of a traditional one."""

    def of(self, char: str) -> str:
        return "".join(SIMPLE.get(part, part) for part in PLAIN[ord(char)] if part not in SEPARATORS)


_SKELETON = _Skeleton()


class Words:
    """A word list made ready. Finding costs a few microseconds for a message, whatever the length of the list."""

    def __init__(self, words: Iterable[Word]) -> None:
        """Of entries that differ only in disguise the most severe counts; those of which nothing is left count for nothing."""
        entries: dict[str, Word] = {}
        for word in words:
            skeleton = word.text.translate(_SKELETON)
            if skeleton and (skeleton not in entries or entries[skeleton].severity < word.severity):
                entries[skeleton] = word
        self._skeletons = list(entries)
        self._words = list(entries.values())
        self._automaton = AhoCorasick(self._skeletons, matchkind=MatchKind.Standard) if entries else None

    def __len__(self) -> int:
        return len(self._words)

    def find(self, text: str) -> Iterator[Hit]:
        """Every word in the text, in the order in which they end; words within words too."""
        if self._automaton is None:
            return
        skeleton = text.translate(_SKELETON)
        found = self._automaton.find_matches_as_indexes(skeleton, overlapping=True)
        if not found:
            return
        _, places = _SKELETON.places(text)
        for which, start, end in found:
            at, last = places[start], places[end - 1]
            if _stands_alone(text, at, last, skeleton[start:end]):
                yield Hit(self._words[which], at, last + 1)

    def worst(self, text: str) -> Hit | None:
        """The first of the most severe words in the text."""
        return max(self.find(text), key=lambda hit: hit.word.severity, default=None)

    def brought(self, content: str, params: tuple[str, ...], body: str) -> Hit | None:
        """The worst word of a filled template that its values brought in; those of its fixed text have been reviewed.

        `body` is the content with the values in it. Digits alone make no words, so codes cost nothing.
        """
        if self._automaton is None or all(value.isascii() and value.isdigit() for value in params):
            return None
        hits = list(self.find(body))
        if not hits:
            return None
        reviewed = Counter(hit.word.text for literal in take_apart(content).literals for hit in self.find(literal.text))
        found = Counter(hit.word.text for hit in hits)
        return max((hit for hit in hits if found[hit.word.text] > reviewed[hit.word.text]), key=lambda hit: hit.word.severity, default=None)


@functools.lru_cache(maxsize=4)
def compiled(words: tuple[Word, ...]) -> Words:
    """The same list made ready once: for 10,000 words that takes a tenth of a second."""
    return Words(words)


def _stands_alone(text: str, at: int, last: int, skeleton: str) -> bool:
    """Latin letters and digits count as whole words only: `av` is not in `have`, and not in `plan A v2`."""
    if at and _latin(text[at - 1]) and _latin(text[at]):
        return False
    if last + 1 < len(text) and _latin(text[last + 1]) and _latin(text[last]):
        return False
    return not skeleton.isascii() or len(skeleton) >= _SHORT or len(text[at : last + 1].translate(PLAIN)) == len(skeleton)


def _latin(char: str) -> bool:
    seen = PLAIN[ord(char)]
    return seen.isascii() and seen.isalnum()
