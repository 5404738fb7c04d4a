"""What happens to messages when the database's primary is lost: a table, one JSON object, and an exit code. See README.md.

Starts two PostgreSQL servers (a primary and its synchronous standby) and nodes of the platform on both, loads them with verification codes,
takes the primary away, promotes the standby, and compares what was answered with what the promoted database and the simulated carrier know.
Then the old primary becomes the new one's standby.
"""

import argparse
import asyncio
import base64
import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from hongyan import wiring
from hongyan.cli.load.answers import TencentAnswers
from hongyan.cli.load.driver import Load, Pace
from hongyan.cli.load.measure import Line
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises
from hongyan.cli.load.requests import Requests, Target
from hongyan.kit import embedded, log
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.model.actor import system
from hongyan.model.message import Status
from hongyan.settings import LogFormat, LogLevel, Settings, address
from hongyan.store import engines

BENCH = Path(__file__).parent
NODES: dict[int, tuple[tuple[str, ...], ...]] = {
    2: ((), ("api",)),
    4: ((), ("api",), ("dispatch", "jobs", "callbacks"), ("api",)),
}
"""Roles of each node by the number of nodes; none means all, and the first has the simulated carrier."""
MARK_S = 30.0
"""Within this after the promotion traffic must go on."""
START_S = 90.0
STOP_S = 25.0
DRAIN_S = 60.0
JOIN_S = 60.0


def load_module(path: Path) -> ModuleType:
    """A file beside or above, which is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


clusters = load_module(BENCH / "clusters.py")
invariants = load_module(BENCH.parent / "tests/journeys/invariants.py")


def main() -> int:
    options = parse(sys.argv[1:])
    log.configure(level=LogLevel.WARNING, style=LogFormat.AUTO, process="failover")
    home = Path(tempfile.mkdtemp(prefix="hyf-", dir=options.directory))
    home.chmod(0o711)
    try:
        report = asyncio.run(until_told(Failover(options, home)))
    finally:
        if options.keep:
            print(f"failover: everything is kept in {home}", file=sys.stderr)
        else:
            shutil.rmtree(home, ignore_errors=True)
    for name, value in report.items():
        print(f"{name:34} {value}", file=sys.stderr)
    print(json.dumps(report, ensure_ascii=False))
    return 1 if report["faults"] else 0


async def until_told(failover: "Failover") -> dict[str, Any]:
    """The run, which SIGTERM ends as Ctrl-C does: in order."""
    running = asyncio.create_task(failover.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await running


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/failover.py", description="Lose the primary under load. One JSON object on standard output."
    )
    parser.add_argument(
        "--how",
        choices=("kill", "freeze", "split"),
        default="kill",
        help="kill -9 of the postmaster; freeze: every process of it stopped, so that connections stay and nothing answers; "
        "split: the primary lives on while the standby is promoted",
    )
    parser.add_argument("--nodes", type=int, choices=tuple(NODES), default=4, help="nodes of the platform")
    parser.add_argument("--before", type=float, default=8.0, help="seconds of load before the primary is lost")
    parser.add_argument("--detect", type=float, default=5.0, help="seconds until the standby is promoted, as a keeper would need")
    parser.add_argument("--after", type=float, default=20.0, help="seconds of load after the promotion")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second, over all nodes with doors")
    parser.add_argument("--connections", type=int, default=64, help="keep-alive connections to each node")
    parser.add_argument("--binaries", type=Path, help="directory of PostgreSQL's programs; otherwise those of the embedded database")
    parser.add_argument("--directory", help="where to make the temporary directory")
    parser.add_argument("--keep", action="store_true", help="keep the directory")
    return parser.parse_args(arguments)


class Node:
    """One `hongyan serve` with a data directory of its own."""

    def __init__(self, home: Path, roles: tuple[str, ...], environ: dict[str, str]) -> None:
        self.roles = roles
        self._data = home / "data"
        self._log = home / "log"
        home.mkdir()
        # The simulated carrier writes elsewhere than the database's user looks.
        own = {"HONGYAN_DATA_DIR": str(self._data), "HONGYAN_HTTP": "127.0.0.1:0", "HONGYAN_PROCESSES": "2"}
        arguments = [argument for role in roles for argument in ("--role", role)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hongyan", "serve", *arguments], env=environ | own, stdout=log, stderr=log, cwd=home
            )

    @property
    def has_doors(self) -> bool:
        return not self.roles or "api" in self.roles

    @property
    def address(self) -> tuple[str, int]:
        return address(self._state()["http"])

    @property
    def workers(self) -> int:
        """Its processes that are engines."""
        return len([name for name in self._state()["processes"] if name != "simulator"])

    @property
    def simulator(self) -> str:
        at = json.loads((self._data / "run" / "simulator.json").read_bytes())
        return f"{at['host']}:{at['port']}"

    def is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"a node ended:\n{self.log()}")
        with contextlib.suppress(OSError, ValueError, urllib.error.URLError):
            host, port = self.address
            with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        return False

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-6000:]

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self._data / "run" / "state.json").read_bytes())
        return state


class Stretch:
    """The load on one node with doors."""

    def __init__(self, node: Node, tenant: Any, pace: Pace) -> None:
        host, port = node.address
        numbers = Numbers(secrets.randbits(32))
        self.promises = Promises(numbers, 1, TencentAnswers())
        target = Target.of(tenant, "verification", f"{host}:{port}")
        self.load = Load(Requests(target, numbers, 1), self.promises, pace, node.address)

    def taken(self) -> Iterator[int]:
        """Positions of the numbers that were answered OK."""
        return (index for index in range(len(self.promises.began)) if self.promises.is_taken(index))

    def oks(self) -> list[float]:
        return sorted(self.promises.answered[index] for index in self.taken())


class Failover:
    """One run."""

    def __init__(self, options: argparse.Namespace, home: Path) -> None:
        self._options = options
        self._home = home
        self._journal = home / "journal.jsonl"
        self._nodes: list[Node] = []
        self._began = time.monotonic()
        self._report: dict[str, Any] = {"how": options.how, "nodes": options.nodes}

    async def run(self) -> dict[str, Any]:
        """Everything from the first start to the last stop; the report."""
        servers = self._home / "pg"
        servers.mkdir(mode=0o711)
        old, new = clusters.pair(servers, self._options.binaries or embedded.binaries())
        self._reached("servers")
        self._settings = Settings(
            data_dir=self._home / "own",
            database_url=f"{old.url.rpartition('/')[0]},127.0.0.1:{new.port}/{clusters.DATABASE}?target_session_attrs=primary",
            master_key=base64.b64encode(secrets.token_bytes(32)).decode(),
            simulator="off",
        )
        try:
            await self._loaded(old, new)
        finally:
            await asyncio.gather(*(asyncio.to_thread(node.stop) for node in self._nodes))
            for server in (old, new):
                server.destroy()
        self._reached("stopped")
        return self._report | {"faults": faults(self._report)}

    def _reached(self, what: str) -> None:
        """Note how long this run has taken so far."""
        self._report.setdefault("reached_s", {})[what] = round(time.monotonic() - self._began, 1)

    async def _loaded(self, old: Any, new: Any) -> None:
        async with wiring.control_plane(self._settings) as control:
            tenant = await control.sandbox.ensure(system("failover drill"), "")
        await self._start_nodes()
        self._reached("nodes")
        options = self._options
        doors = [node for node in self._nodes if node.has_doors]
        seconds = options.before + options.detect + options.after
        pace = Pace(seconds, options.connections, options.rate / len(doors))
        stretches = [Stretch(node, tenant, pace) for node in doors]
        running = [asyncio.create_task(stretch.load.run()) for stretch in stretches]
        await asyncio.sleep(options.before)
        lost_at = time.monotonic()
        {"kill": old.kill, "freeze": old.freeze, "split": lambda: None}[options.how]()
        await asyncio.sleep(options.detect)
        asked_at = time.monotonic()
        await asyncio.to_thread(new.promote)
        promoted_at = time.monotonic()
        await asyncio.gather(*running)
        self._reached("load over")
        self._time(stretches, lost_at, asked_at, promoted_at)
        await self._count(new, stretches)
        self._reached("settled")
        await asyncio.to_thread(old.destroy)
        await self._join(old, new)

    async def _start_nodes(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        environ = inherited | {
            "HONGYAN_DATABASE_URL": self._settings.database_url or "",
            "HONGYAN_MASTER_KEY": self._settings.master_key,
            "HONGYAN_SIMULATOR_JOURNAL": str(self._journal),
            "HONGYAN_LOG_FORMAT": "json",
            "HONGYAN_LANG": "en",
        }
        for number, roles in enumerate(NODES[self._options.nodes]):
            carrier = {"HONGYAN_SIMULATOR": self._nodes[0].simulator} if self._nodes else {}
            self._nodes.append(Node(self._home / f"node{number}", roles, environ | carrier))
            if not self._nodes[0].roles and number == 0:
                await until(self._nodes[0].is_ready, "the first node is ready", START_S)
        for node in self._nodes:
            if node.has_doors:
                await until(node.is_ready, "a node is ready", START_S)

    def _time(self, stretches: list[Stretch], lost_at: float, asked_at: float, promoted_at: float) -> None:
        """When it stopped and when it went on; seconds from the loss of the primary, or from the promotion."""
        oks = [stretch.oks() for stretch in stretches]
        submits = [line.monotonic for line in self._lines()]
        self._report |= {
            "requests": sum(len(stretch.promises.began) for stretch in stretches),
            "answered_ok": sum(map(len, oks)),
            "refused": dict(sum((stretch.promises.refused for stretch in stretches), start=Counter())),
            "unanswered": sum(stretch.promises.unanswered for stretch in stretches),
            "last_ok_before_s": round(max(at for ok in oks for at in ok if at < asked_at) - lost_at, 2),
            "longest_silence_s": round(max(later - earlier for earlier, later in pairwise(sorted(chain(*oks)))), 2),
            "promotion_took_s": round(promoted_at - asked_at, 2),
            "first_ok_after_s": [round(min((at for at in ok if at > asked_at), default=float("inf")) - promoted_at, 2) for ok in oks],
            "first_submit_after_s": round(min((at for at in submits if at > asked_at), default=float("inf")) - promoted_at, 2),
        }

    async def _count(self, new: Any, stretches: list[Stretch]) -> None:
        """What was answered, beside what the promoted database and the carrier know once everything is through."""
        db = await Database.open(new.url, size=1)
        try:
            await until(lambda: self._is_settled(db), "every message has ended or is in doubt", DRAIN_S)
            async with db.connection() as conn:
                rows = await conn.fetch(
                    """select m.phone, coalesce(s.status, 0) as status, q.resolve_at is not null as doubted from messages m
                         left join settlements s on s.app_id = m.app_id and s.id = m.id
                         left join queue q on q.app_id = m.app_id and q.id = m.id"""
                )
                alive = await conn.fetch(engines.ALIVE, engines.LOCK_SPACE)
                drift = await invariants.broken(conn, at_rest=False)
                suspects = await conn.fetchval("select count(*) from suspects")
        finally:
            await db.close()
        copies = Counter(line.phone[-11:] for line in self._lines() if not line.status)
        known = {str(row["phone"])[-11:]: row for row in rows}
        totals = {"not_in_database": 0, "not_at_carrier": 0, "in_doubt": 0, "sent_twice": 0, "taken_though_refused": 0}
        for stretch in stretches:
            compare(stretch.promises, known, copies, totals)
        self._report |= totals | {
            "suspects": suspects,
            "laws_broken": drift,
            "engines_alive": len(alive),
            "engines_wanted": sum(node.workers for node in self._nodes),
        }

    async def _is_settled(self, db: Database) -> bool:
        async with db.connection() as conn:
            return not await conn.fetchval(f"select exists ({invariants.UNFINISHED})")

    async def _join(self, old: Any, new: Any) -> None:
        """The old primary follows the new one, which waits for it from then on."""
        began = time.monotonic()
        db = await Database.open(new.url, size=1)
        try:
            async with db.connection() as conn:
                await conn.execute("select pg_create_physical_replication_slot($1)", old.slot)
                # Until one has been made, pg_rewind before version 16 takes the two for being of one history, and does nothing.
                await conn.execute("checkpoint")
            await asyncio.to_thread(old.rejoin, new)
            await asyncio.to_thread(new.wait_for, old.name)

            async def follows() -> bool:
                async with db.connection() as conn:
                    await conn.execute("select pg_current_xact_id()")
                    return bool(
                        await conn.fetchval(
                            "select true from pg_stat_replication where application_name = $1 and state = 'streaming' "
                            "and sync_state in ('sync', 'quorum') and replay_lsn >= pg_current_wal_lsn() - 1000000",
                            old.name,
                        )
                    )

            await until(follows, "the old primary follows the new one", JOIN_S)
        finally:
            await db.close()
        self._report["old_primary_follows_after_s"] = round(time.monotonic() - began, 2)

    def _lines(self) -> list[Line]:
        """What the carrier wrote down; a line that is still being written is none."""
        whole = self._journal.read_bytes().rpartition(b"\n")[0].splitlines() if self._journal.exists() else []
        return [msgspec.json.decode(line, type=Line) for line in whole]


def compare(promises: Promises, known: dict[str, Any], copies: Counter[str], totals: dict[str, int]) -> None:
    """Add to `totals` what is amiss with one node's numbers; `known` and `copies` (at the carrier) go by the 11 digits."""
    for index in range(len(promises.began)):
        number = str(promises.numbers.national(index))
        row = known.get(number)
        totals["sent_twice"] += max(0, copies[number] - 1)
        if not promises.is_taken(index):
            # Told that it failed, or told nothing.
            totals["taken_though_refused"] += row is not None and bool(promises.answered[index])
        elif row is None:
            totals["not_in_database"] += 1
        elif not copies[number]:
            doubted = row["doubted"] or row["status"] == Status.UNKNOWN
            totals["in_doubt" if doubted else "not_at_carrier"] += 1


def faults(report: dict[str, Any]) -> list[str]:
    """What must not be."""
    found = [f"{report[name]} {name}" for name in ("not_in_database", "not_at_carrier", "sent_twice") if report[name]]
    found += [f"law broken: {law}" for law in report["laws_broken"]]
    for after in (*report["first_ok_after_s"], report["first_submit_after_s"]):
        if after > MARK_S:
            found.append(f"traffic went on {after} s after the promotion, {MARK_S:.0f} at most are wanted")
    if report["engines_alive"] < report["engines_wanted"]:
        found.append(f"only {report['engines_alive']} of {report['engines_wanted']} engines have an identity again")
    return found


async def until(holds: Callable[[], Any], what: str, within_s: float) -> None:
    """Wait until `holds()` (or what it awaits to) is true. Raises TimeoutError."""
    deadline = time.monotonic() + within_s
    while True:
        with contextlib.suppress(*UNAVAILABLE):
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
