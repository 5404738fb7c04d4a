"""What the native API takes, after the platform's own values: the same fields under the same names, each bounded."""

import enum
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import Field, create_model

from hongyan.doors.rest.fields import MOST_ID, Body
from hongyan.doors.rest.views import names_of

S = TypeVar("S", bound=msgspec.Struct)

LONGEST = 2_000
"""Characters of a text, unless a field says otherwise."""
MOST_ITEMS = 500


def body_of(kind: type[msgspec.Struct], name: str, *, leave_out: Sequence[str] = (), **more: Any) -> type[Body]:
    """A body with the struct's fields but those to leave out; `more` are fields of its own, or others in the place of the struct's."""
    fields: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        if field.name in leave_out or field.name in more:
            continue
        fields[field.name] = (_taken_type(hints[field.name]), ... if field.required else Field(default=_default(field)))
    made: type[Body] = create_model(name, __base__=Body, __doc__=(kind.__doc__ or name).strip(), **fields, **more)
    return made


def struct_from(kind: type[S], body: Body) -> S:
    """The struct with what the body gives of it; what it leaves out is as usual."""
    hints = typing.get_type_hints(kind)
    given = body.model_dump(exclude_unset=True)
    return kind(**{name: _back(hints[name], value) for name, value in given.items() if name in hints})


def _default(field: Any) -> Any:
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return None if default is msgspec.UNSET else _shown(default)


def _shown(value: Any) -> Any:
    if isinstance(value, enum.IntEnum):
        return names_of(type(value))(value.name.lower())
    if isinstance(value, msgspec.Struct):
        return {name: _shown(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (list, tuple, frozenset)):
        return [_shown(item) for item in value]
    return value


def _others(hint: Any) -> list[Any]:
    return [part for part in typing.get_args(hint) if part not in {type(None), msgspec.UnsetType}]


def _taken_type(hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and not origin:
        return _taken_class(hint)
    if origin in {tuple, list, frozenset} or origin is Sequence:
        return Annotated[list[_taken_type(arguments[0])], Field(max_length=MOST_ITEMS)]  # type: ignore[misc]
    if origin in {dict, Mapping}:
        return Annotated[dict[str, _taken_type(arguments[1])], Field(max_length=MOST_ITEMS)]  # type: ignore[misc]
    [other] = _others(hint)
    return _taken_type(other) | None if type(None) in arguments else _taken_type(other)


def _taken_class(hint: type) -> Any:
    if issubclass(hint, msgspec.Struct):
        return body_of(hint, hint.__name__)
    if issubclass(hint, enum.IntEnum):
        return names_of(hint)
    if issubclass(hint, enum.Enum) or hint is bool:
        return hint
    if hint is int:
        return Annotated[int, Field(ge=0, le=MOST_ID)]
    if hint is float:
        return Annotated[float, Field(ge=0, le=253_402_300_799)]
    return Annotated[str, Field(max_length=LONGEST)]


def _back(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and not origin:
        return _back_to_class(hint, value)
    if origin in {tuple, list, frozenset} or origin is Sequence:
        return tuple(_back(arguments[0], item) for item in value)
    if origin in {dict, Mapping}:
        return {name: _back(arguments[1], item) for name, item in value.items()}
    [other] = _others(hint)
    return None if value is None else _back(other, value)


def _back_to_class(hint: type, value: Any) -> Any:
    if issubclass(hint, enum.IntEnum):
        return hint[value.name]
    if issubclass(hint, msgspec.Struct):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _back(hints[name], item) for name, item in value.items()})
    return value
