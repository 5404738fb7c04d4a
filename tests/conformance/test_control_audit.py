"""The audit log on a real PostgreSQL: nobody changes, takes out or cuts off a row unseen."""

import asyncio
import os

import pytest

from hongyan.control.audit import Audit, Broken
from hongyan.control.errors import ControlError, Fault
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role, command

BOX = SecretBox(bytes(32), os.urandom)
OPERATOR = command("root")


@pytest.fixture
async def audit(database: Database) -> Audit:
    """With an empty log: the database is the whole module's."""
    async with database.transaction() as tx:
        await tx.execute("alter table audit_log disable trigger user")
        await tx.execute("truncate audit_log, audit_head")
        await tx.execute("alter table audit_log enable trigger user")
    return Audit(database, BOX, lambda: 1_800_000_000.123456)


async def note(audit: Audit, database: Database, which: int, account_id: int = 1) -> None:
    async with database.transaction() as tx:
        await audit.record(tx, OPERATOR, "key.create", which, account_id=account_id, detail={"n": which})


async def test_what_is_recorded_at_once_by_many_is_one_chain(audit: Audit, database: Database) -> None:
    await asyncio.gather(*(note(audit, database, n) for n in range(20)))
    found = await audit.page(OPERATOR)
    assert [row.id for row in found] == list(range(20, 0, -1))
    assert {row.target for row in found} == {str(n) for n in range(20)}
    assert await audit.verify() is None


async def test_a_change_that_is_rolled_back_leaves_no_record(audit: Audit, database: Database) -> None:
    async def change_that_fails() -> None:
        async with database.transaction() as tx:
            await audit.record(tx, OPERATOR, "key.create", 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change_that_fails()
    assert await audit.page(OPERATOR) == []
    assert await audit.verify() is None


@pytest.mark.parametrize(
    ("tampering", "at"),
    [
        ("update audit_log set target = 'x' where id = 2", 2),
        ("update audit_log set account_id = 7 where id = 3", 3),
        ("delete from audit_log where id = 2", 2),
        ("delete from audit_log where id = 3", 4 - 1),
        ("delete from audit_log", 1),
        ("update audit_log set previous = mark where id = 1", 1),
        ("delete from audit_head", 4),
    ],
)
async def test_tampering_by_whoever_owns_the_database_is_found(audit: Audit, database: Database, tampering: str, at: int) -> None:
    for n in range(3):
        await note(audit, database, n)
    async with database.transaction() as tx:
        await tx.execute("alter table audit_log disable trigger user")
        await tx.execute(tampering)
    broken = await audit.verify()
    assert isinstance(broken, Broken)
    assert broken.id == at


async def test_rows_cannot_be_changed_with_the_platform_s_own_statements(audit: Audit, database: Database) -> None:
    await note(audit, database, 1)
    for statement in ("update audit_log set target = ''", "delete from audit_log", "truncate audit_log"):
        with pytest.raises(Exception, match="append-only"):
            async with database.transaction() as tx:
                await tx.execute(statement)


async def test_an_owner_reads_what_concerns_the_account_and_a_reader_nothing(audit: Audit, database: Database) -> None:
    await note(audit, database, 1, account_id=1)
    await note(audit, database, 2, account_id=2)
    owner = Actor(kind=ActorKind.USER, id="1", name="owner", permissions=GRANTS[Role.OWNER], account_id=2)
    assert [row.target for row in await audit.page(owner)] == ["2"]
    with pytest.raises(ControlError) as refused:
        await audit.page(owner, account_id=1)
    assert refused.value.code is Fault.NOT_FOUND
    reader = Actor(kind=ActorKind.USER, id="2", name="reader", permissions=GRANTS[Role.READER], account_id=2)
    with pytest.raises(ControlError) as refused:
        await audit.page(reader)
    assert refused.value.code is Fault.NOT_ALLOWED
