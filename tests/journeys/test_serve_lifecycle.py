"""The running platform as an operator knows it: killed, stopped, started twice, started again."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.slow

START_S = 60.0
BACK_S = 30.0
END_S = 10.0


def until(seconds: float, what: str, holds: Callable[[], bool]) -> float:
    """Wait for something that other processes do; the seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


class Instance:
    """`hongyan serve` on a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> subprocess.Popen[bytes]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        environ = inherited | {"HONGYAN_DATA_DIR": str(self.data_dir), "HONGYAN_HTTP": "127.0.0.1:0", "HONGYAN_LANG": "en"}
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "hongyan", *arguments], env=environ, stdout=log, stderr=log, cwd=self.log.parent)

    def start(self) -> None:
        (self.data_dir / "run" / "state.json").unlink(missing_ok=True)
        self.process = self.command("serve")
        until(START_S, "it is ready", lambda: self.process.poll() is not None or self.is_ready())
        assert self.process.poll() is None, self.log.read_text()

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "run" / "state.json").read_text())

    @property
    def pids(self) -> list[int]:
        state = self.state
        return [state["pid"], state["database_pid"], *state["processes"].values()]

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection(self.state["http"], timeout=BACK_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            return self.get("/readyz") == 200
        return False

    def stop(self) -> float:
        """SIGTERM; the seconds until the parent had ended."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return until(END_S + 5, "it ended", lambda: self.process is not None and self.process.poll() is not None)

    def destroy(self) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            for pid in self.pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def make_instance() -> Iterator[Callable[[str], Instance]]:
    home = Path(tempfile.mkdtemp(prefix="hy-", dir="/tmp"))
    made: list[Instance] = []

    def make(name: str) -> Instance:
        made.append(Instance(home / name))
        return made[-1]

    yield make
    for instance in made:
        instance.destroy()
    shutil.rmtree(home, ignore_errors=True)


def test_every_process_that_is_killed_comes_back_and_a_stop_ends_all(make_instance: Callable[[str], Instance]) -> None:
    instance = make_instance("one")
    instance.start()
    for name, pid in instance.state["processes"].items():
        os.kill(pid, signal.SIGKILL)
        # Connections wait in the parent's socket while the process that would take them is started again.
        assert instance.get("/healthz") == 200
        until(BACK_S, f"{name} is back", lambda name=name, pid=pid: instance.state["processes"].get(name, pid) != pid)
    until(BACK_S, "it is ready again", instance.is_ready)
    postmaster = instance.state["database_pid"]
    os.kill(postmaster, signal.SIGKILL)
    until(BACK_S, "the database is back", lambda: instance.state["database_pid"] not in {postmaster, None})
    until(BACK_S, "it is ready again", instance.is_ready)
    pids = instance.pids
    assert instance.stop() < END_S
    assert instance.process is not None
    assert instance.process.returncode == 0, instance.log.read_text()
    until(1, "all processes are gone", lambda: not any(lives(pid) for pid in pids))
    assert not (instance.data_dir / "run" / "state.json").exists()


def test_two_run_side_by_side_but_not_on_one_directory(make_instance: Callable[[str], Instance]) -> None:
    one, two = make_instance("one"), make_instance("two")
    one.start()
    two.start()
    assert one.is_ready()
    assert one.state["http"] != two.state["http"]
    assert not set(one.pids) & set(two.pids)
    again = one.command("serve")
    assert again.wait(START_S) == 1
    assert f"Hongyan already runs on {one.data_dir}" in one.log.read_text()
    assert one.is_ready()
    one.stop()
    assert two.is_ready()


def test_after_everything_was_killed_it_starts_again(make_instance: Callable[[str], Instance]) -> None:
    instance = make_instance("one")
    instance.start()
    for pid in instance.pids:
        # One may have followed its parent already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert instance.process is not None
    instance.process.wait()
    instance.start()
    assert instance.is_ready()
    instance.stop()


def test_children_end_with_their_parent_and_the_database_is_joined_again(make_instance: Callable[[str], Instance]) -> None:
    instance = make_instance("one")
    instance.start()
    state = instance.state
    os.kill(state["pid"], signal.SIGKILL)
    assert instance.process is not None
    instance.process.wait()
    until(END_S, "the children are gone", lambda: not any(lives(pid) for pid in state["processes"].values()))
    instance.start()
    assert instance.state["database_pid"] == state["database_pid"]
    instance.stop()
