"""One process of the platform, as the supervisor starts it: `python -m hongyan.cli.worker`, settings on standard input.

It ends when its parent does: the kernel tells it so (Linux), and a thread looks in any case.
"""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import msgspec
import structlog
import uvloop

from hongyan.kit import faults
from hongyan.kit import log as logs
from hongyan.kit.loops import cancel, every
from hongyan.settings import Settings
from hongyan.simulator.config import SimulatorConfig

log = structlog.get_logger()

PR_SET_PDEATHSIG = 1
LOOK_S = 1.0
ORPHANED = 70
"""Exit code of a process whose parent died and which could not end by itself in time."""

SIMULATOR_FILE = "simulator.json"
SIMULATOR_SOCKET = "simulator.sock"
SIMULATOR_HOST = "127.0.0.1"
LONGEST_SOCKET_PATH = 100


class SimulatorAt(msgspec.Struct, frozen=True):
    """Where the embedded simulator listens, as run/simulator.json says it."""

    pid: int
    host: str
    port: int
    control: str


class Given(msgspec.Struct, frozen=True):
    """What a process is told on its standard input."""

    settings: msgspec.Raw
    simulator: SimulatorConfig | None = None


def given(settings: Settings, simulator: SimulatorConfig | None = None) -> bytes:
    """The bytes for a process's standard input."""
    return msgspec.json.encode(Given(msgspec.Raw(settings.model_dump_json().encode()), simulator))


def main() -> None:
    """What `python -m hongyan.cli.worker` does."""
    parser = argparse.ArgumentParser(prog="hongyan.cli.worker")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--roles", default="")
    parser.add_argument("--listen", type=int)
    args = parser.parse_args()
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Given)
    settings = Settings.model_validate_json(bytes(told.settings))
    logs.configure(level=settings.log_level, style=settings.log_format, process=args.name)
    follow(args.parent, patience_s=settings.shutdown_s)
    if told.simulator is not None:
        uvloop.run(run_simulator(settings, told.simulator))
    else:
        uvloop.run(run_roles(settings, frozenset(args.roles.split(",")), args.listen))


async def run_roles(settings: Settings, roles: frozenset[str], descriptor: int | None) -> None:
    """Be a worker with these roles until SIGTERM."""
    from hongyan import wiring  # noqa: PLC0415 - the simulator needs none of it
    from hongyan.kit.metrics import FLUSH_S, METRICS  # noqa: PLC0415 - as above

    faults.begin(settings.run_dir)
    _collect_garbage_rarely()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listen = None if descriptor is None else socket.socket(fileno=descriptor)
    flushing = asyncio.create_task(every(FLUSH_S, METRICS.flush, name="metrics"))
    try:
        await wiring.run_worker(settings, roles, listen, stop)
    finally:
        await cancel(flushing)
        await METRICS.flush()


def _collect_garbage_rarely() -> None:
    """What is imported stays for good, and messages leave no cycles behind: the collector's usual pauses cost a tenth and buy nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def run_simulator(settings: Settings, config: SimulatorConfig) -> None:
    """Be the embedded simulator until SIGTERM: on the port of last time, where links look for it, or when that is taken on a free one."""
    from hongyan.simulator.server import serve  # noqa: PLC0415 - only this process needs it

    _collect_garbage_rarely()
    control = str(settings.run_dir / SIMULATOR_SOCKET)
    if len(control) > LONGEST_SOCKET_PATH:
        log.warning("simulator_takes_no_orders", why="the data directory's name is too long for a socket")
        control = ""

    def ready(bound: int) -> None:
        at = SimulatorAt(pid=os.getpid(), host=SIMULATOR_HOST, port=bound, control=control)
        publish(settings.run_dir / SIMULATOR_FILE, msgspec.json.encode(at))

    last = simulator_at(settings)
    port = last.port if last is not None else 0
    try:
        await serve(config, SIMULATOR_HOST, port, control, ready)
    except OSError:
        if not port:
            raise
        await serve(config, SIMULATOR_HOST, 0, control, ready)


def simulator_at(settings: Settings) -> SimulatorAt | None:
    """Where the embedded simulator listens, or last did."""
    try:
        return msgspec.json.decode((settings.run_dir / SIMULATOR_FILE).read_bytes(), type=SimulatorAt)
    except (OSError, msgspec.DecodeError):
        return None


def publish(path: Path, content: bytes) -> None:
    """Put a file in place whole: a reader sees the old one or the new one, never half of it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)


def follow(parent: int, *, patience_s: float) -> None:
    """End when the parent does: SIGTERM at once, and the hard way when that took longer than `patience_s`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_watch, args=(parent, patience_s), daemon=True, name="parent").start()


def _watch(parent: int, patience_s: float) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    with contextlib.suppress(ProcessLookupError):
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(patience_s)
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
