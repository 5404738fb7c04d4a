"""SendSms, SendMultiGlobalSms, DescribePhoneNumberInfo."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from hongyan.doors.tencent.words import MOST_NUMBERS, decimal
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.acts.context import Context, Directory, app_of
from hongyan.doors.tencent_v3.errors import FAULTS, Failure, Where, failure
from hongyan.doors.tencent_v3.schema import Answer
from hongyan.doors.tencent_v3.words import sending
from hongyan.doors.tencent_v3.words.sending import (
    DescribePhoneNumberInfo,
    MultiSmsInfo,
    PhoneNumberInfoSet,
    SendMultiGlobalSms,
    SendMultiStatusSet,
    SendSms,
    SendStatusSet,
    refused,
    send_multi_status,
    send_status,
)
from hongyan.model.message import Caller, Outcome, SendCommand
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import part


class Sends(Protocol):
    """Who takes messages."""

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request."""
        ...


class SendActs:
    """What sends, and what numbers say of themselves."""

    def __init__(self, directory: Directory, send: Sends) -> None:
        self._directory = directory
        self._send = send

    async def send_sms(self, asked: SendSms, context: Context) -> Answer | Failure:
        app_id = decimal(asked.sms_sdk_app_id)
        if app_id is None:
            return failure(Refusal(Reject.APP_NOT_FOUND, "SmsSdkAppId must be the decimal id of an application"))
        command = asked.command(app_id, context.number)
        answer = command if isinstance(command, Refusal) else await self._send.accept(context.caller, command)
        echoed, language = asked.session_context or "", context.language
        if not isinstance(answer, Refusal):
            return SendStatusSet([send_status(outcome, echoed, language) for outcome in answer], context.request_id)
        if FAULTS[answer.reason].where is Where.ERROR:
            return failure(answer)
        entries = [send_status(refused(raw, answer), echoed, language) for raw in asked.phone_number_set]
        return SendStatusSet(entries, context.request_id)

    async def send_multi_global_sms(self, asked: SendMultiGlobalSms, context: Context) -> Answer | Failure:
        """Each entry is a send of its own: those that arrive together are committed together."""
        entries = asked.multi_sms_info_set
        if (fault := self._multi_fault(asked, context)) is not None:
            return fault
        app_id = int(asked.sms_sdk_app_id)
        answers = await asyncio.gather(
            *[self._accept_one(entry, app_id, part(context.number, place), context) for place, entry in enumerate(entries)]
        )
        if (failed := _of_the_request(answers)) is not None:
            return failure(failed)
        return SendMultiStatusSet(
            [
                send_multi_status(
                    refused(entry.phone_number, answer) if isinstance(answer, Refusal) else answer,
                    entry.session_context or "",
                    context.language,
                    request_id=context.request_id,
                    place=place,
                )
                for place, (entry, answer) in enumerate(zip(entries, answers, strict=True))
            ],
            context.request_id,
        )

    def _multi_fault(self, asked: SendMultiGlobalSms, context: Context) -> Failure | None:
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        entries = asked.multi_sms_info_set
        if not entries:
            return Failure(errors.MULTI_EMPTY)
        if len(entries) > MOST_NUMBERS:
            return failure(Refusal(Reject.TOO_MANY_NUMBERS, f"{len(entries)} were given"))
        for place, entry in enumerate(entries):
            phone = parse(entry.phone_number)
            if phone is not None and phone.mainland:
                return Failure(errors.DOMESTIC_NUMBER, f"MultiSmsInfoSet.{place}")
        return None

    async def _accept_one(self, entry: MultiSmsInfo, app_id: int, number: str, context: Context) -> Outcome | Refusal:
        command = entry.command(app_id, number)
        answer = command if isinstance(command, Refusal) else await self._send.accept(context.caller, command)
        return answer if isinstance(answer, Refusal) else answer[0]

    async def describe_phone_number_info(self, asked: DescribePhoneNumberInfo, context: Context) -> Answer | Failure:
        refusal = asked.refused()
        if refusal is not None:
            return failure(refusal)
        told = [sending.phone_number_info(raw, context.language) for raw in asked.phone_number_set]
        return PhoneNumberInfoSet(told, context.request_id)


def _of_the_request(answers: Sequence[Outcome | Refusal]) -> Refusal | None:
    """The refusal of all entries, when they are all refused for the same reason and it is not one of numbers."""
    first = answers[0]
    if not isinstance(first, Refusal) or FAULTS[first.reason].where is not Where.ERROR:
        return None
    return first if all(isinstance(answer, Refusal) and answer.reason is first.reason for answer in answers) else None
