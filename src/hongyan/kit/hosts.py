"""The servers that a database URL names: `postgresql://user:password@h1:5432,h2:5432/name`, or several in `?host=h1,h2&port=5432,5433`."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

PORT = 5432
"""PostgreSQL's, where none is said."""


class Host(NamedTuple):
    """Where one server listens."""

    name: str
    """A name, an address, or the directory of a socket."""
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def hosts(url: str) -> tuple[Host, ...]:
    """The servers in the order of the URL; none when it leaves them to the driver. Raises ValueError when it cannot be read.

    Read as libpq does: the part after the `@` wins over `host`, a single `port` is everybody's.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    named = parts.netloc.rpartition("@")[2]
    if not named:
        named, ports = query.get("host", ""), query.get("port", "").split(",")
        names = named.split(",") if named else []
        if len(ports) not in {1, len(names)}:
            raise ValueError(f"{len(ports)} ports for {len(names)} hosts")
        return tuple(_host(name, ports[index % len(ports)]) for index, name in enumerate(names))
    return tuple(_host(unquote(name), query.get("port", "")) for name in named.split(","))


def _host(text: str, port: str) -> Host:
    if text.startswith("/"):
        return Host(text, int(port or PORT))
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        return Host(name, int(rest.removeprefix(":") or port or PORT))
    name, _, own = text.partition(":")
    return Host(name, int(own or port or PORT))
