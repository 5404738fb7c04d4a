"""What operators and their machines ask: does it live, is it ready, how does it do."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hongyan.kit import metrics

Ready = Callable[[], Awaitable[Mapping[str, str]]]
"""What is not ready, by name, with the reason; empty when all is. Gives up by itself within a few seconds."""


def routes(ready: Ready) -> list[Route]:
    """/healthz and /livez (this process answers), /readyz (messages can be taken and sent), /metrics (Prometheus)."""

    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        problems = await ready()
        if problems:
            return JSONResponse({"ready": False, "problems": dict(problems)}, status_code=503)
        return JSONResponse({"ready": True})

    async def numbers(_request: Request) -> Response:
        await metrics.METRICS.flush()
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return [
        Route("/healthz", live),
        Route("/livez", live),
        Route("/readyz", readyz),
        Route("/metrics", numbers),
    ]
