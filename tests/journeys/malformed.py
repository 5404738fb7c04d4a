"""Requests that are wrong in every way we know of, from a seed: bodies behind a real signature, and bytes that are hardly HTTP.

None of them may be taken for a request: the numbers in them are real ones, so that a door that is talked into believing one sends a
message, which shows in the tables. Sources: RFC 9112 (framing, sections 6 and 7; lenience, 2.2), RFC 9110 (10.1.1 Expect, 7.8 Upgrade), the
known ways of smuggling a request past a proxy, RFC 8259 (what JSON is).
"""

import gzip
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hongyan.cli import tc3
from journeys.customers import VERSION, Customer
from journeys.platform import phone

DEEP = 10_000
MANY_KEYS = 1_000_000
WRONG = (1, -1, 1.5, True, False, 10**30)
KILOBYTE = 1024


class Case(msgspec.Struct, frozen=True):
    """What is written to a connection, and what to expect."""

    name: str
    data: bytes
    stalls: bool = False
    """The door may wait for more of it; the client goes away."""


class Malformed:
    """Cases for one customer; the same seed makes the same cases, but for their times and signatures."""

    def __init__(self, customer: Customer, rng: random.Random) -> None:
        self._customer = customer
        self._rng = rng
        self._kinds: list[tuple[str, Callable[[], tuple[bytes, bool]]]] = [
            *((name, lambda body=body: (self._signed(body(self)), False)) for name, body in BODIES.items()),
            *((name, lambda headers=headers: (self._odd_headers(headers), False)) for name, headers in CONTENT.items()),
            *((name, lambda framed=framed: framed(self)) for name, framed in FRAMES.items()),
        ]

    def names(self) -> list[str]:
        return [name for name, _ in self._kinds]

    def one(self, at: int) -> Case:
        """The kinds take turns, so that a short run has them all."""
        name, make = self._kinds[at % len(self._kinds)]
        data, stalls = make()
        return Case(name, data, stalls)

    # What they are made of.

    def request(self, **changes: Any) -> dict[str, Any]:
        return self._customer.request(phone()) | changes

    def text(self, **changes: Any) -> bytes:
        return json.dumps(self.request(**changes)).encode()

    def pick(self, *values: Any) -> Any:
        return self._rng.choice(values)

    def below(self, most: int) -> int:
        return self._rng.randrange(most)

    def noise(self, length: int) -> bytes:
        return self._rng.randbytes(length)

    @property
    def host(self) -> str:
        return self._customer.platform.address

    def headers(self, body: bytes) -> dict[str, str]:
        """Those of a valid request with this body."""
        tenant = self._customer.tenant
        made = tc3.headers(
            secret_id=tenant.secret_id,
            secret_key=tenant.secret_key,
            host=self.host,
            action="SendSms",
            version=VERSION,
            body=body,
            at=int(time.time()),
        )
        return made | {"Content-Length": str(len(body)), "Connection": "close"}

    def _signed(self, body: bytes) -> bytes:
        return written(self.headers(body), body)

    def _odd_headers(self, changes: Mapping[str, str | None]) -> bytes:
        """A valid signed request but for these headers."""
        body = self.text()
        headers = {name: value for name, value in (self.headers(body) | dict(changes)).items() if value is not None}
        return written(headers, body)

    def smuggled(self) -> bytes:
        """A whole valid request, to hide where only a confused reader finds it."""
        return self._signed(self.text())

    def head(self, *lines: str, start: str = "POST / HTTP/1.1", host: bool = True) -> bytes:
        named = [f"Host: {self.host}"] if host else []
        return "\r\n".join([start, *named, *lines, "", ""]).encode("latin-1")


def written(headers: Mapping[str, str], body: bytes, start: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([start, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1") + body


def _cut(made: Malformed) -> bytes:
    text = made.text()
    return text[: made.below(len(text))]


def _flipped(made: Malformed) -> bytes:
    """A byte that makes no JSON of it."""
    text = bytearray(made.text())
    text[made.below(len(text))] = made.pick(0x00, 0x01, 0x1F, 0xFF, 0xC0, 0xED)
    return bytes(text)


def _with_number(written_number: bytes) -> Callable[[Malformed], bytes]:
    return lambda made: made.text(SmsSdkAppId="@").replace(b'"@"', written_number)


def _wrong_type(made: Malformed) -> bytes:
    field = made.pick("PhoneNumberSet", "SmsSdkAppId", "TemplateId", "TemplateParamSet", "SignName", "SessionContext", "ExtendCode")
    wrong = made.pick(*WRONG, {}, {"a": []}, [[]], [None], [1], [{}])
    return made.text(**{field: wrong})


def _surrogate(made: Malformed) -> bytes:
    field = made.pick("SessionContext", "SignName", "ExtendCode", "SmsSdkAppId")
    return made.text(**{field: made.pick("\ud800", "a\udfffb", "\udc00\ud800", "\ud83d\ud83d")})


def _nul(made: Malformed) -> bytes:
    return made.text(**{made.pick("SessionContext", "SignName", "ExtendCode"): "a\x00b"})


def _twice(made: Malformed) -> bytes:
    """The last of two equal names counts: each is a wrong one."""
    field = made.pick("PhoneNumberSet", "SmsSdkAppId", "TemplateId")
    return made.text()[:-1] + b', "%b": %b}' % (field.encode(), made.pick(b"{}", b"[]", b'"\\u0000"', b"1e3"))


BODIES: dict[str, Callable[[Malformed], bytes]] = {
    "truncated JSON": _cut,
    "a byte that is none of JSON": _flipped,
    "deep lists": lambda made: b"[" * DEEP + made.pick(b"", b"]" * DEEP),
    "deep objects": lambda made: b'{"a":' * DEEP + made.pick(b"", b"1" + b"}" * DEEP),
    "deep inside a field": lambda _made: b'{"PhoneNumberSet": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep in an unknown field": lambda made: made.text()[:-1] + b', "x": ' + b'{"a":[' * DEEP + b"1" + b"]}" * DEEP + b"}",
    "many unknown fields": lambda made: made.text()[:-1] + b"".join([b',"%x":0' % n for n in range(10_000)]) + b"}",
    "NaN": _with_number(b"NaN"),
    "Infinity": _with_number(b"-Infinity"),
    "a huge integer": _with_number(b"9" * 10_000),
    "a huge exponent": _with_number(b"1e999999"),
    "a tiny number": _with_number(b"0." + b"0" * 10_000 + b"1"),
    "a wrong type": _wrong_type,
    "half a surrogate pair": _surrogate,
    "NUL": _nul,
    "a field twice": _twice,
    "invalid UTF-8": lambda made: made.text(SessionContext="@").replace(
        b"@", made.pick(b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80")
    ),
    "UTF-16": lambda made: made.text().decode().encode(made.pick("utf-16", "utf-16-le", "utf-16-be", "utf-32")),
    "a byte order mark": lambda made: b"\xef\xbb\xbf" + made.text(),
    "two documents": lambda made: made.text() + made.text(),
    "a comment": lambda made: made.text() + b"// done",
    "single quotes": lambda made: made.text().replace(b'"', b"'"),
    "a trailing comma": lambda made: made.text()[:-1] + b",}",
    "no object": lambda made: made.pick(b"", b" ", b"null", b"true", b"0", b'""', b"[]", b'"\\u0000"'),
    "a form": lambda _made: b"PhoneNumberSet.0=%2B8613900000000&SmsSdkAppId=1&TemplateId=1",
    "gzip": lambda made: gzip.compress(made.text()),
    "noise": lambda made: made.noise(1 + made.below(4096)),
    "a megabyte of noise": lambda made: made.noise(64) * (16 * KILOBYTE),
}
"""Signed like a customer's: behind the signature, each is a body that must be refused."""

CONTENT: dict[str, dict[str, str | None]] = {
    "JSON said to be a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "JSON said to be multipart": {"Content-Type": "multipart/form-data; boundary=x"},
    "JSON said to be text": {"Content-Type": "text/plain"},
    "no content type": {"Content-Type": None},
    "another host": {"Host": "sms.tencentcloudapi.com"},
    "no timestamp": {"X-TC-Timestamp": None},
    "a timestamp of words": {"X-TC-Timestamp": "now"},
    "a timestamp in the past": {"X-TC-Timestamp": "1"},
    "a timestamp of many digits": {"X-TC-Timestamp": "9" * 5000},
    "no authorization": {"Authorization": None},
    "an authorization of nothing": {"Authorization": "TC3-HMAC-SHA256"},
    "an authorization of commas": {"Authorization": "TC3-HMAC-SHA256 " + ",=" * 4000},
    "many signed headers": {
        "Authorization": "TC3-HMAC-SHA256 Credential=a/2026-01-01/sms/tc3_request, "
        f"SignedHeaders={'content-type;host;' * 2000}, Signature=a"
    },
    "an authorization of octets": {"Authorization": "\xff\xfe\x80"},
    "another scheme": {"Authorization": "Basic YTpi"},
    "a token": {"X-TC-Token": "t"},
    "an action of octets": {"X-TC-Action": "\xff\xfe"},
    "a long action": {"X-TC-Action": "S" * 20_000},
    "no version": {"X-TC-Version": None},
}

Framed = tuple[bytes, bool]
COMPLETE, STALLS = False, True


def _smuggle(*lines: str, inner: Callable[[bytes], bytes] = lambda hidden: b"0\r\n\r\n" + hidden) -> Callable[[Malformed], Framed]:
    """A request whose end two readers could see in two places, with a valid one hidden behind it; {n} is the body's length."""

    def make(made: Malformed) -> Framed:
        body = inner(made.smuggled())
        told = [line.replace("{n}", str(len(body))).replace("{short}", "5") for line in lines]
        return made.head("Content-Type: application/json", *told) + body, STALLS

    return make


def _plain(*lines: str, body: bytes = b"", start: str = "POST / HTTP/1.1", host: bool = True) -> Callable[[Malformed], Framed]:
    return lambda made: (made.head(*lines, start=start, host=host) + body, STALLS)


def _raw(data: bytes) -> Callable[[Malformed], Framed]:
    return lambda _made: (data, STALLS)


CHUNKED = "Transfer-Encoding: chunked"
FRAMES: dict[str, Callable[[Malformed], Framed]] = {
    "length and chunks": _smuggle("Content-Length: {n}", CHUNKED),
    "chunks and length": _smuggle(CHUNKED, "Content-Length: {short}"),
    "two lengths": _smuggle("Content-Length: 5", "Content-Length: {n}", inner=lambda hidden: b"hello" + hidden),
    "two lengths in one": _smuggle("Content-Length: 5, {n}", inner=lambda hidden: b"hello" + hidden),
    "a negative length": _smuggle("Content-Length: -1", inner=lambda hidden: hidden),
    "a length with a sign": _smuggle("Content-Length: +5", inner=lambda hidden: b"hello" + hidden),
    "a length in hex": _smuggle("Content-Length: 0x5", inner=lambda hidden: b"hello" + hidden),
    "a length beyond 64 bits": _smuggle("Content-Length: 18446744073709551621", inner=lambda hidden: b"hello" + hidden),
    "an enormous length": _plain("Content-Length: 9223372036854775807", body=b"x"),
    "a length with a blank inside": _smuggle("Content-Length: 5 5", inner=lambda hidden: b"hello" + hidden),
    "another coding": _smuggle("Transfer-Encoding: identity, chunked, gzip"),
    "a coding that looks like chunked": _smuggle("Transfer-Encoding: xchunked", "Content-Length: 5"),
    "a coding with a tab": _smuggle("Transfer-Encoding: \tchunked\x0b", "Content-Length: 5"),
    "a blank before the colon": _smuggle("Transfer-Encoding : chunked", "Content-Length: 5"),
    "two codings": _smuggle(CHUNKED, "Transfer-Encoding: identity", "Content-Length: 5"),
    "chunks in HTTP/1.0": lambda made: (
        made.head(CHUNKED, "Content-Length: 5", start="POST / HTTP/1.0") + b"0\r\n\r\n" + made.smuggled(),
        STALLS,
    ),
    "a chunk size of words": _plain(CHUNKED, body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": _plain(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "a negative chunk size": _plain(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk that is longer": _smuggle(CHUNKED, inner=lambda hidden: b"5\r\nhello!!\r\n0\r\n\r\n" + hidden),
    "a huge chunk extension": _plain(CHUNKED, body=b"5;" + b"x" * 200_000 + b"\r\nhello\r\n0\r\n\r\n"),
    "many chunk extensions": _plain(CHUNKED, body=b"1;a=b;c=d\r\nx\r\n" * 5000 + b"0\r\n\r\n"),
    "a bare line feed after a chunk": _smuggle(CHUNKED, inner=lambda hidden: b"5\nhello\n0\n\n" + hidden),
    "trailers": _plain(CHUNKED, body=b"0\r\nAuthorization: x\r\nContent-Length: 5\r\n\r\n"),
    "endless trailers": _plain(CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 50_000),
    "chunks that never end": _plain(CHUNKED, body=b"1\r\nx\r\n" * 1000),
    "a header of a megabyte": lambda made: (made.head("X-Long: " + "x" * KILOBYTE * KILOBYTE), STALLS),
    "a name of a megabyte": lambda made: (made.head("x" * KILOBYTE * KILOBYTE + ": y"), STALLS),
    "fifty thousand headers": lambda made: (made.head(*(f"X-{n}: y" for n in range(50_000))), STALLS),
    "one header very often": lambda made: (made.head(*["Authorization: TC3-HMAC-SHA256 x"] * 5000), STALLS),
    "a folded header": _smuggle("X-A: b\r\n Content-Length: 5", inner=lambda hidden: b"hello" + hidden),
    "bare line feeds": lambda made: (made.head("X-A: b").replace(b"\r\n", b"\n"), STALLS),
    "bare carriage returns": lambda made: (made.head("X-A: b\rContent-Length: 5").replace(b"\n", b""), STALLS),
    "NUL in a header": _plain("X-A: \x00"),
    "control characters in a header": _plain("X-A: \x01\x02\x7f"),
    "octets above 127": lambda made: (made.head("X-A: \xff\xfe\x80", "\xe9: x"), STALLS),
    "an empty name": _plain(": x"),
    "no colon": _plain("nonsense"),
    "no host": _plain(host=False),
    "two hosts": _plain("Host: elsewhere"),
    "an absolute target": _plain(start="POST http://elsewhere/ HTTP/1.1"),
    "an absolute target of nonsense": _plain(start="POST http://[::1/ HTTP/1.1"),
    "an asterisk": _plain(start="OPTIONS * HTTP/1.1"),
    "CONNECT": _plain(start="CONNECT elsewhere:443 HTTP/1.1"),
    "a long target": _plain(start=f"GET /{'a' * 100_000} HTTP/1.1"),
    "a long query": _plain(start=f"GET /?{'a=b&' * 20_000} HTTP/1.1"),
    "a query of percent signs": _plain("X-TC-Action: SendSms", start="GET /?%=%ff&%zz=%00%c0%af HTTP/1.1"),
    "a path of percent signs": _plain(start="GET /%zz/%00/%ff%fe HTTP/1.1"),
    "a path of dots": _plain(start="GET /../../etc/passwd HTTP/1.1"),
    "octets in the target": _plain(start="GET /\xff\xfe HTTP/1.1"),
    "no target": _plain(start="POST  HTTP/1.1"),
    "a fragment": _plain(start="POST /#SendSms HTTP/1.1"),
    "HTTP/0.9": _raw(b"GET /\r\n"),
    "HTTP/1.0": _plain(start="GET /healthz HTTP/1.0"),
    "HTTP/3.0": _plain(start="GET / HTTP/3.0"),
    "no version": _plain(start="GET /"),
    "words after the version": _plain(start="GET / HTTP/1.1 please"),
    "another protocol's name": _plain(start="GET / ICY/1.1"),
    "the preface of HTTP/2": _raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    "a client hello of TLS": _raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2),
    "an SMPP bind": _raw(b"\x00\x00\x00\x1f\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x01hongyan\x00x\x00\x00\x34\x00\x00\x00"),
    "an SSH banner": _raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "noise on the line": lambda made: (made.noise(1 + made.below(4096)), STALLS),
    "only line ends": _raw(b"\r\n" * 1000),
    "a method of noise": lambda made: (b"%b / HTTP/1.1\r\n\r\n" % made.pick(b"get", b"P\x00ST", b"X" * 5000, b"TRACE", b"PURGE"), STALLS),
    "an expectation": _plain("Expect: 100-continue", "Content-Length: 5"),
    "an unknown expectation": _plain("Expect: miracles", "Content-Length: 5", body=b"hello"),
    "an upgrade to a web socket": _plain("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", start="GET / HTTP/1.1"),
    "an upgrade to HTTP/2": _plain("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    "a body with GET": _plain("Content-Length: 5", start="GET / HTTP/1.1", body=b"hello"),
    "half a head": lambda made: (made.head("X-A: b")[: -1 - made.below(40)], STALLS),
    "half a body": lambda made: (made.smuggled()[: -1 - made.below(80)], STALLS),
    "pipelined rubbish": lambda made: (made.head("Content-Length: 0") * 50 + made.noise(200), STALLS),
}
"""Bytes that are no request, or one too many."""
