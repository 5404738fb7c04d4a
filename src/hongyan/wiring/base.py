"""What commands and processes both stand on: the database, its tables, the control services over it."""

import contextlib
import os
import time
from collections.abc import AsyncIterator

from hongyan.control.login import LoginRules
from hongyan.control.plane import ControlPlane, People, assemble
from hongyan.kit import embedded, migrate
from hongyan.kit.blobs import blobs
from hongyan.kit.db import Database
from hongyan.kit.http import check_url
from hongyan.kit.secretbox import SecretBox, master_key
from hongyan.model.actor import system
from hongyan.model.person import SecondFactor
from hongyan.model.rules.sets import RULE_SETS
from hongyan.model.snapshot import LinkConfig
from hongyan.settings import Settings
from hongyan.store import partitions, placement
from hongyan.wiring.callbacks import try_out


@contextlib.asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """The address of the database; without a given one the embedded server, started or joined for as long as the block lasts."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = await embedded.start(settings.data_dir)
    try:
        yield server.url
    finally:
        await server.stop()


async def prepare(db: Database) -> None:
    """Bring the tables up to date and to their places. Raises kit.migrate.UnsafeServerError when the servers must not be used."""
    await migrate.upgrade(db)
    if db.distributed:
        async with db.transaction() as tx:
            if off := await placement.unsafe(tx):
                raise migrate.UnsafeServerError(migrate.OFF.format(names=", ".join(off)))
            # A migration makes its tables in one place.
            if await placement.begun(tx):
                await placement.distribute(tx)
    async with db.connection() as conn:
        await partitions.ensure(conn, time.time())


def secret_box(settings: Settings) -> SecretBox:
    """What secrets are sealed with. Raises kit.secretbox.MasterKeyError."""
    return SecretBox(master_key(settings.master_key, settings.data_dir, os.urandom), os.urandom)


def plane(db: Database, settings: Settings) -> ControlPlane:
    """The control services over this database."""
    box = secret_box(settings)
    return assemble(
        db,
        box,
        clock=time.time,
        entropy=os.urandom,
        check_url=lambda url: check_url(url, settings.callback_allow),
        rules=RULE_SETS[settings.rules],
        pdf_font="" if settings.pdf_font is None else str(settings.pdf_font),
        blobs=blobs(settings.documents, settings.data_dir, settings.bucket),
        people=People(
            login=LoginRules(
                idle_s=settings.session_idle_s,
                longest_s=settings.session_longest_s,
                second_factor=SecondFactor(settings.second_factor),
            ),
            console=settings.console_url,
        ),
        try_out=try_out(db, settings, box),
    )


@contextlib.asynccontextmanager
async def control_plane(settings: Settings) -> AsyncIterator[ControlPlane]:
    """The control services for a command: starts or joins the embedded database and brings its tables up to date."""
    async with database(settings) as db:
        yield plane(db, settings)


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A migrated database for a command."""
    async with database_url(settings) as url:
        db = await Database.open(url, size=2)
        try:
            await prepare(db)
            yield db
        finally:
            await db.close()


SIMULATOR_LINK = "simulator"
SIMULATOR_PASSWORD = "hongyan"  # noqa: S105 - the built-in carrier's, on loopback


async def announce_simulator(settings: Settings, url: str, host: str, port: int) -> None:
    """Make the link to the simulated carrier lead to where it listens now."""
    db = await Database.open(url, size=1)
    try:
        await plane(db, settings).links.ensure(
            system("simulator"),
            LinkConfig(
                id=0,
                name=SIMULATOR_LINK,
                protocol="smpp",
                host=host,
                port=port,
                system_id="hongyan",
                password=SIMULATOR_PASSWORD,
                sessions=2,
                window=500,
                sender_id="10690000",
                priority=1000,
            ),
        )
    finally:
        await db.close()
