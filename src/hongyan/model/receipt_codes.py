"""What carriers' receipt codes mean: a category for each of some 2,000 codes.

The table beside this module (code, carrier, category) was made from Tencent's page of them; a code has one meaning for all carriers.
"""

import functools
import importlib.resources


def category(code: str) -> str | None:
    """One of the categories that the table names ("empty_number", "blacklist", ...); None for a code that it does not have."""
    return categories().get(code)


@functools.cache
def categories() -> dict[str, str]:
    """Category by code."""
    table = importlib.resources.files(__package__).joinpath("receipt_codes.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines()[1:])
    return {code: category for code, _, category in rows}
