"""What the native API shows of the platform's own values: their fields, under their names, as the document describes them."""

import enum
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel, create_model

SAFE = 2**53
"""Larger numbers are texts in JSON: JavaScript would round them (RFC 8259 section 6)."""


def view(kind: type[msgspec.Struct], name: str, *, leave_out: Sequence[str] = (), texts: Sequence[str] = ()) -> type[BaseModel]:
    """A model with the struct's fields but those to leave out; `texts` are numbers too large for JSON's readers.

    An enumeration of numbers becomes one of names in small letters.
    """
    hints = typing.get_type_hints(kind)
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name in leave_out:
            continue
        fields[field.name] = (str if field.name in texts else _shown_type(hints[field.name]), ...)
    made: type[BaseModel] = create_model(name, __doc__=(kind.__doc__ or name).strip(), **fields)
    return made


def view_of(act: Callable[..., Any], name: str, *, leave_out: Sequence[str] = (), texts: Sequence[str] = ()) -> type[BaseModel]:
    """A model of what a service's method returns: one struct, a list of them, or none."""
    returned = typing.get_type_hints(act)["return"]
    [kind] = [part for part in (*typing.get_args(returned), returned) if isinstance(part, type) and issubclass(part, msgspec.Struct)]
    return view(kind, name, leave_out=leave_out, texts=texts)


def shown(value: msgspec.Struct, model: type[BaseModel]) -> Any:
    """The value as its model has it."""
    return model.model_validate({name: _plain(getattr(value, name)) for name in model.model_fields})


def _plain(value: object) -> object:
    if isinstance(value, enum.IntEnum):
        return value.name.lower()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= SAFE:
        return str(value)
    if isinstance(value, msgspec.Struct):
        return {field: _plain(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value


_NAMES: dict[type, type[enum.StrEnum]] = {}


def _shown_type(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
        return names_of(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return view(hint, hint.__name__)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {tuple, list, set, frozenset}:
        return list[_shown_type(arguments[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[str, _shown_type(arguments[1])]  # type: ignore[misc]
    if arguments and type(None) in arguments:
        [other] = [argument for argument in arguments if argument is not type(None)]
        return _shown_type(other) | None
    return hint


def names_of(numbers: type[enum.IntEnum]) -> type[enum.StrEnum]:
    """The enumeration of its names in small letters; the same one each time."""
    if numbers not in _NAMES:
        make: Any = enum.StrEnum
        made: Any = make(numbers.__name__, {member.name: member.name.lower() for member in numbers})
        _NAMES[numbers] = made
    return _NAMES[numbers]
