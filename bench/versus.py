"""Hongyan beside other gateways: the same load and the same simulated carrier, in turns, on one machine. See docs/how-to/benchmark.md.

python bench/versus.py                                  # three rounds of everything that is installed; tables and one JSON object
python bench/versus.py --rounds 1 --only kannel-file --results runs.jsonl    # a part of it, kept
python bench/versus.py --table runs.jsonl               # only the tables, from what was kept
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from hongyan.cli.load.costs import Processes
from hongyan.cli.load.driver import Pace
from hongyan.cli.load.measure import LOAD, RECEIVER, Bench, Settled, Stretch, figures
from hongyan.cli.load.receiver import receiver
from peers import Carrier, Peer, PeerError, Running, free_port, jasmin, kannel, listens, ours, process, until
from tables import markdown, medians

PASSWORD = "hongyan"  # noqa: S105 - of the simulated carrier
PATIENCE_S = 60.0
"""How long a product may work off what it has accepted."""


class Shape(msgspec.Struct, frozen=True):
    """A load."""

    numbers: int
    connections: int
    fixed: bool = False
    """At the rate asked for, not as fast as it goes."""


SHAPES = {"single": Shape(1, 64), "fixed": Shape(1, 64, fixed=True), "bulk": Shape(200, 16)}
PEERS: tuple[Peer, ...] = (*kannel.PEERS, *jasmin.PEERS)


def main() -> int:
    options = parse(sys.argv[1:])
    # What was started is ended also when this is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.table:
        print(markdown(read(options.table)))
        return 0
    results = read(options.results) if options.results else []
    try:
        peers = chosen(options)
        for turn in range(options.rounds):
            for result in one_round(turn, peers, options):
                results.append(result)
                if options.results:
                    with options.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(result, ensure_ascii=False) + "\n")
    except PeerError as fault:
        print(f"versus: {fault}", file=sys.stderr)
        return 2
    print(markdown(results), file=sys.stderr)
    print(json.dumps({"medians": medians(results), "runs": results}, ensure_ascii=False))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/versus.py", description="Hongyan beside other gateways. Tables on standard error, one JSON object on standard output."
    )
    names = [ours.NAME, *(peer.name for peer in PEERS)]
    parser.add_argument("--rounds", type=int, default=3, help="how often each product has its turn")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load is measured")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds of the same load before each that do not count")
    parser.add_argument("--rate", type=float, default=2000.0, help="requests a second of the load `fixed`")
    parser.add_argument("--only", help=f"which products, by commas: {', '.join(names)}")
    parser.add_argument("--loads", default=",".join(SHAPES), help="which of single, fixed, bulk")
    parser.add_argument(
        "--require", default="", help="products, by commas, without which the run fails; others that are missing are left out"
    )
    parser.add_argument("--results", type=Path, help="a file that each result is added to; what it has already counts in the tables")
    parser.add_argument("--table", type=Path, help="only print the tables of such a file")
    parser.add_argument("--directory", help="where to make the temporary directories (a real disk, not memory)")
    parser.add_argument("--keep", action="store_true", help="keep them")
    options = parser.parse_args(arguments)
    for name in [*filter(None, (options.only or "").split(",")), *filter(None, options.require.split(","))]:
        if name not in names:
            parser.error(f"there is no {name}; there are {', '.join(names)}")
    return options


def read(path: Path) -> list[dict[str, Any]]:
    """Results that were kept."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def chosen(options: argparse.Namespace) -> list[Peer | None]:
    """The products of this run, None for Hongyan. Raises PeerError when one that is required is missing."""
    only = options.only.split(",") if options.only else None
    required = options.require.split(",")
    found: list[Peer | None] = [] if only is not None and ours.NAME not in only else [None]
    for peer in PEERS:
        if only is not None and peer.name not in only:
            continue
        why = peer.missing()
        if why is None:
            found.append(peer)
        elif peer.name in required:
            raise PeerError(f"{peer.label} is required: {why}")
        else:
            print(f"versus: {peer.label} is left out: {why}", file=sys.stderr)
    return found


def one_round(turn: int, peers: list[Peer | None], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Each product once; who begins changes from round to round."""
    wanted = options.loads.split(",")
    for at in range(len(peers)):
        peer = peers[(at + turn) % len(peers)]
        name = ours.NAME if peer is None else peer.name
        directory = Path(tempfile.mkdtemp(prefix=f"versus-{name}-", dir=options.directory))
        try:
            with carrier(directory) as to:
                yield from of_hongyan(wanted, to, directory, options) if peer is None else of(peer, wanted, to, directory, options)
        except PeerError as fault:
            if peer is None or peer.name in options.require.split(","):
                raise
            print(f"versus: {name} did not run: {fault}", file=sys.stderr)
            yield {"peer": name, "label": peer.label, "load": None, "why": str(fault).splitlines()[0]}
        finally:
            if options.keep:
                print(f"versus: {name} is kept in {directory}", file=sys.stderr)
            else:
                shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def carrier(directory: Path) -> Iterator[Carrier]:
    """A simulated carrier that sends a receipt right behind each answer, if one was asked for, and writes its journal."""
    port = free_port()
    journal, log = directory / "carrier.jsonl", directory / "carrier.log"
    command = [*ours.HONGYAN, "simulate", "serve", "--port", str(port), "--password", PASSWORD]
    command += ["--receipt-delay-s", "0", "--journal", str(journal)]
    with process(command, directory, {**os.environ, "HONGYAN_DATA_DIR": str(directory / "none")}, log) as running:
        until(lambda: listens(port), running, "the simulated carrier", log)
        yield Carrier(port=port, password=PASSWORD, journal=journal, pid=running.pid)


def of_hongyan(wanted: list[str], to: Carrier, directory: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with ours.run(to, directory) as environ:
        for load in wanted:
            shape = SHAPES[load]
            measured = ours.measure(
                environ,
                numbers=shape.numbers,
                seconds=options.seconds,
                warm_up_s=options.warm_up,
                connections=shape.connections,
                rate=options.rate if shape.fixed else None,
            )
            yield result(ours.NAME, ours.LABEL, load, measured, "")


def of(peer: Peer, wanted: list[str], to: Carrier, directory: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with peer.run(to, directory) as running:
        for load in wanted:
            if load in peer.loads:
                measured = uvloop.run(measure(peer, running, to, SHAPES[load], options))
                yield result(peer.name, peer.label, load, measured, peer.without)


def result(name: str, label: str, load: str, measured: dict[str, Any], without: str) -> dict[str, Any]:
    print(
        f"versus: {name}: {load}: {measured['accepted_per_s']} accepted/s, {measured['delivered_per_s']} delivered/s, "
        f"{measured['cpu_us_per_message'].get('platform')} CPU us a message, {measured.get('lost', 'not known')} lost",
        file=sys.stderr,
    )
    return {"peer": name, "label": label, "load": load, "without": without, "figures": measured}


async def measure(peer: Peer, running: Running, to: Carrier, shape: Shape, options: argparse.Namespace) -> dict[str, Any]:
    """One load on a product that is not Hongyan."""
    rate = options.rate if shape.fixed else None
    load_before = os.getloadavg()[0]
    async with contextlib.AsyncExitStack() as stack:
        reports = await stack.enter_async_context(receiver(to.journal.with_name("heard"), peer.taken)) if peer.callbacks else None
        pids = {**running.pids, "simulator": to.pid, LOAD: os.getpid(), **({RECEIVER: reports.pid} if reports else {})}

        def bench() -> Bench:
            return Bench(
                api=running.api(reports.url if reports else None),
                address=running.address,
                journal=to.journal,
                settled=AtTheCarrier(to.journal),
                processes=Processes(pids, running.families),
                numbers_per_request=shape.numbers,
                heard=reports.path if reports else None,
                patience_s=PATIENCE_S,
            )

        if options.warm_up:
            await bench().measure(Pace(min(options.warm_up, peer.seconds / 4), shape.connections, rate))
        stretch = await bench().measure(Pace(min(options.seconds, peer.seconds), shape.connections, rate))
    if not stretch.promises.ok:
        raise PeerError(f"{peer.label} accepted nothing: {dict(stretch.promises.refused)}")
    machine = {"cores": os.cpu_count(), "load_average_before": round(load_before, 2), "load_average_after": round(os.getloadavg()[0], 2)}
    return {**accounted(figures(stretch)), "delivered_per_s": sustained(stretch), "machine": machine}


def accounted(found: dict[str, Any]) -> dict[str, Any]:
    """What is missing when the patience ends was not lost: it waits."""
    if found["drain_s"] < PATIENCE_S:
        return found
    waiting = {"waiting": max(found["lost"], found.get("untold", 0))}
    return {name: value for name, value in found.items() if name not in {"lost", "untold"}} | waiting


def sustained(stretch: Stretch) -> int:
    """Messages that came all the way, a second, until the last of them did: what was lost counts for nothing and costs no time."""
    way = stretch.sightings.at if stretch.tellings is None else stretch.tellings.at
    return round(len(way) / (max(stretch.ended, *way) - stretch.began)) if len(way) else 0


class AtTheCarrier:
    """For products that cannot be asked: a message is through when it is in the carrier's journal."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._offset = journal.stat().st_size
        self._lines = 0
        self._last_at: float | None = None

    async def __call__(self, since: float, begin: float, end: float) -> Settled:  # noqa: ARG002 - whoever asks anew makes a new one
        with self._journal.open("rb") as file:
            file.seek(self._offset)
            *lines, rest = file.read().split(b"\n")
            self._offset = file.tell() - len(rest)
        if lines:
            self._lines += len(lines)
            self._last_at = json.loads(lines[-1])["wall"]
        return Settled(delivered=self._lines, between=0, last_at=self._last_at)


if __name__ == "__main__":
    sys.exit(main())
