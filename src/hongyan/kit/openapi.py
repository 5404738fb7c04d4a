"""OpenAPI 3.1 documents made from the structs that doors read and write, so that what is published is what the program does.

Source: the OpenAPI Specification 3.1.1, sections 4.8 (schema) and 4.8.8 (paths).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

VERSION = "3.1.1"
JSON = "application/json"
FORM = "multipart/form-data"
TEXT = "text/plain"
_REF = "#/components/schemas/{name}"


class Answer(msgspec.Struct, frozen=True):
    """One status an operation answers with."""

    description: str
    types: tuple[Any, ...]
    """Any one of these structs; `str` is plain text."""
    within: str | None = None
    """The one property they stand in, where a door wraps its answers."""
    content_type: str = JSON


class Operation(msgspec.Struct, frozen=True):
    """One thing that can be asked of a door."""

    name: str
    """The operationId."""
    path: str
    """A door that tells its actions apart by a header has one path for all; a fragment ("/#SendSms") then keeps the entries distinct."""
    summary: str
    answers: Mapping[int, Answer]
    method: str = "get"
    body: Any = None
    """The struct of a body; None when there is none."""
    content_type: str = JSON
    """Of the body."""
    headers: Mapping[str, Mapping[str, Any]] = {}
    """Schemas of required headers."""
    optional_headers: Mapping[str, Mapping[str, Any]] = {}
    query: Mapping[str, Mapping[str, Any]] = {}
    """Schemas of required parameters in the URL."""
    optional_query: Mapping[str, Mapping[str, Any]] = {}
    in_path: Mapping[str, Mapping[str, Any]] = {}
    """Schemas of what stands in the path in braces."""
    form: Mapping[str, Any] | None = None
    """The schema of a multipart body; None when there is none."""
    security: str | None = None
    """Its name among the document's security schemes."""


def document(
    operations: Sequence[Operation], *, title: str, version: str, description: str, security: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The whole document. Raises ValueError when two operations have one path and method."""
    types = list(dict.fromkeys(_types(operations)))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    found = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        methods = paths.setdefault(operation.path, {})
        if operation.method in methods:
            raise ValueError(f"{operation.method} {operation.path} is there twice")
        methods[operation.method] = _operation(operation, found)
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": description},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": dict(security)},
    }


def _types(operations: Sequence[Operation]) -> Iterator[Any]:
    for operation in operations:
        if operation.body is not None:
            yield operation.body
        for answer in operation.answers.values():
            yield from answer.types


def _operation(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    asked = [("path", name, schema, True) for name, schema in operation.in_path.items()]
    asked += [("query", name, schema, True) for name, schema in operation.query.items()]
    asked += [("query", name, schema, False) for name, schema in operation.optional_query.items()]
    asked += [("header", name, schema, True) for name, schema in operation.headers.items()]
    asked += [("header", name, schema, False) for name, schema in operation.optional_headers.items()]
    if asked:
        told["parameters"] = [{"name": n, "in": place, "required": needed, "schema": dict(schema)} for place, n, schema, needed in asked]
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": {operation.content_type: {"schema": schemas[operation.body]}}}
    if operation.form is not None:
        told["requestBody"] = {"required": True, "content": {FORM: {"schema": dict(operation.form)}}}
    told["responses"] = {
        str(status): {"description": answer.description, "content": {answer.content_type: {"schema": _answer(answer, schemas)}}}
        for status, answer in operation.answers.items()
    }
    if operation.security is not None:
        told["security"] = [{operation.security: []}]
    return told


def _answer(answer: Answer, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    one_of = [schemas[each] for each in answer.types]
    schema = one_of[0] if len(one_of) == 1 else {"anyOf": one_of}
    if answer.within is None:
        return dict(schema)
    return {"type": "object", "properties": {answer.within: schema}, "required": [answer.within]}
