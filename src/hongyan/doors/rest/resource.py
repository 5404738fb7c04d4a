"""How nouns become paths: one line an operation, in the table at the top of each noun's module."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel

from hongyan.doors.rest.paging import Page
from hongyan.doors.rest.problems import Problem

ALSO: dict[int, str] = {
    404: "There is none (of yours).",
    409: "It does not fit what there is.",
    413: "It is too large.",
    429: "Too often.",
}
"""What some operations answer besides what all do."""


class Operation(msgspec.Struct, frozen=True):
    """One thing that can be asked."""

    method: str
    path: str
    name: str
    """The operationId; what the client's method is called after."""
    act: Callable[..., Any]
    summary: str
    answers: Any = None
    """The model of its answer; None when there is none (204)."""
    status: int = 200
    also: Sequence[int] = ()
    text: str = ""
    """The content type of an answer that is no JSON."""


def router(tag: str, prefix: str, operations: Sequence[Operation]) -> APIRouter:
    """Everything under one prefix."""
    made = APIRouter(prefix=prefix, tags=[tag])
    for operation in operations:
        made.add_api_route(
            operation.path,
            operation.act,
            methods=[operation.method],
            summary=operation.summary,
            operation_id=operation.name,
            response_model=None if operation.text else operation.answers,
            status_code=operation.status if operation.answers is not None else 204,
            responses=_responses(operation),
        )
    return made


def _responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    answers: dict[int | str, dict[str, Any]] = {status: {"model": Problem, "description": ALSO[status]} for status in operation.also}
    if operation.text:
        answers[200] = {"description": operation.summary, "content": {operation.text: {"schema": {"type": "string"}}}}
    return answers


def page_of(model: type[BaseModel]) -> Any:
    """The model of a page of these."""
    return Page.__class_getitem__(model)
