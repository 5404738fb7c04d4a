"""What customers may have called, and what they may not. Nothing here leaves the machine: names are resolved by a table."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator

import pytest

from hongyan.kit.http import ANSWER_LIMIT, Answer, Failed, GuardedClient, Target, allowed, check_url, parse

REFUSED = [
    # addresses, in every range that is not public
    "http://127.0.0.1/",
    "http://127.255.255.254/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://100.100.100.200/latest/meta-data",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.255/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[fd00::1]/",
    "http://[fc00::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[2001::1]/",
    "http://[2002:7f00:1::]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    # the same in other spellings
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://127.0.0.1./",
    "http://8.8.8.8./",
    "http://127.0.0.1.5/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://%31%32%37.0.0.1/",
    # names that mean this machine or this network
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://a.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://intranet/",
    # who is asked
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com\\.evil/",
    "http://exa mple.com/",
    "http://example.com/\r\nX-Injected: 1",
    "http://example.com\t/",
    "http://example.com/\x00",
    "http://-example.com/",
    "http://example..com/",
    "http://[::1/",
    # other schemes and ports
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com:70/_",
    "dict://example.com:11211/",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "",
    "http://",
    "http:///path",
    "https://example.com:22/",
    "https://example.com:25/",
    "http://example.com:21/",
    "http://example.com:0/",
    "http://example.com:445/",
    "http://example.com:2375/",
    "http://example.com:3306/",
    "http://example.com:5432/",
    "http://example.com:6379/",
    "http://example.com:9200/",
    "http://example.com:11211/",
    "http://example.com:27017/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:8o/",
    "http://example.com/" + "a" * 3000,
]

TAKEN = {
    "http://example.com": Target("http", "example.com", 80, "/"),
    "https://example.com/sms": Target("https", "example.com", 443, "/sms"),
    "HTTPS://Example.COM/Sms": Target("https", "example.com", 443, "/Sms"),
    "http://example.com.:8080/": Target("http", "example.com.", 8080, "/"),
    "http://a-b.c_d.example.com:18443/x?y=1&z=%20#ignored": Target("http", "a-b.c_d.example.com", 18443, "/x?y=1&z=%20"),
    "https://xn--fiqs8s.example/回调?名=值": Target("https", "xn--fiqs8s.example", 443, "/%E5%9B%9E%E8%B0%83?%E5%90%8D=%E5%80%BC"),
    "http://8.8.8.8/": Target("http", "8.8.8.8", 80, "/"),
    "http://[2606:4700::1111]:8080/": Target("http", "2606:4700::1111", 8080, "/"),
    "http://1password.com/": Target("http", "1password.com", 80, "/"),
}

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize("url", REFUSED)
def test_what_customers_must_not_have_called_is_refused(url: str) -> None:
    assert check_url(url)


@pytest.mark.parametrize(("url", "target"), TAKEN.items())
def test_ordinary_addresses_are_taken_apart_once(url: str, target: Target) -> None:
    assert parse(url) == target
    assert check_url(url) is None


def test_the_operator_may_let_own_networks_through() -> None:
    assert check_url("http://127.0.0.1:8080/x", LOOPBACK) is None
    assert check_url("http://intranet/x", LOOPBACK) is None
    assert check_url("http://10.0.0.1/", LOOPBACK)
    assert check_url("http://127.0.0.1:6379/", LOOPBACK)
    assert not allowed("::ffff:127.0.0.1", LOOPBACK)
    assert not allowed("not an address")


class Server:
    """A loopback web server that says one thing and remembers what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.port = 0
        self.over = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.asked.append(head + await reader.readexactly(length))
            writer.write(self.answer)
            await writer.drain()
            if not self.answer:
                await self.over.wait()
        writer.close()


@contextlib.asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.over.set()
        listening.close()
        await listening.wait_closed()


@contextlib.asynccontextmanager
async def client(
    names: dict[str, list[str]], timeout_s: float = 5.0, allow: tuple[ipaddress.IPv4Network, ...] = LOOPBACK
) -> AsyncIterator[GuardedClient]:
    async def resolve(host: str, _port: int) -> list[str]:
        if host not in names:
            raise OSError("unknown")
        return names[host]

    made = GuardedClient(allow=allow, timeout_s=timeout_s, resolve=resolve)
    try:
        yield made
    finally:
        await made.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_post_goes_to_the_checked_address_and_keeps_the_name() -> None:
    async with serving(OK) as server, client({"sms.example.com": ["127.0.0.1"]}) as http:
        assert await http.post(f"http://sms.example.com:{server.port}/cb?a=1", b"[]", {"Content-Type": "application/json"}) == Answer(
            200, b"ok"
        )
    assert server.asked[0].startswith(b"POST /cb?a=1 HTTP/1.1\r\n")
    assert f"host: sms.example.com:{server.port}".encode() in server.asked[0].lower()
    assert server.asked[0].endswith(b"\r\n\r\n[]")


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["fe80::1", "127.0.0.1"], ["8.8.8.8", "169.254.169.254"], []]
)
async def test_one_forbidden_address_of_a_name_is_enough(addresses: list[str]) -> None:
    async with serving(OK) as server, client({"rebound.example.com": addresses}) as http:
        answer = await http.post(f"http://rebound.example.com:{server.port}/", b"", {})
    assert answer == Failed("the host name leads to an address that is not public")
    assert server.asked == []


async def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    async with client({}) as http:
        assert await http.post("http://nowhere.example.com/", b"", {}) == Failed("no connection")


async def test_an_address_that_is_refused_when_set_is_refused_when_called() -> None:
    async with client({}, allow=()) as http:
        assert await http.post("http://127.0.0.1:8080/", b"", {}) == Failed("this address is not public")


async def test_redirects_are_not_followed() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving(redirect) as server, client({"a.example.com": ["127.0.0.1"]}) as http:
        assert await http.post(f"http://a.example.com:{server.port}/", b"", {}) == Answer(302, b"")
    assert len(server.asked) == 1


async def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * (ANSWER_LIMIT + 5000)
    async with serving(endless) as server, client({"a.example.com": ["127.0.0.1"]}) as http:
        assert await http.post(f"http://a.example.com:{server.port}/", b"", {}) == Answer(200, b"x" * ANSWER_LIMIT)


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async with serving(b"") as server, client({"a.example.com": ["127.0.0.1"]}, timeout_s=0.2) as http:
        assert await http.post(f"http://a.example.com:{server.port}/", b"", {}) == Failed("no answer within 0.2 seconds")


async def test_nonsense_is_a_failure() -> None:
    async with serving(b"SSH-2.0-OpenSSH\r\n") as server, client({"a.example.com": ["127.0.0.1"]}) as http:
        assert await http.post(f"http://a.example.com:{server.port}/", b"", {}) == Failed("the connection broke before an answer came")


async def test_a_second_address_is_tried_when_the_first_does_not_answer() -> None:
    async with serving(OK) as server, client({"a.example.com": ["127.0.0.2", "127.0.0.1"]}) as http:
        assert await http.post(f"http://a.example.com:{server.port}/", b"", {}) == Answer(200, b"ok")


async def test_a_connection_is_used_again_and_replaced_when_the_server_closed_it() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            for _ in range(2):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listening, client({"a.example.com": ["127.0.0.1"]}) as http:
        url = f"http://a.example.com:{listening.sockets[0].getsockname()[1]}/"
        assert [await http.post(url, b"", {}) for _ in range(6)] == [Answer(200, b"ok")] * 6
    assert connections == 3


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\no", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", Answer(200, b"ok")),
        (b"HTTP/1.1 200 OK\r\n\r\nok", Answer(200, b"ok")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Answer(200, b"ok")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", None),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, None),
        (b"HTTP/1.0 204 No Content\r\n\r\n", Answer(204, b"")),
    ],
)
async def test_answers_of_every_shape_end(said: bytes, answer: Answer | None) -> None:
    async with serving(said) as server, client({"a.example.com": ["127.0.0.1"]}) as http:
        expected = answer or Failed("the connection broke before an answer came")
        assert await http.post(f"http://a.example.com:{server.port}/", b"", {}) == expected
