import json
from pathlib import Path

import pytest

from hongyan.doors.tencent_v5 import auth, errors
from hongyan.doors.tencent_v5.auth import Where
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.model.limits import Limits
from hongyan.model.snapshot import App

CAPTURES = Path(__file__).parents[2] / "captures/tencent_v5"
VECTORS = json.loads((CAPTURES / "signatures.json").read_text(encoding="utf-8"))
ONE = next(vector for vector in VECTORS if vector["name"] == "one number")
NOW = float(ONE["time"])
APP = App(
    id=1400006666,
    account_id=1,
    name="app",
    app_key=ONE["app_key"],
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


def verified(now: float = NOW, tails: tuple[str, ...] | Failure = (ONE["tail"],), **changes: str) -> Failure | None:
    given = {"sig": ONE["sig"], "random": ONE["random"], "time": ONE["time"]} | changes
    return auth.verify(APP, now=now, tails=tails, **given)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_signatures_come_out(vector: dict[str, str]) -> None:
    assert auth.signed(vector["app_key"], vector["random"], vector["time"], vector["tail"]) == vector["sig"]


@pytest.mark.parametrize("away", [0, 599, -600, 600])
def test_a_request_is_good_for_ten_minutes_either_way(away: int) -> None:
    assert verified(NOW + away) is None


@pytest.mark.parametrize("away", [601, -601, 10**9])
def test_a_request_of_another_time_is_told_how_far_off_it_is(away: int) -> None:
    wrong = verified(NOW + away)
    assert wrong == Failure(errors.TIME_WRONG, f"by {abs(away)} seconds, 600 are allowed")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sig": ""}, errors.SIG_MISSING),
        ({"sig": "0" * 64}, errors.SIG_WRONG),
        ({"sig": "鸿雁\ud800"}, errors.SIG_WRONG),
        ({"random": "7226249335"}, errors.SIG_WRONG),
        ({"random": ""}, errors.BAD_PACKAGE),
        ({"random": "1&time=2"}, errors.BAD_PACKAGE),
        ({"random": "1" * 65}, errors.BAD_PACKAGE),
        ({"time": ""}, errors.BAD_PACKAGE),
        ({"time": "1457336869.0"}, errors.BAD_PACKAGE),
        ({"time": "-1457336869"}, errors.BAD_PACKAGE),
        ({"time": "１４５７３３６８６９"}, errors.BAD_PACKAGE),
        ({"time": "9" * 40}, errors.BAD_PACKAGE),
        ({"time": "1457336870"}, errors.SIG_WRONG),
    ],
)
def test_whatever_is_not_what_was_signed_is_refused(changes: dict[str, str], fault: errors.Fault) -> None:
    wrong = verified(**changes)
    assert wrong is not None
    assert wrong.fault == fault


def test_a_sig_may_be_of_any_way_in_which_the_call_is_known_to_be_signed() -> None:
    assert verified(tails=("&tel=+8613788888888", ONE["tail"])) is None
    assert verified(tails=("", "&mobile=13788888889")) == Failure(errors.SIG_WRONG)
    assert verified(tails=()) == Failure(errors.SIG_WRONG)


def test_a_sig_in_capitals_is_the_same() -> None:
    assert verified(sig=ONE["sig"].upper()) is None


def test_what_cannot_be_signed_is_told_after_what_concerns_any_call() -> None:
    nothing = Failure(errors.BAD_PACKAGE, "cannot get /tel/mobile")
    assert verified(tails=nothing, sig="") == Failure(errors.SIG_MISSING)
    assert verified(tails=nothing) == nothing


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"sdkappid=1400006666&random=7226249334", Where(1400006666, "7226249334", "")),
        (b"random=1&sdkappid=2&time=3&other=4", Where(2, "1", "3")),
        (b"sdkappid=2", Where(2, "", "")),
        (b"", Failure(errors.APP_ID_MISSING)),
        (b"sdkappid=&random=1", Failure(errors.APP_ID_MISSING)),
        (b"sdkappid=abc", Failure(errors.APP_ID_INVALID)),
        (b"sdkappid=" + b"9" * 40, Failure(errors.APP_ID_INVALID)),
        (b"sdkappid=%ff", Failure(errors.WRONG_URL, "its parameters are not URL-encoded UTF-8")),
        (b"&".join([b"a=1"] * 100), Failure(errors.WRONG_URL, "its parameters are not URL-encoded UTF-8")),
    ],
)
def test_the_url_names_the_application(query: bytes, found: Where | Failure) -> None:
    assert auth.read(query) == found
