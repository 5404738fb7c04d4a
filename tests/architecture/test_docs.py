"""What the pages promise about the program: nothing in them may point to what is not there."""

import ast
import functools
import importlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hongyan import settings
from hongyan.cli import pages
from hongyan.cli.app import tree
from hongyan.cli.output import Terminal
from hongyan.doors import published
from hongyan.kit import migrate
from hongyan.store.partitions import PARTITIONED

ROOT = Path(__file__).parents[2]
PAGES = list(pages.pages(ROOT))
GENERATED = ROOT / "docs" / "reference" / "commands.md"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
SETTING = re.compile(r"\bHONGYAN_[A-Z_]+[A-Z]\b")
DOTTED = re.compile(r"\b(?:cli|wiring|doors|carriers|simulator|pipeline|control|store|model|wire|kit|settings)(?:\.[A-Za-z_]\w*)+")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?")
LAYERS = frozenset(path.name for path in (ROOT / "src" / "hongyan").iterdir())


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def outside_fences(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def slugs(page: Path) -> set[str]:
    """The anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", outside_fences(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def snippets(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of every fenced block and of every span of code (language "span")."""
    text = page.read_text(encoding="utf-8")
    yield from FENCED.findall(text)
    for span in INLINE.findall(FENCED.sub("", text)):
        yield "span", span


def spoken_lines(page: Path) -> Iterator[list[str]]:
    """Lines that a reader may type, as words, without what is set in front of them."""
    for _, text in snippets(page):
        for line in text.replace("\\\n", " ").splitlines():
            with_command = re.sub(r"^(?:[A-Z_]+=\S+ +)*(?:\.venv/bin/)?", "", line.strip())
            if re.match(r"(?:hongyan|make) [a-z.]", with_command):
                yield shlex.split(re.split(r" [#>|]", with_command)[0])


@functools.cache
def root() -> Any:
    return tree(Terminal(lang="en"))


def fault_in(words: list[str]) -> str | None:
    """What is wrong with a line that begins with `hongyan`; None when there is such a command with such options."""
    command: Any = root()
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        if rest[0] == "--help":
            return None
        if rest[0] not in command.commands:
            return f"there is no {rest[0]} in {' '.join(words)}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"there is no {unknown[0]} in {' '.join(words)}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(outside_fences(page)):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        if not found.exists() or (anchor and anchor not in slugs(found)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_pages_have_from_the_code_is_what_it_says_now(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == pages.filled(text), "write it anew: make docs"


def test_the_published_schemas_are_those_of_the_doors() -> None:
    assert (ROOT / pages.OPENAPI).read_text(encoding="utf-8") == published.page(), "write it anew: make docs"


def test_every_block_is_on_some_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in pages.BLOCKS if f"{pages.BEGIN}{name}{pages.NAMED}" not in text] == []


def test_a_page_with_an_unknown_or_open_block_is_refused() -> None:
    for text in (f"{pages.BEGIN}nonsense{pages.NAMED}\n{pages.END}", f"{pages.BEGIN}limits{pages.NAMED}\nno end"):
        with pytest.raises(pages.PageError):
            pages.filled(text)


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=name_of)
def test_commands_in_pages_exist(page: Path) -> None:
    found = [fault_in(words) for words in spoken_lines(page) if words[0] == "hongyan"]
    assert [fault for fault in found if fault] == []


def made_in_pages() -> set[str]:
    return {
        word
        for page in PAGES
        for words in spoken_lines(page)
        if words[0] == "make"
        for word in words[1:]
        if re.fullmatch(r"[\w./-]+", word)
    }


def test_targets_of_make_in_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w./-]+):", makefile, re.MULTILINE))
    assert made_in_pages() - targets == set()


def test_every_command_is_on_a_page_for_people() -> None:
    """Besides the reference, which lists them all."""
    used = {words[1] for page in PAGES if page != GENERATED for words in spoken_lines(page) if words[0] == "hongyan"}
    spans = {span.split()[1] for page in PAGES for language, span in snippets(page) if language == "span" and span.startswith("hongyan ")}
    assert set(root().commands) - used - spans - made_in_pages() == set()


def test_every_page_is_in_the_list_of_pages() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert [name_of(page) for page in PAGES if page.parent != ROOT and page != index and page not in listed] == []


def test_settings_in_pages_exist() -> None:
    known = {settings.PREFIX + name.upper() for name in settings.Settings.model_fields} | {
        settings.PREFIX + name for name in settings.ASIDE
    }
    used = {name for page in PAGES for name in SETTING.findall(page.read_text(encoding="utf-8"))}
    assert used - known == set()


def resolves(dotted: str) -> bool:
    """Whether a name such as `pipeline.accept.SendService.accept` is one, below the package."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(["hongyan", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            if name in getattr(found, "__struct_fields__", ()):
                return True
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_and_files_of_the_source_in_pages_exist(page: Path) -> None:
    wrong = []
    for language, text in snippets(page):
        if language not in {"span", ""}:
            continue
        wrong += [name for name in DOTTED.findall(text) if not re.search(r"\.(?:py|md|toml|json|key|conf)$", name) and not resolves(name)]
        if (
            language == "span"
            and PATH.fullmatch(text)
            and (text.split("/")[0] in LAYERS or text.split("/")[0] in {"src", "tests", "docs", "bench"})
        ):
            places = (ROOT / text, ROOT / "src" / "hongyan" / text)
            wrong += [] if any(place.exists() for place in places) or "/x" in text or "_x_" in text else [text]
    assert wrong == []


def test_every_table_is_explained() -> None:
    made = set(re.findall(r"create table (\w+)", "\n".join(migrate.statements(None)), re.IGNORECASE))
    page = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    assert [name for name in made if f"`{name}`" not in page] == []
    assert [name for name in PARTITIONED if not re.search(rf"^\| `{name}` \|.*\| by day \|", page, re.MULTILINE)] == []


def test_every_index_in_pages_exists() -> None:
    sql = "\n".join(migrate.statements(None))
    page = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    section = page.partition("### Indexes")[2].partition("\n## ")[0]
    named = {name for line in section.splitlines() if line.startswith("| `") for name in INLINE.findall(line.split("|")[1])}
    assert [name for name in named if name not in sql] == []
    assert [name for name in re.findall(r"create index (\w+)", sql) if f"`{name}`" not in section and not name.endswith("account_id")] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_in_pages_is_python(page: Path) -> None:
    for language, text in FENCED.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            ast.parse(text)


def test_pages_are_tracked_and_name_no_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    assert [name_of(page) for page in PAGES if name_of(page) not in listed] == []
    assert [name_of(page) for page in PAGES if re.search(r"(?<![\w.])/(?:work|root|home)/", page.read_text(encoding="utf-8"))] == []
