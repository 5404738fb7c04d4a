"""The management API's words: who asks, what is asked, and what is said when the answer is no."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from hongyan.control.errors import ControlError, Fault
from hongyan.doors.huawei import catalogue, manage_errors
from hongyan.doors.huawei.catalogue import OPERATIONS, Operation, find
from hongyan.doors.huawei.manage_auth import actor_of
from hongyan.doors.huawei.manage_errors import BY_KIND, FAILED, SIGNATURE_FIXED, TEMPLATE_FIXED, Failure, Refused, told
from hongyan.doors.huawei.signing import SKEW_S, Signed, date_of
from hongyan.doors.huawei.words import common, signatures, templates
from hongyan.doors.huawei.words.common import Listing, cut, moment, the_id
from hongyan.model.actor import Actor, ActorKind
from hongyan.model.countries import COUNTRY_NAMES, COUNTRY_NAMES_ZH
from hongyan.model.message import Kind
from hongyan.model.papers import Purpose, ReviewStatus, SignatureKind, SignatureState
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, Scope, Snapshot

CAPTURES = Path(__file__).parents[2] / "captures/huawei"
GOLDEN: dict[str, Any] = json.loads((CAPTURES / "management.json").read_text(encoding="utf-8"))
CALLS: list[dict[str, Any]] = GOLDEN["calls"]
BASE = "/v2/0f5a3a2c9b8d4e7f/msgsms"


def snapshot(*, secret: str = GOLDEN["sk"], key_on: bool = True, account_on: bool = True) -> Snapshot:
    key = ApiKey(secret_id=GOLDEN["ak"], secret_key=secret, account_id=1, enabled=key_on)
    account = Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=account_on)
    return msgspec.structs.replace(EMPTY, accounts={1: account}, keys={key.secret_id: key})


def signed(call: dict[str, Any]) -> Signed:
    at = urlsplit(call["target"])
    headers = {name.encode(): value.encode() for name, value in call["headers"].items()}
    return Signed(call["method"], at.path, at.query.encode(), headers, call["body"].encode("latin-1"))


def when(request: Signed) -> float:
    found = date_of(request.headers)
    assert found is not None
    return found


def operation(call: dict[str, Any]) -> Operation:
    found = find(call["method"], urlsplit(call["target"]).path.removeprefix(BASE))
    assert found is not None
    return found[0]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["operation"])
def test_what_the_sdk_signs_is_known_by_its_key(call: dict[str, Any]) -> None:
    request = signed(call)
    actor = actor_of(snapshot(), request, "192.0.2.7", when(request))
    assert isinstance(actor, Actor), actor
    assert (actor.kind, actor.id, actor.account_id, actor.address) == (ActorKind.KEY, GOLDEN["ak"], 1, "192.0.2.7")
    assert operation(call).name == call["operation"]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["operation"])
def test_what_the_sdk_writes_is_read(call: dict[str, Any]) -> None:
    found = operation(call)
    if found.body is not None:
        asked = msgspec.json.decode(call["body"], type=found.body)
        written = {name: value for name, value in msgspec.to_builtins(asked).items() if value is not None}
        assert json.loads(call["body"]).items() <= written.items() or "variable_attributes" in written


def test_whoever_cannot_be_known_is_nobody() -> None:
    request = signed(CALLS[0])
    now = when(request)
    plain = snapshot()
    refused = [
        actor_of(snapshot(secret="another"), request, "", now),
        actor_of(snapshot(key_on=False), request, "", now),
        actor_of(snapshot(account_on=False), request, "", now),
        actor_of(EMPTY, request, "", now),
    ]
    # In the same words, whatever it is.
    assert len(set(refused)) == 1
    for other in (now + SKEW_S + 1, now - SKEW_S - 1):
        assert isinstance(actor_of(plain, request, "", other), Failure)
    for name, value in ((b"authorization", b""), (b"authorization", b"SDK-HMAC-SHA256 x"), (b"x-sdk-date", b"today")):
        failed = actor_of(plain, msgspec.structs.replace(request, headers={**request.headers, name: value}), "", now)
        assert isinstance(failed, Failure)
        refused.append(failed)
    assert {failed.fault for failed in refused if isinstance(failed, Failure)} == {manage_errors.NOT_AUTHENTICATED}
    by_token = actor_of(plain, msgspec.structs.replace(request, headers={b"x-auth-token": b"MII"}), "", now)
    assert isinstance(by_token, Failure)
    assert "X-Auth-Token" in by_token.en


def test_every_operation_is_found_by_its_own_path_alone() -> None:
    for one in OPERATIONS:
        found = find(one.method, one.path.replace("{id}", "7"))
        assert found == (one, "7" if "{id}" in one.path else "")
        assert find("PATCH", one.path) is None
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS) == 21
    assert find("POST", "/templates/batch-delete") is not None
    assert [find("GET", path) for path in ("", "/", "/apps/", "/apps/1/2", "/templates//varilable")] == [None] * 5
    assert {one.rate for one in OPERATIONS} == {catalogue.READS, catalogue.WRITES}


def test_the_tables_are_total() -> None:
    assert set(BY_KIND) == set(Fault)
    assert set(manage_errors.MEANINGS) == {each for each in vars(manage_errors).values() if isinstance(each, manage_errors.Fault)}
    assert set(templates.FLOWS) == set(ReviewStatus)
    assert set(signatures.SOURCE_OF) == set(SignatureKind)
    assert set(signatures.PURPOSE_OF) == set(Purpose)
    assert set(signatures.STATES) == {state.value.upper() for state in SignatureState}
    assert len(signatures.STATES) == 12
    assert set(common.TYPES) == set(Kind)
    assert set(common.REGION_OF) == set(Scope)
    assert set(templates.BRACKETS_OF) == {True, False}
    assert COUNTRY_NAMES.keys() == COUNTRY_NAMES_ZH.keys()
    assert len(templates.COUNTRY_BY_ID) == len(COUNTRY_NAMES) - 1


@pytest.mark.parametrize(
    ("refused", "fixed", "code", "status"),
    [
        (ControlError(Fault.NOT_FOUND, "", "", why="no_signature"), FAILED, "MSGSMS.0005", 404),
        (ControlError(Fault.NOT_FOUND, "", "", why="no_template"), FAILED, "MSGSMS.0009", 404),
        (ControlError(Fault.NOT_FOUND, "", "", why="no_document"), FAILED, "MSGSMS.0011", 404),
        (ControlError(Fault.NOT_FOUND, "", "", why="no_app"), FAILED, "MSGSMS.0076", 404),
        (ControlError(Fault.NOT_FOUND, "", "", why="no_qualification"), FAILED, "MSGSMS.0002", 400),
        (ControlError(Fault.TAKEN, "", "", why="signature_approved"), FAILED, "MSGSMS.0006", 400),
        (ControlError(Fault.TAKEN, "", "", why="template_name_taken"), FAILED, "MSGSMS.0008", 400),
        (ControlError(Fault.WRONG_STATE, "", "", why="signature_approved"), SIGNATURE_FIXED, "MSGSMS.0007", 400),
        (ControlError(Fault.WRONG_STATE, "", "", why="template_pending"), TEMPLATE_FIXED, "MSGSMS.0010", 400),
        (ControlError(Fault.WRONG_STATE, "", "", why="template_approved"), TEMPLATE_FIXED, "MSGSMS.0187", 400),
        (ControlError(Fault.WRONG_STATE, "", "", why="template_pending"), FAILED, "MSGSMS.0029", 400),
        (ControlError(Fault.TOO_MANY, "", "", why="too_many_templates"), FAILED, "MSGSMS.0029", 400),
        (ControlError(Fault.INVALID, "", "", why="bracket"), FAILED, "MSGSMS.0002", 400),
        (ControlError(Fault.NOT_ALLOWED, "", ""), FAILED, "MSGSMS.0003", 403),
    ],
)
def test_refusals_have_their_numbers(refused: ControlError, fixed: manage_errors.Fault, code: str, status: int) -> None:
    failure = told(refused, fixed)
    assert (failure.fault.code, failure.fault.status) == (code, status)


def test_times_are_read_as_they_are_written() -> None:
    at = moment("2026-11-23 10:00:00", "start_time")
    assert at == 1_795_399_200.0
    assert common.told_at(at) == "2026-11-23 10:00:00"
    assert moment("2026-11-23T02:00:00Z", "x") == at
    assert moment("2026-11-23", "x") == at - 10 * 3600
    assert moment(None, "x") is None
    for wrong in ("yesterday", "2026-13-01", "9999-12-31 23:59:59", "0001-01-01"):
        with pytest.raises(Refused):
            moment(wrong, "x")


def test_lists_are_cut_within_bounds() -> None:
    orders = {"create_time": "created"}
    assert cut(Listing(), orders) == cut(Listing(limit=10, offset=0, sort_dir="desc", sort_key="create_time"), orders)
    assert cut(Listing(limit=10_000), orders).most == common.MOST
    for wrong in (Listing(limit=-1), Listing(offset=-1), Listing(offset=2**31), Listing(sort_dir="up"), Listing(sort_key="x")):
        with pytest.raises(Refused):
            cut(wrong, orders)


def test_ids_are_read_in_both_forms() -> None:
    assert the_id("0" * 29 + "4d2", FAILED, "x") == the_id("1234", FAILED, "x") == 1234
    for wrong in ("", "x", "g" * 32, "f" * 32, "0" * 16 + "f" * 16, "9" * 19, "1" * 31, "-1"):
        with pytest.raises(Refused):
            the_id(wrong, FAILED, "x")
