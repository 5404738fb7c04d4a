"""Links to carriers: the address and account in columns, everything else as options."""

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.snapshot import LinkConfig
from hongyan.store.times import at

IN_COLUMNS = frozenset({"id", "name", "protocol", "host", "port", "system_id", "password", "enabled", "priority"})
OPTIONS: tuple[str, ...] = tuple(name for name in LinkConfig.__struct_fields__ if name not in IN_COLUMNS)
"""Fields of a link kept in its options; one that is absent there has its default."""


class SealedLink(msgspec.Struct, frozen=True):
    """A link whose password is still sealed: `config.password` is empty."""

    config: LinkConfig
    password_sealed: bytes


COLUMNS = "id, name, protocol, host, port, system_id, password_sealed, enabled, priority, options"


def _link(row: Row) -> SealedLink:
    fields = dict(row)
    sealed = fields.pop("password_sealed")
    fields |= msgspec.json.decode(fields.pop("options"), type=dict[str, object])
    return SealedLink(config=msgspec.convert(fields | {"password": ""}, LinkConfig), password_sealed=sealed)


def _options(config: LinkConfig) -> str:
    return msgspec.json.encode({name: getattr(config, name) for name in OPTIONS}).decode()


async def add(conn: Connection, config: LinkConfig, password_sealed: bytes, now: float) -> int:
    """The new link's id; `config.id` and `config.password` are not looked at. Raises `UniqueViolation` when the name is taken."""
    return int(
        await conn.fetchval(
            "insert into links (name, protocol, host, port, system_id, password_sealed, enabled, priority, options, created_at) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10) returning id",
            config.name, config.protocol, config.host, config.port, config.system_id, password_sealed, config.enabled,
            config.priority, _options(config), at(now),
        )
    )  # fmt: skip


async def change(conn: Connection, config: LinkConfig, password_sealed: bytes) -> None:
    """Make the link `config.id` say what `config` says. Raises `UniqueViolation` when the name is taken."""
    await conn.execute(
        "update links set name = $2, protocol = $3, host = $4, port = $5, system_id = $6, password_sealed = $7, enabled = $8, "
        "priority = $9, options = $10::jsonb where id = $1",
        config.id, config.name, config.protocol, config.host, config.port, config.system_id, password_sealed, config.enabled,
        config.priority, _options(config),
    )  # fmt: skip


async def named(conn: Connection, name: str) -> SealedLink | None:
    """The link of that name, kept from changing until the transaction ends."""
    row = await conn.fetchrow(f"select {COLUMNS} from links where name = $1 for no key update", name)
    return None if row is None else _link(row)


async def every(conn: Connection) -> list[SealedLink]:
    return [_link(row) for row in await conn.fetch(f"select {COLUMNS} from links order by priority, id")]
