import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.doors.tencent_v5 import errors, schema
from hongyan.doors.tencent_v5.catalogue import CALLS
from hongyan.doors.tencent_v5.errors import FAULTS, OF_THE_REQUEST, Failure
from hongyan.doors.tencent_v5.schema import SMS, VOICE
from hongyan.doors.tencent_v5.words import pulling, sending
from hongyan.model.reject import Reject

CODES = json.loads((Path(__file__).parents[2] / "captures/tencent_v5/result_codes.json").read_text(encoding="utf-8"))


def read(call: str, **fields: Any) -> Any:
    return schema.read(msgspec.json.Decoder(CALLS[call].request), json.dumps(fields).encode())


def test_every_reason_has_a_number() -> None:
    assert FAULTS.keys() == set(Reject)
    assert FAULTS.keys() >= OF_THE_REQUEST


@pytest.mark.parametrize("fault", errors.EVERY, ids=lambda fault: f"{fault.result} {fault.en}")
def test_every_number_is_documented_where_it_is_used(fault: errors.Fault) -> None:
    assert str(fault.result) in CODES["gateway" if fault.gateway else "sms"]
    assert fault.en.isascii()
    assert not fault.zh.isascii()


def test_a_text_has_its_detail_behind_it_in_either_language() -> None:
    assert errors.message(errors.TIME_WRONG, "", chinese=True) == "请求发起时间不正常，请检查服务器时间"
    assert errors.message(errors.BAD_PACKAGE, "cannot get /tel", chinese=False) == "package format error, cannot get /tel"


@pytest.mark.parametrize(
    ("tel", "phone"),
    [
        ({"nationcode": "86", "mobile": "13788888888"}, "+8613788888888"),
        ({"nationcode": 86, "mobile": 13788888888}, "+8613788888888"),
        ({"nationcode": "+86", "mobile": "13788888888"}, "+8613788888888"),
        ({"mobile": "13788888888"}, "+8613788888888"),
        ({"nationcode": None, "mobile": "13788888888"}, "+8613788888888"),
        ({"nationcode": "", "mobile": "13788888888"}, "+8613788888888"),
        ({"nationcode": "1", "mobile": "2025550123"}, "+12025550123"),
    ],
)
def test_a_number_is_read_as_programs_write_it(tel: dict[str, Any], phone: str) -> None:
    asked = read(f"{SMS}sendsms", tel=tel)
    assert asked.numbers()[0].phone() == phone
    assert asked.tails() == (f"&mobile={tel['mobile']}",)


def test_several_numbers_are_signed_in_their_order() -> None:
    asked = read(f"{SMS}sendmultisms2", tel=[{"nationcode": 86, "mobile": 2}, {"nationcode": "86", "mobile": "1"}])
    assert asked.tails() == ("&mobile=2,1",)


@pytest.mark.parametrize(
    ("written", "nation", "number", "tails"),
    [
        ("+8613788888888", "86", "13788888888", ("&tel=+8613788888888", "&mobile=13788888888")),
        ("+85251234567", "852", "51234567", ("&tel=+85251234567", "&mobile=51234567")),
        ("nonsense", "non", "", ("&tel=nonsense",)),
    ],
)
def test_a_number_abroad_is_one_text(written: str, nation: str, number: str, tails: tuple[str, ...]) -> None:
    asked = read(f"{SMS}sendisms", tel=written)
    [tel] = asked.numbers()
    assert (tel.nation, tel.number, asked.tails()) == (nation, number, tails)


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("sendsms", {}),
        ("sendsms", {"tel": {}}),
        ("sendsms", {"tel": None}),
        ("sendmultisms2", {}),
        ("sendmultisms2", {"tel": []}),
        ("sendmultisms2", {"tel": [{"mobile": "1"}, {}]}),
        ("sendisms", {}),
        ("sendisms", {"tel": ""}),
        ("querysms4mobile", {}),
    ],
)
def test_a_call_without_its_number_cannot_be_signed(call: str, fields: dict[str, Any]) -> None:
    wrong = read(SMS + call, **fields).tails()
    assert isinstance(wrong, Failure)
    assert wrong.fault.result == 1004


@pytest.mark.parametrize(
    ("call", "tails"),
    [
        (f"{SMS}pullstatus", ("",)),
        (f"{SMS}pullstatus4mobile", ("",)),
        (f"{VOICE}statusvoicefile", ("&fid=1.wav", "&mobile=1.wav")),
    ],
)
def test_other_calls_are_signed_as_their_pages_say(call: str, tails: tuple[str, ...]) -> None:
    assert read(call, mobile="13788888888", fid="1.wav").tails() == tails


@pytest.mark.parametrize(
    ("fields", "by_template"),
    [
        ({"tpl_id": 19}, True),
        ({"tpl_id": "19"}, True),
        ({"tpl_id": 19, "msg": "text"}, True),
        ({"tpl_id": 0, "msg": "text"}, False),
        ({"msg": "text"}, False),
        ({"tpl_id": None, "msg": "text"}, False),
        ({"tpl_id": "abc"}, True),
        ({}, False),
    ],
)
def test_a_template_that_is_named_counts_before_a_text(fields: dict[str, Any], *, by_template: bool) -> None:
    assert read(f"{SMS}sendsms", **fields).by_template() is by_template


@pytest.mark.parametrize(
    ("written", "meant"), [(5, 5), ("5", 5), (None, None), ("", None), ("x", None), ("５", None), (-1, None), (10**30, None)]
)
def test_a_number_may_be_written_as_text(written: int | str | None, meant: int | None) -> None:
    assert schema.number(written) == meant


def test_values_may_be_numbers() -> None:
    assert read(f"{SMS}sendsms", params=["a", 5, 1.5, None]).values() == ("a", "5", "1.5", "")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"tel": "13788888888"}', "cannot get /tel (Expected `object | null`, got `str`)"),
        (b'{"tel": {"mobile": []}}', "cannot get /tel/mobile (Expected `int | str | null`, got `array`)"),
        (b'{"params": ["1", {}]}', "cannot get /params/1 (Expected `int | float | str | null`, got `object`)"),
        (b'{"time": true}', "cannot get /time (Expected `int | str | null`, got `bool`)"),
        (b"[]", "cannot get / (Expected `object`, got `array`)"),
    ],
)
def test_what_does_not_fit_is_named(body: bytes, detail: str) -> None:
    assert schema.read(msgspec.json.Decoder(sending.SingleSms), body) == Failure(errors.BAD_PACKAGE, detail)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"time": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_the_gateways(body: bytes) -> None:
    wrong = schema.read(msgspec.json.Decoder(sending.SingleSms), body)
    assert isinstance(wrong, Failure)
    assert wrong.fault.result in {60003, 1004}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("验证码1234，5分钟", "验证码1**4，5分钟"),
        ("12 123", "12 1*3"),
        ("字" * 100, "字" * 100),
        ("字" * 101, "字" * 100 + "..."),
    ],
)
def test_a_text_is_shown_without_its_codes(text: str, shown: str) -> None:
    assert pulling.masked(text) == shown
