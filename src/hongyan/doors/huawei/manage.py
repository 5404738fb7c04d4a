"""The management API: applications, signatures, templates and papers under /v2/{project_id}/msgsms, as the official SDKs ask for them.

Nothing here is urgent: the process with the role `console` answers, others hand it on. Any project id is taken, so that a program keeps
its own; whose things they are says the key.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hongyan.control.errors import ControlError
from hongyan.control.plane import ControlPlane
from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.acts.apps import AppActs
from hongyan.doors.huawei.acts.context import Asker, Directory
from hongyan.doors.huawei.acts.files import FileActs
from hongyan.doors.huawei.acts.signatures import SignatureActs
from hongyan.doors.huawei.acts.templates import TemplateActs
from hongyan.doors.huawei.catalogue import Operation, find
from hongyan.doors.huawei.manage_auth import actor_of
from hongyan.doors.huawei.manage_errors import Failure, Refused, invalid
from hongyan.doors.huawei.signing import Signed
from hongyan.kit.blobs import BlobError
from hongyan.kit.web import Receive, Scope, Send, TooLargeError
from hongyan.model.actor import Actor

log = structlog.get_logger()

MEDIA_TYPE = "application/json;charset=UTF-8"
PATH = re.compile(r"/v2/[0-9A-Za-z_-]{1,64}/msgsms(/.*)")
BUG = Failure(errors.INTERNAL, "平台内部错误，已记入日志：请稍后再试。", "An error of the platform, which is in its log: try again later.")
NO_SUCH_PATH = Failure(errors.NO_SUCH_PATH, "没有这个接口。", "The API does not exist or has not been published in the environment")
AWAY = Failure(
    errors.AWAY, "文件存储暂时不可用，什么都没有改变：请稍后再试。", "The store of files cannot be used now, nothing was changed."
)
NO_FILE = invalid("请以 multipart/form-data 上传名为 file 的文件。", "Upload a file named file as multipart/form-data.")

Act: TypeAlias = Callable[..., Awaitable[Any]]


class Rates(Protocol):
    """Who knows how often something was asked for."""

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        """Whether the account may ask for this now, of which there may be `rate` requests a second."""
        ...


class Management:
    """Answers each request, in JSON whatever happens."""

    def __init__(
        self, *, control: ControlPlane, directory: Directory, rates: Rates, used: Callable[[str, str], None], clock: Callable[[], float]
    ) -> None:
        """`used` is told which key was used, and from where."""
        self._directory = directory
        self._rates = rates
        self._used = used
        self._clock = clock
        apps, signatures, templates = AppActs(control), SignatureActs(control), TemplateActs(control)
        files = FileActs(control.documents)
        self._upload = files.upload
        self._acts: Mapping[str, Act] = {
            "create_app": apps.create,
            "list_app_details": apps.every,
            "show_app": apps.get,
            "update_app": apps.change,
            "show_app_count": apps.count,
            "create_signature": signatures.create,
            "list_signature_details": signatures.every,
            "show_signature": signatures.get,
            "update_signature": signatures.change,
            "delete_signature": signatures.delete,
            "enable_signature": signatures.enable,
            "show_signature_file": files.get,
            "create_template": templates.create,
            "list_template_details": templates.every,
            "delete_templates": templates.delete_some,
            "show_template": templates.get,
            "update_template": templates.change,
            "delete_template": templates.delete,
            "list_template_varilable_details": templates.variables,
            "list_send_country_details": templates.countries,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application. Raises TooLargeError for a body over the limit, which is answered by who counts it."""
        if scope["type"] != "http":
            return
        try:
            response = await self.answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """The answer to any request. Raises ClientDisconnect when there is nobody left to answer."""
        request_id = str(request.state.request_id)
        try:
            status, body = await self._answer(request)
        except Refused as refused:
            return _refused(refused.failure, request_id)
        except BlobError:
            log.exception("documents_away", request_id=request_id)
            return _refused(AWAY, request_id)
        except (ClientDisconnect, TooLargeError):
            raise
        except Exception:
            log.exception("request_failed", request_id=request_id, path=request.url.path)
            return _refused(BUG, request_id)
        return Response(msgspec.json.encode(body), status, media_type=MEDIA_TYPE)

    async def _answer(self, request: Request) -> tuple[int, Any]:
        content = await request.body()
        raw_path = request.scope["raw_path"].decode("latin-1")
        signed = Signed(request.method, raw_path, request.scope["query_string"], dict(request.scope["headers"]), content)
        address = request.client.host if request.client else ""
        actor = actor_of(self._directory.snapshot, signed, address, self._clock())
        if isinstance(actor, Failure):
            raise Refused(actor)
        self._used(actor.id, address)
        under = PATH.fullmatch(request.url.path)
        found = None if under is None else find(request.method, under[1])
        if found is None:
            raise Refused(NO_SUCH_PATH)
        operation, which = found
        who = self._asker(actor, request)
        if not await self._rates.admit(who.account_id, f"huawei {operation.name}", operation.rate):
            rate = operation.rate
            raise Refused(Failure(errors.TOO_OFTEN, f"请求过于频繁：每秒最多 {rate} 次。", f"Too often: at most {rate} a second."))
        try:
            return operation.status, await self._done(operation, which, request, content, who)
        except ControlError as refused:
            raise Refused(errors.told(refused, operation.fixed)) from refused

    def _asker(self, actor: Actor, request: Request) -> Asker:
        assert actor.account_id is not None  # noqa: S101 - a key has one
        account = self._directory.snapshot.accounts[actor.account_id]
        origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return Asker(actor, account.id, account.name, origin)

    async def _done(self, operation: Operation, which: str, request: Request, content: bytes, who: Asker) -> Any:
        query = _query(operation, request.scope["query_string"])
        if operation.file:
            name, uploaded = await _file(request, content)
            return await self._upload(query, who, name, uploaded)
        asked = query if operation.body is None else _body(operation, content)
        act = self._acts[operation.name]
        return await (act(asked, who, which) if which else act(asked, who))


def _query(operation: Operation, query: bytes) -> Any:
    """What stands in the URL; empty counts as absent, and what is not known is left alone."""
    if operation.query is None:
        return None
    try:
        given = {name: value for name, value in parse_qsl(query.decode("latin-1"), errors="strict") if value}
        _writable(given)
        return msgspec.convert(given, operation.query, strict=False)
    except (msgspec.ValidationError, UnicodeDecodeError, ValueError) as fault:
        raise Refused(invalid(f"查询参数不正确：{fault}", f"The query is not what it should be: {fault}")) from fault


def _body(operation: Operation, content: bytes) -> Any:
    try:
        asked = msgspec.json.decode(content or b"{}", type=operation.body)
        # Half a surrogate pair can be written in JSON and nowhere kept.
        msgspec.json.encode(asked)
        _writable(msgspec.to_builtins(asked))
    except (msgspec.DecodeError, ValueError, RecursionError) as fault:
        raise Refused(invalid(f"请求体不正确：{fault}", f"The body is not what it should be: {fault}")) from fault
    return asked


def _writable(value: Any) -> None:
    """Raises ValueError for a text with U+0000, which no table takes."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("no text may have U+0000")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _writable(part)


async def _file(request: Request, content: bytes) -> tuple[str, bytes]:
    async def whole() -> Any:
        yield content

    try:
        form = await MultiPartParser(request.headers, whole(), max_files=1, max_fields=10).parse()
    except (MultiPartException, KeyError, ValueError) as fault:
        raise Refused(NO_FILE) from fault
    try:
        given = form.get("file")
        if not isinstance(given, UploadFile):
            raise Refused(NO_FILE)
        return given.filename or "file", await given.read()
    finally:
        await form.close()


def _refused(failure: Failure, request_id: str) -> Response:
    body = msgspec.json.encode(errors.body(failure, request_id))
    return Response(body, failure.fault.status, media_type=MEDIA_TYPE)
