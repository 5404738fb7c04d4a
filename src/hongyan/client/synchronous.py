"""The client that blocks. Made from `asynchronous.py` by `make docs`: change that one."""

import time
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx2

from hongyan.client import calls
from hongyan.client.calls import PAUSES_S, PREFIX, TRIES, Call, MadeApp, Message
from hongyan.client.values import (
    App,
    Explanation,
    Glance,
    Inquiry,
    Linted,
    NewKey,
    Page,
    Review,
    Schedule,
    Sent,
    Signature,
    Template,
    Timeline,
    Unreachable,
)

T = TypeVar("T")


class Hongyan:
    """The native API of a platform, asked with a key. Close it, or use it as a context manager."""

    def __init__(self, address: str, secret_id: str, secret_key: str, *, language: str = "zh-CN", timeout_s: float = 30.0) -> None:
        """`address` is where the platform listens, "https://sms.example.com"; `language` is that of refusals, "zh-CN" or "en"."""
        self._http = httpx2.Client(
            base_url=address.rstrip("/") + PREFIX,
            auth=httpx2.BasicAuth(secret_id, secret_key),
            headers={"accept-language": language},
            timeout=timeout_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Sending.

    def send(self, *, idempotency_key: str = "", **message: Unpack[Message]) -> Sent:
        """A text to up to 200 numbers, or one each. Without a key of your own one is made, so that tries again send once."""
        return self._do(calls.send(message, idempotency_key or str(uuid.uuid4())))

    def send_later(self, send_at: float, **message: Unpack[Message]) -> Schedule:
        """The same at a time (Unix seconds), at most 31 days from now."""
        return self._do(calls.send_later(message, send_at))

    def schedule(self, schedule_id: str) -> Schedule:
        return self._do(calls.schedule(schedule_id))

    def schedules(self, cursor: str | None = None, limit: int = 50) -> Page[Schedule]:
        return self._do(calls.schedules(cursor, limit))

    def cancel(self, schedule_id: str) -> Schedule:
        """Raises Problem "too_late" when it has begun."""
        return self._do(calls.cancel(schedule_id))

    def message(self, message_id: str) -> Timeline:
        """Everything that happened to a message."""
        return self._do(calls.message(message_id))

    def explain(self, message_id: str) -> Explanation:
        """Why a message did not arrive, came late, or where it is; what to do next, and who can."""
        return self._do(calls.explain(message_id))

    def inquire(self, phone: str, *, app_id: int | None = None, days: int = 3, limit: int = 5) -> Inquiry:
        """The same of all that a number was to be sent, what was refused for it too."""
        return self._do(calls.inquire(phone, app_id, days, limit))

    def messages(self, *, app_id: int | None = None, phone: str | None = None, cursor: str | None = None, limit: int = 50) -> Page[Glance]:
        """The newest first."""
        return self._do(calls.messages(app_id, phone, cursor, limit))

    # What is needed for it.

    def apps(self, cursor: str | None = None, limit: int = 50) -> Page[App]:
        return self._do(calls.apps(cursor, limit))

    def create_app(self, name: str, *, account_id: int | None = None) -> MadeApp:
        return self._do(calls.create_app(name, account_id))

    def change_app(self, app_id: int, **changes: Any) -> App:
        """Fields of an application by name; what is left out stays."""
        return self._do(calls.change_app(app_id, changes))

    def create_key(
        self, *, note: str = "", allow: Sequence[str] = (), scopes: Sequence[str] | None = None, account_id: int | None = None
    ) -> NewKey:
        return self._do(calls.create_key(note, allow, scopes, account_id))

    def lint_signature(self, **draft: Any) -> Linted:
        """What would be said against it; nothing is kept."""
        return self._do(calls.lint_signature(draft))

    def apply_for_signature(self, **draft: Any) -> Signature:
        return self._do(calls.apply_for_signature(draft))

    def lint_template(self, **draft: Any) -> Linted:
        """What would be said against it; nothing is kept."""
        return self._do(calls.lint_template(draft))

    def apply_for_template(self, **draft: Any) -> Template:
        return self._do(calls.apply_for_template(draft))

    def template(self, template_id: int) -> Template:
        return self._do(calls.template(template_id))

    def templates(self, cursor: str | None = None, limit: int = 50) -> Page[Template]:
        return self._do(calls.templates(cursor, limit))

    def upload(self, name: str, content: bytes, *, account_id: int | None = None) -> dict[str, Any]:
        """A picture or a PDF; its `id` goes into applications."""
        return self._do(calls.upload(name, content, account_id))

    def apply_for_qualification(self, **draft: Any) -> dict[str, Any]:
        return self._do(calls.apply_for_qualification(draft))

    # Reviewers.

    def reviews_waiting(self, cursor: str | None = None, limit: int = 50) -> Page[Review]:
        return self._do(calls.reviews_waiting(cursor, limit))

    def approve(self, review_id: int, note: str = "") -> Review:
        return self._do(calls.approve(review_id, note))

    def reject(self, review_id: int, reasons: Sequence[str] = (), note: str = "") -> Review:
        return self._do(calls.reject(review_id, reasons, note))

    # Whatever else there is.

    def request(self, method: str, path: str, body: object = None, params: Mapping[str, str] | None = None) -> Any:
        """Any operation of /api/v1/openapi.json, with its path under /api/v1: `request("GET", "/me")`."""
        return self._do(calls.anything(method, path, body, params or {}))

    def _do(self, call: Call[T]) -> T:
        for attempt in range(TRIES):
            last = attempt == TRIES - 1 or not call.again
            try:
                answer = self._http.request(call.method, call.path, content=call.body, params=dict(call.params), headers=dict(call.headers))
            except httpx2.HTTPError as fault:
                if last:
                    raise Unreachable(f"{call.method} {call.path}: {type(fault).__name__}") from fault
            else:
                if last or not call.repeats(answer.status_code, answer.content):
                    return call.read(answer.status_code, answer.content)
            time.sleep(PAUSES_S[attempt])
        raise AssertionError("the last try has returned or raised")
