"""Looking names up while some of them have servers that say nothing."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from hongyan.kit.names import Names

ADDRESS = "192.0.2.1"


class Servers:
    """Those of a name that begins with "silent" answer when `speak` is set, if ever."""

    def __init__(self) -> None:
        self.speak = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host.startswith("silent"):
            assert self.speak.wait(20)
        if host.startswith("unknown"):
            raise OSError("no such name")
        return [ADDRESS]


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.speak.set()


async def test_names_whose_servers_are_silent_hold_up_no_other(servers: Servers) -> None:
    names = Names(servers)
    waiting = [asyncio.create_task(names(f"silent{n}.example.com", 443)) for n in range(40)]
    async with asyncio.timeout(5):
        assert await names("well.example.com", 443) == [ADDRESS]
    assert not any(task.done() for task in waiting)
    servers.speak.set()
    assert await asyncio.gather(*waiting) == [[ADDRESS]] * 40


async def test_a_name_is_asked_for_once_however_many_wait_for_it(servers: Servers) -> None:
    names = Names(servers)
    waiting = [asyncio.create_task(names("silent.example.com", port)) for port in (80, 443, 8443)]
    impatient = asyncio.create_task(names("silent.example.com", 80))
    await asyncio.sleep(0)
    impatient.cancel()
    assert isinstance((await asyncio.gather(impatient, return_exceptions=True))[0], asyncio.CancelledError)
    servers.speak.set()
    assert await asyncio.gather(*waiting) == [[ADDRESS]] * 3
    assert servers.asked == ["silent.example.com"]
    assert await names("silent.example.com", 80) == [ADDRESS]
    assert len(servers.asked) == 2, "what was found is not kept: names move"


async def test_who_has_no_address_is_an_error_for_everybody_who_asked(servers: Servers) -> None:
    names = Names(servers)
    for found in await asyncio.gather(*(names("unknown.example.com", 80) for _ in range(3)), return_exceptions=True):
        assert isinstance(found, OSError)
    assert servers.asked == ["unknown.example.com"]


async def test_so_many_names_are_asked_for_at_once_and_no_more(servers: Servers) -> None:
    names = Names(servers, most=2)
    waiting = [asyncio.create_task(names(f"silent{n}.example.com", 443)) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="too many"):
        await names("well.example.com", 443)
    servers.speak.set()
    await asyncio.gather(*waiting)
    assert await names("well.example.com", 443) == [ADDRESS]


async def test_an_address_is_nobody_to_ask_for(servers: Servers) -> None:
    names = Names(servers)
    assert [await names(text, 80) for text in ("192.0.2.7", "2001:db8::7")] == [["192.0.2.7"], ["2001:db8::7"]]
    assert not servers.asked


async def test_this_machine_knows_itself() -> None:
    assert await Names()("localhost", 80)
