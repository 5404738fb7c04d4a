"""Jasmin (jasminsms.com): a gateway in Python on Twisted, with RabbitMQ for its queues and Redis for its receipts.

    python bench/peers/jasmin.py

puts Jasmin 0.11.1 into an environment of its own (.venv-jasmin) and mends two lines without which it loses every receipt (its issue 1236).
RabbitMQ and Redis come from the system's packages.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from string import Template
from urllib.parse import quote

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from hongyan.cli.load.answers import Partly
from hongyan.cli.load.measure import Api
from hongyan.cli.load.numbers import Numbers
from peers import Carrier, Peer, PeerError, Running, free_port, listens, process, until
from peers.kannel import TEXT

VERSION = "0.11.1"
VENV = Path(__file__).parents[2] / ".venv-jasmin"
RABBITMQ, EPMD, REDIS = "/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/bin/epmd", "/usr/bin/redis-server"
BROKEN, MENDED = "_pdu.response", "r.response"
"""In the three lines of managers/listeners.py that tell of an answer: a single message has no `_pdu.response`."""
SETTLE_S = 3.0
"""From the bind until its routes are in force."""
JCLI_S = 20.0
PAUSE_S = 0.3
SUCCESSES = 5
"""Orders that are confirmed with this word: adding and starting the connector, adding the group, the user and the route."""
LOCK = Path("/tmp/jasmind.lock")  # noqa: S108 - Jasmin's own
USERNAME = "bench"


class Requests:
    """GET /send: one number, a text in UCS-2 with a new code each, and where to report."""

    def __init__(self, host: str, password: str, report_url: str | None, numbers: Numbers, count: int) -> None:
        if count != 1:
            raise PeerError("Jasmin takes one number a request")
        self._numbers = numbers
        before, _, after = TEXT.partition("{code}")
        report = "&dlr=yes&dlr-level=2&dlr-method=GET&dlr-url=" if report_url else "&dlr=no"
        self._report_url = quote(f"{report_url}?phone=", safe="") if report_url else None
        self._start = f"GET /send?username={USERNAME}&password={password}&coding=8{report}".encode()
        self._before = f"&hex-content={before.encode('utf-16-be').hex()}".encode()
        self._after = f"{after.encode('utf-16-be').hex()} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def build(self, index: int, at: int) -> bytes:  # noqa: ARG002 - nothing is signed
        phone = f"86{self._numbers.national(index)}"
        report = f"{self._report_url}{phone}" if self._report_url else ""
        code = f"{index % 1_000_000:06d}".encode("utf-16-be").hex()
        return b"%b%b&to=%b%b%b%b" % (self._start, report.encode(), phone.encode(), self._before, code.encode(), self._after)


class Answers:
    """200 and `Success "id"`, or a refusal."""

    def whole(self, status: int, body: bytes, count: int) -> bool:  # noqa: ARG002 - one number a request
        return status == 200 and body.startswith(b"Success")

    def read(self, status: int, body: bytes) -> Partly | str:
        return f"{status} {body[:60].decode(errors='replace')}"


def missing() -> str | None:
    gone = [name for name in (RABBITMQ, EPMD, REDIS) if not Path(name).exists()]
    if gone:
        return f"{' and '.join(gone)} not found: apt-get install rabbitmq-server redis-server"
    return None if (VENV / ".installed").exists() else "not installed: python bench/peers/jasmin.py"


def install() -> None:
    """Make the environment and mend the two lines."""
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    subprocess.run([VENV / "bin/pip", "install", "--quiet", f"jasmin=={VERSION}"], check=True)
    listeners = next(VENV.glob("lib/python3*/site-packages/jasmin/managers/listeners.py"))
    lines = listeners.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "# Send DLR to DLRLookup" in line)
    lines[at : at + 8] = [line.replace(BROKEN, MENDED) for line in lines[at : at + 8]]
    listeners.write_text("".join(lines), encoding="utf-8")
    (VENV / ".installed").touch()


@contextlib.contextmanager
def run(carrier: Carrier, directory: Path) -> Iterator[Running]:
    """Jasmin with a RabbitMQ and a Redis of its own, bound to the carrier."""
    ports = {name: free_port() for name in ("amqp", "redis", "http", "jcli", "router", "management", "smpp_server", "smpp_server_pb")}
    with contextlib.ExitStack() as stack:
        rabbit = stack.enter_context(_rabbitmq(directory, ports["amqp"]))
        log = directory / "redis.log"
        command = [REDIS, "--port", str(ports["redis"]), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", str(directory)]
        redis = stack.enter_context(process(command, directory, None, log))
        until(lambda: listens(ports["redis"]), redis, "redis-server", log)
        jasmin = stack.enter_context(_jasmind(directory, ports))
        _configure(ports["jcli"], carrier)
        host = f"127.0.0.1:{ports['http']}"
        yield Running(
            address=("127.0.0.1", ports["http"]),
            api=lambda url: Api(partial(Requests, host, carrier.password, url), Answers()),
            pids={"jasmind": jasmin.pid, "rabbitmq": rabbit.pid, "redis": redis.pid},
            families=frozenset({"rabbitmq"}),
        )


@contextlib.contextmanager
def _rabbitmq(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    names, distribution = free_port(), free_port()
    environ = {
        **os.environ,
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "rabbitmq"),
        "RABBITMQ_PID_FILE": str(directory / "rabbitmq.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
    }
    (directory / "plugins").write_text("[].\n", encoding="utf-8")
    with process([EPMD], directory, environ, directory / "epmd.log") as epmd:
        until(lambda: listens(names), epmd, "epmd", directory / "epmd.log")
        with process([RABBITMQ], directory, environ, log := directory / "rabbitmq.log") as rabbit:
            until(lambda: listens(port), rabbit, "rabbitmq-server", log)
            yield rabbit


@contextlib.contextmanager
def _jasmind(directory: Path, ports: dict[str, int]) -> Iterator[subprocess.Popen[bytes]]:
    for name in ("store", "log"):
        (directory / name).mkdir()
    config = directory / "jasmin.cfg"
    spec = next(VENV.glob("lib/python3*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml"))
    template = Template((Path(__file__).parent / "jasmin.cfg").read_text(encoding="utf-8"))
    config.write_text(template.substitute({f"{name}_port": port for name, port in ports.items()}, amqp_spec=spec), encoding="utf-8")
    environ = {**os.environ, "CONFIG_PATH": str(directory), "STORE_PATH": str(directory / "store"), "LOG_PATH": str(directory / "log")}
    # It does not start while a lock of one that was killed is there.
    LOCK.unlink(missing_ok=True)
    log = directory / "jasmind.log"
    command = [str(VENV / "bin/python"), str(VENV / "bin/jasmind.py"), "-c", str(config), "--enable-dlr-thrower", "--enable-dlr-lookup"]
    with process(command, directory, environ, log) as running:
        until(lambda: listens(ports["jcli"]) and listens(ports["http"]), running, "jasmind", log)
        yield running


def _configure(jcli_port: int, carrier: Carrier) -> None:
    """A connector, a user and a route, through its console."""
    connector = f"cid carrier\nhost 127.0.0.1\nport {carrier.port}\nusername jasmin\npassword {carrier.password}"
    orders = (
        f"smppccm -a\n{connector}\nsubmit_throughput 0\nloglevel 40\nok",
        "smppccm -1 carrier",
        "group -a\ngid all\nok",
        f"user -a\nuid {USERNAME}\ngid all\nusername {USERNAME}\npassword {carrier.password}\nok",
        "mtrouter -a\ntype DefaultRoute\nconnector smppc(carrier)\nrate 0.0\nok",
        "persist",
    )
    with socket.create_connection(("127.0.0.1", jcli_port), timeout=JCLI_S) as console:
        said = _until_quiet(console)
        for order in orders:
            for line in order.split("\n"):
                console.sendall(line.encode() + b"\r\n")
                said += _until_quiet(console)
    if said.count(b"Successfully") < SUCCESSES:
        raise PeerError(f"Jasmin did not take its configuration: {said.decode(errors='replace')[-1000:]}")
    time.sleep(SETTLE_S)


def _until_quiet(console: socket.socket) -> bytes:
    """What it says, up to a pause: its prompts have no certain form."""
    said = b""
    console.settimeout(JCLI_S)
    with contextlib.suppress(TimeoutError):
        while more := console.recv(4096):
            said += more
            console.settimeout(PAUSE_S)
    return said


PEERS = (
    Peer(
        name="jasmin",
        label=f"Jasmin {VERSION}, receipts, callbacks",
        callbacks=True,
        loads=("single",),
        without="its queues do not survive a restart of RabbitMQ, balances are only in memory; "
        "no signatures or templates, limits for a number, records",
        missing=missing,
        seconds=2.0,
        run=run,
        taken=b"ACK/Jasmin",
    ),
)

if __name__ == "__main__":
    install()
