"""The official SDK as a customer of one door on a loopback socket."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hongyan.kit.door import HotDoor
from hongyan.kit.web import HotPaths, serve, starlette

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sdk/bin/python"
DRIVER = ROOT / "tests/contract/sdk/driver.py"
WAYS = [(method, sign_method) for method in ("POST", "GET") for sign_method in ("TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256")]
"""How a request can be made and signed."""

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]


@contextlib.asynccontextmanager
async def customer(door: HotDoor, *, secret_id: str, secret_key: str) -> AsyncIterator[Ask]:
    """Asks the door through the SDK: instructions of driver.py without endpoint and keys, results in the same order."""
    if not SDK_PYTHON.exists():
        pytest.fail("the SDK's environment is missing; create it with: make .venv-sdk/.installed")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(HotPaths({"/": door}, starlette([])), sock, stop=stop, patience_s=1, ready=ready.set))
        await ready.wait()
        common: Mapping[str, Any] = {
            "endpoint": f"127.0.0.1:{sock.getsockname()[1]}",
            "secret_id": secret_id,
            "secret_key": secret_key,
        }

        # The SDK honours proxies, and a loopback address is nothing for them.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}

        async def ask(*orders: dict[str, Any]) -> list[dict[str, Any]]:
            process = await asyncio.create_subprocess_exec(
                SDK_PYTHON, DRIVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
            )
            lines = "".join(json.dumps({**common, **order}) + "\n" for order in orders)
            told, _ = await process.communicate(lines.encode())
            assert process.returncode == 0
            return [json.loads(line) for line in told.splitlines()]

        yield ask
        stop.set()
        await serving
