"""SendSms requests as octets, made from prepared pieces: the load shares the machine with what it measures."""

import hashlib
import hmac
import json
import time
from binascii import hexlify
from collections.abc import Sequence

import msgspec

from hongyan.cli.load.numbers import Numbers
from hongyan.control.sandbox import SandboxTenant

SIGNED = "content-type;host"
JSON = "application/json"
BLOCK = 64
"""Octets that SHA-256 takes at a time."""


class Target(msgspec.Struct, frozen=True):
    """Where requests go and what they say besides the numbers."""

    host: str
    """HOST:PORT as the Host header has it."""
    secret_id: str
    secret_key: str
    sdk_app_id: str
    sign_name: str
    template_id: str
    params: tuple[str, ...]

    @classmethod
    def of(cls, tenant: SandboxTenant, template: str, address: str) -> "Target":
        """One of the sandbox's templates, at HOST:PORT. Raises KeyError when there is none of that name."""
        sample = tenant.templates[template]
        return cls(address, tenant.secret_id, tenant.secret_key, tenant.sdk_app_id, tenant.sign_name, sample.id, sample.params)


class Requests:
    """The n-th request asks for numbers n*count to (n+1)*count-1; signed with TC3-HMAC-SHA256 (Tencent document 382/38768).

    A first template value made of digits (a code, an order number) is different in each request, as it is in life.
    """

    def __init__(self, target: Target, numbers: Numbers, count: int) -> None:
        self._numbers = numbers
        self._count = count
        self._secret_key = target.secret_key
        self._secret_id = target.secret_id.encode()
        params = target.params
        self._digits = len(params[0]) if params and params[0].isascii() and params[0].isdigit() else 0
        rest = {"SmsSdkAppId": target.sdk_app_id, "TemplateId": target.template_id, "SignName": target.sign_name}
        self._middle = b'], %b, "TemplateParamSet": [' % json.dumps(rest)[1:-1].encode()
        self._tail = b"%b]}" % json.dumps(list(params[1 if self._digits else 0 :]))[1:-1].encode()
        self._canonical = hashlib.sha256(f"POST\n/\n\ncontent-type:{JSON}\nhost:{target.host}\n\n{SIGNED}\n".encode())
        self._start = (
            f"POST / HTTP/1.1\r\nHost: {target.host}\r\nContent-Type: {JSON}\r\nX-TC-Action: SendSms\r\n"
            "X-TC-Version: 2021-01-11\r\nX-TC-Region: ap-guangzhou\r\nX-TC-Timestamp: "
        ).encode()
        self._second = -1
        self._day = -1
        self._key = self._head = b""
        self._inner = self._outer = hashlib.sha256()
        """HMAC (RFC 2104) of this second's requests as far as it is the same for all."""

    def build(self, index: int, at: int) -> bytes:
        """The whole request `index`, signed at Unix second `at`."""
        if at != self._second:
            self._new_second(at)
        body = self._body(index)
        canonical = self._canonical.copy()
        canonical.update(hexlify(hashlib.sha256(body).digest()))
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(hexlify(canonical.digest()))
        outer.update(inner.digest())
        mac = hexlify(outer.digest())
        return b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, mac, len(body), body)

    def _body(self, index: int) -> bytes:
        national = self._numbers.national
        count = self._count
        phones = b'", "+86'.join([b"%d" % national(n) for n in range(index * count, index * count + count)])
        return b'{"PhoneNumberSet": ["+86%b"%b%b%b' % (phones, self._middle, self._value(index), self._tail)

    def _value(self, index: int) -> bytes:
        if not self._digits:
            return b""
        return b'"%0*d"%b' % (self._digits, index % 10**self._digits, b", " if len(self._tail) > len(b"]}") else b"")

    def _new_second(self, at: int) -> None:
        self._second = at
        date = time.strftime("%Y-%m-%d", time.gmtime(at)).encode()
        if at // 86_400 != self._day:
            self._day = at // 86_400
            self._key = signing_key(self._secret_key, (date, b"sms", b"tc3_request"))
        scope = b"%b/sms/tc3_request" % date
        block = self._key.ljust(BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._inner.update(b"TC3-HMAC-SHA256\n%d\n%b\n" % (at, scope))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))
        self._head = b"%b%d\r\nAuthorization: TC3-HMAC-SHA256 Credential=%b/%b, SignedHeaders=%b, Signature=" % (
            self._start,
            at,
            self._secret_id,
            scope,
            SIGNED.encode(),
        )


def signing_key(secret_key: str, parts: Sequence[bytes]) -> bytes:
    """The key of a day and service."""
    key = b"TC3" + secret_key.encode()
    for part in parts:
        key = hmac.digest(key, part, "sha256")
    return key
