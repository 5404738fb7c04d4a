"""From a command to drafts: application, signature, template, text, segments. Pure; nothing is promised yet."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from hongyan.model import phone as phones
from hongyan.model.answering import Answers
from hongyan.model.context import LONGEST_URL, SEPARATOR, Context, pack
from hongyan.model.message import Accepted, Caller, Dialect, Kind, Refused, SendCommand
from hongyan.model.phone import Phone
from hongyan.model.protection import hours_begin, within_hours
from hongyan.model.reject import Refusal, Reject
from hongyan.model.senders import LONGEST as LONGEST_NUMBER
from hongyan.model.snapshot import Account, AccountKind, App, Scope, Signature, Snapshot, Template
from hongyan.model.template import compose_text, fill, joins_link
from hongyan.model.text import billed
from hongyan.model.values import refused_params
from hongyan.model.words import Hit, Severity

MOST_NUMBERS = 200
MOST_NUMBERS_OF: Mapping[Dialect, int] = {Dialect.HUAWEI: 500}
"""Where a dialect says otherwise (huawei section 4.1)."""
LONGEST_CONTEXT = 512
"""SessionContext is under 512 bytes (tencent-v3 section 5), Huawei's extend has at most 128 characters of at most 4."""
LONGEST_EXTEND = 12
MOST_SEGMENTS = 10
LONGEST_SENDER = 20


class Body(msgspec.Struct, frozen=True):
    """What all numbers of a request share."""

    app: App
    account: Account
    template: Template
    signature: Signature | None
    text: str
    segments: int
    content_hash: int
    session_context: str
    extend: str
    sender_id: str
    dialect: Dialect
    request_id: str
    of_proof: bool
    answers: Answers = Answers.NOTHING
    since: float = 0.0
    """As the command has it."""
    suspicious: str = ""
    """A word for which a person has to look at the text first."""
    not_before: float = 0.0
    """Unix seconds: it is promised now and sent from then on; 0 means at once."""

    @property
    def scope(self) -> Scope:
        return self.template.scope


class Draft(msgspec.Struct, frozen=True):
    """One number's message, composed and not yet promised."""

    body: Body
    position: int
    """Its place in the request, from 0."""
    phone: Phone


class Composed(msgspec.Struct, frozen=True):
    """A request taken apart: what may be promised, and the numbers that are already refused."""

    drafts: tuple[Draft, ...]
    outcomes: list[Accepted | Refused | None]
    """By position; None where a draft is still to be decided."""


def content_hash(text: str) -> int:
    """A signed 64-bit digest of the text; the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def compose(snapshot: Snapshot, caller: Caller, command: SendCommand, now: float) -> Composed | Refusal:
    """Everything that can be said about a request without asking the database.

    A `Refusal` concerns the request as a whole; faults of the signature, the template or the values are told per number,
    as the clouds do.
    """
    app = snapshot.apps.get(command.app_id)
    if (refusal := _request_fault(app, caller, command)) is not None:
        return refusal
    assert app is not None  # noqa: S101 - _request_fault has refused it otherwise; this tells the type checker
    if (stops_at := snapshot.accounts[app.account_id].stops_at) is not None and now >= stops_at:
        return Refusal(Reject.ARREARS, "a bill of the account is unpaid; pay it, and it is resumed within minutes")
    parsed = [phones.parse(raw) for raw in command.phones]
    if len({phone.mainland for phone in parsed if phone is not None}) > 1:
        return Refusal(Reject.MIXED_REGIONS, "send to mainland numbers and to numbers abroad in two requests")
    body = command.misfit or _body(snapshot, app, command, now, mainland=next((p.mainland for p in parsed if p is not None), True))
    outcomes: list[Accepted | Refused | None] = [None] * len(parsed)
    drafts: list[Draft] = []
    seen: set[int] = set()
    for position, phone in enumerate(parsed):
        if phone is None:
            outcomes[position] = Refused(command.phones[position], "", Reject.BAD_NUMBER, "write it as +<country code><number>")
        elif isinstance(body, Refusal):
            outcomes[position] = refused(phone, body.reason, body.detail)
        elif app.protection is not None and not app.protection.open_to(phone.region):
            outcomes[position] = refused(phone, Reject.COUNTRY_CLOSED, f"application {app.id} does not send to {phone.region}")
        elif phone.number in seen:
            outcomes[position] = refused(phone, Reject.SAME_CONTENT, "the number is in this request twice; it is sent to once")
        else:
            seen.add(phone.number)
            drafts.append(Draft(body, position, phone))
    return Composed(tuple(drafts), outcomes)


def refused(phone: Phone, reason: Reject, detail: str = "") -> Refused:
    """The refusal of a number that could be read."""
    return Refused(phones.e164(phone.number), phone.region, reason, detail)


def _request_fault(app: App | None, caller: Caller, command: SendCommand) -> Refusal | None:
    if app is None:
        return Refusal(Reject.APP_NOT_FOUND, f"there is no application {command.app_id}")
    if app.account_id != caller.account_id:
        return Refusal(Reject.APP_NOT_YOURS, f"application {command.app_id} belongs to another account than the key")
    if not app.enabled:
        return Refusal(Reject.APP_DISABLED, f"application {command.app_id} is disabled")
    if app.stopped:
        return Refusal(Reject.APP_DISABLED, f"application {command.app_id} was stopped in an emergency")
    return _size_fault(command) or _text_fault(command)


def _size_fault(command: SendCommand) -> Refusal | None:
    if not command.phones:
        return Refusal(Reject.NO_NUMBERS, "give at least one number")
    if len(command.phones) > MOST_NUMBERS:
        most = MOST_NUMBERS_OF.get(command.dialect, MOST_NUMBERS)
        if len(command.phones) > most:
            return Refusal(Reject.TOO_MANY_NUMBERS, f"{len(command.phones)} numbers given, {most} are allowed")
    return None


def _text_fault(command: SendCommand) -> Refusal | None:
    own = (command.sign_name, command.session_context, command.callback_url, command.extend, command.sender_id)
    texts = (*own, *command.params, *command.phones)
    together = "\n".join(texts)
    if "\x00" in together or not _encodable(together):
        return Refusal(Reject.BAD_REQUEST, "a text has a NUL character or half a surrogate pair")
    if len(command.session_context.encode()) >= LONGEST_CONTEXT + (command.dialect is Dialect.HUAWEI):
        return Refusal(Reject.CONTEXT_TOO_LONG, f"SessionContext must be under {LONGEST_CONTEXT} bytes")
    if len(command.callback_url) > LONGEST_URL or SEPARATOR in command.session_context + command.callback_url:
        return Refusal(Reject.BAD_REQUEST, f"a callback address has at most {LONGEST_URL} characters, and no text the control character 31")
    if command.extend and not (command.extend.isascii() and command.extend.isdigit() and len(command.extend) <= LONGEST_EXTEND):
        return Refusal(Reject.EXTEND_INVALID, f"the extension is up to {LONGEST_EXTEND} digits")
    if len(command.sender_id) > LONGEST_SENDER:
        return Refusal(Reject.SENDER_NOT_ALLOWED, f"a sender id has at most {LONGEST_SENDER} characters")
    return None


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _body(snapshot: Snapshot, app: App, command: SendCommand, now: float, *, mainland: bool) -> Body | Refusal:
    account = snapshot.accounts[app.account_id]
    template = _template(snapshot, app, command, mainland=mainland)
    if isinstance(template, Refusal):
        return template
    signature = _signature(snapshot, app, command, mainland=mainland)
    if isinstance(signature, Refusal):
        return signature
    fault = _permission_fault(app, account, template, command) or _extend_fault(snapshot, app, signature, command)
    fault = fault or _hours_fault(app, template, now) or _params_fault(template, command)
    if fault is not None:
        return fault
    filled = fill(template.content, command.params)
    if joins_link(template.content, command.params, filled):
        return Refusal(Reject.PARAM_HAS_LINK, "a value makes a link of the text beside it; links belong in the reviewed template")
    text = compose_text("" if signature is None else signature.name, filled, square=template.square_brackets)
    segments = billed(text, mainland=mainland)
    hit = None if snapshot.words is None else snapshot.words.brought(template.content, command.params, filled)
    fault = _text_refused(segments, hit)
    if fault is not None:
        return fault
    return Body(
        app=app,
        account=account,
        template=template,
        signature=signature,
        text=text,
        segments=segments,
        content_hash=content_hash(text),
        session_context=pack(Context(command.session_context, command.callback_url)),
        extend=command.extend,
        sender_id=command.sender_id,
        dialect=command.dialect,
        request_id=command.request_id,
        of_proof=command.of_proof,
        answers=command.answers,
        since=command.since,
        suspicious="" if hit is None else hit.word.text,
        not_before=_not_before(app, template, now) if app.marketing_deferred else 0.0,
    )


def _template(snapshot: Snapshot, app: App, command: SendCommand, *, mainland: bool) -> Template | Refusal:
    template = snapshot.templates.get(command.template_id)
    if template is None or template.account_id != app.account_id or template.app_id not in (None, app.id):
        return Refusal(Reject.TEMPLATE_UNUSABLE, f"application {app.id} has no approved template {command.template_id}")
    if mainland and template.scope is Scope.INTERNATIONAL:
        return Refusal(Reject.INTERNATIONAL_TEMPLATE_AT_HOME, f"template {template.id} is for numbers outside mainland China")
    if not mainland and template.scope is Scope.MAINLAND:
        return Refusal(Reject.MAINLAND_TEMPLATE_ABROAD, f"template {template.id} is for numbers in mainland China")
    return template


def _permission_fault(app: App, account: Account, template: Template, command: SendCommand) -> Refusal | None:
    if template.kind is Kind.MARKETING and account.kind is AccountKind.INDIVIDUAL:
        return Refusal(Reject.MARKETING_DENIED, "an individual account may not send marketing")
    if command.extend and not app.extend_allowed:
        return Refusal(Reject.EXTEND_INVALID, "extensions are not switched on for this application")
    if command.sender_id and template.scope is Scope.MAINLAND:
        return Refusal(Reject.SENDER_NOT_ALLOWED, "a sender id is only possible abroad")
    return None


def _extend_fault(snapshot: Snapshot, app: App, signature: Signature | None, command: SendCommand) -> Refusal | None:
    """A customer's extension has to fit behind every number that may be shown."""
    if not command.extend:
        return None
    numbers = {app.sender_id} if app.sender_id else {link.sender_id for link in snapshot.links if link.enabled}
    signature_id = None if signature is None else signature.id
    for number in sorted(numbers):
        if not number.isdigit():
            continue
        shown = snapshot.senders.shown(number, signature_id, "")
        if len(shown) + len(command.extend) > LONGEST_NUMBER:
            room = LONGEST_NUMBER - len(shown)
            return Refusal(Reject.EXTEND_INVALID, f"the sender number {shown} leaves room for {room} digits, {len(command.extend)} given")
        if snapshot.senders.shown(number, signature_id, command.extend) == shown:
            return Refusal(
                Reject.EXTEND_INVALID, f"the signature has no digits of its own behind the access code {number}, so none can follow"
            )
        owner = snapshot.senders.owner(shown + command.extend)
        if owner is not None and not owner.includes(app.account_id, app.id, signature_id):
            return Refusal(Reject.EXTEND_INVALID, f"with this extension the sender number {shown} would be another signature's")
    return None


def _text_refused(segments: int, hit: Hit | None) -> Refusal | None:
    if segments > MOST_SEGMENTS:
        return Refusal(Reject.TEXT_TOO_LONG, f"the text takes {segments} segments, {MOST_SEGMENTS} are allowed")
    if hit is not None and hit.word.severity is Severity.FORBIDDEN:
        return Refusal(Reject.SENSITIVE_WORD, f"the values bring “{hit.word.text}” into the text")
    return None


def _hours_fault(app: App, template: Template, now: float) -> Refusal | None:
    hours = app.marketing_hours
    if hours is None or template.kind is not Kind.MARKETING or app.marketing_deferred or within_hours(hours, now):
        return None
    return Refusal(Reject.MARKETING_HOURS, f"marketing is sent from {hours[0]}:00 to {hours[1]}:00 (Asia/Shanghai)")


def _not_before(app: App, template: Template, now: float) -> float:
    hours = app.marketing_hours
    if hours is None or template.kind is not Kind.MARKETING or within_hours(hours, now):
        return 0.0
    return hours_begin(hours, now)


def _params_fault(template: Template, command: SendCommand) -> Refusal | None:
    if len(command.params) != template.params:
        return Refusal(Reject.PARAMS_MISMATCH, f"template {template.id} takes {template.params} values, {len(command.params)} given")
    return refused_params(template.kind, command.params, template.values)


def _signature(snapshot: Snapshot, app: App, command: SendCommand, *, mainland: bool) -> Signature | Refusal | None:
    """The approved sender name; abroad it may be left out, and one that is approved for the mainland may be used."""
    name = command.sign_name.strip("【】")
    if not name and not mainland:
        return None
    named = None if command.signature_id is None else snapshot.signatures_by_id.get(command.signature_id)
    if named is not None and named.account_id == app.account_id and named.app_id in (None, app.id) and named.name == name:
        return named
    for scope in (Scope.MAINLAND,) if mainland else (Scope.INTERNATIONAL, Scope.MAINLAND):
        signature = snapshot.signatures.get((app.account_id, name, scope))
        if signature is not None and signature.usable_by(app.id):
            return signature
    return Refusal(Reject.SIGNATURE_UNUSABLE, f"application {app.id} has no approved signature {name!r} (its text without brackets)")
