"""What the project promises about its own source."""

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from hongyan import settings
from hongyan.kit import faults

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hongyan"

MODULE_LINES = 400
FUNCTION_LINES = 40

LONG_MODULES: dict[str, str] = {}
"""Modules that are longer, each with its reason."""
LONG_FUNCTIONS: dict[str, str] = {
    "cli/apps.py:set_": "its length is that of its options",
    "control/plane.py:assemble": "its length is that of the list of services",
    "wire/smpp/fast.py:decode": "one flat pass over a PDU: calls would cost more than what they do",
}
"""Functions that are longer, each with its reason: `module.py:name`."""

TABLES = {"cli/zh.py", "model/numbering.py", "model/countries.py"}
"""Modules that are a table: their length is that of what they list."""

INDEX = re.compile(
    r"--(?:extra-)?index-url|--find-links|(?:files\.pythonhosted|pypi|npmjs|npmmirror)\.(?:org|com)|/simple/?\b", re.IGNORECASE
)
SIGNATURE_NAMES = re.compile(
    r"\b(?:mac|hmac|signature|digest|password|secret)\w*\s*[!=]=\s*(?!=)|[!=]=\s*(?:mac|hmac|signature|password)\w*\b"
)


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "node_modules" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def code_lines(path: Path) -> set[int]:
    """Lines with code on them: no blanks, comments or docstrings."""
    lines: set[int] = set()
    with path.open("rb") as file:
        previous = tokenize.INDENT
        for token in tokenize.tokenize(file.readline):
            if token.type in {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT}:
                previous = token.type if token.type != tokenize.COMMENT else previous
                continue
            docstring = token.type == tokenize.STRING and previous in {
                tokenize.INDENT,
                tokenize.NEWLINE,
                tokenize.NL,
                tokenize.DEDENT,
                tokenize.ENCODING,
            }
            if not docstring:
                lines.update(range(token.start[0], token.end[0] + 1))
            previous = token.type
    return lines


def functions(path: Path) -> Iterator[tuple[str, int]]:
    lines = code_lines(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, len([line for line in lines if node.lineno <= line <= (node.end_lineno or node.lineno)])


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_modules_and_functions_are_short(path: Path) -> None:
    name = name_of(path)
    if name not in TABLES:
        assert len(code_lines(path)) <= MODULE_LINES or name in LONG_MODULES
    long = {f"{name}:{function}": length for function, length in functions(path) if length > FUNCTION_LINES}
    assert set(long) <= set(LONG_FUNCTIONS), long


def test_exceptions_from_the_sizes_are_still_needed() -> None:
    lengths = {name_of(path): len(code_lines(path)) for path in modules()}
    assert [name for name in LONG_MODULES if lengths.get(name, 0) <= MODULE_LINES] == []
    counted = {f"{name_of(path)}:{function}": length for path in modules() for function, length in functions(path)}
    assert [name for name in LONG_FUNCTIONS if counted.get(name, 0) <= FUNCTION_LINES] == []


def test_digests_and_secrets_that_strangers_send_are_never_compared_with_equals() -> None:
    """`hmac.compare_digest` takes the same time whatever the guess."""
    edges = ("doors/", "simulator/", "carriers/", "kit/", "wire/")
    found = [
        f"{name_of(path)}:{number}"
        for path in modules()
        if name_of(path).startswith(edges)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SIGNATURE_NAMES.search(line.split("#")[0]) and '""' not in line
    ]
    assert found == []


def test_no_committed_file_names_a_package_index() -> None:
    own = Path(__file__)
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path != own and path.suffix in {".txt", ".in", ".toml", ".cfg", ".json", ".yml", ".yaml", ".mk", ".sh", ".md", ""}
        if INDEX.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


def test_locks_carry_hashes_and_fixed_versions() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        for entry in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip()):
            if not entry.startswith("#"):
                assert re.match(r"[a-z0-9-]+==\S+", entry), entry
                assert "--hash=sha256:" in entry, entry


def test_every_name_of_a_setting_in_the_source_is_one() -> None:
    known = {settings.PREFIX + name.upper() for name in settings.Settings.model_fields} | {
        settings.PREFIX + name for name in settings.ASIDE
    }
    used = {name for path in modules() for name in re.findall(r"\bHONGYAN_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8"))}
    assert used - known == set()


def test_every_setting_is_in_the_reference() -> None:
    page = ROOT / "docs" / "reference" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings.reference(), "write it anew: make docs"


def test_no_module_is_silent_about_failures() -> None:
    """`except ...: pass` hides what went wrong; contextlib.suppress names what may."""
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(child, ast.Pass) for child in node.body)
    ]
    assert found == []


def test_every_fault_point_is_in_the_code_by_its_name_and_only_once() -> None:
    calls = {"fault", "fault_async", "soon", "torn"}
    found = [
        node.args[0].value if isinstance(node.args[0], ast.Constant) else ast.unparse(node)
        for path in modules()
        if name_of(path) != "kit/faults.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls
    ]
    assert sorted(found) == sorted(faults.POINTS)
