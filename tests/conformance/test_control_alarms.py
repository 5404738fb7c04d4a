"""Alarm contacts and what they are told, on a real PostgreSQL, over real SMTP and HTTP."""

import datetime as dt
import ipaddress
import itertools
import json
import os
import re
from collections.abc import AsyncIterator

import msgspec
import pytest
from standardwebhooks import Webhook

from acting import OPERATOR
from hongyan.control.alarm_words import SMS
from hongyan.control.alarms import TESTS_AN_HOUR, Change, Draft
from hongyan.control.errors import ControlError, Fault
from hongyan.control.own_app import OwnApps
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.telling import GONE, Telling
from hongyan.kit import ids
from hongyan.kit.db import Database
from hongyan.kit.http import Answer, Failed, GuardedClient
from hongyan.kit.mail import Mailer, MailServer
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.sink import Sink
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.alarm import AlarmKind
from hongyan.model.message import Kind
from hongyan.model.papers import TemplateDraft
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.store import alarms, notices
from hongyan.store.alarms import Medium
from smtp_sink import SmtpSink

BOX = SecretBox(bytes(32), os.urandom)
LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
REVIEWED = {
    "review": 1,
    "of": "signature",
    "id": 7,
    "name": "鸿雁科技",
    "approved": False,
    "reasons": "材料不清",
    "reasons_en": "not legible",
}

names = (f"account {n}" for n in itertools.count(1))


class World:
    """The services, a clock to turn, and whatever contacts hear."""

    def __init__(self, db: Database, mail: SmtpSink, http: Sink) -> None:
        self.now = 1_800_000_000.0
        self.db = db
        self.mail = mail
        self.http = http
        self.texts: list[tuple[int, str, tuple[str, ...]]] = []
        self.posted: list[dict[str, str]] = []
        self.control: ControlPlane = assemble(
            db, BOX, clock=lambda: self.now, entropy=os.urandom, check_url=lambda url: "it is inside" if "10.0.0." in url else None
        )
        self._client = GuardedClient(allow=LOOPBACK)
        mailer = Mailer(MailServer.parse(f"smtp://me:pass%40word@127.0.0.1:{mail.port}"), "alarm@hongyan.example")
        self.telling = Telling(
            db,
            BOX,
            clock=lambda: self.now,
            jitter=lambda: 0.5,
            post=self._post,
            mail=mailer.send,
            text=self._text,
            new_id=ids.generator(7, lambda: self.now),
            quiet_s=300,
        )

    async def _text(self, phone: int, template: str, values: tuple[str, ...]) -> str | None:
        self.texts.append((phone, template, values))
        return None

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer | Failed:
        self.posted.append({**headers, "body": body.decode()})
        return await self._client.post(url, body, headers)

    async def tenant(self, kind: AccountKind = AccountKind.ENTERPRISE) -> tuple[int, int]:
        account = await self.control.accounts.create(OPERATOR, next(names), kind)
        return account.id, (await self.control.apps.create(OPERATOR, account.id, "shop")).app.id

    async def happened(self, account_id: int, app_id: int | None, kind: AlarmKind, **facts: str | int | bool) -> None:
        async with self.db.transaction() as tx:
            await notices.add(tx, account_id=account_id, app_id=app_id, kind=kind, facts=facts, now=self.now)

    async def tell(self) -> int:
        await self.telling.gather()
        return await self.telling.deliver()

    async def told(self, account_id: int) -> list[alarms.AlarmRow]:
        return await self.control.alarms.told(OPERATOR, account_id=account_id)

    async def close(self) -> None:
        await self._client.close()


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as tx:
        await tx.execute("truncate notices, alarms, alarm_marks, alarm_contacts, review_hooks")
    async with SmtpSink("me", "pass@word") as mail, Sink() as http:
        world = World(database, mail, http)
        yield world
        await world.close()


async def test_a_contact_is_told_by_letter_message_and_signed_web_hook(world: World) -> None:
    account_id, app_id = await world.tenant()
    made = await world.control.alarms.add(
        OPERATOR, app_id, Draft(name="值班", email="duty@example.com", phone="13800000001", hook_url=f"{world.http.url}/alarm")
    )
    await world.happened(account_id, app_id, AlarmKind.FREQUENCY, hits=7, limit_day=7)
    assert await world.tell() == 3
    [letter] = world.mail.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == ("duty@example.com", "alarm@hongyan.example", "[鸿雁] 频率限制告警")
    assert "被限制拦截 7 次（1 天内上限 7）" in letter.get_content()
    assert world.texts == [(8613800000001, "frequency", (str(app_id), "7"))]
    [body] = world.http.bodies("/alarm")
    told = json.loads(body)
    assert (told["type"], told["data"]["app_id"], told["data"]["happened"], told["data"]["hits"]) == ("alarm.frequency", app_id, 1, 7)
    [posted] = world.posted
    webhook = Webhook(made.hook_secret)
    signed = webhook.sign(posted["webhook-id"], dt.datetime.fromtimestamp(world.now, dt.UTC), body.decode())
    assert posted["webhook-signature"] == signed
    assert {row.told_at for row in await world.told(account_id)} == {world.now}


async def test_what_goes_on_happening_is_told_once_with_its_count(world: World) -> None:
    account_id, app_id = await world.tenant()
    await world.control.alarms.add(OPERATOR, app_id, Draft(name="duty", email="duty@example.com", english=True))
    for _ in range(12):
        world.now += 60
        await world.happened(account_id, app_id, AlarmKind.FREQUENCY, hits=10, limit_day=10)
        await world.tell()
    told = [row.happened for row in reversed(await world.told(account_id))]
    assert told == [1, 5, 5]
    assert [row.facts["hits"] for row in reversed(await world.told(account_id))] == [10, 50, 50]
    assert "50 refused (limit of up to a day 50)" in world.mail.letters[1].get_content()
    assert ", 5 times" in world.mail.letters[1].get_content()


async def test_the_quiet_of_one_kind_or_application_is_not_that_of_another(world: World) -> None:
    account_id, app_id = await world.tenant()
    other = (await world.control.apps.create(OPERATOR, account_id, "other")).app.id
    for which in (app_id, other):
        await world.control.alarms.add(OPERATOR, which, Draft(name="duty", email="duty@example.com"))
    await world.happened(account_id, app_id, AlarmKind.FREQUENCY, hits=1)
    await world.happened(account_id, other, AlarmKind.FREQUENCY, hits=1)
    await world.happened(account_id, app_id, AlarmKind.TRAFFIC, region="", sent=100, value=90)
    assert await world.tell() == 3
    await world.happened(account_id, app_id, AlarmKind.BALANCE, scope="mainland", left=10, value=100)
    assert await world.tell() == 1
    assert "国内套餐包还剩 10 条，告警值 100 条" in world.mail.letters[-1].get_content()


async def test_contacts_hear_what_they_switched_on_and_of_the_account_s_affairs_once(world: World) -> None:
    account_id, app_id = await world.tenant()
    other = (await world.control.apps.create(OPERATOR, account_id, "other")).app.id
    for which in (app_id, other):
        await world.control.alarms.add(OPERATOR, which, Draft(name="duty", email="duty@example.com"))
    await world.control.alarms.add(OPERATOR, app_id, Draft(name="quiet", email="quiet@example.com", kinds=(AlarmKind.BALANCE,)))
    await world.happened(account_id, None, AlarmKind.SIGNATURE, **REVIEWED)
    assert await world.tell() == 1
    [letter] = world.mail.letters
    assert letter["To"] == "duty@example.com"
    assert "“鸿雁科技”未通过：材料不清" in letter.get_content()


async def test_each_decision_is_posted_to_the_review_hook_however_quiet_contacts_are(world: World) -> None:
    account_id, app_id = await world.tenant()
    hook = await world.control.alarms.set_review_hook(OPERATOR, account_id, f"{world.http.url}/review")
    await world.happened(account_id, app_id, AlarmKind.TEMPLATE, **REVIEWED)
    await world.happened(account_id, app_id, AlarmKind.TEMPLATE, **(REVIEWED | {"approved": True}))
    assert await world.tell() == 2
    told = [json.loads(body) for body in world.http.bodies("/review")]
    assert {one["type"] for one in told} == {"review.decided"}
    assert sorted(one["data"]["approved"] for one in told) == [False, True]
    assert {one["data"]["reasons"] for one in told} == {"材料不清"}
    assert {posted["webhook-id"] for posted in world.posted} == {f"alarm_{row.id}" for row in await world.told(account_id)}
    assert Webhook(hook.secret) is not None
    assert (await world.control.alarms.review_hook(OPERATOR, account_id)).secret == ""
    await world.control.alarms.set_review_hook(OPERATOR, account_id, "")
    await world.happened(account_id, app_id, AlarmKind.TEMPLATE, **REVIEWED)
    assert await world.tell() == 0


async def test_whoever_does_not_hear_is_told_again_with_the_same_id_and_given_up_after_a_day(world: World) -> None:
    account_id, app_id = await world.tenant()
    await world.control.alarms.add(OPERATOR, app_id, Draft(name="duty", email="duty@example.com", hook_url=f"{world.http.url}/alarm"))
    world.mail.refusing = "451 later"
    world.http.answer = (500, b"")
    await world.happened(account_id, app_id, AlarmKind.FREQUENCY, hits=1)
    assert await world.tell() == 0
    assert {row.error for row in await world.told(account_id)} == {"the mail server said 451", "HTTP 500; expected 2xx"}
    world.mail.refusing = ""
    world.now += 20
    assert await world.tell() == 1
    while any(row.due_at is not None for row in await world.told(account_id)):
        world.now += 3600
        assert await world.tell() == 0
    assert len(world.posted) > 10
    assert len({posted["webhook-id"] for posted in world.posted}) == 1
    assert world.now - 1_800_000_000 < 2 * 86_400


async def test_a_removed_contact_hears_nothing_more(world: World) -> None:
    account_id, app_id = await world.tenant()
    contact = (await world.control.alarms.add(OPERATOR, app_id, Draft(name="duty", email="a@example.com", phone="13800000001"))).contact
    await world.happened(account_id, app_id, AlarmKind.FREQUENCY, hits=1)
    await world.telling.gather()
    await world.control.alarms.change(OPERATOR, contact.id, Change(phone=""))
    assert await world.telling.deliver() == 1
    assert sorted(row.error for row in await world.told(account_id)) == ["", GONE]
    await world.control.alarms.test(OPERATOR, contact.id)
    await world.control.alarms.remove(OPERATOR, contact.id)
    assert await world.tell() == 0
    assert world.texts == []
    assert len(world.mail.letters) == 1


async def test_a_contact_is_tested_at_most_once_a_minute(world: World) -> None:
    _, app_id = await world.tenant()
    contact = (await world.control.alarms.add(OPERATOR, app_id, Draft(name="duty", email="duty@example.com", phone="13800000001"))).contact
    assert [row.medium for row in await world.control.alarms.test(OPERATOR, contact.id)] == [Medium.MAIL, Medium.SMS]
    with pytest.raises(ControlError) as refused:
        await world.control.alarms.test(OPERATOR, contact.id)
    assert refused.value.code is Fault.TOO_MANY
    assert await world.tell() == 2
    assert world.texts == [(8613800000001, "test", (str(app_id),))]
    assert world.mail.letters[0]["Subject"] == "[鸿雁] 告警测试"
    world.now += 61
    assert len(await world.control.alarms.test(OPERATOR, contact.id)) == 2


async def test_an_account_cannot_have_strangers_written_to_without_end(world: World) -> None:
    _, app_id = await world.tenant()
    for n in range(TESTS_AN_HOUR):
        contact = (await world.control.alarms.add(OPERATOR, app_id, Draft(name="x", email=f"stranger{n}@example.com"))).contact
        await world.control.alarms.test(OPERATOR, contact.id)
        await world.control.alarms.remove(OPERATOR, contact.id)
    contact = (await world.control.alarms.add(OPERATOR, app_id, Draft(name="x", email="one.more@example.com"))).contact
    with pytest.raises(ControlError) as refused:
        await world.control.alarms.test(OPERATOR, contact.id)
    assert refused.value.code is Fault.TOO_MANY


async def test_a_reviewer_s_decision_is_told_with_its_reason(world: World) -> None:
    account_id, app_id = await world.tenant()
    await world.control.alarms.add(OPERATOR, app_id, Draft(name="duty", email="duty@example.com", english=True))
    draft = TemplateDraft(name="新品通知", kind=Kind.NOTICE, scope=Scope.MAINLAND, content="您好{1}，您的订单到了。")
    template = await world.control.templates.add(OPERATOR, account_id, draft)
    await world.control.templates.reject(OPERATOR, template.id, note="say what it is for")
    await world.tell()
    [letter] = world.mail.letters
    assert letter["Subject"] == "[Hongyan] Template reviewed"
    assert "“新品通知” was rejected: " in letter.get_content()
    assert "say what it is for" in letter.get_content()


@pytest.mark.parametrize(("kind", "most"), [(AccountKind.ENTERPRISE, 5), (AccountKind.INDIVIDUAL, 2)])
async def test_an_application_has_so_many_contacts(world: World, kind: AccountKind, most: int) -> None:
    _, app_id = await world.tenant(kind)
    for n in range(most):
        await world.control.alarms.add(OPERATOR, app_id, Draft(name=f"duty {n}", phone="13800000001"))
    with pytest.raises(ControlError) as refused:
        await world.control.alarms.add(OPERATOR, app_id, Draft(name="one more", phone="13800000001"))
    assert refused.value.code is Fault.TOO_MANY


@pytest.mark.parametrize(
    ("draft", "fault"),
    [
        (Draft(name="nobody"), Fault.INVALID),
        (Draft(name="x", email="a@b"), Fault.INVALID),
        (Draft(name="x", email="a@example.com\r\nBcc: b@example.com"), Fault.INVALID),
        (Draft(name="x", phone="12"), Fault.INVALID),
        (Draft(name="x", hook_url="http://10.0.0.1/"), Fault.NOT_ALLOWED),
        (Draft(name="x", hook_url="ftp://example.com/"), Fault.INVALID),
    ],
    ids=["no way", "no domain", "a second header", "no number", "inside", "no web address"],
)
async def test_a_contact_that_cannot_be_reached_is_refused(world: World, draft: Draft, fault: Fault) -> None:
    _, app_id = await world.tenant()
    with pytest.raises(ControlError) as refused:
        await world.control.alarms.add(OPERATOR, app_id, draft)
    assert refused.value.code is fault


async def test_no_customer_is_given_the_platform_s_own_account(world: World) -> None:
    own = OwnApps(world.db, BOX, clock=lambda: world.now, entropy=os.urandom, sign_name="鸿雁", texts=SMS)
    with pytest.raises(ControlError) as refused:
        await world.control.accounts.create(OPERATOR, "Hongyan Platform", AccountKind.ENTERPRISE)
    assert refused.value.code is Fault.TAKEN
    first = await own.ensure()
    assert await own.ensure() == first
    snapshot = await world.control.snapshots.load()
    assert {snapshot.templates[which].account_id for which in first.templates.values()} == {first.account_id}
    assert {kind for kind, _ in first.templates} == set(SMS)


async def test_contacts_of_another_account_are_as_absent_as_those_that_never_were(world: World) -> None:
    mine, _ = await world.tenant()
    _, theirs = await world.tenant()
    contact = (await world.control.alarms.add(OPERATOR, theirs, Draft(name="duty", phone="13800000001"))).contact
    owner = Actor(kind=ActorKind.USER, id="1", name="owner", permissions=GRANTS[Role.OWNER], account_id=mine)
    told = []
    for which, app_id in ((contact.id, theirs), (10**12, 10**12)):
        for ask in (
            world.control.alarms.test(owner, which),
            world.control.alarms.remove(owner, which),
            world.control.alarms.change(owner, which, Change(name="mine")),
            world.control.alarms.contacts(owner, app_id=app_id),
            world.control.alarms.add(owner, app_id, Draft(name="x", phone="13800000001")),
        ):
            with pytest.raises(ControlError) as refused:
                await ask
            told.append((refused.value.code, re.sub(r"\d+", "?", refused.value.en)))
    assert told[:5] == told[5:]
    assert await world.control.alarms.contacts(owner) == []
    assert await world.control.alarms.told(owner) == []


async def test_another_web_hook_has_another_secret_and_none_is_in_the_tables_in_clear(world: World) -> None:
    _, app_id = await world.tenant()
    first = await world.control.alarms.add(OPERATOR, app_id, Draft(name="duty", hook_url="https://example.com/a"))
    same = await world.control.alarms.change(OPERATOR, first.contact.id, Change(name="duty 2", kinds=(AlarmKind.TRAFFIC,)))
    second = await world.control.alarms.change(OPERATOR, first.contact.id, Change(hook_url="https://example.com/b"))
    assert same.hook_secret == ""
    assert second.contact == msgspec.structs.replace(same.contact, hook_url="https://example.com/b")
    assert len({first.hook_secret, second.hook_secret, ""}) == 3
    with pytest.raises(ControlError):
        await world.control.alarms.change(OPERATOR, first.contact.id, Change(hook_url=""))
    async with world.db.connection() as conn:
        assert second.hook_secret not in str([dict(row) for row in await conn.fetch("select * from alarm_contacts")])
