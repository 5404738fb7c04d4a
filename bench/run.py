"""The load benchmark: starts a platform of its own, measures three loads, prints one JSON object. See README.md."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HONGYAN = [sys.executable, "-m", "hongyan"]
START_PATIENCE_S = 120.0
STOP_PATIENCE_S = 20.0
SPY_LEAD_S = 1.0
"""The profiler looks from so long after the warm-up on."""

MARKS = {"single": 4_500, "bulk": 12_000}
"""Messages a second, accepted and delivered."""
HALF_LOAD_P99_MS = 50.0
CODES_PER_S = 100
CODE_P99_MS = 1000.0
"""From the request to the carrier, while a campaign drains."""
DRAIN_PER_S = 4_000
"""A campaign that drains more slowly than this is still draining when the last code is sent."""
FORBIDDEN = ("lost", "duplicated", "unsettled", "untold")


class BenchError(Exception):
    """It could not be measured; the text says why."""


def main() -> int:
    options = parse(sys.argv[1:])
    data_dir = Path(tempfile.mkdtemp(prefix="hongyan-bench-", dir=options.directory))
    journal = data_dir / "carrier.jsonl"
    environ = environment(data_dir, journal)
    try:
        with platform(environ, data_dir):
            report = measured(options, environ, data_dir)
    except BenchError as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 2
    finally:
        if options.keep:
            print(f"bench: everything is kept in {data_dir}", file=sys.stderr)
        else:
            shutil.rmtree(data_dir, ignore_errors=True)
    report["faults"] = faults(report, marks=options.check)
    print(json.dumps(report, ensure_ascii=False))
    return 1 if report["faults"] else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py", description="Measure Hongyan on this machine. One JSON object on standard output."
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each load is measured")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds of the same load before each that do not count")
    parser.add_argument("--scenarios", default="single,bulk,half", help="which of single, bulk, half, campaign to run")
    parser.add_argument("--campaign", type=int, default=1_000_000, help="messages of the campaign that drains while codes are sent")
    parser.add_argument("--template", default="verification", help="verification, notice or marketing")
    parser.add_argument("--rate", type=float, help="requests a second of the third load; otherwise half of what the first reached")
    parser.add_argument("--connections", type=int, help="keep-alive connections; otherwise 64 for one number a request, 16 for 200")
    parser.add_argument("--no-callbacks", action="store_true", help="report to nobody; otherwise a callback server is told of each message")
    parser.add_argument("--check", action="store_true", help="fail below the marks, not only when something was lost or duplicated")
    parser.add_argument("--directory", help="where to make the temporary data directory (a real disk, not memory)")
    parser.add_argument("--keep", action="store_true", help="keep the data directory")
    parser.add_argument("--profile", type=Path, help="record the engine and the simulator under each load with py-spy into this directory")
    return parser.parse_args(arguments)


def environment(data_dir: Path, journal: Path) -> dict[str, str]:
    """The caller's settings stay (another database, more processes); where things are is ours."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        **os.environ,
        "HONGYAN_DATA_DIR": str(data_dir / "data"),
        "HONGYAN_HTTP": f"127.0.0.1:{port}",
        "HONGYAN_SIMULATOR_JOURNAL": str(journal),
        "HONGYAN_SIMULATOR_RECEIPT_DELAY_S": "0",
        "HONGYAN_CALLBACK_ALLOW": os.environ.get("HONGYAN_CALLBACK_ALLOW", "127.0.0.1/32"),
        "HONGYAN_LOG_LEVEL": os.environ.get("HONGYAN_LOG_LEVEL", "warning"),
        "HONGYAN_LANG": "en",
        "HONGYAN_REQUEST_RATES": "0",  # one account asks for as much as many would
    }


@contextlib.contextmanager
def platform(environ: dict[str, str], data_dir: Path) -> Iterator[None]:
    """A whole platform for as long as the block lasts; its log goes to a file, shown when it does not start."""
    log = data_dir / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*HONGYAN, "serve"], env=environ, stdout=output, stderr=output)
        try:
            wait_until_ready(process, environ["HONGYAN_HTTP"], log)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            complaints = log.read_text(encoding="utf-8", errors="replace").strip()
            if complaints:
                print(f"bench: the platform said:\n{complaints[-4000:]}", file=sys.stderr)


def wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"the platform ended with {process.returncode}; {log}:\n{log.read_text(encoding='utf-8', errors='replace')}")
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"http://{address}/readyz", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise BenchError(f"the platform was not ready within {START_PATIENCE_S:.0f} s; see {log}")


def measured(options: argparse.Namespace, environ: dict[str, str], data_dir: Path) -> dict[str, Any]:
    report: dict[str, Any] = {}
    wanted = options.scenarios.split(",")
    if "single" in wanted:
        report["single"] = scenario("single", options, environ, data_dir, [])
    if "bulk" in wanted:
        report["bulk"] = scenario("bulk", options, environ, data_dir, ["--numbers", "200"])
    if "half" in wanted:
        rate = options.rate or (report["single"]["delivered_per_s"] / 2 if "single" in report else MARKS["single"] / 2)
        report["half"] = scenario("half", options, environ, data_dir, ["--rate", f"{max(1.0, rate):.0f}"])
    if "campaign" in wanted:
        # A later option wins: codes are sent for as long as the campaign may take.
        seconds = max(options.seconds, options.campaign / DRAIN_PER_S)
        codes = ["--campaign", str(options.campaign), "--rate", str(CODES_PER_S), "--seconds", str(seconds), "--template", "verification"]
        report["campaign"] = scenario("campaign", options, environ, data_dir, codes)
        print(f"bench: campaign: {report['campaign']['campaign']}", file=sys.stderr)
    return report


def scenario(name: str, options: argparse.Namespace, environ: dict[str, str], data_dir: Path, more: list[str]) -> dict[str, Any]:
    """One load, measured by `hongyan bench` in a process of its own."""
    command = [*HONGYAN, "bench", "--json", "--seconds", str(options.seconds), "--warm-up", str(options.warm_up)]
    command += ["--template", options.template, "--no-callbacks" if options.no_callbacks else "--callbacks", *more]
    if options.connections:
        command += ["--connections", str(options.connections)]
    spies: list[subprocess.Popen[bytes]] = []
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
    if options.profile:
        spies = profile(name, options, data_dir)
    out, _ = process.communicate()
    for spy in spies:
        spy.wait()
    if process.returncode:
        raise BenchError(f"hongyan bench ended with {process.returncode} ({name})")
    result: dict[str, Any] = json.loads(out)
    print(f"bench: {name}: {summary(result)}", file=sys.stderr)
    return result


def profile(name: str, options: argparse.Namespace, data_dir: Path) -> list[subprocess.Popen[bytes]]:
    """Stacks of the processes on the hot path while the load lasts, in files that speedscope and flame graphs understand."""
    options.profile.mkdir(parents=True, exist_ok=True)
    processes = json.loads((data_dir / "data" / "run" / "state.json").read_bytes())["processes"]
    time.sleep(options.warm_up + SPY_LEAD_S)
    spy = Path(sys.executable).with_name("py-spy")
    duration = str(max(1, round(options.seconds - 1)))
    record = [str(spy), "record", "--duration", duration, "--rate", "200", "--format", "raw", "--gil"]
    return [
        subprocess.Popen(
            [*record, "--pid", str(pid), "--output", str(options.profile / f"{name}-{process}.txt")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for process, pid in processes.items()
        if process in {"engine", "office", "simulator"}
    ]


def summary(result: dict[str, Any]) -> str:
    told = f"{result['callbacks_per_s']} callbacks/s, p99 {result['request_to_callback_ms']['p99']} ms, " if "untold" in result else ""
    return (
        f"{result['accepted_per_s']} accepted/s, {result['delivered_per_s']} delivered/s, {told}"
        f"accept p99 {result['accept_ms']['p99']} ms, {result['cpu_us_per_message'].get('platform')} CPU us a message, "
        f"{result['lost']} lost, {result['duplicated']} duplicated"
    )


def faults(report: dict[str, Any], *, marks: bool) -> list[str]:
    """What must not be; with `marks` also what is too slow."""
    found = [f"{name}: {result[what]} {what}" for name, result in report.items() for what in FORBIDDEN if result.get(what)]
    meanwhile = report.get("campaign", {}).get("campaign", {})
    found += [f"campaign: {meanwhile[what]} {what}" for what in ("lost", "duplicated") if meanwhile.get(what)]
    if not marks:
        return found
    for name, mark in MARKS.items():
        if name in report and report[name]["delivered_per_s"] < mark:
            found.append(f"{name}: {report[name]['delivered_per_s']} messages/s accepted and delivered, {mark} are wanted")
    if "half" in report and not (report["half"]["accept_ms"]["p99"] or HALF_LOAD_P99_MS) < HALF_LOAD_P99_MS:
        found.append(f"half: accept p99 {report['half']['accept_ms']['p99']} ms, less than {HALF_LOAD_P99_MS:.0f} is wanted")
    p99 = meanwhile["code_to_carrier_ms"]["p99"] if meanwhile else None
    if p99 is not None and p99 >= CODE_P99_MS:
        found.append(f"campaign: codes reach the carrier with a p99 of {p99} ms, less than {CODE_P99_MS:.0f} is wanted")
    return found


if __name__ == "__main__":
    sys.exit(main())
