"""Account verification: papers that show who an account is."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hongyan.control.verifications import Verifications
from hongyan.doors.rest.apps import account_of
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, OneAccount, PathId
from hongyan.doors.rest.inputs import body_of, struct_from
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.papers import UrgedView
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.identity import VerificationDraft

OF: Any = {"account_id": (Id | None, Field(default=None, description="Whose; the operator has to name it."))}
VerificationView = view_of(Verifications.apply, "Verification")
NewVerification: Any = body_of(VerificationDraft, "NewVerification", **OF)


class Whose(Body):
    account_id: Id | None = Field(default=None, description="Whose; the operator has to name it.")


class Number(BaseModel):
    """For the reviewer who compares it with the papers."""

    number: str


def routes(verifications: Verifications) -> APIRouter:
    """Everything under /verifications; decisions are made under /reviews."""
    door = VerificationPaths(verifications)
    return router(
        "papers",
        "",
        [
            Operation("GET", "/verifications", "listVerifications", door.page, "What accounts said of who they are",
                      page_of(VerificationView), also=(404,)),
            Operation("POST", "/verifications", "applyForVerification", door.add, "Show who it is", VerificationView, 201, (404, 409)),
            Operation("POST", "/verifications/urge", "urgeVerification", door.urge, "Urge a decision", UrgedView, also=(404, 409, 429)),
            Operation("POST", "/verifications/withdraw", "withdrawVerification", door.withdraw, "Take it back", VerificationView,
                      also=(404, 409)),
            Operation("GET", "/verifications/{id}/number", "verificationNumber", door.number, "The whole number", Number, also=(404,)),
        ],
    )  # fmt: skip


class VerificationPaths:
    """The endpoints under /verifications."""

    def __init__(self, verifications: Verifications) -> None:
        self._verifications = verifications

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """The newest first."""
        found = await self._verifications.page(asks, account_id=account_id, before_id=after(cursor, MOST_ID), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, VerificationView))

    async def add(self, asks: Asks, wanted: NewVerification) -> Any:
        account_id = account_of(asks, wanted.account_id)
        return shown(await self._verifications.apply(asks, account_id, struct_from(VerificationDraft, wanted)), VerificationView)

    async def urge(self, asks: Asks, wanted: Whose) -> Any:
        return shown(await self._verifications.urge(asks, account_of(asks, wanted.account_id)), UrgedView)

    async def withdraw(self, asks: Asks, wanted: Whose) -> Any:
        return shown(await self._verifications.withdraw(asks, account_of(asks, wanted.account_id)), VerificationView)

    async def number(self, asks: Asks, id: PathId) -> Number:  # noqa: A002 - as the path has it
        """That it was looked at is in the audit log."""
        return Number(number=await self._verifications.number(asks, id))
