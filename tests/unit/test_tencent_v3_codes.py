"""Every code of the service that a server can meet is produced by a test that names it; the others are listed with the reason."""

import ast
import functools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.control.errors import ControlError
from hongyan.control.errors import Fault as ControlFault
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.acts.context import REFUSED, Context, refusal
from hongyan.doors.tencent_v3.acts.sends import SendActs
from hongyan.doors.tencent_v3.errors import EVERY, FAULTS, OLDER_WORDS, Failure, Where
from hongyan.doors.tencent_v3.words.sending import SendSms, SendStatusSet
from hongyan.model.actor import CLASSIC
from hongyan.model.message import Caller, Outcome, Refused, SendCommand
from hongyan.model.reject import Refusal, Reject

ROOT = Path(__file__).parents[2]
SERVICE: dict[str, dict[str, bool]] = json.loads((ROOT / "captures/tencent_v3/service_codes.json").read_text(encoding="utf-8"))
NEW, OLD = "2021-01-11", "2019-07-11"
NAMING = (
    *("unit/test_tencent_v3_door.py", "unit/test_tencent_v3_words.py", "unit/test_tencent_v3_auth.py"),
    "conformance/test_tencent_v3_papers.py",
)
"""Tests that ask the door and name the code of its answer."""
CONTEXT = Context(Caller(1, "k"), CLASSIC, "en-US", "r", "", "number")
NOTHING: Any = None

OF_THE_INSIDE = "a fault between Tencent's own parts, which are one program here"
OTHERWISE = "what it would say is said by "
NOT_MET: dict[str, str] = {
    "FailedOperation.MissingSignatureList": OTHERWISE + "FailedOperation.MissingSignatureToModify",
    "FailedOperation.MissingTemplateList": OTHERWISE + "FailedOperation.MissingTemplateToModify",
    "FailedOperation.OtherError": "every refusal has a reason of its own",
    "FailedOperation.ProhibitSubAccountUse": "every key of an account that may read lists its templates",
    "FailedOperation.TemplateUnapprovedOrNotExist": OTHERWISE + "FailedOperation.TemplateIncorrectOrUnapproved, as the real service does",
    "InternalError.ConstructUserDataFail": OF_THE_INSIDE,
    "InternalError.JsonParseFail": OTHERWISE + "FailedOperation.JsonParseFail",
    "InternalError.OtherError": OTHERWISE + "InternalError",
    "InternalError.ParseBackendResponseFail": OF_THE_INSIDE,
    "InternalError.RequestTimeException": OTHERWISE + "AuthFailure.SignatureExpire",
    "InternalError.RestApiInterfaceNotExist": OTHERWISE + "InvalidAction",
    "InternalError.SigFieldMissing": OF_THE_INSIDE,
    "InternalError.SigVerificationFail": OTHERWISE + "AuthFailure.SignatureFailure",
    "InternalError.UnknownError": OTHERWISE + "InternalError",
    "InvalidParameter.AppidAndBizId": OTHERWISE + "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
    "InvalidParameterValue.MissingSignatureList": "of 2019-07-11 alone; " + OTHERWISE + "FailedOperation.MissingSignatureToModify",
    "LimitExceeded.DeliveryFrequencyLimit": "every frequency limit has a code of its own",
    "LimitExceeded.GlobalSmsSendingRateLimit": OTHERWISE + "RequestLimitExceeded",
    "MissingParameter.MissingSignatureList": "of 2019-07-11 alone; " + OTHERWISE + "FailedOperation.MissingSignature",
}
"""Codes that are never answered, and why."""


@functools.cache
def named() -> frozenset[str]:
    """Every text in the tests that ask the door."""
    trees = [ast.parse((ROOT / "tests" / name).read_text(encoding="utf-8")) for name in NAMING]
    return frozenset(
        node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


class Refusing:
    """Refuses for one reason: the whole request, or each number."""

    def __init__(self, reason: Reject, *, whole: bool) -> None:
        self._reason = reason
        self._whole = whole

    async def accept(self, _caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        if self._whole:
            return Refusal(self._reason, "why")
        return [Refused(phone, "CN", self._reason, "why") for phone in command.phones]


@pytest.mark.parametrize("whole", [True, False], ids=["request", "number"])
@pytest.mark.parametrize("reason", Reject)
async def test_every_reason_not_to_send_is_told_in_its_code(reason: Reject, *, whole: bool) -> None:
    acts = SendActs(NOTHING, Refusing(reason, whole=whole))
    asked = SendSms(phone_number_set=["+8613800000000"], sms_sdk_app_id="1", template_id="1")
    told = await acts.send_sms(asked, CONTEXT)
    fault = FAULTS[reason]
    if whole and fault.where is Where.ERROR:
        assert told == Failure(fault, "why")
    else:
        assert isinstance(told, SendStatusSet)
        assert [status.code for status in told.send_status_set] == [fault.code]
        assert told.send_status_set[0].message == f"{fault.en}: why"


@pytest.mark.parametrize("code", sorted(SERVICE))
def test_every_code_is_produced_by_a_test_or_cannot_be_met(code: str) -> None:
    produced = {fault.code for fault in FAULTS.values()} | (named() & {fault.code for fault in EVERY})
    assert (code in produced) != (code in NOT_MET), "produced by no test, and not said why" if code not in NOT_MET else "it is produced"


def test_every_fault_of_the_door_is_asked_for_by_some_test() -> None:
    mapped = {fault.code for fault in [*FAULTS.values(), *REFUSED.values()]}
    assert sorted({fault.code for fault in EVERY} - mapped - named()) == []


@pytest.mark.parametrize("fault", sorted(EVERY, key=lambda fault: (fault.code, fault.en)))
def test_each_version_says_only_codes_that_it_has(fault: errors.Fault) -> None:
    older = OLDER_WORDS.get(fault.code, fault)
    only_old = SERVICE.get(fault.code, {}).get(NEW) is False
    assert not only_old
    assert SERVICE.get(older.code, {OLD: True})[OLD] or older.code.startswith(NEW_ACTIONS)


NEW_ACTIONS = (
    "FailedOperation.PhoneNumberParseFail",
    "InvalidParameterValue.MultiSmsInfoSetEmpty",
    "UnsupportedOperation.ContainDomesticPhoneNumber",
    "InternalError",
)
"""Of actions that 2019-07-11 does not have, and the common code."""


@pytest.mark.parametrize("fault", ControlFault)
def test_every_refusal_of_a_control_service_has_a_code(fault: ControlFault) -> None:
    told = refusal(ControlError(fault, "中文", "English"), CONTEXT)
    assert (told.fault, told.detail) == (REFUSED[fault], "English")
    chinese = msgspec.structs.replace(CONTEXT, language="zh-CN")
    assert refusal(ControlError(fault, "中文", "English"), chinese).detail == "中文"
