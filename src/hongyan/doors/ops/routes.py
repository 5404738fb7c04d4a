"""What operators and their machines ask: does it live, is it ready, how does it do, what does it understand."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hongyan.kit import metrics
from hongyan.kit.openapi import JSON, TEXT, Answer, Operation

Ready = Callable[[], Awaitable[Mapping[str, str]]]
"""What is not ready, by name, with the reason; empty when all is. Gives up by itself within a few seconds."""


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether messages can be taken and sent."""

    ready: bool
    problems: dict[str, str] = {}
    """What is not ready, by name, with the reason."""


def routes(ready: Ready, document: bytes) -> list[Route]:
    """/healthz and /livez (this process answers), /readyz (messages can be taken and sent), /metrics (Prometheus), /openapi.json."""

    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        problems = await ready()
        told = Readiness(ready=not problems, problems=dict(problems))
        return Response(msgspec.json.encode(told), 503 if problems else 200, media_type=JSON)

    async def numbers(_request: Request) -> Response:
        await metrics.METRICS.flush()
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    async def openapi(_request: Request) -> Response:
        return Response(document, media_type=JSON)

    return [
        Route("/healthz", live),
        Route("/livez", live),
        Route("/readyz", readyz),
        Route("/metrics", numbers),
        Route("/openapi.json", openapi),
    ]


def operations() -> list[Operation]:
    """What `routes` answers, for the published document."""
    ok = Answer("The process answers.", (str,), content_type=TEXT)
    return [
        Operation(name="healthz", path="/healthz", summary="Does this process answer", answers={200: ok}),
        Operation(name="livez", path="/livez", summary="Does this process answer", answers={200: ok}),
        Operation(
            name="readyz",
            path="/readyz",
            summary="Can messages be taken and sent",
            answers={200: Answer("They can.", (Readiness,)), 503: Answer("They cannot, and why.", (Readiness,))},
        ),
        Operation(
            name="metrics",
            path="/metrics",
            summary="Metrics in Prometheus' text format",
            answers={200: Answer("All metrics of this instance.", (str,), content_type=TEXT)},
        ),
        Operation(name="openapi", path="/openapi.json", summary="This document", answers={200: Answer("OpenAPI 3.1.", (dict[str, Any],))}),
    ]
