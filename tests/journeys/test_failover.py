"""The primary of the database is lost under load, its standby is promoted: bench/failover.py in its short form."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "bench/failover.py"
SHORT = ("--nodes", "2", "--before", "2", "--detect", "1", "--after", "5", "--rate", "100", "--connections", "32")


async def test_a_primary_that_is_killed_under_load_costs_no_message_and_its_standby_carries_on() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), "--how", "kill", *SHORT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(150):
        out, told = await process.communicate()
    assert process.returncode == 0, told.decode()[-4000:] + out.decode()
    report: dict[str, Any] = json.loads(out)
    assert report["faults"] == []
    assert report["answered_ok"] > 200
    assert max(report["first_ok_after_s"]) < 10
