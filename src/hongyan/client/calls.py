"""Calls as values: how each is asked and read, with no I/O in it; the two clients only carry them out."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Required, TypedDict, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from hongyan.client.values import (
    App,
    Explanation,
    Glance,
    Inquiry,
    Linted,
    NewKey,
    Page,
    Problem,
    Recipient,
    Review,
    Schedule,
    Sent,
    Signature,
    Template,
    Timeline,
)

T = TypeVar("T")
PREFIX = "/api/v1"
TRIES = 4
PAUSES_S = (0.2, 1.0, 3.0)
"""Between tries of what may be asked again."""
AGAIN = frozenset({429, 503})
IN_USE = "in_use"
"""The first try is still under way."""


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One request and the type of its answer."""

    method: str
    path: str
    answers: Any
    body: bytes | None = None
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    again: bool = False
    """May be asked again when no answer came."""

    def read(self, status: int, content: bytes) -> T:
        """The answer. Raises Problem when the platform said no."""
        if status >= 400:  # noqa: PLR2004 - HTTP
            raise problem(status, content)
        found: T = None if self.answers is None else msgspec.json.decode(content, type=self.answers)  # type: ignore[assignment]
        return found

    def repeats(self, status: int, content: bytes) -> bool:
        """Whether this answer says: later."""
        return self.again and (status in AGAIN or (status == httpx2.codes.CONFLICT and problem(status, content).code == IN_USE))


def problem(status: int, content: bytes) -> Problem:
    """What an answer refuses."""
    try:
        told = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        told = {"code": "no_problem", "detail": content[:200].decode(errors="replace")}
    return Problem(status, told)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


def _get(path: str, answers: Any, **params: Any) -> Call[Any]:
    return Call("GET", path, answers, params={name: str(value) for name, value in _given(**params).items()}, again=True)


def _post(path: str, answers: Any, body: Mapping[str, Any], *, method: str = "POST") -> Call[Any]:
    return Call(method, path, answers, body=_json(body), headers={"content-type": "application/json"})


class Message(TypedDict, total=False):
    """What is sent, and to whom."""

    app_id: Required[int]
    template_id: Required[int]
    to: Required[Sequence[str | Recipient]]
    params: Sequence[str]
    sign_name: str
    context: str
    extend: str
    sender_id: str


def send(message: Message, idempotency_key: str) -> Call[Sent]:
    headers = {"content-type": "application/json", "idempotency-key": idempotency_key}
    return Call("POST", "/messages", Sent, body=_json(message), headers=headers, again=True)


def send_later(message: Message, send_at: float) -> Call[Schedule]:
    return _post("/schedules", Schedule, {**message, "send_at": send_at})


def schedule(schedule_id: str) -> Call[Schedule]:
    return _get(f"/schedules/{quote(schedule_id)}", Schedule)


def schedules(cursor: str | None, limit: int) -> Call[Page[Schedule]]:
    return _get("/schedules", Page[Schedule], cursor=cursor, limit=limit)


def cancel(schedule_id: str) -> Call[Schedule]:
    return Call("DELETE", f"/schedules/{quote(schedule_id)}", Schedule, again=True)


def message(message_id: str) -> Call[Timeline]:
    return _get(f"/messages/{quote(message_id)}", Timeline)


def explain(message_id: str) -> Call[Explanation]:
    return _get(f"/messages/{quote(message_id)}/explanation", Explanation)


def inquire(phone: str, app_id: int | None, days: int, limit: int) -> Call[Inquiry]:
    return _get("/messages/explanations", Inquiry, phone=phone, app_id=app_id, days=days, limit=limit)


def messages(app_id: int | None, phone: str | None, cursor: str | None, limit: int) -> Call[Page[Glance]]:
    return _get("/messages", Page[Glance], app_id=app_id, phone=phone, cursor=cursor, limit=limit)


def apps(cursor: str | None, limit: int) -> Call[Page[App]]:
    return _get("/apps", Page[App], cursor=cursor, limit=limit)


class MadeApp(msgspec.Struct, frozen=True):
    app: App
    app_key: str


def create_app(name: str, account_id: int | None) -> Call[MadeApp]:
    return _post("/apps", MadeApp, _given(name=name, account_id=account_id))


def change_app(app_id: int, changes: Mapping[str, Any]) -> Call[App]:
    return _post(f"/apps/{app_id}", App, changes, method="PATCH")


def create_key(note: str, allow: Sequence[str], scopes: Sequence[str] | None, account_id: int | None) -> Call[NewKey]:
    return _post("/keys", NewKey, _given(note=note, allow=list(allow), scopes=scopes, account_id=account_id))


def apply_for_signature(draft: Mapping[str, Any]) -> Call[Signature]:
    return _post("/signatures", Signature, draft)


def lint_signature(draft: Mapping[str, Any]) -> Call[Linted]:
    return _post("/signatures/lint", Linted, draft)


def apply_for_template(draft: Mapping[str, Any]) -> Call[Template]:
    return _post("/templates", Template, draft)


def lint_template(draft: Mapping[str, Any]) -> Call[Linted]:
    return _post("/templates/lint", Linted, draft)


def template(template_id: int) -> Call[Template]:
    return _get(f"/templates/{template_id}", Template)


def templates(cursor: str | None, limit: int) -> Call[Page[Template]]:
    return _get("/templates", Page[Template], cursor=cursor, limit=limit)


def upload(name: str, content: bytes, account_id: int | None) -> Call[dict[str, Any]]:
    params = {key: str(value) for key, value in _given(name=name, account_id=account_id).items()}
    headers = {"content-type": "application/octet-stream"}
    return Call("POST", "/documents", dict[str, Any], body=content, params=params, headers=headers, again=True)


def apply_for_qualification(draft: Mapping[str, Any]) -> Call[dict[str, Any]]:
    return _post("/qualifications", dict[str, Any], draft)


def reviews_waiting(cursor: str | None, limit: int) -> Call[Page[Review]]:
    return _get("/reviews/queue", Page[Review], cursor=cursor, limit=limit)


def approve(review_id: int, note: str) -> Call[Review]:
    return _post(f"/reviews/{review_id}/approve", Review, {"note": note})


def reject(review_id: int, reasons: Sequence[str], note: str) -> Call[Review]:
    return _post(f"/reviews/{review_id}/reject", Review, {"reasons": list(reasons), "note": note})


def anything(method: str, path: str, body: object, params: Mapping[str, str]) -> Call[Any]:
    """Any operation of the document."""
    headers = {} if body is None else {"content-type": "application/json"}
    content = None if body is None else _json(body)
    return Call(method, path, Any, body=content, params=dict(params), headers=headers, again=method == "GET")
