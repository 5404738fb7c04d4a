"""Why did my user not get it: causes produced for real, and what is said of each.

The real pipeline on a real database with a clock that the tests turn, and a carrier on a string that says what each case needs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.blacklist import Where
from hongyan.control.protection import Change
from hongyan.control.records import Explanation
from hongyan.model.carrier import Declined, Throttled, Verdict
from hongyan.model.causes import Who
from hongyan.model.event import EventKind
from hongyan.model.message import Accepted, Caller, SendCommand, Status
from hongyan.model.phone import parse
from hongyan.model.protection import Cap, WordAction
from hongyan.model.replay import request_id
from hongyan.model.snapshot import LinkConfig, Scope
from hongyan.pipeline.refusals import RefusalLog
from hongyan.pipeline.stops import Stops
from hongyan.store import endpoints, outbox
from hongyan.store.outbox import Failure, Key
from journeys.platform import phone
from journeys.rig import Rig, lost, running_rig, taken

DAY_S = 86_400.0
LONG = ("20260001", "很长的说明，" * 20)
NOBODY = "path.nobody_told"


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as made:
        yield made
        assert await made.broken() == {}


# Refusals.


async def plain(rig: Rig, number: str) -> SendCommand:
    """A notice that nothing speaks against."""
    return msgspec.structs.replace(rig.command("notice"), phones=(number,))


async def once_before(rig: Rig, number: str, seconds: float = 31.0) -> SendCommand:
    """Another one, so many seconds after the first."""
    command = await plain(rig, number)
    await rig.send.accept(Caller(rig.app.account_id, rig.tenant.secret_id), command)
    rig.now += seconds
    return msgspec.structs.replace(command, params=("20260002", "明天"))


def changed(**fields: object) -> Callable[[Rig, str], Awaitable[SendCommand]]:
    async def make(rig: Rig, number: str) -> SendCommand:
        return msgspec.structs.replace(await plain(rig, number), **fields)

    return make


def limited(seconds: float = 31.0, **limits: int) -> Callable[[Rig, str], Awaitable[SendCommand]]:
    async def make(rig: Rig, number: str) -> SendCommand:
        await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(limits={"same_content_30s": 0} | limits))
        await rig.directory.refresh()
        return await once_before(rig, number, seconds)

    return make


def protected(change: Change, kind: str = "notice") -> Callable[[Rig, str], Awaitable[SendCommand]]:
    async def make(rig: Rig, number: str) -> SendCommand:
        await rig.control.protections.change(OPERATOR, rig.app.id, change)
        await rig.directory.refresh()
        return msgspec.structs.replace(rig.command(kind), phones=(number,))

    return make


async def listed(rig: Rig, number: str) -> SendCommand:
    await rig.control.blacklist.add(OPERATOR, Where(app_id=rig.app.id), [number])
    return await plain(rig, number)


async def opted_out(rig: Rig, number: str) -> SendCommand:
    command = await plain(rig, number)
    [sent] = await rig.send.accept(Caller(rig.app.account_id, rig.tenant.secret_id), command)  # type: ignore[misc]
    assert isinstance(sent, Accepted)
    await rig.answer(await rig.handed_over(sent), taken)
    await rig.reply(sent, "T")
    rig.now += 31
    return command


async def a_moment_ago(rig: Rig, number: str) -> SendCommand:
    command = await once_before(rig, number, 5.0)
    return msgspec.structs.replace(command, params=rig.tenant.templates["notice"].params)


async def forbidden(rig: Rig, number: str) -> SendCommand:
    await rig.control.words.add(OPERATOR, ["违禁词甲"], WordAction.REFUSE)
    await rig.directory.refresh()
    return msgspec.structs.replace(await plain(rig, number), params=("违禁词甲", "明天"))


async def stopped(rig: Rig, number: str) -> SendCommand:
    await rig.control.protections.stop(OPERATOR, rig.app.id, "pumped")
    await rig.directory.refresh()
    return await plain(rig, number)


async def abroad(rig: Rig, number: str) -> SendCommand:
    return msgspec.structs.replace(rig.command("international"), phones=(f"+65{number[-8:]}",), sign_name="")


async def the_same_again(rig: Rig, number: str) -> SendCommand:
    command = await limited(same_content_day=1)(rig, number)
    return msgspec.structs.replace(command, params=rig.tenant.templates["notice"].params)


def from_abroad(change: Change) -> Callable[[Rig, str], Awaitable[SendCommand]]:
    """The second message abroad, where one is allowed."""

    async def make(rig: Rig, number: str) -> SendCommand:
        await rig.control.packages.buy(OPERATOR, rig.app.id, Scope.INTERNATIONAL, 10)
        command = await protected(change)(rig, number)
        command = await abroad(rig, number)
        await rig.send.accept(Caller(rig.app.account_id, rig.tenant.secret_id), msgspec.structs.replace(command, phones=("+6591234567",)))
        return command

    return make


async def home_template_abroad(rig: Rig, number: str) -> SendCommand:
    return msgspec.structs.replace(await plain(rig, number), phones=(f"+65{number[-8:]}",))


async def abroad_template_at_home(rig: Rig, number: str) -> SendCommand:
    return msgspec.structs.replace(rig.command("international"), phones=(number,))


async def no_code(rig: Rig, number: str) -> SendCommand:
    return msgspec.structs.replace(
        rig.command("verification", ("12 34",) * len(rig.tenant.templates["verification"].params)), phones=(number,)
    )


async def both(rig: Rig, number: str) -> SendCommand:
    command = await plain(rig, number)
    return msgspec.structs.replace(command, phones=(number, "+6591234567"))


def at_night(rig: Rig) -> None:
    """It is three in the morning in Shanghai."""
    rig.now += DAY_S - (rig.now + 5 * 3600) % DAY_S


async def outside_the_hours(rig: Rig, number: str) -> SendCommand:
    at_night(rig)
    return await protected(Change(marketing_hours=True), "marketing")(rig, number)


REFUSALS: Mapping[str, Callable[[Rig, str], Awaitable[SendCommand]]] = {
    "check.blacklisted": listed,
    "check.opted_out": opted_out,
    "check.same_content": a_moment_ago,
    "check.limit_30_seconds": limited(5.0, any_30s=1),
    "check.limit_hour": limited(hour=1),
    "check.limit_day": limited(day=1),
    "check.same_content_day": the_same_again,
    "check.abroad_day": from_abroad(Change(abroad=Cap(most=1))),
    "check.country_day": from_abroad(Change(countries={"SG": Cap(most=1)})),
    "check.mainland_template_abroad": home_template_abroad,
    "check.international_template_at_home": abroad_template_at_home,
    "check.param_format": no_code,
    "check.sender_not_allowed": changed(sender_id="10690000"),
    "check.template_unusable": changed(template_id=1),
    "check.signature_unusable": changed(sign_name="没有的签名"),
    "check.params_mismatch": changed(params=("1",)),
    "check.param_has_link": changed(params=("1", "看 https://a.example/x")),
    "check.text_too_long": changed(params=("1", "长" * 690)),
    "check.context_too_long": changed(session_context="x" * 512),
    "check.extend_invalid": changed(extend="12"),
    "check.sensitive_word": forbidden,
    "check.app_day": protected(Change(day=Cap(most=1))),
    "check.mainland_day": protected(Change(mainland=Cap(most=1))),
    "check.country_closed": protected(Change(closed=("CN",))),
    "check.marketing_hours": outside_the_hours,
    "check.mixed_regions": both,
    "check.no_package": abroad,
    "check.app_disabled": stopped,
}
"""A cause, and what has to happen so that a message is refused for it."""


@pytest.mark.parametrize("cause", REFUSALS)
async def test_a_refused_number_is_told_the_check_that_stopped_it(rig: Rig, cause: str) -> None:
    if cause in {"check.app_day", "check.mainland_day"}:
        await rig.accept("notice")
    command = await REFUSALS[cause](rig, phone())
    log = RefusalLog(db=rig.db, directory=rig.directory, send=rig.send, clock=rig.clock, new_id=rig.engine.new_id)
    await log.accept(Caller(rig.app.account_id, rig.tenant.secret_id), command)
    await log.flush()
    newest = (await inquired(rig, command.phones[0]))[0]
    assert newest.message_id is None
    assert newest.causes[0].cause == cause
    assert (newest.status, newest.code) == (None, cause.removeprefix("check."))
    assert [hop.step.value for hop in newest.hops] == ["refused"]
    await rig.control.words.remove(OPERATOR, ["违禁词甲"])


# What was promised.


async def tried(rig: Rig, kind: str = "notice", params: Sequence[str] | None = None) -> Accepted:
    return await rig.accept(kind, params)


async def sent(rig: Rig, code: str = "", verdict: Verdict = Verdict.FAILED, *, after: float = 0.0) -> Accepted:
    """Taken by the carrier, and reported in this word if there is one."""
    message = await rig.accept("notice")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], taken)
    rig.now += after
    if code:
        await rig.receipt(segment, carrier_id=f"{segment.message_id}-1", verdict=verdict, code=code)
    return message


def reported(code: str, verdict: Verdict = Verdict.FAILED, *, after: float = 0.0) -> Callable[[Rig], Awaitable[Accepted]]:
    async def make(rig: Rig) -> Accepted:
        return await sent(rig, code, verdict, after=after)

    return make


async def no_answer(rig: Rig) -> Accepted:
    message = await rig.accept("notice")
    await rig.handed_over(message)
    return message


async def declined(rig: Rig) -> Accepted:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lambda _segment: Declined("RINVDSTADR"))
    return message


async def throttled(rig: Rig) -> Accepted:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lambda _segment: Throttled(5.0, "RTHROTTLED"))
    return message


async def in_doubt(rig: Rig) -> Accepted:
    message = await rig.accept("verification")
    await rig.answer(await rig.handed_over(message), lost)
    return message


async def never_known(rig: Rig) -> Accepted:
    message = await in_doubt(rig)
    await rig.later(5.1)
    return message


async def sent_twice(rig: Rig) -> Accepted:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    _, second = await rig.handed_over(message, copies=2)
    await rig.answer([second], taken)
    await rig.receipt(second, carrier_id=f"{second.message_id}-1", code="DELIVRD")
    return message


async def expired_in_queue(rig: Rig) -> Accepted:
    message = await rig.accept("verification")
    await rig.answer(await rig.handed_over(message), lambda _segment: Throttled(700.0, "RTHROTTLED"))
    await rig.later(701.0)
    rig.ring()
    await rig.settled(message)
    return message


async def half_of_it(rig: Rig) -> Accepted:
    message = await rig.accept("notice", LONG)
    segments = await rig.handed_over(message, copies=2)
    await rig.answer(segments, taken)
    words = [("DELIVRD", Verdict.DELIVERED), ("MK:0001", Verdict.FAILED)]
    for segment, (code, verdict) in zip(segments, words, strict=False):
        await rig.receipt(segment, carrier_id=f"{segment.message_id}-{segment.sequence}", verdict=verdict, code=code)
    return message


async def held(rig: Rig) -> Accepted:
    await rig.control.words.add(OPERATOR, ["疑似词乙"], WordAction.HOLD)
    await rig.directory.refresh()
    message = await rig.accept("notice", ("疑似词乙", "明天"))
    await rig.control.words.remove(OPERATOR, ["疑似词乙"])
    return message


async def refused_by_a_reviewer(rig: Rig) -> Accepted:
    message = await held(rig)
    await rig.control.held.refuse(OPERATOR, rig.app.id, [message.message_id])
    return message


async def held_too_long(rig: Rig) -> Accepted:
    message = await held(rig)
    rig.now += DAY_S + 1
    await stops(rig).end_held()
    return message


async def taken_back(rig: Rig) -> Accepted:
    message = await throttled(rig)
    await rig.control.protections.stop(OPERATOR, rig.app.id, "pumped")
    await rig.directory.refresh()
    await stops(rig).take_back()
    return message


async def with_link(rig: Rig, *, enabled: bool) -> Accepted:
    """Back in the queue, while a link for it is set up and `enabled`."""
    link = LinkConfig(id=0, name="for home", protocol="smpp", host="127.0.0.1", port=1, system_id="x", password="x", enabled=enabled)
    await rig.control.links.ensure(OPERATOR, link)
    return await throttled(rig)


async def asleep(rig: Rig) -> Accepted:
    at_night(rig)
    await rig.control.protections.change(OPERATOR, rig.app.id, Change(marketing_hours=True, marketing_deferred=True))
    await rig.directory.refresh()
    return await rig.accept("marketing")


async def left_meanwhile(rig: Rig) -> Accepted:
    message = await throttled(rig)
    await rig.reply(message, "T")
    return message


async def listed_meanwhile(rig: Rig) -> Accepted:
    message = await throttled(rig)
    await rig.control.blacklist.add(OPERATOR, Where(app_id=rig.app.id), [f"+{message.phone}"])
    await rig.withdrawals.take_back_listed()
    return message


async def after_three_days(rig: Rig, message: Accepted) -> Accepted:
    rig.now += 3 * DAY_S + 60
    # As the office does it, for every application: what other rigs have left held has ended long before.
    await stops(rig).end_held()
    await rig.upkeep.expire()
    return message


async def never_reported(rig: Rig) -> Accepted:
    return await after_three_days(rig, await sent(rig))


async def never_confirmed(rig: Rig) -> Accepted:
    return await after_three_days(rig, await never_known(rig))


PATHS: Mapping[str, Callable[[Rig], Awaitable[Accepted]]] = {
    "path.in_flight": no_answer,
    "path.retrying": partial(with_link, enabled=True),
    "path.no_link": partial(with_link, enabled=False),
    "path.doubtful": in_doubt,
    "path.unknown_outcome": never_known,
    "path.expired_in_queue": expired_in_queue,
    "path.deferred": asleep,
    "path.withdrawn": left_meanwhile,
    "path.withdrawn_listed": listed_meanwhile,
    "path.expired_without_receipt": never_reported,
    "path.expired_unknown": never_confirmed,
    "path.held": held,
    "path.held_refused": refused_by_a_reviewer,
    "path.held_expired": held_too_long,
    "path.stopped": taken_back,
    "path.awaiting_receipt": reported(""),
    "path.no_receipt_yet": reported("", after=600.0),
    "path.delivered": reported("DELIVRD", Verdict.DELIVERED),
    "path.delivered_late": reported("DELIVRD", Verdict.DELIVERED, after=600.0),
    "path.unknown_code": reported("QQ:0042"),
    "carrier.bad_number": declined,
}
"""A cause, and what has to happen so that it is what decides."""


async def test_a_refusal_says_which_value_or_template_it_was_and_keeps_no_text_that_a_database_would_not(rig: Rig) -> None:
    log = RefusalLog(db=rig.db, directory=rig.directory, send=rig.send, clock=rig.clock, new_id=rig.engine.new_id)
    caller, number = Caller(rig.app.account_id, rig.tenant.secret_id), phone()
    await log.accept(caller, await changed(params=("1",))(rig, number))
    rig.now += 1
    await log.accept(caller, await changed(sign_name="\ud800\0")(rig, number))
    await log.flush()
    broken, mismatched = await inquired(rig, number)
    assert mismatched.causes[0].note_en.endswith("takes 2 values, 1 given")
    assert broken.causes[0].cause == "check.bad_request"


@pytest.mark.parametrize("cause", PATHS)
async def test_a_message_is_told_what_stopped_it_or_where_it_is(rig: Rig, cause: str) -> None:
    message = await PATHS[cause](rig)
    found = await explained(rig, message)
    assert found.causes[0].cause == cause
    assert found.hops[0].at == found.at
    assert [hop.at for hop in found.hops] == sorted(hop.at for hop in found.hops)
    [listed] = await inquired(rig, f"+{message.phone}", days=5)
    assert listed == found


CODES = {
    "MK:0001": "carrier.empty_number",
    "LT:0059": "carrier.powered_off",
    "MC:0055": "carrier.handset_full",
    "MBBLACK": "carrier.blacklist",
    "DJ:0255": "carrier.content_block",
    "DB:0126": "carrier.mnp",
    "TDBLACK": "carrier.unsubscribed",
    "SC:0018": "carrier.signature",
    "CTLIMIT": "carrier.frequency",
    "EXPIRED": "carrier.timeout",
    "MB:99x9": "carrier.gateway_error",
}
"""Words of carriers, and what is said of messages that end so."""


async def test_what_a_carrier_says_is_told_in_plain_words_with_its_code(rig: Rig) -> None:
    for code, cause in CODES.items():
        found = await explained(rig, await sent(rig, code, Verdict.EXPIRED if code == "EXPIRED" else Verdict.FAILED))
        assert found.causes[0].cause == cause
        assert code in found.causes[0].note_en
        assert [(raw.code, raw.stage) for raw in found.codes] == [(code, "receipt")]
        rig.now += 31


async def test_a_message_that_was_sent_twice_says_so(rig: Rig) -> None:
    assert "path.resent" in causes(await explained(rig, await sent_twice(rig)))


async def test_a_long_message_names_the_segment_that_failed_with_its_code(rig: Rig) -> None:
    found = await explained(rig, await half_of_it(rig))
    assert causes(found)[:2] == ["carrier.empty_number", "path.partly_delivered"]
    assert [(raw.segment, raw.code) for raw in found.codes] == [(1, "DELIVRD"), (2, "MK:0001")]
    assert [each.sequence for each in found.taken][:2] == [1, 2]


async def test_that_nobody_was_told_is_told_and_only_then(rig: Rig) -> None:
    assert NOBODY not in causes(await explained(rig, await sent(rig, "UNDELIV")))
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(pull=False))
    await rig.directory.refresh()
    assert NOBODY in causes(await explained(rig, await sent(rig, "UNDELIV")))


async def test_a_callback_that_fails_or_is_paused_is_told(rig: Rig) -> None:
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(report_url="http://nowhere.example/reports"))
    await rig.directory.refresh()
    message = await sent(rig, "UNDELIV")
    assert causes(await explained(rig, message)) == ["carrier.empty_or_off"]
    async with rig.db.transaction() as tx:
        [bundle] = await outbox.claim(tx, reports_of(rig), now=rig.now, lease_until=rig.now + 60, most=1)
        await outbox.failed(tx, rig.app.id, [Failure(id=bundle.id, due_at=rig.now + 5, told=0, error="HTTP 500")])
    failing = (await explained(rig, message)).causes[1]
    assert (failing.cause, failing.note_en) == ("path.callback_failing", "the last time: HTTP 500")
    async with rig.db.transaction() as tx:
        await endpoints.failed(tx, reports_of(rig), "http://nowhere.example/reports", "HTTP 502", rig.now)
        await endpoints.pause(tx, reports_of(rig), rig.now)
    paused = (await explained(rig, message)).causes[1]
    assert (paused.cause, paused.note_en) == ("path.callback_paused", "the last time: HTTP 502")


async def test_a_request_that_came_late_is_told_by_its_own_time(rig: Rig) -> None:
    command = msgspec.structs.replace(rig.command("notice"), request_id=request_id(b"proof", at=int(rig.now) - 9))
    [late] = await rig.send.accept(Caller(rig.app.account_id, rig.tenant.secret_id), command)  # type: ignore[misc]
    assert isinstance(late, Accepted)
    await rig.answer(await rig.handed_over(late), taken)
    found = await explained(rig, late)
    assert causes(found)[:2] == ["path.awaiting_receipt", "path.request_late"]
    assert found.causes[1].who is Who.CALLER
    assert [hop.step.value for hop in found.hops][:2] == ["asked", "accepted"]
    assert found.request_id == command.request_id


async def test_long_in_the_queue_is_told_with_how_long(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lambda _segment: Throttled(5.0, "RTHROTTLED"))
    await rig.later(30.0)
    await rig.answer((await rig.handed_over(message, copies=2))[1:], taken)
    [_, long] = (await explained(rig, message)).causes
    assert (long.cause, long.note_en) == ("path.queued_long", "from when it was taken until a carrier had it: 30.0 s")


async def test_a_receipt_that_came_late_is_told_beside_when_the_carrier_says_it_was(rig: Rig) -> None:
    message = await sent(rig)
    [segment] = rig.given(message)
    done_at = rig.now
    rig.now += 90.0
    await rig.receipt(segment, carrier_id=f"{segment.message_id}-1", code="DELIVRD", done_at=done_at)
    found = await explained(rig, message)
    assert found.causes[0].cause == "path.delivered"
    assert [(hop.step.value, hop.at) for hop in found.hops][-2:] == [("receipt", done_at), ("settled", rig.now)]


async def test_of_a_number_that_was_never_sent_to_that_is_told(rig: Rig) -> None:
    parsed = parse(phone())
    assert parsed is not None
    found = await rig.control.records.inquire(OPERATOR, parsed.number, app_id=rig.app.id)
    assert found.explanations == ()
    assert [each.cause for each in found.causes] == ["path.never_seen"]


async def test_messages_and_refusals_of_a_number_stand_in_the_order_of_time(rig: Rig) -> None:
    number = phone()
    command = await plain(rig, number)
    log = RefusalLog(db=rig.db, directory=rig.directory, send=rig.send, clock=rig.clock, new_id=rig.engine.new_id)
    caller = Caller(rig.app.account_id, rig.tenant.secret_id)
    await log.accept(caller, command)
    rig.now += 1
    await log.accept(caller, msgspec.structs.replace(command, request_id="mine"))
    await log.flush()
    assert [each.status for each in await inquired(rig, number)] == [None, Status.ACCEPTED]
    assert [each.request_id for each in await inquired(rig, number, request_id="mine")] == ["mine"]
    rig.now += 4 * DAY_S
    assert await inquired(rig, number) == []
    assert len(await inquired(rig, number, days=5)) == 2


def reports_of(rig: Rig) -> Key:
    """The application's reports, to its own address."""
    return rig.app.id, EventKind.REPORT, ""


def causes(found: Explanation) -> list[str]:
    return [each.cause for each in found.causes]


def stops(rig: Rig) -> Stops:
    return Stops(db=rig.db, directory=rig.directory, settler=rig.settler, clock=rig.clock)


async def explained(rig: Rig, message: Accepted) -> Explanation:
    found = await rig.control.records.explain(OPERATOR, message.message_id, rig.app.id)
    assert found is not None
    return found


async def inquired(rig: Rig, number: str, request_id: str = "", days: int = 3) -> list[Explanation]:
    parsed = parse(number)
    assert parsed is not None
    found = await rig.control.records.inquire(OPERATOR, parsed.number, app_id=rig.app.id, request_id=request_id, days=days)
    return list(found.explanations)
