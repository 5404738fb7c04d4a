"""A few pages as PDF: a heading, facts, and a table, in Chinese and English."""

import itertools
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

log = structlog.get_logger()

SONG = "STSong-Light"
"""One of the fonts for Chinese that every reader of PDF brings along, by Adobe's list: nothing of it is in the file."""
OWN = "own"
LATIN = "Helvetica"
"""One of the fourteen fonts that every reader has."""
MARGIN, LINE, SIZE, HEAD_SIZE = 50.0, 16.0, 9.0, 16.0
ELLIPSIS = "…"


class Column(msgspec.Struct, frozen=True):
    """Of a table: its heading, its width in points, and whether it is of numbers."""

    heading: str
    width: float
    right: bool = False


class Page(msgspec.Struct, frozen=True):
    """What is on the paper."""

    title: str
    facts: Sequence[tuple[str, str]]
    """Names and values, one below the other."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    foot: str
    """At the end of each page, before its number."""


def write(path: Path, page: Page, *, font: str = "") -> None:
    """Write it as a PDF of A4 pages; with a TrueType `font` the characters that are used are embedded, else readers use their own.

    They also do when that font cannot be used: whoever waits for a page gets one, and the log says why.
    """
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415 - only whoever makes one waits for it
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415 - as above

    _Paper(Canvas(str(path), pagesize=A4, invariant=True), page, _registered(font), A4[1]).draw()


def _registered(font: str) -> str:
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415 - as in write
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415 - as in write
    from reportlab.pdfbase.ttfonts import TTFError, TTFont  # noqa: PLC0415 - as in write

    if font:
        try:
            pdfmetrics.registerFont(TTFont(OWN, font))
        except (TTFError, OSError, LookupError, ValueError, struct.error) as fault:
            log.warning("pdf_font_not_used", font=font, why=str(fault))
        else:
            return OWN
    pdfmetrics.registerFont(UnicodeCIDFont(SONG))
    return SONG


class _Paper:
    """Where the pen is."""

    def __init__(self, canvas: Any, page: Page, font: str, height: float) -> None:
        self._canvas, self._page, self._font = canvas, page, font
        self._top = height - MARGIN
        self._y = self._top
        self._number = 1

    def draw(self) -> None:
        self._text(MARGIN, self._page.title, HEAD_SIZE)
        self._y -= 2 * LINE
        for name, value in self._page.facts:
            self._text(MARGIN, _plain(name))
            self._text(MARGIN + 130, _plain(value))
            self._y -= LINE
        self._y -= LINE
        self._row([column.heading for column in self._page.columns])
        for row in self._page.rows:
            if self._y < 2 * MARGIN:
                self._next()
            self._row(row)
        self._end()
        self._canvas.save()

    def _next(self) -> None:
        self._end()
        self._canvas.showPage()
        self._number += 1
        self._y = self._top
        self._row([column.heading for column in self._page.columns])

    def _end(self) -> None:
        self._y = MARGIN
        self._text(MARGIN, f"{self._page.foot} · {self._number}", SIZE - 1)

    def _row(self, cells: Sequence[str]) -> None:
        x = MARGIN
        for column, cell in zip(self._page.columns, cells, strict=True):
            text = self._fitting(_plain(cell), column.width - 6)
            self._text(x + column.width - 6 - self._wide(text) if column.right else x, text)
            x += column.width
        self._y -= LINE

    def _text(self, x: float, text: str, size: float = SIZE) -> None:
        for font, run in self._runs(text):
            self._canvas.setFont(font, size)
            self._canvas.drawString(x, self._y, run)
            x += self._canvas.stringWidth(run, font, size)

    def _wide(self, text: str) -> float:
        return sum(float(self._canvas.stringWidth(run, font, SIZE)) for font, run in self._runs(text))

    def _runs(self, text: str) -> Iterator[tuple[str, str]]:
        """Its stretches, each in the font that has it: figures look the same wherever they are read."""
        for ascii_, run in itertools.groupby(text, str.isascii):
            yield (LATIN if ascii_ else self._font), "".join(run)

    def _fitting(self, text: str, width: float) -> str:
        if self._wide(text) <= width:
            return text
        while text and self._wide(text + ELLIPSIS) > width:
            text = text[:-1]
        return text + ELLIPSIS


def _plain(text: str) -> str:
    """Characters of the basic plane that can be seen: the fonts have no others."""
    return "".join("?" if ord(char) > 0xFFFF or unicodedata.category(char) in {"Cc", "Cs", "Cf"} else char for char in text)  # noqa: PLR2004 - the end of the basic plane
