"""What a command prints: tables for people, one JSON value for programs, in the reader's language."""

import enum
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import msgspec

from hongyan.cli.zh import ZH

PHONE_FIELDS = frozenset({"phone", "unlimited_phones"})
LONG_IDS = frozenset({"message_id"})
"""63 bits: written as texts, since many readers of JSON keep no more than 53 of a number."""
TRANSLATED = frozenset({"kind", "scope", "scopes", "status", "state", "purpose", "health", "check", "role", "operator_role", "who"})
"""Fields whose values are words of ours."""
MOMENTS = ("_at", "_since", "_until")
"""Ends of the names of fields that are moments, in Unix seconds."""
ABSENT = "-"
STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that a terminal acts on instead of showing them."""
WIDE = 240
"""Columns where no terminal says how many there are: a file or a pipe takes all of them."""


class CommandError(Exception):
    """A command could not do it; the texts say what, why and what to do."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


def language(environ: Mapping[str, str]) -> str:
    """Either "zh" or "en", as HONGYAN_LANG says, else as the terminal's locale does; one that names no language leaves Chinese."""
    if (chosen := environ.get("HONGYAN_LANG", "").lower()) in {"zh", "en"}:
        return chosen
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    spoken = locale.split(".")[0].split("_")[0].lower()
    return "zh" if spoken in {"", "c", "posix", "zh"} else "en"


class Terminal(msgspec.Struct):
    """Where a command prints, in which language and form, and the environment it was called in."""

    lang: str = "zh"
    json: bool = False
    environ: Mapping[str, str] = {}
    out: TextIO = msgspec.field(default_factory=lambda: sys.stdout)
    err: TextIO = msgspec.field(default_factory=lambda: sys.stderr)

    def t(self, english: str) -> str:
        """The text in the reader's language."""
        return ZH.get(english, english) if self.lang == "zh" else english

    def say(self, english: str, **values: object) -> None:
        """A sentence for people; programs are not told."""
        if not self.json:
            self._print(_visible(self.t(english).format(**values)))

    def show(self, value: object) -> None:
        """One thing: a JSON object, or its fields one below the other."""
        fields = plain(value)
        if self.json:
            self._write_json(fields)
            return
        from rich.table import Table  # noqa: PLC0415 - a program that asks for JSON does not wait for it

        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, content in fields.items():
            table.add_row(self.t(name), self._cell(name, content))
        self._print(table)

    def table(self, values: Sequence[object], columns: Sequence[str], title: str = "") -> None:
        """Several things: a JSON array of whole objects, or a table of the columns named."""
        rows = [plain(value) for value in values]
        if self.json:
            self._write_json(rows)
            return
        from rich.table import Table  # noqa: PLC0415 - as in show

        table = Table(title=self.t(title) or None, title_justify="left")
        for name in columns:
            table.add_column(self.t(name), overflow="fold")
        for row in rows:
            table.add_row(*(self._cell(name, row.get(name)) for name in columns))
        self._print(table)
        if not rows:
            self.say("Nothing there yet.")

    def fault(self, code: str, text: str) -> None:
        """What went wrong, on standard error."""
        if self.json:
            self.err.write(msgspec.json.encode({"error": code, "message": text}).decode() + "\n")
            return
        from rich.console import Console  # noqa: PLC0415 - as in show
        from rich.text import Text  # noqa: PLC0415 - as in show

        Console(file=self.err, width=_width(self.err), soft_wrap=True).print(Text(_visible(text), style="" if code == "usage" else "red"))

    def _write_json(self, value: object) -> None:
        self.out.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")

    def _print(self, what: Any) -> None:
        from rich.console import Console  # noqa: PLC0415 - as in show

        # Rich obeys NO_COLOR and leaves colours out where there is no terminal.
        Console(file=self.out, width=_width(self.out), markup=False, highlight=False).print(what)

    def _cell(self, name: str, content: object) -> Any:
        from rich.text import Text  # noqa: PLC0415 - as in show

        return Text(_visible(self._words(name, content)))

    def _words(self, name: str, content: object) -> str:
        if isinstance(content, dict):
            return "\n".join(f"{self.t(key)} {self._words(key, inner)}" for key, inner in content.items())
        if isinstance(content, list):
            return "\n".join(self._words(name, inner) for inner in content) or ABSENT
        return self._word(name, content)

    def _word(self, name: str, content: object) -> str:
        match content:
            case None | "":
                return ABSENT
            case bool():
                return self.t("yes" if content else "no")
            case float():
                return (
                    time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(content))
                    if name == "at" or name.endswith(MOMENTS)
                    else f"{content:g}"
                )
            case str() if name in TRANSLATED:
                return self.t(content)
        return str(content)


def plain(value: object, name: str = "") -> Any:
    """The value as JSON has it: enumerations by their names in small letters, numbers of handsets with a plus, long ids as texts."""
    if isinstance(value, msgspec.Struct):
        named = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {name: plain(getattr(value, field), field) for name, field in named}
    if isinstance(value, Mapping):
        return {str(key): plain(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner, name) for inner in value]
    if isinstance(value, enum.Enum):
        return value.name.lower() if isinstance(value, int) else value.value
    if isinstance(value, int) and name in LONG_IDS:
        return str(value)
    return f"+{value}" if isinstance(value, int) and name in PHONE_FIELDS else value


def _visible(text: str) -> str:
    """The text without characters that could steer the terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in STEERING and char != "\n" else char for char in text)


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() else WIDE
