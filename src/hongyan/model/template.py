"""Templates: placeholders {1}..{n}, filling them, the signature in front, and where values meet the text around them."""

import enum
import functools
import re
from collections.abc import Iterator

import msgspec

from hongyan.model.links import Openness, links, openness


class TemplateFault(enum.Enum):
    """Why a body cannot be a template."""

    NOT_A_NUMBER = "a placeholder is written {1}: digits in plain braces, without leading zero"
    NOT_CONSECUTIVE = "placeholders are numbered from 1 without gaps"
    TOO_MANY = "more than 99 placeholders"


_BRACED = re.compile(r"[{｛﹛❴][^{}｛｝﹛﹜❴❵]*[}｝﹜❵]")
_PLACEHOLDER = re.compile(r"\{([1-9][0-9]?)\}")
_LARGE = re.compile(r"\{[1-9][0-9]+\}")


def placeholders(content: str) -> int | TemplateFault:
    """How many values the body takes. A number may occur again; a brace that opens or closes nothing is plain text."""
    for fault, _at, _braced in misplaced(content):
        return fault
    return len(_numbers(content))


def misplaced(content: str) -> Iterator[tuple[TemplateFault, int, str]]:
    """Each placeholder that cannot be one: why, where, and as it is written; where numbers are left out, the missing ones."""
    found_odd = False
    for braced in _BRACED.finditer(content):
        if _PLACEHOLDER.fullmatch(braced[0]) is None:
            found_odd = True
            many = _LARGE.fullmatch(braced[0]) is not None
            yield TemplateFault.TOO_MANY if many else TemplateFault.NOT_A_NUMBER, braced.start(), braced[0]
    numbers = _numbers(content)
    missing = sorted(set(range(1, max(numbers, default=0) + 1)) - numbers)
    if missing and not found_odd:
        first_behind = next(found for found in _PLACEHOLDER.finditer(content) if int(found[1]) > missing[0])
        yield TemplateFault.NOT_CONSECUTIVE, first_behind.start(), "".join(f"{{{number}}}" for number in missing)


def _numbers(content: str) -> set[int]:
    return {int(number) for number in _PLACEHOLDER.findall(content)}


class Literal(msgspec.Struct, frozen=True):
    """A stretch of fixed text."""

    text: str
    at: int
    """Where it begins in the content, from 0."""


class Shape(msgspec.Struct, frozen=True):
    """A template taken apart: literal, value, literal, value, ..., literal."""

    literals: tuple[Literal, ...]
    """One more than there are placeholders; some may be empty."""
    order: tuple[int, ...]
    """Which value stands behind each literal but the last, from 0."""


def take_apart(content: str) -> Shape:
    """The fixed texts and the placeholders between them."""
    literals: list[Literal] = []
    order: list[int] = []
    at = 0
    for found in _PLACEHOLDER.finditer(content):
        literals.append(Literal(content[at : found.start()], at))
        order.append(int(found[1]) - 1)
        at = found.end()
    literals.append(Literal(content[at:], at))
    return Shape(tuple(literals), tuple(order))


class Body(msgspec.Struct, frozen=True):
    """A template's content made ready to be filled."""

    form: str
    """The body as a %-form with one %s for each placeholder."""
    order: tuple[int, ...]
    """Which value goes into each, from 0."""
    natural: bool
    """The order is 0, 1, 2, ...: values can be used as they come."""
    openness: Openness
    """Which values could become a link together with the text beside them."""
    links: int
    """How many links are in the fixed text."""


@functools.lru_cache(maxsize=10_000)
def prepare(content: str) -> Body:
    """The body ready for `fill`; remembered, since a service has few templates and fills each many times."""
    order = tuple(int(number) - 1 for number in _PLACEHOLDER.findall(content))
    form = _PLACEHOLDER.sub("%s", content.replace("%", "%%"))
    shape = take_apart(content)
    return Body(
        form=form,
        order=order,
        natural=order == tuple(range(len(order))),
        openness=max((_openness(shape, place) for place in range(len(order))), default=Openness.NONE),
        links=sum(1 for literal in shape.literals for _ in links(literal.text)),
    )


def _openness(shape: Shape, place: int) -> Openness:
    left, right = shape.literals[place].text, shape.literals[place + 1].text
    return openness(left, right, first=place == 0, last=place == len(shape.order) - 1)


def joins_link(content: str, params: tuple[str, ...], body: str) -> bool:
    """Whether filling the template made a link that is neither in its fixed text nor in a value alone; `body` is it filled.

    Costs next to nothing where values stand apart from letters and dots, or are digits.
    """
    ready = prepare(content)
    if ready.openness is Openness.NONE or (ready.openness is Openness.WORDS and all(map(str.isdigit, params))):
        return False
    return sum(1 for _ in links(body)) > ready.links


def fill(content: str, params: tuple[str, ...]) -> str:
    """The body with its values in place; a value is never read for placeholders. `len(params)` must be what `placeholders` says."""
    ready = prepare(content)
    if ready.natural:
        return ready.form % params
    return ready.form % tuple(params[at] for at in ready.order)


def compose_text(sign_name: str, body: str, *, square: bool = False) -> str:
    """The text a handset shows: 【signature】 in front ([signature] when `square`), or the body alone without one (only allowed abroad)."""
    if not sign_name:
        return body
    return f"[{sign_name}]{body}" if square else f"【{sign_name}】{body}"


def split_signed(text: str) -> tuple[str, str]:
    """The same of a text that is known to have a signature in front, in whichever brackets."""
    if text.startswith("[") and (end := text.find("]")) > 1:
        return text[1:end], text[end + 1 :]
    return split_text(text)


def split_text(text: str) -> tuple[str, str]:
    """The sender name and the body of a whole text; no name when it does not begin with 【name】."""
    if text.startswith("【") and (end := text.find("】")) > 1:
        return text[1:end], text[end + 1 :]
    return "", text
