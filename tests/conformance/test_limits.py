"""Frequency windows and hours of marketing in a pipeline on a real PostgreSQL, with a clock that tests turn."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.errors import ControlError, Fault
from hongyan.control.protection import Change
from hongyan.control.records import Step
from hongyan.kit.db import Database
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.limits import PRESETS, Limits, Window
from hongyan.model.message import Accepted, Caller, Kind, Outcome, Refused, Status
from hongyan.model.protection import WordAction
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import AccountKind
from hongyan.pipeline.accept import SendService
from hongyan.pipeline.backlog import measure
from hongyan.pipeline.settle import Settler
from hongyan.pipeline.stops import Stops
from hongyan.store.partitions import day_start
from journeys.platform import phone, until
from journeys.rig import Rig, running_rig, taken

HOUR_S, DAY_S = 3600.0, 86_400.0


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as rig:
        yield rig
        assert await rig.broken() == {}
        # Nothing sleeps on into the nights of others, whose messages may have the same ids.
        await rig.control.protections.stop(OPERATOR, rig.app.id, "it is over")
        await rig.directory.refresh()
        await stops(rig).take_back()


async def send(rig: Rig, number: str, kind: str, value: str, door: SendService | None = None) -> Outcome:
    params = {"verification": ("385204", value), "notice": (value, "今天"), "marketing": (value, "今天")}[kind]
    command = msgspec.structs.replace(rig.command(kind, params), phones=(number,))
    answer = await (door or rig.send).accept(Caller(rig.app.account_id, rig.tenant.secret_id), command)
    assert isinstance(answer, list), answer
    return answer[0]


async def told(rig: Rig, number: str, kind: str, *values: str) -> list[str]:
    outcomes = [await send(rig, number, kind, value) for value in values]
    return [outcome.reason.value if isinstance(outcome, Refused) else "ok" for outcome in outcomes]


async def change(rig: Rig, **changes: object) -> None:
    await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(**changes))  # type: ignore[arg-type]
    await rig.directory.refresh()


async def defer(rig: Rig, *, deferred: bool = True) -> None:
    await rig.control.protections.change(OPERATOR, rig.app.id, Change(marketing_hours=True, marketing_deferred=deferred))
    await rig.directory.refresh()


def night(rig: Rig) -> float:
    """Eleven in the evening of tomorrow, in Shanghai."""
    return day_start(rig.now) + DAY_S + 23 * HOUR_S


# Windows.


async def test_each_kind_has_its_windows_and_both_edges_belong_to_them(rig: Rig) -> None:
    await change(rig, preset="huawei")
    rig.now = day_start(rig.now) + DAY_S + 12 * HOUR_S
    number, began = phone(), rig.now
    assert await told(rig, number, "verification", "1", "2", "3") == ["ok", "ok", "limit_30_seconds"]
    # Kinds are counted apart.
    assert await told(rig, number, "notice", "1", "2", "3") == ["ok"] * 3
    rig.now = began + 60
    refused = await send(rig, number, "verification", "3")
    assert isinstance(refused, Refused)
    assert refused.detail == "at most 2 messages of the kind verification to one number in 60 s"
    rig.now = began + 60.002
    assert await told(rig, number, "verification", "3", "4", "5") == ["ok", "ok", "limit_30_seconds"]


async def test_the_same_text_has_windows_of_its_own(rig: Rig) -> None:
    await change(rig, preset="huawei")
    rig.now = day_start(rig.now) + DAY_S + 12 * HOUR_S
    number, began = phone(), rig.now
    assert await told(rig, number, "notice", "x", "x", "x", "y") == ["ok", "ok", "same_content", "ok"]
    rig.now = began + 59.002
    assert await told(rig, number, "notice", "x", "x", "x") == ["ok", "ok", "same_content"]
    rig.now = began + 2 * 59.004
    assert await told(rig, number, "notice", "x", "x") == ["ok", "same_content_day"]
    rig.now = began + 3_540.002
    assert await told(rig, number, "notice", "x", "x", "x") == ["ok", "ok", "same_content"]


async def test_twenty_four_hours_reach_over_midnight_and_a_calendar_day_does_not(rig: Rig) -> None:
    await change(
        rig, limits=dict.fromkeys(Limits.__struct_fields__, 0), windows=(Window(2, 86_400, Kind.NOTICE), Window(3, 0, Kind.VERIFICATION))
    )
    rig.now = day_start(rig.now) + 2 * DAY_S - 1
    number, began = phone(), rig.now
    assert await told(rig, number, "notice", "1", "2", "3") == ["ok", "ok", "limit_day"]
    assert await told(rig, number, "verification", "1", "2", "3", "4") == ["ok", "ok", "ok", "limit_day"]
    rig.now = began + 1
    assert await told(rig, number, "notice", "3") == ["limit_day"]
    assert await told(rig, number, "verification", "4", "5", "6", "7") == ["ok", "ok", "ok", "limit_day"]
    rig.now = began + DAY_S
    assert await told(rig, number, "notice", "3") == ["limit_day"]
    rig.now = began + DAY_S + 0.002
    assert await told(rig, number, "notice", "3", "4", "5") == ["ok", "ok", "limit_day"]


async def test_a_window_is_exact_when_two_processes_accept_one_number_at_once(rig: Rig, database_url: str) -> None:
    await change(rig, preset="huawei")
    rig.now = day_start(rig.now) + DAY_S + 12 * HOUR_S
    number = phone()
    other = await Database.open(database_url, size=4)
    second = rig.door(other)
    running = asyncio.create_task(second.run())
    try:
        params = [("marketing", (str(n), "今天"), door) for n in range(15) for door in (rig.send, second)]
        commands = [(door, msgspec.structs.replace(rig.command(kind, values), phones=(number,))) for kind, values, door in params]
        asked = Caller(rig.app.account_id, rig.tenant.secret_id)
        answers = await asyncio.gather(*(door.accept(asked, command) for door, command in commands))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await other.close()
    outcomes = [answer if isinstance(answer, Refusal) else answer[0] for answer in answers]
    reasons = Counter(None if isinstance(outcome, Accepted) else outcome.reason for outcome in outcomes)
    assert reasons[None] == 4
    assert reasons.keys() <= {None, Reject.LIMIT_HOUR, Reject.TOO_BUSY}


async def test_numbers_on_the_allow_list_pass_every_window(rig: Rig) -> None:
    await change(rig, preset="huawei")
    number = phone()
    await rig.control.apps.allow(OPERATOR, rig.app.id, [number])
    await rig.directory.refresh()
    assert await told(rig, number, "verification", *"123456") == ["ok"] * 6


# What may be set.


async def test_a_preset_takes_the_place_of_all_limits_and_what_is_named_counts_on_top(rig: Rig) -> None:
    apps, app_id = rig.control.apps, rig.app.id
    huawei = PRESETS["huawei"]
    changed = await apps.change(OPERATOR, app_id, AppChange(limits={"hour": 5}, windows=(Window(1, 10),)))
    assert (changed.limits, changed.windows) == (Limits(hour=5), (Window(1, 10),))
    changed = await apps.change(OPERATOR, app_id, AppChange(preset="huawei"))
    assert (changed.limits, changed.windows) == (huawei.limits, huawei.windows)
    assert (await rig.control.protections.get(OPERATOR, app_id)).settings.marketing_hours
    changed = await apps.change(OPERATOR, app_id, AppChange(preset="current", limits={"day": 4}, windows=(Window(9),)))
    assert (changed.limits, changed.windows) == (Limits(day=4), (Window(9),))
    changed = await apps.change(OPERATOR, app_id, AppChange(preset="seeds"))
    assert (changed.limits, changed.windows) == (Limits(), ())
    # None switches hours off.
    assert (await rig.control.protections.get(OPERATOR, app_id)).settings.marketing_hours


async def test_an_application_can_be_made_with_a_preset(rig: Rig) -> None:
    made = (await rig.control.apps.create(OPERATOR, rig.app.account_id, f"huawei {rig.app.id}", AppChange(preset="huawei"))).app
    await rig.directory.refresh()
    app = rig.directory.snapshot.apps[made.id]
    assert (made.windows, app.windows) == (PRESETS["huawei"].windows, PRESETS["huawei"].windows)
    assert (app.limits, app.marketing_hours, app.marketing_deferred) == (Limits(same_content_30s=0, day=0), (8, 22), False)


async def test_an_application_made_for_huaweis_api_begins_with_that_vendors_limits(rig: Rig) -> None:
    apps, account_id = rig.control.apps, rig.app.account_id
    made = await apps.create(OPERATOR, account_id, f"moved {rig.app.id}", with_access=True)
    named = await apps.create(OPERATOR, account_id, f"named {rig.app.id}", AppChange(preset="seeds"), with_access=True)
    usual = await apps.create(OPERATOR, account_id, f"usual {rig.app.id}")
    assert [one.app.windows for one in (made, named, usual)] == [PRESETS["huawei"].windows, (), ()]
    await rig.directory.refresh()
    found = rig.directory.snapshot.apps
    assert [found[one.app.id].marketing_hours for one in (made, named, usual)] == [(8, 22), None, None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "aliyun"},
        {"windows": (Window(0, 60),)},
        {"windows": (Window(1, 86_401),)},
        {"windows": (Window(1, -1),)},
        {"windows": (Window(2_000_000, 60),)},
        {"windows": tuple(Window(1, n + 1) for n in range(17))},
    ],
    ids=str,
)
async def test_windows_that_make_no_sense_are_refused_and_nothing_is_changed(rig: Rig, wrong: dict[str, object]) -> None:
    with pytest.raises(ControlError) as refused:
        await rig.control.apps.change(OPERATOR, rig.app.id, AppChange(name="other", **wrong))  # type: ignore[arg-type]
    assert refused.value.code in {Fault.INVALID, Fault.TOO_MANY}
    assert await rig.control.apps.get(OPERATOR, rig.app.id) == (await rig.control.apps.every(OPERATOR, rig.app.account_id))[-1]
    assert (await rig.control.apps.get(OPERATOR, rig.app.id)).name != "other"


async def test_an_individual_changes_no_windows(rig: Rig) -> None:
    account = await rig.control.accounts.create(OPERATOR, f"one person {rig.app.id}", AccountKind.INDIVIDUAL)
    app = (await rig.control.apps.create(OPERATOR, account.id, "shop")).app
    owner = Actor(kind=ActorKind.USER, id="1", name="owner", permissions=GRANTS[Role.OWNER], account_id=account.id)
    for asked in (AppChange(preset="huawei"), AppChange(windows=())):
        with pytest.raises(ControlError) as refused:
            await rig.control.apps.change(owner, app.id, asked)
        assert refused.value.code is Fault.NOT_ALLOWED


# Hours of marketing.


async def test_marketing_outside_its_hours_is_refused_or_sleeps_until_they_begin(rig: Rig) -> None:
    await defer(rig, deferred=False)
    rig.now = night(rig)
    assert await told(rig, phone(), "marketing", "八") == ["marketing_hours"]
    await defer(rig)
    message = await accepted(rig, "marketing")
    code = await accepted(rig, "verification")
    # A code goes out at once; what sleeps is handed to nobody, whatever wakes, dies or looks for what was left behind.
    await rig.answer(await rig.handed_over(code), taken)
    await everybody_looks(rig)
    assert rig.given(message) == []
    assert await asleep(rig) == [message.message_id]
    opening = rig.now + 9 * HOUR_S
    timeline = await rig.control.records.timeline(OPERATOR, message.message_id, rig.app.id)
    assert timeline is not None
    assert (timeline.status, [(entry.step, entry.at) for entry in timeline.entries]) == (
        Status.ACCEPTED,
        [(Step.ACCEPTED, rig.now), (Step.DEFERRED, rig.now), (Step.WAITING, opening)],
    )
    assert "08:00" in timeline.entries[1].en
    rig.now = opening - 0.001
    await everybody_looks(rig)
    assert rig.given(message) == []
    rig.now = opening
    assert await rig.upkeep.wake() == 1
    [segment] = await rig.handed_over(message)
    # Its validity began with the hours.
    assert segment.validity_s == DAY_S
    await rig.answer([segment], taken)
    after = await rig.control.records.timeline(OPERATOR, message.message_id, rig.app.id)
    assert after is not None
    assert Step.DEFERRED in {entry.step for entry in after.entries}
    assert (await status(rig, message), await rig.balance()) == (Status.SUBMITTED, (4, 0))


async def test_what_is_asked_for_at_the_edges_of_the_hours(rig: Rig) -> None:
    await defer(rig)
    day = day_start(rig.now) + DAY_S
    for at, sleeps in (
        (0.0, 8 * HOUR_S),
        (8 * HOUR_S - 0.001, 0.001),
        (8 * HOUR_S, 0.0),
        (22 * HOUR_S - 0.001, 0.0),
        (22 * HOUR_S, 10 * HOUR_S),
    ):
        rig.now = day + at
        message = await accepted(rig, "marketing")
        async with rig.db.connection() as conn:
            row = await conn.fetchrow(
                """select extract(epoch from q.not_before)::float8 as begins, extract(epoch from m.expires_at)::float8 as ends
                     from queue q join messages m using (app_id, id) where app_id = $1 and id = $2""",
                rig.app.id, message.message_id,
            )  # fmt: skip
        assert row is not None
        assert row["begins"] == pytest.approx(rig.now + sleeps, abs=1e-3)
        assert row["ends"] == pytest.approx(rig.now + sleeps + DAY_S, abs=1e-3)
        assert (message.message_id in await asleep(rig)) is (sleeps > 0)


async def test_the_emergency_stop_takes_back_what_sleeps(rig: Rig) -> None:
    await defer(rig)
    rig.now = night(rig)
    message = await accepted(rig, "marketing")
    await rig.control.protections.stop(OPERATOR, rig.app.id, "not tonight")
    await rig.directory.refresh()
    assert await stops(rig).take_back() == 1
    assert (await status(rig, message), await asleep(rig), await rig.balance()) == (Status.FAILED, [], (0, 0))


async def test_marketing_that_still_waits_when_its_hours_end_sleeps_and_nothing_else_does(rig: Rig) -> None:
    await defer(rig, deferred=False)
    # Nobody sends: what is accepted waits for whoever comes.
    rig.dispatcher.disown()
    rig.now = night(rig) - HOUR_S - 0.001
    waiting, begun, notice = [await accepted(rig, kind) for kind in ("marketing", "marketing", "notice")]
    async with rig.db.connection() as conn:
        await conn.execute("update queue set sent_mask = 1 where app_id = $1 and id = $2", rig.app.id, begun.message_id)
    assert await rig.upkeep.lull() == 0
    rig.now += 0.001
    assert await rig.upkeep.lull() == 1
    assert await rig.upkeep.lull() == 0
    assert await asleep(rig) == [waiting.message_id]
    timeline = await rig.control.records.timeline(OPERATOR, waiting.message_id, rig.app.id)
    assert timeline is not None
    assert [(entry.step, entry.at) for entry in timeline.entries][1:] == [(Step.WAITING, rig.now + 10 * HOUR_S)]
    rig.now += 10 * HOUR_S - 0.001
    assert await rig.upkeep.wake() == 0
    rig.now += 0.001
    assert await rig.upkeep.wake() == 1
    assert await asleep(rig) == []
    assert await status(rig, notice) is Status.ACCEPTED
    async with rig.db.connection() as conn:
        await conn.execute("update queue set sent_mask = 0 where app_id = $1 and id = $2", rig.app.id, begun.message_id)


async def test_marketing_in_an_engine_s_hands_when_its_hours_end_sleeps_too(rig: Rig) -> None:
    await defer(rig, deferred=False)
    # A link that takes nothing, and does again in the night.
    rig.link.free = 0
    rig.now = night(rig) - HOUR_S - 0.001
    waiting, notice = [await accepted(rig, kind) for kind in ("marketing", "notice")]
    rig.now += HOUR_S
    assert await rig.upkeep.lull() == 0
    rig.link.free = 1000
    await rig.answer(await rig.handed_over(notice), taken)

    async def sleeps() -> bool:
        return await asleep(rig) == [waiting.message_id]

    await until(sleeps, "the marketing sleeps")
    assert rig.given(waiting) == []
    rig.now += 9 * HOUR_S + 0.001
    assert await rig.upkeep.wake() == 1
    await rig.answer(await rig.handed_over(waiting), taken)
    assert (len(rig.given(waiting)), await status(rig, waiting)) == (1, Status.SUBMITTED)


async def test_who_opts_out_at_night_is_not_woken_in_the_morning(rig: Rig) -> None:
    await defer(rig)
    rig.now = night(rig)
    message, other = await accepted(rig, "marketing"), await accepted(rig, "marketing")
    await rig.reply(message, "T")
    await until(lambda: _is(rig, message, Status.FAILED), "it is taken back")
    assert await asleep(rig) == [other.message_id]
    assert await rig.balance() == (1, 0)


async def _is(rig: Rig, message: Accepted, wanted: Status) -> bool:
    return await status(rig, message) is wanted


async def test_a_held_message_that_a_reviewer_releases_at_night_sleeps_on(rig: Rig) -> None:
    await defer(rig)
    await rig.control.words.add(OPERATOR, ["夜半词"], WordAction.HOLD)
    try:
        await rig.directory.refresh()
        rig.now = night(rig)
        outcome = await send(rig, phone(), "marketing", "夜半词")
        assert isinstance(outcome, Accepted)
        ids = [outcome.message_id]
        assert await asleep(rig) == []
        rig.now += HOUR_S
        assert await rig.control.held.release(OPERATOR, rig.app.id, ids) == ids
        assert await asleep(rig) == ids
        rig.now += 8 * HOUR_S
        await rig.upkeep.wake()
        await rig.answer(await rig.handed_over(outcome), taken)
    finally:
        await rig.control.words.remove(OPERATOR, ["夜半词"])


async def test_marketing_that_is_released_at_night_waits_for_the_morning_and_a_notice_does_not(rig: Rig) -> None:
    await defer(rig, deferred=False)
    await rig.control.words.add(OPERATOR, ["夜半词"], WordAction.HOLD)
    try:
        await rig.directory.refresh()
        rig.now = night(rig) - 2 * HOUR_S
        marketing, notice = [await send(rig, phone(), kind, "夜半词") for kind in ("marketing", "notice")]
        assert isinstance(marketing, Accepted)
        assert isinstance(notice, Accepted)
        rig.now += 2 * HOUR_S
        ids = [marketing.message_id, notice.message_id]
        assert sorted(await rig.control.held.release(OPERATOR, rig.app.id, ids)) == sorted(ids)
        await rig.answer(await rig.handed_over(notice), taken)
        assert await asleep(rig) == [marketing.message_id]
        rig.now += 9 * HOUR_S
        await rig.upkeep.wake()
        await rig.answer(await rig.handed_over(marketing), taken)
    finally:
        await rig.control.words.remove(OPERATOR, ["夜半词"])


async def test_what_sleeps_is_no_backlog_and_wakes_only_as_far_as_codes_keep_their_room(rig: Rig) -> None:
    await defer(rig)
    rig.now = night(rig)
    messages = [await accepted(rig, "marketing") for _ in range(5)]

    async def waiting() -> int:
        async with rig.db.transaction() as tx:
            await tx.execute("update backlog set measured_at = '2020-01-01'")
        depth = await measure(rig.db, 1000, lambda: 0.0)
        assert depth is not None
        return depth.total

    before = await waiting()
    rig.dispatcher.disown()
    rig.now += 9 * HOUR_S
    rig.upkeep._queue_max = 2 * (before + 3)
    assert await rig.upkeep.wake() == 3
    assert await waiting() == before + 3
    assert await rig.upkeep.wake() == 0
    assert len(await asleep(rig)) == 2
    # The first that were promised are the first to wake.
    assert await asleep(rig) == sorted(message.message_id for message in messages)[3:]


def stops(rig: Rig) -> Stops:
    return Stops(db=rig.db, directory=rig.directory, settler=Settler(rig.directory), clock=rig.clock)


async def accepted(rig: Rig, kind: str) -> Accepted:
    return await rig.accept(kind)


async def status(rig: Rig, message: Accepted) -> Status:
    # Several rigs live through the same night: their ids may be the same.
    timeline = await rig.control.records.timeline(OPERATOR, message.message_id, rig.app.id)
    assert timeline is not None
    return timeline.status


async def asleep(rig: Rig) -> list[int]:
    async with rig.db.connection() as conn:
        return [row[0] for row in await conn.fetch("select id from queue where app_id = $1 and owner = 0 order by id", rig.app.id)]


async def everybody_looks(rig: Rig) -> None:
    await rig.upkeep.wake()
    await rig.upkeep.bury_the_dead()
    await rig.upkeep.gather_strays()
    rig.ring()
    # A message that comes afterwards has been claimed, or gone out: so the dispatcher has looked.
    later = await accepted(rig, "notice")
    await until(lambda: rig.given(later), "the dispatcher has looked")
    await rig.answer(rig.given(later), taken)
