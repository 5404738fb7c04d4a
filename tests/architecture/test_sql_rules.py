"""The tables could be spread over several servers by application at any time: no statement and no key stands in the way.

What Citus takes and what it does not was tried with `hongyan db distribute` on a real one; the forms are told apart in `sql_rules`.
"""

import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hongyan.kit.db import Database
from hongyan.store.placement import DISTRIBUTED, LOCAL, REFERENCE

if not os.environ.get("CI"):
    pytest.importorskip("pgparse", reason="the parser is missing: make setup")

from architecture.sql_rules import Reading, faults

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hongyan"
ASKS = {"execute", "executemany", "fetch", "fetchrow", "fetchval"}

ACROSS: dict[str, str] = {
    "answers.due": "answers of all applications, four times a second; each is then claimed under its own",
    "apps.all_allowed": "the snapshot has the allow-lists of all applications",
    "backlog.count": "how much waits in all; bounded, and rarer the more there is",
    "daily_counts.forget": "days gone by, once an hour",
    "daily_counts.of_today": "which applications have passed their alarm values; twice a minute, of those that have some",
    "doubts.suspects_to": "a receipt without a known id names a handset; suspects are few and found by their number",
    "schedules.due": "sends at a time of all applications, four times a second; each is then claimed under its own",
    "schedules.get": "a person names a send and may see several applications",
    "schedules.page": "as get: a page of a list",
    "engines.strays": "an engine holds entries of many applications; asked twice a minute",
    "engines.bury": "as strays; asked when an engine has died",
    "held.holding": "which applications have messages that wait for a person; few",
    "held.page": "for people who review",
    "messages.last_to": "a reply names a handset, and is for whichever application wrote to it last",
    "outbox.due": "which applications have callbacks due, one probe each",
    "outbox.sweep": "what is old is found over all applications once an hour",
    "packages.expiring": "packages of all applications that expire soon, every five minutes",
    "packages.frozen": "how many there are, for the metrics",
    "packages.page": "for people who ask",
    "packages.left": "what is left of the packages of applications with an alarm value, twice a minute",
    "packages.usable": "the snapshot has the packages of all applications",
    "queue.due_unresolved": "doubts that are due are few and found by their time",
    "queue.orphaned": "a dead engine held entries of many applications",
    "queue.release": "as orphaned",
    "queue.wake": "what sleeps until its time, found by it once a second; each application's is then woken under its own",
    "queue.waiting": "which applications have something to claim",
    "records.latest": "for people who ask",
    "replays.give_up": "what is overdue is found over all applications once an hour",
    "records.message": "for people who ask: the id is all they know",
    "records.refused": "for people who ask: a number is all they know",
    "records.to_number": "as refused",
    "statistics.forget_refusals": "what is old is forgotten over all applications once an hour",
    "segments.find": "a receipt knows its link and the carrier's id, nothing else; the index of each shard is looked into",
}
"""Functions of store/ that ask of many applications at once, each with the reason."""

ONE_SERVER = {"queue.waiting": "the recursion is only for one server: `waiting` asks in another way where the tables are distributed"}
"""Functions with a statement that is never asked of distributed tables, each with the reason."""

SAMPLES = {"settings": "name = $2", "name": "messages_20260101", "table": "messages", "low": "1", "high": "2", "order": "order by 1"}
"""What stands in statements that are put together from local names."""


def texts(node: ast.expr, names: dict[str, Any]) -> Iterator[str]:
    """The SQL that an argument can be."""
    if isinstance(node, ast.IfExp):
        yield from texts(node.body, names)
        yield from texts(node.orelse, names)
    else:
        yield str(eval(compile(ast.Expression(node), "store", "eval"), names))  # noqa: S307 - our own source


def statements() -> Iterator[tuple[str, str]]:
    """Every statement of store/ with the function that asks it, `module.function`."""
    # placement moves tables as wholes, and never touches a row.
    for path in sorted(path for path in (SOURCE / "store").glob("*.py") if path.stem != "placement"):
        module = importlib.import_module(f"hongyan.store.{path.stem}")
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ASKS:
                    for sql in texts(call.args[0], SAMPLES | vars(module)):
                        yield f"{path.stem}.{getattr(function, 'name', '')}", sql


def objections(name: str, sql: str) -> list[str]:
    found = faults(sql, across=name in ACROSS)
    if name in ONE_SERVER and Reading(sql).recursive:
        return []
    return found


def test_every_statement_could_be_asked_of_distributed_tables() -> None:
    found = {f"{name}: {sql.strip()[:60]}": why for name, sql in statements() if (why := objections(name, sql))}
    assert found == {}, "each names one application, or stands in ACROSS with its reason"


def test_the_lists_of_exceptions_are_needed() -> None:
    asked: dict[str, list[Reading]] = {}
    for name, sql in statements():
        asked.setdefault(name, []).append(Reading(sql))
    several = {name for name, readings in asked.items() if any(r.tables and not r.names_one() for r in readings)}
    assert sorted(ACROSS.keys() - several) == []
    assert sorted(ONE_SERVER.keys() - {name for name, readings in asked.items() if any(r.recursive for r in readings)}) == []


def test_statements_are_found_at_all() -> None:
    found = dict(statements())
    assert len(found) > 90
    assert {table for sql in found.values() for table, _ in Reading(sql).tables} == {*DISTRIBUTED}


def test_only_store_writes_and_reads_the_distributed_tables() -> None:
    of_theirs = re.compile(rf"\b(?:from|into|update|join)\s+(?:{'|'.join(DISTRIBUTED)})\b(?!\s+import)")
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in sorted(SOURCE.rglob("*.py"))
        if "store" not in path.relative_to(SOURCE).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(r"\s*(?:select|insert|update|delete|with)\b", node.value)
        if of_theirs.search(node.value)
    ]
    assert found == []


# The catalogue of a migrated database.


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    async with database.connection() as conn:
        return [tuple(row) for row in await conn.fetch(sql, list(DISTRIBUTED))]


async def test_every_table_has_its_place(database: Database) -> None:
    async with database.connection() as conn:
        found = await conn.fetch(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition"
        )
    assert sorted(row[0] for row in found) == sorted([*DISTRIBUTED, *REFERENCE, *LOCAL]), "store/placement.py"


async def test_distributed_tables_carry_the_application(database: Database) -> None:
    found = await rows(
        database,
        """select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
            where c.relname = any($1) and a.attname = 'app_id' and a.attnotnull and a.atttypid = 'bigint'::regtype""",
    )
    assert {row[0] for row in found} == {*DISTRIBUTED}


UNIQUE = """
select c.relname, i.relname from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
 where c.relname = any($1) and (x.indisunique or x.indisexclusion)
   and (x.indkey[0] = 0
        or (select attname from pg_attribute where attrelid = c.oid and attnum = x.indkey[0]) <> 'app_id')
"""


async def test_keys_of_distributed_tables_begin_with_the_application(database: Database) -> None:
    assert await rows(database, UNIQUE) == []


REFERENCES = """
select c.relname, f.relname, k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
 where k.contype = 'f' and (c.relname = any($1) or f.relname = any($1))
"""


async def test_distributed_tables_refer_to_nothing_but_reference_tables(database: Database) -> None:
    assert [found for found in await rows(database, REFERENCES) if found[0] not in DISTRIBUTED or found[1] not in REFERENCE] == []


async def test_reference_tables_refer_only_to_each_other(database: Database) -> None:
    async with database.connection() as conn:
        found = await conn.fetch(
            """select c.relname, f.relname from pg_constraint k join pg_class c on c.oid = k.conrelid
                 join pg_class f on f.oid = k.confrelid where k.contype = 'f' and c.relname = any($1)""",
            REFERENCE,
        )
    assert [tuple(row) for row in found if row[1] not in REFERENCE] == []


async def test_the_only_triggers_are_those_that_keep_the_ledger(database: Database) -> None:
    found = await rows(
        database, "select t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid where relname = any($1) and not tgisinternal"
    )
    assert sorted(row[0] for row in found) == ["ledger_entries_append_only", "ledger_entries_no_truncate"]


async def test_functions_of_the_database_keep_the_rules_too(database: Database) -> None:
    async with database.connection() as conn:
        found = await conn.fetch(
            """select proname, pg_get_functiondef(oid) as text, coalesce(proargnames, '{}') as names
                 from pg_proc where pronamespace = 'public'::regnamespace"""
        )
    broken = {
        f"{row['proname']}: {sql[:60]}": why
        for row in found
        for sql in inside(row["text"])
        if (why := faults(sql, across=row["proname"] in ACROSS, names=frozenset(row["names"])))
    }
    assert broken == {}


def inside(function: str) -> list[str]:
    """The statements in a PL/pgSQL or SQL function."""
    import pgparse  # noqa: PLC0415 - missing where the tests of this module are skipped

    body = pgparse.parse(function)[0]["stmt"]["CreateFunctionStmt"]
    options = {option["DefElem"]["defname"]: option["DefElem"]["arg"] for option in body["options"]}
    if options["language"]["String"]["sval"] == "sql":
        return [options["as"]["List"]["items"][0]["String"]["sval"]]
    found: list[str] = []

    def look(node: object) -> None:
        if isinstance(node, list):
            for part in node:
                look(part)
        elif isinstance(node, dict):
            for kind, inner in node.items():
                if kind == "PLpgSQL_expr":
                    text = inner["query"]
                    found.append(text if re.match(r"\s*(?:select|insert|update|delete|with)\b", text, re.IGNORECASE) else f"select {text}")
                else:
                    look(inner)

    look(pgparse.parse_pgsql(function))
    return found


# The rules bite.

GOOD = {
    "a look-up": "select 1 from messages where app_id = $1 and id = any($2)",
    "rows that follow one another": """
        with picked as (select app_id, id from queue where app_id = $1 for update skip locked)
        update queue q set owner = $2 from picked p where q.app_id = p.app_id and q.id = p.id returning q.id""",
    "a lateral look-up": """
        select * from unnest($2::bigint[]) u(id) cross join lateral (select * from messages where app_id = $1 and id = u.id limit 1) m""",
    "inserts into several": """
        with a as (insert into messages (app_id, id) select $1, u.* from unnest($2::bigint[]) u returning app_id, id)
        insert into queue (app_id, id) select $1, id from a""",
    "an outer join": "select 1 from messages m left join queue q on q.app_id = m.app_id and q.id = m.id where m.app_id = $1",
    "a join by the same columns": "select 1 from messages m join settlements s using (app_id, id) where m.app_id = $1",
    "what is not there": "delete from settlements s where s.app_id = $1 and not exists (select from queue q where q.app_id = s.app_id)",
    "a union": "select phone from blacklist where app_id = $1 union all select phone from optouts where app_id = $1",
    "small tables": "select * from apps a join accounts b on b.id = a.account_id",
}

BAD = {
    "no application": ("select 1 from messages where id = $1", "does not name one application"),
    "one of several": ("select 1 from messages where app_id = any($1)", "does not name one application"),
    "not always": ("select 1 from messages where app_id = $1 or id = $2", "does not name one application"),
    "two applications": (
        "select 1 from messages m, queue q where m.app_id = $1 and q.app_id = $2 and q.id = m.id",
        "does not name one application",
    ),
    "a join by the id alone": ("select 1 from messages m join queue q on q.id = m.id where m.app_id = $1", "does not name one application"),
    "an outer side that is open": (
        "select 1 from messages m left join queue q on q.app_id = $1 and q.app_id = m.app_id",
        "does not name one application",
    ),
    "a subquery that looks elsewhere": (
        "select 1 from messages m where m.app_id = $1 and exists (select from queue q where q.id = m.id)",
        "does not name one application",
    ),
    "a table expression that does": (
        "with q as (select id from queue) select 1 from messages m join q on q.id = m.id where m.app_id = $1",
        "does not name one application",
    ),
    "an insert for many": (
        "insert into reports (app_id, message_id) select * from unnest($1::bigint[], $2::bigint[]) u(app_id, message_id)",
        "does not name one application",
    ),
    "an insert without": ("insert into outbox (id) values ($1)", "does not name one application"),
    "an insert of another's": (
        "insert into queue (app_id, id) select app_id, id from messages where id = $1",
        "does not name one application",
    ),
    "a move": ("update queue set app_id = $2 where app_id = $1", "moves rows"),
    "a time that depends on the session": (
        "insert into packages (app_id) values ($1) returning extract(epoch from created_at)",
        "not immutable",
    ),
    "a sequence": ("insert into queue (app_id, id) values ($1, nextval('ids'))", "values are arguments"),
    "a lock among rows": ("select pg_advisory_xact_lock(id) from queue where app_id = $1", "locks are of one server"),
    "engines": ("delete from engines e where not exists (select from queue q where q.app_id = $1 and q.owner = e.id)", "mixes"),
    "a small table changed by them": (
        "update apps set enabled = false where exists (select from packages p where p.app_id = $1)",
        "writes apps",
    ),
}

BAD_ACROSS = {
    "locks": ("select id from queue where resolve_at <= $1 for update skip locked", "locks rows"),
    "a list to begin with": (
        "select 1 from unnest($1::bigint[]) a(app_id) cross join lateral (select id from messages where app_id = a.app_id limit 5) m",
        "begins with the rows of a function",
    ),
    "a join by the id": ("select 1 from messages m join queue q on q.id = m.id", "by something else"),
    "a deletion by a limit": (
        "delete from outbox where (app_id, id) in (select app_id, id from outbox where id < $1 limit 5)",
        "by something else",
    ),
    "a recursion": (
        """with recursive w as ((select app_id from queue limit 1) union all
           select n.app_id from w cross join lateral (select app_id from queue where app_id > w.app_id limit 1) n) select * from w""",
        "recursion",
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_names_one_application_is_taken(case: str) -> None:
    assert faults(GOOD[case]) == []


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_is_found(case: str) -> None:
    sql, why = BAD[case]
    assert why in "; ".join(faults(sql))


@pytest.mark.parametrize("case", BAD_ACROSS)
def test_what_cannot_be_asked_of_many_is_found(case: str) -> None:
    sql, why = BAD_ACROSS[case]
    assert why in "; ".join(faults(sql, across=True))


def test_the_parameters_of_a_function_are_parameters() -> None:
    sql = "select 1 from messages where app_id = app"
    assert faults(sql, names=frozenset({"app"})) == []
    assert faults(sql) != []


def test_what_a_function_does_is_found() -> None:
    planted = """create function f(p_app bigint, p_id bigint) returns bigint language plpgsql as $$
        declare n bigint;
        begin
            if p_id > 0 then select count(*) into n from messages where id = p_id; end if;
            delete from queue where app_id = p_app;
            return n;
        end $$"""
    names = frozenset({"p_app", "p_id"})
    found = [why for sql in inside(planted) for why in faults(sql, names=names)]
    assert found == ["does not name one application for messages"]


async def test_a_key_without_the_application_is_found(database: Database) -> None:
    async with database.connection() as conn:
        await conn.execute("create unique index planted on optouts (phone)")
        try:
            assert await rows(database, UNIQUE) == [("optouts", "planted")]
        finally:
            await conn.execute("drop index planted")
