"""Kill the platform again and again under load and compare what was promised with what came of it. Run by `make chaos`."""

import argparse
import asyncio
import logging
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.campaign import Campaign, Result, draw
from chaos.rig import rig
from hongyan.kit.faults import Action


def main() -> int:
    options = parse(sys.argv[1:])
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    print(f"chaos: seed {seed}", file=sys.stderr)
    # A pool that finds no database says so at length; here that is the point.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result = asyncio.run(campaign(options, seed))
    print(table(result), file=sys.stderr)
    print(msgspec.json.encode(result).decode())
    return 0 if result.verdict.clean else 1


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Random kills under mixed load. A table on standard error, JSON on standard output."
    )
    parser.add_argument("--cycles", type=int, default=40, help="how many random strikes")
    parser.add_argument("--seed", type=int, help="repeat the strikes of another run")
    parser.add_argument("--rate", type=float, default=1.0, help="times 260 messages a second")
    parser.add_argument("--pause", type=float, nargs=2, default=(0.05, 2.0), metavar=("LEAST", "MOST"), help="seconds between two strikes")
    parser.add_argument("--no-points", action="store_true", help="leave the fault points out")
    parser.add_argument("--carrier", action="store_true", help="kill the simulated carrier too; what it forgets is then not counted")
    parser.add_argument("--keep", type=Path, help="copy histories and logs to this directory")
    return parser.parse_args(arguments)


async def campaign(options: argparse.Namespace, seed: int) -> Result:
    began = time.monotonic()
    async with rig(seed=seed, rate=options.rate) as built:
        struck = Campaign(built, seed)
        try:
            if not options.no_points:
                await struck.every_point(Action.KILL)
                struck.say("killed at every point")
                await struck.every_point()
                struck.say("failed at every point")
            await struck.cycles(draw(seed, options.cycles, carrier=options.carrier), pauses=tuple(options.pause))
            struck.say("random strikes are over")
            await struck.account()
        finally:
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                for file in [path for path in built.platform.home.iterdir() if path.is_file()]:
                    shutil.copy(file, options.keep / file.name)
    struck.result.seconds = round(time.monotonic() - began, 1)
    return struck.result


def table(result: Result) -> str:
    counts, verdict = result.counts, result.verdict
    kills = ", ".join(f"{target} {times}" for target, times in sorted(result.kills.items()))
    duplicated = ", ".join(f"{kind} {more}" for kind, more in sorted(counts.duplicated.items())) or "0"
    rows = [
        ("seed", result.seed),
        ("seconds", result.seconds),
        ("strikes", f"{result.cycles}, of which {result.killed} kills"),
        ("by target", kills),
        ("fault points passed", len(result.points)),
        ("requests", f"{counts.requests}, numbers without an answer {counts.unanswered} (sent all the same {counts.unanswered_sent})"),
        ("messages promised", f"{counts.messages}, refused {counts.refused}"),
        ("suspects listed", counts.suspects),
        ("copies by class", f"{duplicated}; all allowed and listed unless counted below"),
        ("ended as unknown", f"{counts.unknown} (never with the carrier {counts.unknown_unsent})"),
        ("callbacks", f"{counts.reports} reports, {counts.reports_repeated} of them again"),
        ("longest outage", f"{counts.longest_outage_s} s"),
        ("", ""),
        ("lost", len(verdict.lost)),
        ("sent too often", {kind: len(found) for kind, found in verdict.twice.items()} or 0),
        ("undetected duplicates", len(verdict.undetected)),
        ("unexpected", len(verdict.unexpected)),
        ("unreported", len(verdict.unreported)),
        ("contradicted", len(verdict.contradicted)),
        ("forgotten", len(verdict.forgotten)),
        ("ledger drift", len(verdict.drift)),
        ("open work", verdict.open or 0),
        ("broken laws", list(verdict.laws) or 0),
    ]
    return "\n".join(f"  {name:<22} {value}" if name else "" for name, value in rows)


if __name__ == "__main__":
    sys.exit(main())
