"""Requests to addresses that customers give, so that no such address can reach what only this machine may reach (SSRF).

A name is resolved once, every address it has is checked, and the connection goes to a checked address while Host and TLS keep the name: a
name that changes its mind between check and use (DNS rebinding) gains nothing. Redirects are not followed, and of an answer no more than
64 KiB is read. A name that does not resolve is a failure, never a reason to skip the check.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote, urlsplit

import httpcore2
import msgspec

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name, as text. Raises OSError when there are none."""

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer's body that are read."""
TIMEOUT_S = 5.0
"""For the whole of a request: name, connection, TLS, question and answer."""
URL_LIMIT = 2000

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


class RefusedAddressError(httpcore2.ConnectError):
    """The name leads to an address that customers must not reach."""


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
    port = port if port is not None else {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname or ""
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


async def system_resolve(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver knows."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedClient:
    """Posts to customers' addresses. Connections are kept and used again, each still leading where it was checked to lead."""

    def __init__(self, *, allow: Sequence[Network] = (), timeout_s: float = TIMEOUT_S, resolve: Resolve = system_resolve) -> None:
        self._allow = tuple(allow)
        self._timeout_s = timeout_s
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=30.0,
            network_backend=_CheckedBackend(self._allow, resolve),
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed:
        """Post the body. Whatever goes wrong is a value; redirects are answers like any other."""
        target = parse(url, self._allow)
        if isinstance(target, str):
            return Failed(target)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, body, headers)
        except (TimeoutError, httpcore2.TimeoutException):
            return Failed(f"no answer within {self._timeout_s:g} seconds")
        except RefusedAddressError:
            return Failed("the host name leads to an address that is not public")
        except httpcore2.ConnectError:
            return Failed("no connection")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
            return Failed("the connection broke before an answer came")

    async def _post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        given = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        async with self._pool.stream("POST", url, headers=given, content=body) as response:
            chunks, size = [], 0
            async for chunk in response.aiter_stream():
                chunks.append(chunk[: ANSWER_LIMIT - size])
                size += len(chunks[-1])
                if size >= ANSWER_LIMIT:
                    break
            return Answer(response.status, b"".join(chunks))

    async def close(self) -> None:
        await self._pool.aclose()


class _CheckedBackend(httpcore2.AnyIOBackend):
    """Where the pool opens connections: the one place between a name and a socket."""

    def __init__(self, allow: Sequence[Network], resolve: Resolve) -> None:
        self._allow = allow
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of httpcore2
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except OSError as fault:
            raise httpcore2.ConnectError("the name does not resolve") from fault
        if not addresses or not all(allowed(address, self._allow) for address in addresses):
            raise RefusedAddressError(host)
        failure: httpcore2.ConnectError = httpcore2.ConnectError("no address")
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as fault:
                failure = fault
        raise failure
