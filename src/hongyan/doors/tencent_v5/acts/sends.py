"""Sending: by template, and by a text that must be an approved template's."""

from collections.abc import Mapping
from typing import Protocol

from hongyan.doors.tencent.words import serial_no
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.acts.context import Asker, Directory
from hongyan.doors.tencent_v5.approved import Approved
from hongyan.doors.tencent_v5.errors import FAULTS, OF_THE_REQUEST, Failure, failure
from hongyan.doors.tencent_v5.schema import Answer, Tel, number, text
from hongyan.doors.tencent_v5.words.sending import Detail, Isms, IsmsResult, MultiResult, MultiSms, Send, SendResult, SingleSms
from hongyan.model.matching import Match, Matchers, Mismatch
from hongyan.model.message import Accepted, Caller, Dialect, Kind, Outcome, Refused, SendCommand
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal
from hongyan.model.snapshot import Scope
from hongyan.model.template import split_text

KINDS: Mapping[int | None, frozenset[Kind]] = {0: frozenset({Kind.VERIFICATION, Kind.NOTICE}), 1: frozenset({Kind.MARKETING})}
"""Which templates a text may be of, by its type."""


class Sends(Protocol):
    """Who takes messages."""

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request."""
        ...


class SendActs:
    """The three calls that send."""

    def __init__(self, directory: Directory, send: Sends) -> None:
        self._directory = directory
        self._send = send
        self._approved = Approved()
        self._matchers = Matchers()

    async def one(self, asked: SingleSms | Isms, who: Asker) -> Answer | Failure:
        answer = await self._accepted(asked, who)
        if isinstance(answer, Failure):
            return answer
        [outcome] = answer
        if isinstance(outcome, Refused):
            return Failure(FAULTS[outcome.reason], outcome.detail)
        told = (errors.OK, "OK", text(asked.ext), outcome.segments, serial_no(outcome.message_id))
        return IsmsResult(*told, asked.numbers()[0].nation) if isinstance(asked, Isms) else SendResult(*told)

    async def many(self, asked: MultiSms, who: Asker) -> Answer | Failure:
        answer = await self._accepted(asked, who)
        if isinstance(answer, Failure):
            return answer
        if not any(isinstance(outcome, Accepted) for outcome in answer):
            for outcome in answer:
                if isinstance(outcome, Refused) and outcome.reason in OF_THE_REQUEST:
                    return Failure(FAULTS[outcome.reason], outcome.detail)
        details = [_detail(outcome, tel, chinese=who.chinese) for outcome, tel in zip(answer, asked.numbers(), strict=True)]
        return MultiResult(errors.OK, "OK", text(asked.ext), details)

    async def _accepted(self, asked: Send, who: Asker) -> list[Outcome] | Failure:
        phones = tuple([tel.phone() for tel in asked.numbers()])
        mainland = next((phone.mainland for phone in map(parse, phones) if phone is not None), True)
        what = self._by_template(asked) if asked.by_template() else self._by_content(asked, who, mainland=mainland)
        if isinstance(what, Failure) and what.fault is not errors.CONTENT:
            return what
        # A text of no template is refused like a template that there is not: so it is counted, and found by whoever looks its number up.
        sign_name, match = ("", Match(0, ())) if isinstance(what, Failure) else what
        if not sign_name and mainland:
            sign_name = self._approved.default_sign_name(self._directory.snapshot, who.app)
        command = SendCommand(
            app_id=who.app.id,
            template_id=match.template_id,
            phones=phones,
            dialect=Dialect.TENCENT_V5,
            sign_name=sign_name,
            params=match.params,
            session_context=text(asked.ext),
            extend=text(asked.extend),
            request_id=who.request_id,
            of_proof=True,
        )
        answer = await self._send.accept(who.caller, command)
        if isinstance(what, Failure):
            return what
        return failure(answer) if isinstance(answer, Refusal) else answer

    def _by_template(self, asked: Send) -> tuple[str, Match] | Failure:
        """The signature that was named, the template and its values."""
        template_id = number(asked.tpl_id)
        if template_id is None:
            return Failure(errors.TEMPLATE, "tpl_id must be a number")
        return text(asked.sign), Match(template_id, asked.values())

    def _by_content(self, asked: Send, who: Asker, *, mainland: bool) -> tuple[str, Match] | Failure:
        """The same for a text that must be an approved template's, with a signature in front or without."""
        if asked.msg is None:
            return Failure(errors.BAD_PACKAGE, "cannot get /tpl_id or /msg")
        kinds = KINDS.get(0 if asked.type is None else number(asked.type))
        if kinds is None:
            return Failure(errors.BAD_PACKAGE, "type must be 0 for normal messages or 1 for marketing")
        sign_name, body = split_text(text(asked.msg))
        matcher = self._matchers.of(self._directory.snapshot, who.app)
        found = matcher.match(body, kinds=kinds, scope=Scope.MAINLAND if mainland else Scope.INTERNATIONAL)
        if isinstance(found, Mismatch):
            return Failure(errors.CONTENT, found.zh if who.chinese else found.reason)
        return sign_name or text(asked.sign), found


def _detail(outcome: Outcome, tel: Tel, *, chinese: bool) -> Detail:
    if isinstance(outcome, Accepted):
        return Detail(errors.OK, "OK", tel.number, tel.nation, outcome.segments, serial_no(outcome.message_id))
    fault = FAULTS[outcome.reason]
    return Detail(fault.result, errors.message(fault, outcome.detail, chinese=chinese), tel.number, tel.nation)
