"""Hongyan itself, as `hongyan serve` runs it, beside a simulated carrier that is not its own."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peers import Carrier, PeerError, free_port, process, until

HONGYAN = [sys.executable, "-m", "hongyan"]
NAME = "hongyan"
LABEL = "Hongyan"


@contextlib.contextmanager
def run(carrier: Carrier, directory: Path) -> Iterator[dict[str, str]]:
    """A whole platform for as long as the block lasts; the environment in which `hongyan` commands find it. Raises PeerError."""
    http = f"127.0.0.1:{free_port()}"
    environ = {
        **os.environ,
        "HONGYAN_DATA_DIR": str(directory / "data"),
        "HONGYAN_HTTP": http,
        "HONGYAN_SIMULATOR": f"127.0.0.1:{carrier.port}",
        "HONGYAN_SIMULATOR_JOURNAL": str(carrier.journal),
        "HONGYAN_CALLBACK_ALLOW": "127.0.0.1/32",
        "HONGYAN_LOG_LEVEL": os.environ.get("HONGYAN_LOG_LEVEL", "warning"),
        "HONGYAN_LANG": "en",
        "HONGYAN_REQUEST_RATES": "0",  # one account asks for as much as many would
    }
    command = [*HONGYAN, "serve"]
    with process(command, directory, environ, log := directory / "serve.log") as serving:
        until(lambda: _ready(http), serving, "hongyan serve", log)
        yield environ


def _ready(http: str) -> bool:
    with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"http://{http}/readyz", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def measure(
    environ: dict[str, str], *, numbers: int, seconds: float, warm_up_s: float, connections: int, rate: float | None
) -> dict[str, Any]:
    """What `hongyan bench` says of one load."""
    command = [*HONGYAN, "bench", "--json", "--callbacks", "--numbers", str(numbers), "--connections", str(connections)]
    command += ["--seconds", str(seconds), "--warm-up", str(warm_up_s)]
    if rate is not None:
        command += ["--rate", str(rate)]
    done = subprocess.run(command, env=environ, capture_output=True, check=False)
    if done.returncode:
        raise PeerError(f"hongyan bench ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
