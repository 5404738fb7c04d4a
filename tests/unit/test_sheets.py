"""Tables for spreadsheets: no text in them is ever calculated, and no number loses anything."""

import csv
import io
import random
import re
import zipfile
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from hongyan.kit import paper
from hongyan.kit.paper import Column, Page
from hongyan.kit.sheets import FORMULA, Workbook, csv_of, inert


def hostile(most: int) -> list[str]:
    """Texts that begin as formulas do, in every disguise there is."""
    rng = random.Random(20261201)  # noqa: S311 - the same each time
    ends = (
        "cmd|'/C calc'!A0",
        'HYPERLINK("http://198.51.100.1","x")',
        "1+1",
        "8613800138000",
        "SUM(A1:A9)",
        "",
        "\r\n=1+1",
        "http://198.51.100.1",
    )
    return [rng.choice(FORMULA) + rng.choice(("", " ", "=", "@", "\t")) + rng.choice(ends) + str(n) for n in range(most)]


def test_no_hostile_text_of_a_csv_begins_as_a_formula_and_all_can_be_read_back() -> None:
    texts = hostile(1_000)
    read = [row[0] for row in csv.reader(io.StringIO(csv_of([text] for text in texts), newline=""))]
    assert [cell.removeprefix("'") for cell in read] == texts
    assert not [cell for cell in read if cell.startswith(FORMULA)]


def test_numbers_of_a_csv_stay_numbers_and_exact() -> None:
    assert csv_of([[1, Decimal(-12_345) / 100_000, "-1"]]) == "1,-0.12345,'-1\r\n"


@pytest.mark.parametrize("text", ["+8613800138000", "=1", "＝1", "-", "@x"])
def test_what_looks_like_a_formula_is_quoted(text: str) -> None:
    assert inert(text) == "'" + text


def cells(path: Path) -> tuple[list[str], str]:
    """Texts of all sheets, and their XML together."""
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None
        sheets = sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
        xml = "".join(book.read(name).decode() for name in sheets)
        parts = book.namelist()
    assert not [part for part in parts if "externalLink" in part or "vba" in part]
    return [unescape(text) for text in re.findall(r"<is><t[^>]*>(.*?)</t></is>", xml, re.DOTALL)], xml


def test_no_text_of_a_workbook_is_a_formula_a_link_or_a_number(tmp_path: Path) -> None:
    texts = hostile(1_000)
    book = Workbook(tmp_path / "a.xlsx", ["text", "amount"], title="t")
    book.add([text, Decimal(n) / 100_000] for n, text in enumerate(texts))
    book.close()
    found, xml = cells(tmp_path / "a.xlsx")
    assert "<f>" not in xml
    assert "hyperlink" not in xml
    assert len(found) == 1_002
    # Line breaks and tabs are written as XML has them.
    assert [text.replace("_x000D_", "\r") for text in found[2:]] == texts


def test_what_does_not_fit_on_a_sheet_goes_to_the_next_under_the_same_heading(tmp_path: Path) -> None:
    book = Workbook(tmp_path / "a.xlsx", ["n"], title="t", rows_most=10)
    book.add([str(n)] for n in range(25))
    book.close()
    found, _ = cells(tmp_path / "a.xlsx")
    assert found == ["n", *map(str, range(10)), "n", *map(str, range(10, 20)), "n", *map(str, range(20, 25))]


def test_a_page_of_paper_takes_whatever_customers_are_called(tmp_path: Path) -> None:
    rows = [[name, "1"] for name in ("鸿雁科技有限公司" * 20, "𠮷野家 🚀", "a\x00b\u202ec", "", "Ünïcødé €")] * 20
    page = Page("账单", [("账号", "鸿雁🚀")], [Column("名称", 100), Column("条", 50, right=True)], rows, "1")
    paper.write(tmp_path / "a.pdf", page)
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == 3
    assert b"/JavaScript" not in content


@pytest.mark.parametrize("font", [None, b"", b"hello", b"OTTO" + bytes(200), b"\0\1\0\0" + bytes(200)])
def test_a_font_that_cannot_be_used_keeps_nobody_from_a_page(tmp_path: Path, font: bytes | None) -> None:
    own = tmp_path / "own.ttf"
    if font is not None:
        own.write_bytes(font)
    paper.write(tmp_path / "a.pdf", Page("账单", [], [], [], "1"), font=str(own))
    assert b"STSong-Light" in (tmp_path / "a.pdf").read_bytes()
