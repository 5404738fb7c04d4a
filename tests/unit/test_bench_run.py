import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", Path(__file__).parents[2] / f"bench/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run() -> ModuleType:
    return load("run")


def result(per_s: int = 20_000, p99: float = 20.0, **what: int) -> dict[str, Any]:
    return {"delivered_per_s": per_s, "accept_ms": {"p99": p99}, "lost": 0, "duplicated": 0, "unsettled": 0} | what


def test_a_loss_is_a_fault_with_or_without_marks(run: ModuleType) -> None:
    report = {"single": result(lost=2), "bulk": result(duplicated=1)}
    assert run.faults(report, marks=False) == ["single: 2 lost", "bulk: 1 duplicated"]
    assert run.faults(report, marks=True) == run.faults(report, marks=False)


def test_being_slow_is_a_fault_only_against_the_marks(run: ModuleType) -> None:
    report = {"single": result(4_499), "bulk": result(11_999), "half": result(1_000, p99=50.0)}
    assert run.faults(report, marks=False) == []
    assert [fault.partition(":")[0] for fault in run.faults(report, marks=True)] == ["single", "bulk", "half"]
    assert run.faults({"single": result(4_500), "bulk": result(12_000), "half": result(1_000, p99=49.9)}, marks=True) == []


def test_codes_that_wait_for_a_campaign_are_a_fault(run: ModuleType) -> None:
    for p99, lost, faults in ((999.0, 0, []), (1000.0, 0, ["campaign"]), (None, 3, ["campaign"])):
        campaign = {"lost": lost, "duplicated": 0, "code_to_carrier_ms": {"p99": p99}}
        report = {"campaign": result(100) | {"campaign": campaign}}
        assert [fault.partition(":")[0] for fault in run.faults(report, marks=True)] == faults


def test_the_platform_measured_is_its_own(run: ModuleType, tmp_path: Path) -> None:
    environ = run.environment(tmp_path, tmp_path / "carrier.jsonl")
    assert environ["HONGYAN_DATA_DIR"].startswith(str(tmp_path))
    assert environ["HONGYAN_SIMULATOR_JOURNAL"] == str(tmp_path / "carrier.jsonl")
    assert environ["HONGYAN_SIMULATOR_RECEIPT_DELAY_S"] == "0"
    assert not environ["HONGYAN_HTTP"].endswith(":8080")


def test_the_table_of_growing_tables_names_indexes_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    cpu = {"engine": 200.0, "postgres": 100.0, "office": 20.0, "platform": 320.0}
    loads = {"single": result() | {"cpu_us_per_message": cpu, "accept_to_carrier_ms": {"p50": 1.0, "p99": 2.0}}}
    indexes = [{"table": "t", "index": name, "scans": scans, "size": 2**21} for name, scans in (("one", 7), ("other", 0))]
    state = {"sizes": [], "indexes": indexes, "updates": [{"table": "queue", "updates": 4_000, "hot": 3_000, "dead": 0}]}
    lines = load("flat").markdown([{"rows": 10_000_000, "spread": "days", "loads": loads, **state}]).splitlines()
    assert "| 10,000,000 | days | single | 20,000 | 1 / 2 | 200 | 100 | 20 | 320 |" in lines
    assert "| queue | 4,000 | 75% |" in lines
    assert lines[-1] == "Never read: other."


@pytest.fixture(scope="module")
def stages() -> ModuleType:
    return load("stages")


def test_what_the_standard_library_does_counts_for_its_caller(stages: ModuleType) -> None:
    lines = [
        "main (hongyan/cli/worker.py:1);run (hongyan/pipeline/accept.py:2);hexdigest (hashlib.py:3) 3",
        "main (hongyan/cli/worker.py:1);send (/x/site-packages/uvicorn/protocols/http/httptools_impl.py:4) 2",
        "main (elsewhere.py:1) 1",
    ]
    assert stages.shares(lines) == {"accept: groups and rows": 3, "HTTP server (uvicorn)": 2, stages.REST: 1}
