"""Whether a message costs the same however many there are: fills the tables, loads the platform, prints the cost.

    python bench/flat.py --rows 10000,100000,1000000 --spread days
    python bench/flat.py --rows 1000000,10000000 --spread today --data DIR --fill-only       # in portions: DIR is kept and gone on with
    python bench/flat.py --rows 10000000 --spread today --data DIR --results flat.jsonl
    python bench/flat.py --table flat.jsonl

Rows are copies of a message that really went the whole way, with ids, times, numbers and carrier ids of their own.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hongyan import wiring
from hongyan.kit.db import Connection
from hongyan.kit.ids import EPOCH_MS
from hongyan.settings import load
from hongyan.store import partitions
from run import HONGYAN, BenchError, environment, platform

DAYS = 30
"""Messages of so many days, where they are spread."""
CHUNK = 500_000
LOADS = {"single": ["--numbers", "1"], "bulk": ["--numbers", "200"]}
TABLES = ("messages", "segments", "settlements")
MARK = "flat"
"""The request id of the copies, by which they are told from what the loads bring."""

COLUMNS = "select column_name from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position"
SAMPLE = """
select m.app_id, m.id from messages m join settlements s on s.app_id = m.app_id and s.id = m.id join segments g on g.message_id = m.id
 where m.request_id <> $1 and s.id > $2 order by m.id limit 1
"""
# Ids carry the time in milliseconds and 12 bits of sequence; each filling has a worker number of its own, so that no two share an id.
IDS = """
select n, ((ms - {epoch}) << 22) | ($5::bigint << 12) | (n & 4095) as id, to_timestamp(ms / 1000.0) as at, ms,
       8613000000000 + n * 1618033989 % 900000000 as phone
  from generate_series($1::bigint, $2::bigint) n cross join lateral (select $3::bigint + (n * $4::float8)::bigint as ms) t
"""
NEW: dict[str, dict[str, str]] = {
    "messages": {"id": "g.id", "phone": "g.phone", "accepted_at": "g.at", "expires_at": "g.at + (t.expires_at - t.accepted_at)"},
    "segments": {
        "message_id": "g.id",
        "phone": "g.phone",
        "submitted_at": "g.at",
        "carrier_key": "(g.ms * 1000 + (g.n & 4095))::text",
        "carrier_id": "(g.ms * 1000 + (g.n & 4095))::text",
    },
    "settlements": {"id": "g.id", "done_at": "g.at", "settled_at": "g.at"},
}
SIZES = """
select coalesce(p.relname, c.relname) as name, sum(pg_relation_size(c.oid))::bigint as heap, sum(pg_indexes_size(c.oid))::bigint as indexes
  from pg_class c left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent
 where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
 group by 1 having sum(pg_total_relation_size(c.oid)) > 1048576 order by 2 desc
"""
# The partitions' indexes count for the index of the table they are parts of.
INDEXES = """
select coalesce(pt.relname, s.relname) as table, coalesce(pi.relname, s.indexrelname) as index, sum(s.idx_scan)::bigint as scans,
       sum(pg_relation_size(s.indexrelid))::bigint as size
  from pg_stat_user_indexes s
  left join pg_inherits ii on ii.inhrelid = s.indexrelid left join pg_class pi on pi.oid = ii.inhparent
  left join pg_inherits it on it.inhrelid = s.relid left join pg_class pt on pt.oid = it.inhparent
 group by 1, 2 having sum(pg_relation_size(s.indexrelid)) > 1048576 order by 1, 2
"""
UPDATES = """
select relname as table, n_tup_upd as updates, n_tup_hot_upd as hot, n_dead_tup as dead from pg_stat_user_tables
 where n_tup_upd > 1000 order by n_tup_upd desc
"""


def main() -> int:
    options = parse(sys.argv[1:])
    # What was started is ended also when this is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = read(options.results or options.table)
    if not options.table:
        try:
            results += measured(options)
        except BenchError as fault:
            print(f"flat: {fault}", file=sys.stderr)
            return 2
        print(json.dumps(results, ensure_ascii=False))
    print(markdown(results), file=sys.stdout if options.table else sys.stderr)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/flat.py", description="The cost of a message as the tables grow. Tables on standard error, JSON on standard output."
    )
    parser.add_argument(
        "--rows", default="10000,100000,1000000,10000000", help="how many messages, by commas; each filled up to, then measured"
    )
    parser.add_argument("--spread", choices=["days", "today"], default="days", help=f"over {DAYS} days, or all in the partition of today")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each load is measured")
    parser.add_argument("--data", type=Path, help="a directory that is kept and gone on with; otherwise a temporary one")
    parser.add_argument("--fill-only", action="store_true", help="measure nothing")
    parser.add_argument("--fill-s", type=float, default=3600.0, help="stop filling after so many seconds; the next run goes on")
    parser.add_argument("--results", type=Path, help="a file that each result is added to; what it has already counts in the tables")
    parser.add_argument("--table", type=Path, help="only print the tables of such a file")
    return parser.parse_args(arguments)


def read(path: Path | None) -> list[dict[str, Any]]:
    """Results that were kept."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path is not None and path.exists() else []


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="hongyan-flat-") as temporary:
        directory = options.data or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        environ = environment(directory, directory / "carrier.jsonl")
        found = []
        with platform(environ, directory):
            run_load(environ, "single", 1.0)
            for rows in map(int, options.rows.split(",")):
                done = asyncio.run(fill(environ, rows, options))
                if options.fill_only or done < rows:
                    continue
                result = {
                    "rows": done,
                    "spread": options.spread,
                    "loads": {name: run_load(environ, name, options.seconds) for name in LOADS},
                }
                read_as_people_do(environ)
                result |= asyncio.run(state(environ))
                found.append(result)
                if options.results:
                    with options.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(result) + "\n")
    return found


def run_load(environ: dict[str, str], name: str, seconds: float) -> dict[str, Any]:
    command = [*HONGYAN, "bench", "--json", "--callbacks", "--seconds", str(seconds), "--warm-up", "2", *LOADS[name]]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise BenchError(f"hongyan bench ended with {done.returncode} ({name})")
    result: dict[str, Any] = json.loads(done.stdout)
    print(f"flat: {name}: {result['delivered_per_s']}/s, {result['cpu_us_per_message']}", file=sys.stderr)
    return result


def read_as_people_do(environ: dict[str, str]) -> None:
    """One message looked up by its number, and one in full: what the indexes that no load reads are for."""
    listed = subprocess.run([*HONGYAN, "message", "list", "--json", "--most", "1"], env=environ, stdout=subprocess.PIPE, check=True)
    first = json.loads(listed.stdout)[0]
    for command in (["show", str(first["message_id"])], ["list", "--phone", str(first["phone"])]):
        subprocess.run([*HONGYAN, "message", *command], env=environ, stdout=subprocess.DEVNULL, check=True)


async def fill(environ: dict[str, str], rows: int, options: argparse.Namespace) -> int:
    """Copy a finished message until there are so many copies, or the time is over; how many there are."""
    give_up = time.monotonic() + options.fill_s
    async with wiring.database(load(environ)) as db:
        conn = await db.dedicated(command_timeout=None)
        try:
            done: int = await conn.fetchval("select count(*) from messages where request_id = $1", MARK)
            while done < rows and time.monotonic() < give_up:
                upto = min(rows, done + CHUNK)
                began = time.monotonic()
                await copy(conn, done, upto, rows, options.spread)
                print(f"flat: {upto:,} rows, {(upto - done) / (time.monotonic() - began):,.0f}/s", file=sys.stderr)
                done = upto
            await conn.execute("vacuum (analyze) messages, segments, settlements")
            await conn.execute("checkpoint")
        finally:
            await conn.close()
    return done


async def copy(conn: Connection, done: int, upto: int, rows: int, spread: str) -> None:
    """The copies from `done` to `upto` of `rows`, evenly over the time of this spread."""
    now = time.time()
    begin = partitions.day_start(now)
    if spread == "days":
        begin -= (DAYS - 1) * 86_400
        await partitions.ensure(conn, now, back=DAYS)
    ids = IDS.format(epoch=EPOCH_MS)
    # Today's copies end an hour before now where there is one, so that the loads are the newest messages as they would be.
    step_ms = (now - 60 - begin) * 1000 / rows
    app_id, sample = await conn.fetchrow(SAMPLE, MARK, 0)
    worker = 512 + rows.bit_length()
    async with conn.transaction():
        for table in TABLES:
            names = [row[0] for row in await conn.fetch(COLUMNS, table)]
            new = NEW[table] | ({"request_id": f"'{MARK}'"} if "request_id" in names else {})
            taken = ", ".join(new.get(name, f"t.{name}") for name in names)
            key = "message_id" if "message_id" in names else "id"
            await conn.execute(
                f"insert into {table} ({', '.join(names)}) select {taken} from {table} t cross join ({ids}) g "
                f"where t.app_id = $6 and t.{key} = $7",
                done + 1,
                upto,
                int(begin * 1000),
                step_ms,
                worker,
                app_id,
                sample,
            )


async def state(environ: dict[str, str]) -> dict[str, Any]:
    """Sizes, indexes and updates as the database counts them."""
    async with wiring.database(load(environ)) as db, db.connection() as conn:
        return {
            "sizes": [dict(row) for row in await conn.fetch(SIZES)],
            "indexes": [dict(row) for row in await conn.fetch(INDEXES)],
            "updates": [dict(row) for row in await conn.fetch(UPDATES)],
        }


def markdown(results: list[dict[str, Any]]) -> str:
    """Costs by number of rows, then what the last result says of sizes, indexes and updates."""
    lines = [
        "| messages before | spread over | load | delivered /s | to carrier p50 / p99, ms | engine | postgres | office | platform |",
        "| --- |" + " --- |" * 8,
    ]
    for one in results:
        for name, figures in one["loads"].items():
            cpu, waits = figures["cpu_us_per_message"], figures["accept_to_carrier_ms"]
            costs = " | ".join(f"{cpu[process]:.0f}" for process in ("engine", "postgres", "office", "platform"))
            way = f"{waits['p50']:.0f} / {waits['p99']:.0f}"
            lines.append(f"| {one['rows']:,} | {one['spread']} | {name} | {figures['delivered_per_s']:,} | {way} | {costs} |")
    if not results:
        return "\n".join(lines)
    last = results[-1]
    lines += ["", "| table | rows MiB | indexes MiB |", "| --- | --- | --- |"]
    lines += [f"| {size['name']} | {size['heap'] / 2**20:,.0f} | {size['indexes'] / 2**20:,.0f} |" for size in last["sizes"]]
    lines += ["", "| index larger than 1 MiB | read | MiB |", "| --- | --- | --- |"]
    lines += [f"| {index['index']} | {index['scans']:,} | {index['size'] / 2**20:,.0f} |" for index in last["indexes"]]
    lines += ["", "| table that is updated | updates | of them within their page |", "| --- | --- | --- |"]
    lines += [f"| {each['table']} | {each['updates']:,} | {each['hot'] / each['updates']:.0%} |" for each in last["updates"]]
    unread = [index["index"] for index in last["indexes"] if not index["scans"]]
    return "\n".join([*lines, "", f"Never read: {', '.join(unread) or 'none'}."])


if __name__ == "__main__":
    sys.exit(main())
