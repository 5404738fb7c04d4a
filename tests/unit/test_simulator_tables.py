"""The simulated carrier's pure parts: handset table, id spellings, faults, memory of what was seen, wheel, orders."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.simulator import handsets, orders
from hongyan.simulator.config import SimulatorConfig, may_bind
from hongyan.simulator.ids import FORMS, Spelling, first_id
from hongyan.simulator.script import ANSWERING_MOST, ESME_RMSGQFUL, ESME_ROK, ESME_RTHROTTLED, Script
from hongyan.simulator.seen import Seen
from hongyan.simulator.wheel import Wheel


def script() -> Script:
    return Script(receipt_delay_s=0.3, ids=Spelling.SAME)


@pytest.mark.parametrize("spelling", ["1990000{}", "861990000{}", "+861990000{}", "00861990000{}"])
@pytest.mark.parametrize("last", sorted(handsets.TABLE))
def test_a_scripted_handset_is_known_however_its_number_is_written(spelling: str, last: str) -> None:
    assert handsets.behaviour(spelling.format(last)) is handsets.TABLE[last]


@pytest.mark.parametrize(
    "address",
    ["8613800138000", "861990000001", "8519900000001", "+8619900010001", "861990000 0001", "19900000010", "10690000", "", "Hongyan"],
)
def test_every_other_number_is_an_ordinary_one(address: str) -> None:
    assert handsets.behaviour(address) is handsets.USUAL


def test_receipt_words_fit_their_fields() -> None:
    endings = [each.ending for each in (handsets.USUAL, *handsets.TABLE.values()) if each.ending is not None]
    assert all(1 <= len(ending.stat) <= 7 and len(ending.err) == 3 for ending in endings)


def test_a_refused_submit_never_has_a_receipt() -> None:
    assert all(each.ending is None and not each.reply for each in handsets.TABLE.values() if each.submit_status)


@pytest.mark.parametrize(
    ("spelling", "answer", "receipt"),
    [
        (Spelling.SAME, "1763775600123456", "1763775600123456"),
        (Spelling.UPPER, "64425021bde40", "64425021BDE40"),
        (Spelling.HEX, "1763775600123456", "64425021bde40"),
        (Spelling.DEC, "64425021bde40", "1763775600123456"),
        (Spelling.PADDED, "1763775600123456", "00001763775600123456"),
    ],
)
def test_ids_are_spelt_as_the_script_says(spelling: Spelling, answer: str, receipt: str) -> None:
    number = first_id(1763775600.123456)
    assert (FORMS[spelling].answer(number), FORMS[spelling].receipt(number)) == (answer, receipt)


def test_every_spelling_has_its_forms() -> None:
    assert FORMS.keys() == set(Spelling)


def test_a_carrier_without_faults_takes_everything() -> None:
    quiet = script()
    assert [quiet.admit(0.0) for _ in range(1000)] == [ESME_ROK] * 1000
    assert not quiet.swallows()


def test_the_next_submits_are_throttled_and_no_more() -> None:
    faulty = script()
    faulty.change(orders.Throttle(next=2), 0.0)
    assert [faulty.admit(0.0) for _ in range(4)] == [ESME_RTHROTTLED, ESME_RTHROTTLED, ESME_ROK, ESME_ROK]


def test_the_next_submits_find_the_queue_full() -> None:
    faulty = script()
    faulty.change(orders.QueueFull(next=1), 0.0)
    assert [faulty.admit(0.0), faulty.admit(0.0)] == [ESME_RMSGQFUL, ESME_ROK]


@given(st.lists(st.floats(min_value=0, max_value=0.5), max_size=60), st.floats(min_value=0.5, max_value=20))
@settings(max_examples=50)
def test_a_rate_is_never_exceeded_by_more_than_one_second_of_it(gaps: list[float], per_s: float) -> None:
    faulty = script()
    faulty.change(orders.Throttle(per_s=per_s), 0.0)
    now, taken = 0.0, 0
    for gap in gaps:
        now += gap
        taken += faulty.admit(now) == ESME_ROK
    assert taken <= max(1.0, per_s) + per_s * now + 1e-6


def test_a_client_that_keeps_to_the_rate_is_never_throttled() -> None:
    faulty = script()
    faulty.change(orders.Throttle(per_s=50), 0.0)
    assert {faulty.admit(i / 50) for i in range(500)} == {ESME_ROK}


def test_answers_are_swallowed_as_often_as_told() -> None:
    faulty = script()
    faulty.change(orders.Swallow(next=2), 0.0)
    assert [faulty.swallows() for _ in range(3)] == [True, True, False]


def test_binds_are_refused_for_a_while() -> None:
    faulty = script()
    faulty.change(orders.Drop(refuse_s=5.0), 100.0)
    assert faulty.refuses_binds(104.9)
    assert not faulty.refuses_binds(105.0)


def test_an_order_about_receipts_leaves_alone_what_it_does_not_name() -> None:
    faulty = script()
    faulty.change(orders.Receipts(copies=3), 0.0)
    faulty.change(orders.Receipts(ids=Spelling.HEX), 0.0)
    assert (faulty.receipt_delay_s, faulty.receipt_copies, faulty.ids) == (0.3, 3, Spelling.HEX)


def test_handsets_write_back_until_they_are_told_otherwise_and_are_not_remembered_without_end() -> None:
    faulty = script()
    faulty.change(orders.Answer("+8613800138000", "1"), 0.0)
    faulty.change(orders.Answer("8613800138001", "2"), 0.0)
    assert faulty.answering == {"8613800138000": "1", "8613800138001": "2"}
    faulty.change(orders.Answer("8613800138000", ""), 0.0)
    assert faulty.standing(0.0).answering == 1
    for n in range(ANSWERING_MOST):
        faulty.change(orders.Answer(str(n), "x"), 0.0)
    assert faulty.standing(0.0).answering == ANSWERING_MOST
    assert "8613800138001" not in faulty.answering


def test_a_reset_script_is_a_new_one() -> None:
    faulty = script()
    faulty.change(orders.Answer("8613800138000", "1"), 0.0)
    for order in (orders.Throttle(1.0, 1), orders.QueueFull(1), orders.Slow(1.0), orders.Drop(refuse_s=9.0), orders.Swallow(1)):
        faulty.change(order, 0.0)
    faulty.change(orders.Receipts(5.0, 2, Spelling.PADDED), 0.0)
    faulty.reset()
    assert faulty.standing(0.0) == script().standing(0.0)


def test_a_segment_that_comes_again_is_a_copy() -> None:
    seen = Seen()
    assert not seen.note("8613800138000", (b"a", 1, 1), system_id="s", sender="1069")
    assert not seen.note("8613800138000", (b"b", 1, 1), system_id="s", sender="1069")
    assert not seen.note("8613800138001", (b"a", 1, 1), system_id="s", sender="1069")
    assert seen.note("8613800138000", (b"a", 1, 1), system_id="t", sender="1070")
    sight = seen.sight("8613800138000")
    assert sight is not None
    assert (sight.distinct, sight.copies, sight.system_id, sight.sender) == (2, 1, "t", "1070")
    assert seen.page(after=0, limit=10, duplicates=True) == ({"8613800138000": sight}, None)


@given(st.lists(st.integers(0, 30), max_size=200))
@settings(max_examples=50)
def test_what_is_remembered_stays_within_twice_its_reach(texts: list[int]) -> None:
    seen = Seen(reach=10)
    for text in texts:
        seen.note(str(text), text, system_id="s", sender="")
    assert seen.summary().submits == len(texts)
    assert seen.summary().numbers <= 20
    assert len(seen._young) + len(seen._old) <= 20
    assert all(seen.sight(str(text)) for text in texts[-10:])


def test_pages_show_every_number_once() -> None:
    seen = Seen(reach=4)
    for phone in range(7):
        seen.note(str(phone), phone, system_id="s", sender="")
    shown: list[str] = []
    after: int | None = 0
    while after is not None:
        page, after = seen.page(after=after, limit=2, duplicates=False)
        shown += page
    assert sorted(shown) == [str(phone) for phone in range(7)]


@given(st.lists(st.tuples(st.floats(0, 60), st.integers()), max_size=80))
def test_nothing_leaves_the_wheel_early_or_late(items: list[tuple[float, int]]) -> None:
    wheel: Wheel[tuple[float, int]] = Wheel(per_s=100)
    for item in items:
        wheel.add(item[0], item)
    taken: list[tuple[float, int]] = []
    while (due := wheel.next_due()) is not None:
        batch = wheel.take(due + 1e-9)
        assert all(due - 0.01 - 1e-6 <= item[0] <= due + 1e-6 for item in batch)
        taken += batch
    assert sorted(taken) == sorted(items)
    assert len(wheel) == 0


def test_things_due_together_come_in_the_order_they_were_added() -> None:
    wheel: Wheel[int] = Wheel(per_s=100)
    for number in range(50):
        wheel.add(1.0, number)
    assert wheel.take(0.99) == []
    assert wheel.take(1.0) == list(range(50))
    assert wheel.next_due() is None


@pytest.mark.parametrize(
    ("line", "order"),
    [
        (b'{"do":"throttle","per_s":100}', orders.Throttle(per_s=100)),
        (b'{"do":"reply","phone":"+8619900000008","text":"TD","to":"10690001"}', orders.Reply("+8619900000008", "TD", "10690001")),
        (b'{"do":"receipts","ids":"hex"}', orders.Receipts(ids=Spelling.HEX)),
        (b'{"do":"drop"}', orders.Drop()),
        (b'{"do":"seen","duplicates":true}', orders.Seen(duplicates=True)),
    ],
)
def test_an_order_is_read(line: bytes, order: orders.Order) -> None:
    assert orders.read(line) == order


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'{"do":"explode"}',
        b'{"do":"throttle","pers":100}',
        b'{"do":"throttle","per_s":-1}',
        b'{"do":"slow","delay_s":1e99}',
        b'{"do":"swallow"}',
        b'{"do":"receipts","copies":0}',
        b'{"do":"reply","phone":"Hongyan","text":"x"}',
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_in_words(line: bytes) -> None:
    answer = orders.read(line)
    assert isinstance(answer, orders.Wrong)
    assert answer.error


@pytest.mark.parametrize(
    ("config", "system_id", "password", "right"),
    [
        (SimulatorConfig(), "any", "thing", True),
        (SimulatorConfig(password="p"), "any", "p", True),
        (SimulatorConfig(password="p"), "any", "q", False),
        (SimulatorConfig(accounts={"a": "x"}), "a", "x", True),
        (SimulatorConfig(accounts={"a": "x"}), "a", "", False),
        (SimulatorConfig(accounts={"a": "x"}), "b", "x", False),
        (SimulatorConfig(accounts={"a": "x"}, password="p"), "b", "p", True),
        (SimulatorConfig(accounts={"a": "x"}, password="p"), "a", "p", False),
    ],
)
def test_logins_are_checked_when_there_is_something_to_check(config: SimulatorConfig, system_id: str, password: str, right: bool) -> None:
    assert may_bind(config, system_id, password) is right


def test_ids_of_a_later_start_are_larger_than_those_a_busy_server_gave_out() -> None:
    assert first_id(1000.0) + 60 * 100_000 < first_id(1060.0)
    assert math.isclose(first_id(1763775600.5) / 1e6, 1763775600.5)
