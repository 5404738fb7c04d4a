import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.cli.load.numbers import SPACE, Numbers
from hongyan.cli.load.requests import Requests, Target
from hongyan.doors.tencent_v3 import auth
from hongyan.doors.tencent_v3.auth import Parts
from hongyan.model.message import Caller
from hongyan.model.phone import parse
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, Snapshot

NOW = 1_795_305_599
"""The last second of a day (UTC)."""
KEY = ApiKey(secret_id="AKIDmine", secret_key="key", account_id=1, enabled=True)
SNAPSHOT = Snapshot(
    version=1,
    accounts={1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=True)},
    keys={KEY.secret_id: KEY},
    apps=EMPTY.apps,
    signatures=EMPTY.signatures,
    templates=EMPTY.templates,
    packages=EMPTY.packages,
    links=EMPTY.links,
)


def target(*params: str) -> Target:
    return Target(
        host="127.0.0.1:8080",
        secret_id=KEY.secret_id,
        secret_key=KEY.secret_key,
        sdk_app_id="1400000001",
        sign_name="鸿雁沙箱",
        template_id="7",
        params=params,
    )


def parts(octets: bytes) -> Parts:
    head, _, body = octets.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, path, _ = line.decode().split(" ")
    headers = {name.lower(): value for name, _, value in (header.partition(b": ") for header in lines)}
    assert headers[b"content-length"] == b"%d" % len(body)
    return Parts(method, path, b"", headers, body)


@given(first=st.integers(0, 2**40), index=st.integers(0, SPACE - 1))
@settings(max_examples=100)
def test_a_number_leads_back_to_its_place(first: int, index: int) -> None:
    numbers = Numbers(first)
    phone = str(numbers.national(index))
    assert numbers.index(phone) == numbers.index(f"+86{phone}") == numbers.index(f"86{phone}") == index


@given(first=st.integers(0, 2**40))
@settings(max_examples=50)
def test_numbers_are_mainland_mobiles_and_no_simulated_handsets(first: int) -> None:
    numbers = [str(Numbers(first).national(index)) for index in range(200)]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        phone = parse(f"+86{number}")
        assert phone is not None
        assert phone.mainland
        assert not number.startswith("199")


@pytest.mark.parametrize("phone", ["+8619900000001", "+85251234567", "", "+86138x0000000"])
def test_other_numbers_have_no_place(phone: str) -> None:
    assert Numbers(0).index(phone) is None


@pytest.mark.parametrize("count", [1, 200])
def test_requests_pass_the_door_also_after_midnight(count: int) -> None:
    requests = Requests(target("385204", "5"), Numbers(7), count)
    for index, at in enumerate([NOW, NOW, NOW + 1, NOW + 1, NOW + 86_400]):
        claim = auth.read(parts(requests.build(index, at)))
        assert isinstance(claim, auth.Claim)
        assert (claim.action, claim.version, claim.timestamp) == ("SendSms", "2021-01-11", at)
        assert auth.verify(claim, SNAPSHOT, at, "") == Caller(account_id=1, key_id=KEY.secret_id)
    assert time.gmtime(NOW).tm_mday != time.gmtime(NOW + 1).tm_mday


def test_each_request_asks_for_its_own_numbers() -> None:
    numbers = Numbers(99)
    body = json.loads(parts(Requests(target("385204", "5"), numbers, 3).build(2, NOW)).body)
    assert body == {
        "PhoneNumberSet": [f"+86{numbers.national(index)}" for index in (6, 7, 8)],
        "SmsSdkAppId": "1400000001",
        "TemplateId": "7",
        "SignName": "鸿雁沙箱",
        "TemplateParamSet": ["000002", "5"],
    }


@pytest.mark.parametrize(
    ("params", "sent"),
    [((), []), (("385204",), ["000009"]), (("八", "本周六"), ["八", "本周六"]), (('say "no"',), ['say "no"'])],
    ids=["none", "a code alone", "words", "words that need care"],
)
def test_a_code_is_new_in_each_request_and_words_stay(params: tuple[str, ...], sent: list[str]) -> None:
    body = json.loads(parts(Requests(target(*params), Numbers(0), 1).build(9, NOW)).body)
    assert body["TemplateParamSet"] == sent
