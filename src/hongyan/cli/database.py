"""hongyan db."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.output import CommandError
from hongyan.cli.session import settings, terminal

if TYPE_CHECKING:
    from hongyan.settings import Settings
    from hongyan.store.placement import Objection

SHARDS = 32
MOST_SHARDS = 4096

EMBEDDED = (
    "内置数据库只在一台服务器上，无法分布。请用装有 Citus 的 PostgreSQL，并设置 HONGYAN_DATABASE_URL 为协调节点的地址。",
    (
        "The embedded database is on one server and cannot be spread. "
        "Use a PostgreSQL with Citus, and set HONGYAN_DATABASE_URL to its coordinator."
    ),
)
WORDS: dict[str, tuple[str, str]] = {
    "no extension": (
        (
            "这个数据库没有 Citus 扩展。在每台服务器上安装 Citus，把它写进 shared_preload_libraries，"
            "并在这个数据库里执行 create extension citus，然后再试。"
        ),
        (
            "This database does not have the extension Citus. Install it on every server, name it in shared_preload_libraries, "
            "run `create extension citus` in this database, then try again."
        ),
    ),
    "not the coordinator": (
        "这不是协调节点。请把 HONGYAN_DATABASE_URL 设为 Citus 协调节点的地址。",
        "This is not the coordinator. Set HONGYAN_DATABASE_URL to the address of Citus' coordinator.",
    ),
    "the coordinator has no address": (
        "工作节点还不知道协调节点的地址。执行 select citus_set_coordinator_host('主机', 端口)，然后再试。",
        "The workers do not know the coordinator yet. Run `select citus_set_coordinator_host('HOST', PORT)`, then try again.",
    ),
    "no worker": (
        "还没有可存放数据的节点。用 select citus_add_node('主机', 端口) 添加工作节点，然后再试。",
        "There is no server to put rows on. Add workers with `select citus_add_node('HOST', PORT)`, then try again.",
    ),
    "placed otherwise": (
        "这些表已按别的方式分布，其中的行无法移动：{detail}。用 select undistribute_table('表名') 收回，然后再试。",
        (
            "These tables are spread in another way, and their rows cannot be moved: {detail}. "
            "Take them back with `select undistribute_table('NAME')`, then try again."
        ),
    ),
    "unsafe": (
        "这些工作节点断电可能丢失已受理的短信：{detail} 为 off。请开启后再试。",
        "These workers could lose messages already promised in a power cut: {detail} is off. Switch it on, then try again.",
    ),
    "in use": (
        "有 {detail} 个平台进程正在使用这个数据库，移动期间表会被锁住。请先停止所有节点上的 hongyan serve，然后再试。",
        (
            "{detail} processes of the platform work on this database, and tables are locked while they are moved. "
            "Stop `hongyan serve` on every node, then try again."
        ),
    ),
}
"""By obstacle (store.placement.Obstacle): what is in the way and what to do, in Chinese and English."""


def distribute(
    ctx: typer.Context,
    *,
    shards: Annotated[int, typer.Option(min=1, max=MOST_SHARDS, help="Into how many pieces; it cannot easily be changed later.")] = SHARDS,
) -> None:
    """Spread the tables over the servers of a Citus cluster, by application. Stop the platform first."""
    loaded, out = settings(ctx), terminal(ctx)
    if loaded.database_url is None:
        raise CommandError("embedded", *EMBEDDED)
    moved = asyncio.run(_distribute(loaded, shards))
    if not moved:
        out.say("Every table is in its place already.")
    out.show({"moved": moved})


async def _distribute(loaded: "Settings", shards: int) -> list[str]:
    from hongyan import wiring  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.store import engines, placement  # noqa: PLC0415 - as above

    async with wiring.database(loaded) as db:
        # Moving many rows takes its time.
        conn = await db.dedicated(command_timeout=None)
        try:
            if (found := await placement.objection(conn)) is not None:
                raise _refusal(found)
            if not await placement.missing(conn):
                return []
            if living := await engines.living(conn):
                raise _refusal(placement.Objection(placement.Obstacle.IN_USE, str(len(living))))
            async with conn.transaction():
                return await placement.distribute(conn, shards=shards)
        finally:
            await conn.close()


def _refusal(found: "Objection") -> CommandError:
    zh, en = WORDS[found.obstacle.value]
    return CommandError(found.obstacle.name.lower(), zh.format(detail=found.detail), en.format(detail=found.detail))
