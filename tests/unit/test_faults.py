"""Fault points: off they are nothing, on they strike once, at their count, whatever is restarted."""

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hongyan.kit import faults
from hongyan.kit.faults import Action, Armed, FaultsError, Order, OrderedError, carried_out, parse, post


@pytest.fixture
def armed(tmp_path: Path) -> Armed:
    found = Armed()
    found.begin(tmp_path)
    return found


def python(code: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """A process of its own: whether points are on is decided at import."""
    inherited = {name: value for name, value in os.environ.items() if name != faults.VARIABLE}
    return subprocess.run([sys.executable, "-c", code], env=inherited | environ, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nowhere:1:kill", "no fault point 'nowhere'"),
        ("hold", "count from 1"),
        ("hold:0:kill", "count from 1"),
        ("hold:x:kill", "count from 1"),
        ("hold:1:kill:now:or:never", "count from 1"),
        ("hold:1:explode", "cut, disk, kill, raise, sleep"),
        ("pdu_written:1:raise", "possible are: kill, sleep"),
        ("hold:1:sleep:long", "'long' says nothing to sleep"),
        ("hold:1:disk:EFULL", "'EFULL' says nothing to disk"),
        ("hold:1:kill,", "no fault point ''"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_what_could_be(text: str, why: str) -> None:
    with pytest.raises(FaultsError, match=why):
        parse(text)


def test_orders_are_read_as_they_are_written() -> None:
    text = "hold:3:disk:EIO,pdu_written:1:kill"
    assert parse(text) == (Order("hold", 3, Action.DISK, "EIO"), Order("pdu_written", 1, Action.KILL))
    assert ",".join(map(str, parse(text))) == text
    assert parse("on") == ()


def test_a_point_strikes_at_its_count_and_never_again(armed: Armed, tmp_path: Path) -> None:
    post(tmp_path, parse("hold:3:raise"))
    armed.fault("hold")
    armed.fault("post")
    armed.fault("hold")
    with pytest.raises(OrderedError):
        armed.fault("hold")
    assert carried_out(tmp_path, "hold")
    armed.fault("hold")
    post(tmp_path, parse("hold:1:raise"))
    armed.fault("hold")
    post(tmp_path, parse("hold:1:raise"), anew=True)
    assert not carried_out(tmp_path, "hold")
    with pytest.raises(OrderedError):
        armed.fault("hold")


def test_of_two_processes_only_one_strikes(armed: Armed, tmp_path: Path) -> None:
    other = Armed()
    other.begin(tmp_path)
    post(tmp_path, parse("hold:1:raise"))
    with pytest.raises(OrderedError):
        other.fault("hold")
    armed.fault("hold")


def test_errors_are_those_that_real_trouble_makes(armed: Armed, tmp_path: Path) -> None:
    for text, number in (("hold:1:disk", errno.ENOSPC), ("hold:1:disk:EIO", errno.EIO), ("hold:1:cut", errno.ECONNRESET)):
        post(tmp_path, parse(text), anew=True)
        with pytest.raises(OSError, match="on order at hold") as caught:
            armed.fault("hold")
        assert caught.value.errno == number


async def test_a_task_that_sleeps_on_order_holds_up_nobody(armed: Armed, tmp_path: Path) -> None:
    post(tmp_path, parse("hold:1:sleep:5"))
    sleeping = asyncio.create_task(armed.fault_async("hold"))
    await asyncio.sleep(0)
    assert carried_out(tmp_path, "hold")
    assert not sleeping.done()
    sleeping.cancel()


def test_before_it_knows_its_folder_nothing_strikes(tmp_path: Path) -> None:
    post(tmp_path, parse("hold:1:raise"))
    Armed().fault("hold")
    assert not carried_out(tmp_path, "hold")


def test_without_the_variable_every_point_is_an_empty_function() -> None:
    code = "from hongyan.kit import faults as f; print(f.fault is f.soon is f.begin is f._nothing, f.torn('hold', None, b'x'))"
    assert python(code).stdout == b"True b'x'\n"
    assert python(code, HONGYAN_FAULTS="on").stdout.startswith(b"False")


def test_kill_is_a_kill_and_the_next_life_is_spared(tmp_path: Path) -> None:
    post(tmp_path, parse("hold:2:kill"))
    code = f"import pathlib; from hongyan.kit import faults as f; f.begin(pathlib.Path({str(tmp_path)!r}))" + "; f.fault('hold')" * 3
    first = python(code, HONGYAN_FAULTS="on")
    assert first.returncode == -9
    assert b"fault_points_are_on" in first.stdout + first.stderr
    assert python(code, HONGYAN_FAULTS="on").returncode == 0


@pytest.mark.parametrize("text", ["nowhere:1:kill", "hold:1:explode"])
def test_a_platform_with_orders_that_cannot_be_does_not_start(tmp_path: Path, text: str) -> None:
    code = "from hongyan.__main__ import main; import sys; sys.argv = ['hongyan', 'serve', '--http', '127.0.0.1:0']; main()"
    done = python(code, HONGYAN_FAULTS=text, HONGYAN_DATA_DIR=str(tmp_path / "data"), HONGYAN_LANG="en")
    assert done.returncode
    assert b"HONGYAN_FAULTS: " in done.stderr
    assert not (tmp_path / "data").exists()
