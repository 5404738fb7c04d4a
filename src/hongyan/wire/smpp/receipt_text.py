"""The text of a delivery receipt (SMPP 3.4 appendix B), which every carrier writes a little differently.

Keys come in any order and any case, dates have 10 or 12 digits, fields may be missing; whatever follows `text:` belongs to it.
"""

import datetime as dt
import functools
import re

import msgspec

from hongyan.wire.smpp.times import local_seconds

_KEY = re.compile(r"(?<![A-Za-z0-9])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)\s*:", re.IGNORECASE)
_USUAL = re.compile(
    r"id:([^\s:]*) sub:([^\s:]*) dlvrd:([^\s:]*) submit date:(\d*) done date:(\d*) stat:([^\s:]*(?::\d+)?) err:([^\s:]*) text:(.*)",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_DATE = re.compile(r"\d{10}(?:\d\d)?", re.ASCII)
_SHOWN = 20
_CHINA_S = 8 * 3600


class ReceiptText(msgspec.Struct, frozen=True):
    """The fields as they stand; empty where the carrier left them out."""

    id: str = ""
    sub: str = ""
    dlvrd: str = ""
    submit_date: str = ""
    done_date: str = ""
    stat: str = ""
    err: str = ""
    text: str = ""


def parse(text: str) -> ReceiptText:
    """Return what can be read; never fails. The first of a repeated key counts."""
    return parse_usual(text) or parse_any(text)


def parse_usual(text: str) -> ReceiptText | None:
    """Do what `parse` does for the spelling of appendix B; None for any other."""
    usual = _USUAL.fullmatch(text)
    return None if usual is None else ReceiptText(*usual.groups())


def parse_any(text: str) -> ReceiptText:
    """Do what `parse` does, without its short cut for the spelling of appendix B."""
    fields: dict[str, str] = {}
    at = 0
    key = ""
    while True:
        found = None if key == "text" else _KEY.search(text, at)
        if key:
            value = text[at : found.start() if found else len(text)]
            fields.setdefault(key, value if key == "text" else value.strip())
        if found is None:
            return ReceiptText(**fields)
        key = re.sub(r"^(submit|done).*", r"\1_date", found[1].lower())
        at = found.end()


def write(receipt: ReceiptText) -> str:
    """Return appendix B's order and spelling, with the first 20 characters of the text."""
    return (
        f"id:{receipt.id} sub:{receipt.sub} dlvrd:{receipt.dlvrd} submit date:{receipt.submit_date} "
        f"done date:{receipt.done_date} stat:{receipt.stat} err:{receipt.err} text:{receipt.text[:_SHOWN]}"
    )


def date(at: float, offset_s: int = _CHINA_S, *, with_seconds: bool = False) -> str:
    """Return Unix seconds as YYMMDDhhmm[ss] in a zone `offset_s` ahead of UTC; receipts do not name theirs."""
    local = dt.datetime.fromtimestamp(at + offset_s, dt.UTC)
    return f"{local:%y%m%d%H%M%S}" if with_seconds else f"{local:%y%m%d%H%M}"


@functools.lru_cache(maxsize=256)  # receipts of one minute share their dates
def date_at(text: str, offset_s: int = _CHINA_S) -> float | None:
    """Return the Unix seconds of YYMMDDhhmm[ss]; None when it is no date."""
    if _DATE.fullmatch(text) is None:
        return None
    year, month, day, hour, minute, second = (int(text[at : at + 2] or "0") for at in range(0, 12, 2))
    local = local_seconds(year, month, day, hour, minute, second)
    return None if local is None else local - offset_s
