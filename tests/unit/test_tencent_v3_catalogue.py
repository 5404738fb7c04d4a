"""Requests, answers and objects of both versions against the API's own metadata."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from hongyan.doors.tencent_v3.catalogue import ACTIONS, OFFLINE
from hongyan.doors.tencent_v3.schema import bare

API = json.loads((Path(__file__).parents[2] / "captures/tencent_v3/api.json").read_text(encoding="utf-8"))
EVERY = [(version, name) for version, actions in ACTIONS.items() for name in actions]
NAMES: dict[Any, str] = {str: "string", int: "int", list[str]: "list of string", list[int]: "list of int"}


def structs_in(kind: Any) -> Iterator[type[msgspec.Struct]]:
    plain = bare(kind)
    for part in (plain, *get_args(plain)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            yield part


def compare(version: str, struct: type[msgspec.Struct], told: dict[str, Any], *, answer: bool) -> None:
    """Names, types and what is required; objects are compared by their fields, whatever their names here."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    assert fields.keys() == told.keys()
    for name, field in fields.items():
        kind, required = (told[name], True) if isinstance(told[name], str) else (told[name]["type"], told[name]["required"])
        assert field.required == required, name
        inner = list(structs_in(field.type))
        if not inner:
            assert NAMES[bare(field.type)] == kind, name
            continue
        assert (get_origin(bare(field.type)) is list) == kind.startswith("list of "), name
        compare(version, inner[0], API[version]["objects"][kind.removeprefix("list of ")], answer=answer)
    assert answer or struct.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_requests_are_those_of_the_api(version: str, action: str) -> None:
    compare(version, ACTIONS[version][action].request, API[version]["actions"][action]["request"], answer=False)


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_answers_are_those_of_the_api_and_always_have_every_field(version: str, action: str) -> None:
    compare(version, ACTIONS[version][action].answer, API[version]["actions"][action]["answer"], answer=True)


def test_every_action_of_tencent_is_built_or_said_to_be_offline() -> None:
    known = {version: {*ACTIONS.get(version, ()), *OFFLINE.get(version, ())} for version in API}
    assert known == {version: set(told["actions"]) for version, told in API.items()}
    assert not any(ACTIONS.get(version, {}).keys() & offline for version, offline in OFFLINE.items())
