"""What an answer to a request promises, number by number: one reader for each API that is measured."""

from typing import Protocol

import msgspec

HTTP_OK = 200


class Partly(msgspec.Struct, frozen=True):
    """An answer that took some of a request's numbers."""

    phones: tuple[str, ...]
    """Those that were taken, in any spelling that ends with the 11 digits."""
    refused: tuple[str, ...]
    """A code for each of the others."""


class Answers(Protocol):
    """Reads the answers of one API."""

    def whole(self, status: int, body: bytes, count: int) -> bool:
        """Whether all `count` numbers of the request were taken; this is asked of every answer, so it looks only as far as it must."""
        ...

    def read(self, status: int, body: bytes) -> Partly | str:
        """An answer that is not `whole`, looked at closely: a text is the code with which the request as a whole was refused."""
        ...


OK = b'"Code":"Ok"'


class _Status(msgspec.Struct, rename="pascal"):
    phone_number: str
    code: str


class _Error(msgspec.Struct, rename="pascal"):
    code: str


class _Answer(msgspec.Struct, rename="pascal"):
    send_status_set: list[_Status] = []
    error: _Error | None = None


class _Envelope(msgspec.Struct):
    Response: _Answer


class TencentAnswers:
    """Answers to SendSms."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Envelope)

    def whole(self, status: int, body: bytes, count: int) -> bool:
        return status == HTTP_OK and body.count(OK) == count

    def read(self, status: int, body: bytes) -> Partly | str:
        try:
            answer = self._decoder.decode(body).Response
        except msgspec.DecodeError:
            return "unreadable answer"
        if status != HTTP_OK or not answer.send_status_set:
            return answer.error.code if answer.error else "no status"
        statuses = answer.send_status_set
        return Partly(
            phones=tuple(status.phone_number for status in statuses if status.code == "Ok"),
            refused=tuple(status.code for status in statuses if status.code != "Ok"),
        )
