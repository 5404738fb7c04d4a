"""What a send says, whichever of the two calls it is: read, bounded, in nobody's form."""

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qsl

import msgspec

from hongyan.doors.huawei import errors, schema
from hongyan.doors.huawei.errors import Failure
from hongyan.doors.huawei.schema import BatchDiffSms, BatchSms, Para, SmsContent

CheckUrl = Callable[[str], str | None]
"""Why an address must not be called, or None."""

_NUMBER = re.compile(rf"\+?[0-9]{{1,{schema.LONGEST_NUMBER}}}")
_FIELDS_MOST = 50
_PARAS = msgspec.json.Decoder(list[Para])
_DIFF = msgspec.json.Decoder(BatchDiffSms)


class Content(msgspec.Struct, frozen=True):
    """One text, and whom it goes to."""

    to: tuple[str, ...]
    """With the plus where it was given, also by a program that did not encode it."""
    template_id: str
    paras: tuple[str, ...]
    signature: str


class Sending(msgspec.Struct, frozen=True):
    """A request."""

    from_: str
    contents: tuple[Content, ...]
    callback_url: str
    extend: str


def read(path: str, content_type: str, body: bytes) -> Sending | Failure:
    """The request in a body; a failure names the field and the rule."""
    wanted = schema.FORM if path == schema.SEND else schema.JSON
    if content_type.partition(";")[0].strip().lower() != wanted:
        return Failure(errors.CONTENT_TYPE, f"It must be {wanted}.")
    asked = _form(body) if path == schema.SEND else _json(body)
    if isinstance(asked, Failure):
        return asked
    sending = _one(asked) if isinstance(asked, BatchSms) else _many(asked)
    if isinstance(sending, Failure):
        return sending
    fault = next(_faults(sending), "")
    return Failure(errors.FORMAT, fault) if fault else sending


def _form(body: bytes) -> BatchSms | Failure:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MOST)
    except ValueError:
        return Failure(errors.SYSTEM, "The body must be a form in UTF-8.")
    given: dict[str, str] = {}
    for name, value in pairs:
        given.setdefault(name, value)
    return msgspec.convert(given, BatchSms)


def _json(body: bytes) -> BatchDiffSms | Failure:
    try:
        return _DIFF.decode(body)
    except msgspec.ValidationError as fault:
        return Failure(errors.FORMAT, f"{fault}.")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(errors.SYSTEM, "The body must be JSON in UTF-8.")


def _one(asked: BatchSms) -> Sending | Failure:
    paras: tuple[str, ...] = ()
    if written := (asked.template_paras or "").strip():
        try:
            paras = _texts(_PARAS.decode(written))
        except (msgspec.MsgspecError, RecursionError):
            return Failure(errors.SYSTEM, 'templateParas must be a JSON array of texts, like ["369751"].')
    to = tuple([_number(raw) for raw in (asked.to or "").split(",")]) if asked.to else ()
    content = Content(to, asked.template_id or "", paras, asked.signature or "")
    return Sending(asked.from_ or "", (content,), asked.status_callback or "", asked.extend or "")


def _many(asked: BatchDiffSms) -> Sending | Failure:
    if len(msgspec.json.encode(asked.sms_content)) > schema.LONGEST_CONTENT:
        return Failure(errors.FORMAT, f"smsContent has at most {schema.LONGEST_CONTENT} octets.")
    contents = tuple([_content(each) for each in asked.sms_content or ()])
    return Sending(asked.from_ or "", contents, asked.status_callback or "", asked.extend or "")


def _content(each: SmsContent) -> Content:
    to = tuple([_number(raw) for raw in each.to or ()])
    return Content(to, each.template_id or "", _texts(each.template_paras or []), each.signature or "")


def _texts(paras: list[Para]) -> tuple[str, ...]:
    return tuple(["" if para is None else str(para) for para in paras])


def _number(raw: str) -> str:
    """A plus that was not encoded has come as a blank."""
    plain = raw.strip()
    return f"+{plain}" if raw.startswith(" ") and not plain.startswith("+") else plain


def _faults(sending: Sending) -> Iterator[str]:
    if not 1 <= len(sending.from_) <= schema.LONGEST_NUMBER:
        yield f"from: 1 to {schema.LONGEST_NUMBER} characters."
    if len(sending.extend) > schema.LONGEST_EXTEND:
        yield f"extend: at most {schema.LONGEST_EXTEND} characters."
    if not sending.contents:
        yield "smsContent: at least one."
    numbers = 0
    for content in sending.contents:
        if not content.to:
            yield "to: at least one number."
        if not all(map(_fits, content.to)):
            yield f"to: numbers of digits with a plus in front, at most {schema.LONGEST_NUMBER} characters each."
        if not 1 <= len(content.template_id) <= schema.LONGEST_TEMPLATE:
            yield f"templateId: 1 to {schema.LONGEST_TEMPLATE} characters."
        if not all(content.paras):
            yield "templateParas: no value may be empty."
        numbers += len(content.to)
    if numbers > schema.MOST_NUMBERS:
        yield f"to: at most {schema.MOST_NUMBERS} numbers, {numbers} were given."


def _fits(number: str) -> bool:
    return len(number) <= schema.LONGEST_NUMBER and _NUMBER.fullmatch(number) is not None


def header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    """As text, empty when it is absent."""
    return headers.get(name, b"").decode("latin-1")
