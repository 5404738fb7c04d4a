"""Every published schema against a running platform: data that fits it and data that does not, signed like a customer's.

The cases are schemathesis's. Its own idea of a refusal is a 4xx, which Tencent's API does not have: what is wrong is told in
Response.Error (or in a number's entry) at status 200. So the checks that look at the status class are replaced, for these actions, by
`fault_in`, which asks of the bytes that really went out whether they fit the schema.
"""

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jsonschema_rs
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks as by_status

from hongyan.cli import tc3
from hongyan.control.access import AccessPair
from hongyan.doors import published
from hongyan.doors.huawei import signing
from hongyan.doors.huawei.schema import SEND, SEND_DIFF
from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent_v5 import auth as v5_auth
from hongyan.doors.tencent_v5 import catalogue as v5_catalogue
from hongyan.doors.tencent_v5 import schema as v5_schema
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.kit.db import Database
from hongyan.model import long_id
from hongyan.model.actor import command
from journeys.customers import VERSION, Customer
from journeys.platform import Platform, phone

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

DOCUMENT = published.document()
ACTIONS = [path.removeprefix("/#") for path in DOCUMENT["paths"] if path.startswith("/#")]
CALLS = {call.request: path for path, call in v5_catalogue.CALLS.items()}.values()
"""Of calls that are asked in one way, one."""
OPERATOR = command("tests")
PAGES = [path for path in DOCUMENT["paths"] if not path.startswith(("/#", "/v5/", "/v2/", "/sms/"))]
BY_STATUS_CLASS = [
    by_status.negative_data_rejection,
    by_status.positive_data_acceptance,
    by_status.missing_required_header,
    by_status.ignored_auth,
    by_status.unsupported_method,
]
NOT_OF_ITS_VALUES = frozenset(
    {
        *("MissingParameter", "UnknownParameter", "InvalidParameter", "FailedOperation.JsonParseFail", "InvalidAction", "NoSuchVersion"),
        *("InternalError", "RequestLimitExceeded", "InvalidRequest", "UnsupportedProtocol", "RequestSizeLimitExceeded"),
    }
)
"""Codes that a signed request which fits the schema never gets."""
FEWEST = 10
"""Of each sort, so that something is learnt."""
OLDER = {"SmsSdkAppid": "SmsSdkAppId", "TemplateID": "TemplateId", "Sign": "SignName"}
"""What fields were called in 2019-07-11."""
EXPLICIT = settings(
    database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], print_blob=False
)


class Sig(requests.auth.AuthBase):
    """Signs a call of v5 as far as what is about to be sent can be signed."""

    def __init__(self, app_id: int, app_key: str) -> None:
        self._app_id = app_id
        self._app_key = app_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        at = urlsplit(request.url or "")
        request.url = at._replace(query=f"sdkappid={self._app_id}&random=4711").geturl()
        with contextlib.suppress(ValueError):
            body = json.loads(request.body or b"")
            if isinstance(body, dict):
                asked = v5_schema.read(msgspec.json.Decoder(v5_catalogue.CALLS[at.path].request), msgspec.json.encode(body))
                tails = asked if isinstance(asked, Failure) else asked.tails()
                now = str(int(time.time()))
                sig = "" if isinstance(tails, Failure) else v5_auth.signed(self._app_key, "4711", now, tails[0])
                request.prepare_body(json.dumps(body | {"sig": sig, "time": now}), None)
        return request


class Huawei(requests.auth.AuthBase):
    """Signs what is about to be sent with an application's key and secret."""

    def __init__(self, pair: AccessPair) -> None:
        self._pair = pair

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        at = urlsplit(request.url or "")
        body = request.body or b""
        octets = body.encode() if isinstance(body, str) else bytes(body)
        signed = signing.Signed("POST", at.path, at.query.encode(), {}, octets)
        request.headers.update(signing.sign(self._pair.access_key, self._pair.access_secret, signed, time.time()))
        return request


class Tc3(requests.auth.AuthBase):
    """Signs what is about to be sent, whatever it is; headers that the case has itself stay."""

    def __init__(self, customer: Customer) -> None:
        self._tenant = customer.tenant
        self._host = customer.platform.address

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        signed = tc3.headers(
            secret_id=self._tenant.secret_id,
            secret_key=self._tenant.secret_key,
            host=self._host,
            action="",
            version=VERSION,
            body=body.encode() if isinstance(body, str) else bytes(body),
            at=int(time.time()),
        )
        request.headers.update({name: signed[name] for name in ("Content-Type", "Host", "X-TC-Timestamp", "Authorization")})
        return request


@pytest.fixture
def session(customer: Customer) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = Tc3(customer)
        yield session


@pytest.fixture
def share(request: pytest.FixtureRequest) -> int:
    """How many cases of each sort an action gets."""
    cases: int = request.config.getoption("attack_cases")
    return max(cases // (3 * len(ACTIONS)), FEWEST)


@pytest.fixture
def published_schema(customer: Customer) -> Any:
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(base_url=f"http://{customer.platform.address}")))
    loaded = schemathesis.openapi.from_dict(json.loads(published.served()), config=config)
    loaded.config.generation.update(modes=list(GenerationMode))
    return loaded


def attack(cases: st.SearchStrategy[Any], count: int, try_one: Callable[[Any], None]) -> None:
    """So many cases, the same each time where `CI` is set."""

    @settings(EXPLICIT, max_examples=count)
    @given(case=cases)
    def run(case: Any) -> None:
        try_one(case)

    (seed(7)(run) if os.environ.get("CI") else run)()


def codes_in(answer: dict[str, Any]) -> list[str]:
    response = answer["Response"]
    if "Error" in response:
        return [response["Error"]["Code"]]
    return [entry["Code"] for entries in response.values() if isinstance(entries, list) for entry in entries if "Code" in entry] or ["Ok"]


def fits(request: requests.PreparedRequest, action: str, body_schema: jsonschema_rs.Draft202012Validator) -> bool:
    """Whether what went out is a request of this action by its schema."""
    try:
        # "89.0" is an integer to JSON Schema and none to the door.
        body = json.loads(request.body or b"", parse_float=lambda _: 0.5)
    except ValueError:
        return False
    headers = {name: request.headers.get(name) for name in ("X-TC-Action", "X-TC-Version")}
    name, _, version = action.partition("@")
    # U+0000 is forbidden in the document's words, since a pattern for each text would say little to a reader.
    right = headers == {"X-TC-Action": name, "X-TC-Version": version or VERSION}
    return right and "\\u0000" not in json.dumps(body) and body_schema.is_valid(body)


def fault_in(codes: list[str], *, fitting: bool) -> str | None:
    if fitting and (wrong := NOT_OF_ITS_VALUES.intersection(codes)):
        return f"it fits the schema, and was answered with {wrong}"
    if not fitting and "Ok" in codes:
        return "it does not fit the schema, and was answered with Ok"
    return None


def grounded(cases: st.SearchStrategy[Any], real: Callable[[], dict[str, Any]]) -> st.SearchStrategy[Any]:
    """Cases of which most values are a customer's own, so that they get further."""

    @st.composite
    def some(draw: st.DrawFn) -> Any:
        case = draw(cases)
        own = case.body if isinstance(case.body, dict) else {}
        case.body = own | {name: value for name, value in real().items() if draw(st.integers(0, 9))}
        return case

    return some()


class Own(msgspec.Struct, frozen=True):
    """What the customer has had made."""

    serial_no: str
    """Of a message with a code."""
    sign_id: int
    template_id: int
    """Of applications that wait for their review."""


async def made_by(customer: Customer) -> Own:
    signature = await customer.call(
        "AddSmsSign", {name: value for name, value in SIGN.items() if name != "UsedMethod"} | {"SignName": sign_name()}
    )
    template = await customer.call("AddSmsTemplate", TEMPLATE)
    return Own(
        serial_no=(await customer.send_one(phone(), "verification")).serial,
        sign_id=signature["AddSignStatus"]["SignId"],
        template_id=int(template["AddTemplateStatus"]["TemplateId"]),
    )


def sign_name() -> str:
    """One that nobody has applied for."""
    return f"鸿雁{phone()[-8:]}"


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
"""The smallest PNG."""
SIGN = {"SignType": 0, "DocumentType": 1, "International": 0, "SignPurpose": 0, "UsedMethod": 0, "ProofImage": PICTURE}
TEMPLATE = {"TemplateName": "code", "TemplateContent": "您的验证码是{1}", "SmsType": 3, "International": 0, "Remark": "r"}


def customers_own(customer: Customer, action: str, own: Own) -> dict[str, Any]:
    """What would be right for each field, under its names in both versions."""
    fields: dict[str, Any] = customer.request(phone())
    fields |= {older: fields[newer] for older, newer in OLDER.items()}
    template = customer.tenant.templates["international"]
    entry = {"PhoneNumber": f"+336{phone()[-8:]}", "TemplateId": template.id, "TemplateParamSet": list(template.params)}
    now = int(time.time())
    fields |= {"MultiSmsInfoSet": [entry], "SerialNo": own.serial_no, "ConversionTime": now, "PhoneNumber": phone()}
    fields |= {"Limit": 20, "Offset": 0, "BeginTime": now - 60, "SendDateTime": now - 60, "EndTime": now, "EndDateTime": now}
    if "SmsSign" in action or "SmsTemplate" in action:
        fields |= SIGN | TEMPLATE | {"SignName": sign_name(), "SignId": own.sign_id, "TemplateId": own.template_id}
        fields |= {"SignIdSet": [own.sign_id], "TemplateIdSet": [own.template_id], "CommissionImage": PICTURE, "QualificationId": 0}
    if action.partition("@")[0].endswith("Statistics"):
        fields |= {"BeginTime": hour(-2), "EndTime": hour(-1), "StartDateTime": int(hour(-2)), "EndDataTime": int(hour(-1))}
        fields["Limit"] = 20 if "Packages" in action else 0
    return fields


def hour(later: int) -> str:
    """So many hours from now, as Tencent writes them."""
    return in_china(int(time.time()) + later * 3600)[:13].translate({ord(mark): None for mark in "- "})


async def promised(database: Database, customer: Customer) -> int:
    async with database.connection() as conn:
        count: int = await conn.fetchval("select count(*) from messages where app_id = $1", customer.app_id)
        return count


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_keeps_to_its_schema(
    *, action: str, customer: Customer, database: Database, published_schema: Any, session: requests.Session, share: int
) -> None:
    body_schema = DOCUMENT["paths"][f"/#{action}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(body_schema | {"components": DOCUMENT["components"]})
    properties = DOCUMENT["components"]["schemas"][body_schema["$ref"].rpartition("/")[2]]["properties"]
    seen: Counter[str] = Counter()
    own = await made_by(customer)
    promised_before = await promised(database, customer)

    def real() -> dict[str, Any]:
        return {name: value for name, value in customers_own(customer, action, own).items() if name in properties}

    def try_one(case: Any) -> None:
        response = case.call(session=session)
        case.validate_response(response, excluded_checks=BY_STATUS_CLASS)
        codes = codes_in(response.json())
        seen.update(codes)
        assert fault_in(codes, fitting=fits(response.request, action, validator)) is None, (response.request.body, response.text)

    operation = published_schema[f"/#{action}"]["POST"]
    for mode in GenerationMode:
        attack(operation.as_strategy(generation_mode=mode), share, try_one)
    before = seen["Ok"]
    attack(grounded(operation.as_strategy(), real), share, try_one)
    # What is deleted cannot be deleted again.
    assert seen["Ok"] > (0 if action.startswith("Delete") else share / 10), seen
    assert seen.keys() & {"MissingParameter", "InvalidParameter"}, seen
    sent = await promised(database, customer) - promised_before
    assert sent == (seen["Ok"] - before if action.startswith(("SendSms", "SendMulti")) else 0)


@pytest.mark.parametrize("path", CALLS)
async def test_a_call_of_v5_keeps_to_its_schema(
    *, path: str, customer: Customer, database: Database, published_schema: Any, platform: Platform, share: int
) -> None:
    """Numbers are no status classes either; what must not be is an answer of another shape, or that something went wrong inside."""
    seen: Counter[int] = Counter()
    async with platform.control() as control:
        app_key = await control.apps.app_key(OPERATOR, customer.app_id)
    template = customer.tenant.templates["notice"]
    body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    properties = DOCUMENT["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
    known = {"tpl_id": template.id, "params": list(template.params), "begin_time": int(time.time()) - 60, "end_time": int(time.time())}

    def real() -> dict[str, Any]:
        tel = {"nationcode": "86", "mobile": phone().removeprefix("+86")}
        of_call = {"sendmultisms2": [tel], "sendisms": phone()}.get(path.rpartition("/")[2], tel)
        hours = dict.fromkeys(("begin_date", "end_date"), time.strftime("%Y%m%d%H", time.gmtime(time.time() + 8 * 3600)))
        applied = {
            "text": "Parcels" if path.endswith("sign") else "您的包裹到了。",
            "title": "包裹",
            "pic": "",
            "international": 1,
            "remark": "",
        }
        listed = {"sign_id": None, "tpl_id": None} if "get_" in path else {}
        pages = {name: {"max": 10, "offset": 0} for name in ("sign_page", "tpl_page")} | {"length": 10, "offset": 0}
        sends = known | tel | {"tel": of_call, "type": 0, "max": 10, "sign": "", "extend": ""}
        return {name: value for name, value in (sends | hours | applied | pages | listed).items() if name in properties}

    with requests.Session() as session:
        session.trust_env = False
        session.auth = Sig(customer.app_id, app_key)

        def try_one(case: Any) -> None:
            response = case.call(session=session)
            case.validate_response(response, excluded_checks=BY_STATUS_CLASS)
            answer = response.json()
            seen[answer.get("result", answer.get("ErrorCode"))] += 1
            assert "request id" not in answer.get("errmsg", ""), (response.request.body, response.text)

        operation = published_schema[path]["POST"]
        for mode in GenerationMode:
            attack(operation.as_strategy(generation_mode=mode), max(share // 4, FEWEST // 2), try_one)
        attack(grounded(operation.as_strategy(), real), max(share // 4, FEWEST // 2), try_one)
    assert seen[1001] == 0, seen
    # What would be changed or deleted is not there.
    assert seen[1030 if "tlsvoicesvr" in path else 0] > 0 or "mod_" in path or "del_" in path, seen
    if not path.endswith("sendmultisms2"):
        assert await promised(database, customer) == (seen[0] if path.endswith(("sendsms", "sendisms")) else 0)


@pytest.mark.parametrize("path", [SEND, SEND_DIFF])
async def test_a_send_in_huaweis_api_keeps_to_its_schema(
    *, path: str, customer: Customer, database: Database, published_schema: Any, platform: Platform, share: int
) -> None:
    """Whatever is asked is answered in the shape of its status, and what was told to be taken is there."""
    seen: Counter[str] = Counter()
    async with platform.control() as control:
        pair = await control.access.issue(OPERATOR, customer.app_id)
        mainland = [row for row in await control.from_numbers.page(OPERATOR, app_id=customer.app_id) if row.signature_id]
    await customer.known()
    template = customer.tenant.templates["notice"]

    def real() -> dict[str, Any]:
        text = {"templateId": long_id.written(int(template.id))}
        many = {"smsContent": [text | {"to": [phone()], "templateParas": list(template.params)}]}
        one = text | {"to": phone(), "templateParas": json.dumps(template.params)}
        return {"from": mainland[0].number, "statusCallback": "", "extend": "x"} | (one if path == SEND else many)

    with requests.Session() as session:
        session.trust_env = False
        session.auth = Huawei(pair)

        def try_one(case: Any) -> None:
            response = case.call(session=session)
            case.validate_response(response, excluded_checks=BY_STATUS_CLASS)
            answer = response.json()
            assert "request id" not in answer["description"], (response.request.body, response.text)
            seen.update(entry["status"] for entry in answer.get("result", [{"status": answer["code"]}]))

        operation = published_schema[path]["POST"]
        for mode in GenerationMode:
            attack(operation.as_strategy(generation_mode=mode), max(share // 4, FEWEST // 2), try_one)
        attack(grounded(operation.as_strategy(), real), max(share // 2, FEWEST), try_one)
    assert seen["000000"] > 0, seen
    assert seen["E000045"] == 0, seen
    assert await promised(database, customer) == seen["000000"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_keeps_to_its_schema(path: str, published_schema: Any, share: int) -> None:
    def try_one(case: Any) -> None:
        case.call_and_validate()

    attack(published_schema[path]["GET"].as_strategy(), max(10, share // 50), try_one)


async def test_what_nobody_signed_is_never_more_than_an_error(customer: Customer, published_schema: Any, share: int) -> None:
    with requests.Session() as session:
        session.trust_env = False

        def try_one(case: Any) -> None:
            response = case.call(session=session)
            case.validate_response(response, excluded_checks=BY_STATUS_CLASS)
            [code] = codes_in(response.json())
            assert code.startswith(("AuthFailure.", "MissingParameter", "Invalid", "NoSuchVersion")), code

        attack(published_schema["/#SendSms"]["POST"].as_strategy(), share, try_one)
    assert [status["Code"] for status in await customer.submit([phone()])] == ["Ok"]


async def test_the_platform_serves_the_document_that_it_was_attacked_with(customer: Customer, http: httpx2.AsyncClient) -> None:
    answer = await http.get(f"http://{customer.platform.address}/openapi.json")
    assert answer.json() == DOCUMENT
