"""Tables for people's spreadsheets: workbooks and CSV, written row by row, whose texts no program calculates or follows."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

ROWS_MOST = 1_048_575
"""Of a sheet below its heading, as Excel has it; what is more goes to further sheets."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that spreadsheets would calculate."""
CELL_MOST = 32_767
Cell: TypeAlias = str | int | float | Decimal
Rows: TypeAlias = Iterable[Sequence[Cell]]


def inert(text: str) -> str:
    """The text as a cell of CSV that no spreadsheet calculates."""
    return "'" + text if text.startswith(FORMULA) else text


def csv_of(rows: Rows) -> str:
    """The rows as CSV (RFC 4180); texts are inert, numbers stay numbers."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


class Workbook:
    """An .xlsx file of which one row at a time is in memory. Its texts are texts: no formula, no link, no number."""

    def __init__(self, path: Path, heading: Sequence[str], *, title: str, rows_most: int = ROWS_MOST) -> None:
        """Temporary files are beside it."""
        # Only whoever makes one waits for it.
        import xlsxwriter  # noqa: PLC0415

        self._book: Any = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._bold: Any = self._book.add_format({"bold": True})
        self._heading, self._title, self._rows_most = heading, title, rows_most
        self._sheets = self._row = 0
        self._sheet: Any = None
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(self._title if self._sheets == 1 else f"{self._title} {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for column, text in enumerate(self._heading):
            self._sheet.write_string(0, column, text, self._bold)
        self._row = 0

    def add(self, rows: Rows) -> None:
        """Write them below what is there."""
        for row in rows:
            if self._row == self._rows_most:
                self._begin()
            self._row += 1
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    self._sheet.write_string(self._row, column, cell[:CELL_MOST])
                else:
                    self._sheet.write_number(self._row, column, cell)

    def close(self) -> None:
        """From now on it is a file."""
        self._book.close()
