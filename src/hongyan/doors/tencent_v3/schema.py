"""What the requests and answers of all actions have in common: their types, how they are read, how they are written.

Field by field they are as Tencent's API metadata has them (`words/`). A JSON null is an absent field. In queries and forms lists are
flattened ("PhoneNumberSet.0", "MultiSmsInfoSet.0.PhoneNumber") and integers are text.
"""

import enum
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from hongyan.doors.tencent.words import LONGEST_ID, decimal
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import Failure

MOST_INTEGER = 2**63 - 1
_LONGEST_NAME = 64

# Requests. What the annotations say is published (openapi.py) and asked elsewhere: msgspec would answer with a code that is not Tencent's.

Id = Annotated[str, Meta(description="A decimal id, as text.", extra_json_schema={"pattern": f"^[0-9]{{1,{LONGEST_ID}}}$"})]
SECONDS = {"format": "int64", "minimum": 0, "maximum": MOST_INTEGER}
Zero = Annotated[int, Meta(description="Always 0.", extra_json_schema={"const": 0})]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="pascal"):
    """A request's fields, whatever the action."""


R = TypeVar("R", bound=Request)


class Sort(enum.Enum):
    """What a field is, in the words of the refusal."""

    TEXT = "a string"
    INTEGER = "an integer"
    TEXTS = "a list of strings"
    INTEGERS = "a list of integers"
    OBJECTS = "a list of objects"


_SORTS: dict[Any, Sort] = {str: Sort.TEXT, int: Sort.INTEGER, list[str]: Sort.TEXTS, list[int]: Sort.INTEGERS}


class Field(msgspec.Struct, frozen=True):
    """A field of a request as the reader needs it."""

    type: Any
    sort: Sort
    required: bool
    fields: "dict[str, Field]"
    """Of each object in a list of them."""


def bare(annotated: Any) -> Any:
    """The type without what is only published about it, and without None."""
    inner = get_args(annotated)[0] if get_origin(annotated) is Annotated else annotated
    some = [part for part in get_args(inner) if part is not type(None)]
    return bare(some[0]) if type(None) in get_args(inner) else inner


def fields_of(request: type[msgspec.Struct]) -> dict[str, Field]:
    """The fields of a struct by the names they are sent under."""
    return {field.encode_name: _field(field) for field in msgspec.structs.fields(request)}


def _field(field: msgspec.structs.FieldInfo) -> Field:
    kind = bare(field.type)
    if kind in _SORTS:
        return Field(field.type, _SORTS[kind], field.required, {})
    return Field(field.type, Sort.OBJECTS, field.required, fields_of(get_args(kind)[0]))


class Schema(Generic[R]):
    """Reads the request of one action."""

    def __init__(self, request: type[R]) -> None:
        self._request = request
        self._decoder = msgspec.json.Decoder(request)
        self._fields = fields_of(request)

    def read(self, form: dict[str, str] | None, body: bytes) -> R | Failure:
        """The request in `form`, or in the JSON `body` when there is none; a failure names the field and the rule."""
        if form is not None:
            return self._convert(_unflattened(form, self._fields))
        try:
            try:
                return self._decoder.decode(body)
            except msgspec.ValidationError:
                return self._convert(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Failure(errors.BAD_JSON)

    def _convert(self, raw: object) -> R | Failure:
        """The long way, which finds out what exactly is wrong."""
        given = _without_nulls(raw, self._fields)
        fault = _fault(given, self._fields, "")
        return msgspec.convert(given, self._request) if fault is None else fault


def _without_nulls(raw: object, fields: dict[str, Field]) -> object:
    """Absent fields left out, also those of the objects in a list."""
    if not isinstance(raw, dict):
        return raw
    given = {name: value for name, value in raw.items() if value is not None}
    for name, field in fields.items():
        if field.sort is Sort.OBJECTS and isinstance(given.get(name), list):
            given[name] = [_without_nulls(each, field.fields) for each in given[name]]
    return given


def _fault(given: object, fields: dict[str, Field], where: str) -> Failure | None:
    if not isinstance(given, dict):
        name = where.removesuffix(".")
        return Failure(errors.INVALID_PARAMETER, f"{name} must be a JSON object") if name else Failure(errors.NOT_AN_OBJECT)
    for name in given.keys() - fields.keys():
        return Failure(errors.UNKNOWN_PARAMETER, f"{where}{str(name)[:_LONGEST_NAME]}")
    for name, field in fields.items():
        if field.required and name not in given:
            return Failure(errors.MISSING_PARAMETER, f"{where}{name}")
    for name, value in given.items():
        field = fields[name]
        if field.sort is Sort.OBJECTS and isinstance(value, list):
            for at, each in enumerate(value):
                if (fault := _fault(each, field.fields, f"{where}{name}.{at}.")) is not None:
                    return fault
        elif not _is(value, field.type):
            return Failure(errors.INVALID_PARAMETER, f"{where}{name} must be {field.sort.value}")
    return None


def _is(value: object, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


def _unflattened(form: dict[str, str], fields: dict[str, Field]) -> dict[str, object]:
    """Lists and objects put together again and integers read; what fits no field stays as it is."""
    given: dict[str, object] = {}
    items: dict[str, dict[int, object]] = {}
    objects: dict[str, dict[int, dict[str, str]]] = {}
    for name, value in form.items():
        head, dot, rest = name.partition(".")
        field = fields.get(head)
        index, deeper, inner = rest.partition(".")
        at = decimal(index) if dot else None
        if field is None or (at is None and (dot or field.sort is not Sort.INTEGER)):
            given[name] = value
        elif at is None:
            given[name] = _integer(value)
        elif field.sort is Sort.OBJECTS and deeper:
            objects.setdefault(head, {}).setdefault(at, {})[inner] = value
        elif field.sort in {Sort.TEXTS, Sort.INTEGERS} and not deeper:
            items.setdefault(head, {})[at] = value if field.sort is Sort.TEXTS else _integer(value)
        else:
            given[name] = value
    for head, parts in objects.items():
        items[head] = {at: _unflattened(part, fields[head].fields) for at, part in parts.items()}
    return given | {head: [listed[at] for at in sorted(listed)] for head, listed in items.items()}


def _integer(value: str) -> object:
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdigit() and len(value) <= LONGEST_ID else value


# Answers: every field is always there, since SDKs make null of a missing one.

Code = Annotated[str, Meta(description="What happened, in Tencent's codes.", extra_json_schema={"enum": errors.codes()})]
RequestId = Annotated[str, Meta(description="A UUID, which the platform's log has too.")]


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """A part of an answer."""


class Error(Answer, frozen=True):
    code: Code
    message: str


class ErrorAnswer(Answer, frozen=True):
    error: Error
    request_id: RequestId


class Envelope(msgspec.Struct, frozen=True):
    """What every answer is wrapped in."""

    Response: Answer


_ENCODER = msgspec.json.Encoder()


def encode(answer: Answer) -> bytes:
    """The body of an answer."""
    return _ENCODER.encode(Envelope(answer))
