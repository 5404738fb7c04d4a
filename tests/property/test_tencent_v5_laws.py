import asyncio
import json
from typing import Any, cast

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hongyan.doors.tencent_v5 import auth, schema
from hongyan.doors.tencent_v5.acts.papers import Papers
from hongyan.doors.tencent_v5.catalogue import CALLS
from hongyan.doors.tencent_v5.errors import CONTENT, Failure
from hongyan.doors.tencent_v5.routes import TencentV5Door
from hongyan.doors.tencent_v5.schema import SMS
from hongyan.kit.door import Request
from hongyan.model.limits import Limits
from hongyan.model.lookalike import hidden
from hongyan.model.message import Accepted, Caller, Kind, Outcome, SendCommand
from hongyan.model.reject import Refusal
from hongyan.model.snapshot import EMPTY, Account, AccountKind, App, Scope, Signature, Snapshot, Template
from hongyan.model.template import compose_text, fill

KEY, NOW, APP_ID = "5f03a35d00ee52a21327ab048186a2c4", 1457336869, 1400006666
APP = App(
    id=APP_ID,
    account_id=1,
    name="app",
    app_key=KEY,
    enabled=True,
    limits=Limits(),
    unlimited_phones=frozenset(),
    pull=True,
    report_url="",
    reply_url="",
    context_in_reports=False,
    sender_id="",
    extend_allowed=False,
)
CONTENTS = ("您的验证码为{1}。", "{1}先生，订单{2}已发货，{3}", "{1}{2}：到了", "没有变量", "第{2}位{1}，第{2}位", "到了{1}")


class Platform:
    """Takes everything and remembers it."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(
            version=1,
            accounts={1: Account(1, "one", AccountKind.ENTERPRISE, enabled=True)},
            keys=EMPTY.keys,
            apps={APP_ID: APP},
            signatures={(1, "鸿雁", Scope.MAINLAND): Signature(1, 1, None, "鸿雁", Scope.MAINLAND)},
            templates={
                at: Template(at, 1, None, Kind.NOTICE, Scope.MAINLAND, content, len(set(content) & set("123")))
                for at, content in enumerate(CONTENTS, start=1)
            },
            packages=EMPTY.packages,
            links=EMPTY.links,
        )
        self.commands: list[SendCommand] = []

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        return bool(account_id and action and rate)

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        assert caller == Caller(1, str(APP_ID))
        self.commands.append(command)
        return [Accepted(at, 8613788888888, "CN", 1) for at, _ in enumerate(command.phones)]


def answered(platform: Platform, path: str, query: bytes, body: bytes) -> dict[str, Any]:
    nobody = cast("Any", None)
    door = TencentV5Door(
        directory=platform,
        send=platform,
        pulls=nobody,
        counts=nobody,
        papers=Papers(nobody, nobody, nobody, nobody),
        rates=platform,
        clock=lambda: float(NOW),
    )
    response = asyncio.run(_ask(door, Request("POST", path, query, {}, body, "127.0.0.1", too_large=False, request_id="r")))
    told: dict[str, Any] = json.loads(response)
    return told


async def _ask(door: TencentV5Door, request: Request) -> bytes:
    return (await door(request)).body


def body(**changes: Any) -> dict[str, Any]:
    sig = auth.signed(KEY, "1234", str(NOW), "&mobile=13788888888")
    return {"sig": sig, "time": NOW, "tel": {"nationcode": "86", "mobile": "13788888888"}, "tpl_id": 4, "params": []} | changes


QUERY = b"sdkappid=1400006666&random=1234"


@settings(max_examples=150)
@given(st.data())
def test_whatever_was_signed_cannot_be_changed(data: st.DataObject) -> None:
    original = body()
    field = data.draw(st.sampled_from(["sig", "time", "mobile", "random"]))
    written = {"sig": original["sig"], "time": str(NOW), "mobile": "13788888888", "random": "1234"}[field]
    at = data.draw(st.integers(0, len(written) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda char: char.lower() != written[at].lower()))
    changed = written[:at] + other + written[at + 1 :]
    query = QUERY
    if field == "mobile":
        original["tel"]["mobile"] = changed
    elif field == "random":
        query = b"sdkappid=1400006666&random=" + changed.encode()
    else:
        original[field] = changed
    platform = Platform()
    told = answered(platform, f"{SMS}sendsms", query, json.dumps(original).encode())
    assert told.get("result", told.get("ErrorCode")) in {1001, 1004, 1021, 60009}
    assert platform.commands == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tel", "mobile", "nationcode", "tpl_id", "params", "msg", "type", "x"]), inner, max_size=5)
    ),
    max_leaves=10,
)


@settings(max_examples=150)
@given(st.sampled_from(sorted(CALLS)), st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40))
def test_any_request_is_answered_and_none_that_is_not_signed_is_taken(path: str, sent: bytes, query: bytes) -> None:
    platform = Platform()
    for written in (query, QUERY):
        told = answered(platform, path, written, sent)
        assert (told.keys() == {"ActionStatus", "ErrorInfo", "ErrorCode"}) or told["result"] in {1001, 1003, 1004, 1019, 1021}
    assert platform.commands == []


@settings(max_examples=150)
@given(JSON.filter(lambda value: isinstance(value, dict)), st.sampled_from(["sendsms", "sendmultisms2", "sendisms"]))
def test_any_signed_body_is_answered_without_an_error_of_our_own(fields: dict[str, Any], call: str) -> None:
    asked = schema.read(msgspec.json.Decoder(CALLS[SMS + call].request), json.dumps(fields).encode())
    tails = asked if isinstance(asked, Failure) else asked.tails()
    sig = "" if isinstance(tails, Failure) else auth.signed(KEY, "1234", str(NOW), tails[0])
    told = answered(Platform(), SMS + call, QUERY, json.dumps(fields | {"sig": sig, "time": NOW}).encode())
    assert told["result"] not in {1001, 1007}


@settings(max_examples=150)
@given(st.sampled_from(range(1, len(CONTENTS) + 1)), st.lists(st.text(max_size=6), min_size=3, max_size=3), st.booleans())
def test_a_text_by_content_is_sent_as_it_was_written_or_not_at_all(template_id: int, values: list[str], signed: bool) -> None:
    content = CONTENTS[template_id - 1]
    written = fill(content, tuple(values)[: Platform().snapshot.templates[template_id].params])
    assume(not written.startswith("【"))
    platform = Platform()
    msg = compose_text("鸿雁" if signed else "", written)
    told = answered(platform, f"{SMS}sendsms", QUERY, json.dumps(body(tpl_id=None, msg=msg, type=0)).encode())
    if told["result"] == CONTENT.result:
        # Only for what nobody sees in a value.
        assert list(hidden(written)) or any(char.isspace() for char in written)
        return
    assert told["result"] == 0, told
    [command] = platform.commands
    found = platform.snapshot.templates[command.template_id]
    assert compose_text(command.sign_name, fill(found.content, command.params)) == compose_text("鸿雁", written)
