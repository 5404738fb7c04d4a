"""Sends at a time: put off, looked at, cancelled."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from hongyan.control.permissions import demand
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, PathId
from hongyan.doors.rest.messages import Send, commands, sender
from hongyan.doors.rest.paging import Cursor, Limit, Page, after, page
from hongyan.doors.rest.problems import Refused
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.words import refused
from hongyan.model.actor import Permission
from hongyan.model.reject import Refusal
from hongyan.products.schedule import Schedule, ScheduleService, State


class Later(Send):
    """A send, and when."""

    send_at: float = Field(ge=0, le=253_402_300_799, description="Unix seconds; at most 31 days from now.")


class ScheduleView(BaseModel):
    """A send that waits, or what became of it."""

    id: str
    app_id: int
    send_at: float
    state: State
    numbers: int = Field(description="How many numbers it is for.")
    created_at: float
    accepted: int | None = Field(description="How many were taken; null before it was sent.")
    outcome: str = Field(description="Why the others were not: codes with how many.", examples=["limit_day 3, bad_number 1"])


def routes(door: "Schedules") -> APIRouter:
    """Everything under /schedules."""
    return router(
        "schedules",
        "/schedules",
        [
            Operation("POST", "", "createSchedule", door.add, "Send later", ScheduleView, 201, (404,)),
            Operation("GET", "", "listSchedules", door.page, "Sends that wait, and those that went", page_of(ScheduleView)),
            Operation("GET", "/{schedule_id}", "getSchedule", door.get, "One of them", ScheduleView, also=(404,)),
            Operation("DELETE", "/{schedule_id}", "cancelSchedule", door.cancel, "Cancel it", ScheduleView, also=(404, 409)),
        ],
    )


class Schedules:
    """The endpoints."""

    def __init__(self, schedules: ScheduleService) -> None:
        self._schedules = schedules

    async def add(self, asks: Asks, wanted: Later, request: Request) -> ScheduleView:
        """Send at a time, to the second. What it says is checked when it is sent: approvals, limits and money of then count."""
        made = await self._schedules.add(sender(asks), commands(wanted, str(request.state.request_id)), wanted.send_at)
        if isinstance(made, Refusal):
            raise refused(made)
        return view(made)

    async def page(self, asks: Asks, cursor: Cursor = None, limit: Limit = 50) -> Page[ScheduleView]:
        """The newest first."""
        demand(asks, Permission.READ)
        found = await self._schedules.page(asks.account_id, before_id=after(cursor, MOST_ID), most=limit + 1)
        return page(found, limit, lambda schedule: schedule.id, view)

    async def get(self, asks: Asks, schedule_id: PathId) -> ScheduleView:
        demand(asks, Permission.READ)
        return view(_found(await self._schedules.get(asks.account_id, schedule_id), schedule_id))

    async def cancel(self, asks: Asks, schedule_id: PathId) -> ScheduleView:
        """As it is afterwards: `cancelled`, and it never will be sent, or refused since it was too late."""
        demand(asks, Permission.SEND)
        found = _found(await self._schedules.cancel(asks.account_id, schedule_id), schedule_id)
        if found.state is not State.CANCELLED:
            raise Refused(
                409,
                "too_late",
                f"定时发送 {schedule_id} 已开始发送（{found.state.value}），不能取消。",
                f"The send {schedule_id} is {found.state.value} already and cannot be cancelled.",
            )
        return view(found)


def view(schedule: Schedule) -> ScheduleView:
    return ScheduleView(
        id=str(schedule.id),
        app_id=schedule.app_id,
        send_at=schedule.send_at,
        state=schedule.state,
        numbers=schedule.numbers,
        created_at=schedule.created_at,
        accepted=schedule.accepted,
        outcome=schedule.outcome,
    )


def _found(schedule: Schedule | None, which: int) -> Schedule:
    if schedule is None:
        raise Refused(404, "not_found", f"没有定时发送 {which}。", f"There is no scheduled send {which}.")
    return schedule
