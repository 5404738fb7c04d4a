"""What the management API publishes about itself: one operation for each call, from the structs that read and write it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hongyan.doors.huawei import signing
from hongyan.doors.huawei.catalogue import BASE, OPERATIONS
from hongyan.doors.huawei.catalogue import Operation as Known
from hongyan.doors.huawei.manage_errors import Told
from hongyan.kit.openapi import Answer, Operation

SCHEME = "sdk-hmac"
SECURITY: Mapping[str, Mapping[str, Any]] = {
    SCHEME: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"{signing.ALGORITHM} by SecretId and SecretKey over method, path, query, the headers it names and the body, with "
        f"the UTC time in X-Sdk-Date, at most {signing.SKEW_S:g} s from the server's clock.",
    }
}
IDS = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The id."}
PROJECT = {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$", "description": "Any: a program keeps its own."}
FORM = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
REFUSALS = {
    400: "It is not what it should be, or cannot be done now.",
    401: "Nobody is known by this signature.",
    403: "The key may not.",
    404: "There is none of yours.",
    413: "It is too large.",
    429: "Too often.",
    500: "An error of the platform.",
    503: "Something that is needed is away.",
}


def operations() -> list[Operation]:
    """All of them."""
    return [_operation(known) for known in OPERATIONS]


def _operation(known: Known) -> Operation:
    in_path = {"project_id": PROJECT} | ({"id": IDS} if "{id}" in known.path else {})
    refusals = {status: Answer(text, (Told,)) for status, text in REFUSALS.items()}
    return Operation(
        name="huawei_" + known.name,
        path=BASE + known.path,
        method=known.method.lower(),
        summary=known.summary,
        in_path=in_path,
        optional_query=_query(known.query),
        body=known.body,
        form=FORM if known.file else None,
        answers={known.status: Answer("What was asked for.", (known.answer,))} | refusals,
        security=SCHEME,
    )


def _query(asked: Any) -> Mapping[str, Mapping[str, Any]]:
    """The fields of the struct, each a parameter; null cannot be written in a URL."""
    if asked is None:
        return {}
    _schemas, components = msgspec.json.schema_components([asked])
    return {name: _plain(schema) for name, schema in components[asked.__name__]["properties"].items()}


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    kinds = [each for each in schema["anyOf"] if each != {"type": "null"}]
    described = {"description": schema["description"]} if "description" in schema else {}
    return {**kinds[0], **described}
