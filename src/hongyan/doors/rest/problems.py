"""What the native API says when it says no: application/problem+json (RFC 9457) with a stable code and a text in the caller's language.

`code` is for programs and never changes; `detail` is for people: what happened, which rule, what to do. `errors` names each wrong field.
"""

from collections.abc import Mapping

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hongyan.control.errors import ControlError, Fault
from hongyan.control.rules import LintError
from hongyan.kit.blobs import BlobError

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:hongyan:problem:"

STATUSES: Mapping[Fault, int] = {
    Fault.NOT_FOUND: 404,
    Fault.TAKEN: 409,
    Fault.INVALID: 422,
    Fault.TOO_MANY: 409,
    Fault.NOT_ALLOWED: 403,
    Fault.IN_USE: 409,
    Fault.WRONG_STATE: 409,
    Fault.NOT_SIGNED_IN: 401,
    Fault.TOO_OFTEN: 429,
}
"""By kind of refusal; total over `Fault`."""

TITLES: Mapping[int, tuple[str, str]] = {
    400: ("请求不正确", "Bad request"),
    401: ("未认证", "Not authenticated"),
    403: ("没有权限", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("方法不支持", "Method not allowed"),
    409: ("与现状冲突", "Conflict"),
    413: ("请求过大", "Too large"),
    415: ("内容类型不支持", "Unsupported media type"),
    422: ("内容不符合规则", "Breaks a rule"),
    429: ("请求过于频繁", "Too many requests"),
    500: ("内部错误", "Internal error"),
    503: ("暂时不可用", "Unavailable"),
}


class FieldError(BaseModel):
    """One field that is wrong."""

    at: str = Field(description="Where: the path into the body, or the parameter, parts joined by dots.", examples=["to.0"])
    code: str = Field(description="What is wrong, for programs.", examples=["string_too_long"])
    detail: str = Field(description="What is wrong, for people.")


class Problem(BaseModel):
    """Why a request was refused. Nothing was changed or sent."""

    type: str = Field(description="A URN of the code.", examples=["urn:hongyan:problem:not_found"])
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status again.")
    code: str = Field(description="Stable, for programs.", examples=["not_found", "same_content"])
    detail: str = Field(description="What happened, which rule, what to do; in Chinese or English by Accept-Language.")
    request_id: str = Field(description="Tell it when you ask for help.")
    errors: list[FieldError] = Field(default=[], description="Each field that is wrong.")


class Refused(Exception):  # noqa: N818 - an answer, no error of the program
    """Ends a request with a problem."""

    def __init__(self, status: int, code: str, zh: str, en: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(en)
        self.status = status
        self.code = code
        self.zh = zh
        self.en = en
        self.headers = dict(headers or {})


def language(request: Request) -> str:
    """Either "zh" or "en": the first of them in Accept-Language, Chinese when there is neither."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag = part.partition(";")[0].strip()
        if tag.startswith(("zh", "en")):
            return tag[:2]
    return "zh"


def problem(
    request: Request,
    status: int,
    code: str,
    zh: str,
    en: str,
    *,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer."""
    lang = language(request)
    titles = TITLES.get(status, ("请求被拒绝", "Refused"))
    told = Problem(
        type=TYPE + code,
        title=titles[lang == "en"],
        status=status,
        code=code,
        detail=en if lang == "en" else zh,
        request_id=str(request.state.request_id),
        errors=errors or [],
    )
    return Response(told.model_dump_json(), status, {"content-language": lang, **(headers or {})}, MEDIA_TYPE)


async def from_control(request: Request, fault: Exception) -> Response:
    """A control service said no."""
    assert isinstance(fault, ControlError)  # noqa: S101 - registered for it
    findings = fault.findings if isinstance(fault, LintError) else []
    english = language(request) == "en"
    errors = [FieldError(at="" if found.at is None else str(found.at), code=found.code.value, detail=found.en if english else found.zh)
              for found in findings]  # fmt: skip
    return problem(request, STATUSES[fault.code], fault.code.value, fault.zh, fault.en, errors=errors)


async def from_refusal(request: Request, fault: Exception) -> Response:
    """This door said no."""
    assert isinstance(fault, Refused)  # noqa: S101 - registered for it
    return problem(request, fault.status, fault.code, fault.zh, fault.en, headers=fault.headers)


async def from_validation(request: Request, fault: Exception) -> Response:
    """A body or a parameter is not what the document says. Values are not repeated: one may be a code or a password."""
    assert isinstance(fault, RequestValidationError)  # noqa: S101 - registered for it
    errors = [
        FieldError(at=".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0]), code=error["type"], detail=error["msg"])
        for error in fault.errors()
    ]
    where = "、".join(error.at for error in errors[:5]), ", ".join(error.at for error in errors[:5])
    return problem(
        request,
        422,
        "invalid_request",
        f"请求与接口文档不符：{where[0]}。请按 /api/v1/openapi.json 修改后再发。",
        f"The request is not what the document says: {where[1]}. Change it after /api/v1/openapi.json and send it again.",
        errors=errors,
    )


HTTP_CODES: Mapping[int, tuple[str, str, str]] = {
    404: ("no_such_path", "没有这个接口：请对照 /api/v1/openapi.json。", "There is no such path: see /api/v1/openapi.json."),
    405: (
        "method_not_allowed",
        "此接口不支持这个方法：请对照 /api/v1/openapi.json。",
        "The path has no such method: see /api/v1/openapi.json.",
    ),
    400: ("bad_request", "请求无法解析：请发送 UTF-8 的 JSON。", "The request cannot be read: send JSON in UTF-8."),
    415: ("unsupported_media_type", "请以 application/json 发送。", "Send it as application/json."),
}


async def from_http(request: Request, fault: Exception) -> Response:
    """What the framework refuses by itself."""
    assert isinstance(fault, HTTPException)  # noqa: S101 - registered for it
    code, zh, en = HTTP_CODES.get(fault.status_code, ("refused", "请求被拒绝。", "The request was refused."))
    return problem(request, fault.status_code, code, zh, en, headers=fault.headers)


async def from_store(request: Request, fault: Exception) -> Response:
    """The store of documents does not answer."""
    assert isinstance(fault, BlobError)  # noqa: S101 - registered for it
    zh = "文件存储暂时不可用，什么都没有改变：请稍后再试，或告诉运维人员。"
    return problem(request, 503, "documents_away", zh, "The store of documents cannot be used now, nothing was changed: try again later.")


async def from_bug(request: Request, _fault: Exception) -> Response:
    """Something that should not happen; it is in the log under this request id."""
    return problem(
        request,
        500,
        "internal_error",
        "平台内部错误，已记入日志：请稍后再试，或把 request_id 告诉运维人员。",
        "An error of the platform, which is in its log: try again later, or tell its operator the request_id.",
    )
