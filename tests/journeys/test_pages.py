"""The programs in the pages, run as a reader would: word for word, with the official SDK, against a running platform."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from journeys.customers import SDK_PYTHON
from journeys.platform import Platform

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("README.md", "docs/tutorial/first-message.md", "docs/tutorial/first-message.zh.md")


def program(page: str) -> str:
    """The one that imports the SDK."""
    [found] = [text for text in PROGRAM.findall((ROOT / page).read_text(encoding="utf-8")) if "tencentcloud" in text]
    return str(found)


def values(text: str) -> list[Any]:
    """The JSON values printed one after the other."""
    found, decoder, rest = [], json.JSONDecoder(), text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found


@pytest.mark.parametrize("page", PAGES)
async def test_the_program_in_a_page_sends(platform: Platform, page: str) -> None:
    environ = os.environ | {"HONGYAN_DATA_DIR": str(platform.settings.data_dir)}
    process = await asyncio.create_subprocess_exec(
        SDK_PYTHON, "-c", program(page), cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    answers = values(out.decode())
    assert {status["Code"] for status in answers[0]["SendStatusSet"]} == {"Ok"}
    assert [answer.keys() for answer in answers[1:]] in ([], [{"PullSmsSendStatusSet", "RequestId"}])


async def test_the_v5_program_sends_by_template_and_by_content(platform: Platform) -> None:
    [found] = PROGRAM.findall((ROOT / "docs/reference/tencent-v5.md").read_text(encoding="utf-8"))
    environ = os.environ | {"HONGYAN_DATA_DIR": str(platform.settings.data_dir)}
    process = await asyncio.create_subprocess_exec(
        SDK_PYTHON, "-c", found, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert [(answer["result"], answer["fee"]) for answer in values(out.decode())] == [(0, 1), (0, 1)]


async def test_the_native_client_s_program_sends_to_two(platform: Platform) -> None:
    [found] = PROGRAM.findall((ROOT / "docs/how-to/native-api.md").read_text(encoding="utf-8"))
    environ = os.environ | {"HONGYAN_DATA_DIR": str(platform.settings.data_dir)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", found, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    lines = out.decode().splitlines()
    assert [line.split()[:2] for line in lines] == [["+8613800138021", "accepted"], ["+8613800138022", "accepted"]]


async def test_the_program_in_huaweis_words_sends(platform: Platform) -> None:
    [found] = PROGRAM.findall((ROOT / "docs/reference/huawei.md").read_text(encoding="utf-8"))
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environ |= {"HONGYAN_DATA_DIR": str(platform.settings.data_dir)}
    process = await asyncio.create_subprocess_exec(
        SDK_PYTHON, "-c", found, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    [answer] = values(out.decode())
    assert (answer["code"], [each["status"] for each in answer["result"]]) == ("000000", ["000000"])
