"""Access codes: each signature has digits of its own behind them, and a reply to these finds the signature and its application."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.errors import ControlError, Fault
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.carrier import Reply
from hongyan.model.message import Accepted, Refused
from hongyan.model.papers import SignatureDraft
from hongyan.model.reject import Reject
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.store import extensions
from journeys.customers import Customer
from journeys.platform import Platform, phone
from journeys.rig import LINK, Rig, running_rig, taken

CODE = "1069055501"


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as made:
        if not any(row.number == CODE for row in await made.control.senders.every(OPERATOR)):
            await made.control.senders.add(OPERATOR, CODE, extension_digits=5)
        await made.control.apps.change(OPERATOR, made.app.id, AppChange(sender_id=CODE, extend_allowed=True))
        await made.directory.refresh()
        yield made
        assert await made.broken() == {}


async def sign(rig: Rig, name: str) -> int:
    """An approved signature of the rig's application alone."""
    draft = SignatureDraft(name=name, scope=Scope.MAINLAND, app_id=rig.app.id)
    row = await rig.control.signatures.add(OPERATOR, rig.app.account_id, draft)
    await rig.control.signatures.approve(OPERATOR, row.id)
    await rig.directory.refresh()
    return row.id


async def extension_of(rig: Rig, signature_id: int) -> str:
    [row] = [row for row in await rig.control.senders.extensions(OPERATOR, CODE) if row.signature_id == signature_id]
    return row.extension


async def shown(rig: Rig, message: Accepted) -> str:
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], taken)
    return segment.sender_id


async def replied(rig: Rig, number: int) -> list[tuple[int, str, str, int | None]]:
    """Application, extension, signature and message of a number's replies."""
    async with rig.db.connection() as conn:
        rows = await conn.fetch("select app_id, extend, sign_name, message_id from replies where phone = $1 order by id", number)
    return [tuple(row) for row in rows]


async def test_each_signature_shows_digits_of_its_own(rig: Rig) -> None:
    first, second = await sign(rig, "一号店"), await sign(rig, "二号店")
    texts: dict[int, str] = {}
    for signature_id, name in ((first, "一号店"), (second, "二号店")):
        message = await rig.asked(msgspec.structs.replace(rig.command("notice"), sign_name=name, extend="88"))
        assert isinstance(message, Accepted)
        texts[signature_id] = await shown(rig, message)
        assert texts[signature_id] == CODE + await extension_of(rig, signature_id) + "88"
    assert len(set(texts.values())) == 2


async def test_a_reply_finds_the_signature_it_was_written_to_not_the_last_message(rig: Rig) -> None:
    await sign(rig, "三号店")
    command = msgspec.structs.replace(rig.command("notice"), sign_name="三号店", extend="7")
    older = await rig.asked(command)
    assert isinstance(older, Accepted)
    to = await shown(rig, older)
    await rig.control.apps.allow(OPERATOR, rig.app.id, [command.phones[0]])
    await rig.directory.refresh()
    newer = await rig.asked(msgspec.structs.replace(rig.command("verification"), phones=command.phones))
    assert isinstance(newer, Accepted)
    await shown(rig, newer)
    await rig.delivered(Reply(LINK, older.phone, f"+86{to}", "好的", rig.now))
    assert await replied(rig, older.phone) == [(rig.app.id, "7", "三号店", older.message_id)]


async def test_whoever_writes_first_is_heard_by_the_owner_of_the_number(rig: Rig) -> None:
    signature_id = await sign(rig, "四号店")
    stranger = int(phone().removeprefix("+"))
    await rig.delivered(Reply(LINK, stranger, CODE + await extension_of(rig, signature_id) + "9", "营业吗", rig.now))
    assert await replied(rig, stranger) == [(rig.app.id, "9", "四号店", None)]
    assert "营业吗" in await rig.replies()
    await rig.delivered(Reply(LINK, stranger, CODE + "99999", "喂", rig.now))
    assert (await replied(rig, stranger))[1:] == [(0, "", "", None)], "nobody has these digits, and nobody has written to it"


async def test_the_number_of_an_account_s_signature_is_for_the_application_that_wrote_last_however_late(rig: Rig) -> None:
    name = "总店"
    row = await rig.control.signatures.add(OPERATOR, rig.app.account_id, SignatureDraft(name=name, scope=Scope.MAINLAND))
    await rig.control.signatures.approve(OPERATOR, row.id)
    await rig.directory.refresh()
    command = msgspec.structs.replace(rig.command("notice"), sign_name=name)
    message = await rig.asked(command)
    assert isinstance(message, Accepted)
    to = await shown(rig, message)
    await rig.delivered(Reply(LINK, message.phone, to, "TD", rig.now + 4 * 86_400))
    assert await replied(rig, message.phone) == [(rig.app.id, "", name, None)], "it answers nothing any more, and is heard"
    refused = await rig.asked(msgspec.structs.replace(command, params=("2", "今天")))
    assert isinstance(refused, Refused)
    assert refused.reason is Reject.OPTED_OUT


async def test_an_extension_that_leaves_no_room_is_refused(rig: Rig) -> None:
    await sign(rig, "五号店")
    for digits, fits in (("12345", True), ("123456", False)):
        outcome = await rig.asked(msgspec.structs.replace(rig.command("notice"), sign_name="五号店", extend=digits))
        assert isinstance(outcome, Accepted) is fits
        if isinstance(outcome, Refused):
            assert outcome.reason is Reject.EXTEND_INVALID


async def test_nobody_takes_another_s_number_by_an_extension(rig: Rig) -> None:
    victim = await sign(rig, "九号店")
    digits = await extension_of(rig, victim)
    # Shown as it is, and beginning like the access code.
    number = CODE[:6]
    await rig.control.senders.add(OPERATOR, number)
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(sender_id=number))
    await rig.directory.refresh()
    outcome = await rig.asked(msgspec.structs.replace(rig.command("notice"), extend=CODE[6:] + digits))
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reject.EXTEND_INVALID
    assert isinstance(await rig.asked(msgspec.structs.replace(rig.command("notice"), extend="88")), Accepted)


async def test_an_extension_is_nobody_else_s_for_a_while_after_its_signature_is_gone(rig: Rig) -> None:
    gone = await sign(rig, "六号店")
    digits = await extension_of(rig, gone)
    await rig.control.signatures.deactivate(OPERATOR, gone)
    await rig.control.signatures.delete(OPERATOR, gone)
    other = await sign(rig, "七号店")
    assert await extension_of(rig, other) != digits
    # A late reply still finds the application.
    stranger = int(phone().removeprefix("+"))
    await rig.delivered(Reply(LINK, stranger, CODE + digits, "还在吗", rig.now))
    assert [row[0] for row in await replied(rig, stranger)] == [rig.app.id]


async def test_of_a_code_with_few_extensions_released_ones_are_given_again(rig: Rig) -> None:
    code = "106905550299"
    made = await rig.control.senders.add(OPERATOR, code, extension_digits=1, app_id=rig.app.id)
    assert made.extension_digits == 1
    ids = [await sign(rig, f"分店{n}") for n in "一二三四五六七八九十"]
    rows = await rig.control.senders.extensions(OPERATOR, code)
    assert len(rows) == 9, "0 is left out, the tenth has none"
    assert len({row.extension for row in rows}) == 9
    without = ({*ids} - {row.signature_id for row in rows}).pop()
    gone = next(row for row in rows if row.signature_id in ids)
    await rig.control.signatures.deactivate(OPERATOR, gone.signature_id)
    await rig.control.signatures.delete(OPERATOR, gone.signature_id)
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(sender_id=code))
    await rig.directory.refresh()
    name = "分店" + "一二三四五六七八九十"[ids.index(without)]
    outcome = await rig.asked(msgspec.structs.replace(rig.command("notice"), sign_name=name, extend="5"))
    assert isinstance(outcome, Refused), "nothing may stand where other signatures have their digits"
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(sender_id=""))
    for later, given in ((0.0, False), (extensions.QUIET_S + 1, True)):
        async with rig.db.transaction() as tx:
            await extensions.add_lacking(tx, None, rig.now + later)
        now = {row.signature_id for row in await rig.control.senders.extensions(OPERATOR, code)}
        assert (without in now or len(now & {*ids}) == len(rows)) is given
    await rig.control.senders.remove(OPERATOR, code)


async def test_a_number_that_is_shown_already_becomes_an_access_code(rig: Rig) -> None:
    number = "1069055503"
    await rig.control.senders.add(OPERATOR, number)
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(sender_id=number))
    made = await rig.control.senders.extend(OPERATOR, number, 4)
    assert made.extension_digits == 4
    await rig.directory.refresh()
    message = await rig.accept("notice")
    source = await shown(rig, message)
    assert (source[:10], len(source)) == (number, 14)
    with pytest.raises(ControlError) as told:
        await rig.control.senders.extend(OPERATOR, number, 5)
    assert told.value.code is Fault.IN_USE


async def test_many_approvals_at_once_get_different_digits(rig: Rig) -> None:
    drafts = [SignatureDraft(name=f"同时{n}", scope=Scope.MAINLAND, app_id=rig.app.id) for n in "甲乙丙丁戊己"]
    rows = [await rig.control.signatures.add(OPERATOR, rig.app.account_id, draft) for draft in drafts]
    await asyncio.gather(*(rig.control.signatures.approve(OPERATOR, row.id) for row in rows))
    digits = [await extension_of(rig, row.id) for row in rows]
    assert len(set(digits)) == len(rows)


@pytest.mark.parametrize(("number", "digits"), [("106905", 3), ("1069055501234567", 5), ("Hongyan", 4), ("1069055577", 10)])
async def test_a_number_has_13_to_20_digits_with_its_extension(rig: Rig, number: str, digits: int) -> None:
    with pytest.raises(ControlError) as told:
        await rig.control.senders.add(OPERATOR, number, extension_digits=digits)
    assert told.value.code is Fault.INVALID


async def test_an_account_sees_its_own_extensions_alone(rig: Rig) -> None:
    await sign(rig, "八号店")
    other = await rig.control.accounts.create(OPERATOR, f"neighbour {rig.now}", AccountKind.ENTERPRISE)
    assert await rig.control.senders.extensions(member(other.id), CODE) == []
    assert await rig.control.senders.extensions(member(rig.app.account_id), CODE) != []


def member(account_id: int) -> Actor:
    return Actor(kind=ActorKind.USER, id="7", name="owner", permissions=GRANTS[Role.OWNER], account_id=account_id)


@pytest.mark.slow
@pytest.mark.usefixtures("laws_hold")
async def test_a_reply_to_an_access_code_comes_with_the_extension(customer: Customer, platform: Platform) -> None:
    code = "1069055509"
    async with platform.control() as control:
        await control.senders.add(OPERATOR, code, app_id=customer.app_id, extension_digits=4)
    await customer.change(sender_id=code, extend_allowed=True)
    to = phone()
    await customer.send_one(to, ExtendCode="42")
    await customer.pulled(1)
    [source] = await sources(platform, to)
    assert source.startswith(code)
    assert source.endswith("42")
    assert len(source) == len(code) + 4 + 2
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="收到")
    [pulled] = await customer.pulled(1, "PullSmsReplyStatus")
    assert (pulled["ExtendCode"], pulled["ReplyContent"]) == ("42", "收到")
    await customer.change(sender_id="")
    async with platform.control() as control:
        await control.senders.remove(OPERATOR, code)


async def sources(platform: Platform, to: str) -> list[str]:
    answer = await platform.simulate(do="seen", phone=to.removeprefix("+"))
    return [sight["sender"] for sight in answer["numbers"].values()]
