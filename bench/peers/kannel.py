"""Kannel (kannel.org): a gateway in C. One process speaks SMPP (bearerbox), one HTTP (smsbox)."""

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from math import inf
from pathlib import Path
from string import Template
from urllib.parse import quote

from hongyan.cli.load.answers import Partly
from hongyan.cli.load.measure import Api
from hongyan.cli.load.numbers import Numbers
from peers import Carrier, Peer, Running, free_port, listens, process, until

BEARERBOX, SMSBOX = "/usr/sbin/bearerbox", "/usr/sbin/smsbox"
USERNAME = "bench"
SYSTEM_ID = "kannel"
WINDOW = 1000
ENDINGS = 1 + 2 + 16
"""dlr-mask: delivered, not delivered, rejected by the carrier."""
STORES = {"none": "", "file": 'store-type = file\nstore-location = "{directory}/kannel.store"'}
TEXT = "【鸿雁】您的登录验证码为{code}，5分钟内有效，请勿告诉他人。"


class Requests:
    """GET /cgi-bin/sendsms: numbers separated by spaces, a text in UCS-2 with a new code each, and where to report."""

    def __init__(self, host: str, password: str, report_url: str | None, numbers: Numbers, count: int) -> None:
        self._numbers = numbers
        self._count = count
        before, _, after = TEXT.partition("{code}")
        self._start = f"GET /cgi-bin/sendsms?username={USERNAME}&password={password}&coding=2&charset=UTF-8&text={quote(before)}".encode()
        # %p stands for the handset's number; Kannel fills it in.
        report = f"&dlr-mask={ENDINGS}&dlr-url={quote(report_url + '?phone=%p', safe='')}" if report_url else ""
        self._middle = f"{quote(after)}{report}&to=".encode()
        self._end = f" HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def build(self, index: int, at: int) -> bytes:  # noqa: ARG002 - nothing is signed
        national, count = self._numbers.national, self._count
        phones = b"+".join([b"86%d" % national(n) for n in range(index * count, index * count + count)])
        return b"%b%06d%b%b%b" % (self._start, index % 1_000_000, self._middle, phones, self._end)


class Answers:
    """202 and `0: Accepted for delivery` for all numbers of a request, or a refusal."""

    def whole(self, status: int, body: bytes, count: int) -> bool:  # noqa: ARG002 - one answer for all
        return status == 202 and body.startswith((b"0: Accepted", b"3: Queued"))

    def read(self, status: int, body: bytes) -> Partly | str:
        return f"{status} {body[:60].decode(errors='replace')}"


def missing() -> str | None:
    gone = [name for name in (BEARERBOX, SMSBOX) if not Path(name).exists()]
    return f"{' and '.join(gone)} not found: apt-get install kannel" if gone else None


@contextlib.contextmanager
def run(store: str, carrier: Carrier, directory: Path) -> Iterator[Running]:
    """Kannel, bound to the carrier."""
    http_port, box_port, admin_port = free_port(), free_port(), free_port()
    config = directory / "kannel.conf"
    template = Template((Path(__file__).parent / "kannel.conf").read_text(encoding="utf-8"))
    config.write_text(
        template.substitute(
            http_port=http_port,
            box_port=box_port,
            admin_port=admin_port,
            smpp_port=carrier.port,
            system_id=SYSTEM_ID,
            password=carrier.password,
            username=USERNAME,
            window=WINDOW,
            store=STORES[store].format(directory=directory),
        ),
        encoding="utf-8",
    )
    host = f"127.0.0.1:{http_port}"
    box_log, sms_log = directory / "bearerbox.log", directory / "smsbox.log"
    with process([BEARERBOX, "-v", "3", str(config)], directory, None, box_log) as bearerbox:
        until(lambda: listens(box_port), bearerbox, "bearerbox", box_log)
        with process([SMSBOX, "-v", "3", str(config)], directory, None, sms_log) as smsbox:
            until(lambda: listens(http_port), smsbox, "smsbox", sms_log)
            until(lambda: _online(admin_port, carrier.password), bearerbox, "Kannel's link", box_log)
            yield Running(
                address=("127.0.0.1", http_port),
                api=lambda url: Api(partial(Requests, host, carrier.password, url), Answers()),
                pids={"bearerbox": bearerbox.pid, "smsbox": smsbox.pid},
            )


def _online(admin_port: int, password: str) -> bool:
    """Whether the link to the carrier is bound and the smsbox connected."""
    with contextlib.suppress(OSError, urllib.error.URLError):
        with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/status.txt?password={password}", timeout=2) as answer:
            status: bytes = answer.read()
        return b"(online" in status and b"smsbox" in status
    return False


NOTHING = "no signatures or templates, limits for a number, money, records"
PEERS = (
    Peer(
        name="kannel",
        label="Kannel, no store, no receipts",
        callbacks=False,
        loads=("single", "fixed", "bulk"),
        without=f"loses everything it holds when it dies; no receipts, no callbacks; {NOTHING}",
        missing=missing,
        seconds=inf,
        run=partial(run, "none"),
    ),
    Peer(
        name="kannel-file",
        label="Kannel, file store, no receipts",
        callbacks=False,
        loads=("single",),
        without=f"its file is not synced; no receipts, no callbacks; {NOTHING}",
        missing=missing,
        seconds=inf,
        run=partial(run, "file"),
    ),
    Peer(
        name="kannel-receipts",
        label="Kannel, no store, receipts, callbacks",
        callbacks=True,
        loads=("single", "fixed"),
        without=f"loses everything it holds when it dies; {NOTHING}",
        missing=missing,
        seconds=inf,
        run=partial(run, "none"),
    ),
    Peer(
        name="kannel-file-receipts",
        label="Kannel, file store, receipts, callbacks",
        callbacks=True,
        loads=("single", "fixed", "bulk"),
        without=f"its file is not synced, pending receipts are only in memory, a failed callback is not repeated; {NOTHING}",
        missing=missing,
        seconds=inf,
        run=partial(run, "file"),
    ),
)
