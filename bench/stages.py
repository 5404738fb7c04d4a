"""Microseconds a message by stage: shares out what a process spent over the stacks that py-spy saw (`run.py --profile DIR`).

    python bench/stages.py report.json DIR

A sample counts for the innermost frame that belongs to a stage; the standard library's work counts for whoever called it.
"""

import json
import sys
from collections import Counter
from pathlib import Path

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("HTTP server (uvicorn)", ("/uvicorn/",)),
    ("HTTP edge (kit.web)", ("hongyan/kit/web",)),
    ("door: signature, schema, answer", ("hongyan/doors/",)),
    ("compose and checks", ("hongyan/pipeline/compose", "hongyan/pipeline/checks", "hongyan/model/")),
    ("accept: groups and rows", ("hongyan/pipeline/accept",)),
    ("lanes, routing, dispatch", ("hongyan/pipeline/dispatch", "hongyan/pipeline/lanes", "hongyan/pipeline/routing")),
    ("link and SMPP", ("hongyan/carriers/", "hongyan/wire/")),
    ("answers, receipts, settling", ("hongyan/pipeline/",)),
    ("database driver and rows", ("/asyncpg/", "hongyan/store/", "hongyan/kit/db")),
    ("metrics, ids, logs", ("hongyan/kit/",)),
    ("simulated carrier", ("hongyan/simulator/",)),
)
REST = "event loop and the rest"


def main() -> int:
    report = json.loads(Path(sys.argv[1]).read_bytes())
    for path in sorted(Path(sys.argv[2]).glob("*-*.txt")):
        name, _, process = path.stem.partition("-")
        if name not in report:
            continue
        spent = report[name]["cpu_us_per_message"][process]
        print(f"\n{name}: {process}, {spent} microseconds of processor time a message\n")
        print("| stage | us a message | share |\n| --- | --- | --- |")
        found = shares(path.read_text(encoding="utf-8").splitlines())
        total = sum(found.values())
        for stage, samples in found.most_common():
            print(f"| {stage} | {spent * samples / total:.1f} | {samples / total:.0%} |")
    return 0


def shares(lines: list[str]) -> Counter[str]:
    """Samples by stage, from lines of `frame;frame;... count`."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        found[stage_of(stack.split(";"))] += int(count)
    return found


def stage_of(frames: list[str]) -> str:
    """The stage of the innermost frame that has one."""
    for frame in reversed(frames):
        for stage, places in STAGES:
            if any(place in frame for place in places):
                return stage
    return REST


if __name__ == "__main__":
    sys.exit(main())
