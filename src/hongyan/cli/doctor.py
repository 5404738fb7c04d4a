"""hongyan doctor: what is well, what is not, and what to do about it."""

import asyncio
import enum
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import msgspec
import typer

from hongyan.cli.session import settings, terminal

if TYPE_CHECKING:
    from hongyan.cli.instance import State
    from hongyan.kit.db import Connection
    from hongyan.settings import Settings

MEGABYTE = 1024 * 1024
LITTLE_DISK = 2048 * MEGABYTE
NO_DISK = 256 * MEGABYTE
CLOCK_DRIFT_S = 2.0
PATIENCE_S = 5.0


class Health(enum.StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """What one check found, with what to do when it is not well."""

    check: str
    health: Health
    zh: str
    en: str


def doctor(ctx: typer.Context) -> int:
    """Check this installation and say what to do about what is wrong."""
    loaded = settings(ctx)
    out = terminal(ctx)
    findings = asyncio.run(examine(loaded))
    if out.json:
        out.table(findings, ())
    else:
        out.table(
            [{"check": found.check, "health": found.health, "finding": found.zh if out.lang == "zh" else found.en} for found in findings],
            ("check", "health", "finding"),
        )
    return 1 if any(found.health is Health.PROBLEM for found in findings) else 0


async def examine(loaded: "Settings") -> list[Finding]:
    """All checks, in the order in which one depends on another."""
    from hongyan.cli.instance import running  # noqa: PLC0415 - `--help` does not wait for it

    state = running(loaded)
    findings = [_running(loaded, state), *_directory(loaded), _disk(loaded), await _documents(loaded)]
    findings += [found async for found in _database(loaded)]
    if state is not None:
        findings += [found async for found in _http(state)]
    return findings


def _running(loaded: "Settings", state: "State | None") -> Finding:
    if state is None:
        return Finding(
            "platform",
            Health.WARNING,
            f"数据目录 {loaded.data_dir} 上没有平台在运行。用 `hongyan serve` 启动。",
            f"No platform runs on {loaded.data_dir}. Start it with `hongyan serve`.",
        )
    names = ", ".join(state.processes)
    return Finding("platform", Health.OK, f"正在运行：{names}（{state.http}）。", f"It runs: {names} ({state.http}).")


def _directory(loaded: "Settings") -> Iterator[Finding]:
    path = loaded.data_dir
    if path.exists() and not os.access(path, os.W_OK | os.X_OK):
        yield Finding(
            "data directory",
            Health.PROBLEM,
            f"{path} 不可写。用拥有它的用户运行，或用 HONGYAN_DATA_DIR 换一个目录。",
            f"{path} cannot be written to. Run as the user who owns it, or choose another with HONGYAN_DATA_DIR.",
        )
        return
    open_files = [file.name for file in (path / "master.key", path / "pg.password") if file.exists() and file.stat().st_mode & 0o077]
    if open_files:
        names = " ".join(open_files)
        yield Finding(
            "data directory",
            Health.PROBLEM,
            f"{names} 对其他用户可读。执行：cd {path} && chmod 600 {names}",
            f"Other users can read {names}. Run: cd {path} && chmod 600 {names}",
        )
    else:
        yield Finding("data directory", Health.OK, str(path), str(path))


def _disk(loaded: "Settings") -> Finding:
    where = next(path for path in (loaded.data_dir, *loaded.data_dir.parents) if path.exists())
    free = shutil.disk_usage(where).free
    health = Health.OK if free > LITTLE_DISK else Health.WARNING if free > NO_DISK else Health.PROBLEM
    zh, en = f"剩余 {free // MEGABYTE} MB。", f"{free // MEGABYTE} MB are free."
    if health is not Health.OK:
        zh, en = zh + "空间用尽后将拒收短信：请清理或扩容。", en + " When it is full messages are refused: free some or add more."
    return Finding("disk", health, zh, en)


async def _documents(loaded: "Settings") -> Finding:
    from hongyan.kit.blobs import BlobError, blobs  # noqa: PLC0415 - as above

    place = loaded.documents or str(loaded.data_dir / "documents")
    if not loaded.documents and not (loaded.data_dir / "documents").exists():
        return Finding("documents", Health.OK, f"将保存在 {place}。", f"They will be kept in {place}.")
    store, key = blobs(loaded.documents, loaded.data_dir, loaded.bucket), f"doctor/{os.getpid()}"
    try:
        async with asyncio.timeout(PATIENCE_S):
            await store.put(key, b"doctor")
            await store.get(key)
            await store.delete(key)
    except (BlobError, TimeoutError) as fault:
        zh, en = (fault.zh, fault.en) if isinstance(fault, BlobError) else (f"{place} 没有应答。", f"{place} does not answer.")
        return Finding("documents", Health.PROBLEM, zh, en)
    if loaded.database_url and not loaded.documents:
        return Finding(
            "documents",
            Health.WARNING,
            f"{place} 只在本机：多台机器时请设置 HONGYAN_DOCUMENTS。",
            f"{place} is this machine's alone: set HONGYAN_DOCUMENTS when there are several.",
        )
    return Finding("documents", Health.OK, place, place)


async def _database(loaded: "Settings") -> AsyncIterator[Finding]:
    from hongyan.kit import embedded  # noqa: PLC0415 - as above
    from hongyan.kit.db import UNAVAILABLE, Database  # noqa: PLC0415 - as above

    url = loaded.database_url or embedded.url(loaded.data_dir)
    if url is None:
        yield Finding("database", Health.OK, "内置数据库将在首次启动时创建。", "The embedded database is made at the first start.")
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            db = await Database.open(url, size=1)
    except UNAVAILABLE as fault:
        kind = Health.PROBLEM if loaded.database_url else Health.WARNING
        zh = "检查 HONGYAN_DATABASE_URL、网络和数据库。" if loaded.database_url else "内置数据库随 `hongyan serve` 启动。"
        en = "Check HONGYAN_DATABASE_URL, the network and the server." if loaded.database_url else "It starts with `hongyan serve`."
        yield Finding("database", kind, f"连不上（{type(fault).__name__}）。{zh}", f"It does not answer ({type(fault).__name__}). {en}")
        return
    try:
        async with db.connection() as conn:
            yield await _safety(conn)
            async for found in _standbys(conn):
                yield found
            tables = await _tables(conn)
            yield tables
            if tables.health is Health.OK:
                yield await _packages(conn)
                yield await _credit(conn)
            yield await _clock(conn)
            yield await _links(conn)
    finally:
        await db.close()


async def _safety(conn: "Connection") -> Finding:
    from hongyan.kit.migrate import UnsafeServerError, check_server  # noqa: PLC0415 - as above

    version = await conn.fetchval("SELECT current_setting('server_version')")
    try:
        await check_server(conn)
    except UnsafeServerError as fault:
        return Finding("database", Health.PROBLEM, str(fault), str(fault))
    return Finding(
        "database", Health.OK, f"PostgreSQL {version}，持久性设置均已开启。", f"PostgreSQL {version}; every durability setting is on."
    )


async def _standbys(conn: "Connection") -> AsyncIterator[Finding]:
    """Nothing to say of a server that is alone and means to be."""
    waits = await conn.fetchval("SELECT current_setting('synchronous_standby_names') <> ''")
    standbys = await conn.fetchval("SELECT count(*) FROM pg_stat_replication")
    if waits and not standbys:
        yield Finding(
            "standby",
            Health.PROBLEM,
            "提交要等待同步备库，但没有备库连接：不会受理任何短信。请启动备库，或检查主库是否已被隔离。",
            "Commits wait for a standby and none is connected, so nothing is accepted. Start one, or see whether this primary is cut off.",
        )
    elif standbys and not waits:
        yield Finding(
            "standby",
            Health.WARNING,
            "有备库，但不是同步的：主库丢失时，刚受理的短信可能丢失。设置 synchronous_standby_names。",
            "No standby is waited for: what was just promised may be lost with the primary. Set synchronous_standby_names.",
        )
    elif waits:
        yield Finding("standby", Health.OK, f"同步复制，备库 {standbys} 个。", f"Commits wait for a standby; {standbys} connected.")


async def _tables(conn: "Connection") -> Finding:
    from hongyan.kit.migrate import current, head  # noqa: PLC0415 - as above

    found, wanted = await current(conn), head()
    if found == wanted:
        return Finding("tables", Health.OK, f"版本 {found}。", f"Version {found}.")
    return Finding(
        "tables",
        Health.PROBLEM,
        f"版本 {found or '无'}，本程序需要 {wanted}。执行 `hongyan migrate`。",
        f"Version {found or 'none'}, this program needs {wanted}. Run `hongyan migrate`.",
    )


async def _credit(conn: "Connection") -> Finding:
    from hongyan.store import credit  # noqa: PLC0415 - as above

    frozen = await credit.frozen(conn)
    if not frozen:
        return Finding("credit", Health.OK, "没有被冻结的信用额度。", "None is frozen.")
    return Finding(
        "credit",
        Health.PROBLEM,
        f"有 {frozen} 个账号的信用额度因账目不一致被冻结：执行 `hongyan credit check`，查明后 `hongyan credit unfreeze`。",
        f"That of {frozen} accounts is frozen since its books do not agree: run `hongyan credit check`, and `hongyan credit unfreeze` "
        "after a look.",
    )


async def _packages(conn: "Connection") -> Finding:
    from hongyan.store import packages  # noqa: PLC0415 - as above

    frozen = await packages.frozen(conn)
    if not frozen:
        return Finding("packages", Health.OK, "没有被冻结的套餐包。", "None is frozen.")
    return Finding(
        "packages",
        Health.PROBLEM,
        f"有 {frozen} 个因账目不一致被冻结：执行 `hongyan ledger check`，查明后 `hongyan package unfreeze`。",
        f"{frozen} are frozen since their books do not agree: run `hongyan ledger check`, and `hongyan package unfreeze` after a look.",
    )


async def _clock(conn: "Connection") -> Finding:
    before = time.time()
    there = (await conn.fetchval("SELECT clock_timestamp()")).timestamp()
    here = (before + time.time()) / 2
    drift = abs(there - here)
    if drift <= CLOCK_DRIFT_S:
        return Finding("clock", Health.OK, f"与数据库相差 {drift:.3f} 秒。", f"{drift:.3f} s from the database's.")
    return Finding(
        "clock",
        Health.PROBLEM,
        f"与数据库相差 {drift:.1f} 秒：签名校验和频率限制会出错。用 NTP 校准两台机器。",
        f"{drift:.1f} s from the database's: signatures and limits will go wrong. Set both by NTP.",
    )


async def _links(conn: "Connection") -> Finding:
    from hongyan.store import links  # noqa: PLC0415 - as above

    if await conn.fetchval("SELECT to_regclass('links')") is None:
        return Finding("links", Health.WARNING, "还没有数据表。", "There are no tables yet.")
    enabled = [link.config.name for link in await links.every(conn) if link.config.enabled]
    if enabled:
        names = ", ".join(enabled)
        return Finding("links", Health.OK, f"已启用：{names}。", f"Enabled: {names}.")
    return Finding(
        "links",
        Health.PROBLEM,
        "没有启用的通道，短信只会排队。用 `hongyan link add` 添加。",
        "None is enabled: messages would only wait. Add one with `hongyan link add`.",
    )


async def _http(state: "State") -> AsyncIterator[Finding]:
    live = await _get(state.http, "/healthz")
    if live is None or live[0] != 200:  # noqa: PLR2004 - HTTP's OK
        yield Finding(
            "http",
            Health.PROBLEM,
            f"{state.http} 没有应答。查看 `hongyan serve` 的日志。",
            f"{state.http} does not answer. Look at the log of `hongyan serve`.",
        )
        return
    yield Finding("http", Health.OK, f"{state.http} 应答正常。", f"{state.http} answers.")
    ready = await _get(state.http, "/readyz")
    if ready is not None and ready[0] == 200:  # noqa: PLR2004 - as above
        yield Finding("ready", Health.OK, "可以收发短信。", "Messages can be taken and sent.")
    else:
        why = "?" if ready is None else ready[1].decode(errors="replace")
        yield Finding("ready", Health.PROBLEM, f"尚未就绪：{why}", f"It is not ready: {why}")


async def _get(where: str, path: str) -> tuple[int, bytes] | None:
    host, _, port = where.rpartition(":")
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {where}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            return int(head.split()[1]), body
    except (OSError, TimeoutError, IndexError, ValueError):
        return None
