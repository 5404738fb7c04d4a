"""What was seen from outside while things died: requests, submits and callbacks, by processes that are never killed."""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hongyan.cli.load.promises import Promises
from hongyan.doors.tencent.words import message_id
from hongyan.pipeline.accept import IN_DOUBT
from hongyan.simulator.journal import Entry


class Request(msgspec.Struct, frozen=True, tag="asked"):
    """A request is about to be sent. Times are seconds of the machine's monotonic clock."""

    id: str
    kind: str
    at: float
    phones: list[str]


class Answer(msgspec.Struct, frozen=True, tag="answered"):
    """A request was answered: `ok` has the numbers that were promised, all others were told that nothing was sent."""

    id: str
    at: float
    ok: list[str]


class Hit(msgspec.Struct, frozen=True, tag="told"):
    """A callback: (message, status) of each report in it."""

    at: float
    reports: list[tuple[int, str]]


class Strike(msgspec.Struct, frozen=True, tag="struck"):
    """What was done to the platform."""

    at: float
    target: str
    what: str


Line = Request | Answer | Hit | Strike


class _Report(msgspec.Struct):
    sid: str
    report_status: str


class _Native(msgspec.Struct):
    """A report in the native words, in which messages of the native API are told."""

    message_id: str
    status: str


class _Told(msgspec.Struct):
    data: list[_Native]


class Book:
    """A history in a file: a line of JSON for each event, with the operating system before the next one happens."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._encode = msgspec.json.Encoder().encode
        self._reports = msgspec.json.Decoder(list[_Report] | _Told).decode

    def write(self, line: Line) -> None:
        self._file.write(self._encode(line) + b"\n")

    def hit(self, _path: str, body: bytes) -> None:
        """The callback server was posted this."""
        told = self._reports(body)
        if isinstance(told, _Told):
            reports = [(int(report.message_id), "SUCCESS" if report.status == "delivered" else "FAIL") for report in told.data]
        else:
            reports = [(message_id(report.sid) or 0, report.report_status) for report in told]
        self.write(Hit(time.monotonic(), reports))

    def struck(self, target: str, what: str) -> None:
        self.write(Strike(time.monotonic(), target, what))

    def close(self) -> None:
        self._file.close()


class Written(Promises):
    """Promises of one stream of requests that go into the book as they are made."""

    def __init__(self, promises: Promises, kind: str, name: str, book: Book) -> None:
        super().__init__(promises.numbers, promises.count, promises._answers)
        self._kind = kind
        self._name = name
        self._book = book

    def begin(self, now: float) -> int:
        request = super().begin(now)
        self._book.write(Request(f"{self._name}-{request}", self._kind, time.monotonic(), self._phones(request)))
        return request

    def answer(self, request: int, status: int, body: bytes, now: float) -> bool:
        whole = super().answer(request, status, body, now)
        first = request * self.count
        ok = [phone for index, phone in enumerate(self._phones(request), first) if self.is_taken(index)]
        # An answer that says that nobody knows is none.
        if IN_DOUBT.encode() not in body:
            self._book.write(Answer(f"{self._name}-{request}", now, ok))
        return whole

    def _phones(self, request: int) -> list[str]:
        first = request * self.count
        return [f"86{self.numbers.national(index)}" for index in range(first, first + self.count)]


class History(msgspec.Struct):
    """All of it, read back."""

    requests: list[Request] = []
    answers: list[Answer] = []
    hits: list[Hit] = []
    strikes: list[Strike] = []
    submits: list[Entry] = []


def read(book: Path, journals: Iterable[Path]) -> History:
    """The book and the carrier's journals; a last line that was cut is none."""
    history = History()
    places = {Request: history.requests, Answer: history.answers, Hit: history.hits, Strike: history.strikes}
    decode = msgspec.json.Decoder(Line).decode
    for written in _lines(book):
        line = decode(written)
        places[type(line)].append(line)
    entry = msgspec.json.Decoder(Entry).decode
    history.submits = [entry(written) for journal in journals for written in _lines(journal)]
    return history


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
