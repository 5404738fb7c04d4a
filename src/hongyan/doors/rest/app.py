"""The native API: everything the platform can do, under /api/v1, described by its own OpenAPI document."""

from collections.abc import Sequence
from importlib import metadata
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hongyan.control.errors import ControlError
from hongyan.doors.rest import problems
from hongyan.doors.rest.auth import Authenticate
from hongyan.doors.rest.problems import Problem, Refused
from hongyan.kit.blobs import BlobError

PREFIX = "/api/v1"
DESCRIPTION = """\
What people do in the console and programs do by themselves.

**Who asks**: a program sends its SecretId and SecretKey (HTTP Basic, or `Authorization: Bearer SecretId:SecretKey`); over anything but
loopback only by TLS.
**Refusals** are `application/problem+json`: `code` for programs, `detail` for people, in Chinese or English by `Accept-Language`.
**Lists** come in pages: give `next` of one page as `cursor` of the following.
**Times** are Unix seconds; numbers are written +<country code><number>.
"""


def build(routers: Sequence[APIRouter], authenticate: Authenticate) -> FastAPI:
    """The application; `routers` are mounted under /api/v1."""
    app = FastAPI(
        title="Hongyan",
        version=metadata.version("hongyan"),
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            ControlError: problems.from_control,
            Refused: problems.from_refusal,
            RequestValidationError: problems.from_validation,
            HTTPException: problems.from_http,
            BlobError: problems.from_store,
            Exception: problems.from_bug,
        },
        responses={status: {"model": Problem, "description": en} for status, (_zh, en) in problems.TITLES.items() if status in COMMON},
    )
    app.state.authenticate = authenticate
    for router in routers:
        app.include_router(router, prefix=PREFIX)
    app.openapi_schema = document(app)
    return app


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with problems under their own content type."""
    made = app.openapi()
    for methods in made["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if content.get("application/json", {}).get("schema", {}).get("$ref", "").endswith("/Problem"):
                    answer["content"] = {problems.MEDIA_TYPE: content["application/json"]}
            operation["security"] = [{"basic": []}, {"bearer": []}]
    made["components"]["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic", "description": "SecretId and SecretKey."},
        "bearer": {"type": "http", "scheme": "bearer", "description": "SecretId:SecretKey."},
    }
    return made


COMMON = frozenset({401, 403, 422, 503})
"""What any operation may answer."""
