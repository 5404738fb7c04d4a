"""Sending: from a from number and templates to commands, and from their outcomes to the vendor's entries."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from hongyan.control.apps import CheckUrl, callable_url
from hongyan.control.errors import ControlError
from hongyan.doors.huawei import errors
from hongyan.doors.huawei.auth import Asker
from hongyan.doors.huawei.errors import OF_THE_REQUEST, STATUSES, Failure
from hongyan.doors.huawei.ids import sms_msg_id
from hongyan.doors.huawei.schema import Sent, SmsId
from hongyan.doors.huawei.times import utc
from hongyan.doors.huawei.words.sending import Content, Sending
from hongyan.model import long_id
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand
from hongyan.model.phone import Phone, parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import part
from hongyan.model.snapshot import FromNumber, Snapshot, Template


class Directory(Protocol):
    """Where the door reads what may be sent, and by whom."""

    @property
    def snapshot(self) -> Snapshot: ...


class Sends(Protocol):
    """Who takes messages."""

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request."""
        ...


class Told(msgspec.Struct, frozen=True):
    """What is said of one number that was not taken."""

    status: str
    region: str
    detail: str


class Entry(msgspec.Struct):
    """One number of a request; what became of it is filled in."""

    raw: str
    phone: Phone | None
    content: Content
    outcome: Accepted | Told | None = None


class Misfit(msgspec.Struct, frozen=True):
    """What speaks against a text from this number, whoever it goes to."""

    status: str
    reason: Reject
    detail: str


class Batch(msgspec.Struct, frozen=True):
    """A command and the numbers it is for."""

    command: SendCommand
    entries: Sequence[Entry]
    statuses: Mapping[Reject, str]
    """What its refusals are called."""


class SendActs:
    """Both calls."""

    def __init__(self, directory: Directory, send: Sends, check_url: CheckUrl, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._send = send
        self._check_url = check_url
        self._clock = clock

    async def send(self, asked: Sending, who: Asker, request_id: str) -> Sent | Failure:
        """An entry for each number, in the order of the request."""
        try:
            callback_url = callable_url(asked.callback_url, self._check_url)
        except ControlError as fault:
            return Failure(errors.FORMAT, f"statusCallback: {fault.en}")
        shares = [[Entry(raw, parse(raw), content) for raw in content.to] for content in asked.contents]
        entries = list(itertools.chain.from_iterable(shares))
        _mark_repeats(entries)
        batches = list(self._batches(asked, callback_url, who, shares))
        caller = Caller(account_id=who.app.account_id, key_id=who.key)
        answers = await asyncio.gather(*[self._send.accept(caller, batch.command) for batch in batches])
        if (failed := _of_the_request(answers)) is not None:
            return failed
        for batch, answer in zip(batches, answers, strict=True):
            _fill(batch, answer)
        return self._told(asked, entries, request_id)

    def _batches(self, asked: Sending, callback_url: str, who: Asker, shares: Sequence[Sequence[Entry]]) -> Iterator[Batch]:
        """One for each content, and of numbers at home and abroad one each: what does not fit them is told them alone."""
        snapshot, place = self._directory.snapshot, 0
        number = snapshot.from_numbers.get(asked.from_)
        for content, share in zip(asked.contents, shares, strict=True):
            mine = [entry for entry in share if entry.outcome is None]
            template = _template(snapshot, who, content.template_id)
            misfit = _misfit(snapshot, who, number, template, content)
            universal = number is None or (template is not None and template.universal)
            for group in _by_region(mine):
                command = SendCommand(
                    app_id=who.app.id,
                    template_id=0 if template is None else template.id,
                    phones=tuple([entry.raw for entry in group]),
                    dialect=Dialect.HUAWEI,
                    sign_name=content.signature if universal or number is None else number.sign_name,
                    signature_id=None if universal or number is None else number.signature_id,
                    params=content.paras,
                    session_context=asked.extend,
                    request_id=part(who.number, place),
                    callback_url=callback_url,
                    misfit=None if misfit is None else Refusal(misfit.reason, misfit.detail),
                    of_proof=not who.nonce,
                    since=who.since,
                )
                place += 1
                yield Batch(command, group, STATUSES if misfit is None else {misfit.reason: misfit.status})

    def _told(self, asked: Sending, entries: Sequence[Entry], request_id: str) -> Sent | Failure:
        created = utc(self._clock())
        result = [_sms_id(entry, asked.from_, created, f"{request_id}_{at}") for at, entry in enumerate(entries)]
        refused = [(at, entry.outcome) for at, entry in enumerate(entries) if isinstance(entry.outcome, Told)]
        if not refused:
            return Sent(result, errors.OK, errors.OK_DESCRIPTION)
        at, first = refused[0]
        fault = errors.NOT_SENT if len(refused) == len(entries) else errors.PARTLY_SENT
        return Sent(result, fault.code, errors.description(fault, f"Number {at + 1}: {first.status}, {first.detail}."))


def _template(snapshot: Snapshot, who: Asker, written: str) -> Template | None:
    found = snapshot.aliases.get((who.app.account_id, written)) or long_id.read(written)
    template = None if found is None else snapshot.templates.get(found)
    return template if template is not None and template.account_id == who.app.account_id else None


def _misfit(snapshot: Snapshot, who: Asker, number: FromNumber | None, template: Template | None, content: Content) -> Misfit | None:
    if number is None or number.app_id != who.app.id:
        return Misfit(errors.FROM_UNKNOWN, Reject.SENDER_NOT_ALLOWED, "the application has no such from number")
    if template is None:
        return None
    if number.kind is not None and number.kind is not template.kind:
        return Misfit(
            errors.OTHER_KIND, Reject.TEMPLATE_UNUSABLE, f"the from number is for {number.kind.name.lower()} messages, the template is not"
        )
    if template.universal:
        return _misnamed(snapshot, who, template, content)
    if template.signature_id not in {None, number.signature_id}:
        return Misfit(errors.OTHER_SIGNATURE, Reject.SIGNATURE_UNUSABLE, "the template is for another signature than the from number's")
    return None


def _misnamed(snapshot: Snapshot, who: Asker, template: Template, content: Content) -> Misfit | None:
    if not content.signature:
        return Misfit(
            errors.WRONG_SIGNATURE,
            Reject.SIGNATURE_UNUSABLE,
            "the template is universal: name an approved signature in the field signature",
        )
    signature = snapshot.signatures.get((who.app.account_id, content.signature.strip("【】"), template.scope))
    if signature is None or not signature.usages or template.kind in signature.usages:
        return None
    return Misfit(errors.OTHER_SIGNATURE, Reject.SIGNATURE_UNUSABLE, f"the signature is not for {template.kind.name.lower()} messages")


def _mark_repeats(entries: Sequence[Entry]) -> None:
    """Of the same text to the same number one is sent."""
    seen: set[tuple[int, str, tuple[str, ...], str]] = set()
    for entry in entries:
        if entry.phone is None:
            continue
        what = (entry.phone.number, entry.content.template_id, entry.content.paras, entry.content.signature)
        if what in seen:
            entry.outcome = Told(errors.REPEATED, entry.phone.region, "the number is in the request with the same text before")
        seen.add(what)


def _by_region(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    abroad = [entry for entry in entries if entry.phone is not None and not entry.phone.mainland]
    if not abroad or len(abroad) == len(entries):
        yield from [entries] if entries else []
        return
    yield [entry for entry in entries if entry.phone is None or entry.phone.mainland]
    yield abroad


def _of_the_request(answers: Sequence[list[Outcome] | Refusal]) -> Failure | None:
    """When no number was taken, and for no number it was a reason of its own."""
    first: Refusal | Refused | None = None
    for answer in answers:
        for refused in [answer] if isinstance(answer, Refusal) else answer:
            if isinstance(refused, Accepted) or refused.reason not in OF_THE_REQUEST:
                return None
            first = first or refused
    return None if first is None else Failure(OF_THE_REQUEST[first.reason], f"{first.detail or _words(first.reason)}.")


def _words(reason: Reject) -> str:
    return reason.value.replace("_", " ")


def _fill(batch: Batch, answer: list[Outcome] | Refusal) -> None:
    for at, entry in enumerate(batch.entries):
        found = answer if isinstance(answer, Refusal) else answer[at]
        if isinstance(found, Accepted):
            entry.outcome = found
            continue
        region = found.region if isinstance(found, Refused) else ""
        status = batch.statuses.get(found.reason) or STATUSES[found.reason]
        entry.outcome = Told(status, region, found.detail or _words(found.reason))


def _sms_id(entry: Entry, from_: str, created: str, otherwise: str) -> SmsId:
    outcome = entry.outcome
    region = "" if entry.phone is None else entry.phone.region
    if isinstance(outcome, Accepted):
        return SmsId(entry.raw, created, from_, sms_msg_id(outcome.message_id), errors.OK, region, outcome.segments)
    status = errors.SYSTEM.code if outcome is None else outcome.status
    return SmsId(entry.raw, created, from_, otherwise, status, region, 0)
