"""The client that blocks, made from the one that is awaited: one text, so that the two never differ. `make docs` writes it."""

import re
from pathlib import Path

AWAITED = Path("src/hongyan/client/asynchronous.py")
BLOCKING = Path("src/hongyan/client/synchronous.py")

CHANGES: tuple[tuple[str, str], ...] = (
    (r'"""The client to be awaited\. `synchronous\.py` is made from this file: change this one, then `make docs`\."""',
     '"""The client that blocks. Made from `asynchronous.py` by `make docs`: change that one."""'),
    (r"import asyncio\nimport uuid", "import time\nimport uuid"),
    (r"\bAsyncHongyan\b", "Hongyan"),
    (r"\bAsyncClient\b", "Client"),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\baclose\b", "close"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\basync def\b", "def"),
    (r"\bawait ", ""),
)  # fmt: skip


def blocking(text: str) -> str:
    """The same class without waiting for anything but the network."""
    for pattern, instead in CHANGES:
        text = re.sub(pattern, instead, text)
    return text


def write(root: Path) -> None:
    """Make it anew."""
    (root / BLOCKING).write_text(blocking((root / AWAITED).read_text(encoding="utf-8")), encoding="utf-8")
