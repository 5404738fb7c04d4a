"""Nothing that a customer writes leads a callback inside: canaries stand on every forbidden address, and whoever connects is counted.

The loop's own connections are watched: one to a forbidden address ends at the canary, one to a public address at a server that plays the
outside. So it is what is connected to that counts, not what was said about it.
"""

import asyncio
import contextlib
import ipaddress
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from hongyan.control.apps import callable_url
from hongyan.control.errors import ControlError
from hongyan.kit.http import Answer, Failed, GuardedClient, check_url

FORBIDDEN_V4 = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.254", "100.64.0.1", "100.100.100.200", "100.127.255.254", "127.0.0.1", "127.0.0.53"),  # noqa: S104
    *("127.1.2.3", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.0.0.192"),
    *("192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.254", "198.18.0.1", "198.19.255.254", "198.51.100.7", "203.0.113.7"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
)
FORBIDDEN_V6 = (
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::ffff:8.8.8.8"),
    *("64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::10.0.0.1", "100::1", "2001::1", "2001:0:7f00:1::1", "2001:10::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254"),
    *("fe80::1", "fec0::1", "ff01::1", "ff02::1", "ff05::2"),
)
PUBLIC, PUBLIC_6 = "8.8.8.8", "2606:4700::1111"
OUTSIDE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def spellings(address: str) -> Iterator[str]:
    """An IPv4 address as libraries of many languages read it."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = ipaddress.IPv4Address(address).packed
    yield from (address, str(number), f"{number:#x}", f"{number:#o}".replace("o", ""), f"0{number:o}", f"0X{number:X}")
    yield from (
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{(c << 8) + d}",
        f"{a}.{(b << 16) + (c << 8) + d}",
    )
    yield from (f"0{a}.{b}.{c}.{d}", f"{a}.{b}.{c}.{d}.", f"{a:#x}.{b}.{c}.0{d:o}", f"{a}。{b}。{c}。{d}", f"{a}.{b}.{c}.{d + 256}")
    yield from (f"%{ord(address[0]):x}{address[1:]}", "".join(chr(0xFF10 + int(x)) if x.isdigit() else x for x in address))


WRITTEN = (
    *(f"http://{host}/" for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.0.1") for host in spellings(address)),
    *(f"http://{address}/" for address in FORBIDDEN_V4),
    *(f"https://[{address}]/" for address in FORBIDDEN_V6),
    *(f"http://[{address}]:8080/x" for address in FORBIDDEN_V6),
    *(
        f"http://{PUBLIC}:{port}/"
        for port in (0, 1, 21, 22, 23, 25, 53, 110, 139, 445, 465, 587, 631, 993, 2375, 3306, 5432, 6379, 9200, 11211)
    ),
    *(f"http://{PUBLIC}@{inside}/" for inside in ("127.0.0.1", "[::1]", "localhost")),
    *(f"http://{inside}{tail}@{PUBLIC}/" for inside in ("127.0.0.1", "user:x") for tail in ("", ":80", "#", "?", "%23")),
    *(
        f"http://127.0.0.1{tail}"
        for tail in ("#@example.com/", "?@example.com/", "\\@example.com/", ":80\\@example.com/", "%2f@example.com/")
    ),
    *(
        f"{scheme}://127.0.0.1:6379/_x"
        for scheme in ("gopher", "file", "dict", "ftp", "ldap", "tftp", "jar", "netdoc", "unix", "ws", "data")
    ),
    *(
        "file:///etc/passwd",
        "//127.0.0.1/",
        "http:127.0.0.1/",
        "http:/127.0.0.1/",
        "http:///127.0.0.1/",
        "http://",
        "http://:80/",
        "127.0.0.1",
    ),
    *(f"http://{name}/" for name in ("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain", "ip6-localhost", "x")),
    *(
        f"http://{name}/"
        for name in ("printer.local", "metadata.google.internal", "instance-data", "kubernetes.default.svc.local", "a.home.arpa")
    ),
    *(
        f"http://example.com{bad}/"
        for bad in ("\r\nx: y", "\n", "\t", " ", "\x00", "\x7f", "\\.evil", ":80:80", ":٣", "..", "%00", "%0d%0a")
    ),
    *(
        "http://[::1",
        "http://::1/",
        "http://[::1]x/",
        "http://[fe80::1%25lo]/",
        "http://[v1.x]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://ｌocalhost/",
    ),
)
"""What is refused as it is written, whatever any resolver says."""

ANSWERED = (
    *((address,) for address in (*FORBIDDEN_V4, *FORBIDDEN_V6)),
    *((PUBLIC, address) for address in (*FORBIDDEN_V4, *FORBIDDEN_V6)),
    *((address, PUBLIC, PUBLIC_6) for address in (*FORBIDDEN_V4[:12], *FORBIDDEN_V6[:12])),
    *((PUBLIC, PUBLIC_6, "fe80::1%lo"), ("127.0.0.1%lo",), ("localhost",), ("",), ("8.8.8.8 ", "127.1"), ("0x7f.1",), ("2130706433",)),
)
"""What a resolver may say of an innocent name."""


class Watched:
    """Who was connected to, by address."""

    def __init__(self, canary: int, outside: int) -> None:
        self._ports = {False: canary, True: outside}
        self.hits: list[str] = []
        self.outside: list[str] = []

    def wrap(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        async def watched(protocol: Callable[[], Any], host: str, port: int, **more: Any) -> Any:
            public = host in {PUBLIC, PUBLIC_6}
            (self.outside if public else self.hits).append(f"{host} {port}")
            if more.get("ssl") is not None:
                raise OSError("nobody speaks TLS here")
            return await connect(protocol, "127.0.0.1", self._ports[public])

        return watched


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(redirect if b"/redirect" in head else OUTSIDE)
        writer.close()

    redirect = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"
    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as canary, await asyncio.start_server(talk, "127.0.0.1", 0) as outside:
        made = Watched(*(server.sockets[0].getsockname()[1] for server in (canary, outside)))
        monkeypatch.setattr(loop, "create_connection", made.wrap(loop.create_connection))
        yield made


class Resolver:
    """A name server in an attacker's hand; it is not asked about what is written as an address."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = itertools.chain(answers, itertools.repeat(answers[-1] if answers else ("127.0.0.1",)))
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        return list(next(self._answers))


async def post(url: str, resolver: Resolver) -> Answer | Failed:
    client = GuardedClient(resolve=resolver, timeout_s=5)
    try:
        return await client.post(url, b"{}", {})
    finally:
        await client.close()


def test_there_are_enough_of_them() -> None:
    assert len(set(WRITTEN)) >= 200
    assert len(set(ANSWERED)) >= 100


async def test_no_writing_of_an_address_reaches_a_canary(watched: Watched) -> None:
    for url in WRITTEN:
        assert isinstance(await post(url, Resolver((PUBLIC,), ("127.0.0.1",))), Failed), url
    assert watched.hits == []
    assert watched.outside == []


def test_no_writing_of_an_address_can_be_set() -> None:
    taken = [url for url in WRITTEN if check_url(url) is None]
    assert taken == []
    for url in ("http://127.0.0.1/", "http://0x7f.1/", "gopher://127.0.0.1:6379/_x"):
        with pytest.raises(ControlError):
            callable_url(url, check_url)


async def test_no_answer_of_a_resolver_reaches_a_canary(watched: Watched) -> None:
    for scheme, addresses in itertools.product(("http", "https"), ANSWERED):
        assert isinstance(await post(f"{scheme}://rebind.example.com/", Resolver(addresses)), Failed), addresses
    assert watched.hits == []
    assert watched.outside == []


@pytest.mark.parametrize("later", [*FORBIDDEN_V4[:10], *FORBIDDEN_V6[:10]])
async def test_an_answer_that_changes_is_asked_for_once_and_what_was_checked_is_connected_to(watched: Watched, later: str) -> None:
    resolver = Resolver((PUBLIC,), (later,))
    assert await post("http://flips.example.com/", resolver) == Answer(200, b"ok")
    assert resolver.asked == ["flips.example.com"]
    assert (watched.hits, watched.outside) == ([], [f"{PUBLIC} 80"])


async def test_a_name_that_changed_between_two_callbacks_is_checked_again(watched: Watched) -> None:
    resolver = Resolver((PUBLIC,), ("127.0.0.1",), (PUBLIC_6,))
    client = GuardedClient(resolve=resolver)
    answers = []
    for _ in range(3):
        answers.append(await client.post("http://flips.example.com/", b"", {}))
        await client.close()
    assert answers == [Answer(200, b"ok"), Failed("the host name leads to an address that is not public"), Answer(200, b"ok")]
    assert (watched.hits, watched.outside) == ([], [f"{PUBLIC} 80", f"{PUBLIC_6} 80"])


async def test_a_connection_that_is_used_again_leads_where_it_was_checked_to_lead(watched: Watched) -> None:
    resolver = Resolver((PUBLIC,), ("127.0.0.1",))
    client = GuardedClient(resolve=resolver)
    assert [await client.post("http://flips.example.com/", b"", {}) for _ in range(3)] == [Answer(200, b"ok")] * 3
    await client.close()
    assert (watched.hits, watched.outside) == ([], [f"{PUBLIC} 80"])


async def test_a_redirect_inside_is_an_answer_and_no_errand(watched: Watched) -> None:
    assert await post("http://outside.example.com/redirect", Resolver((PUBLIC,))) == Answer(307, b"")
    assert (watched.hits, watched.outside) == ([], [f"{PUBLIC} 80"])


async def test_a_name_that_cannot_be_resolved_is_not_called_at_all(watched: Watched) -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    client = GuardedClient(resolve=unknown)
    assert await client.post("http://nowhere.example.com/", b"", {}) == Failed("no connection")
    assert watched.hits == []


async def test_the_operators_list_opens_what_it_names_and_nothing_beside(watched: Watched) -> None:
    allow = (ipaddress.ip_network("10.1.0.0/16"),)
    for address, allowed in (("10.1.2.3", True), ("10.2.0.1", False), ("127.0.0.1", False), ("::ffff:10.1.2.3", False)):
        client = GuardedClient(allow=allow, resolve=Resolver((address,)))
        assert isinstance(await client.post("http://intranet.example.com/", b"", {}), Answer) is allowed, address
        await client.close()
    assert watched.hits == ["10.1.2.3 80"]
