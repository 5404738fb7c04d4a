"""The client's two faces are one text, and what it repeats is what may be repeated."""

import ast
from pathlib import Path

import httpx2
import msgspec
import pytest

from hongyan.cli import twin
from hongyan.client import AsyncHongyan, Hongyan, Problem, Unreachable, calls

ROOT = Path(__file__).parents[2]


def told(code: str, status: int) -> httpx2.Response:
    return httpx2.Response(
        status, json={"code": code, "detail": "why", "request_id": "7", "errors": [{"at": "to", "code": "x", "detail": "y"}]}
    )


def test_the_blocking_client_is_the_awaited_one_without_waiting() -> None:
    made = twin.blocking((ROOT / twin.AWAITED).read_text("utf-8"))
    # Lines that became shorter are laid out anew.
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse((ROOT / twin.BLOCKING).read_text("utf-8")))
    public = {name for name in vars(AsyncHongyan) if not name.startswith("_")}
    assert public == {name for name in vars(Hongyan) if not name.startswith("_")}


class Scripted(Hongyan):
    """Answers in this order; an exception is raised."""

    def __init__(self, *script: httpx2.Response | Exception) -> None:
        super().__init__("http://nowhere", "id", "key")
        self.asked: list[httpx2.Request] = []
        self._script = list(script)
        self._http = httpx2.Client(base_url="http://nowhere/api/v1", transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self._script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hongyan.client.synchronous.PAUSES_S", (0.0, 0.0, 0.0))


SENT = httpx2.Response(200, json={"accepted": 1, "results": [{"phone": "+8613800000000", "status": "accepted", "message_id": "1"}]})
MESSAGE = {"app_id": 1, "template_id": 2, "to": ["+8613800000000"]}


@pytest.mark.parametrize(
    "trouble", [httpx2.ReadError("cut"), httpx2.ConnectError("away"), told("office_away", 503), told("in_use", 409), told("too_often", 429)]
)
def test_a_send_that_got_no_answer_is_asked_again_under_the_same_key(trouble: httpx2.Response | Exception) -> None:
    with Scripted(trouble, trouble, SENT) as client:
        assert client.send(**MESSAGE).results[0].message_id == "1"
    [key] = {request.headers["idempotency-key"] for request in client.asked}
    assert key
    assert len(client.asked) == 3
    assert len({request.content for request in client.asked}) == 1


def test_another_send_has_another_key_and_one_s_own_is_kept() -> None:
    with Scripted(SENT, SENT, SENT) as client:
        client.send(**MESSAGE)
        client.send(**MESSAGE)
        client.send(**MESSAGE, idempotency_key="mine")
    keys = [request.headers["idempotency-key"] for request in client.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_what_is_not_safe_to_repeat_is_asked_once() -> None:
    with Scripted(httpx2.ReadError("cut")) as client, pytest.raises(Unreachable):
        client.create_app("shop")
    assert len(client.asked) == 1


def test_patience_ends() -> None:
    with Scripted(*[httpx2.ConnectError("away")] * 4) as client, pytest.raises(Unreachable, match="ConnectError"):
        client.message("1")
    assert len(client.asked) == 4


def test_a_refusal_is_raised_with_its_code_and_its_fields() -> None:
    with Scripted(told("limit_day", 422)) as client, pytest.raises(Problem) as refused:
        client.send(**MESSAGE)
    assert (refused.value.status, refused.value.code, refused.value.detail, refused.value.request_id) == (422, "limit_day", "why", "7")
    assert refused.value.errors[0].at == "to"


def test_what_is_no_problem_document_is_still_a_refusal() -> None:
    assert calls.problem(502, b"<html>bad gateway</html>").code == "no_problem"
    assert calls.problem(500, msgspec.json.encode([1])).code == "no_problem"
