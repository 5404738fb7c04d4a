"""The command line as somebody types it; one process runs all commands, each on its own."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

DRIVER = """
import contextlib, io, json, os, sys
from hongyan.cli.app import run
commands = sys.stdin
for line in commands:
    told = json.loads(line)
    out, err, sys.stdin = io.StringIO(), io.StringIO(), io.StringIO(told["given"])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(told["argv"], dict(os.environ) | told["environ"])
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


class Shell:
    """Runs command lines one after the other."""

    def __init__(self, process: "subprocess.Popen[str]", environ: Mapping[str, str]) -> None:
        self._process = process
        self._environ = dict(environ)

    def under(self, **more: str) -> "Shell":
        """The same with more in its environment."""
        return Shell(self._process, self._environ | more)

    def run(self, *argv: str, given: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error; `given` is on its standard input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"argv": argv, "environ": self._environ, "given": given}) + "\n")
        self._process.stdin.flush()
        code, out, err = json.loads(self._process.stdout.readline())
        return code, out, err

    def ask(self, *argv: str, given: str = "") -> Any:
        """What the command answers in JSON; it must succeed."""
        code, out, err = self.run(*argv, "--json", given=given)
        assert (code, err) == (0, "")
        return json.loads(out)

    def refused(self, *argv: str) -> str:
        """The code of the refusal, in JSON on standard error alone."""
        code, out, err = self.run(*argv, "--json")
        assert (code, out) == (1, "")
        fault: dict[str, str] = json.loads(err)
        assert fault["message"]
        return fault["error"]


@contextlib.contextmanager
def shell_on(**environ: str) -> Iterator[Shell]:
    """A shell under these settings (HONGYAN_ names without the prefix), in English."""
    process = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield Shell(process, {"HONGYAN_LANG": "en"} | {f"HONGYAN_{name}": value for name, value in environ.items()})
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
