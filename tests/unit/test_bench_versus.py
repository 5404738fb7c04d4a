import argparse
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hongyan.cli.load.measure import Seen
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises
from hongyan.cli.load.receiver import PHONE


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))


@pytest.fixture
def kannel(scripts: None) -> ModuleType:  # noqa: ARG001 - where it is found
    return importlib.import_module("peers.kannel")


@pytest.fixture
def jasmin(scripts: None) -> ModuleType:  # noqa: ARG001 - where it is found
    return importlib.import_module("peers.jasmin")


@pytest.fixture
def tables(scripts: None) -> ModuleType:  # noqa: ARG001 - where it is found
    return importlib.import_module("tables")


@pytest.fixture
def versus(scripts: None) -> ModuleType:  # noqa: ARG001 - where it is found
    return importlib.import_module("versus")


def asked(octets: bytes) -> dict[str, str]:
    line, _, head = octets.partition(b"\r\n")
    assert head.startswith(b"Host: 127.0.0.1:13013\r\n")
    assert head.endswith(b"\r\n\r\n")
    method, target, version = line.decode().split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


def test_kannel_is_asked_for_the_numbers_of_the_request_with_a_new_code_each(kannel: ModuleType) -> None:
    numbers = Numbers(7)
    requests = kannel.Requests("127.0.0.1:13013", "secret", None, numbers, 3)
    query = asked(requests.build(12, 0))
    assert query["to"].split(" ") == [f"86{numbers.national(index)}" for index in (36, 37, 38)]
    assert query["text"] == kannel.TEXT.format(code="000012")
    assert (query["coding"], query["charset"], query["password"]) == ("2", "UTF-8", "secret")
    assert "dlr-url" not in query


def test_kannel_reports_each_number_to_the_receiver(kannel: ModuleType) -> None:
    numbers = Numbers(7)
    query = asked(kannel.Requests("127.0.0.1:13013", "secret", "http://127.0.0.1:9/", numbers, 1).build(0, 0))
    # Kannel puts the number in for %p.
    address = query["dlr-url"].replace("%p", query["to"]).encode()
    assert [numbers.index(phone.decode()) for phone in PHONE.findall(address)] == [0]
    assert query["dlr-mask"] == "19"


def test_kannels_answers_promise_all_or_nothing(kannel: ModuleType) -> None:
    promises = Promises(Numbers(7), 2, kannel.Answers())
    for request, (status, body) in enumerate([(202, b"0: Accepted for delivery"), (403, b"Authorization failed for sendsms")]):
        promises.begin(0.0)
        promises.answer(request, status, body, 1.0)
    assert promises.ok == 2
    assert promises.refused == {"403 Authorization failed for sendsms": 2}


def test_jasmin_is_asked_for_one_number_and_told_where_to_report_it(jasmin: ModuleType, kannel: ModuleType) -> None:
    numbers = Numbers(7)
    query = asked(jasmin.Requests("127.0.0.1:13013", "secret", "http://127.0.0.1:9/", numbers, 1).build(5, 0))
    assert query["to"] == f"86{numbers.national(5)}"
    assert bytes.fromhex(query["hex-content"]).decode("utf-16-be") == kannel.TEXT.format(code="000005")
    assert [numbers.index(phone.decode()) for phone in PHONE.findall(query["dlr-url"].encode())] == [5]
    assert asked(jasmin.Requests("127.0.0.1:13013", "secret", None, numbers, 1).build(5, 0))["dlr"] == "no"


def test_jasmins_answers_promise_the_number_or_nothing(jasmin: ModuleType) -> None:
    promises = Promises(Numbers(7), 1, jasmin.Answers())
    for request, (status, body) in enumerate([(200, b'Success "5a0e"'), (412, b'Error "No route found"')]):
        promises.begin(0.0)
        promises.answer(request, status, body, 1.0)
    assert promises.ok == 1
    assert promises.refused == {'412 Error "No route found"': 1}


def test_the_text_fits_one_segment_like_ours(kannel: ModuleType) -> None:
    assert len(kannel.TEXT.format(code="385204")) <= 70


async def test_a_message_is_through_when_its_line_is_whole(versus: ModuleType, tmp_path: Path) -> None:
    journal = tmp_path / "carrier.jsonl"
    journal.write_bytes(b'{"wall":1.0}\n')
    ask = versus.AtTheCarrier(journal)
    assert (await ask(0.0, 0.0, 0.0)).delivered == 0
    with journal.open("ab") as file:
        file.write(b'{"wall":2.5}\n{"wall":3.5}\n{"wa')
    settled = await ask(0.0, 0.0, 0.0)
    assert (settled.delivered, settled.last_at) == (2, 3.5)
    with journal.open("ab") as file:
        file.write(b'll":4.5}\n')
    assert ((await ask(0.0, 0.0, 0.0)).delivered, Seen(journal).size()) == (3, 0)


def run(peer: str, per_s: float, load: str | None = "single", **more: Any) -> dict[str, Any]:
    figures = {
        "accepted_per_s": per_s,
        "submitted_per_s": per_s,
        "delivered_per_s": per_s,
        "accept_to_carrier_ms": {"p50": 1.0, "p99": 250.0},
        "cpu_us_per_message": {"box": 100.0, "store": 20.0, "load": 999.0, "simulator": 999.0, "platform": 120.0},
        "memory_mib": {"box": 20, "receiver": 999},
        "lost": 0,
    }
    return {"peer": peer, "label": peer.title(), "load": load, "without": "", "figures": figures | more}


def test_medians_are_taken_over_rounds_and_compared_with_ours(tables: ModuleType) -> None:
    results = [run("kannel", per_s) for per_s in (10.0, 50.0, 30.0)] + [run("hongyan", per_s) for per_s in (60.0, 10.0, 70.0)]
    single = tables.medians(results)["single"]
    assert (single["kannel"]["delivered_per_s"], single["kannel"]["rounds"], single["kannel"]["ratio"]) == (30.0, 3, 0.5)
    assert single["hongyan"]["ratio"] == 1.0
    assert (single["kannel"]["cpu_us"], single["kannel"]["memory"]) == (120.0, 20)


def test_the_table_begins_with_ours_and_says_what_could_not_be_measured(tables: ModuleType) -> None:
    results = [
        run("kannel", 30.0),
        run("hongyan", 60.0, untold=0),
        {"peer": "other", "label": "Other", "load": None, "why": "it ended with 1"},
    ]
    rows = [line for line in tables.markdown(results).splitlines() if line.startswith(("| Hongyan", "| Kannel"))]
    assert [row.split(" | ")[0] for row in rows] == ["| Hongyan", "| Kannel"]
    assert "| 0.50 | 30 |" in rows[1]
    assert "1.0 / 250" in rows[1]
    assert "- Other: it ended with 1" in tables.markdown(results)


def test_what_is_still_queued_when_the_patience_ends_is_not_lost(versus: ModuleType, tables: ModuleType) -> None:
    assert versus.accounted({"drain_s": 8.5, "lost": 3, "untold": 4}) == {"drain_s": 8.5, "lost": 3, "untold": 4}
    slow = versus.accounted({"drain_s": 60.0, "lost": 3, "untold": 4})
    assert slow == {"drain_s": 60.0, "waiting": 4}
    result = run("slow", 21.0)
    del result["figures"]["lost"]
    result["figures"] |= slow
    assert "| 4 still wait | - |" in tables.markdown([result])


def test_what_is_not_installed_is_left_out_unless_it_is_required(
    versus: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.import_module("peers.kannel"), "BEARERBOX", "/nowhere/bearerbox")
    assert versus.chosen(versus.parse(["--only", "hongyan,kannel"])) == [None]
    assert "apt-get install kannel" in capsys.readouterr().err
    with pytest.raises(versus.PeerError, match="required"):
        versus.chosen(versus.parse(["--require", "kannel"]))


def test_a_product_that_is_not_known_is_a_mistake(versus: ModuleType) -> None:
    with pytest.raises(SystemExit):
        versus.parse(["--only", "kanel"])
    assert isinstance(versus.parse([]), argparse.Namespace)
