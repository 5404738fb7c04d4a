"""Requests to addresses that customers give, so that no such address can reach what only this machine may reach (SSRF).

A name is resolved once, every address it has is checked, and the connection goes to a checked address while Host and TLS keep the name: a
name that changes its mind between check and use (DNS rebinding) gains nothing. Redirects are not followed, and of an answer no more than
64 KiB is read. A name that does not resolve is a failure, never a reason to skip the check.
"""

import asyncio
import contextlib
import functools
import ipaddress
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias, cast
from urllib.parse import quote, urlsplit

import httptools
import msgspec

from hongyan.kit.names import Names

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name, as text. Raises OSError when there are none."""

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer's body that are read."""
TIMEOUT_S = 5.0
"""For the whole of a request: name, connection, TLS, question and answer."""
URL_LIMIT = 2000
KEPT_S = 30.0
"""An idle connection older than this is not used again."""
MOST_KEPT = 100
PORTS = {"http": 80, "https": 443}
HTTP_FINAL = 200
"""Statuses below are word that the answer is still to come."""

NOT_PUBLIC_V4 = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""IANA's IPv4 special-purpose registry, and multicast."""
PUBLIC_V6 = ipaddress.ip_network("2000::/3")
"""Global unicast; everything outside (loopback, unique local, link-local, multicast, v4-mapped, NAT64) is not public."""
NOT_PUBLIC_V6 = tuple(ipaddress.ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
"""Inside it: protocol assignments with Teredo, documentation, and 6to4, which wraps any IPv4 address."""

WEB_PORTS = frozenset({80, 443})
"""The only ports below 1024 that serve web pages and nothing else."""
FIRST_FREE_PORT = 1024
SERVICE_PORTS = frozenset(
    {
        *(1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 3659, 4045, 4190, 4369, 5060, 5061, 5432),
        *(5672, 5900, 5984, 5985, 5986, 6000, 6379, 6380, 6443, 6566, *range(6665, 6670), 6679, 6697, 8500, 9042, 9092, 9200, 9300, 10080),
        *(10250, 10255, 11211, 15672, 26379, *range(27017, 27020)),
    }
)
"""Databases, queues, remote control and what browsers refuse (WHATWG Fetch, "bad port"): none is a customer's web server."""

NAME = re.compile(r"(?=.{1,253}\.?$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?", re.IGNORECASE)
"""A host name with at least two labels whose last begins with a letter: no spelling of an IPv4 address looks like that."""
LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")
UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")


class Answer(msgspec.Struct, frozen=True):
    """What the other side said."""

    status: int
    body: bytes
    """The first 64 KiB of it."""


class Failed(msgspec.Struct, frozen=True):
    """It said nothing, or was not asked: the reason, fit for the customer to read."""

    reason: str


class Target(msgspec.Struct, frozen=True):
    """A checked URL in its parts. The request is made from these, so that no second parser can read it differently."""

    scheme: str
    host: str
    port: int
    path: str


class RefusedAddressError(Exception):
    """The name leads to an address that customers must not reach."""


class UnreachableError(Exception):
    """No connection could be made."""


class BrokenOffError(Exception):
    """The connection ended, or said what is no HTTP, before the answer was complete."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self.silent = silent
        """Not one octet of an answer had come."""


def parse(url: str, allow: Sequence[Network] = ()) -> Target | str:
    """The parts of a URL that may be called, or the reason why it may not. Names are not resolved here."""
    if len(url) > URL_LIMIT or UNPRINTABLE.search(url):
        return "the URL is too long or has spaces, control characters or backslashes in it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return "the URL must begin with http:// or https://"
    if "@" in parts.netloc:
        return "the URL must not carry a user name or password"
    port = port if port is not None else PORTS[parts.scheme]
    host = parts.hostname or ""
    if "[" in parts.netloc and ":" not in host:
        host = ""  # what is in brackets is an IPv6 address or nothing
    problem = _host_problem(host, allow) or port_problem(port)
    if problem:
        return problem
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]") if parts.query else ""
    return Target(parts.scheme, host, port, path + query)


def check_url(url: str, allow: Sequence[Network] = ()) -> str | None:
    """Why this URL cannot be a callback address, None when it can: what can be told when it is set, without asking anybody."""
    target = parse(url, allow)
    return target if isinstance(target, str) else None


def allowed(address: str, allow: Sequence[Network] = ()) -> bool:
    """Whether customers may reach this address: it is public, or the operator's list has it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in allow) or _is_public(parsed)


def port_problem(port: int) -> str | None:
    if port in SERVICE_PORTS or (port < FIRST_FREE_PORT and port not in WEB_PORTS):
        return f"port {port} belongs to another kind of service"
    return None


def _host_problem(host: str, allow: Sequence[Network]) -> str | None:
    if not host.isascii():
        return "write the host name in its ASCII form (xn--...)"
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        address = ""
    if address:
        return None if allowed(address, allow) else "this address is not public"
    name = host.rstrip(".")
    if allow and LABEL.fullmatch(name):
        return None  # a machine of the operator's own network; where the name leads is checked when it is called
    if not allow and any(name == local or name.endswith("." + local) for local in LOCAL_NAMES):
        return "this name is not public"
    return None if NAME.fullmatch(host) else "this is not a host name"


def _is_public(address: Address) -> bool:
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return not any(address in network for network in NOT_PUBLIC_V4)
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)


Place: TypeAlias = tuple[str, str, int]
"""Scheme, host and port: what a connection can be used again for."""


class GuardedClient:
    """Posts to customers' addresses. Connections are kept and used again, each still leading where it was checked to lead."""

    def __init__(self, *, allow: Sequence[Network] = (), timeout_s: float = TIMEOUT_S, resolve: Resolve | None = None) -> None:
        self._allow = tuple(allow)
        self._timeout_s = timeout_s
        self._resolve = Names() if resolve is None else resolve
        self._idle: dict[Place, list[Exchange]] = {}
        self._open: set[Exchange] = set()
        self._ssl = functools.cache(ssl.create_default_context)
        self._parsed = functools.lru_cache(maxsize=1024)(functools.partial(parse, allow=self._allow))

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed:
        """Post the body. Whatever goes wrong is a value; redirects are answers like any other."""
        target = self._parsed(url)
        if isinstance(target, str):
            return Failed(target)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, octets(target, body, headers))
        except TimeoutError:
            return Failed(f"no answer within {self._timeout_s:g} seconds")
        except RefusedAddressError:
            return Failed("the host name leads to an address that is not public")
        except UnreachableError:
            return Failed("no connection")
        except BrokenOffError:
            return Failed("the connection broke before an answer came")

    async def _post(self, target: Target, request: bytes) -> Answer:
        kept = self._kept(target)
        if kept is not None:
            try:
                return await self._ask(kept, target, request)
            except BrokenOffError as fault:
                # It may have been closed just as it was used again.
                if not fault.silent:
                    raise
        return await self._ask(await self._connect(target), target, request)

    async def _ask(self, exchange: "Exchange", target: Target, request: bytes) -> Answer:
        self._open.add(exchange)
        try:
            answer = await exchange.ask(request)
        finally:
            self._open.discard(exchange)
            if exchange.reusable:
                self._keep(exchange, target)
            else:
                exchange.close()
        return answer

    def _kept(self, target: Target) -> "Exchange | None":
        now = asyncio.get_running_loop().time()
        idle = self._idle.get((target.scheme, target.host, target.port), [])
        while idle:
            exchange = idle.pop()
            if exchange.reusable and now - exchange.idle_since < KEPT_S:
                return exchange
            exchange.close()
        return None

    def _keep(self, exchange: "Exchange", target: Target) -> None:
        exchange.idle_since = asyncio.get_running_loop().time()
        self._idle.setdefault((target.scheme, target.host, target.port), []).append(exchange)
        if sum(map(len, self._idle.values())) > MOST_KEPT:
            oldest = min((kept for kept in self._idle.values() if kept), key=lambda kept: kept[0].idle_since)
            oldest.pop(0).close()
            self._idle = {place: kept for place, kept in self._idle.items() if kept}

    async def _connect(self, target: Target) -> "Exchange":
        """The one place between a name and a socket."""
        try:
            addresses = await self._resolve(target.host, target.port)
        except OSError as fault:
            raise UnreachableError from fault
        if not addresses or not all(allowed(address, self._allow) for address in addresses):
            raise RefusedAddressError
        secure = self._ssl() if target.scheme == "https" else None
        name = target.host.rstrip(".") if secure else None
        for address in addresses:
            with contextlib.suppress(OSError):
                _, exchange = await asyncio.get_running_loop().create_connection(
                    Exchange, address, target.port, ssl=secure, server_hostname=name
                )
                return exchange
        raise UnreachableError

    async def close(self) -> None:
        """End all connections; whoever waits for an answer is told that it broke."""
        for exchange in [*self._open, *(exchange for kept in self._idle.values() for exchange in kept)]:
            exchange.close()
        self._idle.clear()


def octets(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The request as it is written."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    if target.port != PORTS[target.scheme]:
        host = f"{host}:{target.port}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {target.path} HTTP/1.1\r\nhost: {host}\r\n{lines}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body


class Exchange(asyncio.Protocol):
    """One HTTP/1.1 connection: a question, its answer, the next question."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._silent = True
        self._body: list[bytes] = []
        self._size = 0
        self._head = 0
        self._measured = False
        self._has_head = False

    @property
    def reusable(self) -> bool:
        """Whether another question may be asked."""
        return self._transport is not None and self._answer is None

    async def ask(self, request: bytes) -> Answer:
        """Raises BrokenOffError when no whole answer comes."""
        self._answer = asyncio.get_running_loop().create_future()
        self._silent, self._has_head, self._measured = True, False, False
        self._body, self._size, self._head = [], 0, 0
        if self._transport is None:
            raise BrokenOffError(silent=True)
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        self._break()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Nobody asked: whatever this is, the next question must not get it for an answer.
            self.close()
            return
        self._silent = False
        if not self._has_head:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()
            return
        if not self._has_head and self._head > ANSWER_LIMIT:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._has_head and not self._measured and exc is None:
            # An answer without a length ends with its connection.
            self._done()
        self._break()

    # What the parser finds.

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() in {b"content-length", b"transfer-encoding"}:
            self._measured = True

    def on_headers_complete(self) -> None:
        self._has_head = self._parser.get_status_code() >= HTTP_FINAL

    def on_body(self, body: bytes) -> None:
        self._body.append(body[: ANSWER_LIMIT - self._size])
        self._size += len(self._body[-1])
        if self._size >= ANSWER_LIMIT:
            # Enough; what follows is not read.
            self._done()
            self.close()

    def on_message_complete(self) -> None:
        if not self._has_head:
            self._measured = False
            return
        if not self._parser.should_keep_alive():
            self._done()
            self.close()
            return
        self._done()

    def _done(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(Answer(self._parser.get_status_code(), b"".join(self._body)))

    def _break(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(BrokenOffError(silent=self._silent))
