import json
from pathlib import Path
from typing import Any

import pytest

from hongyan.cli.load.answers import TencentAnswers
from hongyan.cli.load.campaign import Campaign
from hongyan.cli.load.costs import Spent
from hongyan.cli.load.measure import LOAD, Api, Settled, Stretch, figures
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises, Sightings, Tellings, quantile_ms

NUMBERS = Numbers(424_242)


def phone(index: int) -> str:
    return f"+86{NUMBERS.national(index)}"


def answer(*codes: str, first: int = 0) -> bytes:
    statuses = [{"SerialNo": "2021:1", "PhoneNumber": phone(first + n), "Fee": 1, "Code": code} for n, code in enumerate(codes)]
    return json.dumps({"Response": {"SendStatusSet": statuses, "RequestId": "r"}}, separators=(",", ":")).encode()


REFUSAL = b'{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"m"},"RequestId":"r"}}'


def promised(count: int, *bodies: bytes | None) -> Promises:
    """Request n is sent at second n and answered half a second later; None is never answered."""
    promises = Promises(NUMBERS, count, TencentAnswers())
    for n, body in enumerate(bodies):
        assert promises.begin(float(n)) == n
        if body is not None:
            promises.answer(n, 200, body, n + 0.5)
    return promises


def test_an_answer_that_takes_all_is_counted_and_not_kept() -> None:
    promises = promised(2, answer("Ok", "Ok"))
    assert (promises.ok, promises.partly, promises.refused) == (2, {}, {})
    assert promises.is_taken(0)
    assert promises.is_taken(1)
    assert not promises.is_taken(2)


def test_of_a_mixed_answer_it_is_known_which_numbers_were_taken() -> None:
    promises = promised(3, answer("Ok", "FailedOperation.PhoneNumberInBlacklist", "Ok"), answer("Ok", "Ok", "Ok", first=3))
    assert [index for index in range(6) if promises.is_taken(index)] == [0, 2, 3, 4, 5]
    assert promises.ok == 5
    assert promises.refused == {"FailedOperation.PhoneNumberInBlacklist": 1}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (REFUSAL, "RequestLimitExceeded"),
        (b"<html>", "unreadable answer"),
        (b'{"Response":{}}', "no status"),
        (b"", "unreadable answer"),
    ],
)
def test_a_refused_request_promises_nothing(body: bytes, code: str) -> None:
    promises = promised(2, body)
    assert (promises.ok, promises.refused, promises.unanswered) == (0, {code: 2}, 0)
    assert not promises.is_taken(0)


def test_an_ok_under_another_status_is_no_promise() -> None:
    promises = Promises(NUMBERS, 1, TencentAnswers())
    promises.begin(0.0)
    assert not promises.answer(0, 500, answer("Ok"), 1.0)
    assert promises.ok == 0


def test_a_request_without_an_answer_promises_nothing_and_is_counted() -> None:
    promises = promised(1, answer("Ok"), None)
    assert (promises.ok, promises.unanswered) == (1, 1)
    assert not promises.is_taken(1)


def test_rates_count_answers_and_times_count_sendings_of_the_stretch() -> None:
    promises = promised(1, *(answer("Ok", first=n) for n in range(4)))
    assert promises.taken_between(1.0, 3.0) == 2
    assert promises.waits_s(1.0, 3.0) == [0.5, 0.5]


def test_the_journal_tells_lost_doubled_and_unpromised_numbers() -> None:
    sightings = Sightings(promised(1, answer("Ok"), answer("Ok", first=1), REFUSAL, None, answer("Ok", first=4)))
    for index in (0, 0, 2, 3):
        sightings.note(phone(index), 0, 1, 10.0)
    assert (sightings.seen, sightings.doubles, sightings.lost(), sightings.unpromised()) == (3, 1, 2, 2)


def test_a_submit_that_the_carrier_turned_away_was_not_taken() -> None:
    sightings = Sightings(promised(1, answer("Ok")))
    sightings.note(phone(0), 0x58, 1, 10.0)
    assert (sightings.rejected, sightings.lost()) == (1, 1)
    sightings.note(phone(0), 0, 1, 10.1)
    assert (sightings.lost(), sightings.doubles) == (0, 0)


def test_segments_of_one_message_are_no_copies_of_each_other() -> None:
    sightings = Sightings(promised(1, answer("Ok")))
    for segment in (1, 2, 3):
        sightings.note(phone(0), 0, segment, 10.0)
    assert (sightings.seen, sightings.doubles) == (1, 0)
    sightings.note(phone(0), 0, 3, 10.0)
    assert sightings.doubles == 1


def test_lines_about_other_numbers_do_not_matter() -> None:
    sightings = Sightings(promised(1, answer("Ok")))
    for other in ("8619900000001", phone(5), "10690000"):
        sightings.note(other, 0, 1, 10.0)
    assert (sightings.seen, sightings.doubles, sightings.lost()) == (0, 0, 1)


def test_the_way_to_the_carrier_is_measured_from_the_request() -> None:
    sightings = Sightings(promised(2, answer("Ok", "Ok"), answer("Ok", "Ok", first=2)))
    sightings.note(phone(1), 0, 1, 0.25)
    sightings.note(phone(2), 0, 1, 1.75)
    assert list(sightings.waits_s) == [0.25, 0.75]
    assert sightings.seen_between(1.0, 2.0) == 1


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 1.0)])
def test_quantiles_are_values_that_occurred(share: float, expected: float) -> None:
    assert quantile_ms([n / 1000 for n in range(100, 0, -1)], share) == expected


def test_there_is_no_quantile_of_nothing() -> None:
    assert quantile_ms([], 0.5) is None


def test_costs_are_shared_out_over_the_messages_and_the_load_is_none_of_the_platforms() -> None:
    promises = promised(2, answer("Ok", "Ok"), answer("Ok", "Ok", first=2))
    sightings = Sightings(promises)
    for index in range(4):
        sightings.note(phone(index), 0, 1, 1.0)
    result = figures(
        Stretch(
            promises=promises,
            tellings=None,
            sightings=sightings,
            began=0.0,
            ended=2.0,
            drained=4.0,
            settled=Settled(delivered=3, between=2, last_at=None),
            broken_connections=0,
            before={"engine": Spent(1.0, 1), "simulator": Spent(0.0, 1), LOAD: Spent(0.0, 1)},
            after={
                "engine": Spent(1.5, 200 << 20),
                "simulator": Spent(0.25, 1 << 20),
                LOAD: Spent(0.125, 1 << 20),
                "office": Spent(9.0, 1 << 20),
            },
        )
    )
    assert result["cpu_us_per_message"] == {"engine": 125_000.0, "simulator": 62_500.0, LOAD: 31_250.0, "platform": 125_000.0}
    assert (result["accepted_per_s"], result["receipts_per_s"], result["delivered_per_s"]) == (2, 1, 1)
    assert (result["lost"], result["duplicated"], result["unsettled"], result["drain_s"]) == (0, 0, 1, 2.0)
    assert result["memory_mib"]["engine"] == 200


def test_what_a_callback_says_is_counted_once_for_each_number_and_repetitions_apart() -> None:
    promises = Promises(Numbers(3), 1, TencentAnswers())
    for request in range(3):
        promises.begin(float(request))
        promises.answer(request, 200, b'{"Code":"Ok"}', request + 0.5)
    tellings = Tellings(promises)
    for number, at in ((0, 1.0), (1, 1.25), (0, 9.0)):
        tellings.note(str(promises.numbers.national(number)), at)
    tellings.note("19900000000", 2.0)
    assert (list(tellings.waits_s), tellings.repeated, tellings.untold()) == ([1.0, 0.25], 1, 1)
    assert tellings.told_between(1.1, 2.0) == 1


async def test_codes_count_as_sent_meanwhile_only_until_the_campaign_has_drained(tmp_path: Path) -> None:
    journal = tmp_path / "carrier.jsonl"

    async def back(_order: dict[str, Any]) -> None:
        journal.write_text(json.dumps({"monotonic": 2.25, "phone": str(first.national(0)), "status": 0, "segment": 1}) + "\n")

    campaign = Campaign(Api(lambda *_: Nothing(), TencentAnswers()), ("127.0.0.1", 1), journal, back)
    first = campaign.promises.numbers
    campaign.promises.begin(0.0)
    await campaign.release()
    codes = promised(1, *(answer("Ok", first=n) for n in range(4)))
    sightings = Sightings(codes)
    for index, at in enumerate((0.5, 1.125, 2.75, 9.0)):
        sightings.note(phone(index), 0, 1, at)
    found = campaign.figures(
        Stretch(
            promises=codes,
            sightings=sightings,
            tellings=None,
            began=0.0,
            ended=4.0,
            drained=9.0,
            settled=Settled(delivered=4, between=4, last_at=None),
            broken_connections=0,
            before={},
            after={},
        )
    )
    assert (found["codes_meanwhile"], found["code_to_carrier_ms"]) == (3, {"p50": 500.0, "p99": 750.0, "max": 750.0})


class Nothing:
    def build(self, index: int, at: int) -> bytes:
        raise AssertionError((index, at))
