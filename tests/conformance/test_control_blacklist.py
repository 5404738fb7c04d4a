"""Blacklists of applications, accounts and the operator, on a real PostgreSQL."""

import csv
import io
import itertools
import os

import pytest

from acting import OPERATOR
from hongyan.control import blacklist as rules
from hongyan.control.blacklist import Where
from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.snapshot import AccountKind
from hongyan.store import blacklist, optouts

NOW = 1_800_000_000.0
EVERYBODY = Where()

names = (f"account {n}" for n in itertools.count(1))


@pytest.fixture
def control(database: Database) -> ControlPlane:
    return assemble(database, SecretBox(bytes(32), os.urandom), clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None)


async def tenant(control: ControlPlane) -> tuple[int, int]:
    account = await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
    return account.id, (await control.apps.create(OPERATOR, account.id, "shop")).app.id


async def whole(control: ControlPlane, where: Where) -> list[list[str]]:
    text = "".join([part async for part in control.blacklist.hand_out(OPERATOR, where)])
    return list(csv.reader(io.StringIO(text, newline="")))


async def test_each_level_has_its_own_list(control: ControlPlane, database: Database) -> None:
    account_id, app_id = await tenant(control)
    levels = {Where(app_id=app_id): "13800000001", Where(account_id=account_id): "13800000002", EVERYBODY: "13800000003"}
    for where, number in levels.items():
        assert await control.blacklist.add(OPERATOR, where, [number], "complaint") == 1
        assert await control.blacklist.add(OPERATOR, where, [number]) == 0
    for where, number in levels.items():
        assert [(row.phone, row.reason) for row in await control.blacklist.page(OPERATOR, where)] == [(int(f"86{number}"), "complaint")]
    async with database.connection() as conn:
        assert set(await blacklist.sharing(conn)) >= {account_id, blacklist.OPERATOR}
        asked = [8613800000001, 8613800000002, 8613800000003]
        assert await blacklist.among_shared(conn, [account_id, blacklist.OPERATOR], asked) == set(asked[1:])
    for where, number in levels.items():
        assert await control.blacklist.remove(OPERATOR, where, [number]) == 1
        assert await control.blacklist.page(OPERATOR, where) == []


async def test_what_is_changed_is_noted_by_count_and_never_by_number(control: ControlPlane) -> None:
    account_id, app_id = await tenant(control)
    await control.blacklist.add(OPERATOR, Where(app_id=app_id), ["13800000001", "13800000002"])
    await control.blacklist.take_in(OPERATOR, Where(account_id=account_id), b"13800000003\n")
    first, second = (await control.audit.page(OPERATOR, account_id=account_id))[:2]
    assert (first.action, first.detail) == ("blacklist.import", '{"list":"account","numbers":1}')
    assert (second.action, second.target, second.detail) == ("blacklist.add", str(app_id), '{"list":"app","numbers":2}')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_file_is_taken_in_as_far_as_it_can_be_read(control: ControlPlane, encoding: str) -> None:
    _, app_id = await tenant(control)
    file = '手机号,原因\r\n13800000001,投诉\r\n+852 6123 4567,"a, b"\r\n\r\nnobody,x\r\n13800000001,again\r\n'.encode(encoding)
    found = await control.blacklist.take_in(OPERATOR, Where(app_id=app_id), file)
    assert (found.added, found.known, found.wrong) == (2, 1, 1)
    assert [wrong.line for wrong in found.faults] == [5]
    listed = {row.phone: row.reason for row in await control.blacklist.page(OPERATOR, Where(app_id=app_id))}
    assert listed == {8613800000001: "投诉", 85261234567: "a, b"}


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        (b"\xff\xff\xff", Fault.INVALID),
        (b"1" * (rules.IMPORT_BYTES + 1), Fault.TOO_MANY),
        (b"13800000001\n" * (rules.IMPORT_MOST + 2), Fault.TOO_MANY),
    ],
    ids=["no text", "too large", "too many rows"],
)
async def test_a_file_that_is_too_much_or_no_text_is_refused(control: ControlPlane, file: bytes, fault: Fault) -> None:
    _, app_id = await tenant(control)
    with pytest.raises(ControlError) as refused:
        await control.blacklist.take_in(OPERATOR, Where(app_id=app_id), file)
    assert refused.value.code is fault
    assert await control.blacklist.page(OPERATOR, Where(app_id=app_id)) == []


async def test_what_is_handed_out_can_be_taken_in_and_no_spreadsheet_calculates_it(
    control: ControlPlane, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PAGE_MOST", 2)
    _, app_id = await tenant(control)
    here = Where(app_id=app_id)
    reasons = ["=1+1", "+1", "-1", "@a", "＝1", "plain"]
    for n, reason in enumerate(reasons):
        await control.blacklist.add(OPERATOR, here, [f"1380000000{n}"], reason)
    async with database.transaction() as tx:
        for n in (1, 3, 5, 7):
            await optouts.add(tx, app_id, [8613800000000 + n], NOW, reply_id=n)
    head, *rows = await whole(control, here)
    assert head == ["number", "reason", "opted_out", "since"]
    assert [row[0] for row in rows] == [f"861380000000{n}" for n in (0, 1, 1, 2, 3, 3, 4, 5, 5, 7)]
    assert [row[1] for row in rows if row[2] == "no"] == ["'=1+1", "'+1", "'-1", "'@a", "'＝1", "plain"]
    _, other = await tenant(control)
    again = await control.blacklist.take_in(OPERATOR, Where(app_id=other), "\r\n".join(",".join(row) for row in [head, *rows]).encode())
    assert (again.added, again.wrong) == (7, 0)
